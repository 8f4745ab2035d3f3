// Package bypeople measures recognition with people as the unit, in the terms of ISO/IEC 19795-1: what is drawn at random is
// people, and pictures of one person, or pairs that share one, say much the same.
//
// Each person with several pictures counts once among the genuine, whatever the number of their pairs: their false
// non-match rate is the share of their pairs below the threshold, and the rate is the mean of that. Each pair of people
// counts once among the impostors: its false match rate is the share of its pairs of pictures at or above the threshold.
//
// Intervals are 95 % and by people. Rates and thresholds have a bootstrap of the product of weights (Owen and Eckles,
// "Bootstrapping data arrays of arbitrary order", Ann. Appl. Stat. 2012): in each round a person is drawn w times, w being
// Poisson(1), a genuine event of a weighs w(a) and an impostor event of a and b weighs w(a)*w(b), and so do those that
// could have been. A rate with errors of fewer than evaluate.MinErrors people has the wider of that and of
// Clopper-Pearson over people, or pairs of them, because a bootstrap of nearly nothing is too narrow (Fogliato, Patil and
// Perona, "Confidence intervals for error rates in 1:1 matching tasks", 2023). The decidability has a jackknife, which needs
// no more than two sums a person (Arvesen, "Jackknifing U-statistics", Ann. Math. Stat. 1969).
package bypeople

import (
	"cmp"
	"context"
	"fmt"
	"math/bits"
	"runtime"
	"slices"

	"facegate/pipeline/evaluate"
)

// An Event is the score of one comparison of two samples, by their index.
type Event struct {
	Score           float32
	Probe, Enrolled int32
}

// Scores holds the scores of all comparisons of a set of samples, as far as rates by people need them.
type Scores struct {
	Pairs  *evaluate.Performance // every pair of pictures counts once
	People *evaluate.Performance // every person, and every pair of people, counts once; in a unit of weight of its own

	// Genuine has the scores of all pairs of pictures of one person. Tail has the scores above Floor, at least, of pairs of
	// pictures of two people, by falling score: the highest two in a hundred by people, as far as room bounds them.
	Genuine, Tail []Event
	Floor         float64

	crowd
	sums sums
}

// A crowd says which sample is of which person, and what a comparison weighs.
type crowd struct {
	person   []int32 // of each sample; people are numbered by the first of their pictures, by name
	pictures []int64 // of each person
	unit     int64   // the weight of one person, and of one pair of people
}

// maxUnit leaves room in an int64 for any product of weights of a bootstrap.
const maxUnit = 1 << 40

func newCrowd(samples []evaluate.Sample) crowd {
	first := map[int]string{}
	for _, s := range samples {
		if name, ok := first[s.Subject]; !ok || s.Picture < name {
			first[s.Subject] = s.Picture
		}
	}
	var subjects []int
	for subject := range first {
		subjects = append(subjects, subject)
	}
	slices.SortFunc(subjects, func(a, b int) int { return cmp.Or(cmp.Compare(first[a], first[b]), cmp.Compare(a, b)) })
	number := make(map[int]int32, len(subjects))
	for i, subject := range subjects {
		number[subject] = int32(i)
	}
	c := crowd{person: make([]int32, len(samples)), pictures: make([]int64, len(subjects)), unit: maxUnit}
	for i, s := range samples {
		c.person[i] = number[s.Subject]
		c.pictures[c.person[i]]++
	}
	for pairs := pairsOf(c.people()); c.unit > 1 && bits.Len64(uint64(pairs))+bits.Len64(uint64(c.unit)) > 60; {
		c.unit /= 2
	}
	return c
}

// people returns the number of people.
func (c *crowd) people() int64 { return int64(len(c.pictures)) }

// pairsOf returns how many unordered pairs n things make.
func pairsOf(n int64) int64 { return n * (n - 1) / 2 }

// own returns the weight of one comparison of a person with themselves.
func (c *crowd) own(a int32) int64 { return c.share(pairsOf(c.pictures[a])) }

// between returns the weight of one comparison of two people.
func (c *crowd) between(a, b int32) int64 { return c.share(c.pictures[a] * c.pictures[b]) }

