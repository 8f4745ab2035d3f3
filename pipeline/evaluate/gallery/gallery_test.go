package gallery

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"facegate/pipeline/calibrate"
	"facegate/pipeline/decide"
	"facegate/pipeline/embed"
	"facegate/pipeline/evaluate"
	"facegate/pipeline/match"
	"facegate/pipeline/template"
)

const dim = 128

// A crowd makes people who do not exist. Pictures of one person differ by chance.
type crowd struct {
	rng    *rand.Rand
	common embed.Vector // a direction that everybody alike has a part of
}

func newCrowd() *crowd {
	c := &crowd{rng: rand.New(rand.NewPCG(1, 2))}
	c.common = c.vector()
	return c
}

func (c *crowd) vector() embed.Vector {
	v := make(embed.Vector, dim)
	for i := range v {
		v[i] = float32(c.rng.NormFloat64())
	}
	v.Normalize()
	return v
}

// mix returns the unit vector of a and share parts of b.
func mix(a, b embed.Vector, share float64) embed.Vector {
	v := slices.Clone(a)
	for i := range v {
		v[i] += float32(share) * b[i]
	}
	v.Normalize()
	return v
}

// person makes somebody with so many pictures. Alike is how much they have of what those have who are alike.
func (c *crowd) person(pictures int, alike float64) Person {
	face := mix(c.vector(), c.common, alike)
	var p Person
	for range pictures {
		p.Pictures = append(p.Pictures, mix(face, c.vector(), 0.6))
	}
	return p
}

func (c *crowd) people(n, pictures int, alike float64) (people []Person) {
	for range n {
		people = append(people, c.person(pictures, alike))
	}
	return people
}

func rules(threshold, beta float64) match.Rules {
	return match.Rules{
		Threshold: func(int) (float64, error) { return threshold, nil },
		Crowding:  func(int) float64 { return 0.15 },
		Beta:      beta,
	}
}

func way(threshold, beta float64, frames int, judge decide.Judge) Way {
	return Way{
		Match:  rules(threshold, beta),
		Decide: decide.Rules{Judge: judge, Agree: frames, Window: 2 * time.Second, Rearm: time.Second, Margin: 0.06},
	}
}

func study(people []Person) Study {
	return Study{People: people, Mean: make(template.Mean, dim), Templates: 4, Draws: 3, Seed: 7}
}

func measure(t *testing.T, s Study, p Plan, ways ...Way) []Outcome {
	t.Helper()
	outcomes, err := s.Measure(t.Context(), p, ways, nil)
	if err != nil {
		t.Fatal(err)
	}
	return outcomes
}

func TestPeople(t *testing.T) {
	v := func(x float32) embed.Vector { return embed.Vector{x, 0} }
	people := People([]evaluate.Sample{
		{Subject: 1, Picture: "b/2.jpg", Vector: v(2)},
		{Subject: 0, Picture: "a/1.jpg", Vector: v(3)},
		{Subject: 1, Picture: "b/1.jpg", Vector: v(1)},
	})
	if len(people) != 2 || people[0].Name != "a" || people[1].Name != "b" || people[1].Pictures[0][0] != 1 {
		t.Errorf("%+v", people)
	}
}

// TestMeasure enrols people who are easily told apart, at thresholds that everybody reaches, their owners alone, and nobody.
func TestMeasure(t *testing.T) {
	s := study(newCrowd().people(40, 8, 0))
	p := Plan{Enrolled: 10, Draws: 6, Tries: 20}
	outcomes := measure(t, s, p, way(-1, 0, 1, decide.Every), way(0.45, 0, 1, decide.Every), way(0.45, 0, 3, decide.Mean), way(1.5, 0, 3, decide.Mean))
	all, one, mean, none := outcomes[0], outcomes[1], outcomes[2], outcomes[3]
	if all.FPIR.Rate < 0.3 || all.FNIR.Rate > 0.01 {
		t.Errorf("at a threshold that everybody reaches: %+v", all)
	}
	if one.FPIR.Rate > 0 || one.FNIR.Rate > 0.02 || mean.FPIR.Rate > 0 || mean.FNIR.Rate > one.FNIR.Rate {
		t.Errorf("at a threshold between: one frame %+v, mean %+v", one, mean)
	}
	if none.FPIR.Rate != 0 || none.FNIR.Rate != 1 {
		t.Errorf("at a threshold that nobody reaches: %+v", none)
	}
	// Of 8 pictures 4 are a template's, and the 4 that are left make one walk of 3. A stranger comes with 3 pictures.
	if one.FNIR.Decisions != 6*10*4 || mean.FNIR.Decisions != 6*10 || one.FPIR.Decisions != 6*20*3 || mean.FPIR.Decisions != 6*20 {
		t.Errorf("decisions: %d, %d, %d, %d", one.FNIR.Decisions, mean.FNIR.Decisions, one.FPIR.Decisions, mean.FPIR.Decisions)
	}
	if again := measure(t, s, p, way(-1, 0, 1, decide.Every)); again[0] != all {
		t.Errorf("once more with the same seed: %+v, was %+v", again[0], all)
	}
}

