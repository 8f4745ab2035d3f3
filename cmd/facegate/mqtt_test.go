package main

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/pipeline/publish"
	"facegate/pipeline/publish/contracttest"
	"facegate/pipeline/publish/loopback"
)

// TestMQTTStatusSays holds what is said of each way in which a connection may be.
func TestMQTTStatusSays(t *testing.T) {
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.Local)
	for _, tt := range []struct {
		name string
		is   publish.Status
		want string
	}{
		{
			"well",
			publish.Status{Broker: "ssl://b:8883", TLS: true, Connected: true, ConnectedS: 3661, Store: "ab", Seq: 9, Delivered: 9},
			"broker ssl://b:8883, encrypted (TLS) connection connected since 2026-03-02 10:58:59, for 1h1m1s topics facegate/hq/north/# " +
				"queue 0 events wait, 0 were given up events seq 9 is the newest of store ab seq 9 was delivered last: the broker has given it back",
		},
		{
			"kept from everybody",
			publish.Status{Connected: true, Withheld: []string{"facegate/hq/north/echo", "facegate/hq/north/pass"}, Err: "it keeps them", Hint: "let them pass", Queued: 2},
			"connection connected since 2026-03-02 12:00:00, for 0s it keeps them to do: let them pass topics facegate/hq/north/# " +
				"withheld facegate/hq/north/echo: nobody gets what the gate tells there " +
				"withheld facegate/hq/north/pass: nobody gets what the gate tells there queue 2 events wait, 0 were given up",
		},
		{
			"away",
			publish.Status{Broker: "tcp://b:1883", Err: "refused", Hint: "start it", Queued: 100_000, Dropped: 7, Store: "ab", Seq: 100_007, Others: []publish.Other{
				{Broker: "ssl://c:8883"}, {Broker: "ssl://d:8883", Err: "ssl://d:8883 is switched off", Hint: "switch it on"},
			}},
			"broker tcp://b:1883, not encrypted connection not connected refused to do: start it " +
				"otherwise ssl://c:8883 otherwise ssl://d:8883 is switched off to do: switch it on topics facegate/hq/north/# " +
				"queue 100000 events wait, 7 were given up events seq 100007 is the newest of store ab none was delivered since the start",
		},
	} {
		var out strings.Builder
		w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
		writeMQTT(w, tt.is, topicsOf("hq", "north"), now)
		w.Flush()
		if got := strings.Join(strings.Fields(out.String()), " "); got != tt.want {
			t.Errorf("%s:\n%s\nwant\n%s", tt.name, got, tt.want)
		}
	}
}

// TestMQTTStatus asks a gate that has a broker, before and after it has told of an opening. The broker is tried before there is a gate.
func TestMQTTStatus(t *testing.T) {
	site := gatetest.NewSite(t)
	_, mqtt := loopbackBroker(t, site)
	more := gatetest.Settings{"mqtt": mqtt}
	facegate(t.Context(), "mqtt", "test", "--config", site.WriteConfig(t, more)).want(t, exitOK, "serves this gate, not encrypted: it gives back what the gate tells\n", "")
	l := startLive(t, site, more)
	ask := func() (s publish.Status) {
		l.do(t, "mqtt", "status", "--json").decode(t, &s)
		return s
	}
	gatetest.Eventually(t, "the gate is connected", func() bool { return ask().Connected })
	l.do(t, "mqtt", "test").want(t, exitOK, "connected since ", "")
	s := ask()
	if !strings.HasPrefix(s.Broker, "tcp://127.0.0.1:") || s.TLS || len(s.Store) != 16 || s.Seq != 0 || s.Delivered != 0 || len(s.Withheld) > 0 {
		t.Errorf("the status is %+v", s)
	}
	l.do(t, "door", "test").want(t, exitOK, "the door was unlocked for 3", "")
	gatetest.Eventually(t, "the opening is delivered", func() bool { s := ask(); return s.Seq == 1 && s.Delivered == 1 && s.Queued == 0 })
	l.do(t, "mqtt", "status").want(t, exitOK, "seq 1 was delivered last", "")
}

