package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"text/tabwriter"

	"facegate/cmd/facegate/internal/delivery"
	"facegate/configs/hint"
	"facegate/configs/show"
	"facegate/store/receipt"
	"facegate/store/receipt/proof"
)

type receiptProveCommand struct {
	File string `arg:"" help:"File with the receipt. The proof in it makes way for the new one."`
	gateFlags
	jsonFlag
}

// A proven receipt is what facegate receipt prove prints as JSON.
type proven struct {
	File  string        `json:"file"`
	Proof *checkedProof `json:"proof"`
}

// errFewer means that a new proof is worth less than the one in a file.
var errFewer = errors.New("fewer witnesses have signed the new proof than the one in the file, which is left as it is")

func (c *receiptProveCommand) Run(ctx context.Context, t terminal) error {
	data, err := readReceipt(c.File)
	if err != nil {
		return err
	}
	line, former := receipt.Split(data)
	r, done, err := c.records(ctx, t)
	if err != nil {
		return err
	}
	device, err := r.Device(ctx)
	if err != nil {
		return done(err)
	}
	text, err := r.Prove(ctx, string(line))
	if err = done(err); err != nil {
		return adviseOn(c.File, err)
	}
	key, err := hex.DecodeString(device.PublicKey)
	if err != nil {
		return err
	}
	p, err := proof.Verify(line, []byte(text), key)
	if err != nil {
		return err
	}
	if held, err := proof.Read(line, former); err == nil && len(held.Cosigned) > len(p.Cosigned) {
		return hint.Wrap(fmt.Errorf("%w: %d after %d", errFewer, len(p.Cosigned), len(held.Cosigned)),
			"keep the file: the gate has lost what it knew of its witnesses, as after a restore; try again when they have seen its log anew")
	}
	if err := delivery.Renew(t.newFiles(), c.File, line, []byte(text)); err != nil {
		return err
	}
	v := proven{c.File, newCheckedProof(&p)}
	return c.print(t, v, func(w *tabwriter.Writer) {
		show.Fprintf(w, "the proof of now is in\t%s\n", c.File)
		writeProof(w, v.Proof)
	})
}
