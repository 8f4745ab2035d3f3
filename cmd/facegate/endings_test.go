package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/control"
	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/status"
	"facegate/gpio/sim"
	"facegate/scripts/lab/supervise"
)

// A supervised is the program as its unit runs it, at a door on a simulated board: the levels of that outlive the program, as on a
// Raspberry Pi.
type supervised struct {
	t      *testing.T
	site   gatetest.Site
	board  sim.Board
	client *control.Client
	stop   func()
	atKill func() // is called before the watchdog ends a process; may be nil

	mu     sync.Mutex // guards what follows
	events []supervise.Event
	log    strings.Builder
}

func (s *supervised) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.Write(b)
}

// serviceOf starts the service, with a unit that change may have changed, until the test is over.
func serviceOf(t *testing.T, more gatetest.Settings, change func(*supervise.Unit), env ...string) *supervised {
	t.Helper()
	gatetest.Models(t)
	site := gatetest.NewSite(t)
	s := &supervised{t: t, site: site, board: sim.Board(site.Path("board")), client: control.NewClient(site.Path("facegate/control.sock"))}
	must(t, os.Mkdir(string(s.board), 0o700))
	must(t, s.board.Drive("exit", true))
	settings := gatetest.Settings{
		"camera":  noCamera,
		"control": fmt.Sprintf(`{socket: %s, group: ""}`, site.Path("facegate/control.sock")), // in the folder of the unit
		"door":    strike,
	}
	maps.Copy(settings, more)
	settings["door"] = strings.Replace(settings["door"], "BOARD", string(s.board), 1)
	config := site.WriteConfig(t, settings)
	text, err := os.ReadFile(filepath.Join(gatetest.Root(t), "configs", "facegate.service"))
	must(t, err)
	unit, err := supervise.Parse(string(text))
	must(t, err)
	change(&unit)
	super := supervise.Service{
		Unit: unit, Dir: site.Dir, Run: site.Dir, Log: s, Env: append(env, asProgram+"=1"), Tell: s.tell,
		Command: func(argv []string) []string {
			argv = append([]string{os.Args[0]}, argv[1:]...)
			argv[slices.Index(argv, "--config")+1] = config
			return argv
		},
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- super.Supervise(ctx) }()
	s.stop = sync.OnceFunc(func() {
		cancel()
		must(t, <-done)
		if t.Failed() {
			t.Logf("the log of the gate:\n%s", s.text())
		}
	})
	t.Cleanup(s.stop)
	return s
}

// strike is a door with an exit button on a board.
const strike = "{driver: sim, chip: BOARD, line: relay, pulse: 30s, exit: {line: exit, active_low: true, debounce: 0s}}"

func (s *supervised) tell(e supervise.Event) {
	if e.What == supervise.Killed && s.atKill != nil {
		s.atKill()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, e)
}

// all returns the events of a kind so far.
func (s *supervised) all(what supervise.What) (all []supervise.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.events {
		if e.What == what {
			all = append(all, e)
		}
	}
	return all
}

func (s *supervised) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.String()
}

// patiently waits until ok, for longer than gatetest.Eventually: the machine may be busy with other tests.
func (s *supervised) patiently(what string, within time.Duration, ok func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(within); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("in vain waited until %s", what)
		}
	}
}

// ready waits until the nth process is in service, and returns it.
func (s *supervised) ready(n int) (pid int) {
	s.t.Helper()
	s.patiently(fmt.Sprintf("process %d is in service", n), 90*time.Second, func() bool { return len(s.all(supervise.Ready)) >= n })
	return s.all(supervise.Ready)[n-1].PID
}

// isActive reports whether the relay is pulled in.
func (s *supervised) isActive() bool {
	high, err := s.board.Pin("relay")
	return err == nil && high
}

// press presses the exit button until the door is open.
func (s *supervised) press() {
	s.t.Helper()
	must(s.t, s.board.Drive("exit", false))
	s.patiently("the door is open", 30*time.Second, s.isActive)
	must(s.t, s.board.Drive("exit", true))
}

// safeAfter waits until the nth process has ended and the line is safe, and returns after how long it was. Then it has to stay
// so until the process after it is in service.
func (s *supervised) safeAfter(n int) time.Duration {
	s.t.Helper()
	s.patiently("what follows the stop has been run", 60*time.Second, func() bool { return len(s.all(supervise.StopPost)) >= n })
	ended, post := s.all(supervise.Ended)[n-1], s.all(supervise.StopPost)[n-1]
	if s.isActive() || post.Exit != exitOK {
		s.t.Errorf("after end %d (%s) the line is active: %v; door safe said %d:\n%s", n, ended.Result, s.isActive(), post.Exit, post.Said)
	}
	edges, err := s.board.Edges("relay")
	if err != nil || len(edges) == 0 || edges[len(edges)-1].High {
		s.t.Errorf("after end %d the edges are %v, %v", n, edges, err)
	}
	return post.At.Sub(ended.At)
}

