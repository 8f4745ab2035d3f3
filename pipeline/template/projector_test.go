package template_test

import (
	"math"
	"slices"
	"testing"

	"facegate/pipeline/embed"
	"facegate/pipeline/template"
	"facegate/pipeline/template/templatetest"
)

func newProjector(tb testing.TB, dim int, mean template.Mean) *template.Projector {
	tb.Helper()
	var keys [template.Lanes][32]byte
	for lane := range keys {
		keys[lane] = templatetest.Key("lane", lane)
	}
	j, err := template.NewProjector(keys, dim, mean)
	if err != nil {
		tb.Fatal(err)
	}
	return j
}

func TestCenter(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	tests := []struct {
		name string
		v    embed.Vector
		mu   template.Mean
		want embed.Vector // nil if refused
	}{
		{"no mean", embed.Vector{3, 4}, nil, embed.Vector{0.6, 0.8}},
		{"mean", embed.Vector{0, 2}, template.Mean{-1, 1}, embed.Vector{1, 0}},
		{"zero", embed.Vector{0, 0}, nil, nil},
		{"not a number", embed.Vector{nan, 1}, nil, nil},
		{"infinite", embed.Vector{inf, 1}, nil, nil},
		{"at the mean", embed.Vector{0, 5}, template.Mean{0, 1}, nil},
		{"mean of another length", embed.Vector{0, 5}, template.Mean{0, 1, 0}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ok := template.Center(tt.v, tt.mu)
			if ok != (tt.want != nil) {
				t.Fatalf("reported %v", ok)
			}
			for i := range tt.want {
				if math.Abs(float64(tt.v[i]-tt.want[i])) > 1e-6 {
					t.Fatalf("got %v, want %v", tt.v, tt.want)
				}
			}
		})
	}
}

func TestLaneSet(t *testing.T) {
	s := template.LaneSetOf(7, 0, 3)
	if got := slices.Collect(s.All); !slices.Equal(got, []uint8{0, 3, 7}) {
		t.Errorf("lanes %v", got)
	}
	if !s.Has(3) || s.Has(4) {
		t.Error("Has is wrong")
	}
	if n := len(slices.Collect(template.AllLanes.All)); n != template.Lanes {
		t.Errorf("AllLanes has %d lanes", n)
	}
	for range s.All {
		break // must not go on to call a function that has returned false
	}
}

func TestProjectAgreesWithProtect(t *testing.T) {
	j := newProjector(t, 512, randomMean(512))
	x := randomUnit(newRand(3), 512)
	var p template.Probe
	if !j.Project(&p, slices.Clone(x), template.LaneSetOf(1, 6)) {
		t.Fatal("refused")
	}
	if p.Lanes() != template.LaneSetOf(1, 6) {
		t.Errorf("lanes %b", p.Lanes())
	}
	for lane := range p.Lanes().All {
		c, ok := j.Protect(slices.Clone(x), lane)
		if !ok || c != *p.Code(lane) {
			t.Errorf("lane %d: Protect and Project differ", lane)
		}
		if got := p.Estimate(lane, &c); math.Abs(got-1) > 0.05 {
			t.Errorf("lane %d: %v to itself", lane, got)
		}
		other, _ := j.Protect(slices.Clone(x), 7-lane)
		if got := p.Estimate(lane, &other); math.Abs(got) > 0.15 {
			t.Errorf("lane %d: %v to its code of lane %d", lane, got, 7-lane)
		}
	}
	if p.Clear(); p != (template.Probe{}) {
		t.Error("Clear left something")
	}
}

func TestEmbeddingsEndInTheProjector(t *testing.T) {
	j := newProjector(t, 128, nil)
	zero := make(embed.Vector, 128)
	var p template.Probe
	v := randomUnit(newRand(1), 128)
	if !j.Project(&p, v, template.AllLanes) || !slices.Equal(v, zero) {
		t.Error("Project left the embedding")
	}
	v = randomUnit(newRand(1), 128)
	if _, ok := j.Protect(v, 0); !ok || !slices.Equal(v, zero) {
		t.Error("Protect left the embedding")
	}
}

func TestProjectorRefuses(t *testing.T) {
	j := newProjector(t, 128, nil)
	var p template.Probe
	for name, v := range map[string]embed.Vector{
		"zero":      make(embed.Vector, 128),
		"too short": randomUnit(newRand(1), 127),
		"too long":  randomUnit(newRand(1), 129),
		"nil":       nil,
	} {
		j.Project(&p, randomUnit(newRand(1), 128), template.AllLanes)
		if j.Project(&p, slices.Clone(v), template.AllLanes) || p != (template.Probe{}) {
			t.Errorf("%s: Project accepted it or left the probe before", name)
		}
		if _, ok := j.Protect(slices.Clone(v), 0); ok {
			t.Errorf("%s: Protect accepted it", name)
		}
	}
	if _, err := template.NewProjector([template.Lanes][32]byte{}, 128, make(template.Mean, 64)); err == nil {
		t.Error("a mean of another length was accepted")
	}
}

func randomMean(dim int) template.Mean {
	mu := template.Mean(randomUnit(newRand(9), dim))
	for i := range mu {
		mu[i] *= 0.2
	}
	return mu
}

func BenchmarkProject(b *testing.B) {
	j := newProjector(b, 512, randomMean(512))
	x, v := randomUnit(newRand(1), 512), make(embed.Vector, 512)
	p := new(template.Probe)
	for b.Loop() {
		copy(v, x)
		j.Project(p, v, template.AllLanes)
	}
}
