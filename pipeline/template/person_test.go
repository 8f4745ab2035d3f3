package template_test

import (
	"math"
	"slices"
	"testing"

	"facegate/pipeline/embed"
	"facegate/pipeline/template"
	"facegate/pipeline/template/templatetest"
)

// eachPersonProjector runs f for the records of both schemes. open makes a projector under the same key each time.
func eachPersonProjector(t *testing.T, f func(t *testing.T, open func(dim int, mean template.Mean) (*template.PersonProjector, error))) {
	keys := newTokenKeys(t, templatetest.Key("device"), newToken(t, templatetest.Key("token")))
	t.Run("token", func(t *testing.T) {
		f(t, func(dim int, mean template.Mean) (*template.PersonProjector, error) {
			return template.NewTokenProjector(keys, dim, mean)
		})
	})
	t.Run("lane", func(t *testing.T) {
		f(t, func(dim int, mean template.Mean) (*template.PersonProjector, error) {
			return template.NewLaneProjector(templatetest.Key("lane", 3), dim, mean)
		})
	})
}

func TestEmbeddingsEndInThePersonProjector(t *testing.T) {
	eachPersonProjector(t, func(t *testing.T, open func(int, template.Mean) (*template.PersonProjector, error)) {
		j, err := open(128, nil)
		if err != nil {
			t.Fatal(err)
		}
		zero := make(embed.Vector, 128)
		v := randomUnit(newRand(1), 128)
		c, ok := j.Protect(v)
		if !ok || !slices.Equal(v, zero) {
			t.Error("Protect left the embedding")
		}
		v = randomUnit(newRand(1), 128)
		if _, ok := j.Verify(v, &c); !ok || !slices.Equal(v, zero) {
			t.Error("Verify left the embedding")
		}
		j.Clear()
		v = randomUnit(newRand(1), 128)
		if score, ok := j.Verify(v, &c); ok && score != 0 {
			t.Errorf("a cleared projector still gives %v", score)
		}
	})
}

func TestPersonProjectorRefuses(t *testing.T) {
	eachPersonProjector(t, func(t *testing.T, open func(int, template.Mean) (*template.PersonProjector, error)) {
		j, err := open(128, nil)
		if err != nil {
			t.Fatal(err)
		}
		zero := make(embed.Vector, 128)
		for name, v := range map[string]embed.Vector{
			"zero": zero, "too short": randomUnit(newRand(1), 127), "too long": randomUnit(newRand(1), 129), "nil": nil,
		} {
			if _, ok := j.Protect(slices.Clone(v)); ok {
				t.Errorf("%s: Protect accepted it", name)
			}
			if score, ok := j.Verify(slices.Clone(v), new(template.Code)); ok || !math.IsInf(score, -1) {
				t.Errorf("%s: Verify gives %v, %v", name, score, ok)
			}
		}
		if _, err := open(128, make(template.Mean, 64)); err == nil {
			t.Error("a mean of another length was accepted")
		}
		if _, err := open(0, nil); err == nil {
			t.Error("no dimensions were accepted")
		}
	})
}

// TestLaneProjectorAgreesWithProjector checks that comparing 1:1 and searching 1:N are one arithmetic.
func TestLaneProjectorAgreesWithProjector(t *testing.T) {
	mean := randomMean(512)
	j := newProjector(t, 512, mean)
	x, y := randomUnit(newRand(3), 512), randomUnit(newRand(4), 512)
	var p template.Probe
	if !j.Project(&p, slices.Clone(y), template.AllLanes) {
		t.Fatal("refused")
	}
	for lane := range template.AllLanes.All {
		one, err := template.NewLaneProjector(templatetest.Key("lane", lane), 512, mean)
		if err != nil {
			t.Fatal(err)
		}
		c, ok := one.Protect(slices.Clone(x))
		if want, _ := j.Protect(slices.Clone(x), lane); !ok || c != want {
			t.Errorf("lane %d: the Codes differ", lane)
		}
		if got, ok := one.Verify(slices.Clone(y), &c); !ok || got != p.Estimate(lane, &c) {
			t.Errorf("lane %d: Verify gives %v, %v", lane, got, ok)
		}
	}
}
