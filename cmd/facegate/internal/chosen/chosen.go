// Package chosen remembers by which networks a gate tells faces from prints, so that files which vanish do not weaken it.
package chosen

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"facegate/configs/file"
	"facegate/configs/hint"
	"facegate/store/durable"
)

// ErrWeaker means that the files of the liveness networks which a gate had are not there any more, so that weaker ones would
// take their place.
var ErrWeaker = errors.New("the better liveness networks that this gate had are not there any more")

// maxFile is how large a file may be, in bytes.
const maxFile = 64 << 10

// pathOf returns the file in a folder of records.
func pathOf(dir string) string { return filepath.Join(dir, "liveness.json") }

// Check refuses, with ErrWeaker, that networks other than the preferred ones serve a gate which had those. dir is the folder of
// its records, modelsDir that of the files.
func Check(dir, modelsDir string, networks, preferred []string) error {
	text, err := file.ReadOwn(pathOf(dir), maxFile)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) { // of what is no folder whoever opens the records says so
		return nil
	}
	var had []string
	if err == nil {
		err = json.Unmarshal(text, &had)
	}
	if err != nil {
		return hint.Wrap(fmt.Errorf("read %s: %w", pathOf(dir), err),
			"remove %s, and see with facegate models list which networks the gate then uses", pathOf(dir))
	}
	if !slices.Equal(had, preferred) || slices.Equal(networks, preferred) {
		return nil
	}
	return hint.Wrap(fmt.Errorf("%w: %s", ErrWeaker, strings.Join(preferred, ", ")),
		"bring them back with facegate models import FROM --dir %s; or name in vision.liveness what is to serve instead: [%s]",
		modelsDir, strings.Join(networks, ", "))
}

// Keep remembers the networks of a gate that is about to start.
func Keep(dir string, networks []string) error {
	text, err := json.Marshal(networks)
	if err != nil {
		return err
	}
	if kept, err := file.ReadOwn(pathOf(dir), maxFile); err == nil && bytes.Equal(kept, text) {
		return nil
	}
	return durable.Publish(durable.OS{}, pathOf(dir), text, 0o600)
}

// Forget removes what is remembered in a folder of records, as of a gate that is wiped.
func Forget(dir string) error {
	if err := os.Remove(pathOf(dir)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return hint.Wrap(fmt.Errorf("forget the networks: %w", err), "remove %s", pathOf(dir))
	}
	return nil
}
