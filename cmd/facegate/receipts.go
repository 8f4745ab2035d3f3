package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"facegate/cmd/facegate/internal/letter"
	"facegate/configs/file"
	"facegate/configs/hint"
	"facegate/configs/notice"
	"facegate/configs/show"
	"facegate/configs/text"
	"facegate/store/durable"
	"facegate/store/pubkey"
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
	show.Fprintln(w, strings.TrimSuffix(text, "\n"))
	show.Fprintln(w, "the gate keeps this receipt until it is fetched: facegate receipt fetch DIR")
}

// fetched tells the gate that it need not keep a receipt.
func (f gateFlags) fetched(ctx context.Context, t terminal, text string) error {
	id, err := receiptID(text)
	if err != nil {
		return err
	}
	r, done, err := f.records(ctx, t)
	if err != nil {
		return err
	}
	return done(r.Fetched(ctx, id))
}

func receiptID(text string) (string, error) {
	var envelope struct{ Receipt receipt.Receipt }
	err := json.Unmarshal([]byte(text), &envelope)
	return hex.EncodeToString(envelope.Receipt.ID), err
}

type receiptCommand struct {
	Verify receiptVerifyCommand `cmd:"" help:"Check a receipt. It needs the file and the key of the device, and nothing else."`
	Show   receiptShowCommand   `cmd:"" help:"Print a receipt in words."`
	Fetch  receiptFetchCommand  `cmd:"" help:"Fetch the receipts that nobody has yet, such as those of expired enrolments."`
}

type receiptVerifyCommand struct {
	File string `arg:"" help:"File with the receipt."`
	Key  string `required:"" placeholder:"PUB" help:"Public key of the device, as facegate device pubkey prints it."`
	Form string `placeholder:"NUMBER" help:"Number of the person's consent form, as --consent gave it: is the receipt about that person?"`
	jsonFlag
}

// errNotAbout means that a receipt is genuine, and somebody else's.
var errNotAbout = errors.New("the receipt is genuine, and not about this form")

func (c *receiptVerifyCommand) Run(t terminal) error {
	data, err := readReceipt(c.File)
	if err != nil {
		return err
	}
	r, err := verifyReceipt(c.File, data, c.Key)
	if err != nil {
		return err
	}
	form, err := text.Clean(c.Form) // as it was kept
	if err != nil {
		return hint.Wrap(err, "type the number as it stands on the form")
	}
	if form != "" && !r.About(form) {
		return hint.Wrap(fmt.Errorf("%w: %s", errNotAbout, form),
			"compare the number with the form, letter by letter; if it is right, ask the operator for the person's own receipt")
	}
	return c.print(t, r, func(w *tabwriter.Writer) { writeReceipt(w, r, form) })
}

func readReceipt(path string) ([]byte, error) {
	data, err := file.Read(path, receipt.MaxSize)
	if err != nil {
		return nil, hint.Wrap(fmt.Errorf("read the receipt: %w", err), "%s",
			cmp.Or(hint.Of(err), "name the file with the receipt, one that you may read"))
	}
	return data, nil
}

// verifyReceipt returns the receipt in the file at path, which the device with the public key in text has signed.
func verifyReceipt(path string, data []byte, text string) (receipt.Receipt, error) {
	key, err := pubkey.Parse(text)
	if err != nil {
		return receipt.Receipt{}, hint.Wrap(err, "get it on the gate with: facegate device pubkey")
	}
	r, err := receipt.Verify(data, key)
	return r, adviseOn(path, err)
}

// adviseOn returns what to do about a receipt that is none.
func adviseOn(path string, err error) error {
	if err == nil {
		return nil
	}
	return hint.Wrap(fmt.Errorf("%s: %w", path, err), "%s",
		cmp.Or(hint.Of(err), "ask for the receipt again, and make sure of the key of the device"))
}

type receiptShowCommand struct {
	File string `arg:"" help:"File with the receipt."`
	Key  string `placeholder:"PUB" help:"Check the receipt too, with the public key of the device."`
	Lang string `enum:",en,zh" default:"" help:"Language: en or zh. Otherwise that of the notice that the person has read, or the first of the gate."`
	configFlag
	jsonFlag
}

func (c *receiptShowCommand) Run(t terminal) error {
	data, err := readReceipt(c.File)
	if err != nil {
		return err
	}
	var r receipt.Receipt
	if c.Key != "" {
		r, err = verifyReceipt(c.File, data, c.Key)
	} else {
		r, err = receipt.Read(data)
		err = adviseOn(c.File, err)
	}
	if err != nil {
		return err
	}
	var text strings.Builder
	if err := letter.Receipt(&text, c.language(r), time.Local, r, c.Key != ""); err != nil {
		return err
	}
	return c.print(t, map[string]string{"receipt": text.String()}, func(w *tabwriter.Writer) { io.WriteString(w, text.String()) })
}

// language returns the language to print r in. The configuration is there on a gate alone.
func (c *receiptShowCommand) language(r receipt.Receipt) notice.Language {
	switch lang := notice.Language(cmp.Or(c.Lang, r.Language)); lang {
	case notice.English, notice.Chinese:
		return lang
	}
	if cfg, err := c.load(); err == nil {
		if notices, err := cfg.Particulars().Texts(); err == nil {
			return notices[0].Language
		}
	}
	return notice.English
}

func writeReceipt(w *tabwriter.Writer, r receipt.Receipt, form string) {
	show.Fprintf(w, "the receipt is genuine\t\n")
	show.Fprintf(w, "what\t%s%s\n", r.Kind, map[bool]string{true: " (" + r.Reason + ")"}[r.Reason != ""])
	show.Fprintf(w, "number\t%d\n", r.Number)
	show.Fprintf(w, "when\t%s%s\n", r.Time, map[string]string{
		"doubted": ", by a clock that was not known to be right", "set-back": ", after the clock was set back",
	}[r.Clock])
	show.Fprintf(w, "erased\t%d people, %d templates, %d consents, %d names of guardians, %d passes, %d cards, %d PINs\n", r.Erased.People,
		r.Erased.Templates, r.Erased.Consents, r.Erased.Guardians, r.Erased.Passes, r.Erased.Cards, r.Erased.PINs)
	if form != "" {
		show.Fprintf(w, "whose\tit is about form %s\n", form)
	} else {
		show.Fprintf(w, "whose\tnot checked: give the number of the person's form with --form\n")
	}
	show.Fprintf(w, "not reached\tcopies of databases and keyrings together, and backups, from before: with the device key they open\n")
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
	r, done, err := c.records(ctx, t)
	if err != nil {
		return err
	}
	receipts, err := r.Receipts(ctx)
	if err = done(err); err != nil {
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
		return durable.Settle(d, path)
	case len(there) == 0:
		return errors.Join(d.Remove(path), durable.Write(d, path, data))
	}
	return err
}
