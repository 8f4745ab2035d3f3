package people

import (
	"context"
	"encoding/hex"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"facegate/configs/hint"
	"facegate/store/audit"
)

// Verify implements Records.
func (b bound) Verify(_ context.Context, seen []tlog.Tree) (AuditReport, error) {
	log, err := b.store.Log().Read()
	if err != nil {
		return AuditReport{}, err
	}
	if err := log.Verify(); err != nil {
		return AuditReport{}, hint.Wrap(fmt.Errorf("audit log: %w", err),
			"keep a copy of the state folder as evidence, and find out who could write there")
	}
	r := AuditReport{
		Entries: len(log.Records), Dropped: log.Start.Seq, End: log.End.Seq,
		Size: log.Tree.N, Root: hex.EncodeToString(log.Tree.Hash[:]),
	}
	for _, e := range log.Records {
		switch {
		case e.Entry == nil:
			r.Pruned++
		case e.Entry.Marks&audit.Doubted != 0:
			r.Doubted++
		case e.Entry.Marks&audit.SetBack != 0:
			r.SetBack++
		}
	}
	for _, tree := range seen {
		if err := log.Holds(tree); err != nil {
			return AuditReport{}, hint.Wrap(fmt.Errorf("audit log: %w", err), "find out who has put older files back, or begun anew: "+
				"whoever was erased since may be back; after facegate backup restore the log begins anew")
		}
		r.Held++
	}
	return r, nil
}

// Checkpoint implements Records.
func (b bound) Checkpoint(context.Context) (Checkpoint, error) {
	signed, err := b.store.Log().Checkpoint()
	return Checkpoint{string(signed)}, err
}