// share returns the weight of one of n comparisons that weigh one unit together. It is a whole number, so that sums of
// weights are the same in any order.
func (c *crowd) share(n int64) int64 { return max(1, (c.unit+n/2)/n) }

// Compare scores every unordered pair of samples once. Progress and cancellation are as in evaluate.Visit. But for the last
// digits of the sums behind the interval of d', the result is the same whatever the number of processors and whatever the
// order of the samples, if the scorer is symmetric.
func Compare(ctx context.Context, samples []evaluate.Sample, s evaluate.Scorer, progress func(done, total int64)) (*Scores, error) {
	if s.Len() != len(samples) {
		return nil, fmt.Errorf("%d samples, but the scorer has %d", len(samples), s.Len())
	}
	all := Scores{Pairs: empty(s.String()), People: empty(s.String()), crowd: newCrowd(samples)}
	workers := make([]*worker, runtime.GOMAXPROCS(0))
	all.People.Unit = all.unit
	for i := range workers {
		workers[i] = newWorker(&all.crowd)
	}
	err := evaluate.Visit(ctx, s, len(workers), progress, func(w int, row evaluate.Row) { workers[w].add(row) })
	if err != nil {
		return nil, err
	}
	all.sums = newSums(len(all.pictures))
	for _, w := range workers {
		merge(all.Pairs, w.pairs)
		merge(all.People, w.people)
		all.Genuine = append(all.Genuine, w.genuine...)
		all.Tail = append(all.Tail, w.top.events...)
		all.sums.add(w.sums)
	}
	all.sort()
	return &all, nil
}

func empty(name string) *evaluate.Performance {
	return &evaluate.Performance{Name: name, Genuine: new(evaluate.Histogram), Impostor: new(evaluate.Histogram)}
}

func merge(into, p *evaluate.Performance) {
	into.Genuine.Merge(p.Genuine)
	into.Impostor.Merge(p.Impostor)
}

// tailShare is the share of the impostor scores that are kept one by one: twice the highest false match rate that is reported.
const tailShare = 0.02

// sort brings the events into an order that does not depend on the workers, and cuts the tail where no worker can have
// dropped an event.
func (s *Scores) sort() {
	falling := func(a, b Event) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Probe, b.Probe), cmp.Compare(a.Enrolled, b.Enrolled))
	}
	slices.SortFunc(s.Genuine, falling)
	slices.SortFunc(s.Tail, falling)
	s.Floor = -1
	const sure = roomOfTop / 2
	if n := s.Pairs.Impostor.Count(); n > sure {
		byRoom, _ := s.Pairs.Impostor.Threshold(float64(sure) / float64(n))
		byShare, _ := s.People.Impostor.Threshold(tailShare)
		s.Floor = max(byRoom, byShare)
	}
	end, _ := slices.BinarySearchFunc(s.Tail, s.Floor, func(e Event, floor float64) int {
		if float64(e.Score) >= floor {
			return -1
		}
		return 1
	})
	s.Tail = slices.Clip(s.Tail[:end])
}

// A worker is one goroutine's share of Scores.
type worker struct {
	*crowd
	pairs, people *evaluate.Performance
	genuine       []Event
	top           top
	sums          sums
}

func newWorker(c *crowd) *worker {
	return &worker{crowd: c, pairs: empty(""), people: empty(""), top: top{room: roomOfTop}, sums: newSums(len(c.pictures))}
}

func (w *worker) add(row evaluate.Row) {
	a := w.person[row.Probe]
	for k, score := range row.Scores {
		e := Event{score, int32(row.Probe), int32(row.First + k)}
		b, x := w.person[e.Enrolled], float64(score)
		if a == b {
			w.pairs.Genuine.Add(x)
			w.people.Genuine.AddTimes(x, w.own(a))
			w.genuine = append(w.genuine, e)
			w.sums.own(a, x, 1/float64(pairsOf(w.pictures[a])))
			continue
		}
		w.pairs.Impostor.Add(x)
		w.people.Impostor.AddTimes(x, w.between(a, b))
		w.top.add(e)
		w.sums.between(a, b, x, 1/float64(w.pictures[a]*w.pictures[b]))
	}
}
