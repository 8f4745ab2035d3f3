package publish_test

import (
	"slices"
	"strings"
	"testing"

	"facegate/pipeline/publish/mosquittotest"
	"facegate/pipeline/publish/natstest"
)

// What a broker lets a gate do, in the words of mosquitto's access list, or of nats-server's permissions.
type rights struct{ all, mute, blind []string }

// A guarded broker can be told other rights while it runs.
type guarded struct {
	server
	allow  func(t testing.TB, lines ...string)
	rights rights
}

func guardedMosquitto(t *testing.T) guarded {
	const rest = "topic readwrite facegate/hq/north/echo\ntopic readwrite facegate/hq/north/availability"
	b := mosquittotest.NewGuarded(t, account)
	return guarded{b, b.Allow, rights{
		all:  []string{"topic readwrite facegate/#"},
		mute: []string{"topic read facegate/#", rest}, blind: []string{"topic write facegate/#", rest},
	}}
}

func guardedNATS(t *testing.T) guarded {
	const all, rest = "facegate.>", "facegate.hq.north.echo, facegate.hq.north.availability"
	b := natstest.New(t, account, "")
	allow := func(t testing.TB, lines ...string) { b.Allow(t, strings.Join(lines, "")) }
	return guarded{b, allow, rights{
		all: []string{natsRights(all, all)}, mute: []string{natsRights(rest, all)}, blind: []string{natsRights(all, rest)},
	}}
}

// TestAccessList has brokers acknowledge, and drop, what a gate says of passages, until their access list is mended while they run; and
// the other way round. No event is lost, and the status says which topic it is.
func TestAccessList(t *testing.T) {
	for name, newGuarded := range map[string]func(*testing.T) guarded{"mosquitto": guardedMosquitto, "nats-server": guardedNATS} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			staysUntilSeen(t, newGuarded(t))
		})
	}
}

func staysUntilSeen(t *testing.T, b guarded) {
	b.allow(t, b.rights.mute...)
	r := newRig(t, b)
	r.run()
	r.connected()
	r.grant(3)
	withheld := func() bool {
		s := r.publisher.Status()
		return s.Fault == "withheld" && strings.Contains(s.Err, "facegate/hq/north/pass") && s.Queued > 0 &&
			slices.Equal(s.Withheld, []string{"facegate/hq/north/pass"}) && s.Delivered < s.Seq
	}
	eventually(t, "the status says what the broker drops", withheld)
	if n := len(r.observer.on("pass")); n > 0 {
		t.Errorf("%d events have arrived", n)
	}
	b.allow(t, b.rights.all...)
	wantEvents(t, r.observer.awaitEvents(3), 1, true)
	eventually(t, "all is well", func() bool {
		s := r.publisher.Status()
		return s.Fault == "" && s.Queued == 0 && len(s.Withheld) == 0 && s.Seq == 3 && s.Delivered == 3
	})

	b.allow(t, b.rights.blind...) // now they arrive, and the gate cannot know
	eventually(t, "the status says what the gate may not read", func() bool {
		if r.publisher.Status().Queued == 0 {
			r.grant(1) // the broker had the former list for the one before
		}
		return withheld()
	})
}
