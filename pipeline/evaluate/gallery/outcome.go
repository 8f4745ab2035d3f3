package gallery

import (
	"slices"

	"facegate/pipeline/evaluate/bypeople"
)

// An Outcome is what one way of judging did in the galleries of a plan.
type Outcome struct {
	Way      string  `json:"way"`
	FPIR     Rate    `json:"fpir"`     // decisions that let a stranger in
	FNIR     Rate    `json:"fnir"`     // decisions that did not let an enrolled person in, as themselves
	Crowding float64 `json:"crowding"` // mean excess of the places of the enrolled over what is usual
}

// A Rate is a share of decisions in which each person counts once in each gallery, and its 95 % interval by people: a
// person drawn w times, Poisson(1), counts w times, and so do the errors that they have a part in.
type Rate struct {
	Rate      float64           `json:"rate"`
	Interval  bypeople.Interval `json:"interval"`
	People    int               `json:"people"`    // who tried
	Decisions int64             `json:"decisions"` // of theirs
	Errors    int64             `json:"errors"`
}

// A tally counts what came of the decisions in one or more galleries.
type tally struct {
	strangers, enrolled side
	crowded             float64 // sum over the galleries' enrolled who tried
}

// A side of the decisions is all of strangers, or all of enrolled people.
type side struct {
	came      map[int]int64 // galleries in which a person tried
	decisions int64
	errors    []fault
}

// A fault is a person's share of wrong decisions in one gallery, and whom they were taken for: somebody else, or nobody.
type fault struct {
	person, as int // as is -1 for nobody
	share      float64
}

// take counts what came of the tries of a person in one gallery.
func (t *tally) take(person int, enrolled bool, came []decision) {
	if len(came) == 0 {
		return
	}
	s := &t.strangers
	if enrolled {
		s = &t.enrolled
	}
	if s.came == nil {
		s.came = map[int]int64{}
	}
	s.came[person]++
	s.decisions += int64(len(came))
	share := 1 / float64(len(came))
	for _, d := range came {
		switch {
		case enrolled && !(d.granted && d.person == idOf(person)):
			s.errors = append(s.errors, fault{person, -1, share})
		case !enrolled && d.granted:
			s.errors = append(s.errors, fault{person, personOf(d.person), share})
		}
		if enrolled {
			t.crowded += d.crowded * share
		}
	}
}

func (t *tally) add(o *tally) {
	t.strangers.add(&o.strangers)
	t.enrolled.add(&o.enrolled)
	t.crowded += o.crowded
}

func (s *side) add(o *side) {
	if s.came == nil {
		s.came = map[int]int64{}
	}
	for person, n := range o.came {
		s.came[person] += n
	}
	s.decisions += o.decisions
	s.errors = append(s.errors, o.errors...)
}

func (t *tally) outcome(way string, people int, seed uint64) Outcome {
	var came float64
	for _, n := range t.enrolled.came {
		came += float64(n)
	}
	return Outcome{
		Way: way, FPIR: t.strangers.rate(people, seed), FNIR: t.enrolled.rate(people, seed), Crowding: t.crowded / max(came, 1),
	}
}

// rate returns the share of errors among people who are numbered below people.
func (s *side) rate(people int, seed uint64) Rate {
	r := Rate{People: len(s.came), Decisions: s.decisions, Errors: int64(len(s.errors))}
	ones := slices.Repeat([]int64{1}, people)
	r.Rate = s.under(ones)
	var rates []float64
	bypeople.NewBootstrap(people, seed).Each(func(weights []int64) { rates = append(rates, s.under(weights)) })
	r.Interval = bypeople.Middle(rates)
	return r
}

// under returns the rate if each person was drawn as often as weights say.
func (s *side) under(weights []int64) float64 {
	var errors, of float64
	for person, n := range s.came {
		of += float64(n * weights[person])
	}
	for _, f := range s.errors {
		w := float64(weights[f.person])
		if f.as >= 0 {
			w *= float64(weights[f.as])
		}
		errors += w * f.share
	}
	return errors / max(of, 1)
}
