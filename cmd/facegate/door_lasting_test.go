package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/health"
	"facegate/cmd/facegate/internal/people"
	"facegate/cmd/facegate/internal/status"
	"facegate/gpio/door"
	"facegate/gpio/sim"
	"facegate/store/audit"
)

// TestExitWithDamagedRecords damages the list of people: no face is looked at, the status says what to do, and exit button and fire
// alarm open the door.
func TestExitWithDamagedRecords(t *testing.T) {
	t.Parallel()
	site := gatetest.NewSite(t)
	must(t, os.MkdirAll(site.State(), 0o700))
	must(t, os.WriteFile(filepath.Join(site.State(), "people.db"), []byte("damaged"), 0o600))
	b := &boarded{t: t, site: site, board: sim.Board(site.Path("board"))}
	must(t, os.MkdirAll(string(b.board), 0o700))
	b.program = launch(t, site, nil, atBoard(site, inputsWired, nil))
	for begun := time.Now(); time.Since(begun) < 2*time.Minute; time.Sleep(100 * time.Millisecond) {
		if _, err := b.client.Status(t.Context()); err == nil { // which comes after the networks, and a second start
			break
		}
	}
	worst, _ := b.status(t).Health.Worst()
	if worst.State != health.Down || !strings.Contains(worst.Reason, "the store is damaged") || !strings.Contains(worst.Todo, "the door stays locked to faces") {
		t.Errorf("the health is %+v", worst)
	}
	b.do("people").want(t, exitFailed, "", "the store is damaged")
	b.press()
	b.wantPulses(1)
	b.set("FIRE", true)
	b.awaitUnlocked("fire alarm")
	time.Sleep(2 * doorPulse)
	if !b.unlocked() {
		t.Error("the door is locked in the fire alarm")
	}
	b.set("FIRE", false)
	b.awaitLocked("the alarm is over")
	b.cmd.Process.Signal(syscall.SIGTERM)
	if b.ended(t); b.unlocked() {
		t.Error("the gate has ended, and the door is open")
	}
}

// TestHoldOverHandover erases somebody while the door is held: a fresh process goes on within seconds, and holds it on. The lock does not
// move.
func TestHoldOverHandover(t *testing.T) {
	t.Parallel()
	site := enrolledSite(t, "p01")
	b := launchAt(t, site, "max_open: 1h", nil)
	must(t, b.client.HoldDoor(t.Context(), status.DoorHold{For: 10 * time.Minute, Reason: "a piano"}))
	b.awaitUnlocked("it is held")
	name := processOf(t, b.client)
	_, err := b.client.Erase(t.Context(), people.Who{Label: "p01"}, audit.Requested)
	must(t, err)
	gatetest.Eventually(t, "a fresh process goes on", func() bool {
		now, err := b.client.Process(t.Context())
		return err == nil && now != name
	})
	b.awaitUnlocked("it is held on")
	d, err := b.client.Door(t.Context())
	if err != nil || d.Why != door.Hold || !strings.HasSuffix(d.Held, ": a piano") || d.LeftS < 500 || d.LeftS > 600 {
		t.Errorf("the door is %+v, %v", d, err)
	}
	if e, err := b.board.Edges("RELAY"); err != nil || len(e) != 1 {
		t.Errorf("the relay has the edges %v, %v", e, err)
	}
	must(t, b.client.ReleaseDoor(t.Context()))
	b.awaitLocked("it is released")
}

// TestExitOverHandover erases somebody while people leave by the exit button, one after the other. It is heard again by the fresh process.
func TestExitOverHandover(t *testing.T) {
	t.Parallel()
	site := enrolledSite(t, "p01")
	b := launchAt(t, site, "pulse: 200ms, exit: {line: EXIT, debounce: 0s, active_low: false}", nil)
	name := processOf(t, b.client)
	leaving, done := make(chan struct{}), make(chan error, 1)
	go func() {
		var failed error
		for pressed := true; ; pressed = !pressed {
			select {
			case <-leaving:
				done <- failed
				return
			case <-time.After(200 * time.Millisecond):
				failed = errors.Join(failed, b.board.Drive("EXIT", pressed))
			}
		}
	}()
	opened := func() int {
		edges, err := b.board.Edges("RELAY")
		must(t, err)
		return len(edges)
	}
	gatetest.Eventually(t, "somebody leaves", func() bool { return opened() > 0 })
	_, err := b.client.Erase(t.Context(), people.Who{Label: "p01"}, audit.Requested)
	must(t, err)
	gatetest.Eventually(t, "a fresh process goes on", func() bool {
		now, err := b.client.Process(t.Context())
		return err == nil && now != name
	})
	before := opened()
	gatetest.Eventually(t, "the button is heard again", func() bool { return opened() > before+3 })
	close(leaving)
	must(t, <-done)
	edges, err := b.board.Edges("RELAY")
	must(t, err)
	var longest time.Duration
	for i := 1; i < len(edges); i++ {
		if edges[i].High {
			longest = max(longest, edges[i].At-edges[i-1].At)
		}
	}
	t.Logf("%d openings; of a button that is pressed every 400 ms the longest pause was %v", (len(edges)+1)/2, longest)
}
