package sim

import (
	"context"
	"sync"
	"time"

	"facegate/gpio"
)

// A Pair is a gpio.Pair in memory. Its clock begins when it is made.
type Pair struct {
	made    time.Time
	changed chan struct{} // has a token when there is something for Watch

	mu      sync.Mutex // guards what follows
	seq     uint32
	low     [2]bool
	pending []fall
	failed  error // gpio.ErrClosed once it is closed
}

// A fall is a falling edge that was not told yet.
type fall struct {
	line int
	at   time.Duration
	seq  uint32
}

var _ gpio.Pair = (*Pair)(nil)

// NewPair returns two lines at rest.
func NewPair() *Pair { return &Pair{made: time.Now(), changed: make(chan struct{}, 1)} }

// Fall has a line fall and rise again, from outside, so long after the pair was made.
func (p *Pair) Fall(line int, at time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seq++
	p.pending = append(p.pending, fall{line, at, p.seq})
	p.wake()
}

// Lose has an edge counted that is told to nobody.
func (p *Pair) Lose() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seq++
}

// Hold says which lines are low from now on.
func (p *Pair) Hold(low [2]bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.low = low
	p.wake()
}

// Now is the present on the clock of the pair.
func (p *Pair) Now() time.Duration { return time.Since(p.made) }

// Fail makes Watch return err, now and whenever it is called, until Fail(nil). The edges are counted anew.
func (p *Pair) Fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failed != gpio.ErrClosed {
		p.failed, p.seq, p.pending = err, 0, nil
	}
	p.wake()
}

// restEvery is how often a Watch says that the lines rest.
const restEvery = 10 * time.Millisecond

// Watch tells the edges.
func (p *Pair) Watch(ctx context.Context, fell gpio.Fell, rests gpio.Rests) error {
	ticker := time.NewTicker(restEvery)
	defer ticker.Stop()
	for ctx.Err() == nil {
		now := p.Now()
		falls, low, err := p.take()
		if err != nil {
			return err
		}
		for _, f := range falls {
			fell(f.line, f.at, f.seq)
			now = max(now, f.at) // a burst is told at once
		}
		rests(now, low)
		select {
		case <-ctx.Done():
		case <-p.changed:
		case <-ticker.C:
		}
	}
	return nil
}

func (p *Pair) take() (falls []fall, low [2]bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	falls, p.pending = p.pending, nil
	return falls, p.low, p.failed
}

// Close ends Watch.
func (p *Pair) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failed == gpio.ErrClosed {
		return gpio.ErrClosed
	}
	p.failed = gpio.ErrClosed
	p.wake()
	return nil
}

func (p *Pair) String() string { return "simulated pair of lines" }

func (p *Pair) wake() {
	select {
	case p.changed <- struct{}{}:
	default:
	}
}
