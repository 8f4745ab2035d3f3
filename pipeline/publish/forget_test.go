package publish_test

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/google/go-cmp/cmp"

	"facegate/pipeline/publish"
	"facegate/pipeline/publish/homeassistant"
	"facegate/pipeline/publish/mosquittotest"
)

// keeps returns what a broker retains, as topics with the beginning of what is said there. It asks as somebody who has just come: all
// that is retained comes before what this one says itself. Nobody may say anything that is retained meanwhile: mochi cannot do both at a
// time.
func keeps(t *testing.T, s server) map[string]string {
	t.Helper()
	kept, ends := map[string]string{}, make(chan struct{})
	c := mqtt.NewClient(mqtt.NewClientOptions().AddBroker(s.URL()).SetClientID("asking-" + rand.Text()).
		SetUsername(account.Username).SetPassword(account.Password).SetAutoReconnect(false))
	wait(t, "connect", c.Connect())
	defer c.Disconnect(100)
	wait(t, "subscribe", c.SubscribeMultiple(map[string]byte{"#": 1}, func(_ mqtt.Client, m mqtt.Message) {
		switch {
		case m.Topic() == end:
			close(ends)
		case m.Retained():
			kept[m.Topic()] = string(m.Payload()[:min(len(m.Payload()), 9)])
		}
	}))
	wait(t, "end", c.Publish(end, 1, false, "end"))
	select {
	case <-ends:
	case <-time.After(patience):
		t.Fatal("what is retained does not come to an end")
	}
	return kept
}

// end is a topic on which anybody may say anything.
const end = "facegate/hq/other/cmd/open"

// introduced has the gate of a rig tell all that it has.
func introduced(r *rig) {
	r.t.Helper()
	d := publish.Door{Lock: publish.Locked, Leaf: publish.Closed, Held: publish.Off, Forced: publish.Off, Tamper: publish.Off, Fire: publish.Off}
	r.publisher.SetDoor(d)
	if err := r.publisher.Introduce("1.2.3", d); err != nil {
		r.t.Fatal(err)
	}
}

const config = "homeassistant/device/facegate_hq_north/config"

