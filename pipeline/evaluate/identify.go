package evaluate

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"path"
	"runtime"
	"slices"

	"facegate/configs/hint"
)

// An Identification is the open-set 1:N performance of one scorer (ISO/IEC 19795-1).
type Identification struct {
	Name     string `json:"name"`
	Enrolled int    `json:"enrolled"` // N, people in the gallery
	Mated    int    `json:"mated"`    // probes of people in the gallery
	NonMated int    `json:"nonmated"` // probes of people who are not

	// Rank1 counts mated probes that scored higher with their own person than with any other, whatever the score.
	Rank1 Proportion `json:"rank1"`

	TargetFPIR float64    `json:"target_fpir"`
	Measurable bool       `json:"measurable"` // whether at least MinErrors false positives are to be expected
	Threshold  float64    `json:"threshold"`  // the lowest that keeps the non-mated probes to TargetFPIR
	FPIR       Proportion `json:"fpir"`       // non-mated probes whose best score reached Threshold
	FNIR       Proportion `json:"fnir"`       // mated probes not at rank 1, or below Threshold
}

// roles says which sample takes which part in an open-set test.
type roles struct {
	gallery, mated, nonMated []int
}

// openSet gives out the roles by name alone, so that every run on a folder is the same test. Of the people with a
// single picture the first, third and so on are non-mated probes; the others are enrolled as distractors.
func openSet(samples []Sample) roles {
	people := map[int][]int{}
	for i, s := range samples {
		people[s.Subject] = append(people[s.Subject], i)
	}
	var sorted [][]int
	for _, pictures := range people {
		slices.SortFunc(pictures, func(a, b int) int { return cmp.Compare(samples[a].Picture, samples[b].Picture) })
		sorted = append(sorted, pictures)
	}
	slices.SortFunc(sorted, func(a, b []int) int {
		return cmp.Or(cmp.Compare(path.Dir(samples[a[0]].Picture), path.Dir(samples[b[0]].Picture)),
			cmp.Compare(samples[a[0]].Picture, samples[b[0]].Picture))
	})
	var r roles
	distractor := false
	for _, pictures := range sorted {
		if len(pictures) > 1 {
			r.gallery = append(r.gallery, pictures[0])
			r.mated = append(r.mated, pictures[1:]...)
			continue
		}
		if distractor {
			r.gallery = append(r.gallery, pictures[0])
		} else {
			r.nonMated = append(r.nonMated, pictures[0])
		}
		distractor = !distractor
	}
	return r
}

// An OpenSet is what came of the probes of an open-set test, before a threshold is chosen.
type OpenSet struct {
	Name            string // of the Scorer
	Enrolled        int
	Mated, NonMated []Top
}

// A Top is a probe's best score against its own person, -Inf if not enrolled, and against anybody else.
type Top struct {
	Probe      int // sample
	Own, Other float64
	Rival      int // sample of the best of the others, -1 if there is none
}

// Search runs an open-set test: of each person with several pictures the first, by name, is enrolled and the others are
// mated probes; of the people with one picture every second, by name, is enrolled as a distractor and the others are
// non-mated probes.
//
// Progress and cancellation are as in Visit. The error wraps ErrTooFew if there are no mated or no non-mated probes.
func Search(ctx context.Context, samples []Sample, s Scorer, progress func(done, total int64)) (*OpenSet, error) {
	if s.Len() != len(samples) {
		return nil, fmt.Errorf("%d samples, but the scorer has %d", len(samples), s.Len())
	}
	r := openSet(samples)
	if len(r.mated) == 0 || len(r.nonMated) == 0 {
		return nil, hint.Wrap(fmt.Errorf("%d mated and %d non-mated probes: %w", len(r.mated), len(r.nonMated), ErrTooFew),
			"an open-set test needs people with several pictures and people with a single one")
	}
	tops, err := search(ctx, samples, s, slices.Concat(r.mated, r.nonMated), r.gallery, progress)
	if err != nil {
		return nil, err
	}
	return &OpenSet{s.String(), len(r.gallery), tops[:len(r.mated)], tops[len(r.mated):]}, nil
}

