package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"facegate/cmd/facegate/internal/letter"
	"facegate/cmd/facegate/internal/receiptsheet"
	"facegate/configs/hint"
	"facegate/configs/notice"
	"facegate/configs/show"
	"facegate/store/durable"
	"facegate/store/receipt"
	"facegate/store/receipt/proof"
)

type receiptShowCommand struct {
	File string `arg:"" help:"File with the receipt and its proof."`
	Key  string `placeholder:"PUB" help:"Check the receipt too, with the public key of the device."`
	Lang string `enum:",en,zh" default:"" help:"Language: en or zh. Otherwise that of the notice that the person has read, or the first of the gate."`
	PDF  string `name:"pdf" placeholder:"FILE" help:"New file for a page to print, with the receipt in words and as codes that hold the receipt and its proof."`
	fontFlag
	witnessFlag
	configFlag
	jsonFlag
}

// Validate says what the command cannot do.
func (c *receiptShowCommand) Validate() error {
	switch {
	case c.Key == "" && c.Witness != nil:
		return errors.New("--witness takes --key besides: a cosignature is checked together with the signature of the device")
	case c.PDF == standard:
		return errors.New("--pdf takes a file")
	}
	return nil
}

func (c *receiptShowCommand) Run(t terminal) error {
	data, err := readReceipt(c.File)
	if err != nil {
		return err
	}
	p, err := c.paper(data)
	if err != nil {
		return err
	}
	lang := c.language(p.Receipt)
	if c.PDF != "" {
		if err := c.draw(t, data, p, lang); err != nil {
			return err
		}
		return c.print(t, map[string]string{"pdf": c.PDF}, func(w *tabwriter.Writer) { show.Fprintf(w, "receipt: in %s\n", c.PDF) })
	}
	var text strings.Builder
	if err := letter.Receipt(&text, lang, time.Local, p); err != nil {
		return err
	}
	return c.print(t, map[string]string{"receipt": text.String()}, func(w *tabwriter.Writer) { io.WriteString(w, text.String()) })
}

// paper returns the receipt, and what is known of it.
func (c *receiptShowCommand) paper(data []byte) (p letter.Paper, err error) {
	if c.Key != "" {
		p.Checked = true
		p.Receipt, p.Proof, err = verifyReceipt(c.File, data, c.Key, c.Witness)
		return p, err
	}
	if p.Receipt, err = receipt.Read(data); err != nil {
		return p, adviseOn(c.File, err)
	}
	if line, text := receipt.Split(data); text != nil {
		read, err := proof.Read(line, text)
		p.Proof = &read
		return p, adviseOn(c.File, err)
	}
	return p, nil
}

// draw writes the page to its file.
func (c *receiptShowCommand) draw(t terminal, data []byte, p letter.Paper, lang notice.Language) error {
	fonts, err := c.fonts(t)
	if err != nil {
		return err
	}
	var page bytes.Buffer
	s := receiptsheet.Sheet{File: data, Paper: p, Language: lang, Zone: time.Local, Made: time.Now()}
	if err := receiptsheet.Write(&page, s, fonts); err != nil {
		return err
	}
	if err := durable.Write(t.newFiles(), c.PDF, page.Bytes()); err != nil {
		return hint.Wrap(fmt.Errorf("write the page: %w", err), "name a new file, in a folder with room")
	}
	return nil
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
