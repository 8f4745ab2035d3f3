package main

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"io"
	"text/tabwriter"

	"facegate/configs/hint"
	"facegate/configs/notice"
	"facegate/configs/words"
)

type noticeCommand struct {
	Lang   notice.Language `default:"en" placeholder:"LANG" help:"Language: en, zh, or another that the configuration has a notice in (${default})."`
	HTML   bool            `name:"html" xor:"form" help:"Print a page that a browser shows and prints: facegate notice --html > notice.html"`
	Source bool            `xor:"form" help:"Print what the notice in en or zh is filled from, to be translated: docs/languages.md."`
	Words  bool            `xor:"form" help:"Print what is said at the door in en or zh, to be translated likewise."`
	configFlag
	jsonFlag
}

func (c *noticeCommand) Run(t terminal) error {
	if c.Source || c.Words {
		return c.source(t)
	}
	cfg, err := c.load()
	if err != nil {
		return err
	}
	p := cfg.Particulars()
	n, err := p.Text(c.Lang)
	if err != nil {
		return hint.Wrap(err, "%s", cmp.Or(hint.Of(err), fmt.Sprintf("there can be one in %v; another is added as docs/languages.md says", p.Statement.Languages())))
	}
	v := struct {
		Language notice.Language `json:"language"`
		Version  string          `json:"version"`
		SHA256   string          `json:"sha256"`
		Text     string          `json:"text"`
		HTML     string          `json:"html,omitempty"`
	}{n.Language, n.Version, hex.EncodeToString(n.SHA256[:]), n.Text, ""}
	text := n.Text
	if c.HTML {
		page, err := n.HTML()
		if err != nil {
			return err
		}
		v.HTML = string(page)
		text = v.HTML
	}
	return c.print(t, v, func(w *tabwriter.Writer) { io.WriteString(w, text) })
}

// source prints a file that is to be translated.
func (c *noticeCommand) source(t terminal) error {
	text, err := notice.Source(c.Lang)
	if err == nil && c.Words {
		said, _ := words.Source(string(c.Lang))
		text = string(said)
	}
	if err != nil {
		return hint.Wrap(err, "translate that in en or zh")
	}
	return c.print(t, map[string]string{"source": text}, func(w *tabwriter.Writer) { io.WriteString(w, text) })
}
