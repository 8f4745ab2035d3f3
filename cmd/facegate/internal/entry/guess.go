package entry

import (
	"time"

	"facegate/pipeline/attempt"
)

// guessTold is how long after the last key whoever types is told that the door stays locked. That is longer than the slow hash takes
// and the disk may take: so a number that is nobody's, a PIN that is wrong, and one that opens nothing any more take the same time. It
// is also how fast a keypad can be tried at.
const guessTold = 2 * time.Second

// holdBack waits until a refusal may be told of an attempt that can be a guess. What opens the door, or waits for something else, is
// told at once.
func (e *Entry) holdBack(t attempt.Attempt, o attempt.Outcome) {
	if !t.Counted || !o.Opened.IsZero() || o.Wait != 0 {
		return
	}
	wait := time.NewTimer(t.Asked.Add(guessTold).Sub(e.parts.Now()))
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-e.stopped:
	}
}
