package store

import (
	"encoding/binary"
	"slices"

	"facegate/configs/hint"
)

// An Outbox holds messages, oldest first, until they have been delivered. They are in journal.db, sealed, and outlive the
// process. It is safe for concurrent use, and ends with its Store.
type Outbox struct {
	store    *Store
	capacity int

	// All that follows is guarded by the Store's mutex. What is on disk is in memory too: a queue is short but in an
	// outage of the broker, and an outage is no time to find out that a row does not open.
	queue   []message
	last    uint64 // number of the newest message, ever
	dropped uint64
}

type message struct {
	number uint64
	text   []byte
}

func messageRow(number uint64) rowID {
	row := rowID{table: outboxTable}
	binary.BigEndian.PutUint64(row.id[8:], number)
	return row
}

// Outbox returns the outbox, with what is in it, for at most capacity messages, which must be positive. It may be called
// once.
func (s *Store) Outbox(capacity int) (*Outbox, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := &Outbox{store: s, capacity: capacity}
	// The rows are in the order of their numbers.
	err := s.journal.eachValue(outboxTable, func(id [16]byte, plain []byte) error {
		o.last = binary.BigEndian.Uint64(id[8:])
		o.queue = append(o.queue, message{o.last, slices.Clone(plain)})
		return nil
	})
	return o, err
}

// Append adds text as the newest message. It is on disk when Append returns nil, and not held otherwise. If the outbox is
// full, the oldest message is dropped.
func (o *Outbox) Append(text []byte) error {
	o.store.mu.Lock()
	defer o.store.mu.Unlock()
	added := message{o.last + 1, slices.Clone(text)}
	c := change{puts: []put{o.store.journal.value(messageRow(added.number), added.text)}}
	full := len(o.queue) >= o.capacity
	if full {
		c.dels = []rowID{messageRow(o.queue[0].number)}
	}
	if err := o.store.journal.commit(c); err != nil {
		return hint.Wrap(err, "make room on the disk")
	}
	if full {
		o.queue = o.queue[1:]
		o.dropped++
	}
	o.queue, o.last = append(o.queue, added), added.number
	return nil
}

// First returns the oldest message and leaves it in place; ok is false if there is none.
func (o *Outbox) First() (text []byte, ok bool) {
	o.store.mu.Lock()
	defer o.store.mu.Unlock()
	if len(o.queue) == 0 {
		return nil, false
	}
	return o.queue[0].text, true
}

// RemoveFirst removes the oldest message, if there is one. If it fails the message is still held.
func (o *Outbox) RemoveFirst() error {
	o.store.mu.Lock()
	defer o.store.mu.Unlock()
	if len(o.queue) == 0 {
		return nil
	}
	if err := o.store.journal.commit(change{dels: []rowID{messageRow(o.queue[0].number)}}); err != nil {
		return err
	}
	o.queue = o.queue[1:]
	return nil
}

// Stats returns how many messages are held, and how many this Outbox has dropped.
func (o *Outbox) Stats() (queued int, dropped uint64) {
	o.store.mu.Lock()
	defer o.store.mu.Unlock()
	return len(o.queue), o.dropped
}
