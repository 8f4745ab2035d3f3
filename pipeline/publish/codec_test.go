package publish

import (
	"encoding/json"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"facegate/pipeline/attempt"
	"facegate/pipeline/publish/feed"
)

// TestCodec checks that an event is on the wire what it was when it was told, but for the mark that it is replayed.
func TestCodec(t *testing.T) {
	for _, replayed := range []bool{false, true} {
		e := source().Granted(time.Now(), attempt.Face, 143*time.Millisecond)
		e.Store, e.Boot, e.Seq = "5e0ad3c4416b27f9", "7c1e5a0b93d2f148", 1<<63
		all := sent(t, message{Topic: pass, Event: e}, replayed)
		if len(all) != 1 || all[0].topic != pass {
			t.Fatalf("sent %+v", all)
		}
		var got Event
		if err := json.Unmarshal(all[0].payload, &got); err != nil {
			t.Fatal(err)
		}
		e.Replayed = replayed
		if diff := cmp.Diff(e, got); diff != "" {
			t.Errorf("replayed = %t (-want +got):\n%s", replayed, diff)
		}
	}
}

// sent returns what is sent of m once it was in the outbox.
func sent(t *testing.T, m message, replayed bool) []sending {
	t.Helper()
	msg, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	all, err := onWire(msg, replayed)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestAlarm checks that an alarm has its own topic and no field that tells one person from another, and that what is sent of the
// passage beside it is what is sent of any.
func TestAlarm(t *testing.T) {
	at := time.Date(2026, 3, 2, 8, 14, 7, 412e6, time.UTC)
	a := source().Duress(at)
	a.Store, a.Boot, a.Seq = "5e0ad3c4416b27f9", "7c1e5a0b93d2f148", 2
	e := source().Granted(at, attempt.PIN, 700*time.Millisecond)
	want := `{"schema":"alarm/2","event_type":"duress","store":"5e0ad3c4416b27f9","seq":2,"boot":"7c1e5a0b93d2f148","ts":"2026-03-02T08:14:07.412Z","clock":"synced","door":"main","replayed":true}`
	alone, both := sent(t, message{Alarm: &a}, true), sent(t, message{Topic: pass, Event: e, Alarm: &a}, true)
	if len(alone) != 1 || alone[0].topic != "alarm/duress" || string(alone[0].payload) != want {
		t.Errorf("sent of an alarm: %s on %s", alone[0].payload, alone[0].topic)
	}
	if len(both) != 2 || !reflect.DeepEqual(both[:1], alone) || !reflect.DeepEqual(both[1:], sent(t, message{Topic: pass, Event: e}, true)) {
		t.Errorf("sent of both: %+v", both)
	}
	for _, msg := range []string{`{}`, `{"topic":"pass/#","alarm":{}}`, `{"alarm":{},"event":{"seq":1}}`} {
		if all, err := onWire([]byte(msg), false); err == nil {
			t.Errorf("sent of %s: %+v", msg, all)
		}
	}
}

// alarmFields is all that may ever be told of an alarm.
var alarmFields = []string{"schema", "event_type", "store", "seq", "boot", "ts", "clock", "door", "replayed"}

// FuzzOnWire has any bytes in the outbox. What leaves it has the fields of an event and no other, whatever else was there.
func FuzzOnWire(f *testing.F) {
	a := source().Duress(time.Unix(0, 0))
	msg, err := json.Marshal(message{Topic: pass, Event: source().Opened(time.Unix(0, 0), Manual), Alarm: &a})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(msg)
	f.Add([]byte(strings.Replace(string(msg), `"schema"`, `"name":"Zhang Wei","schema"`, 1)))
	f.Add([]byte(`{"topic":"pass"}`))
	f.Add([]byte(`{"topic":"pass","event":{"seq":-1}}`))
	f.Add([]byte(`{"topic":"pass/#","event":{}}`))
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, msg []byte) {
		all, err := onWire(msg, true)
		if err != nil {
			return
		}
		if len(all) == 0 {
			t.Fatal("nothing is sent, and that is no error")
		}
		for _, s := range all {
			var e struct{ Replayed bool }
			allowed, known := map[string][]string{pass: fields, duress: alarmFields}[s.topic]
			if err := json.Unmarshal(s.payload, &e); err != nil || !e.Replayed || !known {
				t.Fatalf("%q is sent on topic %q, error %v", s.payload, s.topic, err)
			}
			if diff := cmp.Diff(allowed, keys(t, s.payload)); diff != "" {
				t.Fatalf("fields (-want +got):\n%s", diff)
			}
		}
	})
}

// TestForcedCountsLikeOthers checks that an event has the same place in the outbox and the same numbers whether or not an alarm is
// told with it, and that an alarm by itself leaves no gap in the events.
func TestForcedCountsLikeOthers(t *testing.T) {
	o := feed.NewMemory(10)
	p, err := New(goodConfig(), Parts{Outbox: o, Rand: draws()}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	at := time.Unix(1, 0)
	asked := attempt.Attempt{Means: attempt.PIN, Asked: at}
	forced := asked
	forced.Duress = true
	events := 0
	for n, f := range []attempt.Fact{
		{Attempt: forced},
		{Attempt: asked, Opened: at},
		{Attempt: forced, Opened: at},
		{Attempt: forced},
		{Attempt: asked, Opened: at},
		{Attempt: asked},
	} {
		if !f.Opened.IsZero() {
			events++
		}
		if err := p.TellFact(source(), f); err != nil || p.Status().Queued != events {
			t.Errorf("after fact %d %d events of %d are queued: %v", n+1, p.Status().Queued, events, err)
		}
	}
	var passed, alarms []uint64
	for n, msg, ok := o.Next(); ok; n, msg, ok = o.Next() {
		if got := p.Status().Queued; got != events-len(passed) {
			t.Errorf("of %d events, of which %d have left, %d are queued", events, len(passed), got)
		}
		m, err := decode(msg)
		if err != nil {
			t.Fatal(err)
		}
		if m.Topic != "" {
			passed = append(passed, m.Event.Seq)
		}
		if m.Alarm != nil {
			alarms = append(alarms, m.Alarm.Seq)
		}
		if err := o.Ack(n); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(passed, []uint64{1, 2, 3}) || !slices.Equal(alarms, []uint64{1, 2, 3}) {
		t.Errorf("events %d, alarms %d", passed, alarms)
	}
}
