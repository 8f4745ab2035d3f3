package store_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"facegate/configs/hint"
	"facegate/pipeline/template"
	"facegate/store"
	"facegate/store/audit"
	"facegate/store/clock"
	"facegate/store/clock/clocktest"
	"facegate/store/receipt"
	"facegate/store/storetest"
)

// openOn opens the store in dir on machine.
func openOn(t *testing.T, dir string, machine *clocktest.Machine) *store.Store {
	t.Helper()
	o := storetest.Options(dir)
	o.Clock = machine.Read
	s, err := store.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// forTerm is an enrolment for 200 days from now on.
func forTerm(n int) store.Enrolment {
	e := enrolment(n)
	e.Term, e.Expires, e.Consent.Given, e.Consent.Expires = 200*oneDay, time.Time{}, time.Time{}, time.Time{}
	return e
}

// TestDatesAreSetLater enrols people while the clock is wrong in one way or the other. When it has come right, by a time
// server or by a technician, they have the dates that they would have had, over a restart of the process too.
func TestDatesAreSetLater(t *testing.T) {
	for name, ahead := range map[string]time.Duration{
		"in 1970": time.Unix(3600, 0).Sub(storetest.Now()), "in 2038": 12 * 365 * oneDay, "half a year ahead": 180 * oneDay,
		"half a year behind": -180 * oneDay, "right, as nobody knows": 0,
	} {
		for _, by := range []string{"a time server", "a technician"} {
			t.Run(name+", set by "+by, func(t *testing.T) {
				dir, machine := t.TempDir(), clocktest.New(storetest.Now())
				machine.Ahead(ahead)
				s := openOn(t, dir, machine)
				p, err := s.Enrol(forTerm(0))
				must(t, err)
				limited := forTerm(1) // until a date that is sooner
				limited.Expires = machine.Now().AddDate(20, 0, 0)
				_, err = s.Enrol(limited)
				must(t, err)
				if w := s.Clock().Waiting(); !p.Provisional || w.Provisional != 2 {
					t.Errorf("provisional: %v; %d people wait for dates", p.Provisional, w.Provisional)
				}
				machine.Pass(3 * oneDay)
				must(t, s.Clock().Tick())
				must(t, s.Close())
				s = openOn(t, dir, machine)
				s.Retention().Seen(p.ID, machine.Wall())
				machine.Ahead(0)
				if by == "a technician" {
					must(t, s.Clock().Confirm(machine.Now(), 1000))
				} else {
					machine.Sync(true)
					must(t, s.Clock().Tick())
					if people, _ := s.People(); people[0].Provisional || !people[0].Expires.Equal(storetest.Now().Add(200*oneDay)) {
						t.Errorf("as soon as a time server was heard: %+v", people[0])
					}
					machine.Pass(2 * time.Hour)
				}
				must(t, s.Clock().Tick())
				must(t, s.Close())
				s = openOn(t, dir, machine)
				today := storetest.Now().Truncate(oneDay)
				people, err := s.People()
				must(t, err)
				for _, p := range people {
					if c := p.Consent; p.Provisional || !p.Enrolled.Equal(today) || !p.Expires.Equal(storetest.Now().Add(200*oneDay)) ||
						!c.Given.Equal(storetest.Now()) || !c.Expires.Equal(p.Expires) {
						t.Errorf("set to %+v", p)
					}
				}
				if got, want := people[0].LastSeen, today.Add(3*oneDay); !got.Equal(want) {
					t.Errorf("last seen on %v, want %v", got, want)
				}
				if _, err := s.Templates().Records(model); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// TestTermOfProvisionalDates checks that a clock that never comes right keeps nobody for longer than the term.
func TestTermOfProvisionalDates(t *testing.T) {
	dir, machine := t.TempDir(), clocktest.New(storetest.Now())
	machine.Ahead(-10 * 365 * oneDay)
	s := openOn(t, dir, machine)
	p, err := s.Enrol(forTerm(0))
	must(t, err)
	for day := range 201 {
		if lapsed := s.Retention().Lapsed()[p.ID]; lapsed != (day >= 200) {
			t.Fatalf("on day %d: lapsed %v", day, lapsed)
		}
		ids, err := s.Retention().EraseDue()
		if must(t, err); len(ids) > 0 != (day >= 200) {
			t.Fatalf("on day %d %d people are erased", day, len(ids))
		}
		s.Retention().Seen(p.ID, machine.Wall())
		must(t, s.Clock().Tick())
		if day%50 == 0 {
			must(t, s.Close())
			s = openOn(t, dir, machine)
		}
		machine.Pass(oneDay)
	}
}

// TestStepErasesNobody steps the clock ahead over everybody's term, in stores that know the date and in stores that do
// not, and back. Meanwhile nobody matches, nobody is erased, and nothing is dropped.
func TestStepErasesNobody(t *testing.T) {
	for _, synced := range []bool{true, false} {
		dir, machine := t.TempDir(), clocktest.New(storetest.Now())
		machine.Sync(synced)
		s := openOn(t, dir, machine)
		for n := range 3 {
			_, err := s.Enrol(current(s, enrolment(n))) // until a date
			must(t, err)
		}
		_, err := s.Erase(store.ByLabel(labelOf(2)), audit.Requested, 1000)
		must(t, err)
		log, err := s.Log().Read()
		must(t, err)
		entries := len(log.Records)
		for _, ahead := range []time.Duration{400 * oneDay, 30 * 365 * oneDay} {
			machine.Ahead(ahead)
			machine.Pass(time.Minute)
			for range 2 { // over a restart
				ids, err := s.Retention().EraseDue()
				must(t, err)
				n, err := s.Retention().Prune()
				must(t, err)
				if len(ids)+n > 0 || len(s.Retention().Lapsed()) != 2 || s.Retention().Former() != 1 {
					t.Errorf("synced %v: %d erased, %d dropped, %d lapsed, %d former", synced, len(ids), n, len(s.Retention().Lapsed()), s.Retention().Former())
				}
				if w := s.Clock().Waiting(); w.Erasures != 2 {
					t.Errorf("synced %v: the erasures of %d people wait", synced, w.Erasures)
				}
				if records, err := s.Templates().Records(model); len(records) != 0 || err != nil {
					t.Errorf("synced %v: %d people match, %v", synced, len(records), err)
				}
				must(t, s.Close())
				s = openOn(t, dir, machine)
			}
			machine.Ahead(0)
			if records, err := s.Templates().Records(model); len(records) != 2 || err != nil {
				t.Errorf("synced %v: back again %d people match, %v", synced, len(records), err)
			}
		}
		if log, err = s.Log().Read(); err != nil || len(log.Records) < entries || log.Verify() != nil {
			t.Errorf("synced %v: %d entries of %d: %v, %v", synced, len(log.Records), entries, err, log.Verify())
		}
	}
}

// TestErasedWithoutTimeServer checks that a gate that never sees one erases all the same: once a technician has confirmed
// the date, or the clock has gone on for long enough.
func TestErasedWithoutTimeServer(t *testing.T) {
	for _, confirm := range []bool{true, false} {
		dir, machine := t.TempDir(), clocktest.New(storetest.Now())
		machine.Sync(true)
		s := openOn(t, dir, machine)
		_, err := s.Enrol(current(s, enrolment(0)))
		must(t, err)
		machine.Restart(400 * oneDay)
		must(t, s.Close())
		s = openOn(t, dir, machine)
		days := 0
		for ; days < 20; days++ {
			if confirm {
				must(t, s.Clock().Confirm(machine.Wall(), 1000))
			}
			ids, err := s.Retention().EraseDue()
			if must(t, err); len(ids) > 0 {
				break
			}
			if w := s.Clock().Waiting(); w.Erasures != 1 || len(s.Retention().Lapsed()) != 1 {
				t.Errorf("on day %d %+v, %d lapsed", days, w, len(s.Retention().Lapsed()))
			}
			machine.Pass(oneDay)
		}
		if want := map[bool]int{true: 0, false: 7}[confirm]; days != want {
			t.Errorf("confirmed %v: erased after %d days, want %d", confirm, days, want)
		}
	}
}

// TestConfirmClockRefuses confirms what cannot be, and what the technician has not seen.
func TestConfirmClockRefuses(t *testing.T) {
	machine := clocktest.New(storetest.Now())
	s := openOn(t, t.TempDir(), machine)
	seen := machine.Wall()
	machine.Ahead(time.Hour)
	if err := s.Clock().Confirm(seen, 1000); !errors.Is(err, store.ErrClock) || hint.Of(err) == "" {
		t.Errorf("the clock was set meanwhile: %v", err)
	}
	machine.Ahead(-60 * 365 * oneDay)
	if err := s.Clock().Confirm(machine.Wall(), 1000); !errors.Is(err, store.ErrClock) || hint.Of(err) == "" {
		t.Errorf("in 1966: %v", err)
	}
}

// TestDutiesWaitForTheClock checks that no day is noted, and nobody told that theirs has passed, by a clock that is wrong.
func TestDutiesWaitForTheClock(t *testing.T) {
	machine := clocktest.New(storetest.Now())
	machine.Ahead(12 * 365 * oneDay)
	o := storetest.Options(t.TempDir())
	o.Clock, o.FilingAt = machine.Read, 1
	s, err := store.Open(o)
	must(t, err)
	defer s.Close()
	until := forTerm(0)
	until.Expires = storetest.Now().AddDate(0, 1, 0)
	if _, err := s.Enrol(until); !errors.Is(err, store.ErrExpiry) || !strings.Contains(hint.Of(err), "facegate clock") {
		t.Errorf("until a day that has passed by this clock: %v, %q", err, hint.Of(err))
	}
	_, err = s.Enrol(forTerm(1))
	if must(t, err); !s.Compliance().Filing().IsZero() {
		t.Errorf("to be filed since %v", s.Compliance().Filing())
	}
	machine.Ahead(0)
	must(t, s.Clock().Confirm(machine.Wall(), 1000))
	must(t, s.Clock().Tick())
	if want := storetest.Now().Truncate(oneDay); !s.Compliance().Filing().Equal(want) {
		t.Errorf("to be filed since %v, want %v", s.Compliance().Filing(), want)
	}
}

// TestOrder sets the clock back and forth. What is older than what came before says so, and so does what was made while
// the clock was in doubt.
func TestOrder(t *testing.T) {
	machine := clocktest.New(storetest.Now())
	machine.Sync(true)
	s := openOn(t, t.TempDir(), machine)
	for n := range 4 {
		_, err := s.Enrol(forTerm(n))
		must(t, err)
	}
	erase := func(n int, clock string) {
		t.Helper()
		e, err := s.Erase(store.ByLabel(labelOf(n)), audit.Requested, 1000)
		must(t, err)
		r, err := receipt.Verify(e.Receipt, s.Device().PublicKey)
		if must(t, err); r.Clock != clock {
			t.Errorf("the receipt of %d says of the clock %q, want %q", n, r.Clock, clock)
		}
	}
	erase(0, "")
	machine.Ahead(100 * oneDay)
	erase(1, "doubted")
	machine.Ahead(0)
	erase(2, "set-back")
	machine.Ahead(-time.Second) // as time servers correct it
	erase(3, "")
	log, err := s.Log().Read()
	must(t, err)
	var marks []audit.Marks
	for _, r := range log.Records[5+4-4:] {
		marks = append(marks, r.Entry.Marks)
	}
	want := []audit.Marks{0, 0, audit.Doubted, audit.Doubted, audit.SetBack, 0, 0, 0}
	if !slices.Equal(marks, want) {
		t.Errorf("the marks are %v, want %v", marks, want)
	}
	if err := log.Verify(); err != nil {
		t.Error(err)
	}
	consents, err := s.Retention().Ended()
	must(t, err)
	machine.Pass(time.Hour)
	must(t, s.Clock().Confirm(machine.Wall(), 1000))
	for _, c := range consents {
		if c.EndedCount == 0 && c.Ended.After(machine.Now()) {
			t.Errorf("a consent ended on %v, and does not say that this is in doubt", c.Ended)
		}
	}
	if consents, err = s.Retention().Ended(); err != nil {
		t.Fatal(err)
	}
	for _, c := range consents {
		if c.EndedCount != 0 || c.Ended.Before(c.Given.Add(-time.Minute)) || c.Ended.After(machine.Now()) {
			t.Errorf("a consent given on %v has ended on %v (%v)", c.Given, c.Ended, c.EndedCount)
		}
	}
}

// TestDoubtedEntriesAreKept checks that an entry that claims to be old is kept for as long as one that was made now.
func TestDoubtedEntriesAreKept(t *testing.T) {
	machine := clocktest.New(storetest.Now())
	s := openOn(t, t.TempDir(), machine)
	machine.Ahead(-20 * 365 * oneDay)
	must(t, s.Log().Access(machine.Wall()))
	machine.Ahead(0)
	must(t, s.Clock().Confirm(machine.Wall(), 1000))
	for _, step := range []struct{ days, pruned int }{{0, 0}, {29, 0}, {1, 1}} {
		machine.Pass(time.Duration(step.days) * oneDay)
		if n, err := s.Retention().Prune(); n != step.pruned || err != nil {
			t.Errorf("%d days later %d are dropped, %v", step.days, n, err)
		}
	}
}

// TestNobodyCameLast lets somebody pass, and looks for a trace of who it was. Until it is written for everybody no row
// changes, and then all do.
func TestNobodyCameLast(t *testing.T) {
	dir, machine := t.TempDir(), clocktest.New(storetest.Now())
	machine.Sync(true)
	s := openOn(t, dir, machine)
	people := mustEnrol(t, s, upTo(20)...)
	must(t, s.Close())
	now := func() map[[16]byte][]byte { return rows(t, lay(t, files(t, dir)), "people.db", "people") }
	before := now()
	s = openOn(t, dir, machine)
	pass := func(n int) {
		machine.Pass(time.Hour)
		s.Retention().Seen(people[n].ID, machine.Wall())
		must(t, s.Log().Access(machine.Wall()))
		must(t, s.Clock().Tick())
	}
	pass(3)
	if changed(before, now()) != 0 {
		t.Error("a row was written for somebody who passed")
	}
	pass(5)
	for range 3 {
		pass(7)
	}
	if n := changed(before, now()); n != 20 {
		t.Errorf("%d of 20 rows were written", n)
	}
	for name, content := range files(t, dir) {
		for _, row := range before {
			if bytes.Contains(content, row) {
				t.Errorf("%s holds a row as it was before", name)
			}
		}
	}
	must(t, s.Close())
	s = openOn(t, dir, machine)
	seen := 0
	for _, p := range mustRead(t, s).People {
		if !p.LastSeen.IsZero() {
			seen++
		}
	}
	if seen != 3 {
		t.Errorf("%d people were seen", seen)
	}
}

// changed returns how many rows are not as they were.
func changed(before, after map[[16]byte][]byte) (n int) {
	for id, row := range after {
		if !bytes.Equal(row, before[id]) {
			n++
		}
	}
	return n
}

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
		if c.store.Retention().Lapsed()[p.id] {
			continue
		}
		c.store.Retention().Seen(p.id, c.machine.Wall())
		if err := c.store.Log().Access(c.machine.Wall()); err != nil {
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
	if err := c.store.Clock().Tick(); err != nil {
		c.t.Fatal(err)
	}
	if _, err := c.store.Retention().EraseDue(); err != nil {
		c.t.Fatal(err)
	}
	list, err := c.store.People()
	if err != nil {
		c.t.Fatal(err)
	}
	left, lapsed := make(map[string]bool), c.store.Retention().Lapsed()
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
					if _, err := c.store.Retention().Prune(); err != nil {
						t.Fatal(err)
					}
				}
				c.wait(5 * oneDay)
				c.fill()
			}
			c.set(0, false)
			if err := c.store.Clock().Confirm(c.machine.Now(), audit.Daemon); err != nil {
				t.Fatal(err)
			}
			c.sweep()
			lapsed := c.store.Retention().Lapsed()
			for label, p := range c.people {
				if must, may := p.over(c.machine.Now()); must || !may && lapsed[p.id] {
					t.Errorf("%s is over: %v; does not match: %v", label, must, lapsed[p.id])
				}
			}
			log, err := c.store.Log().Read()
			if err != nil {
				t.Fatal(err)
			}
			if err := log.Verify(); err != nil {
				t.Error(err)
			}
			t.Logf("%d steps: %d erased, %d lost, %d matching too late", c.steps, c.erased, c.lost, c.matching)
			if c.erased == 0 {
				t.Error("nobody was erased")
			}
		})
	}
}
