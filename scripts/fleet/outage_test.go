package fleet_test

import (
	"os"
	"regexp"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"facegate/pipeline/attempt"
	"facegate/pipeline/publish/contracttest"
)

// TestOutage has a gate without a broker for 72 hours, in which as many pass as its outbox has room for, and then drains it: nothing
// is lost, repeated or out of order. With FACEGATE_SLOW it is the outbox of the daemon, 100,000 passages.
func TestOutage(t *testing.T) {
	size := 1000
	if slow() {
		size = outboxSize
	}
	var at atomic.Value // the address of the broker, once there is one
	at.Store("")
	line := newRelay(t, func() string { return at.Load().(string) })
	cfg, dir := named(t, "north", line.address(), account), t.TempDir()
	g, err := openGate(dir, cfg, size)
	must(t, err)
	began, before := time.Now(), handedOver(t)
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for i := range size {
		must(t, g.publisher.Tell(door().Granted(start.Add(time.Duration(i)*72*time.Hour/time.Duration(size)), attempt.Face, time.Second)))
	}
	kept, bytes := time.Since(began), handedOver(t)-before
	must(t, g.close())
	g, err = openGate(dir, cfg, size) // over a power cut too
	must(t, err)
	if s := g.publisher.Status(); s.Queued != size || s.Dropped != 0 {
		t.Fatalf("after the outage: %+v", s)
	}
	broker := contracttest.Start(t, account)
	at.Store(broker.URL())
	b := newBuilding(t, "building", nil, account.Username, account.Password, "tcp://"+line.address())
	began, before = time.Now(), handedOver(t)
	g.run()
	within(t, patience+time.Duration(size)*20*time.Millisecond, "all are drained", func() bool { return g.publisher.Status().Queued == 0 })
	took, drained := time.Since(began), handedOver(t)-before
	eventually(t, "all have come", func() bool { return b.count("north") == size })
	if y := b.mustHave(t, "north", uint64(size)); y.outOfOrder+y.repeated > 0 {
		t.Errorf("%d passages came late, %d twice", y.outOfOrder, y.repeated)
	}
	must(t, g.close())
	t.Logf("%d passages: kept in %.1f s, %d bytes written for each; drained in %.1f s, %.0f a second, %d bytes each with the network",
		size, kept.Seconds(), bytes/size, took.Seconds(), float64(size)/took.Seconds(), drained/size)
}

// handedOver returns how many bytes this process has handed to files, and connections, to be written (proc(5), wchar).
func handedOver(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile("/proc/self/io")
	must(t, err)
	n, err := strconv.Atoi(string(regexp.MustCompile(`wchar: (\d+)`).FindSubmatch(text)[1]))
	must(t, err)
	return n
}