// TestKilledInThePulse kills the gate inside pulses. Each time what follows the stop makes the door safe, also after enough
// times for the gate to come up with less.
func TestKilledInThePulse(t *testing.T) {
	times := 8
	if os.Getenv("FACEGATE_SLOW") != "" {
		times = 200
	}
	s := serviceOf(t, nil, func(u *supervise.Unit) { u.Rest = 10 * time.Millisecond })
	var took []time.Duration
	levels := map[string]int{}
	for n := range times {
		pid := s.ready(n + 1)
		levels[s.level()]++
		s.press()
		if n%4 == 3 { // in the first moment of the pulse
			time.Sleep(time.Duration(n) * time.Millisecond)
		}
		must(t, syscall.Kill(pid, syscall.SIGKILL))
		took = append(took, s.safeAfter(n+1))
		if n >= 20 && n%20 == 0 { // as if ten minutes had passed
			os.Remove(s.site.Path("facegate/control.crashes"))
		}
	}
	s.ready(times + 1)
	if s.isActive() {
		t.Error("the next start opens the door")
	}
	slices.Sort(took)
	t.Logf("%d times killed inside the pulse, safe each time: median %v, at most %v after the end; at levels %v",
		times, took[len(took)/2].Round(time.Millisecond), took[len(took)-1].Round(time.Millisecond), levels)
	if levels["cards only"] == 0 || levels["faces off"] != 3*(levels["faces off"]/3) || levels["full"] < 3 {
		t.Errorf("it has come up at %v", levels)
	}
}

// level returns how much of the gate is started.
func (s *supervised) level() string {
	s.t.Helper()
	st, err := s.client.Status(s.t.Context())
	must(s.t, err)
	if st.Lesser == nil {
		return "full"
	}
	return st.Lesser.Level
}

// TestSuspendedInThePulse suspends the gate inside a pulse. The watchdog ends it, and what follows makes the door safe.
func TestSuspendedInThePulse(t *testing.T) {
	shorter := func(u *supervise.Unit) { u.Watchdog = 5 * time.Second }
	if os.Getenv("FACEGATE_SLOW") != "" {
		shorter = func(*supervise.Unit) {}
	}
	s := serviceOf(t, nil, shorter)
	pid := s.ready(1)
	s.press()
	suspended := time.Now()
	must(t, syscall.Kill(pid, syscall.SIGSTOP))
	s.patiently("the watchdog has ended it", 40*time.Second, func() bool { return len(s.all(supervise.Killed)) > 0 })
	safe := s.safeAfter(1)
	if ended := s.all(supervise.Ended)[0]; ended.Result != "watchdog" || ended.Status != "KILL" {
		t.Errorf("it ended with %+v", ended)
	} else {
		t.Logf("ended %v after it was suspended, and safe %v after that", ended.At.Sub(suspended).Round(time.Millisecond), safe.Round(time.Millisecond))
	}
	if os.Getenv("FACEGATE_SLOW") != "" {
		time.Sleep(time.Until(suspended.Add(60 * time.Second)))
	}
	s.ready(2)
	if s.isActive() {
		t.Error("the next start opens the door")
	}
	if n := len(s.all(supervise.Killed)); n != 1 {
		t.Errorf("the watchdog has ended %d processes", n)
	}
}

// TestHungDoorIsEnded has the line of the relay hang when a pulse ends, and the door task with it. The watchdog ends the process,
// and what follows makes the door safe as soon as the line can be driven.
func TestHungDoorIsEnded(t *testing.T) {
	s := serviceOf(t, gatetest.Settings{"door": strings.Replace(strike, "30s", "2s", 1)},
		func(u *supervise.Unit) { u.Watchdog = 5 * time.Second })
	relay := filepath.Join(string(s.board), "relay")
	s.atKill = func() { must(t, s.board.Drive("relay", true)) } // as the pulse had it
	pid := s.ready(1)
	s.press()
	must(t, syscall.Mkfifo(relay+".fifo", 0o600)) // which nobody reads: whoever opens it to write waits
	must(t, os.Rename(relay+".fifo", relay))
	s.patiently("the watchdog has ended it", 60*time.Second, func() bool { return len(s.all(supervise.Ended)) > 0 })
	s.safeAfter(1)
	if ended := s.all(supervise.Ended)[0]; ended.Result != "watchdog" || ended.PID != pid {
		t.Errorf("it ended with %+v", ended)
	}
}

