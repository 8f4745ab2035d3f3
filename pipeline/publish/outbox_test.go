package publish

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestMemoryOutbox compares the outbox with a plain list that is cut to the capacity.
func TestMemoryOutbox(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		capacity := rapid.IntRange(1, 5).Draw(t, "capacity")
		o := NewMemoryOutbox(capacity)
		var list []Event
		var seq, dropped uint64
		t.Repeat(map[string]func(*rapid.T){
			"append": func(t *rapid.T) {
				seq++
				e := Event{Boot: rapid.SampledFrom([]string{"aaaa", "bbbb"}).Draw(t, "boot"), Seq: seq}
				if err := o.Append(e); err != nil {
					t.Fatal(err)
				}
				if list = append(list, e); len(list) > capacity {
					list = list[1:]
					dropped++
				}
			},
			"ack the oldest": func(t *rapid.T) {
				e, ok := o.Next()
				if !ok {
					t.Skip("empty")
				}
				e.Replayed = true // as it was sent
				if err := o.Ack(e); err != nil {
					t.Fatal(err)
				}
				list = list[1:]
			},
			"ack another": func(t *rapid.T) {
				var e Event
				if len(list) > 0 {
					e = list[0]
				}
				for _, other := range []Event{{Boot: "cccc", Seq: e.Seq}, {Boot: e.Boot, Seq: e.Seq + 1}} {
					if err := o.Ack(other); err != nil {
						t.Fatal(err)
					}
				}
			},
			"": func(t *rapid.T) {
				if queued, gone := o.Stats(); queued != len(list) || gone != dropped {
					t.Fatalf("%d queued and %d dropped, want %d and %d", queued, gone, len(list), dropped)
				}
				e, ok := o.Next()
				if ok != (len(list) > 0) {
					t.Fatalf("Next is ok = %t with %d held", ok, len(list))
				}
				if ok {
					if diff := cmp.Diff(list[0], e); diff != "" {
						t.Fatalf("oldest (-want +got):\n%s", diff)
					}
				}
			},
		})
	})
}
