package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"facegate/configs/hint"
	"facegate/configs/show"
	"facegate/configs/text"
	qr "facegate/pipeline/template/pass"
	"facegate/store/checkpoint"
	"facegate/store/durable"
)

var errForWhom = errors.New("no witness is named")

// request is for gates without a network: somebody carries to the witness what it is to cosign, and brings back what it answers.
func (c *auditCheckpointCommand) request(ctx context.Context, t terminal) error {
	r, done, err := c.records(ctx, t)
	if err != nil {
		return err
	}
	body, err := r.WitnessRequest(ctx, c.For, c.Anew)
	if err = done(err); err != nil {
		return err
	}
	if err := c.carry(t, body); err != nil {
		return err
	}
	return c.print(t, map[string]string{"request": body}, func(w *tabwriter.Writer) {
		switch path := cmp.Or(c.QR, c.Output); path {
		case "":
			for line := range strings.Lines(body) {
				show.Fprintf(w, "%s\n", strings.TrimSuffix(line, "\n"))
			}
		case standard:
		default:
			show.Fprintf(w, "%s is for the witness (facegate witness sign%s); take in what it answers with facegate audit cosigned\n", path,
				map[bool]string{true: ", of the text that the code holds"}[c.QR != ""])
		}
	})
}

// carry writes a request to where it is wanted besides the output.
func (c *auditCheckpointCommand) carry(t terminal, body string) error {
	data, path := []byte(body), c.Output
	switch c.QR {
	case "":
	case standard:
		if c.JSON {
			return nil
		}
		return qr.DrawTerminal(raw(t.out), body)
	default:
		picture, err := qr.Draw(body)
		if err != nil {
			return hint.Wrap(err, "write it to a file: --output FILE")
		}
		data, path = picture, c.QR
	}
	if path == "" {
		return nil
	}
	if err := durable.Write(t.newFiles(), path, data); err != nil {
		return hint.Wrap(fmt.Errorf("write what a witness is asked: %w", err), "name a new file, in a folder with room")
	}
	return nil
}

type auditCosignedCommand struct {
	Note string `arg:"" placeholder:"FILE" help:"What the witness has answered, as facegate witness sign prints it; - for standard input."`
	gateFlags
	jsonFlag
}

func (c *auditCosignedCommand) Run(ctx context.Context, t terminal) error {
	signed, err := readInput(t, c.Note, checkpoint.MaxSize)
	if err != nil {
		return hint.Wrap(fmt.Errorf("read what the witness has answered: %w", err), "%s", cmp.Or(hint.Of(err), "name a file that you may read"))
	}
	r, done, err := c.records(ctx, t)
	if err != nil {
		return err
	}
	took, err := r.TakeCosigned(ctx, string(text.Carried(signed)))
	if err = done(err); err != nil {
		return err
	}
	return c.print(t, took, func(w *tabwriter.Writer) {
		show.Fprintf(w, "%s has cosigned the audit log with %d entries, on %s\n", show.Foreign(took.Witness), took.Size, took.At.Format(time.DateTime))
	})
}
