package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/doortrial"
	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/health"
	"facegate/cmd/facegate/internal/opening"
	"facegate/cmd/facegate/internal/systime"
	"facegate/gpio/sim"
	"facegate/store/audit"
)

// A boarded gate is the program in a process of its own, at a board whose lines are seen and driven from here. It knows nobody
// unless its site does, has no broker, and no camera unless it is given one.
type boarded struct {
	*program
	t     *testing.T
	site  gatetest.Site
	board sim.Board
}

// doorPulse is how long its door is unlocked for one pass.
const doorPulse = time.Second

// inputsWired are the inputs of a boarded gate, each active at high level.
const inputsWired = "contact: {line: CONTACT, debounce: 10ms}, exit: {line: EXIT, active_low: false}, " +
	"fire: {line: FIRE, debounce: 10ms}, tamper: {line: TAMPER, debounce: 10ms}"

// launchAt starts a gate at a board, with the keys of its door, and waits until it answers.
func launchAt(t *testing.T, site gatetest.Site, door string, more gatetest.Settings) *boarded {
	t.Helper()
	b := &boarded{t: t, site: site, board: sim.Board(site.Path("board"))}
	must(t, os.RemoveAll(string(b.board))) // that of a gate before
	must(t, os.Mkdir(string(b.board), 0o700))
	b.program = launch(t, site, nil, atBoard(site, door, more))
	b.status(t)
	return b
}

// atBoard are the settings of a gate at the board of a site.
func atBoard(site gatetest.Site, door string, more gatetest.Settings) gatetest.Settings {
	if !strings.Contains(door, "pulse:") {
		door += fmt.Sprintf(", pulse: %v", doorPulse)
	}
	all := gatetest.Settings{
		"camera": noCamera, "door": fmt.Sprintf("{driver: sim, chip: %s, line: RELAY, %s}", site.Path("board"), door),
	}
	maps.Copy(all, more)
	return all
}

// set sets an input.
func (b *boarded) set(line string, active bool) {
	b.t.Helper()
	must(b.t, b.board.Drive(line, active))
}

// press presses and lets go a button.
func (b *boarded) press() {
	b.t.Helper()
	b.set("EXIT", true)
	time.Sleep(200 * time.Millisecond)
	b.set("EXIT", false)
}

// unlocked reports whether the relay has pulled in.
func (b *boarded) unlocked() bool {
	b.t.Helper()
	high, err := b.board.Pin("RELAY")
	must(b.t, err)
	return high
}

func (b *boarded) awaitUnlocked(why string) {
	b.t.Helper()
	gatetest.Eventually(b.t, "the door is unlocked: "+why, b.unlocked)
}

func (b *boarded) awaitLocked(why string) {
	b.t.Helper()
	gatetest.Eventually(b.t, "the door is locked: "+why, func() bool { return !b.unlocked() })
}

// openings returns how long each opening of the door lasted that is over. The board notes an edge a moment after the level.
func (b *boarded) openings() (all []time.Duration) {
	b.t.Helper()
	var edges []sim.PinEdge
	gatetest.Eventually(b.t, "the last edge of the relay is noted", func() bool {
		var err error
		edges, err = b.board.Edges("RELAY")
		must(b.t, err)
		return (len(edges)%2 == 1) == b.unlocked()
	})
	for i, e := range edges {
		if e.High != (i%2 == 0) {
			b.t.Fatalf("edge %d of the relay is high = %t", i, e.High)
		}
		if !e.High {
			all = append(all, e.At-edges[i-1].At)
		}
	}
	return all
}

// wantPulses waits until the door has been open n times, and wants the last to have been a whole pulse, and not longer than a busy
// machine makes it.
func (b *boarded) wantPulses(n int) {
	b.t.Helper()
	gatetest.Eventually(b.t, fmt.Sprintf("the door was open %d times", n), func() bool { return len(b.openings()) >= n })
	if all := b.openings(); len(all) != n || all[n-1] < doorPulse-50*time.Millisecond || all[n-1] > 2*doorPulse {
		b.t.Errorf("the door was open for %v, want %d times, each for %v", all, n, doorPulse)
	}
}

// do carries out a command on the gate.
func (b *boarded) do(args ...string) printout {
	b.t.Helper()
	return facegate(b.t.Context(), append(args, "--socket", b.site.Socket())...)
}

