package device

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// ErrFrameSize refuses a frame that is empty or above MaxBytes.
var ErrFrameSize = errors.New("the frame has an unusable size")

// A Mailbox hands frames from one goroutine that puts to one that takes, and keeps only the newest: a slow taker sees
// the present, never a queue of the past, so that the door cannot open to someone who has left.
//
// It owns two buffers, one for the frame that waits and one for the frame that the taker has. They grow to the largest
// frame and are then used again and again. What a buffer held is cleared as soon as nobody is going to look at it.
type Mailbox struct {
	signal chan struct{} // holds a token if a frame waits or the end has come; a token may also be stale

	mu      sync.Mutex // guards what follows
	waiting Frame      // to be taken if full, else only its Data's memory counts
	taken   []byte     // the Data of the frame that the taker has
	full    bool
	ended   bool
	dropped uint64
}

// NewMailbox returns an empty Mailbox.
func NewMailbox() *Mailbox { return &Mailbox{signal: make(chan struct{}, 1)} }

// Put copies f into the mailbox, over a frame that has not been taken. It does not wait for the taker. The error is
// ErrFrameSize, or ErrEnd after End or Close.
func (m *Mailbox) Put(f Frame) error {
	if n := len(f.Data); n == 0 || n > MaxBytes {
		return fmt.Errorf("%w: %d bytes", ErrFrameSize, n)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ended {
		return ErrEnd
	}
	if m.full {
		m.dropped++
	}
	f.Data = overwrite(m.waiting.Data, f.Data)
	m.waiting, m.full = f, true
	m.wake()
	return nil
}

// Take gives back the frame taken before and waits for a newer one. The frame's Data is valid until the next Take. The
// error is ErrEnd after the last frame, or that of ctx.
func (m *Mailbox) Take(ctx context.Context) (Frame, error) {
	m.release()
	for {
		select {
		case <-ctx.Done():
			return Frame{}, ctx.Err()
		case <-m.signal:
		}
		f, ok, ended := m.next()
		switch {
		case ok:
			return f, nil
		case ended:
			return Frame{}, ErrEnd
		}
	}
}

// End says that no more frames come. Take still returns the one that waits.
func (m *Mailbox) End() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ended = true
	m.wake()
}

// Close ends the mailbox and clears the frame that waits. The one that the taker has is cleared by its next Take.
func (m *Mailbox) Close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ended, m.full = true, false
	m.waiting = Frame{Data: wipe(m.waiting.Data)}
	m.wake()
}

// Dropped returns how many frames were replaced before they were taken.
func (m *Mailbox) Dropped() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.dropped
}

func (m *Mailbox) release() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.taken = wipe(m.taken)
}

// next moves the waiting frame, if there is one, to the taker, and the taker's empty buffer into its place.
func (m *Mailbox) next() (f Frame, ok, ended bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ended {
		m.wake() // the next Take must find the end too
	}
	if !m.full {
		return Frame{}, false, m.ended
	}
	f = m.waiting
	m.waiting, m.taken, m.full = Frame{Data: m.taken}, f.Data, false
	return f, true, m.ended
}

func (m *Mailbox) wake() {
	select {
	case m.signal <- struct{}{}:
	default:
	}
}

// overwrite copies data into the memory of buf and clears what is left of buf's old content. If that memory is too
// small it takes new, with room to spare, for JPEG frames differ in size.
func overwrite(buf, data []byte) []byte {
	n := len(data)
	if cap(buf) < n {
		clear(buf)
		buf = make([]byte, n, n+n/4)
	}
	clear(buf[min(n, len(buf)):])
	buf = buf[:n]
	copy(buf, data)
	return buf
}

// wipe clears what b holds and returns its memory, empty.
func wipe(b []byte) []byte {
	clear(b)
	return b[:0]
}
