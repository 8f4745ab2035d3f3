package daemon

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"facegate/cmd/facegate/internal/health"
	"facegate/cmd/facegate/internal/status"
	"facegate/configs"
	"facegate/configs/week"
	"facegate/gpio/door"
	"facegate/pipeline/schedule"
)

const (
	// planEvery is how often the door is told what its schedule says.
	planEvery = time.Second

	// planPatience is for how long the records may take to say whether the clock is right. A disk that hangs keeps no door open.
	planPatience = 5 * time.Second
)

// A planner is the task that has the door follow its schedule, while the clock is known to be right and no longer.
type planner struct {
	plan   *schedule.Schedule // nil where there is none
	clock  func() reading     // it may wait for a disk
	follow func(door.Plan)
	log    *slog.Logger
	ready  chan struct{}

	mu      sync.Mutex // guards what follows
	waiting bool       // the clock is not known to be right
	state   week.State // what the schedule says now, if it is followed
}

// A reading is what the clock says, and whether that is known to be right.
type reading struct {
	wall  time.Time
	right bool
}

// openPlan makes the planner of the configuration.
func (d *Daemon) openPlan() error {
	c := d.config
	d.plan = &planner{
		follow: d.door.Follow, log: d.log, ready: make(chan struct{}),
		clock: func() reading {
			v := d.store.Clock().Verdict()
			return reading{v.Wall, v.Right()}
		},
	}
	if len(c.Door.Schedule) == 0 {
		return nil
	}
	zone, err := time.LoadLocation(c.TimeZone)
	if err != nil {
		return configs.About("time_zone", err)
	}
	d.plan.plan, d.plan.waiting = schedule.New(c.Door.Schedule, c.Door.Holidays, zone), true
	return nil
}

func (p *planner) String() string         { return "schedule" }
func (p *planner) Ready() <-chan struct{} { return p.ready }

// Run tells the door what the schedule says, until ctx is cancelled. The clock is read by another goroutine, for which Run waits in
// the end: a disk that hangs does not keep it from taking back what it has said.
func (p *planner) Run(ctx context.Context) error {
	close(p.ready)
	if p.plan == nil {
		<-ctx.Done()
		return nil
	}
	var asking sync.WaitGroup
	defer asking.Wait()
	tick := time.NewTicker(planEvery)
	defer tick.Stop()
	answers, asked := make(chan reading, 1), time.Time{}
	for {
		if asked.IsZero() {
			asked = time.Now()
			asking.Go(func() { answers <- p.clock() })
		}
		select {
		case r := <-answers:
			p.say(r)
			asked = time.Time{}
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if time.Since(asked) >= planPatience {
				p.say(reading{})
			}
			continue
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// say has the door follow what the schedule says of a reading, or nothing if that is not right.
func (p *planner) say(r reading) {
	state := week.Normal
	if r.right {
		state = p.plan.At(r.wall)
	}
	p.mu.Lock()
	changed, turned := state != p.state, r.right == p.waiting
	p.state, p.waiting = state, !r.right
	p.mu.Unlock()
	p.follow(planOf(state))
	switch {
	case turned && !r.right:
		p.log.Warn("the schedule of the door waits until the clock is known to be right", "hint", adviceClock)
	case turned:
		p.log.Info("the door follows its schedule, because the clock is known to be right")
	}
	if changed {
		p.log.Info("the schedule of the door", "says", saysOf(state))
	}
}

const adviceClock = "see facegate clock; until then the door is neither open to everybody nor shut to all"

func planOf(s week.State) door.Plan {
	switch s {
	case week.Open:
		return door.Open
	case week.Shut:
		return door.Shut
	}
	return door.Normal
}

func saysOf(s week.State) string {
	switch s {
	case week.Open:
		return "open to everybody"
	case week.Shut:
		return "shut to all"
	}
	return "as the rules have it"
}

// status says what the schedule says at now, whether it is followed or not.
func (p *planner) status(now time.Time) *status.DoorPlan {
	s := &status.DoorPlan{Says: string(p.plan.At(now)), Waits: p.waits()}
	s.Next, _ = p.plan.Next(now)
	return s
}

// waits reports whether there is a schedule that is not followed.
func (p *planner) waits() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.waiting
}

// planHealth says that the schedule is not followed.
func (d *Daemon) planHealth(*status.Status) []health.Condition {
	return health.When(d.plan.waits(), health.Door, health.Degraded, "the schedule of the door is not followed: the clock is not known to be right",
		adviceClock)
}