// wantAlarm waits until the status has an alarm and no other, and wants the health to say so with advice, and the status of the door
// in these words.
func (b *boarded) wantAlarm(name, words string) {
	b.t.Helper()
	b.wantWarning(name, words)
	s := b.status(b.t)
	about := func(c health.Condition) bool { return c.Part == health.Door && c.Reason != "" && c.Todo != "" }
	if !slices.ContainsFunc(s.Health.Conditions, about) {
		b.t.Errorf("the alarm is %s, and the health is %+v", name, s.Health)
	}
}

// wantWarning is wantAlarm for what the health does not say yet.
func (b *boarded) wantWarning(name, words string) {
	b.t.Helper()
	b.awaitAlarms(name)
	b.do("door", "status").want(b.t, exitOK, words, "")
}

// wantNoAlarm waits until there is none, and wants the health to say nothing of the door.
func (b *boarded) wantNoAlarm() {
	b.t.Helper()
	b.awaitAlarms("")
	for _, c := range b.status(b.t).Health.Conditions {
		if c.Part == health.Door {
			b.t.Errorf("no alarm is left, and the health says %+v", c)
		}
	}
}

func (b *boarded) awaitAlarms(names string) {
	b.t.Helper()
	gatetest.Eventually(b.t, fmt.Sprintf("the alarms are %q", names), func() bool {
		return strings.Join(b.status(b.t).Door.Alarms, " ") == names
	})
}

// wantSignals waits until the lights are lit so, and the buzzer sounds or not.
func (b *boarded) wantSignals(red, green, buzzer bool) {
	b.t.Helper()
	gatetest.Eventually(b.t, fmt.Sprintf("red %t, green %t, buzzer %t", red, green, buzzer), func() bool {
		for line, want := range map[string]bool{"RED": red, "GREEN": green, "BUZZER": buzzer} {
			if high, err := b.board.Pin(line); err != nil || high != want {
				return false
			}
		}
		return true
	})
}

// stop stops the gate, which leaves the door locked.
func (b *boarded) stop() {
	b.t.Helper()
	b.cmd.Process.Signal(syscall.SIGTERM)
	b.ended(b.t)
	if b.unlocked() {
		b.t.Error("the gate has ended, and the door is open")
	}
}

// wantNoted stops the gate, and wants wantInLog.
func (b *boarded) wantNoted(want ...audit.Kind) {
	b.t.Helper()
	b.stop()
	b.wantInLog(want...)
}

// wantInLog wants the audit log of the stopped gate to have one entry of each kind that is wanted, and of other kinds none that
// tells of the door.
func (b *boarded) wantInLog(want ...audit.Kind) {
	b.t.Helper()
	s, err := opening.Store(b.site.Config(b.t, nil), systime.New(), discard)
	must(b.t, err)
	defer s.Close()
	l, err := s.Log().Read()
	must(b.t, err)
	about := []string{"door", "tamper", "fire", "open", "clos", "access"}
	var got, names []string
	for _, r := range l.Records {
		if r.Entry == nil {
			continue
		}
		kind := r.Entry.Kind.String()
		if slices.ContainsFunc(about, func(word string) bool { return strings.Contains(kind, word) }) {
			got = append(got, kind)
		}
	}
	for _, k := range want {
		names = append(names, k.String())
	}
	slices.Sort(names)
	if slices.Sort(got); !slices.Equal(got, names) {
		b.t.Errorf("the audit log has %q of the door, want %q", got, names)
	}
}

