package main

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"text/tabwriter"

	"facegate/cmd/facegate/internal/people"
	"facegate/configs/file"
	"facegate/configs/hint"
	"facegate/configs/show"
	"facegate/store/audit"
	"facegate/store/receipt"
)

type auditCommand struct {
	Verify auditVerifyCommand `cmd:"" help:"Check that no entry of the audit log was removed, edited, moved or cut off."`
}

type auditVerifyCommand struct {
	Since   []string `placeholder:"FILE" help:"Hold it against what facegate audit verify --json has printed before."`
	Receipt []string `placeholder:"FILE" help:"Hold it against a receipt of this gate, which names a place in the log."`
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
			show.Fprintf(w, "it goes on from what was seen before: %d places of it\n", r.Held)
		}
		if r.Early > 0 {
			show.Fprintf(w, "too old to be told, because the log begins after them: %d places\n", r.Early)
		}
		show.Fprintf(w, "end of the chain: %s\n", r.Link)
	})
}

// maxSeen is how many places a question to the gate has room for.
const maxSeen = 64

var errManySeen = errors.New("too many files at once")

// seen returns the places in the log that the files name, which the device has signed.
func (c *auditVerifyCommand) seen(ctx context.Context, t terminal) (seen []audit.Head, err error) {
	if n := len(c.Since) + len(c.Receipt); n == 0 {
		return nil, nil
	} else if n > maxSeen {
		return nil, hint.Wrap(fmt.Errorf("%w: %d", errManySeen, n), "give at most %d; the newest tell the most", maxSeen)
	}
	r, done, err := c.records(ctx, t)
	if err != nil {
		return nil, err
	}
	d, err := r.Device(ctx)
	if err = done(err); err != nil {
		return nil, err
	}
	key, err := hex.DecodeString(d.PublicKey)
	if err != nil {
		return nil, err
	}
	for _, f := range []struct {
		names []string
		place func(data []byte, public ed25519.PublicKey) (audit.Head, error)
	}{{c.Since, reportedEnd}, {c.Receipt, receiptPlace}} {
		for _, name := range f.names {
			data, err := file.Read(name, receipt.MaxSize)
			if err != nil {
				return nil, hint.Wrap(err, "%s", cmp.Or(hint.Of(err), "name a file that you may read"))
			}
			h, err := f.place(data, key)
			if err != nil {
				return nil, hint.Wrap(fmt.Errorf("%s: %w", name, err), "%s", cmp.Or(hint.Of(err), "name a file of this gate, as it was written"))
			}
			seen = append(seen, h)
		}
	}
	return seen, nil
}

// reportedEnd returns the end of the log as facegate audit verify --json has printed it.
func reportedEnd(data []byte, public ed25519.PublicKey) (audit.Head, error) {
	var r people.AuditReport
	if err := json.Unmarshal(data, &r); err != nil {
		return audit.Head{}, errors.New("this is not what facegate audit verify --json prints")
	}
	link, linkErr := hex.DecodeString(r.Link)
	signature, err := hex.DecodeString(r.Signature)
	end := audit.Checkpoint{Head: audit.Head{Seq: r.End}, Signature: signature}
	if n := copy(end.Link[:], link); errors.Join(linkErr, err) != nil || n != len(end.Link) {
		return audit.Head{}, errors.New("this is not what facegate audit verify --json prints")
	}
	return end.Head, end.VerifyEnd(public)
}

// receiptPlace returns the place in the log that a receipt names.
func receiptPlace(data []byte, public ed25519.PublicKey) (audit.Head, error) {
	r, err := receipt.Verify(data, public)
	h := audit.Head{Seq: r.Audit.Seq}
	copy(h.Link[:], r.Audit.Link)
	return h, err
}
