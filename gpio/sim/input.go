package sim

import (
	"context"
	"sync"
	"time"

	"facegate/gpio"
)

// An Input is a gpio.Input in memory. Its levels are settled: what Set was called with is told, however short it was.
type Input struct {
	changed chan struct{} // has a token when there is something for Watch

	mu      sync.Mutex // guards what follows
	level   gpio.Level
	pending []gpio.Level // since Watch was there last
	failed  error        // gpio.ErrClosed once it is closed
}

var _ gpio.Input = (*Input)(nil)

// NewInput returns an inactive input.
func NewInput() *Input {
	return &Input{changed: make(chan struct{}, 1), level: gpio.Level{At: time.Now()}}
}

// Set sets the level of the line from outside.
func (in *Input) Set(active bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if active == in.level.Active {
		return
	}
	in.level = gpio.Level{At: time.Now(), Active: active}
	in.pending = append(in.pending, in.level)
	in.wake()
}

// Fail makes Watch return err, now and whenever it is called, until Fail(nil).
func (in *Input) Fail(err error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.failed != gpio.ErrClosed {
		in.failed = err
	}
	in.wake()
}

// Watch tells the level and its changes.
func (in *Input) Watch(ctx context.Context, emit func(gpio.Level)) error {
	in.mu.Lock()
	in.pending = []gpio.Level{{At: time.Now(), Active: in.level.Active}}
	in.mu.Unlock()
	for ctx.Err() == nil {
		levels, err := in.take()
		if err != nil {
			return err
		}
		for _, l := range levels {
			emit(l)
		}
		select {
		case <-ctx.Done():
		case <-in.changed:
		}
	}
	return nil
}

// Close ends Watch.
func (in *Input) Close() error {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.failed == gpio.ErrClosed {
		return gpio.ErrClosed
	}
	in.failed = gpio.ErrClosed
	in.wake()
	return nil
}

func (in *Input) String() string { return "simulated input" }

// take returns what Watch has to tell.
func (in *Input) take() (levels []gpio.Level, err error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	levels, in.pending = in.pending, nil
	return levels, in.failed
}

// wake has Watch look again.
func (in *Input) wake() {
	select {
	case in.changed <- struct{}{}:
	default:
	}
}
