package people_test

import (
	"crypto/rand"
	"errors"
	"slices"
	"testing"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/people"
	"facegate/configs/hint"
)

// TestEnrolIntoGroups checks that somebody is captured into groups that the rules name, that another name is refused before anybody
// stands before the camera, and that a new capture leaves people in their groups.
func TestEnrolIntoGroups(t *testing.T) {
	c := gatetest.Terms(t, 0.001)
	c.Groups = []string{"staff", "visitor"}
	r := openRegister(t, openStore(t, gatetest.NewSite(t), rand.Reader), c)
	q := request("Ada")
	for _, name := range []string{"stafff", "visitor"} {
		q.Groups, q.Ahead = []string{name}, name == "visitor"
		if err := r.Accepts(q); !errors.Is(err, people.ErrGroup) || hint.Of(err) == "" {
			t.Errorf("%s: %v, hint %q", name, err, hint.Of(err))
		}
	}
	q.Groups, q.Ahead = []string{"staff"}, false
	e, err := r.Enrol(q, face(1))
	if err != nil || !slices.Equal(e.Groups, q.Groups) {
		t.Fatalf("%+v, %v", e, err)
	}
	q.Groups, q.Again, q.FaceChanged = nil, true, true
	if e, err = r.Enrol(q, face(2)); err != nil || !slices.Equal(e.Groups, []string{"staff"}) {
		t.Errorf("captured again: %+v, %v", e, err)
	}
	if got := r.Nobody([]string{"cleaners", "staff", "visitor"}); !slices.Equal(got, []string{"cleaners"}) || !slices.Equal(r.Grouped(), []string{"staff"}) {
		t.Errorf("nobody is in %q, and somebody in %q", got, r.Grouped())
	}
}
