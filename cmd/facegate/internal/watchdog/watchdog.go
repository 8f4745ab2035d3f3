// Package watchdog has a service manager end a gate that does not go on. The service manager waits to be fed, and ends the
// process when it was not for a while (systemd.service(5), WatchdogSec=).
//
// The watchdog is fed after a round of the door task, as long as no other part hangs. Nothing feeds it by the clock. So a
// process that is suspended is ended, one whose door task hangs is, and one that looks at the same frame for ever is too.
package watchdog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"facegate/configs/hint"
)

// ErrHangs says that a part does not go on.
var ErrHangs = errors.New("does not go on")

// A Part does one thing after another.
type Part struct {
	Name  string               // such as "what looks at faces"
	Busy  func() time.Duration // for how long it has been at one thing, 0 while it waits for the next; it must not block
	Limit time.Duration        // beyond which it hangs
}

// Judge returns why the first of the parts that hang does, nil if none hangs.
func Judge(parts []Part) error {
	for _, p := range parts {
		if busy := p.Busy(); busy > p.Limit {
			return hint.Wrap(fmt.Errorf("%s %w: it has been at one thing for %v", p.Name, ErrHangs, busy.Round(time.Second)),
				"systemd ends the process and starts it again (WatchdogSec= of the unit); without systemd, start facegate again")
		}
	}
	return nil
}

// often is how often a watchdog is fed at most: a door that goes round at each of a hundred edges of a bad contact feeds
// no hundred times.
const often = 250 * time.Millisecond

// A Watchdog is the task that feeds.
type Watchdog struct {
	parts  []Part
	feed   func() error
	log    *slog.Logger
	ready  chan struct{}
	rounds chan struct{} // has a token when the door task has gone round

	fed    time.Time // by the goroutine of Run alone, as is what follows
	logged string    // the trouble that was logged last, "" while there is none

	mu   sync.Mutex // guards what follows
	hung error
}

// New returns the Watchdog of parts, which calls feed.
func New(parts []Part, feed func() error, log *slog.Logger) *Watchdog {
	return &Watchdog{parts: parts, feed: feed, log: log, ready: make(chan struct{}), rounds: make(chan struct{}, 1)}
}

func (w *Watchdog) String() string { return "watchdog" }

// Ready is closed when rounds are heard of.
func (w *Watchdog) Ready() <-chan struct{} { return w.ready }

// Round says that the door task has gone round. It never blocks, and may be called before Run.
func (w *Watchdog) Round() {
	select {
	case w.rounds <- struct{}{}:
	default:
	}
}

// Hung says why the watchdog was not fed after the last round, nil if it was.
func (w *Watchdog) Hung() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.hung
}

// Run feeds until ctx is cancelled. It returns nil. That it cannot feed is logged, and is for the service manager to judge.
func (w *Watchdog) Run(ctx context.Context) error {
	close(w.ready)
	for {
		select {
		case <-w.rounds:
			w.look()
		case <-ctx.Done():
			return nil
		}
	}
}

// look feeds unless a part hangs.
func (w *Watchdog) look() {
	hung := Judge(w.parts)
	w.mu.Lock()
	w.hung = hung
	w.mu.Unlock()
	if hung != nil {
		w.tell(hung, "the watchdog is not fed, so that the gate is started anew")
		return
	}
	now := time.Now()
	if now.Sub(w.fed) < often {
		return
	}
	w.fed = now
	w.tell(w.feed(), "the watchdog cannot be fed")
}

// tell logs trouble when it comes and when it goes, and not at each round.
func (w *Watchdog) tell(err error, what string) {
	switch {
	case err == nil && w.logged != "":
		w.log.Info("the watchdog is fed again")
		w.logged = ""
	case err != nil && w.logged != what:
		w.log.Error(what, "error", err, "hint", hint.Of(err))
		w.logged = what
	}
}
