package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"facegate/cmd/facegate/internal/control"
	"facegate/cmd/facegate/internal/ledger"
	"facegate/configs/file"
	"facegate/configs/hint"
	"facegate/configs/show"
	"facegate/store/durable"
	"facegate/store/receipt"
)

// paperRoom is the room that is made for a receipt or a certificate before anything is destroyed, in bytes. The receipt of
// one person takes a tenth of it.
const paperRoom = 16 << 10

// newPaper makes the file that a receipt is to be written to, before anything is erased. For no path there is none: the
// receipt is printed, and the gate keeps it, because nobody can tell what a terminal or a pipe comes to.
func newPaper(t terminal, path string) (*durable.File, error) {
	if path == "" {
		return nil, nil
	}
	f, err := durable.Create(t.newFiles(), path, paperRoom)
	if err != nil {
		return nil, hint.Wrap(fmt.Errorf("make the file for the receipt: %w", err),
			"name a new file, in a folder with room; nothing is erased")
	}
	return f, nil
}

// deliver writes a receipt to its paper and then tells the gate that it need not keep it. Without a paper the gate does.
func (f gateFlags) deliver(ctx context.Context, t terminal, paper *durable.File, text string) error {
	if paper == nil {
		return nil
	}
	if text == "" {
		return paper.Discard()
	}
	if err := paper.Keep([]byte(text)); err != nil {
		return hint.Wrap(fmt.Errorf("the receipt was not written: %w", errors.Join(err, paper.Discard())),
			"it is kept: get it with facegate receipt fetch DIR")
	}
	if err := f.fetched(ctx, t, text); err != nil {
		return hint.Wrap(fmt.Errorf("the gate does not know that the receipt is in %s: %w", paper.Path(), err),
			"nothing: facegate receipt fetch brings another copy")
	}
	return nil
}

// writeDelivered says what is erased, and where the receipt of it is.
func writeDelivered(w *tabwriter.Writer, erased string, paper *durable.File, text string) {
	if paper != nil {
		show.Fprintf(w, "%s, receipt: %s (check it with: facegate receipt verify)\n", erased, paper.Path())
		return
	}
	show.Fprintln(w, erased)
	io.WriteString(w, text)
	show.Fprintln(w, "the gate keeps this receipt until it is fetched: facegate receipt fetch DIR")
}

// fetched tells the gate that it need not keep a receipt.
func (f gateFlags) fetched(ctx context.Context, t terminal, text string) error {
	id, err := receiptID(text)
	if err != nil {
		return err
	}
	return f.command(ctx, t,
		func(g *control.Client) error { return g.Fetched(ctx, id) },
		func(l ledger.Ledger) error { return l.Fetched(id) })
}

func receiptID(text string) (string, error) {
	var envelope struct{ Receipt receipt.Receipt }
	err := json.Unmarshal([]byte(text), &envelope)
	return hex.EncodeToString(envelope.Receipt.ID), err
}

type receiptCommand struct {
	Verify receiptVerifyCommand `cmd:"" help:"Check a receipt. It needs the file and the key of the device, and nothing else."`
	Fetch  receiptFetchCommand  `cmd:"" help:"Fetch the receipts that nobody has yet, such as those of expired enrolments."`
}

type receiptVerifyCommand struct {
	File string `arg:"" help:"File with the receipt."`
	Key  string `required:"" placeholder:"PUB" help:"Public key of the device, as facegate device pubkey prints it."`
	jsonFlag
}

func (c *receiptVerifyCommand) Run(t terminal) error {
	key, err := hex.DecodeString(strings.TrimSpace(c.Key))
	if err != nil || len(key) != ed25519.PublicKeySize {
		return hint.Wrap(errors.New("the key is not one of 64 hexadecimal digits"), "get it on the gate with: facegate device pubkey")
	}
	data, err := file.Read(c.File, receipt.MaxSize)
	if err != nil {
		return hint.Wrap(fmt.Errorf("read the receipt: %w", err), "%s",
			cmp.Or(hint.Of(err), "name the file with the receipt, one that you may read"))
	}
	r, err := receipt.Verify(data, key)
	if err != nil {
		return hint.Wrap(fmt.Errorf("%s: %w", c.File, err), "ask for the receipt again, and make sure of the key of the device")
	}
	return c.print(t, r, func(w *tabwriter.Writer) { writeReceipt(w, r) })
}

func writeReceipt(w *tabwriter.Writer, r receipt.Receipt) {
	show.Fprintf(w, "the receipt is genuine\t\n")
	show.Fprintf(w, "what\t%s%s\n", r.Kind, map[bool]string{true: " (" + r.Reason + ")"}[r.Reason != ""])
	show.Fprintf(w, "number\t%d\n", r.Number)
	show.Fprintf(w, "when\t%s\n", r.Time)
	show.Fprintf(w, "erased\t%d people, %d templates, %d names of guardians\n", r.Erased.People, r.Erased.Templates, r.Erased.Guardians)
	show.Fprintf(w, "audit log\tentry %d\n", r.Audit.Seq)
	show.Fprintf(w, "device key\tkept in a %s\n", r.KeyStore)
	show.Fprintf(w, "device\t%x\n", []byte(r.Device))
}

type receiptFetchCommand struct {
	Dir string `arg:"" help:"Folder to write them to, one file each."`
	gateFlags
	jsonFlag
}

func (c *receiptFetchCommand) Run(ctx context.Context, t terminal) error {
	receipts, err := ask(ctx, c.gateFlags, t,
		func(g *control.Client) ([]string, error) { return g.Receipts(ctx) },
		func(l ledger.Ledger) ([]string, error) { return l.Receipts() })
	if err != nil {
		return err
	}
	files := []string{}
	for _, text := range receipts {
		id, err := receiptID(text)
		if err != nil {
			return err
		}
		path := filepath.Join(c.Dir, id+".json")
		if err := keep(t.newFiles(), path, []byte(text)); err != nil {
			return hint.Wrap(err, "make the folder, or name another one")
		}
		if err := c.fetched(ctx, t, text); err != nil {
			return err
		}
		files = append(files, path)
	}
	return c.print(t, files, func(w *tabwriter.Writer) {
		for _, path := range files {
			show.Fprintln(w, path)
		}
		show.Fprintf(w, "%d receipts fetched\n", len(files))
	})
}

// keep writes data to a new file at path, unless it is there since an attempt that was cut off. What such an attempt has left
// without content makes way.
func keep(d durable.Disk, path string, data []byte) error {
	err := durable.Write(d, path, data)
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	switch there, readErr := file.Read(path, receipt.MaxSize); {
	case readErr != nil:
		return err
	case bytes.Equal(there, data):
		return d.SyncDir(filepath.Dir(path))
	case len(there) == 0:
		return errors.Join(d.Remove(path), durable.Write(d, path, data))
	}
	return err
}
