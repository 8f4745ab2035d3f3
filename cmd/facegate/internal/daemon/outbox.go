package daemon

import (
	"encoding/json"
	"sync"

	"facegate/pipeline/publish"
	"facegate/store"
)

// An outbox keeps events in the store. They are in the form that they have on the wire, and outlive the process.
type outbox struct {
	mu   sync.Mutex // held from looking at the oldest event to removing it
	kept *store.Outbox
}

var _ publish.Outbox = (*outbox)(nil)

// Append implements publish.Outbox.
func (o *outbox) Append(e publish.Event) error {
	text, err := json.Marshal(e)
	if err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.kept.Append(text)
}

// Next implements publish.Outbox.
func (o *outbox) Next() (e publish.Event, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.next()
}

// next drops what is no event to this version of facegate: it must not keep the others waiting for ever.
func (o *outbox) next() (e publish.Event, ok bool) {
	for {
		text, ok := o.kept.First()
		if !ok {
			return e, false
		}
		if err := json.Unmarshal(text, &e); err == nil {
			return e, true
		}
		if err := o.kept.RemoveFirst(); err != nil {
			return e, false
		}
	}
}

// Ack implements publish.Outbox.
func (o *outbox) Ack(e publish.Event) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if oldest, ok := o.next(); !ok || oldest.Boot != e.Boot || oldest.Seq != e.Seq {
		return nil
	}
	return o.kept.RemoveFirst()
}

// Stats implements publish.Outbox.
func (o *outbox) Stats() (queued int, dropped uint64) { return o.kept.Stats() }
