// Package evaluate measures how well faces are recognised and attacks refused, in the terms of ISO/IEC 19795-1
// (biometric performance) and ISO/IEC 30107-3 (presentation attacks), on pictures whose people are known.
//
// It is offline work on benchmark pictures; the gate never runs it. Everywhere a score is accepted when it is at or
// above the threshold.
package evaluate

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"

	"facegate/pipeline/embed"
)

// ErrTooFew means that a folder holds too few people or pictures for what was asked of it.
var ErrTooFew = errors.New("too few people or pictures")

// A Sample is one picture of a known person and the unit vector that the embedder made of it.
type Sample struct {
	Subject int    // the person, by any numbering
	Picture string // <person>/<picture>, slash-separated
	Vector  embed.Vector
}

// A Performance holds the scores of all comparisons of a set of samples.
type Performance struct {
	Name     string     // of the Scorer
	Genuine  *Histogram // two samples of one person
	Impostor *Histogram // samples of two people

	// Unit is what one person, or one pair of people, weighs in the histograms where those are the unit; 0 where a comparison
	// is, and weighs 1.
	Unit int64
}

// DPrime returns the decidability |mu_g - mu_i| / sqrt((var_g + var_i) / 2) (Daugman), and 0 where neither kind of
// score varies, as it is then undefined.
func (p *Performance) DPrime() float64 {
	spread := (p.Genuine.Variance() + p.Impostor.Variance()) / 2
	if spread == 0 {
		return 0
	}
	return math.Abs(p.Genuine.Mean()-p.Impostor.Mean()) / math.Sqrt(spread)
}

// FMR returns the false match rate at threshold t: the share of impostor scores at or above it.
func (p *Performance) FMR(t float64) float64 {
	return ratio(p.Impostor.AtLeast(t), p.Impostor.Count())
}

// FNMR returns the false non-match rate at threshold t: the share of genuine scores below it.
func (p *Performance) FNMR(t float64) float64 {
	return ratio(p.Genuine.Below(t), p.Genuine.Count())
}

// EER returns the equal error rate, interpolated where FMR and FNMR cross, and the lowest threshold at which FMR is
// not above FNMR.
func (p *Performance) EER() (rate, threshold float64) {
	return curveOf(p.Genuine, p.Impostor).eer()
}

// AUC returns the area under the ROC curve: the probability that a genuine score is higher than an impostor score,
// equal ones counting half.
func (p *Performance) AUC() float64 {
	return curveOf(p.Genuine, p.Impostor).auc()
}

func ratio(count, of int64) float64 {
	if of == 0 {
		return 0
	}
	return float64(count) / float64(of)
}

const (
	tileProbes   = 32   // probes in one job: a cancelled context is noticed within some 50 ms
	tileEnrolled = 8192 // bounds the memory of a job to 1 MiB of scores, however many samples there are
)

// A Row is a part of the comparisons of one sample as the probe: its scores against samples First, First+1 and so on, all of
// which stand before it.
type Row struct {
	Probe, First int
	Scores       []float32
}

// Visit scores every unordered pair of the samples that s knows once and hands the scores to visit, row by row. A scorer need
// not be symmetric, and the stored hash is not: the sample with the lower index is the enrolled one, the other the probe.
// The calls of visit with one number of a worker, below workers, come one after the other; a row is its own until it returns.
//
// If progress is not nil, it is called now and then, never twice at once, with the comparisons done and to do.
// Visit returns early with the cause when ctx is cancelled.
func Visit(ctx context.Context, s Scorer, workers int, progress func(done, total int64), visit func(worker int, row Row)) error {
	n := s.Len()
	meter := meter{total: int64(n) * int64(n-1) / 2, progress: progress}
	jobs := (n + tileProbes - 1) / tileProbes
	scratch := make([][]float32, workers)
	return parallel(ctx, workers, jobs, func(w, job int) {
		// The rows get longer; the longest go first, so that no worker is left with a long one at the end.
		first := (jobs - 1 - job) * tileProbes
		probes := span(first, min(first+tileProbes, n))
		meter.add(compare(s, probes, &scratch[w], func(row Row) { visit(w, row) }))
	})
}

// compare scores each of the probes against all samples before it and returns the number of comparisons.
func compare(s Scorer, probes []int, scratch *[]float32, visit func(Row)) int64 {
	var done int64
	end := probes[len(probes)-1]
	for first := 0; first < end; first += tileEnrolled {
		enrolled := span(first, min(first+tileEnrolled, end))
		*scratch = grow(*scratch, len(probes)*len(enrolled))
		s.Score(*scratch, probes, enrolled)
		for k, probe := range probes {
			row := (*scratch)[k*len(enrolled):]
			row = row[:max(0, min(len(enrolled), probe-first))]
			visit(Row{probe, first, row})
			done += int64(len(row))
		}
	}
	return done
}

// Compare sorts the scores of every unordered pair of samples, as Visit brings them, by whether both show one person. The
// result is the same whatever the number of processors.
func Compare(ctx context.Context, samples []Sample, s Scorer, progress func(done, total int64)) (*Performance, error) {
	if s.Len() != len(samples) {
		return nil, fmt.Errorf("%d samples, but the scorer has %d", len(samples), s.Len())
	}
	tallies := make([]tally, runtime.GOMAXPROCS(0))
	err := Visit(ctx, s, len(tallies), progress, func(worker int, row Row) { tallies[worker].add(samples, row) })
	if err != nil {
		return nil, err
	}
	p := &Performance{Name: s.String(), Genuine: new(Histogram), Impostor: new(Histogram)}
	for i := range tallies {
		p.Genuine.Merge(&tallies[i].genuine)
		p.Impostor.Merge(&tallies[i].impostor)
	}
	return p, nil
}

// A tally is one worker's share of a Performance.
type tally struct{ genuine, impostor Histogram }

func (t *tally) add(samples []Sample, row Row) {
	subject := samples[row.Probe].Subject
	for k, score := range row.Scores {
		if samples[row.First+k].Subject == subject {
			t.genuine.Add(float64(score))
		} else {
			t.impostor.Add(float64(score))
		}
	}
}

// span returns the numbers from first up to, not including, end.
func span(first, end int) []int {
	s := make([]int, end-first)
	for i := range s {
		s[i] = first + i
	}
	return s
}

func grow(s []float32, n int) []float32 {
	if cap(s) < n {
		return make([]float32, n)
	}
	return s[:n]
}

// parallel calls do once for each job below jobs, on as many goroutines as there are workers, and waits for them.
// A call has its worker number to itself.
func parallel(ctx context.Context, workers, jobs int, do func(worker, job int)) error {
	var next atomic.Int64
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for ctx.Err() == nil {
				job := int(next.Add(1)) - 1
				if job >= jobs {
					return
				}
				do(w, job)
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// A meter tells one listener how far many workers are.
type meter struct {
	total    int64
	progress func(done, total int64)

	mu   sync.Mutex // guards done and the calls of progress
	done int64
}

func (m *meter) add(n int64) {
	if m.progress == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.done += n
	m.progress(m.done, m.total)
}
