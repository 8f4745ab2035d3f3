package daemon

import (
	"strings"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/people"
	"facegate/configs"
	"facegate/configs/law"
	"facegate/pipeline/models"
	"facegate/pipeline/template"
	"facegate/store"
	"facegate/store/clock/clocktest"
	"facegate/store/storetest"
)

// TestFiling fills a gate that has to file at five people, and lets time pass.
func TestFiling(t *testing.T) {
	now := storetest.Now()
	o := storetest.Options(t.TempDir())
	o.Clock, o.FilingAt = clocktest.Right(func() time.Time { return now }), 5
	s, err := store.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	d := &Daemon{config: gatetest.NewSite(t).Config(t, nil), store: s, keys: storetest.Key{}}
	p := law.Profile{FilingAt: 5, FilingWarnAt: 4}
	d.register = people.Stopped(s, people.Terms{Profile: p})
	for n, label := range []string{"one", "two", "three", "four", "five", "six"} {
		c := storetest.Consent()
		if n == 1 {
			c.AgeBand, c.Guardian = store.Child, "Zhang Min"
		}
		if _, err := s.Enrol(store.Enrolment{Label: label, Consent: c, Expires: c.Expires, Made: template.Made{Scheme: template.SchemeS1, Epoch: 1}}); err != nil {
			t.Fatal(err)
		}
		f := d.filing(p, d.register.Epoch())
		advice := ""
		switch {
		case n >= 4:
			advice = "5 persons were reached on 2026-03-05: file by 2026-04-16"
		case n == 3:
			advice = "within 30 working days"
		}
		if f.People != n+1 || f.Codes != n+1 || f.Children != min(n, 1) || f.Reached.IsZero() != (n < 4) || len(f.Measures) == 0 {
			t.Errorf("with %d people: %+v", n+1, f)
		}
		if (f.Advice == "") != (n < 3) || !strings.Contains(f.Advice, advice) {
			t.Errorf("with %d people it says %q, want %q", n+1, f.Advice, advice)
		}
		now = now.Add(24 * time.Hour)
	}
}

// TestBasis checks that whatever an assessment is about makes another basis, and nothing else does.
func TestBasis(t *testing.T) {
	base := func() (*configs.Config, models.Bundle) {
		return gatetest.NewSite(t).Config(t, nil), models.Bundle{
			Name: "a", Detector: weights("d"), Embedder: weights("e"), Liveness: []models.Model{weights("l")},
		}
	}
	hash := func(edit func(*configs.Config, *models.Bundle)) [32]byte {
		t.Helper()
		c, b := base()
		edit(c, &b)
		h, err := basisOf(c, b).Hash()
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	seen := map[[32]byte]string{hash(func(*configs.Config, *models.Bundle) {}): "nothing"}
	for name, edit := range map[string]func(*configs.Config, *models.Bundle){
		"detector":         func(_ *configs.Config, b *models.Bundle) { b.Detector = weights("x") },
		"embedder":         func(_ *configs.Config, b *models.Bundle) { b.Embedder = weights("x") },
		"liveness":         func(_ *configs.Config, b *models.Bundle) { b.Liveness[0] = weights("x") },
		"landmarks":        func(_ *configs.Config, b *models.Bundle) { l := weights("x"); b.Landmarks = &l },
		"mode":             func(c *configs.Config, _ *models.Bundle) { c.Match.Mode = law.OneToOne },
		"purpose":          func(c *configs.Config, _ *models.Bundle) { c.Notice.EN.Purpose += " x" },
		"purpose, Chinese": func(c *configs.Config, _ *models.Bundle) { c.Notice.ZH.Purpose += " x" },
	} {
		h := hash(edit)
		if other, ok := seen[h]; ok {
			t.Errorf("another %s makes the basis of another %s", name, other)
		}
		seen[h] = name
	}
	if _, ok := seen[hash(func(c *configs.Config, b *models.Bundle) { b.Name, c.Match.FPIR = "b", 0.01 })]; !ok {
		t.Error("a name or a threshold makes another basis")
	}
}

// weights is a network that is known by a name.
func weights(name string) models.Model { return models.Model{Files: []models.File{{SHA256: name}}} }
