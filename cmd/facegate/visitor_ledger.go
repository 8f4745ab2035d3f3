package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"text/tabwriter"
	"time"

	"facegate/configs/file"
	"facegate/configs/hint"
	"facegate/configs/show"
	"facegate/configs/text"
	"facegate/store"
	"facegate/store/durable"
)

// An entry is what an office keeps of a pass that it has issued, until that is over. The pass itself is not in it.
type entry struct {
	Number string    `json:"number"`
	Door   string    `json:"door"`
	Group  bool      `json:"group,omitempty"`
	From   time.Time `json:"from"`
	Until  time.Time `json:"until"`
	Uses   int       `json:"uses"`
	Note   string    `json:"note,omitempty"`
}

// A ledger is the list of an office, in a file beside its key. It says which number a pass has that is to be revoked.
type ledger []entry

// noteLine is what a note may be.
var noteLine = text.Line{Name: "a note", Max: store.MaxText}

// issuedPasses is what the name of that file ends with.
const issuedPasses = ".passes"

// maxLedger bounds, in bytes, what is read as a ledger.
const maxLedger = 64 << 20

// readLedger returns the list of the office with a key.
func readLedger(key string) (ledger, error) {
	private, err := readOfficeKey(key)
	if err != nil {
		return nil, err
	}
	clear(private)
	data, err := file.ReadSecret(key+issuedPasses, maxLedger)
	if errors.Is(err, fs.ErrNotExist) {
		return ledger{}, nil
	}
	l := ledger{}
	if err == nil {
		err = json.Unmarshal(data, &l)
	}
	if err != nil {
		return nil, hint.Wrap(fmt.Errorf("read the list of passes: %w", err), "%s",
			cmp.Or(hint.Of(err), "move "+key+issuedPasses+" away; the passes stay valid, and their numbers are on the sheets"))
	}
	return l, nil
}

// since returns l without what is over.
func (l ledger) since(now time.Time) ledger {
	return slices.DeleteFunc(l, func(e entry) bool { return !e.Until.After(now) })
}

// appendLedger adds a pass to the list of the office with a key, and drops what is over.
func appendLedger(d durable.Disk, key string, e entry, now time.Time) error {
	l, err := readLedger(key)
	if err != nil {
		return err
	}
	data, err := json.MarshalIndent(append(l.since(now), e), "", " ")
	if err != nil {
		return err
	}
	if err := durable.Replace(d, key+issuedPasses, data); err != nil {
		return hint.Wrap(fmt.Errorf("write the list of passes: %w", err), "the key has to be in a folder that can be written to, with room")
	}
	return nil
}

func (l ledger) write(w *tabwriter.Writer) {
	for _, e := range l {
		show.Fprintf(w, "%s\t%s\t%s to %s\t%s\t%s\n", e.Number, e.Door, minute(e.From), minute(e.Until), usesOf(e.Uses), e.Note)
	}
	if len(l) == 0 {
		show.Fprintf(w, "no pass of this office is valid, or will be\n")
	}
}
