// Command contract writes what building systems may rely on: an AsyncAPI 3 document of every topic of a gate, and a JSON Schema of
// every kind of payload. Both come from publish.Topics, from the Go types that it names, and from the comments on those.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log"
	"os"
	"path/filepath"
	"slices"

	"facegate/pipeline/publish"
)

func main() {
	root := flag.String("root", ".", "top of the source tree")
	flag.Parse()
	if err := write(*root, filepath.Join(*root, folder)); err != nil {
		log.Fatal(err)
	}
}

// topics returns every topic on which a gate speaks or listens.
func topics() []publish.Topic { return slices.Concat(publish.Topics(), publish.HomeAssistantTopics()) }

// folder is where the contract stands, below the top of the source tree.
const folder = "configs/contract"

// write makes the contract anew in a folder.
func write(root, dir string) error {
	files, err := generate(root, topics())
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := removeOthers(dir, files); err != nil {
		return err
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// removeOthers removes what a former contract has left in dir.
func removeOthers(dir string, files map[string][]byte) error {
	there, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, f := range there {
		if _, ok := files[f.Name()]; !ok {
			if err := os.Remove(filepath.Join(dir, f.Name())); err != nil {
				return fmt.Errorf("a former file of the contract: %w", err)
			}
		}
	}
	return nil
}

// generate returns the files of the contract by their names.
func generate(root string, topics []publish.Topic) (map[string][]byte, error) {
	payloads, err := payloadsOf(root, topics)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, p := range payloads {
		if p.schema == nil {
			continue
		}
		if files[p.name+".schema.json"], err = p.file(); err != nil {
			return nil, err
		}
	}
	files["asyncapi.yaml"], err = describe(topics, payloads)
	return files, err
}
