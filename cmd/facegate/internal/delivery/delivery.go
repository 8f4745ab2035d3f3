// Package delivery brings what a gate has signed to a file of whoever asked for it. A receipt is on disk before the gate is
// told that it need not keep it.
package delivery

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"facegate/configs/file"
	"facegate/configs/hint"
	"facegate/store/durable"
	"facegate/store/receipt"
)

// Room is what is reserved for a receipt, a certificate or the picture of a pass before anything is done, in bytes. The
// receipt of one person takes a tenth of it.
const Room = 16 << 10

// A Paper is the file that a receipt is to be written to. It is made before anything is erased. A nil Paper stands for none:
// the receipt is printed, and the gate keeps it, because nobody can tell what a terminal or a pipe comes to.
type Paper struct{ file *durable.File }

// NewPaper makes the file at path, which must not be there. For no path there is no Paper.
func NewPaper(d durable.Disk, path string) (*Paper, error) {
	if path == "" {
		return nil, nil
	}
	f, err := durable.Create(d, path, Room)
	if err != nil {
		return nil, hint.Wrap(fmt.Errorf("make the file for the receipt: %w", err),
			"name a new file, in a folder with room; nothing is erased")
	}
	return &Paper{f}, nil
}

// Path returns where the file is.
func (p *Paper) Path() string { return p.file.Path() }

// Discard removes the file, because nothing was erased.
func (p *Paper) Discard() error {
	if p == nil {
		return nil
	}
	return p.file.Discard()
}

// Deliver writes a receipt to its paper and then calls fetched with its id, which tells the gate that it need not keep it.
// Without a Paper the gate does keep it.
func (p *Paper) Deliver(text string, fetched func(id string) error) error {
	if p == nil {
		return nil
	}
	if text == "" {
		return p.Discard()
	}
	if err := p.file.Keep([]byte(text)); err != nil {
		return hint.Wrap(fmt.Errorf("the receipt was not written: %w", errors.Join(err, p.Discard())),
			"it is kept: get it with facegate receipt fetch DIR")
	}
	if err := tell(text, fetched); err != nil {
		return hint.Wrap(fmt.Errorf("the gate does not know that the receipt is in %s: %w", p.Path(), err),
			"nothing: facegate receipt fetch brings another copy")
	}
	return nil
}

func tell(text string, fetched func(id string) error) error {
	id, err := receipt.ID([]byte(text))
	if err != nil {
		return err
	}
	return fetched(id)
}

// Name returns how the file of the receipt with an id is named.
func Name(id string) string { return id + ".receipt.txt" }

// Collect writes receipts to the folder dir, a file each, and calls fetched with the id of each once it is on disk. It returns
// the files.
func Collect(d durable.Disk, dir string, receipts []string, fetched func(id string) error) ([]string, error) {
	files := []string{}
	for _, text := range receipts {
		id, err := receipt.ID([]byte(text))
		if err != nil {
			return files, err
		}
		path := filepath.Join(dir, Name(id))
		if err := keep(d, path, []byte(text)); err != nil {
			return files, hint.Wrap(err, "make the folder, or name another one")
		}
		if err := fetched(id); err != nil {
			return files, err
		}
		files = append(files, path)
	}
	return files, nil
}

// Renew puts the newest proof of a receipt into its file, which is at path.
func Renew(d durable.Disk, path string, line, proof []byte) error {
	if err := durable.Replace(d, path, receipt.Join(line, proof)); err != nil {
		return hint.Wrap(fmt.Errorf("the file has its former proof: %w", err), "make room on the disk, or mend it")
	}
	return nil
}

// same reports whether two files are of one receipt, with proofs of other days.
func same(a, b []byte) bool {
	first, _ := receipt.Split(a)
	second, _ := receipt.Split(b)
	return bytes.Equal(first, second)
}

// keep writes data to a new file at path, unless it is there since an attempt that was cut off. What such an attempt has left
// without content, or with an older proof, makes way.
func keep(d durable.Disk, path string, data []byte) error {
	err := durable.Write(d, path, data)
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	switch there, readErr := file.Read(path, receipt.MaxSize); {
	case readErr != nil:
		return err
	case bytes.Equal(there, data):
		return durable.Settle(d, path)
	case same(there, data):
		return durable.Replace(d, path, data)
	case len(there) == 0:
		return errors.Join(d.Remove(path), durable.Write(d, path, data))
	}
	return err
}
