package daemon

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"facegate/cmd/facegate/internal/people"
	"facegate/cmd/facegate/internal/status"
	"facegate/configs/hint"
	"facegate/gpio/door"
)

// A Hold is a door that somebody holds open, as one process leaves it to the next. It does not outlive a restart.
type Hold struct {
	Left   time.Duration // until it ends; of one that was left, door.Left says so
	By     string        // a user of this machine
	Reason string
}

// A holding knows who holds the door open, and until when.
type holding struct {
	mu    sync.Mutex // guards what follows
	hold  Hold       // without Left
	since time.Time  // from when it is
	until time.Time  // zero if nobody does
}

// begin notes a hold, end that there is none.
func (h *holding) begin(hold Hold, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.since, h.until, hold.Left = now, now.Add(hold.Left), 0
	h.hold = hold
}

// end notes that there is no hold any more, and reports whether there was one since before at.
func (h *holding) end(at time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.since.After(at) {
		return false
	}
	was := !h.until.IsZero()
	h.until, h.hold = time.Time{}, Hold{}
	return was
}

// left returns the hold that there is at now, nil for none.
func (h *holding) left(now time.Time) *Hold {
	h.mu.Lock()
	defer h.mu.Unlock()
	hold := h.hold
	if hold.Left = h.until.Sub(now); h.until.IsZero() || hold.Left <= 0 {
		return nil
	}
	return &hold
}

// HoldDoor implements control.Running. Whoever holds the door is in the audit log before it opens.
func (r running) HoldDoor(_ context.Context, q status.DoorHold) error {
	d, now := r.d, time.Now()
	if err := d.door.HoldRefusal(q.For); err != nil {
		return holdError(err)
	}
	if err := d.store.Log().Held(now, r.by, q.For); err != nil {
		return holdError(err)
	}
	hold := Hold{Left: q.For, By: people.UserName(r.by), Reason: q.Reason}
	d.holding.begin(hold, time.Now())
	if err := d.door.Hold(q.For); err != nil {
		d.holding.end(time.Now())
		return holdError(err)
	}
	d.log.Info("the door is held open", "for", q.For.String(), "by", hold.By, "reason", q.Reason)
	return nil
}

// ReleaseDoor implements control.Running. The door is released first: what locks a door waits for no disk.
func (r running) ReleaseDoor(context.Context) error {
	d := r.d
	if err := d.door.Release(); err != nil {
		return hint.Wrap(fmt.Errorf("release the door: %w", err), "facegate door status says why it is open")
	}
	d.holding.end(time.Now())
	d.log.Info("the door is held open no more", "by", people.UserName(r.by))
	return d.store.Log().Released(time.Now(), r.by)
}

// HoldDoor implements control.Running: it refuses, because nobody could write down who did it.
func (l left) HoldDoor(context.Context, status.DoorHold) error { return l.r.why }

// ReleaseDoor implements control.Running: nobody holds the door.
func (l left) ReleaseDoor(context.Context) error { return door.ErrNotHeld }

// holdError gives err advice where it has none.
func holdError(err error) error {
	return hint.Wrap(fmt.Errorf("hold the door: %w", err), "%s", cmp.Or(hint.Of(err), "see facegate status"))
}

// resumeHold notes who holds the door that the process before this one has left open.
func (d *Daemon) resumeHold() {
	left, h := d.outside.Left.Door, d.outside.Left.Hold
	if left == nil || left.Hold <= 0 || h == nil {
		return
	}
	hold := *h
	hold.Left = left.Hold
	d.holding.begin(hold, time.Now())
	d.log.Info("the door is held open, as it was before", "for", hold.Left.Round(time.Second).String(), "by", hold.By, "reason", hold.Reason)
}

// overHold tells the log when a hold has come to its end by itself.
func (d *Daemon) overHold(e door.Event) {
	if e.What == door.Locked && d.holding.end(e.At) {
		d.log.Info("the door is held open no more: its time is over")
	}
}

// doorPlan says what the schedule says, and what will change.
func (d *Daemon) doorPlan() *status.DoorPlan {
	if d.plan == nil || d.plan.plan == nil {
		return nil
	}
	return d.plan.status(d.clock().Wall)
}
