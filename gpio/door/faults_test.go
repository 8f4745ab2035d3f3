package door_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"facegate/configs/hint"
	"facegate/gpio"
	"facegate/gpio/door"
	"facegate/gpio/sim"
)

var errBroken = errors.New("input/output error")

// line returns what the status says of a line.
func (b *bench) line(role door.Role) door.LineStatus {
	for _, l := range b.Status().Lines {
		if l.Role == role.String() {
			return l
		}
	}
	b.t.Fatalf("the status has no %v", role)
	return door.LineStatus{}
}

// TestLineFaults breaks each line of a door, and mends it. The fault is told by name, with advice, and all else goes on.
func TestLineFaults(t *testing.T) {
	for _, test := range []struct {
		role door.Role
		fail func(*bench) func(error)
	}{
		{door.ContactLine, func(b *bench) func(error) { return b.contact.Fail }},
		{door.ExitLine, func(b *bench) func(error) { return b.exit.Fail }},
		{door.FireLine, func(b *bench) func(error) { return b.fire.Fail }},
		{door.TamperLine, func(b *bench) func(error) { return b.tamper.Fail }},
		{door.RedLine, func(b *bench) func(error) { return b.red.Fail }},
		{door.GreenLine, func(b *bench) func(error) { return b.green.Fail }},
		{door.BuzzerLine, func(b *bench) func(error) { return b.buzzer.Fail }},
	} {
		t.Run(test.role.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := start(t, usual())
				fail := test.fail(b)
				fail(errBroken)
				time.Sleep(5 * time.Second)
				if got := b.line(test.role); got.Err == "" || got.Hint == "" {
					t.Errorf("the status says %+v", got)
				}
				b.want("line fault " + test.role.String())
				b.open(door.Granted)
				b.want("unlocked granted")
				fail(nil)
				time.Sleep(5 * time.Second)
				b.want("line mended "+test.role.String(), "locked")
				if got := b.line(test.role); got.Err != "" {
					t.Errorf("the status says %+v", got)
				}
				b.halt()
			})
		})
	}
}

// TestFaultHasReason checks that the event of a fault says why, and what to do.
func TestFaultHasReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, usual())
		b.contact.Fail(errBroken)
		b.set(b.exit, true)
		time.Sleep(2 * time.Minute)
		b.mu.Lock()
		defer b.mu.Unlock()
		reasons := map[string]error{}
		for _, e := range b.events {
			if e.What == door.LineFault {
				reasons[e.Line] = e.Err
			}
		}
		if err := reasons["contact"]; !errors.Is(err, errBroken) || hint.Of(err) == "" {
			t.Errorf("contact: %v, hint %q", err, hint.Of(err))
		}
		if err := reasons["exit"]; err == nil || hint.Of(err) == "" {
			t.Errorf("exit: %v, hint %q", err, hint.Of(err))
		}
		b.stop()
	})
}

// TestGrantThatFails checks that who was told that the door cannot be opened does not see it open later.
func TestGrantThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, usual())
		b.relay.Fail(errBroken)
		b.refused(errBroken, door.Granted)
		if err := b.Hold(time.Minute); !errors.Is(err, gpio.ErrFault) || hint.Of(err) == "" {
			t.Errorf("Hold = %v, hint %q", err, hint.Of(err))
		}
		time.Sleep(500 * time.Millisecond)
		b.relay.Fail(nil)
		time.Sleep(time.Hour)
		b.wantEdges()
		b.want("line fault relay", "line mended relay")
		b.open(door.Granted)
		b.halt()
	})
}

// TestSignals looks at lights and buzzer.
func TestSignals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, usual())
		check := func(when string, red, green, buzzer bool) {
			t.Helper()
			synctest.Wait()
			if b.red.Active() != red || b.green.Active() != green || b.buzzer.Active() != buzzer {
				t.Errorf("%s: red %t, green %t, buzzer %t", when, b.red.Active(), b.green.Active(), b.buzzer.Active())
			}
		}
		check("locked", true, false, false)
		b.open(door.Granted)
		check("unlocked", false, true, false)
		time.Sleep(time.Minute)
		check("locked again", true, false, false)
		b.set(b.contact, true)
		check("forced", true, true, true)
		b.set(b.contact, false)
		check("closed", true, false, false)
		b.halt()
	})
}

// TestNothingWired keeps a door that has a relay and nothing else.
func TestNothingWired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		relay := sim.New()
		c, err := door.New(door.Parts{Relay: relay, Settings: usual(), Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		b := &bench{t: t, Controller: c, relay: relay, start: time.Now(), ended: make(chan error, 1)}
		b.refused(gpio.ErrStopped, door.Granted)
		if err := c.Hold(time.Minute); !errors.Is(err, gpio.ErrStopped) {
			t.Errorf("Hold = %v", err)
		}
		b.run()
		b.open(door.Granted)
		time.Sleep(time.Minute)
		b.wantEdges(0, pulse)
		if s := b.Status(); len(s.Lines) != 1 || s.Contact != "" || s.Alarms != nil {
			t.Errorf("status %+v", s)
		}
		b.halt()
	})
}

