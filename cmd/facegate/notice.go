package main

import (
	"encoding/hex"
	"io"
	"text/tabwriter"

	"facegate/configs/notice"
)

type noticeCommand struct {
	Lang string `enum:"en,zh" default:"en" help:"Language: en or zh (${default})."`
	configFlag
	jsonFlag
}

func (c *noticeCommand) Run(t terminal) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	n, err := cfg.Particulars().Text(notice.Language(c.Lang))
	if err != nil {
		return err
	}
	v := struct {
		Language notice.Language `json:"language"`
		Version  string          `json:"version"`
		SHA256   string          `json:"sha256"`
		Text     string          `json:"text"`
	}{n.Language, n.Version, hex.EncodeToString(n.SHA256[:]), n.Text}
	return c.print(t, v, func(w *tabwriter.Writer) { io.WriteString(w, n.Text) })
}
