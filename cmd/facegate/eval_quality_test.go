package main

import (
	"testing"

	"facegate/cmd/facegate/internal/gatetest"
)

// TestEvalQuality measures the limits on people who do not exist. One of them is made worse, step by step.
func TestEvalQuality(t *testing.T) {
	folder, dir := gatetest.Testdata(t, "people"), gatetest.Models(t)
	p := facegate(t.Context(), "eval", "quality", folder, "--people", "1", "--models", dir, "--json")
	if p.code != exitOK {
		t.Fatal(p.err)
	}
	var r qualityResult
	unmarshal(t, p.out, &r)
	steps, changes := map[string]int{}, 0
	for _, s := range r.Steps {
		if steps[s.Change]++; s.Change == "" {
			if s.Missed.People != 4 || s.Missed.Rate > 0.1 || s.Confused.Compared != 4*qualityPictures*3 {
				t.Errorf("as taken: %+v", s)
			}
			continue
		}
		changes++
		if n := s.Lost.Pictures; n != 1 {
			t.Errorf("%s by %g: %d pictures", s.Change, s.Level, n)
		}
		// Pictures that are hardly made worse are recognised, and hopeless ones are not.
		if first, last := steps[s.Change] == 1, s.Change == "blur" && s.Level == 4; first && s.Missed.Rate > 0 || last && s.Missed.Rate < 1 {
			t.Errorf("%s by %g: FNMR %v", s.Change, s.Level, s.Missed)
		}
	}
	if changes < 30 || len(r.Curves) != 8 {
		t.Errorf("%d steps of changes, %d curves", changes, len(r.Curves))
	}
	facegate(t.Context(), "eval", "quality", t.TempDir(), "--models", dir).want(t, exitFailed, "", "to do: lay them out as")
}
