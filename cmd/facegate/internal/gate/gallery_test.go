package gate_test

import (
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	mathrand "math/rand/v2"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/gate"
	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/opening"
	"facegate/configs/hint"
	"facegate/pipeline/embed"
	"facegate/store"
	"facegate/store/audit"
	"facegate/store/clock/clocktest"
)

func openStore(t *testing.T, site gatetest.Site, rand io.Reader) *store.Store {
	t.Helper()
	return openStoreAt(t, site, rand, time.Now)
}

func openStoreAt(t *testing.T, site gatetest.Site, rand io.Reader, now func() time.Time) *store.Store {
	t.Helper()
	o, err := opening.Options(lab(t), store.KeyFile(site.Path("device.key")), clocktest.Right(now), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	o.Dir, o.KeyDir, o.Rand = site.State(), site.Keyrings(), rand
	s, err := store.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func openGallery(t *testing.T, s *store.Store, c gate.GalleryConfig) *gate.Gallery {
	t.Helper()
	g, err := gate.OpenGallery(s, c)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// face returns an embedding of nobody, the same for the same seed.
func face(seed uint64) embed.Vector {
	r := mathrand.New(mathrand.NewPCG(seed, 0))
	v := make(embed.Vector, 512)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	v.Normalize()
	return v
}

func matches(g *gate.Gallery, v embed.Vector) bool {
	_, score, _, threshold, ok := g.Match(v)
	return ok && score >= threshold
}

// TestSmallCalibration checks that a calibration of few comparisons serves as many people as it covers, fewer than
// thresholds are usually set for, and that one that covers nobody is refused.
func TestSmallCalibration(t *testing.T) {
	c := galleryConfig(t, 0, time.Now)
	strictest := c.Calibration.Points[len(c.Calibration.Points)-1].FMR
	s := openStore(t, gatetest.NewSite(t), rand.Reader)

	c.FPIR = 1.5 * strictest
	g := openGallery(t, s, c)
	if _, err := g.Enrol(request("one"), face(1)); err != nil {
		t.Fatal(err)
	}
	if g.Limit() != 1 || !matches(g, face(1)) || matches(g, face(2)) {
		t.Errorf("of at most %d, the one enrolled matches: %v, another: %v", g.Limit(), matches(g, face(1)), matches(g, face(2)))
	}
	if err := g.Accepts(request("two")); !errors.Is(err, gate.ErrFull) || hint.Of(err) == "" {
		t.Errorf("Accepts: %v, hint %q", err, hint.Of(err))
	}

	c.FPIR = 0.5 * strictest
	if _, err := gate.OpenGallery(s, c); !errors.Is(err, gate.ErrFull) || hint.Of(err) == "" {
		t.Errorf("OpenGallery: %v, hint %q", err, hint.Of(err))
	}
}

// TestMatchClears checks that no embedding outlives its use.
func TestMatchClears(t *testing.T) {
	g := openGallery(t, openStore(t, gatetest.NewSite(t), rand.Reader), galleryConfig(t, 0.001, time.Now))
	zero := make(embed.Vector, 512)
	v := face(1)
	if _, err := g.Enrol(request("one"), v); err != nil {
		t.Fatal(err)
	}
	w := face(1)
	matches(g, w)
	for i := range zero {
		if v[i] != 0 || w[i] != 0 {
			t.Fatalf("value %d is %v after Enrol and %v after Match", i, v[i], w[i])
		}
	}
}

// failing is randomness that can be made to fail, and every change of the store with it.
type failing struct{ fail bool }

func (f *failing) Read(b []byte) (int, error) {
	if f.fail {
		return 0, errors.New("no randomness today")
	}
	return rand.Read(b)
}

// TestStoreFails checks that whoever was to be erased stops matching even if the store cannot be changed, and that
// nobody matches who could not be stored.
func TestStoreFails(t *testing.T) {
	random := new(failing)
	now := time.Now()
	at := func() time.Time { return now }
	g := openGallery(t, openStoreAt(t, gatetest.NewSite(t), random, at), galleryConfig(t, 0.001, at))
	for i, label := range []string{"one", "two"} {
		if _, err := g.Enrol(request(label), face(uint64(i+1))); err != nil {
			t.Fatal(err)
		}
	}
	random.fail = true
	if _, err := g.Enrol(request("three"), face(3)); err == nil || matches(g, face(3)) {
		t.Errorf("Enrol: %v; the person matches: %v", err, matches(g, face(3)))
	}
	if _, err := g.Erase("one", false, audit.Daemon); err == nil || matches(g, face(1)) {
		t.Errorf("Erase: %v; the person matches: %v", err, matches(g, face(1)))
	}
	if !matches(g, face(2)) {
		t.Error("the other person does not match")
	}
	now = now.Add(valid)
	if _, err := g.EraseDue(); err == nil || matches(g, face(2)) {
		t.Errorf("EraseDue: %v; the person matches: %v", err, matches(g, face(2)))
	}
}

// TestIdle checks that people who were enrolled with another embedder are noticed.
func TestIdle(t *testing.T) {
	s := openStore(t, gatetest.NewSite(t), rand.Reader)
	c := galleryConfig(t, 0.001, time.Now)
	g := openGallery(t, s, c)
	if _, err := g.Enrol(request("one"), face(1)); err != nil {
		t.Fatal(err)
	}
	if n, err := g.Idle(); n != 0 || err != nil {
		t.Errorf("Idle = %d, %v", n, err)
	}
	c.ModelID[0] ^= 1
	g = openGallery(t, s, c)
	if n, err := g.Idle(); n != 1 || err != nil || g.Len() != 0 {
		t.Errorf("Idle = %d, %v with %d enrolled", n, err, g.Len())
	}
}

func TestEraseUnknown(t *testing.T) {
	g := openGallery(t, openStore(t, gatetest.NewSite(t), rand.Reader), galleryConfig(t, 0.001, time.Now))
	if _, err := g.Erase("nobody", false, audit.Daemon); !errors.Is(err, store.ErrUnknown) || hint.Of(err) == "" {
		t.Errorf("Erase: %v, hint %q", err, hint.Of(err))
	}
}

// TestIdleAreErased checks that whoever is let in stays, and whoever is not goes, with a receipt that waits to be fetched.
func TestIdleAreErased(t *testing.T) {
	now := time.Now()
	at := func() time.Time { return now }
	s := openStoreAt(t, gatetest.NewSite(t), rand.Reader, at)
	g := openGallery(t, s, galleryConfig(t, 0.001, at))
	for i, label := range []string{"one", "two"} {
		if _, err := g.Enrol(request(label), face(uint64(i+1))); err != nil {
			t.Fatal(err)
		}
	}
	now = now.Add(60 * 24 * time.Hour)
	person, _, _, _, _ := g.Match(face(1))
	if err := g.Passed(person, now); err != nil {
		t.Fatal(err)
	}
	now = now.Add(40 * 24 * time.Hour)
	if n, err := g.EraseDue(); n != 1 || err != nil || !matches(g, face(1)) || matches(g, face(2)) {
		t.Errorf("EraseDue = %d, %v; one matches: %v, two: %v", n, err, matches(g, face(1)), matches(g, face(2)))
	}
	if receipts, err := s.Receipts().All(); len(receipts) != 1 || err != nil {
		t.Errorf("%d receipts, %v", len(receipts), err)
	}
	log, err := s.Log().Read()
	if err != nil {
		t.Fatal(err)
	}
	access := 0
	for _, r := range log.Records {
		if r.Entry != nil && r.Entry.Kind == audit.Access {
			access++
		}
	}
	if access != 1 {
		t.Errorf("%d access records of one passage", access)
	}
}

// TestLockdown checks that nobody matches after one, whatever becomes of the store.
func TestLockdown(t *testing.T) {
	s := openStore(t, gatetest.NewSite(t), rand.Reader)
	g := openGallery(t, s, galleryConfig(t, 0.001, time.Now))
	if _, err := g.Enrol(request("one"), face(1)); err != nil {
		t.Fatal(err)
	}
	if _, err := g.Lockdown(audit.Daemon); err != nil || matches(g, face(1)) || !s.Lockdown().InForce() {
		t.Errorf("Lockdown: %v; the person matches: %v", err, matches(g, face(1)))
	}
	if err := g.Accepts(request("two")); !errors.Is(err, store.ErrLockdown) {
		t.Errorf("Accepts: %v", err)
	}
}