// TestDouble has a stranger with the face of somebody enrolled, who gets in.
func TestDouble(t *testing.T) {
	c := newCrowd()
	people := c.people(12, 8, 0)
	people[1] = people[0]
	s := study(people)
	o := measure(t, s, Plan{Enrolled: 6, Draws: 40, Tries: 6}, way(0.45, 0, 1, decide.Every))[0]
	// The doubles are on the two sides in 6/11 of the galleries, where one of 6 strangers gets in.
	if want := 6.0 / 11 / 6; math.Abs(o.FPIR.Rate-want) > 0.04 || o.FPIR.Interval.High < want || o.FPIR.Interval.Low > 0.01 {
		t.Errorf("FPIR %+v, want about %.3f, and as little as nothing on other people", o.FPIR, want)
	}
}

// TestRaise measures people of whom some are alike: strangers among those get in, unless the threshold is raised there.
func TestRaise(t *testing.T) {
	c := newCrowd()
	s := study(append(c.people(130, 5, 1.2), c.people(260, 5, 0)...))
	plan := Plan{Alike: true, Enrolled: 50, Draws: 6, Tries: 70}
	outcomes := measure(t, s, plan, way(0.6, 0, 1, decide.Every), way(0.6, 1, 1, decide.Every))
	plain, raised := outcomes[0], outcomes[1]
	if plain.FPIR.Rate < 0.01 || raised.FPIR.Rate > plain.FPIR.Rate/3 {
		t.Errorf("among people alike: FPIR %v without the raise, %v with it", plain.FPIR.Rate, raised.FPIR.Rate)
	}
	if raised.FNIR.Rate < plain.FNIR.Rate {
		t.Errorf("FNIR %v without the raise, %v with it", plain.FNIR.Rate, raised.FNIR.Rate)
	}
	plan.Alike = false
	if o := measure(t, s, plan, way(0.6, 0, 1, decide.Every))[0]; o.FPIR.Rate > 0.9*plain.FPIR.Rate {
		t.Errorf("mixed FPIR %v, among people alike %v", o.FPIR.Rate, plain.FPIR.Rate)
	}
}