// TestMQTTWatch listens beside a gate that tells of an opening, whose connection lasts meanwhile, and to what is forged.
func TestMQTTWatch(t *testing.T) {
	site, account := gatetest.NewSite(t), loopback.NewAccount()
	const forged = "in by Zdenka"
	broker, err := loopback.Start("127.0.0.1:0", account, discard, except(forged, contracttest.Tap(t)))
	must(t, err)
	t.Cleanup(func() { broker.Close() })
	forger, mqtt := building(t, site, broker, account)
	more := gatetest.Settings{"mqtt": mqtt}
	l := startLive(t, site, more)
	config := site.WriteConfig(t, more)
	gatetest.Eventually(t, "the gate is connected", func() bool {
		var s publish.Status
		l.do(t, "mqtt", "status", "--json").decode(t, &s)
		return s.Connected
	})
	present := facegate(t.Context(), "mqtt", "watch", "--config", config, "--count", "1", "--json")
	facegate(t.Context(), "mqtt", "watch", "--config", config, "--count", "2").want(t, exitOK, "(retained)\n", "2 messages, 0 told again; 0 are missing")
	var line struct {
		Topic, Says string
		Retained    bool
		Faults      []string
	}
	if err := json.Unmarshal([]byte(present.out), &line); err != nil || present.code != exitOK || !line.Retained || len(line.Faults) > 0 {
		t.Errorf("code %d, %v:\n%s%s", present.code, err, present.out, present.err)
	}

	forger.awaitAvailability(t, "online")
	before := len(forger.on(availabilityTopic))
	var out, errs record
	ctx, cancel := context.WithCancel(t.Context())
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, []string{"mqtt", "watch", "--config", config}, terminal{in: strings.NewReader(""), out: &out, err: &errs, machine: bare})
	}()
	defer cancel()
	gatetest.Eventually(t, "it listens", func() bool { return strings.Contains(errs.String(), "listening to facegate/test/front/#") })
	l.do(t, "door", "test").want(t, exitOK, "the door was unlocked", "")
	forger.client.Publish(passTopic, 1, false, forged)
	for _, text := range []string{"the door was opened: by hand, seq 1, ", forged, "wrong: it is not of the form of this topic"} {
		gatetest.Eventually(t, "it shows "+text, func() bool { return strings.Contains(out.String(), text) })
	}
	cancel()
	if code := <-code; code != exitFailed || !strings.Contains(errs.String(), "not all is as the gate says it: ") || !strings.Contains(errs.String(), "and 1 wrong\n") {
		t.Errorf("it ends with code %d:\n%s\n%s", code, &out, &errs)
	}
	if n := len(forger.on(availabilityTopic)); n != before {
		t.Errorf("the gate has changed its availability %d times meanwhile", n-before)
	}
	var s publish.Status
	if l.do(t, "mqtt", "status", "--json").decode(t, &s); !s.Connected || s.Fault != "" {
		t.Errorf("meanwhile the gate is %+v", s)
	}
}

// except returns a tap that lets a payload pass.
func except(payload string, tap loopback.Tap) loopback.Tap {
	return func(topic string, said []byte, qos byte, retained bool) {
		if string(said) != payload {
			tap(topic, said, qos, retained)
		}
	}
}

// TestMQTTNoBroker says what to do where no broker answers, or what it needs is not there.
func TestMQTTNoBroker(t *testing.T) {
	site := gatetest.NewSite(t)
	for _, command := range []string{"watch", "test"} {
		facegate(t.Context(), "mqtt", command, "--config", site.WriteConfig(t, nil)).want(t, exitFailed, "", "to do: Start the broker")
	}
	without := site.WriteConfig(t, gatetest.Settings{"mqtt": `{broker: "tcp://127.0.0.1:1", username: gate, password_file: /nonexistent}`})
	facegate(t.Context(), "mqtt", "test", "--config", without).want(t, exitFailed, "", "facegate: mqtt.password_file: ")
	startLive(t, site, nil).do(t, "mqtt", "test").want(t, exitFailed, "not connected", "")
}
