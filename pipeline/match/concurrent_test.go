package match_test

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"facegate/pipeline/match"
	"facegate/pipeline/template"
)

func TestConcurrentUse(t *testing.T) {
	j := newProjector(t)
	rnd := rand.New(rand.NewPCG(4, 4))
	face := near(rnd, nil, 0)
	code, _ := j.Protect(slices.Clone(face), 0)
	var x match.Index
	x.Add(template.Record{ID: recordID(0), Person: personID(0), Code: code})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			var p template.Probe
			j.Project(&p, slices.Clone(face), template.AllLanes)
			for range 200 {
				if r := x.Search(&p); r.Best != personID(0) || r.Score < 0.9 {
					t.Errorf("got %+v", r)
				}
			}
		})
	}
	for i := range 200 {
		x.Add(template.Record{ID: recordID(i + 1), Person: personID(i + 1), Lane: uint8(i % template.Lanes)})
		if i%3 == 0 {
			x.RemovePerson(personID(i + 1))
		}
	}
	wg.Wait()
}
