// Package driven keeps which lines a gate drives, and how, beside its control socket. Whoever has to release them after the
// gate has died cannot ask the configuration alone: somebody may have changed it, or spoilt it, while the gate was running.
package driven

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"facegate/configs/file"
	"facegate/store/durable"
)

// A Line is one line that a gate drives.
type Line struct {
	Driver    string `json:"driver"` // of the configuration, such as cdev
	Chip      string `json:"chip,omitempty"`
	Line      string `json:"line"`
	ActiveLow bool   `json:"active_low,omitempty"`
}

// Lines are all that one gate drives. Version is set by Keep.
type Lines struct {
	Version int    `json:"version"`
	Socket  string `json:"socket"`           // the control socket of the gate
	Config  string `json:"config"`           // the file of the gate's configuration
	Safe    bool   `json:"safe,omitempty"`   // with the relay released the door is free, and otherwise it is locked
	Relay   Line   `json:"relay"`            // of the door
	Others  []Line `json:"others,omitempty"` // lights and buzzer
}

// All returns every line, the relay first.
func (l Lines) All() []Line { return append([]Line{l.Relay}, l.Others...) }

// Beside returns the lines of l that are not among those of other.
func (l Lines) Beside(other Lines) (rest []Line) {
	for _, line := range l.All() {
		if !slices.Contains(other.All(), line) {
			rest = append(rest, line)
		}
	}
	return rest
}

const (
	version = 1
	suffix  = ".lines"
	maxFile = 64 << 10 // bytes
)

// ErrVersion is returned for lines that another version of facegate has kept.
var ErrVersion = errors.New("another version of facegate has kept which lines it drives")

// Keep keeps the lines of a gate.
func Keep(l Lines) error {
	l.Version = version
	text, err := json.Marshal(l)
	if err == nil {
		err = durable.Publish(durable.OS{}, strings.TrimSuffix(l.Socket, ".sock")+suffix, text, 0o640)
	}
	if err != nil {
		return fmt.Errorf("which lines the gate drives cannot be kept: %w", err)
	}
	return nil
}

// Of returns the lines that were kept of the gate with this socket. The error is fs.ErrNotExist if none were.
func Of(socket string) (Lines, error) { return read(strings.TrimSuffix(socket, ".sock") + suffix) }

// In returns the lines that were kept in a folder of the gate with this configuration. The error is fs.ErrNotExist if none
// were.
func In(folder, config string) (Lines, error) {
	paths, err := filepath.Glob(filepath.Join(folder, "*"+suffix))
	errs := []error{err}
	for _, path := range paths {
		l, err := read(path)
		if err == nil && l.Config == config {
			return l, nil
		}
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return Lines{}, err
	}
	return Lines{}, fs.ErrNotExist
}

func read(path string) (l Lines, err error) {
	text, err := file.ReadOwn(path, maxFile)
	if err == nil {
		err = json.Unmarshal(text, &l)
	}
	if err == nil && l.Version != version {
		err = fmt.Errorf("%s: %w", path, ErrVersion)
	}
	return l, err
}
