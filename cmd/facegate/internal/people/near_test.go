package people_test

import (
	"errors"
	mathrand "math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/people"
	"facegate/configs/hint"
	"facegate/configs/law"
	"facegate/configs/passage"
	"facegate/pipeline/embed"
	"facegate/pipeline/match"
	"facegate/pipeline/template"
	"facegate/store"
	"facegate/store/audit"
)

// A near is a gate with three people whose faces have nothing in common, under keys that are always the same: how alike two faces
// are is estimated, and differs with the key.
type near struct {
	*people.Register
	store *store.Store
	terms people.Terms
	now   time.Time
}

// The faces of people who are enrolled, and how near others are to the first of them.
const (
	ann, ben, cho = 1, 2, 3

	twiceAt = 0.95 // it is the first
)

// alikeAnn returns a face that a gate can neither tell from that of the first nor take for it.
func (n *near) alikeAnn(t *testing.T) embed.Vector {
	t.Helper()
	threshold, err := n.terms.Calibration.Threshold(1, 50, n.terms.FPIR)
	if err != nil {
		t.Fatal(err)
	}
	return like(face(ann), threshold+match.Confident/2, 9)
}

func openNear(t *testing.T, edit func(*people.Terms)) *near {
	t.Helper()
	site := gatetest.NewSite(t).FixKey(t)
	n := &near{terms: gatetest.Terms(t, 0.001), now: time.Now()}
	n.store = openStoreAt(t, site, mathrand.NewChaCha8([32]byte{7}), func() time.Time { return n.now })
	n.terms.Profile.WhenAlike, n.terms.Profile.Passes, n.terms.Profile.MinorsAllowed = law.SecondFactor, true, true
	n.terms.Ways = []passage.Way{passage.Card, passage.QR}
	if edit != nil {
		edit(&n.terms)
	}
	n.Register = openRegister(t, n.store, n.terms)
	for i, label := range []string{"Ann", "Ben", "Cho"} {
		n.enrol(t, request(label), face(uint64(i+1)))
	}
	return n
}

func (n *near) enrol(t *testing.T, q people.EnrolRequest, v embed.Vector) people.Enrolled {
	t.Helper()
	e, err := n.Enrol(q, slices.Clone(v))
	if err != nil {
		t.Fatalf("%s: %v (%s)", q.Label, err, hint.Of(err))
	}
	return e
}

// half reports whether a face is taken for somebody, and whether it opens the door together with something else alone.
func (n *near) half(t *testing.T, v embed.Vector) bool {
	t.Helper()
	a := n.Matcher().Match(v, n.now)
	if !a.OK || a.Score < a.Threshold {
		t.Errorf("a face is taken for nobody: %+v", a)
	}
	return a.Half
}

// seconds are those on the list whose face opens nothing alone, and why.
func (n *near) seconds(t *testing.T) map[string]people.Second {
	t.Helper()
	list, err := n.As(audit.Daemon).People(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]people.Second{}
	for _, p := range list {
		if p.Second != "" {
			all[p.Label] = p.Second
		}
	}
	return all
}

// TestAlikeRefused checks that whoever is near to somebody is told the truth, and of the other ways in, where that is what is done.
func TestAlikeRefused(t *testing.T) {
	for _, tt := range []struct {
		when law.WhenAlike
		age  string
	}{{law.RefuseAlike, "adult"}, {law.RefuseAlike, "minor"}, {law.WarnAlike, "minor"}} {
		n := openNear(t, func(c *people.Terms) { c.Profile.WhenAlike = tt.when })
		q := request("Dee")
		q.Age = tt.age
		_, err := n.Enrol(q, n.alikeAnn(t))
		if !errors.Is(err, people.ErrAlike) || !strings.Contains(hint.Of(err), "a card or a QR pass") || len(n.seconds(t)) != 0 || n.Len() != 3 {
			t.Errorf("%s, %s: %v (%s), %v", tt.when, tt.age, err, hint.Of(err), n.seconds(t))
		}
		if strings.Contains(err.Error()+hint.Of(err), "Ann") {
			t.Errorf("it is told whose face it is near to: %v (%s)", err, hint.Of(err))
		}
	}
}

// TestAlikeWarned checks that an adult is enrolled as any other, with a warning, where that is what is done.
func TestAlikeWarned(t *testing.T) {
	n := openNear(t, func(c *people.Terms) { c.Profile.WhenAlike = law.WarnAlike })
	v := n.alikeAnn(t)
	if e := n.enrol(t, request("Dee"), v); e.Warned == "" || e.Second != "" || strings.Contains(e.Warned, "Ann") {
		t.Errorf("enrolled: %+v", e)
	}
	if e := n.enrol(t, request("Eli"), face(20)); e.Warned != "" {
		t.Errorf("of somebody who is near to nobody is warned: %+v", e)
	}
	if n.half(t, v) || n.half(t, face(ann)) || len(n.seconds(t)) != 0 {
		t.Errorf("somebody is asked for more: %v", n.seconds(t))
	}
}