// Identify is Search, and what came of it at the threshold for fpir.
func Identify(ctx context.Context, samples []Sample, s Scorer, fpir float64, progress func(done, total int64)) (
	*Identification, error,
) {
	if !(fpir > 0 && fpir < 1) {
		return nil, fmt.Errorf("FPIR %v is not between 0 and 1", fpir)
	}
	o, err := Search(ctx, samples, s, progress)
	if err != nil {
		return nil, err
	}
	return o.At(fpir), nil
}

// At counts what came of the probes at the lowest threshold at which at most fpir, in (0, 1), of the non-mated probes reach
// anybody.
func (o *OpenSet) At(fpir float64) *Identification {
	threshold := o.Threshold(fpir)
	var rank1, missed, alarms int64
	for _, t := range o.Mated {
		if t.First() {
			rank1++
		}
		if t.Missed(threshold) {
			missed++
		}
	}
	for _, t := range o.NonMated {
		if t.Other >= threshold {
			alarms++
		}
	}
	mated, nonMated := int64(len(o.Mated)), int64(len(o.NonMated))
	return &Identification{
		Name:       o.Name,
		Enrolled:   o.Enrolled,
		Mated:      len(o.Mated),
		NonMated:   len(o.NonMated),
		Rank1:      NewProportion(rank1, mated),
		TargetFPIR: fpir,
		Measurable: measurable(fpir, nonMated),
		Threshold:  threshold,
		FPIR:       NewProportion(alarms, nonMated),
		FNIR:       NewProportion(missed, mated),
	}
}

// Threshold returns the lowest threshold at which at most fpir of the non-mated probes reach anybody.
func (o *OpenSet) Threshold(fpir float64) float64 { return thresholdAbove(others(o.NonMated), fpir) }

// First reports whether a mated probe scored higher with its own person than with anybody else.
func (t Top) First() bool { return t.Own > t.Other }

// Missed reports whether a mated probe is not at rank 1, or below the threshold.
func (t Top) Missed(threshold float64) bool { return !t.First() || t.Own < threshold }

func others(tops []Top) []float64 {
	scores := make([]float64, len(tops))
	for i, t := range tops {
		scores[i] = t.Other
	}
	return scores
}

// search scores each of the probes against the whole gallery.
func search(ctx context.Context, samples []Sample, s Scorer, probes, gallery []int, progress func(done, total int64)) (
	[]Top, error,
) {
	tops := make([]Top, len(probes))
	scratch := make([][]float32, runtime.GOMAXPROCS(0))
	meter := meter{total: int64(len(probes)) * int64(len(gallery)), progress: progress}
	jobs := (len(probes) + tileProbes - 1) / tileProbes
	err := parallel(ctx, len(scratch), jobs, func(w, job int) {
		first := job * tileProbes
		block := probes[first:min(first+tileProbes, len(probes))]
		scratch[w] = grow(scratch[w], len(block)*len(gallery))
		s.Score(scratch[w], block, gallery)
		for k, probe := range block {
			tops[first+k] = topOf(samples, probe, gallery, scratch[w][k*len(gallery):][:len(gallery)])
		}
		meter.add(int64(len(block)) * int64(len(gallery)))
	})
	return tops, err
}

func topOf(samples []Sample, probe int, gallery []int, scores []float32) Top {
	t := Top{probe, math.Inf(-1), math.Inf(-1), -1}
	for i, score := range scores {
		if samples[gallery[i]].Subject == samples[probe].Subject {
			t.Own = max(t.Own, float64(score))
		} else if float64(score) > t.Other {
			t.Other, t.Rival = float64(score), gallery[i]
		}
	}
	return t
}

// thresholdAbove returns the lowest threshold that at most rate, in [0, 1), of the scores reach, -Inf for none.
func thresholdAbove(scores []float64, rate float64) float64 {
	if len(scores) == 0 {
		return math.Inf(-1)
	}
	sorted := slices.Sorted(slices.Values(scores))
	allowed := min(int(rate*float64(len(sorted))), len(sorted)-1)
	return math.Nextafter(sorted[len(sorted)-1-allowed], math.Inf(1))
}
