// Command sbom adds to a list of what a program is made of, in the form of CycloneDX, the C and C++ libraries in it. A list that is
// made of Go modules alone would leave out most of what looks at pictures.
//
//	sbom ARCH MADE-OF <LIST >LIST
//
// MADE-OF is what scripts/opencv.sh leaves beside the libraries: a line "SHA256 PATH" of the source, and lines "PATH AMD64 ARM64" of
// Debian's archives with their hashes for the two architectures.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"regexp"
	"strings"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: sbom amd64|arm64 MADE-OF <LIST >LIST")
		os.Exit(2)
	}
	if err := run(os.Stdin, os.Stdout, os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "facegate: list of parts:", err)
		os.Exit(1)
	}
}

// A library is linked into the program.
type library struct{ name, version, licence, sha256, purl, note string }

// known are the libraries by the name of what Debian has of them.
func known() map[string]library {
	return map[string]library{
		"opencv":              {name: "OpenCV", licence: "Apache-2.0"},
		"libprotobuf-dev":     {name: "protobuf", licence: "BSD-3-Clause"},
		"libjpeg62-turbo-dev": {name: "libjpeg-turbo", licence: "IJG AND BSD-3-Clause AND Zlib"},
		"zlib1g-dev":          {name: "zlib", licence: "Zlib"},
	}
}

func run(in io.Reader, out io.Writer, arch, madeOf string) error {
	var list map[string]any
	if err := json.NewDecoder(in).Decode(&list); err != nil {
		return fmt.Errorf("read the list: %w", err)
	}
	text, err := os.ReadFile(madeOf)
	if err != nil {
		return err
	}
	libraries, err := parse(string(text), arch)
	if err != nil {
		return err
	}
	add(list, libraries)
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(list)
}

// errMadeOf means that what scripts/opencv.sh left is not as it was when this was written.
var errMadeOf = errors.New("what the libraries were made of")

// parse returns the libraries. Each that is known has to be there.
func parse(text, arch string) (libraries []library, err error) {
	sum := regexp.MustCompile(`^[0-9a-f]{64}$`)
	left := known()
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		l, file := library{}, ""
		switch {
		case len(words) == 2 && sum.MatchString(words[0]):
			l, file = library{sha256: words[0], note: "source"}, words[1]
		case len(words) == 3 && sum.MatchString(words[1]) && sum.MatchString(words[2]):
			l, file = library{sha256: words[map[string]int{"amd64": 1, "arm64": 2}[arch]], note: "Debian's archive"}, words[0]
		default:
			continue // the compiler
		}
		debian, version, _ := strings.Cut(path.Base(file), "_")
		about, ok := left[debian]
		if !ok || !sum.MatchString(l.sha256) {
			return nil, fmt.Errorf("%w: %q is not known here, for %s", errMadeOf, debian, arch)
		}
		delete(left, debian)
		l.name, l.licence = about.name, about.licence
		l.version, _, _ = strings.Cut(strings.TrimSuffix(version, ".orig.tar.xz"), "+dfsg")
		l.purl = "pkg:deb/debian/" + debian + "@" + strings.ReplaceAll(l.version, "+", "%2B")
		if l.note == "source" {
			l.purl = "pkg:generic/" + debian + "@" + l.version + "?checksum=sha256:" + l.sha256
		} else {
			l.purl += "?arch=" + arch
		}
		libraries = append(libraries, l)
	}
	if len(left) > 0 {
		return nil, fmt.Errorf("%w: %d libraries are missing in it", errMadeOf, len(left))
	}
	return libraries, nil
}

// add adds the libraries to the parts of a list, as what the program depends on.
func add(list map[string]any, libraries []library) {
	parts, _ := list["components"].([]any)
	var refs []any
	for _, l := range libraries {
		parts = append(parts, map[string]any{
			"bom-ref": l.purl, "type": "library", "name": l.name, "version": l.version, "purl": l.purl, "scope": "required",
			"licenses":   []any{map[string]any{"expression": l.licence}},
			"hashes":     []any{map[string]any{"alg": "SHA-256", "content": l.sha256}},
			"properties": []any{map[string]any{"name": "facegate:hash-of", "value": l.note}},
		})
		refs = append(refs, l.purl)
	}
	list["components"] = parts
	about, _ := list["metadata"].(map[string]any)
	program, _ := about["component"].(map[string]any)
	dependencies, _ := list["dependencies"].([]any)
	for _, d := range dependencies {
		if of, ok := d.(map[string]any); ok && of["ref"] == program["bom-ref"] {
			on, _ := of["dependsOn"].([]any)
			of["dependsOn"] = append(on, refs...)
		}
	}
}