// TestHungController has the controller hang a minute after the start, in whoever takes its events. The door locks by itself: after
// its pulse, and within a lease where it is held open. Under a fire alarm it stays open for longer than a watchdog waits.
func TestHungController(t *testing.T) {
	for _, test := range []struct {
		name        string
		open        func(*bench)
		least, most time.Duration // after which the door is locked, from when the controller hangs
	}{
		{"pulse", func(b *bench) { time.Sleep(58 * time.Second); b.open(door.Granted) }, time.Second, time.Second},
		{"hold", func(b *bench) { b.Hold(time.Hour) }, 4 * time.Second, 5 * time.Second},
		{"schedule", func(b *bench) { b.Follow(door.Open) }, 4 * time.Second, 5 * time.Second},
		{"fire", func(b *bench) { b.set(b.fire, true) }, 29 * time.Second, 30 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := usual()
				s.MaxOpen = 24 * time.Hour
				b := start(t, s)
				b.hang = make(chan struct{})
				b.set(b.exit, true) // it sticks, which is told after a minute
				test.open(b)
				time.Sleep(time.Hour)
				if last := time.Duration(b.round.Load()); last < 58*time.Second || last > time.Minute {
					t.Errorf("the watchdog was last fed after %v", last)
				}
				edges := b.relay.Edges()
				last := edges[len(edges)-1]
				if open := last.At.Sub(b.start) - time.Minute; last.Active || open < test.least || open > test.most {
					t.Errorf("%v after the controller hung the relay is active = %t", open, last.Active)
				}
				close(b.hang)
				b.halt()
			})
		})
	}
}

// TestSettings refuses doors that cannot be.
func TestSettings(t *testing.T) {
	for name, spoil := range map[string]func(*door.Settings){
		"no kind":            func(s *door.Settings) { s.Kind = "gate" },
		"no fail":            func(s *door.Settings) { s.Fail = "" },
		"no pulse":           func(s *door.Settings) { s.Pulse = 0 },
		"a long pulse":       func(s *door.Settings) { s.Pulse = gpio.MaxLease + 1 },
		"short max_open":     func(s *door.Settings) { s.MaxOpen = s.Pulse - 1 },
		"no passage timeout": func(s *door.Settings) { s.Kind, s.Passage = door.Turnstile, 0 },
		"no warning":         func(s *door.Settings) { s.HeldWarn = 0 },
		"alarm first":        func(s *door.Settings) { s.HeldAfter = s.HeldWarn - 1 },
	} {
		t.Run(name, func(t *testing.T) {
			s := usual()
			spoil(&s)
			_, err := door.New(door.Parts{
				Relay: sim.New(), Settings: s, Inputs: door.Inputs{Contact: sim.NewInput()}, Log: slog.New(slog.DiscardHandler),
			})
			if err == nil || hint.Of(err) == "" || !strings.HasPrefix(err.Error(), "door: ") {
				t.Errorf("New = %v, hint %q", err, hint.Of(err))
			}
		})
	}
}

// panicking is an input that does so when it is told to.
type panicking struct {
	gpio.Input
	now chan struct{}
}

func (p panicking) Watch(context.Context, func(gpio.Level)) error {
	<-p.now
	panic("the panic of a test")
}

const boardEnv = "FACEGATE_TEST_BOARD"

// TestPanic has a process die of a panic in the middle of an opening, on a board whose relay keeps its level. It is released on
// the way.
func TestPanic(t *testing.T) {
	if dir := os.Getenv(boardEnv); dir != "" {
		die(t, dir, door.Fail(os.Getenv("FACEGATE_TEST_FAIL")))
		return
	}
	t.Parallel()
	for _, fail := range []door.Fail{door.Secure, door.Safe} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "relay"), []byte("0"), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(os.Args[0], "-test.run=^TestPanic$")
		cmd.Env = append(os.Environ(), boardEnv+"="+dir, "FACEGATE_TEST_FAIL="+string(fail))
		out, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(out), "the panic of a test") {
			t.Fatalf("it should have died of a panic: %v\n%s", err, out)
		}
		board := sim.Board(dir)
		if high, err := board.Pin("relay"); err != nil || high {
			t.Errorf("fail %s: the relay is high = %t after the end, %v", fail, high, err)
		}
	}
}

// die opens a door on a board, and panics in the goroutine that reads its exit button.
func die(t *testing.T, dir string, fail door.Fail) {
	relay, err := sim.Board(dir).Open(sim.Wire{Name: "relay"})
	if err != nil {
		t.Fatal(err)
	}
	s, exit := usual(), panicking{sim.NewInput(), make(chan struct{})}
	s.Fail = fail
	c, err := door.New(door.Parts{Relay: relay, Settings: s, Inputs: door.Inputs{Exit: exit}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	go c.Run(t.Context())
	<-c.Ready()
	if fail == door.Secure {
		if _, err := c.Open(door.Granted); err != nil {
			t.Fatal(err)
		}
	}
	if high, err := sim.Board(dir).Pin("relay"); err != nil || !high {
		t.Fatalf("the relay is high = %t before the end, %v", high, err)
	}
	close(exit.now)
	time.Sleep(time.Minute)
}
