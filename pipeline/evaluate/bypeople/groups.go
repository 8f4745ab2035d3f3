package bypeople

import (
	"maps"
	"math"
	"slices"

	"facegate/pipeline/evaluate"
)

// FewPeople is below how many people, or people with several pictures, a group's rate is shown and not compared.
const FewPeople = 20

// A GroupReport is how one scorer does by group of people, at the thresholds that everybody has. A false match within a group
// is the one to look at: where those who live or work together are alike to the network, it is theirs that a door has.
type GroupReport struct {
	Name      string       `json:"name"`
	Ungrouped int64        `json:"people_in_no_group"` // who count in the overall rates alone
	Groups    []Group      `json:"groups"`
	Points    []GroupPoint `json:"points"`
}

// A Group says how many people stand behind the rates of a group.
type Group struct {
	Name          string `json:"name"`
	People        int64  `json:"people"`
	Several       int64  `json:"people_with_several_pictures"`
	PairsOfPeople int64  `json:"pairs_of_people"`
}

// A GroupPoint is what one threshold costs each group.
type GroupPoint struct {
	TargetFMR float64 `json:"target_fmr,omitempty"` // as in Point
	Enrolled  int     `json:"enrolled,omitempty"`
	Threshold float64 `json:"threshold"`

	Overall Rates        `json:"overall"` // of everybody, of no group too
	Across  Rate         `json:"across"`  // FMR between people of different groups
	Within  []GroupRates `json:"within"`  // in the order of Groups

	// The groups with the highest ratios to the overall rates, of those that are not too small to be compared; nil if there is
	// none. The worst of several groups is worst by chance too: its ratio is rather too high.
	WorstFMR  *Worst `json:"worst_fmr,omitempty"`
	WorstFNMR *Worst `json:"worst_fnmr,omitempty"`
}

// Rates are both error rates at one threshold.
type Rates struct {
	FMR  Rate `json:"fmr"`
	FNMR Rate `json:"fnmr"`
}

// GroupRates are those within a group, and how many times the overall ones they are.
type GroupRates struct {
	Rates
	FMRRatio  Figure `json:"fmr_ratio"`
	FNMRRatio Figure `json:"fnmr_ratio"`
}

// A Worst is the group with the highest ratio.
type Worst struct {
	Group string `json:"group"`
	Ratio Figure `json:"ratio"`
}

// Groups reports by group at the measurable thresholds of r, which is the Report of these scores. The group of each sample
// is "" for who is in none; that of a person is that of any of their samples. The bootstrap is drawn from seed.
func (s *Scores) Groups(r *Report, group []string, seed uint64) *GroupReport {
	members := map[string][]int32{}
	grouped := make([]bool, len(s.pictures))
	for i, name := range group {
		if a := s.person[i]; name != "" && !grouped[a] {
			grouped[a] = true
			members[name] = append(members[name], a)
		}
	}
	points := r.measurable()
	g := grouper{s, points, Bootstrap{len(s.pictures), seed}}
	out := &GroupReport{Name: r.Name, Ungrouped: r.People}
	overall := g.rates(s.all())
	for i, p := range points {
		out.Points = append(out.Points, GroupPoint{
			TargetFMR: p.TargetFMR, Enrolled: p.Enrolled, Threshold: p.Threshold.Value, Overall: overall.of[i],
		})
	}
	var everyone [][]int32
	for _, name := range slices.Sorted(maps.Keys(members)) {
		slices.Sort(members[name])
		everyone = append(everyone, members[name])
		size := s.size(name, members[name])
		out.Groups = append(out.Groups, size)
		out.Ungrouped -= size.People
		within := g.rates(s.cut([][]int32{members[name]}, false))
		for i := range points {
			rates := within.against(overall, i)
			out.Points[i].Within = append(out.Points[i].Within, rates)
			out.Points[i].compare(size, rates)
		}
	}
	across := g.rates(s.cut(everyone, true))
	for i := range points {
		out.Points[i].Across = across.of[i].FMR
	}
	return out
}

// size counts the people of a group.
func (s *Scores) size(name string, members []int32) Group {
	g := Group{Name: name, People: int64(len(members)), PairsOfPeople: pairsOf(int64(len(members)))}
	for _, a := range members {
		if s.pictures[a] > 1 {
			g.Several++
		}
	}
	return g
}

// compare notes the group if it is the worst so far.
func (p *GroupPoint) compare(g Group, rates GroupRates) {
	worse := func(worst *Worst, ratio Figure, people int64) *Worst {
		if people < FewPeople || ratio.Value == 0 || worst != nil && worst.Ratio.Value >= ratio.Value {
			return worst
		}
		return &Worst{g.Name, ratio}
	}
	p.WorstFMR = worse(p.WorstFMR, rates.FMRRatio, g.People)
	p.WorstFNMR = worse(p.WorstFNMR, rates.FNMRRatio, g.Several)
}

// A grouper takes the rates of cuts at the same thresholds, in the same draws of people.
type grouper struct {
	*Scores
	points []*Point
	draws  Bootstrap
}

// Sampled rates are those of one cut at each of the points, and in each draw.
type sampledRates struct {
	of    []Rates
	draws sampling // FMR and FNMR of each point in turn
}

func (g grouper) rates(c *cut) sampledRates {
	figures := func(p *evaluate.Performance) []float64 {
		var values []float64
		for _, x := range g.points {
			t := x.Threshold.Value
			fmr, fnmr := g.above(t, p.FMR(t)), p.FNMR(t)
			if p.Impostor.Count() == 0 {
				fmr = math.NaN()
			}
			if p.Genuine.Count() == 0 {
				fnmr = math.NaN()
			}
			values = append(values, fmr, fnmr)
		}
		return values
	}
	everybody := slices.Repeat([]int64{1}, len(g.pictures))
	p := empty("")
	c.under(everybody, p)
	r := sampledRates{draws: c.sample(g.draws, figures)}
	for i, x := range g.points {
		t := x.Threshold.Value
		rates := Rates{
			c.falseMatches(t).rate(p.FMR(t), c.pairs(everybody)),
			c.falseNonMatches(t).rate(p.FNMR(t), p.Genuine.Count()/c.unit),
		}
		rates.FMR.widen(r.draws.interval(2 * i))
		rates.FNMR.widen(r.draws.interval(2*i + 1))
		r.of = append(r.of, rates)
	}
	return r
}

// against returns the rates at point i with their ratios to those of all.
func (r sampledRates) against(all sampledRates, i int) GroupRates {
	var ratios sampling
	for k := range r.draws {
		ratios = append(ratios, []float64{
			over(r.draws[k][2*i], all.draws[k][2*i]), over(r.draws[k][2*i+1], all.draws[k][2*i+1]),
		})
	}
	g, o := r.of[i], all.of[i]
	return GroupRates{g, g.FMR.ratio(o.FMR, ratios.interval(0)), g.FNMR.ratio(o.FNMR, ratios.interval(1))}
}

// ratio returns how many times o the rate is, with its interval by a bootstrap of both; where few people err, that is no
// narrower than the interval of the rate alone.
func (r Rate) ratio(o Rate, by *Interval) Figure {
	if o.Value == 0 {
		return Figure{}
	}
	f := Figure{r.Value / o.Value, by}
	if by != nil && r.Interval != nil && r.Erring < evaluate.MinErrors {
		f.Interval = &Interval{min(by.Low, r.Interval.Low/o.Value), max(by.High, r.Interval.High/o.Value)}
	}
	return f
}

// over divides, and is NaN where there is nothing to divide by.
func over(a, b float64) float64 {
	if b == 0 {
		return math.NaN()
	}
	return a / b
}
