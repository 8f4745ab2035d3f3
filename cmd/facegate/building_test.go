package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/pipeline/publish"
	"facegate/pipeline/publish/loopback"
	"facegate/pipeline/publish/mosquittotest"
)

const gateTopics = "facegate/test/front/"

// says waits until what was heard last on a topic is want.
func (s *subscriber) says(t *testing.T, topic, want string) {
	t.Helper()
	gatetest.Eventually(t, topic+" is "+want, func() bool {
		heard := s.on(gateTopics + topic)
		return len(heard) > 0 && string(heard[len(heard)-1].Payload()) == want
	})
}

// opened waits for the pass event n, and wants it to be an opening by this means.
func (s *subscriber) opened(t *testing.T, n int, method string) {
	t.Helper()
	var e publish.Event
	must(t, json.Unmarshal(s.awaitPass(t, n).Payload(), &e))
	if e.Type != publish.Opened || e.Method != method || e.Seq != uint64(n) || e.LatencyMS != 0 || e.Reason != nil {
		t.Errorf("event %d is %+v, want an opening by %s", n, e, method)
	}
}

// health returns the names of what is not well, as it was heard last.
func (s *subscriber) health(t *testing.T) (names []string) {
	t.Helper()
	heard := s.on(gateTopics + "health")
	if len(heard) == 0 {
		return nil
	}
	var h publish.Health
	must(t, json.Unmarshal(heard[len(heard)-1].Payload(), &h))
	for _, c := range h.Conditions {
		names = append(names, c.Name)
	}
	return names
}

// TestBuildingSeesTheDoor has a door with every line do all that a door does without anybody being recognised, before a building system on
// mosquitto: it is told how lock, door and alarms are, and of each opening by one event, before the door is seen open.
func TestBuildingSeesTheDoor(t *testing.T) {
	t.Parallel()
	broker := mosquittotest.New(t, loopback.Account{})
	broker.Start(t)
	building := subscribe(t, broker.URL(), loopback.Account{})
	wire := newTap(t, "tcp", "127.0.0.1:0", broker.URL())
	b := launchAt(t, gatetest.NewSite(t), "pulse: 3s, max_open: 1h, held_warn: 4s, held_after: 5s, "+inputsWired,
		gatetest.Settings{"mqtt": fmt.Sprintf("{broker: %q}", "tcp://"+wire.listener.Addr().String())})
	for topic, want := range map[string]string{
		"lock/state": "LOCKED", "door/state": "CLOSED", "alarm/held/state": "OFF", "alarm/forced/state": "OFF", "alarm/tamper/state": "OFF",
		"alarm/fire/state": "OFF",
	} {
		building.says(t, topic, want)
	}

	b.press()
	building.says(t, "lock/state", "UNLOCKED")
	b.set("CONTACT", true)
	building.says(t, "door/state", "OPEN")
	building.opened(t, 1, "exit")
	b.set("CONTACT", false)
	building.says(t, "door/state", "CLOSED")
	building.says(t, "lock/state", "LOCKED")

	b.do("door", "hold", "20m", "--reason", "a piano").want(t, exitOK, "held open until", "")
	building.opened(t, 2, "hold")
	b.set("FIRE", true)
	building.says(t, "alarm/fire/state", "ON")
	building.opened(t, 3, "fire")
	b.do("door", "release").want(t, exitOK, "held open no more", "")
	b.set("FIRE", false)
	building.says(t, "alarm/fire/state", "OFF")
	building.says(t, "lock/state", "LOCKED")
	b.do("door", "test", "--yes").want(t, exitOK, "the door was unlocked for", "")
	building.opened(t, 4, "manual")

	b.set("TAMPER", true)
	building.says(t, "alarm/tamper/state", "ON")
	b.set("TAMPER", false)
	building.says(t, "alarm/tamper/state", "OFF")
	time.Sleep(2500 * time.Millisecond) // in which a door that has locked may be opened
	b.set("CONTACT", true)
	building.says(t, "alarm/forced/state", "ON")
	building.says(t, "alarm/held/state", "ON")
	gatetest.Eventually(t, "the health says so", func() bool {
		h := building.health(t)
		return slices.Contains(h, "door_forced") && slices.Contains(h, "door_held")
	})
	building.unseen(t, b)

	b.stop()
	building.awaitAvailability(t, "stopped")
	if n := len(building.on(passTopic)); n != 4 {
		t.Errorf("%d events, want 4", n)
	}
	building.nothingElse(t)
	building.lockBeforeDoor(t)
}

// unseen takes the contact of a gate away, and wants nothing to be said of it any more that it said before.
func (s *subscriber) unseen(t *testing.T, b *boarded) {
	t.Helper()
	must(t, os.Remove(filepath.Join(string(b.board), "CONTACT")))
	for _, topic := range []string{"door/state", "alarm/held/state", "alarm/forced/state"} {
		s.says(t, topic, "UNKNOWN")
	}
	must(t, os.WriteFile(filepath.Join(string(b.board), "CONTACT"), []byte("0\n"), 0o600))
	s.says(t, "door/state", "CLOSED")
	s.says(t, "alarm/held/state", "OFF")
	s.says(t, "alarm/forced/state", "OFF")
}

// lockBeforeDoor wants each opening of the door that was heard to follow on an unlocking, but for the last, which was forced.
func (s *subscriber) lockBeforeDoor(t *testing.T) {
	t.Helper()
	var seen []string
	for _, m := range s.all() {
		switch text := string(m.Payload()); strings.TrimPrefix(m.Topic(), gateTopics) {
		case "lock/state":
			seen = append(seen, text)
		case "door/state":
			if text == "OPEN" {
				seen = append(seen, text)
			}
		}
	}
	want := []string{"LOCKED", "UNLOCKED", "OPEN", "LOCKED", "UNLOCKED", "LOCKED", "UNLOCKED", "LOCKED", "OPEN"}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("lock and door (-want +got):\n%s", diff)
	}
}

// TestHeartbeatLeavesTheDisk checks that a gate at which nothing happens tells its health again, and writes nothing for it.
func TestHeartbeatLeavesTheDisk(t *testing.T) {
	if os.Getenv("FACEGATE_SLOW") == "" {
		t.Skip("takes two minutes: set FACEGATE_SLOW")
	}
	t.Parallel()
	site := gatetest.NewSite(t)
	building, mqtt := loopbackBroker(t, site)
	b := launchAt(t, site, inputsWired, gatetest.Settings{"mqtt": mqtt})
	building.says(t, "lock/state", "LOCKED")
	time.Sleep(10 * time.Second) // the start is over
	heard, before := len(building.on(gateTopics+"health")), mustFingerprint(t, site.State())
	time.Sleep(2*time.Minute + 5*time.Second)
	if n := len(building.on(gateTopics+"health")) - heard; n < 2 || n > 3 {
		t.Errorf("%d heartbeats in two minutes", n)
	}
	if diff := cmp.Diff(before, mustFingerprint(t, site.State())); diff != "" {
		t.Errorf("meanwhile the records have changed:\n%s", diff)
	}
	if s := b.status(t); s.MQTT.Queued != 0 || s.MQTT.Seq != 0 {
		t.Errorf("a heartbeat went through the outbox: %+v", s.MQTT)
	}
}
