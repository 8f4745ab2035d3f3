package main

import (
	"cmp"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"facegate/cmd/facegate/internal/letter"
	"facegate/configs/notice"
	"facegate/store/receipt"
)

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
		r, _, err = verifyReceipt(c.File, data, c.Key, nil)
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
