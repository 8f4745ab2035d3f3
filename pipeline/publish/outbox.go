package publish

import "sync"

// An Outbox holds events, oldest first, until the broker has acknowledged them. Its methods may be called from several
// goroutines.
type Outbox interface {
	// Append adds e as the newest event. An error means that e is not held and will never be delivered.
	Append(e Event) error

	// Next returns the oldest event and leaves it in place; ok is false if there is none.
	Next() (e Event, ok bool)

	// Ack removes the event with the Boot and Seq of e. It does nothing if that is not the oldest, as when it was dropped
	// since Next. An error means that the event is still held and will be delivered again.
	Ack(e Event) error

	// Stats returns how many events are held, and how many have been dropped without an acknowledgement.
	Stats() (queued int, dropped uint64)
}

// A MemoryOutbox is an Outbox of bounded size in memory, the twin of the one on disk. It survives an outage of the broker
// but not the end of the process, and when it is full, the oldest event is dropped for each new one.
type MemoryOutbox struct {
	mu      sync.Mutex // guards what follows
	ring    []Event
	first   int // index of the oldest event
	queued  int
	dropped uint64
}

var _ Outbox = (*MemoryOutbox)(nil)

// NewMemoryOutbox returns an empty outbox for at most capacity events, which must be positive.
func NewMemoryOutbox(capacity int) *MemoryOutbox { return &MemoryOutbox{ring: make([]Event, capacity)} }

// Append adds e, in place of the oldest event if the outbox is full. It never fails.
func (o *MemoryOutbox) Append(e Event) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.queued == len(o.ring) {
		o.remove()
		o.dropped++
	}
	o.ring[(o.first+o.queued)%len(o.ring)] = e
	o.queued++
	return nil
}

// Next returns the oldest event.
func (o *MemoryOutbox) Next() (e Event, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.queued == 0 {
		return Event{}, false
	}
	return o.ring[o.first], true
}

// Ack removes e if it is the oldest event. It never fails.
func (o *MemoryOutbox) Ack(e Event) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if oldest := o.ring[o.first]; o.queued > 0 && oldest.Boot == e.Boot && oldest.Seq == e.Seq {
		o.remove()
	}
	return nil
}

// Stats returns the number of events held and dropped. An event that was dropped while it was on its way counts as
// dropped, although it may have arrived.
func (o *MemoryOutbox) Stats() (queued int, dropped uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.queued, o.dropped
}

// remove removes the oldest event. o.mu must be held.
func (o *MemoryOutbox) remove() {
	o.ring[o.first] = Event{}
	o.first = (o.first + 1) % len(o.ring)
	o.queued--
}
