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
// takes the place of the gate.
func TestHandoverKeepsLine(t *testing.T) {
	site := enrolledSite(t, "p01")
	board := sim.Board(site.Path("board"))
	must(t, os.Mkdir(string(board), 0o700))
	gate := launch(t, site, nil, gatetest.Settings{
		"camera": fmt.Sprintf("{source: replay, path: %s, fps: 15, loop: true}", emptyPlace(t, site)),
		"door":   fmt.Sprintf("{driver: sim, chip: %s, line: relay, pulse: 200ms}", board),
	})
	gate.status(t)
	_, err := gate.client.TestDoor(t.Context())
	must(t, err)
	name := processOf(t, gate.client)
	stop, waited := make(chan struct{}), make(chan error, 1)
	go func() {
		for {
			select {
			case <-stop:
				waited <- nil
				return
			case <-time.After(time.Millisecond):
			}
			if _, err := board.Open(sim.Wire{Name: "relay", Consumer: "other"}); !errors.Is(err, gpio.ErrInUse) {
				waited <- fmt.Errorf("somebody else got the line: %w", err)
				return
			}
		}
	}()
	_, err = gate.client.Erase(t.Context(), people.Who{Label: "p01"}, audit.Requested)
	must(t, err)
	if processOf(t, gate.client) == name {
		t.Error("no fresh process goes on")
	}
	close(stop)
	if err := <-waited; err != nil {
		t.Error(err)
	}
	edges, err := board.Edges("relay")
	must(t, err)
	if len(edges) != 2 {
		t.Errorf("the pin has the edges %v, want those of the pulse before", edges)
	}
	gatetest.Eventually(t, "the fresh process gives a pulse, after the rest that the door needs", func() bool {
		_, err := gate.client.TestDoor(t.Context())
		return err == nil
	})
	if edges, err = board.Edges("relay"); err != nil || len(edges) != 4 {
		t.Errorf("after a pulse of the fresh process: edges %v, %v", edges, err)
	}
	gate.terminate(t)
	if high, err := board.Pin("relay"); err != nil || high {
		t.Errorf("the gate has ended with the relay active, %v", err)
	}
}

func processOf(t *testing.T, c *control.Client) string {
	t.Helper()
	name, err := c.Process(t.Context())
	must(t, err)
	return name
}
