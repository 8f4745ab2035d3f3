package daemon

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"facegate/configs/hint"
	"facegate/gpio/door"
	"facegate/store/audit"
)

// alarmRest is for how long after an alarm another of its kind is not written into the audit log. A loose wire would fill the
// disk.
const alarmRest = 10 * time.Second

// doorEvents is the task that tells what goes wrong at the door: to the log, and the alarms to the audit log. That somebody
// opens it or asks for the exit is told to neither: it would be a record of who comes and goes. That the door was opened by what is no
// attempt is handed over for building systems, and kept until they have it.
//
// The door hands events over without waiting. Those that come before Run wait in the queue.
type doorEvents struct {
	queue    chan door.Event
	lost     atomic.Uint64
	log      *slog.Logger
	also     func(door.Event)                 // is told of every event too
	note     func(at time.Time, k audit.Kind) // hands an alarm over for the audit log; nil where there is none
	opened   func(at time.Time, by string)    // hands an opening over; nil where nobody is told
	ready    chan struct{}
	noted    map[audit.Kind]time.Time // when an alarm was last written
	openings openings
}

func newDoorEvents(also func(door.Event), log *slog.Logger) *doorEvents {
	return &doorEvents{
		also: also, queue: make(chan door.Event, 256), log: log, ready: make(chan struct{}), noted: make(map[audit.Kind]time.Time),
		openings: openings{told: make(map[string]time.Time)},
	}
}

// emit hands an event over. If too many wait it is lost, and counted.
func (d *doorEvents) emit(e door.Event) {
	select {
	case d.queue <- e:
	default:
		d.lost.Add(1)
	}
}

func (d *doorEvents) String() string         { return "events of the door" }
func (d *doorEvents) Ready() <-chan struct{} { return d.ready }

// Run tells events until ctx is cancelled and none waits.
func (d *doorEvents) Run(ctx context.Context) error {
	close(d.ready)
	for {
		select {
		case e := <-d.queue:
			d.tell(e)
		case <-ctx.Done():
			for {
				select {
				case e := <-d.queue:
					d.tell(e)
				default:
					return nil
				}
			}
		}
	}
}

// tell tells an event, and how many were lost before it.
func (d *doorEvents) tell(e door.Event) {
	if n := d.lost.Swap(0); n > 0 {
		d.log.Error("events of the door were lost, because too many came at once", "events", n, "hint", "see whether a line of the door is loose")
	}
	switch says := inWords(e.What); {
	case e.What == door.LineFault:
		d.log.Error("a line of the door is in fault", "line", e.Line, "error", e.Err, "hint", hint.Of(e.Err))
	case e.What == door.LineMended:
		d.log.Info("a line of the door works again", "line", e.Line)
	case e.What == door.Unlocked && e.Cause == door.Schedule:
		d.log.Info("the door is open to everybody, by its schedule")
	case kindOf(e.What) != 0 || e.What == door.Held:
		d.log.Warn(says)
	case says != "":
		d.log.Info(says)
	}
	d.also(e)
	d.alarm(e)
	if by := d.openings.of(e); by != "" && d.opened != nil {
		d.opened(e.At, by)
	}
}

// inWords says what went wrong at the door, or is over; "" for anything else.
func inWords(w door.What) string {
	switch w {
	case door.Forced:
		return "alarm: the door was opened, and nobody was let in or out"
	case door.ForcedEnded:
		return "the door that was forced is shut again"
	case door.Held:
		return "alarm: the door stands open for too long"
	case door.HeldEnded:
		return "the door stands open no more"
	case door.Tamper:
		return "alarm: somebody opens the housing"
	case door.TamperEnded:
		return "the housing is shut again"
	case door.FireOn:
		return "fire alarm: the door is unlocked"
	case door.FireOff:
		return "the fire alarm is over"
	}
	return ""
}

// alarm hands an alarm over for the audit log, unless one of its kind was just before.
func (d *doorEvents) alarm(e door.Event) {
	k := kindOf(e.What)
	if k == 0 || d.note == nil || !d.noted[k].IsZero() && e.At.Sub(d.noted[k]) < alarmRest {
		return
	}
	d.noted[k] = e.At
	d.note(e.At, k)
}

// kindOf returns as what an event is written into the audit log, 0 if it is not.
func kindOf(w door.What) audit.Kind {
	switch w {
	case door.Forced:
		return audit.DoorForced
	case door.Tamper:
		return audit.Tampered
	case door.FireOn:
		return audit.FireAlarm
	}
	return 0
}
