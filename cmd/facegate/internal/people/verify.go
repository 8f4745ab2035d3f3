package people

import (
	"context"
	"encoding/hex"
	"fmt"

	"facegate/configs/hint"
	"facegate/store/audit"
)

// Verify implements Records. The key of the device vouches for the log.
func (b bound) Verify(_ context.Context, seen []audit.Head) (AuditReport, error) {
	log, err := b.store.Log().Read()
	if err != nil {
		return AuditReport{}, err
	}
	if err := log.Verify(b.store.Device().PublicKey); err != nil {
		return AuditReport{}, hint.Wrap(fmt.Errorf("audit log: %w", err),
			"keep a copy of the state folder as evidence, and find out who could write there")
	}
	r := AuditReport{
		Entries: len(log.Records), Dropped: log.Start.Seq, End: log.End.Seq, Link: hex.EncodeToString(log.End.Link[:]),
		Signature: hex.EncodeToString(log.End.Signature),
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
	if err := r.compare(log, seen); err != nil {
		return AuditReport{}, err
	}
	return r, nil
}

// compare holds a log against places in it that were seen before.
func (r *AuditReport) compare(log audit.Log, seen []audit.Head) error {
	for _, place := range seen {
		held, err := log.Holds(place)
		switch {
		case err != nil:
			return hint.Wrap(fmt.Errorf("audit log: %w", err), "find out who has put older files back, or begun anew: "+
				"whoever was erased since may be back; after facegate backup restore the log begins anew")
		case held:
			r.Held++
		default:
			r.Early++
		}
	}
	return nil
}
