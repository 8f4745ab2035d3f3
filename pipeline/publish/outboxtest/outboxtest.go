// Package outboxtest is the contract of publish.Outbox, as tests that every implementation passes.
package outboxtest

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"facegate/pipeline/publish"
)

// Test compares outboxes with a plain list that is cut to the capacity. open returns one that is empty, and reopen, if it
// is not nil, the same one after the process has ended.
func Test(t *testing.T, open func(capacity int) publish.Outbox, reopen func() publish.Outbox) {
	t.Helper()
	rapid.Check(t, func(t *rapid.T) {
		capacity := rapid.IntRange(1, 5).Draw(t, "capacity")
		o := open(capacity)
		var list []publish.Event
		var seq, dropped uint64
		actions := map[string]func(*rapid.T){
			"append": func(t *rapid.T) {
				seq++
				e := publish.Event{Boot: rapid.SampledFrom([]string{"aaaa", "bbbb"}).Draw(t, "boot"), Seq: seq}
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
				var e publish.Event
				if len(list) > 0 {
					e = list[0]
				}
				for _, other := range []publish.Event{{Boot: "cccc", Seq: e.Seq}, {Boot: e.Boot, Seq: e.Seq + 1}} {
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
		}
		if reopen != nil {
			actions["reopen"] = func(*rapid.T) { o, dropped = reopen(), 0 }
		}
		t.Repeat(actions)
	})
}