func TestCrowds(t *testing.T) {
	s := study(newCrowd().people(60, 8, 0))
	crowds, err := s.Crowds(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if first, last := crowds[0], crowds[len(crowds)-1]; first.N != 3 || last.N != 60 || math.Abs(first.H) > 0.02 || last.H < 0.12 || last.H > 0.2 {
		t.Errorf("%v", crowds)
	}
	if !slices.IsSortedFunc(crowds, func(a, b calibrate.Crowd) int { return a.N - b.N }) {
		t.Errorf("%v", crowds)
	}
}

func TestBeta(t *testing.T) {
	outcomes := make([]Outcome, betaSteps+1)
	for step := range outcomes {
		outcomes[step].FPIR.Interval.High = 0.0045 - 0.0005*float64(step)
		outcomes[step].FNIR.Rate = 0.04 + 0.002*float64(step)
	}
	if beta := leastBeta(outcomes); beta != 0.25 {
		t.Errorf("beta %v, want the one from which on FPIR is at most 0.002", beta)
	}
	outcomes[7].FPIR.Interval.High = 0.01
	if beta := leastBeta(outcomes); beta != 0.4 {
		t.Errorf("beta %v, though a higher one is not enough", beta)
	}
	outcomes[betaSteps].FPIR.Interval.High = 0.01
	if beta := leastBeta(outcomes); beta != 0.6 {
		t.Errorf("beta %v, want the one with 2.4 points of FNIR more, as none is enough", beta)
	}
	outcomes[betaSteps].FNIR.Rate = 0.06
	if beta := leastBeta(outcomes); beta != 1 {
		t.Errorf("beta %v, though the greatest is not too dear", beta)
	}

	file := &calibrate.File{Decisions: []calibrate.Decision{{Frames: 1, Points: []calibrate.Point{{FMR: 1e-5, Threshold: 2}}}}}
	c := newCrowd()
	many, few := study(c.people(1500, 2, 0)), study(c.people(1499, 1, 0))
	many.Draws = 1
	if beta, err := many.Beta(t.Context(), file); beta != 0 || err != nil {
		t.Errorf("where nobody gets in anyway: beta %v, %v", beta, err)
	}
	if beta, err := few.Beta(t.Context(), file); beta != 1 || err != nil {
		t.Errorf("of too few people: beta %v, %v", beta, err)
	}
	file.Decisions[0].Points[0].FMR = 1e-3
	if beta, err := many.Beta(t.Context(), file); beta != 1 || err != nil {
		t.Errorf("of a file that covers few: beta %v, %v", beta, err)
	}
}

// TestImpostors has two people of one face, one of whom has half of all pictures: they are one pair of people all the same.
func TestImpostors(t *testing.T) {
	c := newCrowd()
	people := c.people(60, 2, 0)
	double := c.person(140, 0)
	people = append(people, Person{Pictures: double.Pictures[:120]}, Person{Pictures: double.Pictures[120:]})
	m, err := study(people).Impostors(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	// 60 templates of 2 pictures, 30 of the first double and 5 of the other, with 260 pictures.
	if want := int64(60*(260-2) + 30*(260-120) + 5*(260-20)); m.Count() != want {
		t.Errorf("%d comparisons, want %d", m.Count(), want)
	}
	pair := 2.0 / (62 * 61) // the weight of the doubles
	if low, high := m.Measured(1.2*pair), m.Measured(0.4*pair); low > 0.5 || high < 0.6 {
		t.Errorf("without the doubles %v, with them %v", low, high)
	}
	_, pairs := m.Threshold(4 * pair)
	if upper, _ := m.Threshold(1.2 * pair); upper < 0.6 {
		t.Errorf("upper end %v: there may be more doubles than these", upper)
	}
	if _, strict := m.Threshold(0.5 * pair); strict != 1 || pairs < 2 {
		t.Errorf("%d and %d pairs of people", strict, pairs)
	}
	if three, err := study(people).Impostors(t.Context(), 3); err != nil || three.probes[0] != 0 || three.probes[60] != 40 {
		t.Errorf("means of three: %v, %v", three.probes, err)
	}
	if _, err := (Study{Templates: 4}).Impostors(t.Context(), 1); err == nil {
		t.Error("nobody is compared with nobody")
	}
}

func TestCorrelation(t *testing.T) {
	c := newCrowd()
	photographs := study(c.people(20, 6, 0))
	webcam := study(slices.Clone(photographs.People))
	for i, p := range webcam.People {
		webcam.People[i].Pictures = slices.Repeat(p.Pictures[:1], 4)
	}
	a, err := photographs.Correlation()
	b, err2 := webcam.Correlation()
	if err != nil || err2 != nil || math.Abs(b-1) > 1e-3 || a < 0.4 || a > 0.9 {
		t.Errorf("photographs %v, one picture again and again %v", a, b)
	}
}

func TestWrite(t *testing.T) {
	var out strings.Builder
	o := Outcome{Way: "one frame", FPIR: Rate{Rate: 0.001, People: 1234, Decisions: 5678}}
	if err := Write(&out, Result{Plan: Plan{Alike: true, Enrolled: 1000}, Templates: 4, Ways: []Outcome{o}}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"alike", "1,000", "up to 4", "one frame", "0.10 %", "1,234 people, 5,678 tries", "nobody tried"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}
