package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/control"
	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/people"
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

func processOf(t *testing.T, c *control.Client) string {
	t.Helper()
	name, err := c.Process(t.Context())
	must(t, err)
	return name
}
