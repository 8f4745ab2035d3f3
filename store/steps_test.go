package store_test

import (
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"facegate/pipeline/template"
	"facegate/store"
	"facegate/store/audit"
	"facegate/store/clock"
	"facegate/store/clock/clocktest"
	"facegate/store/storetest"
)

// A term is what a person of TestClockSteps has coming by the true time.
type term struct {
	id      template.PersonID
	expires time.Time
	seen    time.Time
}

const (
	idleAfter  = 180 * oneDay // as in storetest
	valid      = 200 * oneDay
	tolerance  = time.Hour // a clock that is a little wrong gives dates that are
	manyPeople = 50
)

// over reports whether the person is to be gone by now, and whether they may.
func (p term) over(now time.Time) (must, may bool) {
	left := p.expires.Sub(now)
	return left < -tolerance, left < tolerance || now.Sub(p.seen) > idleAfter-tolerance
}

// A clocked is a store of a machine whose clock is set at random.
type clocked struct {
	t       *testing.T
	dir     string
	machine *clocktest.Machine
	random  *rand.Rand
	store   *store.Store
	people  map[string]term
	next    int
	synced  bool          // there is a time server
	wrong   time.Duration // how long the clock has been so

	lost, matching, erased, steps int
}

// open starts the process. Its machine goes on.
func (c *clocked) open() {
	c.t.Helper()
	o := storetest.Options(c.dir)
	o.Clock = c.machine.Read
	var err error
	if c.store, err = store.Open(o); err != nil {
		c.t.Fatal(err)
	}
}

// wait lets time pass. Nobody leaves a clock wrong for so long that it is believed.
func (c *clocked) wait(most time.Duration) {
	d := time.Duration(c.random.Int64N(int64(most)))
	if c.wrong += d; c.wrong > clock.SteadyFor-oneDay {
		c.set(0, c.synced)
	}
	c.machine.Pass(d)
	c.sweep()
}

// set sets the clock so far ahead.
func (c *clocked) set(ahead time.Duration, synced bool) {
	c.machine.Ahead(ahead)
	c.machine.Sync(synced)
	c.wrong = 0
}

// step sets the clock, somehow. A time server that lies is one that is followed nevertheless.
func (c *clocked) step(lies bool) {
	size := time.Duration(float64(time.Second) * pow10(c.random.Float64()*8)) // a second to three years
	if c.random.IntN(2) == 0 {
		size = -size
	}
	if c.random.IntN(4) == 0 {
		size = 0
	}
	c.set(size, c.synced && (size == 0 || lies && c.random.IntN(2) == 0))
	c.steps++
	c.sweep()
}

func pow10(x float64) float64 {
	n := 1.0
	for ; x >= 1; x-- {
		n *= 10
	}
	return n * (1 + 9*x*x)
}

// fill enrols people until there is a crowd.
func (c *clocked) fill() {
	for ; len(c.people) < manyPeople; c.next++ {
		e := enrolment(c.next)
		e.Term, e.Expires, e.Consent.Given, e.Consent.Expires = valid, time.Time{}, time.Time{}, time.Time{}
		p, err := c.store.Enrol(e)
		if err != nil {
			c.t.Fatal(err)
		}
		now := c.machine.Now()
		c.people[e.Label] = term{p.ID, now.Add(valid), now}
		c.wait(4 * oneDay)
	}
}

// pass lets somebody in.
func (c *clocked) pass() {
	for label, p := range c.people {
		if c.store.Lapsed()[p.id] {
			continue
		}
		c.store.MarkSeen(p.id, c.machine.Wall())
		if err := c.store.RecordAccess(c.machine.Wall()); err != nil {
			c.t.Fatal(err)
		}
		p.seen = c.machine.Now()
		c.people[label] = p
		return
	}
}

// sweep does what the daemon does every minute and whenever the clock is set, and compares with the truth.
func (c *clocked) sweep() {
	c.t.Helper()
	if err := c.store.Tick(); err != nil {
		c.t.Fatal(err)
	}
	if _, err := c.store.EraseDue(); err != nil {
		c.t.Fatal(err)
	}
	list, err := c.store.People()
	if err != nil {
		c.t.Fatal(err)
	}
	left, lapsed := make(map[string]bool), c.store.Lapsed()
	for _, p := range list {
		left[p.Label] = true
	}
	for label, p := range c.people {
		must, may := p.over(c.machine.Now())
		if !left[label] {
			if c.erased++; !may {
				c.lost++
				c.t.Errorf("step %d: %s is lost %v too early", c.steps, label, p.expires.Sub(c.machine.Now()))
			}
			delete(c.people, label)
		}
		if must && left[label] && !lapsed[p.id] {
			c.matching++
			c.t.Errorf("step %d: %s matches %v too late", c.steps, label, c.machine.Now().Sub(p.expires))
		}
	}
}

// TestClockSteps sets the clock of running stores at random, hundreds of times each, while people are enrolled, pass, expire
// and idle. Nobody is lost who had not expired by the true time, and nobody matches who had. When the clock is right again,
// everybody matches who may, and nobody else is left.
func TestClockSteps(t *testing.T) {
	steps := 60
	if os.Getenv("FACEGATE_SLOW") != "" {
		steps = 1000
	}
	for _, kind := range []struct {
		name         string
		synced, lies bool
	}{{"with a time server", true, false}, {"with one that is wrong at times", true, true}, {"without one", false, false}} {
		t.Run(kind.name, func(t *testing.T) {
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			c := &clocked{
				t: t, dir: t.TempDir(), machine: clocktest.New(storetest.Now()),
				random: rand.New(rand.NewPCG(seed, 0)), people: make(map[string]term), synced: kind.synced,
			}
			c.machine.Sync(kind.synced)
			c.open()
			c.fill()
			for c.steps < steps {
				c.step(kind.lies)
				switch c.random.IntN(6) {
				case 0:
					c.store.Close()
					c.open()
				case 1:
					c.pass()
				case 2:
					if _, err := c.store.Prune(); err != nil {
						t.Fatal(err)
					}
				}
				c.wait(5 * oneDay)
				c.fill()
			}
			c.set(0, false)
			if err := c.store.ConfirmClock(c.machine.Now(), audit.Daemon); err != nil {
				t.Fatal(err)
			}
			c.sweep()
			lapsed := c.store.Lapsed()
			for label, p := range c.people {
				if must, may := p.over(c.machine.Now()); must || !may && lapsed[p.id] {
					t.Errorf("%s is over: %v; does not match: %v", label, must, lapsed[p.id])
				}
			}
			log, err := c.store.Audit()
			if err != nil {
				t.Fatal(err)
			}
			if err := log.Verify(c.store.PublicKey()); err != nil {
				t.Error(err)
			}
			t.Logf("%d steps: %d erased, %d lost, %d matching too late", c.steps, c.erased, c.lost, c.matching)
			if c.erased == 0 {
				t.Error("nobody was erased")
			}
		})
	}
}
