package device

import (
	"context"
	"time"
)

// The pauses before a source is opened again. A camera that was unplugged must deliver within 1 s of its return, and within 5 s
// even where nothing tells of that.
const (
	briefPause   = 50 * time.Millisecond  // once the source seems to be back: a node is there before it can be opened
	firstPause   = 250 * time.Millisecond // otherwise
	longestPause = 3 * time.Second        // the longest, and the only one after an error that somebody must mend
)

// Pauses are how long to wait for a source before each attempt to open it. They double with each failure.
type pauses struct {
	next     time.Duration // 0 before the first
	settling bool          // the source seems to be back, and whatever is wrong with it may pass
}

// after returns the pause after a failure.
func (p *pauses) after(err error) time.Duration {
	if Final(err) && !p.settling {
		return longestPause
	}
	pause := max(p.next, firstPause)
	if p.settling {
		pause = p.next
	}
	p.next = min(2*pause, longestPause)
	p.settling = p.settling && p.next < longestPause
	return pause
}

// held begins anew after a stream that has lasted.
func (p *pauses) held() { *p = pauses{} }

// returned begins anew when the source seems to be back.
func (p *pauses) returned() { *p = pauses{next: briefPause, settling: true} }

// blind is the Watch on a source of which nothing tells that it is back.
type blind struct{}

// Wait implements Watch.
func (blind) Wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
	return false
}

// Close implements Watch.
func (blind) Close() error { return nil }
