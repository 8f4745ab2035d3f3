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
	"facegate/configs/hint"
	"facegate/pipeline/embed"
	"facegate/store"
)

func openStore(t *testing.T, site gatetest.Site, rand io.Reader) *store.Store {
	t.Helper()
	s, err := store.Open(store.Options{
		Dir: site.State(), Keys: store.KeyFile(site.Path("device.key")), Now: time.Now, Rand: rand,
		Log: slog.New(slog.DiscardHandler),
	})
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
	c := galleryConfig(t, 0.001, func() time.Time { return now })
	g := openGallery(t, openStore(t, gatetest.NewSite(t), random), c)
	for i, label := range []string{"one", "two"} {
		if _, err := g.Enrol(request(label), face(uint64(i+1))); err != nil {
			t.Fatal(err)
		}
	}
	random.fail = true
	if _, err := g.Enrol(request("three"), face(3)); err == nil || matches(g, face(3)) {
		t.Errorf("Enrol: %v; the person matches: %v", err, matches(g, face(3)))
	}
	if err := g.Erase("one"); err == nil || matches(g, face(1)) {
		t.Errorf("Erase: %v; the person matches: %v", err, matches(g, face(1)))
	}
	if !matches(g, face(2)) {
		t.Error("the other person does not match")
	}
	now = now.Add(valid)
	if _, err := g.EraseExpired(); err == nil || matches(g, face(2)) {
		t.Errorf("EraseExpired: %v; the person matches: %v", err, matches(g, face(2)))
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
	if err := g.Erase("nobody"); !errors.Is(err, store.ErrUnknown) || hint.Of(err) == "" {
		t.Errorf("Erase: %v, hint %q", err, hint.Of(err))
	}
}
