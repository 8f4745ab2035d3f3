package publish

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"facegate/configs/passage"
	"facegate/pipeline/attempt"
)

// fields is all that may ever be told about a passage.
var fields = []string{
	"schema", "event_type", "store", "seq", "boot", "ts", "clock", "door", "direction", "method", "reason", "latency_ms", "replayed",
}

// keys returns the names in a flat JSON object, in order.
func keys(t *testing.T, object []byte) (names []string) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(object))
	d.Token() // {
	for d.More() {
		name, err := d.Token()
		if err != nil {
			t.Fatalf("%s: %v", object, err)
		}
		if _, err := d.Token(); err != nil {
			t.Fatalf("%s: %v", object, err)
		}
		names = append(names, name.(string))
	}
	return names
}

func TestEventFields(t *testing.T) {
	reason := "reason"
	for _, e := range []Event{{}, {Reason: &reason, Replayed: true}} {
		b, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(fields, keys(t, b)); diff != "" {
			t.Errorf("encoded fields (-want +got):\n%s", diff)
		}
	}
	if n := reflect.TypeFor[Event]().NumField(); n != len(fields) {
		t.Errorf("Event has %d fields, encoded or not, want %d", n, len(fields))
	}
}

func TestEventGolden(t *testing.T) {
	want, err := os.ReadFile("testdata/event.json")
	if err != nil {
		t.Fatal(err)
	}
	e := Event{
		Schema: Schema, Type: Granted, Store: "5e0ad3c4416b27f9", Seq: 48213, Boot: "7c1e5a0b93d2f148", Clock: Synced, Door: "main", Direction: passage.In, Method: "face",
		Time:      At(time.Date(2026, 3, 2, 9, 14, 7, 412_999_999, time.FixedZone("CET", 3600))),
		LatencyMS: 1000,
	}
	got, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)+"\n"); diff != "" {
		t.Errorf("encoded (-want +got):\n%s", diff)
	}
	var back Event
	if err := json.Unmarshal(want, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(e, back); diff != "" {
		t.Errorf("decoded (-want +got):\n%s", diff)
	}
}

func TestTimestampKeepsMilliseconds(t *testing.T) {
	if got, want := At(time.Unix(0, 0)), "1970-01-01T00:00:00.000Z"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// source makes events on a machine with a time server.
func source() Source {
	return Source{Door: "main", Direction: passage.In, Clock: func() Clock { return Synced }}
}

// TestMethods checks that each means has a word in events, which tells neither a visitor nor a card that can be copied.
func TestMethods(t *testing.T) {
	var got []string
	for _, m := range attempt.All() {
		e := source().Granted(time.Now(), m, 0)
		if got = append(got, e.Method); !slices.Contains(Methods(), e.Method) {
			t.Errorf("an event may not name %q", e.Method)
		}
	}
	want := []string{"face", "pass", "card", "pin", "remote", "pass", "card", "home-assistant"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("methods (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"face", "pass", "card", "pin", "remote", "home-assistant", "manual", "hold", "exit", "schedule", "fire", "withheld"}, Methods()); diff != "" {
		t.Errorf("what an event may name (-want +got):\n%s", diff)
	}
}

// TestMeansWithheld checks that nothing tells what somebody has shown where that is withheld, and that what nobody has shown is told.
func TestMeansWithheld(t *testing.T) {
	at, s := time.Date(2026, 3, 2, 8, 14, 7, 412_000_000, time.UTC), source()
	s.Withhold = true
	for _, m := range attempt.All() {
		want := s.event(Granted, at, Withheld, 0)
		switch m {
		case attempt.Order:
			want = s.event(Granted, at, m.Method(), time.Second)
		case attempt.HomeAssistant:
			want = s.event(Opened, at, m.Method(), 0)
		}
		if diff := cmp.Diff(want, s.Granted(at, m, time.Second)); diff != "" {
			t.Errorf("by %s (-want +got):\n%s", m, diff)
		}
	}
	if e := s.Opened(at, Exit); e.Method != Exit {
		t.Errorf("the exit button is told as %q", e.Method)
	}
}

// TestResolution checks that times are cut, and never rounded up to one that is not over.
func TestResolution(t *testing.T) {
	at := time.Date(2026, 3, 2, 8, 59, 59, 999_999_999, time.UTC)
	for resolution, want := range map[time.Duration]string{
		0:                "2026-03-02T08:59:59.999Z",
		time.Millisecond: "2026-03-02T08:59:59.999Z",
		time.Second:      "2026-03-02T08:59:59.000Z",
		time.Minute:      "2026-03-02T08:59:00.000Z",
		15 * time.Minute: "2026-03-02T08:45:00.000Z",
		time.Hour:        "2026-03-02T08:00:00.000Z",
	} {
		s := source()
		s.Resolution = resolution
		for what, got := range map[string]string{
			"a passage": s.Granted(at, attempt.Face, 0).Time, "an opening": s.Opened(at, Exit).Time, "an alarm": s.Duress(at).Time,
			"another zone": s.At(at.In(time.FixedZone("IST", 5*3600+1800))),
		} {
			if got != want {
				t.Errorf("%s, told to %v: %s, want %s", what, resolution, got, want)
			}
		}
	}
}

func TestLatencyIsCoarse(t *testing.T) {
	for latency, want := range map[time.Duration]int64{
		-time.Second: 0, 0: 0, 1: 1000, 143 * time.Millisecond: 1000, time.Second: 1000, 1001 * time.Millisecond: 2000, 2 * time.Second: 2000,
	} {
		if got := source().Granted(time.Now(), attempt.Face, latency).LatencyMS; got != want {
			t.Errorf("%v is told as %d ms, want %d", latency, got, want)
		}
	}
}
