package gate

import (
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"facegate/cmd/facegate/internal/control"
)

// A tally counts what frames came to.
type tally struct {
	mu     *sync.Mutex // guards status
	counts *counts
}

type counts struct {
	control.FrameStatus
	latencies []time.Duration // of the last grants, a ring
	grants    int
}

// latencyWindow is how many grants the latency in status covers.
const latencyWindow = 1000

func newTally() tally {
	return tally{new(sync.Mutex), &counts{FrameStatus: control.FrameStatus{Counts: map[string]uint64{}}}}
}

func (t tally) update(f func(*counts)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f(t.counts)
}

func (t tally) stale()  { t.update(func(c *counts) { c.Stale++ }) }
func (t tally) failed() { t.update(func(c *counts) { c.Failed++ }) }

func (t tally) add(p Passage) {
	t.update(func(c *counts) {
		c.Now, c.Advice = countable(p.Report), advice(p.Report)
		c.Counts[c.Now]++
		if p.Opened.IsZero() {
			return
		}
		latency := p.Opened.Sub(p.Report.Time)
		if len(c.latencies) < latencyWindow {
			c.latencies = append(c.latencies, latency)
		} else {
			c.latencies[c.grants%latencyWindow] = latency
		}
		c.grants++
	})
}

func (t tally) status() (s control.FrameStatus) {
	t.update(func(c *counts) {
		s = c.FrameStatus
		s.Counts = maps.Clone(c.Counts)
		s.Latency = summarize(c.latencies, c.grants)
	})
	return s
}

func summarize(latencies []time.Duration, grants int) control.Latency {
	if grants == 0 {
		return control.Latency{}
	}
	sorted := slices.Sorted(slices.Values(latencies))
	at := func(q float64) float64 {
		return float64(sorted[int(q*float64(len(sorted)-1)+0.5)].Microseconds()) / 1000
	}
	return control.Latency{Grants: grants, P50MS: at(0.5), P95MS: at(0.95), MaxMS: at(1)}
}

// trouble reports errors of single frames at most once in every, with how many there were: a camera that sends rubbish
// must not fill the log.
type trouble struct {
	log   *slog.Logger
	every time.Duration
	last  time.Time
	since int
}

func (t *trouble) report(now time.Time, err error) {
	t.since++
	if now.Sub(t.last) < t.every {
		return
	}
	t.log.Warn("frame not decided on", "error", err, "frames", t.since)
	t.last, t.since = now, 0
}
