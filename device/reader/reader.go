// Package reader says what a reader at the door is, and what it has read. It knows no reader.
package reader

import (
	"context"
	"errors"
	"time"
)

// A Kind is what a reader has read.
type Kind uint8

// The kinds.
const (
	Code       Kind = iota + 1 // the text of a QR code
	Card                       // what a card tells of itself, which another card can be made to tell as well (card-uid)
	SecureCard                 // the same of a card whose reader has had it prove a key (card-secure)
	Keys                       // the keys 0 to 9 and *, as typed, which # or Enter has ended
)

var kinds = [...]string{Code: "code", Card: "card", SecureCard: "secure card", Keys: "keys"}

// String returns the kind in words, "" for none.
func (k Kind) String() string {
	if int(k) >= len(kinds) {
		return ""
	}
	return kinds[k]
}

// Camera is the name of the reader that every gate has.
const Camera = "camera"

// A Scan is what a reader has read, and nobody has looked up yet.
type Scan struct {
	Reader string // its name in the configuration, or Camera
	Kind   Kind
	Value  []byte    // the receiver's own, to be cleared after use
	At     time.Time // of the last edge, key or frame; with a monotonic reading
}

// Clear overwrites what was read.
func (s Scan) Clear() { clear(s.Value) }

// ErrUnread says that something was shown or typed, and was not read whole. The reader is well: it may be shown again.
var ErrUnread = errors.New("what was shown could not be read")

// A Source is a reader at work. One goroutine at a time may call Read; Close and String may be called from any.
type Source interface {
	// Read returns the next scan. What was shown before Read was called may be returned or not; its time tells. Four things
	// might happen:
	//   1. It returns a Scan.
	//   2. It returns the error of ctx, which is done.
	//   3. It returns an error that wraps ErrUnread: somebody may be told to show it again, and Read may be called again at once.
	//   4. It returns another error, with a hint: the reader cannot be read, because it is unplugged, say, or it is closed. Read
	//      may be called again. It waits for the reader to be back, and says no second time why it is not.
	Read(ctx context.Context) (Scan, error)

	// Close ends Read, and releases the reader. After it Read returns an error that wraps ErrClosed. Close may be called again.
	Close() error

	// String names the reader as a technician would ("desk, /dev/input/by-id/usb-Card_Reader-event-kbd").
	String() string
}

// An Attached is a Source whose reader can be taken away.
type Attached interface {
	Source

	// Fault says why the reader cannot be read now, with a hint; nil if it can, or if nobody has tried yet. It may be called from
	// any goroutine.
	Fault() error
}

// ErrClosed says that a Source was closed.
var ErrClosed = errors.New("the reader is closed")

// Rest leaves a reader alone for d, or until ctx is done.
func Rest(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