// TestHandoverUnderTheWatchdog destroys something, upon which a fresh process goes on. The watchdog waits for its networks, and
// no longer than the unit says after that.
func TestHandoverUnderTheWatchdog(t *testing.T) {
	const limit = 5 * time.Second
	s := serviceOf(t, nil, func(u *supervise.Unit) { u.Watchdog = limit })
	pid := s.ready(1)
	_, err := s.client.Lockdown(t.Context())
	must(t, err)
	if again := s.ready(2); again != pid {
		t.Errorf("process %d goes on, want %d", again, pid)
	}
	time.Sleep(limit + time.Second)
	if ends := s.all(supervise.Ended); len(ends) > 0 {
		t.Fatalf("it ended: %+v", ends)
	}
	must(t, syscall.Kill(pid, syscall.SIGSTOP))
	suspended := time.Now()
	s.patiently("the watchdog has ended it", 40*time.Second, func() bool { return len(s.all(supervise.Ended)) > 0 })
	if d := time.Since(suspended); d > limit+10*time.Second {
		t.Errorf("it took the watchdog %v to end the fresh process", d)
	}
}

// TestHungEyesAreEnded has the task that looks at faces hang. Meanwhile the exit button opens the door; then the watchdog ends
// the process, and the reason is told.
func TestHungEyesAreEnded(t *testing.T) {
	if os.Getenv("FACEGATE_SLOW") == "" {
		t.Skip("takes a minute; set FACEGATE_SLOW=1")
	}
	hang := filepath.Join(t.TempDir(), "hang")
	s := serviceOf(t, gatetest.Settings{"camera": fmt.Sprintf(pictures, gatetest.Testdata(t, "walk/p01"))},
		func(*supervise.Unit) {}, asHanging+"="+hang)
	s.ready(1)
	must(t, os.WriteFile(hang, nil, 0o600))
	time.Sleep(5 * time.Second)
	s.press()
	var st status.Status
	s.patiently("status says that it hangs", time.Minute, func() (ok bool) {
		var err error
		st, err = s.client.Status(t.Context())
		return err == nil && strings.Contains(fmt.Sprint(st.Health), "does not go on")
	})
	s.patiently("the watchdog has ended it", time.Minute, func() bool { return len(s.all(supervise.Ended)) > 0 })
	s.safeAfter(1)
	if ended := s.all(supervise.Ended)[0]; ended.Result != "watchdog" {
		t.Errorf("it ended with %+v", ended)
	}
	if log := s.text(); !strings.Contains(log, "what looks at faces does not go on") {
		t.Error("the log does not say what hangs")
	}
}

// TestCrashLoop has the gate panic at its first frame: it comes up without faces, is asked to try again once the reason is
// gone, and looks at faces.
func TestCrashLoop(t *testing.T) {
	t.Parallel()
	site := t.TempDir()
	panics := filepath.Join(site, "panic")
	must(t, os.WriteFile(panics, nil, 0o600))
	s := serviceOf(t, gatetest.Settings{
		"camera": fmt.Sprintf(pictures, gatetest.Testdata(t, "walk/p01")),
		"door":   strings.Replace(strike, "30s", "3s", 1), // a fresh process does not go on within a pulse
	}, func(u *supervise.Unit) { u.Rest = 10 * time.Millisecond }, asPanickingAt+"="+panics)
	var st status.Status
	s.patiently("faces are left out", 2*time.Minute, func() bool {
		var err error
		st, err = s.client.Status(t.Context())
		return err == nil && st.Lesser != nil
	})
	if st.Lesser.Level != "faces off" || !strings.Contains(st.Lesser.Reason, "exit-code (exited, 2)") {
		t.Errorf("left out is %+v", st.Lesser)
	}
	if n := len(s.all(supervise.Ended)); n != 3 {
		t.Errorf("it has crashed %d times", n)
	}
	s.press()
	must(t, os.Remove(panics))
	p := facegate(t.Context(), "faces", "on", "--socket", s.site.Path("facegate/control.sock"))
	p.want(t, exitOK, "faces are on", "")
	s.patiently("faces are looked at", time.Minute, func() bool {
		st, err := s.client.Status(t.Context())
		return err == nil && st.Lesser == nil && st.Camera.Frames > 0
	})
	if n := len(s.all(supervise.Ended)); n != 3 {
		t.Errorf("after faces were turned on there were %d ends", n)
	}
	s.stop()
	if log := s.text(); !strings.Contains(log, "no face is looked at, because the gate has crashed again and again") {
		t.Error("the log does not say that faces are off")
	}
}
