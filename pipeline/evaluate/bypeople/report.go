package bypeople

import (
	"fmt"
	"math"

	"facegate/configs/hint"
	"facegate/pipeline/evaluate"
)

// A Report is the verification performance of one scorer with people as the unit.
type Report struct {
	Name          string `json:"name"`
	People        int64  `json:"people"`
	Several       int64  `json:"people_with_several_pictures"` // who stand behind the genuine rates
	PairsOfPeople int64  `json:"pairs_of_people"`              // which stand behind the impostor rates

	// Largest is the share that one person, the one with the most pictures, has of all genuine comparisons.
	Largest float64 `json:"largest_share_of_genuine_comparisons"`

	DPrime Figure  `json:"d_prime"`
	EER    Figure  `json:"eer"`
	AUC    float64 `json:"auc"`
	Points []Point `json:"points"`         // at usual false match rates
	Gate   []Point `json:"gate,omitempty"` // at the thresholds of a gate
}

// A Point is what a threshold costs.
type Point struct {
	TargetFMR float64 `json:"target_fmr,omitempty"` // for which the threshold was chosen on these people
	Enrolled  int     `json:"enrolled,omitempty"`   // or for up to how many enrolled people a gate takes it

	// Measurable says whether at least evaluate.MinErrors pairs of people are to be expected to err at TargetFMR. The
	// fields below are set only then.
	Measurable bool   `json:"measurable"`
	Threshold  Figure `json:"threshold,omitzero"` // of Enrolled without interval: it was there before
	FMR        Rate   `json:"fmr,omitzero"`       // with its interval at this very threshold
	FNMR       Rate   `json:"fnmr,omitzero"`      // with its interval at the threshold of each round, if there is a TargetFMR
}

// A Rate is an error rate by people, and who has the errors.
type Rate struct {
	Figure
	Of     int64 `json:"of"`     // people, or pairs of people
	Erring int   `json:"erring"` // people who have at least one of the errors

	// WorstTen is the share of the errors that the ten people with the most of them have, by people; of a false match both
	// have it. WorstTenOfPairs is the same by pairs of pictures (the goats, lambs and wolves of Doddington et al. 1998).
	WorstTen        float64 `json:"worst_ten"`
	WorstTenOfPairs float64 `json:"worst_ten_of_pairs"`
}

// A Gate is a threshold which a gate takes for up to so many enrolled people.
type Gate struct {
	Enrolled  int
	Threshold float64
}

// usualFMR returns the false match rates at which reports are made.
func usualFMR() []float64 { return []float64{1e-2, 1e-3, 1e-4, 2e-5, 1e-5, 1e-6} }

// Report summarises the scores at usual false match rates and at the thresholds of a gate, with intervals by a bootstrap
// drawn from seed. The error wraps evaluate.ErrTooFew if there is nobody with two pictures, or only one person.
func (s *Scores) Report(seed uint64, gate []Gate) (*Report, error) {
	if s.Pairs.Genuine.Count() == 0 || s.Pairs.Impostor.Count() == 0 {
		return nil, hint.Wrap(fmt.Errorf("%d genuine and %d impostor comparisons: %w",
			s.Pairs.Genuine.Count(), s.Pairs.Impostor.Count(), evaluate.ErrTooFew),
			"give a folder <person>/<picture> with at least two people, one of them with two pictures that show a face")
	}
	eer, _ := s.People.EER()
	r := &Report{
		Name: s.People.Name, People: s.people(), Several: s.several(), PairsOfPeople: pairsOf(s.people()),
		Largest: s.largest(), DPrime: s.dPrime(), EER: Figure{Value: eer}, AUC: s.People.AUC(),
	}
	for _, fmr := range usualFMR() {
		r.Points = append(r.Points, s.at(fmr))
	}
	for _, g := range gate {
		r.Gate = append(r.Gate, Point{Enrolled: g.Enrolled, Measurable: true, Threshold: Figure{Value: g.Threshold}})
	}
	points, all := r.measurable(), s.all()
	for _, p := range points {
		t := p.Threshold.Value
		p.FMR = all.falseMatches(t).rate(s.People.FMR(t), r.PairsOfPeople)
		p.FNMR = all.falseNonMatches(t).rate(s.People.FNMR(t), r.Several)
	}
	s.intervals(r, points, all, Bootstrap{len(s.pictures), seed})
	return r, nil
}

// measurable returns the points of the report that have figures.
func (r *Report) measurable() []*Point {
	var points []*Point
	for _, list := range [][]Point{r.Points, r.Gate} {
		for i := range list {
			if list[i].Measurable {
				points = append(points, &list[i])
			}
		}
	}
	return points
}

// several returns how many people have several pictures.
func (c *crowd) several() int64 {
	var n int64
	for _, pictures := range c.pictures {
		if pictures > 1 {
			n++
		}
	}
	return n
}

// largest returns the largest share of the genuine comparisons that one person has.
func (c *crowd) largest() float64 {
	var most, all int64
	for _, n := range c.pictures {
		most, all = max(most, pairsOf(n)), all+pairsOf(n)
	}
	return float64(most) / float64(all)
}

// at chooses the threshold for a false match rate of at most fmr.
func (s *Scores) at(fmr float64) Point {
	p := Point{TargetFMR: fmr}
	threshold, ok := s.People.Impostor.Threshold(fmr)
	if ok && fmr*float64(pairsOf(s.people())) >= evaluate.MinErrors {
		p.Measurable, p.Threshold.Value = true, threshold
	}
	return p
}

// intervals gives the figures of r and of its points their intervals.
func (s *Scores) intervals(r *Report, points []*Point, all *cut, b Bootstrap) {
	sampled := all.sample(b, func(p *evaluate.Performance) []float64 {
		eer, at := p.EER()
		values := []float64{s.above(at, eer)}
		for _, point := range points {
			fixed := point.Threshold.Value
			chosen := fixed
			if point.TargetFMR > 0 {
				chosen, _ = p.Impostor.Threshold(point.TargetFMR)
			}
			values = append(values, s.above(chosen, chosen), s.above(fixed, p.FMR(fixed)), s.above(chosen, p.FNMR(chosen)))
		}
		return values
	})
	r.EER.Interval = sampled.interval(0)
	for i, p := range points {
		if p.TargetFMR > 0 {
			p.Threshold.Interval = sampled.interval(1 + 3*i)
		}
		p.FMR.widen(sampled.interval(2 + 3*i))
		p.FNMR.widen(sampled.interval(3 + 3*i))
	}
}

// above returns value, or NaN where the threshold that it belongs to is not above all scores that were not kept.
func (s *Scores) above(threshold, value float64) float64 {
	if s.Floor > -1 && !(threshold > s.Floor) {
		return math.NaN()
	}
	return value
}

// widen sets the interval of r by a bootstrap. Where fewer than evaluate.MinErrors people err, it is the wider of that and of
// Clopper-Pearson over people, or the latter alone where there are so few people that a round drew none of them.
func (r *Rate) widen(by *Interval) {
	r.Interval = by
	if r.Erring >= evaluate.MinErrors || r.Of == 0 {
		return
	}
	low, high := evaluate.ClopperPearson(int64(math.Ceil(r.Value*float64(r.Of))), r.Of, 0.95)
	r.Interval = &Interval{low, high}
	if by != nil {
		r.Interval = &Interval{min(by.Low, low), max(by.High, high)}
	}
}