// TestDoorHeldOpen has somebody hold the door open, and release it, and holds it again until the gate is stopped.
func TestDoorHeldOpen(t *testing.T) {
	t.Parallel()
	b := launchAt(t, gatetest.NewSite(t), "max_open: 1h, held_warn: 2s, held_after: 3s, "+inputsWired, nil)
	b.do("door", "release").want(t, exitFailed, "", "nobody holds the door open")
	b.do("door", "hold", "2h", "--reason", "a piano").want(t, exitFailed, "", "1h")
	if b.unlocked() {
		t.Fatal("the door is held for longer than it may be")
	}
	b.do("door", "hold", "20m", "--reason", "a piano").want(t, exitOK, "held open until", "")
	b.awaitUnlocked("it is held")
	b.set("CONTACT", true)
	time.Sleep(4 * time.Second)
	if s := b.status(t); !b.unlocked() || s.Door.Why != "hold" || len(s.Door.Alarms) > 0 {
		t.Errorf("the door is %+v", s.Door)
	}
	b.do("door", "status").want(t, exitOK, "unlocked: held open, for ", "")
	if p := b.do("door", "test", "--yes"); p.code != exitFailed || !strings.Contains(p.out, "facegate door release") {
		t.Errorf("door test of a held door: code %d\n%s%s", p.code, p.out, p.err)
	}
	b.set("CONTACT", false)
	time.Sleep(500 * time.Millisecond)
	if !b.unlocked() {
		t.Error("the hold ends when the door is shut")
	}
	b.do("door", "release").want(t, exitOK, "held open no more", "")
	b.awaitLocked("it is released")
	b.do("door", "hold", "20m", "--reason", "a sofa").want(t, exitOK, "held open until", "")
	b.awaitUnlocked("it is held again")
	b.wantNoted(audit.DoorHeld, audit.DoorReleased, audit.DoorHeld)
}

// TestDoorSchedule opens the door at its time, once the clock is known to be right.
func TestDoorSchedule(t *testing.T) {
	t.Parallel()
	now := time.Now().UTC()
	window := fmt.Sprintf("schedule: [{days: sun-sat, from: %s, to: %s, door: open}], ",
		now.Add(-time.Hour).Format("15:04"), now.Add(2*time.Hour).Format("15:04"))
	b := launchAt(t, gatetest.NewSite(t), window+inputsWired, gatetest.Settings{"time_zone": "UTC"})
	if !b.status(t).Clock.Right {
		b.do("door", "status").want(t, exitOK, "it is not followed", "")
		if b.unlocked() {
			t.Error("the schedule opens the door by a clock that may be wrong")
		}
		b.do("clock", "confirm", "--yes").want(t, exitOK, "right", "")
	}
	b.awaitUnlocked("the schedule says so")
	b.set("CONTACT", true)
	time.Sleep(2 * doorPulse)
	if s := b.status(t); !b.unlocked() || s.Door.Why != "schedule" || len(s.Door.Alarms) > 0 {
		t.Errorf("the door is %+v", s.Door)
	}
	b.do("door", "status").want(t, exitOK, "unlocked: the schedule", "")
	b.wantNoted()
}

// stills are a camera before which somebody stands.
func stills(t *testing.T, person string) string {
	t.Helper()
	return fmt.Sprintf("{source: replay, path: %s, fps: 5, loop: true, max_age: 3s}", gatetest.Testdata(t, "people/"+person))
}

// TestDoorGranted lets somebody in, by doors of two kinds.
func TestDoorGranted(t *testing.T) {
	t.Parallel()
	site := enrolledSite(t, "p01")
	t.Run("strike", func(t *testing.T) { throughDoor(t, site) })
	t.Run("turnstile", func(t *testing.T) { throughTurnstile(t, site) })
}

// throughDoor lets somebody in who stands there: one pulse, of the configured length, and no alarm when the door opens by it.
func throughDoor(t *testing.T, site gatetest.Site) {
	b := launchAt(t, site, inputsWired, gatetest.Settings{"camera": stills(t, "p01"), "decide": "{rearm: 5m}"})
	patiently(t, "somebody is let in", b.unlocked)
	b.set("CONTACT", true)
	b.wantPulses(1)
	b.set("CONTACT", false)
	gatetest.Eventually(t, "they are seen again", func() bool { return b.status(t).Camera.Frames > 30 })
	if s := b.status(t); s.Door.Pulses != 1 || len(s.Door.Alarms) > 0 || len(b.openings()) != 1 {
		t.Errorf("the door is %+v after %v", s.Door, b.openings())
	}
	b.wantNoted(audit.Access)
}

