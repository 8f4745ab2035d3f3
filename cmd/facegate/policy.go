package main

import (
	"io"
	"strings"
	"text/tabwriter"
)

type policyCommand struct {
	configFlag
	jsonFlag
}

func (c *policyCommand) Run(t terminal) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	var text strings.Builder
	if err := cfg.Policy().Write(&text); err != nil {
		return err
	}
	return c.print(t, map[string]string{"policy": text.String()}, func(w *tabwriter.Writer) { io.WriteString(w, text.String()) })
}
