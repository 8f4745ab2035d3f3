package publish

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
)

// The numbers of a gate give events and alarms their places, from 1 and without a gap. They are kept with the newest message of the
// outbox, so that no restart, replay or power cut gives a number twice. With the outbox they end, as in a wipe, and the next ones
// count for another Store.
type numbers struct {
	Store  string `json:"store"`  // drawn where there are no numbers yet
	Events uint64 `json:"events"` // the newest
	Alarms uint64 `json:"alarms"` // the newest; they count apart, so that an alarm by itself leaves no gap in the events
}

// resume reads the mark of an outbox. Where it has none, or one that another version has left, the numbers begin for another Store.
func resume(mark []byte, rand io.Reader) (n numbers, err error) {
	if json.Unmarshal(mark, &n) == nil && n.Store != "" {
		return n, nil
	}
	n = numbers{}
	n.Store, err = newID(rand)
	return n, err
}

// newID draws 64 bits, as 16 hexadecimal digits.
func newID(rand io.Reader) (string, error) {
	var b [8]byte
	if _, err := io.ReadFull(rand, b[:]); err != nil {
		return "", fmt.Errorf("publish: draw an id: %w", err)
	}
	return hex.EncodeToString(b[:]), nil
}
