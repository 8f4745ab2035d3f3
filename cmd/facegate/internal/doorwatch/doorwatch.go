// Package doorwatch shows to a technician what a door does, while it does it: what happens, and the level of each line.
//
// Nobody else may see it for long. Whoever could watch the contact of a door all day would have a list of comings and goings,
// those of strangers among them. So each watching is short, and noted before it begins; and nothing is kept of what was shown.
package doorwatch

import (
	"context"
	"errors"
	"sync"
	"time"

	"facegate/cmd/facegate/internal/status"
	"facegate/configs/hint"
	"facegate/gpio/door"
)

const (
	lookEvery   = 20 * time.Millisecond // at the levels that no event tells, such as that a button was let go
	backlog     = 256                   // events that wait for a slow reader
	maxWatchers = 4
)

// The reasons for which nothing is shown, or nothing more.
var (
	ErrWatchers = errors.New("too many watch the door already")
	ErrSlow     = errors.New("what the door did was not read in time")
)

// A Watch shows what one door does. Its methods may be called from several goroutines.
type Watch struct {
	status func() door.Status
	start  time.Time // of the gate

	mu       sync.Mutex // guards what follows
	watchers map[*watcher]struct{}
}

// A watcher is somebody who watches.
type watcher struct {
	events chan door.Event
	slow   chan struct{} // closed when an event was lost
	once   sync.Once
}

// New returns the Watch of a door, whose status is as it says.
func New(status func() door.Status, start time.Time) *Watch {
	return &Watch{status: status, start: start, watchers: make(map[*watcher]struct{})}
}

// Emit takes an event of the door. It waits for nothing.
func (w *Watch) Emit(e door.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for r := range w.watchers {
		select {
		case r.events <- e:
		default:
			r.once.Do(func() { close(r.slow) })
		}
	}
}

// Follow calls show, from the calling goroutine, with the level of each line and then for what the door does, until ctx is done.
// First it calls note, and shows nothing if that fails. It returns ErrWatchers, ErrSlow, or the error of note.
func (w *Watch) Follow(ctx context.Context, note func() error, show func(status.DoorMoment)) error {
	r := &watcher{events: make(chan door.Event, backlog), slow: make(chan struct{})}
	if err := w.join(r); err != nil {
		return err
	}
	defer w.leave(r)
	if err := note(); err != nil {
		return err
	}
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	v := view{show: show, start: w.start, levels: make(map[string]bool)}
	v.look(r.events, w.status)
	for {
		select {
		case e := <-r.events:
			v.event(e)
		case <-look.C:
			v.look(r.events, w.status)
		case <-r.slow:
			return hint.Wrap(ErrSlow, "watch again")
		case <-ctx.Done():
			return nil
		}
	}
}

func (w *Watch) join(r *watcher) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.watchers) >= maxWatchers {
		return hint.Wrap(ErrWatchers, "end one of the %d: Ctrl-C where it was started", maxWatchers)
	}
	w.watchers[r] = struct{}{}
	return nil
}

func (w *Watch) leave(r *watcher) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.watchers, r)
}

// A view is what one watcher has seen.
type view struct {
	show   func(status.DoorMoment)
	start  time.Time
	levels map[string]bool // of the lines, by role, as they were last shown
}

// catchUp shows the events that wait, so that none is shown after a level that it led to.
func (v *view) catchUp(events <-chan door.Event) {
	for {
		select {
		case e := <-events:
			v.event(e)
		default:
			return
		}
	}
}

// event shows an event. The level that it tells is not shown again.
func (v *view) event(e door.Event) {
	m := status.DoorMoment{Up: e.At.Sub(v.start), What: e.What, Cause: e.Cause, Line: e.Line}
	if e.Err != nil {
		m.Error, m.Hint = e.Err.Error(), hint.Of(e.Err)
	}
	if role, active, ok := levelOf(e.What); ok {
		v.levels[role.String()] = active
	}
	v.show(m)
}

// levelOf returns the level of an input that an event tells.
func levelOf(w door.What) (role door.Role, active, ok bool) {
	switch w {
	case door.Opened, door.Closed:
		return door.ContactLine, w == door.Opened, true
	case door.ExitAsked:
		return door.ExitLine, true, true
	case door.FireOn, door.FireOff:
		return door.FireLine, w == door.FireOn, true
	case door.Tamper, door.TamperEnded:
		return door.TamperLine, w == door.Tamper, true
	}
	return 0, false, false
}

// look shows the lines whose level is another than it was shown. While an event is under way these levels are older than what it
// tells, or newer than what was shown: the next look sees them.
func (v *view) look(events <-chan door.Event, now func() door.Status) {
	v.catchUp(events)
	s, up := now(), time.Since(v.start)
	if len(events) > 0 {
		return
	}
	for _, l := range s.Lines {
		if was, known := v.levels[l.Role]; known && was == l.Active {
			continue
		}
		v.levels[l.Role] = l.Active
		v.show(status.DoorMoment{Up: up, What: status.Level, Line: l.Role, Active: l.Active, Error: l.Err, Hint: l.Hint})
	}
}
