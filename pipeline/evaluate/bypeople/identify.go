package bypeople

import (
	"math"

	"facegate/pipeline/evaluate"
)

// An Identification is the open-set 1:N performance of one scorer with people as the unit: each mated person counts once,
// by the share of their probes, and so does each who is not mated.
type Identification struct {
	Name     string `json:"name"`
	Enrolled int    `json:"enrolled"`        // N, people in the gallery
	Mated    int64  `json:"mated_people"`    // people in the gallery who have probes
	NonMated int64  `json:"nonmated_people"` // people outside who have

	TargetFPIR float64 `json:"target_fpir"`
	Measurable bool    `json:"measurable"` // whether at least evaluate.MinErrors people are to be expected to err at TargetFPIR
	Threshold  float64 `json:"threshold"`  // the lowest that keeps the non-mated probes to TargetFPIR

	// MissRank1 is the rate of mated probes that scored no higher with their own person than with somebody else, FNIR that
	// of probes which did so or were below Threshold. FPIR is the rate of non-mated probes at or above it: in a bootstrap
	// one of them weighs w(stranger)*w(enrolled), and could have weighed w(stranger). Threshold is held fixed.
	MissRank1 Rate `json:"miss_rank1"`
	FNIR      Rate `json:"fnir"`
	FPIR      Rate `json:"fpir"`
}

// Identify counts what came of an open-set test of these samples at the lowest threshold at which at most fpir of the
// non-mated probes reach anybody, with intervals by a bootstrap drawn from seed.
func Identify(samples []evaluate.Sample, o *evaluate.OpenSet, fpir float64, seed uint64) *Identification {
	c := newCrowd(samples)
	threshold := o.Threshold(fpir)
	mated := c.probes(o.Mated)
	nonMated := c.probes(o.NonMated)
	x := &Identification{
		Name: o.Name, Enrolled: o.Enrolled, Mated: mated.people(), NonMated: nonMated.people(),
		TargetFPIR: fpir, Threshold: threshold,
	}
	x.Measurable = fpir*float64(x.NonMated) >= evaluate.MinErrors
	b := Bootstrap{len(c.pictures), seed}
	x.MissRank1 = mated.rate(b, func(t evaluate.Top) bool { return !t.First() })
	x.FNIR = mated.rate(b, func(t evaluate.Top) bool { return t.Missed(threshold) })
	x.FPIR = nonMated.rate(b, func(t evaluate.Top) bool { return t.Other >= threshold })
	return x
}

// Probes are those of one kind, and whose they are.
type probes struct {
	*crowd
	tops []evaluate.Top
	of   []int64 // probes of each person
}

func (c *crowd) probes(tops []evaluate.Top) probes {
	p := probes{c, tops, make([]int64, len(c.pictures))}
	for _, t := range tops {
		p.of[c.person[t.Probe]]++
	}
	return p
}

// people returns how many people have probes.
func (p probes) people() int64 {
	var n int64
	for _, probes := range p.of {
		if probes > 0 {
			n++
		}
	}
	return n
}

// rate returns the rate of the probes that are wrong. Of a probe that is not mated, whoever it was taken for has a part in
// the error.
func (p probes) rate(b Bootstrap, wrong func(evaluate.Top) bool) Rate {
	e := errors{people: len(p.pictures)}
	for _, t := range p.tops {
		if wrong(t) {
			a := p.person[t.Probe]
			other := a
			if math.IsInf(t.Own, -1) && t.Rival >= 0 {
				other = p.person[t.Rival]
			}
			e.of = append(e.of, weighed{0, a, other, p.share(p.of[a])})
		}
	}
	everybody := make([]int64, len(p.of))
	for i := range everybody {
		everybody[i] = 1
	}
	r := e.rate(p.under(everybody, e), p.people())
	var s sampling
	b.Each(func(weights []int64) { s = append(s, []float64{p.under(weights, e)}) })
	r.widen(s.interval(0))
	return r
}

// under returns the rate of the errors where each person was drawn as often as weights say.
func (p probes) under(weights []int64, e errors) float64 {
	var wrong, all int64
	for a, probes := range p.of {
		if probes > 0 {
			all += weights[a] * p.unit
		}
	}
	for _, x := range e.of {
		w := weights[x.a] * x.weight
		if x.a != x.b {
			w *= weights[x.b]
		}
		wrong += w
	}
	return float64(wrong) / float64(all)
}
