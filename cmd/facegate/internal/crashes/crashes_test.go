package crashes_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/crashes"
	"facegate/store/clock"
)

// A machine is a gate on one, which is started and ends.
type machine struct {
	t      *testing.T
	socket string
	now    clock.Reading
	count  *crashes.Count
	why    string
}

func newMachine(t *testing.T) *machine {
	return &machine{t: t, socket: filepath.Join(t.TempDir(), "control.sock"), why: "signal (killed, SEGV)", now: clock.Reading{
		Wall: time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC), Up: time.Minute, Boot: "first",
	}}
}

func (m *machine) wait(d time.Duration) {
	m.now.Wall, m.now.Up = m.now.Wall.Add(d), m.now.Up+d
}

// start starts a process, which goes on in the place of the one before it or finds it ended.
func (m *machine) start(takesOver bool) {
	m.t.Helper()
	var err error
	m.count, err = crashes.Begin(m.socket, func() clock.Reading { return m.now }, takesOver, func(crashes.Start) string { return m.why })
	if err != nil {
		m.t.Fatal(err)
	}
}

// crash has processes end without a word, each after d, and wants the next to come up at level.
func (m *machine) crash(n int, after time.Duration, level crashes.Level) {
	m.t.Helper()
	for range n {
		m.wait(after)
		m.start(false)
	}
	m.want(level)
}

func (m *machine) want(level crashes.Level) {
	m.t.Helper()
	if got := m.count.Level(); got != level {
		m.t.Errorf("it comes up at level %v, want %v", got, level)
	}
}

func (m *machine) must(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Error(err)
	}
}

func TestLevels(t *testing.T) {
	m := newMachine(t)
	m.start(false)
	m.want(crashes.Full)
	if _, ok := m.count.Last(); ok {
		t.Error("there is a crash before the first start")
	}
	m.crash(2, time.Minute, crashes.Full)
	m.crash(1, time.Minute, crashes.FacesOff)
	if last, ok := m.count.Last(); !ok || last.Why != m.why || !last.At.Equal(m.now.Wall) {
		t.Errorf("the last crash is %+v", last)
	}
	m.why = "watchdog (killed, KILL)"
	m.crash(2, time.Minute, crashes.FacesOff)
	m.crash(1, time.Minute, crashes.CardsOnly)
	m.crash(9, time.Second, crashes.CardsOnly)
	if last, ok := m.count.Last(); !ok || last.Why != m.why {
		t.Errorf("the last crash is %+v", last)
	}
}

// TestSpread crashes three times, and not within ten minutes.
func TestSpread(t *testing.T) {
	m := newMachine(t)
	m.start(false)
	m.crash(9, crashes.Within/2, crashes.Full)
	m.crash(1, 1, crashes.FacesOff)
}

// TestClockIsSet moves the wall clock between crashes, which are within ten minutes all the same.
func TestClockIsSet(t *testing.T) {
	for _, by := range []time.Duration{24 * 365 * time.Hour, -24 * 365 * time.Hour} {
		m := newMachine(t)
		m.start(false)
		m.crash(2, time.Minute, crashes.Full)
		m.now.Wall = m.now.Wall.Add(by)
		m.crash(1, time.Minute, crashes.FacesOff)
	}
}

// TestEnds ends a gate that is at faces off in every way that is no crash.
func TestEnds(t *testing.T) {
	for name, test := range map[string]struct {
		end  func(m *machine)
		want crashes.Level // of the next start
	}{
		"asked": {func(m *machine) { m.must(m.count.Asked()); m.start(false) }, crashes.Full},
		"asked, and failing": {func(m *machine) {
			m.must(m.count.Asked())
			m.must(m.count.Failed(errors.New("x"), true))
			m.start(false)
		}, crashes.Full},
		"refused":              {func(m *machine) { m.must(m.count.Failed(errors.New("no key"), false)); m.start(false) }, crashes.FacesOff},
		"the machine restarts": {func(m *machine) { m.now.Boot, m.now.Up = "second", time.Minute; m.start(false) }, crashes.Full},
		"taken over":           {func(m *machine) { m.start(true) }, crashes.FacesOff},
		"taken over, forgiven": {func(m *machine) { m.must(m.count.Forgive()); m.start(true) }, crashes.Full},
		"a crash after long":   {func(m *machine) { m.wait(2 * crashes.Steady); m.start(false) }, crashes.FacesOff},
		"refused for long": {func(m *machine) {
			m.must(m.count.Failed(errors.New("no key"), false))
			m.wait(crashes.Steady)
			m.start(false)
		}, crashes.Full},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t)
			m.start(false)
			m.crash(3, time.Minute, crashes.FacesOff)
			test.end(m)
			m.want(test.want)
		})
	}
}

// TestFailures counts what ends a gate in service as a crash, and says of what.
func TestFailures(t *testing.T) {
	m := newMachine(t)
	for range crashes.Most {
		m.start(false)
		m.want(crashes.Full)
		m.must(m.count.Failed(errors.New("camera: no"), true))
	}
	m.start(false)
	m.want(crashes.FacesOff)
	if last, ok := m.count.Last(); !ok || last.Why != "camera: no" {
		t.Errorf("the last crash is %+v", last)
	}
}

// TestKilledWhileStarting has every second process be killed before it has done anything but begin.
func TestKilledWhileStarting(t *testing.T) {
	m := newMachine(t)
	for range 2 * crashes.Most {
		m.start(false)
	}
	m.want(crashes.FacesOff)
	m.start(false)
	m.want(crashes.CardsOnly)
}

// TestOtherFile finds a record that is none, and one of another version.
func TestOtherFile(t *testing.T) {
	m := newMachine(t)
	path := filepath.Join(filepath.Dir(m.socket), "control.crashes")
	m.must(os.WriteFile(path, []byte(`{"version": 99, "boot": "first", "level": 2}`), 0o600))
	m.start(false)
	m.want(crashes.Full)
	m.must(os.WriteFile(path, []byte("{"), 0o600))
	c, err := crashes.Begin(m.socket, func() clock.Reading { return m.now }, false, func(crashes.Start) string { return "" })
	if err == nil || c.Level() != crashes.Full {
		t.Errorf("%v, at level %v", err, c.Level())
	}
	m.start(false) // it is whole again, and the start before was without an end
	if r, err := crashes.Of(m.socket); err != nil || len(r.Crashes) != 1 || r.Running == nil {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestNoFolder has a count that cannot be kept, which hinders nothing.
func TestNoFolder(t *testing.T) {
	c, err := crashes.Begin("/nonexistent/control.sock", func() clock.Reading { return clock.Reading{} }, false, nil)
	if err == nil || c.Level() != crashes.Full || c.Asked() != nil {
		t.Errorf("%v, at level %v", err, c.Level())
	}
}
