package match

import (
	"slices"
	"testing"
	"time"

	"facegate/pipeline/embed"
	"facegate/pipeline/template"
)

func anyFace(dim int) embed.Vector {
	v := make(embed.Vector, dim)
	for i := range v {
		v[i] = float32(i%7) - 3
	}
	v.Normalize()
	return v
}

// mustBeZero checks that nothing is left in all of the memory of v.
func mustBeZero(t *testing.T, what string, v embed.Vector) {
	t.Helper()
	if cap(v) == 0 {
		t.Fatalf("%s was never used", what)
	}
	if slices.ContainsFunc(v[:cap(v)], func(x float32) bool { return x != 0 }) {
		t.Errorf("of the face something is left in %s", what)
	}
}

// TestNothingIsLeftOfASearch looks into the memory of a matcher after each search.
func TestNothingIsLeftOfASearch(t *testing.T) {
	const dim = 128
	e, err := NewEpochs(1, func(epoch uint32) (*template.Projector, error) {
		return template.NewProjector([template.Lanes][32]byte{{byte(epoch)}}, dim, nil)
	})
	if err != nil {
		t.Fatal(err)
	}
	for epoch := range uint32(2) {
		if err := e.Add(template.Record{ID: template.RecordID{byte(epoch)}, Person: template.PersonID{byte(epoch)}, Epoch: epoch}); err != nil {
			t.Fatal(err)
		}
	}
	for _, length := range []int{dim, dim + 5, dim - 5, dim} {
		found := e.Search(anyFace(length))
		if found.OK != (length == dim) {
			t.Fatalf("of a face of length %d it says %+v", length, found)
		}
		mustBeZero(t, "the copy", e.spare)
		if e.probe != (template.Probe{}) {
			t.Error("the probe is left")
		}
	}
}

// TestNothingIsLeftOfAClaim looks into the memory of a matcher after each comparison, and after its end.
func TestNothingIsLeftOfAClaim(t *testing.T) {
	const dim = 128
	j, err := template.NewLaneProjector([32]byte{1}, dim, nil)
	if err != nil {
		t.Fatal(err)
	}
	code, _ := j.Protect(anyFace(dim))
	m := Claim(template.PersonID{1}, code, j, Rules{
		Threshold: func(int) (float64, error) { return 0.4, nil },
		Barred:    func(template.PersonID, time.Time) bool { return false },
	})
	if a := m.Match(anyFace(dim), time.Time{}); !a.OK || a.Score < 0.9 {
		t.Fatalf("of the person it says %+v", a)
	}
	mustBeZero(t, "the copy", m.spare)
	m.Close()
	m.Close()
	if m.Match(anyFace(dim), time.Time{}).OK {
		t.Error("a claim matches after its end")
	}
	mustBeZero(t, "the copy", m.spare)
	if m.code != (template.Code{}) {
		t.Error("the Code is left")
	}
}
