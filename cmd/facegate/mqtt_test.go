package main

import (
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/pipeline/publish"
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
			publish.Status{Connected: true, Withheld: []string{"echo", "pass"}, Err: "it keeps them", Hint: "let them pass", Queued: 2},
			"connection connected since 2026-03-02 12:00:00, for 0s it keeps them to do: let them pass topics facegate/hq/north/# " +
				"withheld facegate/hq/north/echo: nobody gets what the gate tells there " +
				"withheld facegate/hq/north/pass: nobody gets what the gate tells there queue 2 events wait, 0 were given up",
		},
		{
			"away",
			publish.Status{Broker: "tcp://b:1883", Err: "refused", Hint: "start it", Queued: 100_000, Dropped: 7, Store: "ab", Seq: 100_007},
			"broker tcp://b:1883, not encrypted connection not connected refused to do: start it topics facegate/hq/north/# " +
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

// TestMQTTStatus asks a gate that has a broker, before and after it has told of an opening.
func TestMQTTStatus(t *testing.T) {
	site := gatetest.NewSite(t)
	_, mqtt := loopbackBroker(t, site)
	l := startLive(t, site, gatetest.Settings{"mqtt": mqtt})
	ask := func() (s publish.Status) {
		l.do(t, "mqtt", "status", "--json").decode(t, &s)
		return s
	}
	gatetest.Eventually(t, "the gate is connected", func() bool { return ask().Connected })
	s := ask()
	if !strings.HasPrefix(s.Broker, "tcp://127.0.0.1:") || s.TLS || len(s.Store) != 16 || s.Seq != 0 || s.Delivered != 0 || len(s.Withheld) > 0 {
		t.Errorf("the status is %+v", s)
	}
	l.do(t, "door", "test").want(t, exitOK, "the door was unlocked for 3", "")
	gatetest.Eventually(t, "the opening is delivered", func() bool { s := ask(); return s.Seq == 1 && s.Delivered == 1 && s.Queued == 0 })
	l.do(t, "mqtt", "status").want(t, exitOK, "seq 1 was delivered last", "")
}