// TestAlikeIsAskedForMore checks that whoever is near to somebody is enrolled with a mark, which the other gets as well, on another
// day, and that a capture judges anew.
func TestAlikeIsAskedForMore(t *testing.T) {
	n := openNear(t, nil)
	v := n.alikeAnn(t)
	q := request("Dee")
	e := n.enrol(t, q, v)
	if e.Second != people.SecondNear || e.Warned != "" || e.Pass != (template.Token{}) {
		t.Errorf("enrolled: %+v", e)
	}
	mark := map[string]people.Second{"Dee": people.SecondNear}
	if got := n.seconds(t); !n.half(t, v) || n.half(t, face(ann)) || len(got) != 1 || got["Dee"] != mark["Dee"] {
		t.Errorf("on the day the marks are %v", got)
	}
	if f, err := n.As(audit.Daemon).Show(t.Context(), "Ann"); err != nil || f.Second != "" || len(f.Entries) != 1 {
		t.Errorf("on the day the other is told %+v, %v", f, err)
	}
	n.now = n.now.AddDate(0, 0, 7)
	if got := n.seconds(t); !n.half(t, v) || !n.half(t, face(ann)) || n.half(t, face(ben)) || len(got) != 2 || got["Ann"] != people.SecondNear {
		t.Errorf("a week later the marks are %v", got)
	}
	n.Register = openRegister(t, n.store, n.terms)
	if !n.half(t, v) || !n.half(t, face(ann)) || n.half(t, face(ben)) {
		t.Error("after a start somebody is not asked for more, or another one is")
	}
	if _, err := n.As(audit.Daemon).Erase(t.Context(), people.Who{Label: "Dee"}, audit.Requested); err != nil {
		t.Fatal(err)
	}
	if !n.half(t, face(ann)) { // that nobody is near any more is found out by a capture
		t.Error("the mark is gone with an erasure, so that it is kept who was near to whom")
	}
	if e := n.enrol(t, again("Ann"), like(face(ann), 0.97, 5)); e.Second != "" || n.half(t, face(ann)) || len(n.seconds(t)) != 0 {
		t.Errorf("captured again: %+v, the marks are %v", e, n.seconds(t))
	}
	n.enrol(t, q, v)
	n.now = n.now.AddDate(0, 0, 7)
	if e := n.enrol(t, again("Ann"), like(face(ann), 0.97, 6)); e.Second != people.SecondNear || !n.half(t, face(ann)) {
		t.Errorf("captured again, near to somebody: %+v", e)
	}
}

// TestAlikeGetsAPass checks that a pass is drawn for whoever turns out to need one, where there is something to draw it on.
func TestAlikeGetsAPass(t *testing.T) {
	n := openNear(t, nil)
	v := n.alikeAnn(t)
	q := request("Dee")
	q.PassIfNeeded = true
	e := n.enrol(t, q, v)
	if e.Pass == (template.Token{}) || e.Second != people.SecondNear {
		t.Fatalf("enrolled: %+v", e)
	}
	if a := mustClaim(t, n.Register, e.Pass).Match(v, n.now); !a.OK || a.Score < a.Threshold || !a.Half {
		t.Errorf("with the pass: %+v", a)
	}
	q = again("Dee")
	q.PassIfNeeded = true
	if e := n.enrol(t, q, v); e.Pass != (template.Token{}) || e.Second != people.SecondNear {
		t.Errorf("captured again, with a pass: %+v", e)
	}
	q = request("Eli")
	q.PassIfNeeded = true
	if e := n.enrol(t, q, face(20)); e.Pass != (template.Token{}) {
		t.Error("somebody who is near to nobody got a pass")
	}
}

// TestTwice checks that one person does not get two labels, whatever is done about faces that are alike.
func TestTwice(t *testing.T) {
	for _, when := range []law.WhenAlike{law.RefuseAlike, law.SecondFactor, law.WarnAlike} {
		n := openNear(t, func(c *people.Terms) { c.Profile.WhenAlike = when })
		_, err := n.Enrol(request("Dee"), like(face(ann), twiceAt, 9))
		if !errors.Is(err, people.ErrTwice) || !strings.Contains(hint.Of(err), "twins") || len(n.seconds(t)) != 0 {
			t.Errorf("%s: %v (%s), %v", when, err, hint.Of(err), n.seconds(t))
		}
	}
}

