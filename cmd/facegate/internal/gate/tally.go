package gate

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
	until     time.Time // of the flood
}

func (t *tally) flood(until time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.until = until
}

func (t *tally) flooded() time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.until
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
	t.counts.Now, t.counts.Advice = doing(p.Report), ""
	if t.counts.Now != looking {
		t.counts.Advice = advice(p.Report)
	}
	if !p.Opened.IsZero() {
		t.grant(p.Opened.Sub(p.Report.Time))
	}
}

// looking is what the gate does with frames, whatever comes of it.
const looking = "looking for faces"

// doing says what the gate does with frames.
func doing(r pipeline.Report) string {
	switch r.State {
	case pipeline.Resting, pipeline.FacesOff, pipeline.AwaitingPass:
		return r.State.String()
	}
	return looking
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

// countable is what a report counts as: its state or, for a poor picture, the reason.
func countable(r pipeline.Report) string {
	if r.State == pipeline.Poor {
		return r.Reason.String()
	}
	return r.State.String()
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
