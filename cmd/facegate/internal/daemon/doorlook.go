package daemon

import (
	"context"
	"errors"
	"sync"
	"time"

	"facegate/cmd/facegate/internal/people"
	"facegate/cmd/facegate/internal/status"
	"facegate/configs/hint"
	"facegate/gpio/door"
	"facegate/store/audit"
)

// How often within an hour a technician may see what contact and button say. To wire a door takes less; to note who comes and
// goes would take all day.
const (
	watchings = 10 // what the door does, for two minutes at most; each is an entry in the audit log
	looks     = 60 // how the door is at a moment
)

// Errors of who looks at the door too often.
var (
	errWatchings = errors.New("the door was watched too often within the hour")
	errLooks     = errors.New("how the door is was asked too often within the hour")
)

// Door implements control.Running.
func (r running) Door(context.Context) (status.Door, error) { return r.d.lookAtDoor(r.by) }

// WatchDoor implements control.Running.
func (r running) WatchDoor(ctx context.Context, show func(status.DoorMoment)) error {
	return r.d.watch.Follow(ctx, func() error { return r.d.noteWatching(time.Now(), r.by) }, show)
}

// Door implements control.Running.
func (l left) Door(context.Context) (status.Door, error) { return l.r.parts.lookAtDoor(l.by) }

// WatchDoor implements control.Running. It is noted in the log of the service, because there is no audit log.
func (l left) WatchDoor(ctx context.Context, show func(status.DoorMoment)) error {
	d := l.r.parts
	return d.watch.Follow(ctx, func() error {
		d.log.Warn("the door is watched, which the audit log does not hold", "by", people.UserName(l.by))
		return d.watchings.take(time.Now(), watchings, errWatchings)
	}, show)
}

// lookAtDoor says how the door is.
func (d *Daemon) lookAtDoor(by audit.Actor) (status.Door, error) {
	if err := d.looks.take(time.Now(), looks, errLooks); err != nil {
		return status.Door{}, err
	}
	d.log.Info("somebody asks how the door is", "by", people.UserName(by))
	s := d.doorSettings()
	told := status.Door{Status: d.door.Status(), Kind: s.Kind, Fail: s.Fail, Pulse: s.Pulse, Schedule: d.doorPlan()}
	if h := d.holding.left(time.Now()); h != nil {
		told.Held = h.By + ": " + h.Reason
	}
	return told, nil
}

// noteWatching refuses what comes too often, and notes what does not.
func (d *Daemon) noteWatching(now time.Time, by audit.Actor) error {
	log := d.store.Log()
	return noteRationed(now, log.Watchings, watchings, errWatchings, func() error { return log.Watched(now, by) })
}

// noteRationed writes down what may be had so often within an hour, or refuses it with refusal. before says when it was had.
func noteRationed(now time.Time, before func(since time.Time) ([]time.Time, error), most int, refusal error, note func() error) error {
	at, err := before(now.Add(-time.Hour))
	if err != nil {
		return err
	}
	if len(at) >= most {
		return tooOften(refusal, at[0], now)
	}
	return note()
}

// tooOften advises who has to wait until an hour after a first time.
func tooOften(err error, first, now time.Time) error {
	return hint.Wrap(err, "wait %v", first.Add(time.Hour).Sub(now).Round(time.Second))
}

// A ration counts what may be had so often within an hour.
type ration struct {
	mu    sync.Mutex // guards taken
	taken []time.Time
}

// take takes one of most, or refuses with refusal.
func (r *ration) take(now time.Time, most int, refusal error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.taken) > 0 && now.Sub(r.taken[0]) >= time.Hour {
		r.taken = r.taken[1:]
	}
	if len(r.taken) >= most {
		return tooOften(refusal, r.taken[0], now)
	}
	r.taken = append(r.taken, now)
	return nil
}

// told is what everybody is told of the door who may use the socket: whoever asked for the rest again and again would have a list
// of comings and goings. That is contact and button; and for whom the door is open, where nobody has decided it.
func told(s door.Status) door.Status {
	s.Contact = ""
	if s.Why == door.Exit || s.Why == door.Granted || s.Why == door.Hand {
		s.Why = ""
	}
	faulty := []door.LineStatus{}
	for _, l := range s.Lines {
		if l.Err != "" {
			l.Active = false
			faulty = append(faulty, l)
		}
	}
	s.Lines = faulty
	return s
}
