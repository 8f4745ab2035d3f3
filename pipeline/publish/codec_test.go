package publish

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"facegate/pipeline/attempt"
)

// TestCodec checks that an event is on the wire what it was when it was told, but for the mark that it is replayed.
func TestCodec(t *testing.T) {
	for _, replayed := range []bool{false, true} {
		e := source().Granted(time.Now(), attempt.Face, 143*time.Millisecond)
		e.Boot, e.Seq = "7c1e", 1<<63
		msg, err := encode(pass, e)
		if err != nil {
			t.Fatal(err)
		}
		topic, payload, err := onWire(msg, replayed)
		if topic != pass || err != nil {
			t.Fatalf("topic %q, error %v", topic, err)
		}
		var got Event
		if err := json.Unmarshal(payload, &got); err != nil {
			t.Fatal(err)
		}
		e.Replayed = replayed
		if diff := cmp.Diff(e, got); diff != "" {
			t.Errorf("replayed = %t (-want +got):\n%s", replayed, diff)
		}
	}
}

// FuzzOnWire has any bytes in the outbox. What leaves it has the fields of an event and no other, whatever else was there.
func FuzzOnWire(f *testing.F) {
	msg, err := encode(pass, source().Opened(time.Unix(0, 0)))
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
		topic, payload, err := onWire(msg, true)
		if err != nil {
			return
		}
		var e Event
		if err := json.Unmarshal(payload, &e); err != nil || !e.Replayed || topic != pass {
			t.Fatalf("%q is sent on topic %q, error %v", payload, topic, err)
		}
		if diff := cmp.Diff(fields, keys(t, payload)); diff != "" {
			t.Fatalf("fields (-want +got):\n%s", diff)
		}
	})
}
