package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"facegate/cmd/facegate/internal/health"
	"facegate/cmd/facegate/internal/status"
	"facegate/configs"
	"facegate/configs/week"
	"facegate/gpio/door"
	"facegate/pipeline/schedule"
	"facegate/store/clock"
)

const (
	// planEvery is how often the door is told what its schedule says.
	planEvery = time.Second

	// planPatience is for how long the records may take to say whether the clock is right. A disk that hangs keeps no door open.
	planPatience = 5 * time.Second
)

// A planner is the task that has the door follow its schedule, and rules their plans, while the clock is known to be right and no
// longer.
type planner struct {
	plan   *schedule.Schedule // nil where there is none
	rules  []int              // the numbers of those rules that have a plan, from 1
	clock  func() reading     // it may wait for a disk
	follow func(door.Plan)
	log    *slog.Logger
	ready  chan struct{}

	mu      sync.Mutex // guards what follows
	waiting bool       // the clock is not known to be right
	state   week.State // what the schedule says now, if it is followed
	wall    time.Time  // what the clock said then
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
		follow: d.door.Follow, log: d.log, ready: make(chan struct{}), clock: d.readClock,
	}
	for i, r := range d.rules.Table {
		if r.When != "" {
			d.plan.rules, d.plan.waiting = append(d.plan.rules, i+1), true
		}
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

// readClock says what the clock says. Without records, which remember what it said before, a time server has to vouch for it.
func (d *Daemon) readClock() reading {
	if d.store == nil {
		r := d.clock()
		return reading{r.Wall, r.Synced && !r.Wall.Before(clock.Floor())}
	}
	v := d.store.Clock().Verdict()
	return reading{v.Wall, v.Right()}
}

func (p *planner) String() string         { return "schedule" }
func (p *planner) Ready() <-chan struct{} { return p.ready }

// Run tells the door what the schedule says, until ctx is cancelled. The clock is read by another goroutine, for which Run waits in
// the end: a disk that hangs does not keep it from taking back what it has said.
func (p *planner) Run(ctx context.Context) error {
	close(p.ready)
	if p.plan == nil && len(p.rules) == 0 {
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
	if r.right && p.plan != nil {
		state = p.plan.At(r.wall)
	}
	p.mu.Lock()
	changed, turned := state != p.state, r.right == p.waiting
	p.state, p.waiting, p.wall = state, !r.right, r.wall
	p.mu.Unlock()
	p.follow(planOf(state))
	switch {
	case turned && !r.right:
		p.log.Warn(p.what()+" until the clock is known to be right", "hint", p.advice())
	case turned:
		p.log.Info("the door follows its schedule and all rules, because the clock is known to be right")
	}
	if changed {
		p.log.Info("the schedule of the door", "says", saysOf(state))
	}
}

// what says what waits for the clock.
func (p *planner) what() string {
	var waits []string
	if p.plan != nil {
		waits = append(waits, "the schedule of the door is not followed")
	}
	switch n := len(p.rules); {
	case n == 1:
		waits = append(waits, fmt.Sprintf("rule %d of the door does not count", p.rules[0]))
	case n > 1:
		waits = append(waits, fmt.Sprintf("rules %s of the door do not count", strings.Trim(strings.ReplaceAll(fmt.Sprint(p.rules), " ", ", "), "[]")))
	}
	return strings.Join(waits, ", and ")
}

// advice says what to do about the clock.
func (p *planner) advice() string {
	if p.plan == nil {
		return "see facegate clock, and facegate rules for what opens the door meanwhile"
	}
	return adviceClock
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

// changes returns when what the schedule says changes, in the zone of the door, zero if that is not known, and what the clock said when
// the schedule was last followed.
func (p *planner) changes() (next, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.plan != nil && !p.waiting {
		next, _ = p.plan.Next(p.wall)
	}
	return next, p.wall
}

// status says what the schedule says at now, whether it is followed or not.
func (p *planner) status(now time.Time) *status.DoorPlan {
	s := &status.DoorPlan{Says: string(p.plan.At(now)), Waits: p.waits()}
	s.Next, _ = p.plan.Next(now)
	return s
}

// waits reports whether there is a schedule that is not followed, or a rule that does not count.
func (p *planner) waits() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.waiting
}

// planHealth says that the schedule is not followed, which rules do not count, and that the list of holidays has come to its end.
func (d *Daemon) planHealth(*status.Status) []health.Condition {
	if d.plan.waits() {
		return health.When(true, health.PlanWaits, health.Door, health.Degraded, d.plan.what()+": the clock is not known to be right", d.plan.advice())
	}
	_, now := d.plan.changes()
	if now.IsZero() {
		return nil
	}
	reason, todo := d.config.HolidaysPast(now)
	return health.When(reason != "", health.HolidaysPast, health.Door, health.Degraded, reason, todo)
}
