package camera

import (
	"log/slog"
	"slices"
	"sync"
	"time"

	"facegate/cmd/facegate/internal/status"
	"facegate/configs/hint"
	"facegate/pipeline"
)

// A tally is what can be told of frames. It is the same whoever stands before the camera: a count of what frames came to
// would be a count of passers-by to whoever asks again and again.
type tally struct {
	mu        sync.Mutex // guards what follows
	counts    status.Frames
	latencies []time.Duration // of the last grants, a ring
	grants    int
}

// latencyWindow is how many grants the latency in status covers.
const latencyWindow = 1000

func (t *tally) damaged() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts.Damaged++
}

func (t *tally) failed() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts.Failed++
}

func (t *tally) add(p Passage) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts.Now, t.counts.Advice = doing(p), ""
	if t.counts.Now != Sees.String() {
		t.counts.Advice = advice(p.Report, p.Blind)
	}
	if !p.Opened.IsZero() {
		t.grant(p.Opened.Sub(p.Report.Time))
	}
}

// doing says what the gate does with frames, whatever comes of it.
func doing(p Passage) string {
	if p.Blind == Sees && p.Report.State == pipeline.Resting {
		return pipeline.Resting.String()
	}
	return p.Blind.String()
}

func (t *tally) grant(latency time.Duration) {
	if len(t.latencies) < latencyWindow {
		t.latencies = append(t.latencies, latency)
	} else {
		t.latencies[t.grants%latencyWindow] = latency
	}
	t.grants++
}

func (t *tally) status() status.Frames {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.counts
	s.Latency = summarize(t.latencies, t.grants)
	return s
}

func summarize(latencies []time.Duration, grants int) status.Latency {
	if grants == 0 {
		return status.Latency{}
	}
	sorted := slices.Sorted(slices.Values(latencies))
	at := func(q float64) float64 {
		return float64(sorted[int(q*float64(len(sorted)-1)+0.5)].Microseconds()) / 1000
	}
	return status.Latency{Grants: grants, P50MS: at(0.5), P95MS: at(0.95), MaxMS: at(1)}
}

// reportEvery is the shortest time between two reports of trouble.
const reportEvery = time.Second

// trouble reports what goes wrong with single frames at most once in reportEvery, with how often: a camera that sends
// rubbish must not fill the log.
type trouble struct {
	log   *slog.Logger
	last  time.Time
	times int
}

func (t *trouble) report(now time.Time, err error) {
	t.times++
	if now.Sub(t.last) < reportEvery {
		return
	}
	t.log.Warn("trouble with a frame", "error", err, "hint", hint.Of(err), "times", t.times)
	t.last, t.times = now, 0
}
