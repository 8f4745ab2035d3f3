package publish_test

import (
	"slices"
	"strings"
	"testing"

	"facegate/pipeline/publish/mosquittotest"
)

// TestAccessList has mosquitto acknowledge, and drop, what a gate says of passages, until its access list is mended while it runs; and
// the other way round. No event is lost, and the status says which topic it is.
func TestAccessList(t *testing.T) {
	t.Parallel()
	const all, rest = "topic readwrite facegate/#", "topic readwrite facegate/hq/north/echo\ntopic readwrite facegate/hq/north/availability"
	b := mosquittotest.NewGuarded(t, account, "topic read facegate/#", rest)
	r := newRig(t, b)
	r.run()
	r.connected()
	r.grant(3)
	withheld := func() bool {
		s := r.publisher.Status()
		return s.Fault == "withheld" && strings.Contains(s.Err, "facegate/hq/north/pass") && s.Queued > 0 &&
			slices.Equal(s.Withheld, []string{"pass"}) && s.Delivered < s.Seq
	}
	eventually(t, "the status says what the broker drops", withheld)
	if n := len(r.observer.on("pass")); n > 0 {
		t.Errorf("%d events have arrived", n)
	}
	b.Allow(t, all)
	wantEvents(t, r.observer.awaitEvents(3), 1, true)
	eventually(t, "all is well", func() bool {
		s := r.publisher.Status()
		return s.Fault == "" && s.Queued == 0 && len(s.Withheld) == 0 && s.Seq == 3 && s.Delivered == 3
	})

	b.Allow(t, "topic write facegate/#", rest) // now they arrive, and the gate cannot know
	eventually(t, "the status says what the gate may not read", func() bool {
		if r.publisher.Status().Queued == 0 {
			r.grant(1) // the broker had the former list for the one before
		}
		return withheld()
	})
}
