package bypeople

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"facegate/configs/goldentest"
	"facegate/pipeline/evaluate"
)

// crowded returns 30 people of two pictures in a group whose scores are higher by shift, 30 in another, and five in none.
func crowded(t testing.TB, shift float64) (*Scores, []string) {
	samples := samplesOf(slices.Repeat([]int{2}, 65)...)
	rng := rand.New(rand.NewPCG(8, 8))
	name := func(person int) string { return []string{"alike", "mixed", ""}[person/30] }
	s := compare(t, samples, symmetric(len(samples), func(i, j int) float64 {
		a, b := samples[i].Subject, samples[j].Subject
		score := 0.1 * rng.NormFloat64()
		if a == b {
			return 0.6 + score
		}
		if name(a) == "alike" && name(b) == "alike" {
			return shift + score
		}
		return score
	}))
	var group []string
	for _, x := range samples {
		group = append(group, name(x.Subject))
	}
	return s, group
}

func groupsOf(t testing.TB, s *Scores, group []string, gate ...Gate) *GroupReport {
	t.Helper()
	r, err := s.Report(1, gate)
	if err != nil {
		t.Fatal(err)
	}
	return s.Groups(r, group, 1)
}

// TestGroupsTwin counts within and across groups by a loop over all events.
func TestGroupsTwin(t *testing.T) {
	const at = 0.1875
	s, group := crowded(t, 0.1)
	g := groupsOf(t, s, group, Gate{50, at})
	p := g.Points[slices.IndexFunc(g.Points, func(p GroupPoint) bool { return p.Enrolled == 50 })]
	matched := map[string]float64{}
	for _, e := range s.Tail {
		if float64(e.Score) >= at {
			a, b := group[e.Probe], group[e.Enrolled]
			switch {
			case a == "" || b == "":
				matched["with nobody's"]++
			case a != b:
				matched["across"]++
			default:
				matched[a]++
			}
		}
	}
	near(t, "FMR of alike", p.Within[0].FMR.Value, matched["alike"]/4/435, 1e-9)
	near(t, "FMR of mixed", p.Within[1].FMR.Value, matched["mixed"]/4/435, 1e-9)
	near(t, "FMR across", p.Across.Value, matched["across"]/4/900, 1e-9)
	all := matched["alike"] + matched["mixed"] + matched["across"] + matched["with nobody's"]
	near(t, "FMR overall", p.Overall.FMR.Value, all/4/2080, 1e-9)
	near(t, "ratio", p.Within[0].FMRRatio.Value, matched["alike"]/435*2080/all, 1e-6)
	if p.WorstFMR == nil || p.WorstFMR.Group != "alike" || p.WorstFMR.Ratio.Interval.Low < 1.5 {
		t.Errorf("the worst is %+v", p.WorstFMR)
	}
	if g.Ungrouped != 5 {
		t.Errorf("%d people are in no group", g.Ungrouped)
	}
	if diff := cmp.Diff([]Group{{"alike", 30, 30, 435}, {"mixed", 30, 30, 435}}, g.Groups); diff != "" {
		t.Error(diff)
	}
}

// TestGroupsOfNoDifference: names alone make nobody worse.
func TestGroupsOfNoDifference(t *testing.T) {
	s, group := crowded(t, 0)
	g := groupsOf(t, s, group, Gate{50, 0.1875})
	for _, p := range g.Points {
		for i, within := range p.Within {
			if r := within.FMRRatio; p.Enrolled == 50 && (r.Interval == nil || r.Interval.Low > 1 || r.Interval.High < 1) {
				t.Errorf("%s is %+v of the overall rate", g.Groups[i].Name, r)
			}
		}
	}
}

// TestSmallGroups are shown, and not compared.
func TestSmallGroups(t *testing.T) {
	s, group := crowded(t, 0.1)
	for i := range group {
		if group[i] == "alike" && i >= 2*(FewPeople-1) {
			group[i] = ""
		}
	}
	group[len(group)-1], group[len(group)-2] = "lonely", "lonely"
	g := groupsOf(t, s, group, Gate{50, 0.1875})
	for _, p := range g.Points {
		for _, w := range []*Worst{p.WorstFMR, p.WorstFNMR} {
			if w != nil && w.Group != "mixed" {
				t.Errorf("a group of %d people is compared: %+v", FewPeople-1, w)
			}
		}
		if lonely := p.Within[1].FMR; lonely.Of != 0 || lonely.Interval != nil && lonely.Interval.High < 1 {
			t.Errorf("one person has false matches among themselves: %+v", lonely)
		}
	}
	var out bytes.Buffer
	if err := WriteGroups(&out, g); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"15 people are in no group", "alike has 19 people", "lonely has 1 people", "none"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not said:\n%s", want, &out)
		}
	}
}

// TestText holds the whole report, as text and as JSON.
func TestText(t *testing.T) {
	s, group := crowded(t, 0.05)
	r, err := s.Report(1, []Gate{{50, 0.3125}, {2000, 0.5}})
	if err != nil {
		t.Fatal(err)
	}
	r.Name = "stored hash, 1024 bits"
	plain := *r
	plain.Name, plain.Gate = "plain cosine", nil
	g := s.Groups(r, group, 1)
	samples := slices.Concat(samplesOf(slices.Repeat([]int{3}, 20)...), singles(30))
	m := likeness(3, samples)
	o, err := evaluate.Search(t.Context(), samples, m, nil)
	if err != nil {
		t.Fatal(err)
	}
	x := Identify(samples, o, 0.1, 1)
	var out bytes.Buffer
	for _, err := range []error{Write(&out, &plain, r), WriteIdentifications(&out, x), WriteGroups(&out, g), Write(&out), WriteGroups(&out)} {
		if err != nil {
			t.Fatal(err)
		}
		out.WriteString("\n")
	}
	goldentest.Check(t, "report.txt", out.String())
	goldentest.CheckJSON(t, "report.json", map[string]any{"verification": r, "identification": x, "groups": g})
}

func singles(n int) []evaluate.Sample {
	var samples []evaluate.Sample
	for i := range n {
		samples = append(samples, evaluate.Sample{Subject: 1000 + i, Picture: fmt.Sprintf("s%03d/01.jpg", i)})
	}
	return samples
}

func TestNotKnown(t *testing.T) {
	p := Point{Measurable: true, Threshold: Figure{Value: 0.5}, FMR: Rate{Figure: Figure{Value: 0.1}}, FNMR: Rate{Figure: Figure{Value: 0.1}}}
	var out bytes.Buffer
	err := Write(&out, &Report{Name: "x", PairsOfPeople: 10, DPrime: Figure{Value: math.Pi}, Points: []Point{p}, Gate: []Point{p}})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(out.String(), "not known") != 5 {
		t.Errorf("intervals that are not known are told as:\n%s", &out)
	}
}
