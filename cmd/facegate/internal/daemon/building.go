package daemon

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"facegate/cmd/facegate/internal/bulletin"
	"facegate/cmd/facegate/internal/health"
	"facegate/cmd/facegate/internal/status"
	"facegate/configs/week"
	"facegate/gpio/door"
	"facegate/pipeline/admit"
	"facegate/pipeline/attempt"
	"facegate/pipeline/publish"
)

// openBulletin makes what keeps building systems told of how the gate is.
func (d *Daemon) openBulletin() error {
	d.bulletin = bulletin.New(bulletin.Parts{
		Door: d.doorNow, Stirred: d.stirred, Gate: d.gateNow, Tell: d.publisher,
		At: events(d.config, nil).At, Log: d.log,
	})
	return d.publisher.SetInfo(publish.Info{
		Version: d.version, Profile: string(d.config.Jurisdiction), Door: d.config.Door.Name, Direction: d.config.Door.Direction,
	})
}

// stir has building systems told of the door as it is after something has happened there. It waits for nothing.
func (d *Daemon) stir() {
	select {
	case d.stirred <- struct{}{}:
	default:
	}
}

// doorNow says how the door is, as far as it has lines for it.
func (d *Daemon) doorNow() publish.Door {
	v, in := d.door.View(), d.wires.Inputs
	now := publish.Door{Lock: publish.Unlocked}
	switch {
	case v.Jammed:
		now.Lock = publish.Jammed
	case v.Locked:
		now.Lock = publish.Locked
	}
	if in.Contact != nil {
		known := v.Known.Has(door.ContactLine)
		now.Held = sign(v.Held, known)
		if now.Leaf = publish.Closed; v.Ajar {
			now.Leaf = publish.Open
		}
		if !known {
			now.Leaf = publish.LeafUnknown
		}
		if d.config.Door.ForcedAlarm() {
			now.Forced = sign(v.Forced, known)
		}
	}
	if in.Tamper != nil {
		now.Tamper = sign(v.Tamper, v.Known.Has(door.TamperLine))
	}
	if in.Fire != nil { // a fire alarm goes on while its line cannot be read
		now.Fire = sign(v.Fire, v.Fire || v.Known.Has(door.FireLine))
	}
	return now
}

// sign says whether something is so, where that is known.
func sign(on, known bool) publish.Sign {
	switch {
	case !known:
		return publish.SignUnknown
	case on:
		return publish.On
	}
	return publish.Off
}

// gateNow says how the gate is. It waits for the records no longer than a status does.
func (d *Daemon) gateNow(ctx context.Context) bulletin.Gate {
	s, _ := running{d: d}.Status(ctx) // which has no error
	h := publish.Health{State: string(s.Health.State), Conditions: conditions(s.Health), Clock: cmp.Or(publish.Clock(s.Clock.Trust), publish.Bad)}
	return bulletin.Gate{Health: h, Mode: d.modeNow(&s, time.Now())}
}

// conditions returns what is not well without any words: they may name groups, and are written by people. Each is there once, in its worst
// state.
func conditions(r health.Report) []publish.Condition {
	all, worst := []publish.Condition{}, []health.State{}
	for _, c := range r.Conditions {
		i := slices.IndexFunc(all, func(p publish.Condition) bool { return p.Name == string(c.Name) && p.Part == string(c.Part) })
		switch {
		case i < 0:
			all, worst = append(all, publish.Condition{Name: string(c.Name), Part: string(c.Part), State: string(c.State)}), append(worst, c.State)
		case c.State.Worse(worst[i]):
			all[i].State, worst[i] = string(c.State), c.State
		}
	}
	return all
}

// modeNow says what opens the door.
func (d *Daemon) modeNow(s *status.Status, now time.Time) publish.Mode {
	c := d.config
	m := publish.Mode{
		Faces: d.whyBlind() == nil && s.FacesOff == nil, Schedule: d.plan.says(), Lockdown: s.Lockout.LockedDown, Match: string(s.Mode),
		MaxPeople: s.People.Limit, ValidDays: c.Enrol.ValidDays, IdleDays: c.Retention.IdleDays,
	}
	m.Ways = d.ways(s, m, now)
	return m
}

// ways returns what opens the door for somebody, as methods, each once. Which groups it is for is nobody's business.
func (d *Daemon) ways(s *status.Status, m publish.Mode, now time.Time) []string {
	all := []string{}
	if s.Record.Full || m.Schedule == scheduleShut {
		return all
	}
	dated := !d.plan.waits()
	for _, r := range d.rules.Table {
		if !d.rules.InForce(r, now, dated) || !served(r, s, m) {
			continue
		}
		if way := wayOf(r); !slices.Contains(all, way) {
			all = append(all, way)
		}
	}
	slices.Sort(all)
	return all
}

// served reports whether every means of a rule opens the door for anybody.
func served(r admit.Rule, s *status.Status, m publish.Mode) bool {
	return !slices.ContainsFunc(r.By, func(by attempt.Means) bool {
		if by == attempt.Face && (!m.Faces || m.Lockdown) {
			return true
		}
		return slices.ContainsFunc(s.Lockout.Means, func(c status.Closed) bool { return c.Means == by.String() && c.WaitS > 0 })
	})
}

func wayOf(r admit.Rule) string {
	var methods []string
	for _, by := range r.By {
		methods = append(methods, by.Method())
	}
	slices.Sort(methods)
	return strings.Join(methods, "+")
}

// What the schedule of a door says to building systems.
const (
	scheduleRules = "rules"
	scheduleOpen  = "open"
	scheduleShut  = "shut"
	scheduleWaits = "waits"
)

// says returns what the schedule says now, in a word.
func (p *planner) says() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.plan == nil:
		return scheduleRules
	case p.waiting:
		return scheduleWaits
	case p.state == week.Open:
		return scheduleOpen
	case p.state == week.Shut:
		return scheduleShut
	}
	return scheduleRules
}