// TestDoorLocksWhenItCloses ends a pulse as soon as the door has closed behind somebody.
func TestDoorLocksWhenItCloses(t *testing.T) {
	t.Parallel()
	b := launchAt(t, gatetest.NewSite(t), inputsWired+", pulse: 30s, held_warn: 40s, held_after: 50s", nil)
	tested := make(chan printout)
	go func() { tested <- b.do("door", "test", "--json") }()
	b.awaitUnlocked("by hand")
	b.set("CONTACT", true)
	time.Sleep(500 * time.Millisecond)
	if !b.unlocked() {
		t.Error("the door locks when it is opened")
	}
	b.set("CONTACT", false)
	b.awaitLocked("it is shut")
	if all := b.openings(); len(all) != 1 || all[0] > 20*time.Second {
		t.Errorf("the door was open for %v", all)
	}
	var report doortrial.Report
	if p := <-tested; p.code != exitOK {
		t.Errorf("door test: code %d\n%s%s", p.code, p.out, p.err)
	} else if p.decode(t, &report); report.Opened <= 0 || report.Closed < report.Opened || len(report.Findings) > 0 {
		t.Errorf("door test says %+v", report)
	}
	b.wantNoted(audit.OpenedByHand, audit.DoorWatched)
}

// TestDoorExit opens the door by its button, whatever else keeps people from coming in: the camera is lost and the broker away from
// the beginning, and then more and more.
func TestDoorExit(t *testing.T) {
	t.Parallel()
	b := launchAt(t, gatetest.NewSite(t), "schedule: [{days: sun-sat, from: 00:00, to: 24:00, door: shut}], "+inputsWired,
		gatetest.Settings{"time_zone": "Europe/Berlin"})
	for i, spoil := range []func(){
		func() {},
		func() { b.do("clock", "confirm", "--yes").want(t, exitOK, "right", "") }, // now the schedule counts
		func() { b.do("faces", "off").want(t, exitOK, "off", "") },
		func() { b.do("destroy-templates", "--yes").want(t, exitOK, "destroyed", "") },
	} {
		spoil()
		b.status(t) // after a handover the next process answers
		b.press()
		b.awaitUnlocked("the button was pressed")
		b.set("CONTACT", true)
		b.wantPulses(i + 1)
		b.set("CONTACT", false)
		time.Sleep(200 * time.Millisecond)
	}
	if s := b.status(t); len(s.Door.Alarms) > 0 {
		t.Errorf("the alarms are %q", s.Door.Alarms)
	}
	b.wantNoted()
}

