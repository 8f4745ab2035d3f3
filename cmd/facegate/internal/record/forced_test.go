package record_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"facegate/cmd/facegate/internal/entry"
	"facegate/cmd/facegate/internal/record"
	"facegate/configs/address"
	way "facegate/configs/passage"
	"facegate/gpio"
	"facegate/gpio/door"
	"facegate/pipeline/admit"
	"facegate/pipeline/attempt"
	"facegate/pipeline/publish"
	"facegate/pipeline/publish/feed"
	"facegate/store"
	"facegate/store/audit"
	"facegate/store/storetest"
)

// A relay is a door that opens whenever it is asked to, and counts.
type relay struct{ opened int }

func (r *relay) Refusal(door.Cause) error { return nil }

func (r *relay) Open(door.Cause) (gpio.Edge, error) {
	r.opened++
	return gpio.Edge{At: time.Now()}, nil
}

// seen is what can be seen of a gate at which somebody has typed a PIN: at the door, in the log, in the status, and of the records of
// the person.
type seen struct {
	Outcome  []string
	Took     []time.Duration
	Opened   int
	Log      string
	Broker   publish.Status
	Waiting  int
	Failures []store.Failures
	LastSeen time.Time
	Events   []string
}

// alarms are what building systems and the audit log have of it.
type alarms struct{ Told, Noted int }

// types has somebody type right PINs at a gate whose rules want the PIN alone, or with a card, forced to or not.
func types(t *testing.T, forced, withCard bool) (got seen, raised alarms) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(storetest.Now()))
		g := openForced(t, withCard)
		for range 2 {
			before := time.Now()
			a := attempt.Attempt{Means: attempt.PIN, Asked: before, Person: g.person.ID}
			o := g.entry.Try(a, func(counted func() error) (attempt.Finding, bool) {
				if err := counted(); err != nil {
					t.Error(err)
				}
				return attempt.Matched, forced
			})
			got.Outcome = append(got.Outcome, fmt.Sprint(o.Opened.IsZero(), o.Wait, o.Reason, o.Err))
			got.Took = append(got.Took, time.Since(before))
			synctest.Wait()
			time.Sleep(time.Minute)
		}
		g.stop()
		held, err := g.store.Members().Show("Anna")
		if err != nil {
			t.Fatal(err)
		}
		got.Opened, got.Log, got.Broker, got.Waiting = g.relay.opened, g.log.String(), g.broker.Status(), g.record.Waiting()
		got.Failures, got.LastSeen = g.store.Lockouts().All(), held.Person.LastSeen
		got.Events, raised.Told = g.told(t)
		raised.Noted = g.noted(t)
	})
	return got, raised
}

// A forcedGate is what opens a door, writes down what came of it, and tells it to a broker that is away.
type forcedGate struct {
	entry  *entry.Entry
	record *record.Record
	store  *store.Store
	person store.Person
	relay  *relay
	log    *bytes.Buffer
	outbox *feed.Memory
	broker *publish.Publisher
	stop   func()
}

func openForced(t *testing.T, withCard bool) *forcedGate {
	t.Helper()
	g := &forcedGate{relay: new(relay), log: new(bytes.Buffer), outbox: feed.NewMemory(10), store: storetest.Open(t, t.TempDir())}
	var err error
	g.person, err = g.store.Join(store.Membership{Label: "Anna", Reference: "contract 7", Expires: storetest.Now().AddDate(1, 0, 0)})
	if err != nil {
		t.Fatal(err)
	}
	rules := admit.Rules{Table: admit.Alone(attempt.PIN), Limits: map[attempt.Means]admit.Limits{attempt.PIN: limits, attempt.Card: limits}}
	if withCard {
		rules.Table = []admit.Rule{admit.Together(attempt.PIN, attempt.Card, 10*time.Second)}
	}
	a, err := admit.New(rules, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(g.log, &slog.HandlerOptions{Level: slog.LevelInfo, ReplaceAttr: noTime}))
	g.broker, err = publish.New(publish.Config{Brokers: []address.Address{{Host: "127.0.0.1", Port: 1}}, ClientID: "a", Site: "b", Gate: "c"},
		publish.Parts{Outbox: g.outbox, Rand: strings.NewReader("boot id and store")}, log)
	if err != nil {
		t.Fatal(err)
	}
	source := publish.Source{Door: "main", Direction: way.In, Clock: func() publish.Clock { return publish.Synced }}
	g.record = record.New(record.Parts{
		Book: record.Ledger{Store: g.store, Now: time.Now}, Log: log, Alarm: g.store.Log().Alarm,
		Tell: func(f attempt.Fact) error { return g.broker.TellFact(source, f) },
	})
	g.entry = entry.New(entry.Parts{Door: g.relay, Admit: a, Record: g.record, MaxAge: time.Second, Now: time.Now})
	ctx, cancel := context.WithCancel(t.Context())
	var tasks sync.WaitGroup
	tasks.Go(func() { g.entry.Run(ctx) })
	tasks.Go(func() { g.record.Run(ctx) })
	g.stop = func() { cancel(); tasks.Wait() }
	return g
}

// told returns what building systems are told of passages, but for the time, and counts the alarms.
func (g *forcedGate) told(t *testing.T) (events []string, alarms int) {
	t.Helper()
	for n, msg, ok := g.outbox.Next(); ok; n, msg, ok = g.outbox.Next() {
		if bytes.Contains(msg, []byte("duress")) {
			alarms++
		}
		if _, e, err := publish.Decode(msg); err == nil {
			events = append(events, fmt.Sprintf("%+v", e))
		}
		if err := g.outbox.Ack(n); err != nil {
			t.Fatal(err)
		}
	}
	return events, alarms
}

// noted counts the alarms in the audit log, which does not say who was forced.
func (g *forcedGate) noted(t *testing.T) (alarms int) {
	t.Helper()
	log, err := g.store.Log().Read()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range log.Records {
		if r.Entry.Kind != audit.Duress {
			continue
		}
		if alarms++; r.Entry.Subject != (audit.Subject{}) || r.Entry.Actor != audit.Daemon {
			t.Errorf("the audit log says who was forced: %+v", r.Entry)
		}
	}
	return alarms
}

// noTime leaves the time out of a log.
func noTime(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

// TestNothingElseDiffers has somebody type their PIN, and the one for duress. The door, what is told there, how long it takes, the log,
// the status and the passage that building systems see are the same. An alarm is raised, whether the door opens or waits for a card.
func TestNothingElseDiffers(t *testing.T) {
	for _, withCard := range []bool{false, true} {
		usual, none := types(t, false, withCard)
		forced, raised := types(t, true, withCard)
		if diff := cmp.Diff(usual, forced); diff != "" {
			t.Errorf("with a card %v: what is seen of somebody who is forced (-usual +forced):\n%s", withCard, diff)
		}
		if none != (alarms{}) || raised != (alarms{2, 2}) {
			t.Errorf("with a card %v: raised %+v, and without need %+v", withCard, raised, none)
		}
		if opened := map[bool]int{false: 2}[withCard]; usual.Opened != opened || !slices.Equal(usual.Took, []time.Duration{0, 0}) {
			t.Errorf("with a card %v: opened %d times after %v", withCard, usual.Opened, usual.Took)
		}
	}
}
