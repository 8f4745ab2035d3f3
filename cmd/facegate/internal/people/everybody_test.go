package people_test

import (
	"crypto/rand"
	"fmt"
	"math"
	mathrand "math/rand/v2"
	"testing"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/people"
	"facegate/pipeline/embed"
	"facegate/store/audit"
)

// enrolAll enrols faces of as many people, one after the other.
func enrolAll(t *testing.T, g *people.Register, faces ...embed.Vector) {
	t.Helper()
	for _, v := range faces {
		if _, err := g.Enrol(request(fmt.Sprint("person ", g.Len())), v); err != nil {
			t.Fatal(err)
		}
	}
}

// TestThresholdOfFew follows the threshold while people are enrolled and erased. Of one and of two it is 0.08 higher, because
// there is no crowd by which to tell. Three to five tell a part, and leave the rest. From six on it is that of fifty, with the
// raise in it where the face is in a crowd.
func TestThresholdOfFew(t *testing.T) {
	c := gatetest.Terms(t, 0.001)
	plain, err := c.Calibration.Threshold(c.Judged, 50, c.FPIR)
	if err != nil {
		t.Fatal(err)
	}
	g := openRegister(t, openStore(t, gatetest.NewSite(t), rand.Reader), c)
	for n, want := range []float64{1: plain + 0.08, 2: plain + 0.08, 3: plain + 0.08/2, 4: plain + 0.08/3, 5: plain + 0.08/6, 6: plain, 7: plain} {
		if n == 0 {
			continue
		}
		enrolAll(t, g, face(uint64(n)))
		if a := ask(g, face(1)); !a.OK || math.Abs(a.Threshold-a.Raise-want) > 1e-9 || a.Raise < 0 || n < 3 && a.Raise != 0 {
			t.Errorf("of %d people: %+v, want a threshold of %v", n, a, want)
		}
	}
	for n := 6; n > 0; n-- {
		if _, err := g.As(1000).Erase(t.Context(), people.Who{Label: fmt.Sprint("person ", n)}, audit.Withdrawn); err != nil {
			t.Fatal(err)
		}
	}
	if a := ask(g, face(1)); math.Abs(a.Threshold-plain-0.08) > 1e-9 {
		t.Errorf("of who is left: %+v", a)
	}
}

// TestThresholdInACrowd asks of a face with look-alikes around it, who are enrolled one after the other, under fixed keys.
func TestThresholdInACrowd(t *testing.T) {
	c := gatetest.Terms(t, 0.001)
	if c.Calibration.Beta == 0 {
		t.Fatal("the calibration says nothing of crowds")
	}
	g := openRegister(t, openStore(t, gatetest.NewSite(t).FixKey(t), mathrand.NewChaCha8([32]byte{7})), c)
	v := face(1)
	enrolAll(t, g, face(2), face(3), like(v, 1, 4))
	apart, near := ask(g, v), like(v, 0.56, 99)
	if !matches(g, near) {
		t.Errorf("apart from a crowd a face at 0.56 does not match: %+v", ask(g, near).Result)
	}
	for n := range 5 {
		enrolAll(t, g, like(v, 0.4, uint64(10+n)))
	}
	a := ask(g, v)
	excess := 0.4 - c.Calibration.Crowding(8)
	if a.Best != apart.Best || math.Abs(a.Raise-c.Calibration.Beta*excess) > 0.1 || math.Abs(a.Threshold-a.Raise+0.08/2-(apart.Threshold-apart.Raise)) > 1e-9 {
		t.Errorf("in a crowd it says %+v, and apart from it %+v; an excess of %.2f", a, apart, excess)
	}
	if matches(g, near) || !matches(g, v) {
		t.Errorf("in a crowd a face that matched before matches still (%+v), or the person does not", ask(g, near).Result)
	}
}