// forgets has a running gate forgotten, and then ends it in every way.
func forgets(t *testing.T, r *rig) {
	introduced(r)
	r.run()
	r.connected()
	all := []string{
		"facegate/hq/north/alarm/fire/state", "facegate/hq/north/alarm/forced/state", "facegate/hq/north/alarm/held/state",
		"facegate/hq/north/alarm/tamper/state", "facegate/hq/north/availability", "facegate/hq/north/door/state",
		"facegate/hq/north/lock/state", config,
	}
	if kept := keeps(t, r.server); len(kept) != len(all) {
		t.Fatalf("the broker retains %q", kept)
	}
	for range 2 { // the second one has nothing to do, and says the same
		f, err := r.publisher.Forget(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, topic := range all {
			if !slices.Contains(f.Removed, topic) {
				t.Errorf("%s is not among what was removed: %q", topic, f.Removed)
			}
		}
		if diff := cmp.Diff([]string{}, f.Kept); diff != "" {
			t.Errorf("kept (-want +got):\n%s", diff)
		}
		keepsNothing(t, r, "after it was forgotten")
	}
	if s := r.publisher.Status(); !s.Forgotten || !r.publisher.Silent() {
		t.Errorf("the status is %+v", s)
	}
	r.connected()
	introduced(r) // is not told any more
	r.grant(1)
	r.observer.awaitEvents(1)
	keepsNothing(t, r, "after another event")
	eventually(t, "the outbox is empty", func() bool { return r.publisher.Status().Queued == 0 }) // or the event comes again
	r.cable.cut()
	r.grant(1)
	r.observer.awaitEvents(2)
	keepsNothing(t, r, "after the connection was lost")
	r.halt()
	keepsNothing(t, r, "after the gate has stopped")
}

func keepsNothing(t *testing.T, r *rig, when string) {
	t.Helper()
	if diff := cmp.Diff(map[string]string{}, keeps(t, r.server)); diff != "" {
		t.Errorf("%s the broker retains (-want +got):\n%s", when, diff)
	}
}

// forgetsStopped has a gate forgotten that has stopped, with what it has left behind.
func forgetsStopped(t *testing.T, r *rig) {
	introduced(r)
	r.run()
	r.connected()
	r.halt()
	if kept := keeps(t, r.server); kept["facegate/hq/north/availability"] != "stopped" {
		t.Fatalf("a stopped gate has left %q", kept)
	}
	f, err := publish.Forget(t.Context(), gate("tcp", r.cable), slog.New(slog.DiscardHandler))
	if err != nil || len(f.Kept) != 0 || !slices.Contains(f.Removed, config) {
		t.Errorf("Forget = %+v, %v", f, err)
	}
	keepsNothing(t, r, "after it was forgotten")
}

// TestForgetWithoutBroker has a gate forgotten while its broker is away. It is as soon as there is one.
func TestForgetWithoutBroker(t *testing.T) {
	r := newRig(t, newMochi(t))
	introduced(r)
	r.run()
	r.connected()
	r.cable.block(true)
	r.cable.cut()
	r.disconnected()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if f, err := r.publisher.Forget(ctx); err == nil {
		t.Errorf("Forget = %+v, without a broker", f)
	}
	r.cable.block(false)
	r.connected()
	keepsNothing(t, r, "after it could be told")

	r.cable.block(true)
	_, err := publish.Forget(t.Context(), gate("tcp", r.cable), slog.New(slog.DiscardHandler))
	if f := new(publish.Fault); !errors.As(err, &f) || f.Hint == "" {
		t.Errorf("Forget = %v, want a fault with a hint", err)
	}
	r.cable.block(false)
}

// TestForgetForbidden has a gate forgotten by a broker that lets it write nothing on some topics.
func TestForgetForbidden(t *testing.T) {
	t.Parallel()
	b := mosquittotest.NewGuarded(t, account, "topic readwrite #")
	r := newRig(t, b)
	introduced(r)
	r.run()
	r.connected()
	eventually(t, "the gate is introduced", func() bool { return keeps(t, r.server)[config] != "" })
	b.Allow(t, "topic readwrite facegate/#", "topic read #", "topic write "+end)
	eventually(t, "the broker has read the list", func() bool {
		f, err := r.publisher.Forget(t.Context())
		return err == nil && slices.Equal(f.Kept, []string{config})
	})
	if kept := keeps(t, r.server); len(kept) != 1 || kept[config] == "" {
		t.Errorf("the broker retains %q", kept)
	}
}

// TestForgetUntold has a gate forgotten that Home Assistant never learnt of, by a broker whose list has no word of that: nothing is left.
// What a gate that may not write there has left there all the same is left.
func TestForgetUntold(t *testing.T) {
	t.Parallel()
	b := mosquittotest.NewGuarded(t, account, "topic readwrite facegate/#")
	r := newRig(t, b)
	r.run()
	r.connected()
	f, err := r.publisher.Forget(t.Context())
	if err != nil || len(f.Kept) != 0 || !slices.Equal(f.Untold, []string{config}) || slices.Contains(f.Removed, config) {
		t.Errorf("Forget = %+v, %v", f, err)
	}
	r.halt()
	b.Allow(t, "topic readwrite #")
	eventually(t, "Home Assistant has learnt of it", func() bool {
		wait(t, "say", r.observer.client.Publish(config, 1, true, "{}"))
		return keeps(t, r.server)[config] != ""
	})
	b.Allow(t, "topic readwrite facegate/#", "topic read #")
	eventually(t, "it is kept", func() bool {
		f, err := publish.Forget(t.Context(), gate("tcp", r.cable), slog.New(slog.DiscardHandler))
		if len(f.Kept) == 0 { // the broker had the former list still
			wait(t, "say", r.observer.client.Publish(config, 1, true, "{}"))
		}
		return err == nil && slices.Equal(f.Kept, []string{config}) && len(f.Untold) == 0
	})
}

// TestForgetWithheld has a broker that keeps the lock to itself forget the gate. Of the connection afterwards, which does not speak of the
// lock, it is not said that the broker keeps that.
func TestForgetWithheld(t *testing.T) {
	const lock = "facegate/hq/north/lock/state"
	r := newRig(t, mosquittotest.NewGuarded(t, account, "topic readwrite facegate/#", "topic deny "+lock, "topic readwrite homeassistant/#"))
	r.publisher.SetDoor(publish.Door{Lock: publish.Locked})
	r.run()
	eventually(t, "the broker keeps the lock", func() bool { return slices.Equal(r.publisher.Status().Withheld, []string{lock}) })
	if f, err := r.publisher.Forget(t.Context()); err != nil || !slices.Contains(f.Kept, lock) {
		t.Errorf("it is forgotten but for %q: %v", f.Kept, err)
	}
	r.connected()
	r.grant(1)
	r.observer.awaitEvents(1)
	if s := r.publisher.Status(); len(s.Withheld) > 0 || s.Fault != "" {
		t.Errorf("the status is %+v", s)
	}
}

// TestDiscoveryForbidden introduces a gate where the broker's list has no word of Home Assistant. All else is told.
func TestDiscoveryForbidden(t *testing.T) {
	t.Parallel()
	b := mosquittotest.NewGuarded(t, account, "topic readwrite facegate/#", "topic write "+end, "topic read #")
	r := newRig(t, b)
	if err := r.publisher.Introduce("1.2.3", publish.Door{}); err != nil {
		t.Fatal(err)
	}
	r.publisher.SetDoor(publish.Door{Lock: publish.Locked})
	r.run()
	eventually(t, "the lock is told", func() bool { return keeps(t, r.server)["facegate/hq/north/lock/state"] == "LOCKED" })
	r.connected()
	r.grant(1)
	r.observer.awaitEvents(1)
	eventually(t, "the status says so", func() bool { return strings.Contains(r.publisher.Status().Err, config) })
	if s := r.publisher.Status(); !s.Connected || !strings.Contains(s.Hint, config) {
		t.Errorf("the status is %+v", s)
	}
}

// TestPrefix checks that the message goes where its room says.
func TestPrefix(t *testing.T) {
	g := homeassistant.Gate{Site: "hq", Gate: "north"}
	if got := g.Topic("homeassistant"); got != config {
		t.Errorf("the topic is %s", got)
	}
}

// TestBirth has a Home Assistant start. The gate introduces itself again, with all that it has told; who only says so again and again
// gets no more.
func TestBirth(t *testing.T) {
	r := newRig(t, newMochi(t))
	introduced(r)
	r.run()
	r.connected()
	again := make(chan struct{}, 100)
	wait(t, "subscribe", r.observer.client.Subscribe(config, 1, func(_ mqtt.Client, m mqtt.Message) {
		if !m.Retained() {
			again <- struct{}{}
		}
	}))
	eventually(t, "the lock is told", func() bool { return len(r.observer.on("lock/state")) > 0 })
	locks := len(r.observer.on("lock/state"))
	for range 3 {
		wait(t, "say", r.observer.client.Publish(homeassistant.StatusTopic("homeassistant"), 0, false, homeassistant.Birth))
	}
	select {
	case <-again:
	case <-time.After(patience):
		t.Fatal("the gate has not introduced itself again")
	}
	eventually(t, "the lock is told again", func() bool { return len(r.observer.on("lock/state")) > locks })
}
