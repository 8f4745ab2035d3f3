package feed

import "sync"

// An Outbox holds messages, oldest first, until they have been delivered. Its methods may be called from several goroutines.
type Outbox interface {
	// Append adds a copy of msg as the newest message, with a greater number than any before, and in the same step keeps a copy
	// of mark instead of the mark that was kept before. An error means that neither is held, and msg will never be delivered.
	Append(msg, mark []byte) error

	// Mark returns the mark that came with the newest message that was ever appended, nil if there was none. It stays when the
	// messages are delivered. The caller does not change it.
	Mark() []byte

	// Next returns the oldest message with its number, and leaves it in place; ok is false if there is none. The caller does
	// not change msg.
	Next() (n uint64, msg []byte, ok bool)

	// Ack removes message n. It does nothing if n is not the oldest, as when it was dropped since Next. An error means that the
	// message is still held and will be delivered again.
	Ack(n uint64) error

	// Last returns the number of the newest message that this Outbox has held, 0 if it has held none.
	Last() uint64

	// Stats returns how many messages are held, and how many have been dropped without an acknowledgement.
	Stats() (queued int, dropped uint64)
}

// A Memory is an Outbox of bounded size in memory, the twin of the one on disk. It survives an outage of the broker but not
// the end of the process. When it is full the oldest message is dropped for each new one.
type Memory struct {
	mu      sync.Mutex // guards what follows
	mark    []byte
	ring    [][]byte
	oldest  uint64 // number of the oldest message, or of the next one if there is none
	queued  int
	dropped uint64
}

var _ Outbox = (*Memory)(nil)

// NewMemory returns an empty outbox for at most capacity messages, which must be positive.
func NewMemory(capacity int) *Memory { return &Memory{ring: make([][]byte, capacity), oldest: 1} }

// Append adds a copy of msg, in place of the oldest message if the outbox is full. It never fails.
func (m *Memory) Append(msg, mark []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.queued == len(m.ring) {
		m.remove()
		m.dropped++
	}
	*m.at(m.oldest + uint64(m.queued)) = append([]byte{}, msg...)
	m.queued++
	m.mark = append([]byte{}, mark...)
	return nil
}

// Mark returns the newest mark.
func (m *Memory) Mark() []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.mark
}

// Next returns the oldest message.
func (m *Memory) Next() (n uint64, msg []byte, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.queued == 0 {
		return 0, nil, false
	}
	return m.oldest, *m.at(m.oldest), true
}

// Ack removes message n if it is the oldest. It never fails.
func (m *Memory) Ack(n uint64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.queued > 0 && n == m.oldest {
		m.remove()
	}
	return nil
}

// Last returns the number of the newest message.
func (m *Memory) Last() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.oldest + uint64(m.queued) - 1
}

// Stats returns the number of messages held and dropped. A message that was dropped while it was on its way counts as
// dropped, although it may have arrived.
func (m *Memory) Stats() (queued int, dropped uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.queued, m.dropped
}

// at returns where message n is. m.mu must be held.
func (m *Memory) at(n uint64) *[]byte { return &m.ring[n%uint64(len(m.ring))] }

// remove removes the oldest message. m.mu must be held.
func (m *Memory) remove() {
	*m.at(m.oldest) = nil
	m.oldest++
	m.queued--
}
