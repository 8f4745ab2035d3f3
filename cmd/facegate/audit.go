package main

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"golang.org/x/mod/sumdb/tlog"

	"facegate/cmd/facegate/internal/people"
	"facegate/configs/file"
	"facegate/configs/hint"
	"facegate/configs/show"
	"facegate/configs/text"
	"facegate/store/checkpoint"
	"facegate/store/durable"
	"facegate/store/receipt"
)

type auditCommand struct {
	Checkpoint auditCheckpointCommand `cmd:"" help:"Print how far the audit log has come, signed by the device, for whoever wants to hold the gate to it later."`
	Cosigned   auditCosignedCommand   `cmd:"" help:"Take in what a witness has made of a checkpoint that was carried to it."`
	Verify     auditVerifyCommand     `cmd:"" help:"Check that no entry of the audit log was removed, edited, moved or cut off."`
}

type auditVerifyCommand struct {
	Since   []string `placeholder:"FILE" help:"Hold it against a checkpoint, as facegate audit checkpoint has printed it before."`
	Receipt []string `placeholder:"FILE" help:"Hold it against a receipt of this gate, which names how far the log had come."`
	gateFlags
	jsonFlag
}

func (c *auditVerifyCommand) Run(ctx context.Context, t terminal) error {
	seen, err := c.seen(ctx, t)
	if err != nil {
		return err
	}
	records, done, err := c.records(ctx, t)
	if err != nil {
		return err
	}
	r, err := records.Verify(ctx, seen)
	if err = done(err); err != nil {
		return err
	}
	return c.print(t, r, func(w *tabwriter.Writer) {
		show.Fprintf(w, "the audit log is whole: entries %d to %d, the content of %d dropped in time\n", r.Dropped+1, r.End, r.Pruned)
		if r.Doubted > 0 {
			show.Fprintf(w, "made while the clock was not known to be right: %d; their order is certain, and their times are not\n", r.Doubted)
		}
		if r.SetBack > 0 {
			show.Fprintf(w, "older than the one before, because the clock was set back: %d\n", r.SetBack)
		}
		if r.Held > 0 {
			show.Fprintf(w, "it goes on from all that was seen before: %d\n", r.Held)
		}
		show.Fprintf(w, "its tree has %d leaves, and the root %s\n", r.Size, r.Root)
	})
}

// maxSeen is how many places a question to the gate has room for.
const maxSeen = 64

var errManySeen = errors.New("too many files at once")

// seen returns the trees of the log that the files name, which the device has signed.
func (c *auditVerifyCommand) seen(ctx context.Context, t terminal) (seen []tlog.Tree, err error) {
	if n := len(c.Since) + len(c.Receipt); n == 0 {
		return nil, nil
	} else if n > maxSeen {
		return nil, hint.Wrap(fmt.Errorf("%w: %d", errManySeen, n), "give at most %d; the newest tell the most", maxSeen)
	}
	r, done, err := c.records(ctx, t)
	if err != nil {
		return nil, err
	}
	key, err := deviceKey(ctx, r)
	if err = done(err); err != nil {
		return nil, err
	}
	for _, f := range []struct {
		names []string
		most  int64 // bytes
		tree  func(data []byte, public ed25519.PublicKey) (tlog.Tree, error)
	}{{c.Since, checkpoint.MaxSize, checkpointTree}, {c.Receipt, receipt.MaxSize, receiptTree}} {
		for _, name := range f.names {
			data, err := file.Read(name, f.most)
			if err != nil {
				return nil, hint.Wrap(err, "%s", cmp.Or(hint.Of(err), "name a file that you may read"))
			}
			tree, err := f.tree(data, key)
			if err != nil {
				return nil, hint.Wrap(fmt.Errorf("%s: %w", name, err), "%s", cmp.Or(hint.Of(err), "name a file of this gate, as it was written"))
			}
			seen = append(seen, tree)
		}
	}
	return seen, nil
}

// deviceKey returns the public key of the device that r is of.
func deviceKey(ctx context.Context, r people.Records) (ed25519.PublicKey, error) {
	d, err := r.Device(ctx)
	if err != nil {
		return nil, err
	}
	key, err := hex.DecodeString(d.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("the public key %q of the gate: %w", d.PublicKey, err)
	}
	return key, nil
}

// checkpointTree returns the tree of a checkpoint.
func checkpointTree(data []byte, public ed25519.PublicKey) (tlog.Tree, error) {
	tree, _, err := checkpoint.Open(text.Carried(data), public)
	return tree, err
}

var errNoPlace = errors.New("this receipt names no place in the audit log")

// receiptTree returns the tree that a receipt names.
func receiptTree(data []byte, public ed25519.PublicKey) (tlog.Tree, error) {
	r, err := receipt.Verify(data, public)
	if err == nil && r.Audit.Size == 0 {
		err = hint.Wrap(errNoPlace, "it is of a store that was destroyed without being opened")
	}
	if err != nil {
		return tlog.Tree{}, err
	}
	return tlog.Tree{N: int64(r.Audit.Size), Hash: tlog.Hash(r.Audit.Root)}, nil
}

type auditCheckpointCommand struct {
	Output string `placeholder:"FILE" help:"File to write it to; it must not exist. Without it, the checkpoint is printed."`
	For    string `placeholder:"KEY" help:"Instead of the checkpoint alone: what the witness with this verifier key is to cosign, for somebody to carry there. The key is one of witness.keys."`
	QR     string `name:"qr" placeholder:"FILE" help:"With --for: a PNG picture with a QR code of it, or - to show the code here."`
	Anew   bool   `help:"With --for: ask as of a witness that knows nothing of this gate, because it has lost its file or was made to forget the gate."`
	gateFlags
	jsonFlag
}

func (c *auditCheckpointCommand) Run(ctx context.Context, t terminal) error {
	switch {
	case c.For != "":
		return c.request(ctx, t)
	case c.QR != "" || c.Anew:
		return hint.Wrap(errForWhom, "name the witness: --for KEY, as facegate witness key prints it")
	}
	r, done, err := c.records(ctx, t)
	if err != nil {
		return err
	}
	key, err := deviceKey(ctx, r)
	if err != nil {
		return done(err)
	}
	signed, err := r.Checkpoint(ctx)
	if err == nil {
		_, err = checkpointTree([]byte(signed.Signed), key) // which has no lines of another's then
	}
	if err = done(err); err != nil {
		return err
	}
	if c.Output != "" {
		if err := durable.Write(t.newFiles(), c.Output, []byte(signed.Signed)); err != nil {
			return hint.Wrap(fmt.Errorf("write the checkpoint: %w", err), "name a new file, in a folder with room")
		}
	}
	return c.print(t, signed, func(w *tabwriter.Writer) {
		if c.Output != "" {
			show.Fprintf(w, "%s has the checkpoint; hold the log against it later with facegate audit verify --since\n", c.Output)
			return
		}
		for line := range strings.Lines(signed.Signed) {
			show.Fprintf(w, "%s\n", strings.TrimSuffix(line, "\n"))
		}
	})
}
