package main

import (
	"encoding/hex"
	"io"
	"text/tabwriter"

	"facegate/configs/notice"
)

type noticeCommand struct {
	Lang notice.Language `enum:"en,zh" default:"en" help:"Language: en or zh (${default})."`
	HTML bool            `name:"html" help:"Print a page that a browser shows and prints: facegate notice --html > notice.html"`
	configFlag
	jsonFlag
}

func (c *noticeCommand) Run(t terminal) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	n, err := cfg.Particulars().Text(c.Lang)
	if err != nil {
		return err
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