// TestDoorOnAFullDisk opens the door by its button, and in a fire, at a gate that has no room for its records and looks at no face.
func TestDoorOnAFullDisk(t *testing.T) {
	t.Parallel()
	if !withMounts(t) {
		return
	}
	site := gatetest.NewSite(t)
	disk := site.Path("disk")
	smallDisk(t, disk)
	if err := os.WriteFile(filepath.Join(disk, "ballast"), make([]byte, 5<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk is not full: %v", err)
	}
	b := launchAt(t, site, inputsWired, gatetest.Settings{"state_dir": disk + "/state", "keys_dir": disk + "/keys"})
	if s := b.status(t); s.FacesOff == nil {
		t.Fatalf("the status is %+v", s)
	}
	b.press()
	b.awaitUnlocked("the button was pressed")
	b.wantPulses(1)
	b.set("FIRE", true)
	b.awaitUnlocked("there is a fire")
	b.wantWarning("fire", "fire alarm: the door is open")
	b.do("door", "watch", "--for", "2s").want(t, exitOK, "fire input: fire alarm", "")
	b.set("FIRE", false)
	b.awaitLocked("the fire is out")
	b.awaitAlarms("")
	b.stop()
}

// TestDoorAlarms raises each alarm, and ends it. None comes after an opening that has a cause.
func TestDoorAlarms(t *testing.T) {
	t.Parallel()
	b := launchAt(t, gatetest.NewSite(t), "buzzer: {line: BUZZER}, led_red: {line: RED}, led_green: {line: GREEN}, "+
		"held_warn: 3s, held_after: 6s, "+inputsWired, nil)
	b.wantSignals(true, false, false)

	b.set("CONTACT", true)
	b.wantAlarm("forced", "the door was opened while it was locked")
	b.wantSignals(true, true, true)
	if p := b.do("status", "--check"); p.code == checkOK {
		t.Errorf("status --check ends with %d: %s", p.code, p.out)
	}
	b.set("CONTACT", false)
	b.wantNoAlarm()
	b.wantSignals(true, false, false)

	b.press()
	b.awaitUnlocked("the button was pressed")
	b.wantSignals(false, true, false)
	b.set("CONTACT", true)
	b.awaitLocked("the pulse is over")
	b.wantWarning("held warning", "the door has stood open for long")
	b.wantAlarm("held", "the door has stood open for too long")
	b.wantSignals(true, true, true)
	b.set("CONTACT", false)
	b.wantNoAlarm()

	b.set("TAMPER", true)
	b.wantAlarm("tamper", "the case was opened")
	b.set("TAMPER", false)
	b.wantNoAlarm()
	b.wantPulses(1)
	b.wantNoted(audit.DoorForced, audit.Tampered)
}

// TestDoorFire opens the door for as long as there is a fire, also where faces are off and the schedule has it shut.
func TestDoorFire(t *testing.T) {
	t.Parallel()
	b := launchAt(t, gatetest.NewSite(t), "schedule: [{days: sun-sat, from: 00:00, to: 24:00, door: shut}], "+inputsWired,
		gatetest.Settings{"time_zone": "Europe/Berlin"})
	b.do("clock", "confirm", "--yes").want(t, exitOK, "right", "")
	b.do("faces", "off").want(t, exitOK, "off", "")
	b.set("FIRE", true)
	b.awaitUnlocked("there is a fire")
	b.wantAlarm("fire", "fire alarm: the door is open")
	b.set("CONTACT", true)
	time.Sleep(3 * doorPulse)
	if !b.unlocked() {
		t.Error("the door locks in a fire")
	}
	b.do("door", "status").want(t, exitOK, "unlocked: the fire alarm", "")
	if p := b.do("door", "test", "--yes"); p.code != exitFailed || !strings.Contains(p.out, "no pulse was given") {
		t.Errorf("door test in a fire: code %d\n%s%s", p.code, p.out, p.err)
	}
	b.set("CONTACT", false)
	b.set("FIRE", false)
	b.awaitLocked("the fire is out")
	b.wantNoAlarm()
	if all := b.openings(); len(all) != 1 || all[0] < 3*doorPulse {
		t.Errorf("the door was open for %v", all)
	}
	b.wantNoted(audit.FireAlarm)
}

// comings makes a camera before which somebody stands for some seconds, and nobody for some, again and again.
func comings(t *testing.T, site gatetest.Site, person string) string {
	t.Helper()
	dir := site.Path("comings")
	must(t, os.MkdirAll(dir, 0o700))
	stand := gatetest.Clip(t, "people/"+person)
	for i := range 22 {
		frame := gatetest.Corridor(t)
		if i < 14 {
			frame = stand[i%len(stand)]
		}
		must(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("%02d.jpg", i)), frame, 0o600))
	}
	return fmt.Sprintf("{source: replay, path: %s, fps: 5, loop: true, max_age: 3s}", dir)
}

// throughTurnstile lets the next in only when whoever was let in before has passed.
func throughTurnstile(t *testing.T, site gatetest.Site) {
	b := launchAt(t, site, "kind: turnstile, passage_timeout: 1m, contact: {line: CONTACT, debounce: 10ms}",
		gatetest.Settings{"camera": comings(t, site, "p01"), "decide": "{rearm: 1s}"})
	patiently(t, "somebody is let in", b.unlocked)
	b.wantPulses(1)
	frames := b.status(t).Camera.Frames
	patiently(t, "they come twice more", func() bool { return b.status(t).Camera.Frames > frames+46 })
	if n := len(b.openings()); n != 1 || b.unlocked() {
		t.Fatalf("the door has opened %d times, and nobody has passed", n)
	}
	b.set("CONTACT", true)
	time.Sleep(200 * time.Millisecond)
	b.set("CONTACT", false)
	patiently(t, "the next is let in", func() bool { return b.unlocked() || len(b.openings()) > 1 })
	watched := b.do("door", "watch", "--for", "1s")
	b.stop()
	if said := b.log.String() + watched.out; strings.Contains(said, "p01") || !strings.Contains(watched.out, "relay: ") {
		t.Errorf("who was let in is told, or nothing:\n%s", said)
	}
}

// patiently is gatetest.Eventually for what a busy machine takes longer for, which looks at few of the frames that come.
func patiently(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(90 * time.Second); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("in vain waited until %s", what)
		}
	}
}
