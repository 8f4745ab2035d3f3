package publish

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"facegate/pipeline/publish/feed"
)

// TestLacks has brokers lack what every broker has to have: those that end the connection for it, and those that take and forget it.
// The status names it, and events and states are told all the same.
func TestLacks(t *testing.T) {
	for _, tt := range []struct {
		name    string
		lacks   lack
		forgets bool
		want    string
	}{
		{"nothing", 0, false, ""},
		{"retain, and says so", noRetain, false, "no-retain"},
		{"QoS 1, and says so", noQoS1, false, "no-qos1"},
		{"both, and says so", noRetain | noQoS1, false, "no-retain-no-qos1"},
		{"retain", noRetain, true, "no-retain"},
		{"QoS 1", noQoS1, true, "no-qos1"},
		{"both", noRetain | noQoS1, true, "no-retain-no-qos1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{lacks: tt.lacks, forgets: tt.forgets}
				g := play(t, s, feed.NewMemory(100))
				g.grant(t, 2)
				g.SetDoor(Door{Lock: Locked})
				time.Sleep(time.Minute)
				if status := g.Status(); !status.Connected || status.Fault != tt.want || status.Queued != 0 || (status.Hint == "") != (tt.want == "") {
					t.Errorf("status is %+v", status)
				}
				g.grant(t, 1)
				g.SetDoor(Door{Lock: Unlocked})
				time.Sleep(time.Second)
				if !heardAll(s, "LOCKED", "event 1", "event 2", "event 3", "UNLOCKED") {
					t.Errorf("heard %v", s.heard)
				}
				g.stop()
			})
		})
	}
}

// heardAll reports whether these were heard, in whatever order.
func heardAll(s *script, want ...string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	heard := strings.ReplaceAll("\n"+strings.Join(s.heard, "\n")+"\n", " replayed", "")
	for _, w := range want {
		if !strings.Contains(heard, "\n"+w+"\n") {
			return false
		}
	}
	return true
}

// TestRestartingBroker checks that a broker which ends connections for a while, as one that begins, is not taken for one that lacks
// anything, whenever it begins to work.
func TestRestartingBroker(t *testing.T) {
	for failures := range 6 {
		synctest.Test(t, func(t *testing.T) {
			s := &script{closes: func(attempt int) bool { return attempt <= failures }}
			g := play(t, s, feed.NewMemory(100))
			g.grant(t, 1)
			time.Sleep(2 * time.Minute)
			if status := g.Status(); !status.Connected || status.Fault != "" || status.Queued != 0 {
				t.Errorf("after %d failures the status is %+v", failures, status)
			}
			g.stop()
		})
	}
}

// TestMendedBroker has somebody give a broker what it lacks. That is seen when the connection has ended.
func TestMendedBroker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{lacks: noRetain}
		g := play(t, s, feed.NewMemory(100))
		time.Sleep(time.Minute)
		before := g.Status().Fault
		s.mend()
		g.grant(t, 1)
		time.Sleep(3 * time.Minute)
		if diff := cmp.Diff([]string{"no-retain", ""}, []string{before, g.Status().Fault}); diff != "" {
			t.Errorf("faults (-want +got):\n%s", diff)
		}
		g.stop()
	})
}
