package store

import (
	"encoding/binary"
	"math"
	"slices"
	"sync"

	"facegate/configs/hint"
	"facegate/store/vault"
)

// An Outbox holds messages, oldest first, until they have been delivered. They are in journal.db, sealed, and outlive the
// process. It is safe for concurrent use, and ends with its Store. It takes the lock of journal.db alone, so that a message does
// not wait while somebody is erased from people.db and faces.db.
type Outbox struct {
	journal  *vault.Vault
	capacity int

	changing sync.Mutex // held over a change, first on disk and then in memory
	mu       sync.Mutex // guards all that follows; nobody waits for a disk under it

	// What is on disk is in memory too: a queue is short but in an outage of the broker, and an outage is no time to find out
	// that a row does not open.
	queue   []message
	last    uint64 // number of the newest message
	mark    []byte // that came with the newest message of all; not changed, but replaced
	dropped uint64
}

type message struct {
	number uint64
	text   []byte
}

// markNumber is the number of no message. Its row has the mark. It is behind the newest message, so that both are mostly in one page, which
// each message has written anew.
const markNumber = math.MaxUint64

func messageRow(number uint64) vault.Row {
	row := vault.Row{Table: outboxTable}
	binary.BigEndian.PutUint64(row.ID[8:], number)
	return row
}

// Outbox returns the outbox, with what is in it, for at most capacity messages, which must be positive. It may be called
// once.
func (s *Store) Outbox(capacity int) (*Outbox, error) {
	o := &Outbox{journal: s.journal, capacity: capacity}
	// The rows are in the order of their numbers.
	err := s.journal.EachValue(outboxTable, func(id [16]byte, plain []byte) error {
		n, text := binary.BigEndian.Uint64(id[8:]), slices.Clone(plain)
		if n == markNumber {
			o.mark = text
			return nil
		}
		o.last = n
		o.queue = append(o.queue, message{n, text})
		return nil
	})
	return o, err
}

// Append adds text as the newest message, and keeps mark instead of the one before. Both are on disk when Append returns nil, and
// neither is held otherwise. If the outbox is full, the oldest message is dropped.
func (o *Outbox) Append(text, mark []byte) error {
	o.changing.Lock()
	defer o.changing.Unlock()
	added := message{o.Last() + 1, slices.Clone(text)}
	mark = slices.Clone(mark)
	c := vault.Change{Puts: []vault.Put{
		o.journal.Value(messageRow(added.number), added.text), o.journal.Value(messageRow(markNumber), mark),
	}}
	queued, _ := o.Stats()
	full := queued >= o.capacity
	if full {
		oldest, _, _ := o.Next()
		c.Dels = []vault.Row{messageRow(oldest)}
	}
	if err := o.journal.Commit(c); err != nil {
		return hint.Wrap(err, "make room on the disk")
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if full {
		o.queue = o.queue[1:]
		o.dropped++
	}
	o.queue, o.last, o.mark = append(o.queue, added), added.number, mark
	return nil
}

// Mark returns the mark that came with the newest message that was ever appended, nil if there was none. It outlives the messages
// and the process.
func (o *Outbox) Mark() []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.mark
}

// Next returns the oldest message with its number, and leaves it in place; ok is false if there is none. Numbers grow from
// message to message, and begin anew where an Outbox was opened empty.
func (o *Outbox) Next() (n uint64, text []byte, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.queue) == 0 {
		return 0, nil, false
	}
	return o.queue[0].number, o.queue[0].text, true
}

// Ack removes message n if it is the oldest, and does nothing otherwise. If it fails the message is still held.
func (o *Outbox) Ack(n uint64) error {
	o.changing.Lock()
	defer o.changing.Unlock()
	if oldest, _, ok := o.Next(); !ok || oldest != n {
		return nil
	}
	if err := o.journal.Commit(vault.Change{Dels: []vault.Row{messageRow(n)}}); err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.queue = o.queue[1:]
	return nil
}

// Last returns the number of the newest message that this Outbox has held, 0 if it has held none.
func (o *Outbox) Last() uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.last
}

// Stats returns how many messages are held, and how many this Outbox has dropped.
func (o *Outbox) Stats() (queued int, dropped uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.queue), o.dropped
}