// TestUnder14 checks that of a child there is no template in which strangers are searched for, and that the child's own pass opens
// it, and counts for half.
func TestUnder14(t *testing.T) {
	n := openNear(t, nil)
	child := request("Kid")
	child.Age, child.Guardian = "under-14", "Li Na"
	v := face(30)
	e := n.enrol(t, child, v)
	if e.Second != people.SecondAge || e.Pass == (template.Token{}) || n.Len() != 4 {
		t.Fatalf("enrolled: %+v, of %d", e, n.Len())
	}
	for range 2 {
		if a := n.Matcher().Match(v, n.now); a.OK && a.Score >= a.Threshold {
			t.Errorf("without a pass: %+v", a)
		}
		if a := mustClaim(t, n.Register, e.Pass).Match(v, n.now); !a.OK || a.Score < a.Threshold || !a.Half {
			t.Errorf("with the pass: %+v", a)
		}
		if a := mustClaim(t, n.Register, e.Pass).Match(face(31), n.now); a.OK && a.Score >= a.Threshold {
			t.Errorf("with the pass, another face: %+v", a)
		}
		n.Register = openRegister(t, n.store, n.terms)
	}
	if f, err := n.As(audit.Daemon).Show(t.Context(), "Kid"); err != nil || f.Scheme != "S2" || f.Second != people.SecondAge || f.Agreed.Age != "under-14" {
		t.Errorf("shown: %+v, %v", f, err)
	}
	if idle, err := n.Idle(); idle != 0 || err != nil {
		t.Errorf("%d people do not match, %v", idle, err)
	}
	// A child is compared with nobody, and nobody with a child.
	if e := n.enrol(t, request("Eli"), like(v, 0.6, 4)); e.Second != "" || e.Warned != "" {
		t.Errorf("somebody like a child: %+v", e)
	}
	if !e.Expires.Before(n.now.AddDate(1, 0, 1)) {
		t.Errorf("a child is enrolled until %v", e.Expires)
	}
	if _, err := n.As(audit.Daemon).Erase(t.Context(), people.Who{Label: "Eli"}, audit.Requested); err != nil {
		t.Fatal(err)
	}
	// A birthday changes nothing until the next capture, which makes a template in which is searched.
	n.now = n.now.AddDate(0, 5, 0)
	if a := mustClaim(t, n.Register, e.Pass).Match(v, n.now); !a.Half {
		t.Errorf("months later: %+v", a)
	}
	older := again("Kid")
	older.Age, older.FormerPass = "minor", e.Pass.Text()
	if e := n.enrol(t, older, v); e.Second != "" || n.half(t, v) {
		t.Errorf("at 14: %+v", e)
	}
	if _, err := n.As(audit.Daemon).Erase(t.Context(), people.Who{Label: "Kid"}, audit.Requested); err != nil || n.Len() != 3 {
		t.Errorf("erased: %v, %d are left", err, n.Len())
	}
}

// TestUnder18 checks that the face of somebody of 14 to 17 has to reach the strictest threshold, until the next capture.
func TestUnder18(t *testing.T) {
	n := openNear(t, nil)
	q := request("Teen")
	q.Age = "minor"
	e := n.enrol(t, q, face(40))
	if e.Second != "" || !e.Expires.Before(n.now.AddDate(1, 0, 1)) {
		t.Errorf("enrolled: %+v", e)
	}
	strictest, err := n.terms.Calibration.Threshold(1, n.terms.Calibration.MaxEnrolled(1, n.terms.FPIR), n.terms.FPIR)
	if err != nil {
		t.Fatal(err)
	}
	teen, adult := n.Matcher().Match(face(40), n.now), n.Matcher().Match(face(ben), n.now)
	if teen.Threshold-teen.Raise != strictest || adult.Threshold-adult.Raise >= strictest || teen.Half {
		t.Errorf("the strictest threshold is %v, that of 14 to 17 %+v, of an adult %+v", strictest, teen, adult)
	}
	q = again("Teen")
	n.enrol(t, q, face(40))
	if a := n.Matcher().Match(face(40), n.now); a.Threshold-a.Raise >= strictest {
		t.Errorf("at 18: %+v", a)
	}
}

// TestYoungForAYear checks that a longer term is that of adults alone.
func TestYoungForAYear(t *testing.T) {
	const year = 365 * 24 * time.Hour
	n := openNear(t, func(c *people.Terms) { c.Profile.RetentionMax, c.Profile.YoungMax = 3*year, year })
	seed := uint64(50)
	for age, years := range map[string]int{"adult": 3, "minor": 1, "under-14": 1} {
		seed++
		q := request("Some " + age)
		q.Age = age
		if age == "under-14" {
			q.Guardian = "Li Na"
		}
		e := n.enrol(t, q, face(seed))
		if left := e.Expires.Sub(n.now); left > time.Duration(years)*year || left < time.Duration(years)*year-24*time.Hour {
			t.Errorf("%s: until %v", age, e.Expires)
		}
	}
}
