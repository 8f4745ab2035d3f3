package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/google/go-cmp/cmp"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/status"
	"facegate/pipeline/publish/contracttest"
	"facegate/pipeline/publish/loopback"
)

// stateTopics are the topics on which a gate without inputs says how it is, and Home Assistant learns of it.
func stateTopics() []string {
	return []string{
		gateTopics + "availability", gateTopics + "health", gateTopics + "info", gateTopics + "lock/state", gateTopics + "mode",
		"ha/device/facegate_test_front/config",
	}
}

// stands returns those of stateTopics on which there was something that was not removed since.
func (s *subscriber) stands() (topics []string) {
	for _, topic := range stateTopics() {
		if heard := s.on(topic); len(heard) > 0 && len(heard[len(heard)-1].Payload()) > 0 {
			topics = append(topics, topic)
		}
	}
	return topics
}

// TestForget has a gate discovered, and forgotten while it runs and after it has stopped. The broker keeps nothing of it.
func TestForget(t *testing.T) {
	t.Parallel()
	site := gatetest.NewSite(t)
	account := loopback.NewAccount()
	b := contracttest.Start(t, account)
	must(t, os.WriteFile(site.Path("password"), []byte(account.Password), 0o600))
	settings := gatetest.Settings{"mqtt": fmt.Sprintf("{broker: %q, username: %s, password_file: %s, home_assistant: {discovery: true, prefix: ha}}",
		b.URL(), account.Username, site.Path("password"))}
	config := site.WriteConfig(t, settings)
	retained := func() []string { return retainedBy(t, b.URL(), account) } // while the gate says nothing: mochi cannot do both at a time
	building := subscribe(t, b.URL(), account)
	all := func() bool { return slices.Equal(building.stands(), stateTopics()) }

	l := startLive(t, site, settings)
	gatetest.Eventually(t, "the gate is discovered", all)
	answering(t.Context(), "n\n", "mqtt", "forget", "--config", config).want(t, exitUnconfirmed, "", "not confirmed, and nothing was done")
	if !all() {
		t.Error("what was not confirmed was done")
	}
	l.do(t, "mqtt", "forget").want(t, exitUnconfirmed, "", "--yes") // nobody can be asked
	var f status.Forgotten
	l.do(t, "mqtt", "forget", "--yes", "--json").decode(t, &f)
	gatetest.Eventually(t, "Home Assistant and others have lost the gate", func() bool { return len(building.stands()) == 0 })
	if len(f.Removed) < 10 || len(f.Kept) > 0 {
		t.Errorf("forgotten: %+v", f)
	}
	l.do(t, "mqtt", "status").want(t, exitOK, "facegate mqtt forget", "")
	l.do(t, "door", "test").want(t, exitOK, "the door was unlocked", "")
	l.stop()
	if kept := retained(); len(kept) > 0 {
		t.Errorf("after the gate has stopped the broker retains %q", kept)
	}

	l = startLive(t, site, settings) // which is to say something again
	gatetest.Eventually(t, "the gate is discovered again", all)
	l.stop()
	if diff := cmp.Diff(stateTopics(), retained()); diff != "" {
		t.Errorf("of a gate that has stopped the broker retains (-want +got):\n%s", diff)
	}
	facegate(t.Context(), "mqtt", "forget", "--yes", "--config", config).want(t, exitOK, "removed", "")
	if kept := retained(); len(kept) > 0 {
		t.Errorf("after a stopped gate was forgotten the broker retains %q", kept)
	}
	config = site.WriteConfig(t, gatetest.Settings{"mqtt": `{broker: "tcp://127.0.0.1:1"}`})
	facegate(t.Context(), "mqtt", "forget", "--yes", "--config", config).want(t, exitFailed, "", "refuses the connection")
}

// retainedBy returns the topics on which a broker keeps something for whoever comes.
func retainedBy(t *testing.T, url string, account loopback.Account) []string {
	t.Helper()
	const end = "facegate/hq/other/cmd/open" // on which anybody may say anything
	topics, ends := map[string]bool{}, make(chan struct{})
	c := mqtt.NewClient(mqtt.NewClientOptions().AddBroker(url).SetUsername(account.Username).SetPassword(account.Password).
		SetAutoReconnect(false).SetDefaultPublishHandler(func(_ mqtt.Client, m mqtt.Message) {
		if m.Topic() == end {
			close(ends)
		} else if m.Retained() {
			topics[m.Topic()] = true
		}
	}))
	for _, do := range []func() mqtt.Token{
		c.Connect,
		func() mqtt.Token { return c.Subscribe("#", 1, nil) },
		func() mqtt.Token { return c.Publish(end, 1, false, "end") },
	} {
		if token := do(); !token.WaitTimeout(15*time.Second) || token.Error() != nil {
			t.Fatalf("the broker: %v", token.Error())
		}
	}
	defer c.Disconnect(0)
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	select {
	case <-ends:
	case <-ctx.Done():
		t.Fatal("what is retained does not come to an end")
	}
	return slices.Sorted(maps.Keys(topics))
}
