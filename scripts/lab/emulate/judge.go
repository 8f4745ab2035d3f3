package main

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
)

// done is what the guest says when all its tests have passed.
const done = "lab: done"

// judge returns what is wrong with a run that has come to its end.
func (e *emulation) judge() error {
	var wrong []error
	if !slices.Contains(e.lines, done) {
		wrong = append(wrong, errors.New("not all of its tests have passed"))
	}
	for _, line := range e.lines {
		if strings.Contains(line, "--- SKIP") || strings.Contains(line, "no tests to run") {
			wrong = append(wrong, errors.New(strings.TrimSpace(line)))
		}
	}
	for _, p := range e.board.pulses {
		if e.board.only != "" {
			continue
		}
		took, err := p.check(e.changes)
		fmt.Fprintf(e.out, "%s: lab: the host saw a pulse of %.3f s on pin %d\n", e.board.name, took, p.pin)
		wrong = append(wrong, err)
	}
	return errors.Join(wrong...)
}

// What a guest says of its disk: bytes, in hexadecimal digits, that must be nowhere on it when it has come to its end, and such as
// must be there, without which nobody would know that the search finds anything.
const saysNowhere, saysThere = "lab: nowhere on the disk: ", "lab: on the disk: "

// search looks on a disk for what the guest has named, wherever it lies: in files, in what is left of files, and in the journal.
func (e *emulation) search(disk string) error {
	content, err := os.ReadFile(disk)
	if err != nil {
		return err
	}
	var wrong []error
	for _, line := range e.lines {
		for says, want := range map[string]bool{saysNowhere: false, saysThere: true} {
			_, digits, ok := strings.Cut(line, says)
			if !ok {
				continue
			}
			sought, err := hex.DecodeString(strings.TrimSpace(digits))
			if found := bytes.Contains(content, sought); err != nil || len(sought) < 8 || found != want {
				wrong = append(wrong, fmt.Errorf("%q: it is on the disk: %v, %v", line, found, err))
			}
		}
	}
	return errors.Join(wrong...)
}

// Bounds of a pulse of a second, by the host's clock: the guest's goes slower while it is busy.
const shortest, longest = 0.5, 60

// check returns how long the pulse was, and an error unless the pin took the levels that it should and no others.
func (p pulse) check(changes []pinChange) (took float64, err error) {
	var levels string
	var at float64
	for _, c := range changes {
		if c.Pin != p.pin || c.Level == "z" || strings.HasSuffix(levels, c.Level) {
			continue
		}
		took, at = c.At-at, c.At
		levels += c.Level
	}
	if levels != p.levels || took < shortest || took > longest {
		return took, fmt.Errorf("pin %d took the levels %q, the last but one for %.3f s; want %q, for a second", p.pin, levels, took, p.levels)
	}
	return took, nil
}

// shown is how many lines of the end are shown when a board fails.
const shown = 40

// showEnd shows the tests that failed and the end of the console.
func (e *emulation) showEnd() {
	for _, line := range e.lines {
		if strings.Contains(line, "--- FAIL") || strings.Contains(line, "--- SKIP") {
			fmt.Fprintf(e.out, "%s: %s\n", e.board.name, line)
		}
	}
	for _, line := range e.lines[max(0, len(e.lines)-shown):] {
		fmt.Fprintf(e.out, "%s: | %s\n", e.board.name, line)
	}
}
