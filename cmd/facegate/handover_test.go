package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/control"
	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/people"
	"facegate/gpio"
	"facegate/gpio/sim"
	"facegate/store/audit"
)

// TestHandover erases somebody, upon which a fresh process takes the place of the gate. Nobody is to notice: who asks
// meanwhile is answered, the broker hears nothing of it, what the technician is writing to the configuration does not come
// into force, and the gate ends as it does otherwise.
func TestHandover(t *testing.T) {
	site := enrolledSite(t, "p01", "p02")
	building, mqtt := loopbackBroker(t, site)
	settings := gatetest.Settings{
		"camera": fmt.Sprintf("{source: replay, path: %s, fps: 15, loop: true}", emptyPlace(t, site)), "mqtt": mqtt,
	}
	gate := launch(t, site, nil, settings)
	gate.status(t)
	building.awaitAvailability(t, "online")
	name := processOf(t, gate.client)
	must(t, os.WriteFile(gate.config, []byte("half a configura"), 0o600))

	answered := make(chan error, 1)
	asking := make(chan struct{})
	go func() {
		defer close(answered)
		for {
			if _, err := gate.client.Status(t.Context()); err != nil {
				answered <- err
				return
			}
			select {
			case <-asking:
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	}()
	for _, label := range []string{"p01", "p02"} {
		_, err := gate.client.Erase(t.Context(), people.Who{Label: label}, audit.Requested)
		must(t, err)
		next := processOf(t, gate.client)
		if next == name {
			t.Errorf("the process that has erased %s goes on", label)
		}
		name = next
	}
	close(asking)
	if err := <-answered; err != nil {
		t.Errorf("somebody who asked meanwhile was not answered: %v", err)
	}
	gatetest.Eventually(t, "the broker hears from the fresh process", func() bool { return gate.status(t).MQTT.Connected })
	for _, m := range building.on(availabilityTopic) {
		if got := string(m.Payload()); got != "online" {
			t.Errorf("the broker was told that the gate is %s", got)
		}
	}
	if people, err := gate.client.People(t.Context()); err != nil || len(people) != 0 {
		t.Errorf("%v is left, %v", people, err)
	}
	gate.terminate(t)
	building.awaitAvailability(t, "stopped")
	if log := gate.log.String(); strings.Count(log, "handing over to a fresh process") != 2 {
		t.Errorf("the log does not tell of it twice:\n%s", log)
	}
	if _, err := os.Stat(site.Socket()); err == nil {
		t.Error("the socket is left behind")
	}
}

// TestHandoverKeepsLine has another program wait for the relay to become free, and looks at its pin, while a fresh process
// takes the place of the gate. The relay holds a magnet, or leaves a strike locked.
func TestHandoverKeepsLine(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		door   string
		locked bool // the level of the pin
		before int  // edges from the start to the end of the first pulse
	}{{"kind: strike, fail: secure", false, 2}, {"kind: maglock, fail: safe", true, 3}} {
		t.Run(test.door, func(t *testing.T) {
			t.Parallel()
			site := enrolledSite(t, "p01")
			board := sim.Board(site.Path("board"))
			must(t, os.Mkdir(string(board), 0o700))
			gate := launch(t, site, nil, gatetest.Settings{
				"camera": fmt.Sprintf("{source: replay, path: %s, fps: 15, loop: true}", emptyPlace(t, site)),
				"door": fmt.Sprintf("{driver: sim, %s, chip: %s, line: relay, pulse: 200ms, exit: {line: exit}, fire: {line: fire}}",
					test.door, board),
			})
			gate.status(t)
			pulse(t, gate)
			settled(t, board, test.before, test.locked)
			name, free := processOf(t, gate.client), whetherFree(board)
			_, err := gate.client.Erase(t.Context(), people.Who{Label: "p01"}, audit.Requested)
			must(t, err)
			if processOf(t, gate.client) == name {
				t.Error("no fresh process goes on")
			}
			must(t, free())
			settled(t, board, test.before, test.locked)
			pulse(t, gate)
			settled(t, board, test.before+2, test.locked)
			gate.terminate(t)
			if high, err := board.Pin("relay"); err != nil || high {
				t.Errorf("the gate has ended with the relay pulled in, %v", err)
			}
		})
	}
}

// pulse opens the door by hand, after the rest that it needs.
func pulse(t *testing.T, gate *program) {
	t.Helper()
	gatetest.Eventually(t, "the gate gives a pulse", func() bool {
		_, err := gate.client.TestDoor(t.Context())
		return err == nil
	})
}

// settled checks how often the relay has moved, and where it is.
func settled(t *testing.T, b sim.Board, edges int, high bool) {
	t.Helper()
	moved, err := b.Edges("relay")
	must(t, err)
	now, err := b.Pin("relay")
	must(t, err)
	if len(moved) != edges || now != high {
		t.Errorf("the pin is high = %t after the edges %v, want %t after %d of them", now, moved, high, edges)
	}
}

// whetherFree tries to take the relay of a board, again and again, until it is asked whether that has succeeded.
func whetherFree(b sim.Board) (free func() error) {
	stop, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		for {
			select {
			case <-stop:
				ended <- nil
				return
			case <-time.After(time.Millisecond):
			}
			if _, err := b.Open(sim.Wire{Name: "relay", Consumer: "other"}); !errors.Is(err, gpio.ErrInUse) {
				ended <- fmt.Errorf("somebody else got the line: %w", err)
				return
			}
		}
	}()
	return func() error {
		close(stop)
		return <-ended
	}
}

func processOf(t *testing.T, c *control.Client) string {
	t.Helper()
	name, err := c.Process(t.Context())
	must(t, err)
	return name
}
