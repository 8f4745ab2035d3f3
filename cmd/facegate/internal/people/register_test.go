package people_test

import (
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/opening"
	"facegate/cmd/facegate/internal/people"
	"facegate/cmd/facegate/internal/record"
	"facegate/configs/hint"
	"facegate/pipeline/attempt"
	"facegate/pipeline/decide"
	"facegate/pipeline/embed"
	"facegate/pipeline/match"
	"facegate/pipeline/matchertest"
	"facegate/store"
	"facegate/store/audit"
	"facegate/store/clock/clocktest"
	"facegate/store/receipt"
)

func openStore(t *testing.T, site gatetest.Site, rand io.Reader) *store.Store {
	t.Helper()
	return openStoreAt(t, site, rand, time.Now)
}

func openStoreAt(t *testing.T, site gatetest.Site, rand io.Reader, now func() time.Time) *store.Store {
	t.Helper()
	o, err := opening.Options(gatetest.Lab(t), store.KeyFile(site.Path("device.key")), clocktest.Right(now), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	o.Dir, o.KeyDir, o.AnchorDir, o.Rand = site.State(), site.Keyrings(), site.Anchor(), rand
	s, err := store.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func openRegister(t *testing.T, s *store.Store, c people.Terms) *people.Register {
	t.Helper()
	g, err := people.Open(s, c)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// face returns an embedding of nobody, the same for the same seed.
func face(seed uint64) embed.Vector { return matchertest.Face(seed) }

// ask returns what the register says of a face, which is nothing where a pass has to be shown first.
func ask(g *people.Register, v embed.Vector) match.Answer {
	m := g.Matcher()
	if m == nil {
		return match.Answer{}
	}
	return m.Match(v, time.Now())
}

func matches(g *people.Register, v embed.Vector) bool {
	a := ask(g, v)
	return a.OK && a.Score >= a.Threshold
}

// whose returns whom a face is found to be of.
func whose(g *people.Register, v embed.Vector) decide.Person { return ask(g, v).Best }

// like returns a face of about the given cosine to v.
func like(v embed.Vector, cosine float64, seed uint64) embed.Vector {
	return matchertest.Like(v, cosine, seed)
}

// TestSmallCalibration checks that a calibration of few comparisons serves as many people as it covers, fewer than
// thresholds are usually set for, and that one that covers nobody is refused.
func TestSmallCalibration(t *testing.T) {
	c := gatetest.Terms(t, 0)
	strictest := gatetest.Strictest(c)
	s := openStore(t, gatetest.NewSite(t), rand.Reader)

	c.FPIR = 1.5 * strictest
	g := openRegister(t, s, c)
	if _, err := g.Enrol(request("one"), face(1)); err != nil {
		t.Fatal(err)
	}
	if g.Limit() != 1 || !matches(g, face(1)) || matches(g, face(2)) {
		t.Errorf("of at most %d, the one enrolled matches: %v, another: %v", g.Limit(), matches(g, face(1)), matches(g, face(2)))
	}
	if err := g.Accepts(request("two")); !errors.Is(err, people.ErrFull) || hint.Of(err) == "" {
		t.Errorf("Accepts: %v, hint %q", err, hint.Of(err))
	}

	c.FPIR = 0.5 * strictest
	if _, err := people.Open(s, c); !errors.Is(err, people.ErrFull) || hint.Of(err) == "" {
		t.Errorf("Open: %v, hint %q", err, hint.Of(err))
	}
}

// TestEnrolClears checks that no embedding outlives its use. What Match leaves is the business of package match.
func TestEnrolClears(t *testing.T) {
	g := openRegister(t, openStore(t, gatetest.NewSite(t), rand.Reader), gatetest.Terms(t, 0.001))
	v := face(1)
	if _, err := g.Enrol(request("one"), v); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(v, make(embed.Vector, len(v))) {
		t.Error("the embedding is left after Enrol")
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
	g := openRegister(t, openStoreAt(t, gatetest.NewSite(t), random, at), gatetest.Terms(t, 0.001))
	for i, label := range []string{"one", "two"} {
		if _, err := g.Enrol(request(label), face(uint64(i+1))); err != nil {
			t.Fatal(err)
		}
	}
	random.fail = true
	if _, err := g.Enrol(request("three"), face(3)); err == nil || matches(g, face(3)) {
		t.Errorf("Enrol: %v; the person matches: %v", err, matches(g, face(3)))
	}
	if _, err := g.As(audit.Daemon).Erase(t.Context(), people.Who{Label: "one"}, audit.Requested); err == nil || matches(g, face(1)) {
		t.Errorf("Erase: %v; the person matches: %v", err, matches(g, face(1)))
	}
	if !matches(g, face(2)) {
		t.Error("the other person does not match")
	}
	now = now.Add(gatetest.Valid)
	if _, err := g.EraseDue(); err == nil || matches(g, face(2)) {
		t.Errorf("EraseDue: %v; the person matches: %v", err, matches(g, face(2)))
	}
}

// TestIdle checks that people who were enrolled with another embedder are noticed.
func TestIdle(t *testing.T) {
	s := openStore(t, gatetest.NewSite(t), rand.Reader)
	c := gatetest.Terms(t, 0.001)
	g := openRegister(t, s, c)
	if _, err := g.Enrol(request("one"), face(1)); err != nil {
		t.Fatal(err)
	}
	if n, err := g.Idle(); n != 0 || err != nil {
		t.Errorf("Idle = %d, %v", n, err)
	}
	c.ModelID[0] ^= 1
	g = openRegister(t, s, c)
	if n, err := g.Idle(); n != 1 || err != nil || g.Len() != 0 {
		t.Errorf("Idle = %d, %v with %d enrolled", n, err, g.Len())
	}
}

func TestEraseUnknown(t *testing.T) {
	g := openRegister(t, openStore(t, gatetest.NewSite(t), rand.Reader), gatetest.Terms(t, 0.001))
	if _, err := g.As(audit.Daemon).Erase(t.Context(), people.Who{Label: "nobody"}, audit.Requested); !errors.Is(err, store.ErrUnknown) || hint.Of(err) == "" {
		t.Errorf("Erase: %v, hint %q", err, hint.Of(err))
	}
}

// TestIdleAreErased checks that whoever is let in stays, and whoever is not goes, with a receipt that waits to be fetched.
func TestIdleAreErased(t *testing.T) {
	now := time.Now()
	at := func() time.Time { return now }
	s := openStoreAt(t, gatetest.NewSite(t), rand.Reader, at)
	g := openRegister(t, s, gatetest.Terms(t, 0.001))
	for i, label := range []string{"one", "two"} {
		if _, err := g.Enrol(request(label), face(uint64(i+1))); err != nil {
			t.Fatal(err)
		}
	}
	now = now.Add(60 * 24 * time.Hour)
	if err := (record.Ledger{Store: s, Now: at}).Passed(attempt.Attempt{Person: whose(g, face(1))}, now); err != nil {
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
	g := openRegister(t, s, gatetest.Terms(t, 0.001))
	if _, err := g.Enrol(request("one"), face(1)); err != nil {
		t.Fatal(err)
	}
	if _, err := g.As(audit.Daemon).Lockdown(t.Context()); err != nil || matches(g, face(1)) || !s.Lockdown().InForce() {
		t.Errorf("Lockdown: %v; the person matches: %v", err, matches(g, face(1)))
	}
	if err := g.Accepts(request("two")); !errors.Is(err, store.ErrLockdown) {
		t.Errorf("Accepts: %v", err)
	}
}

// TestFaceWithdrawn takes back the face of somebody who stays on the list, and captures somebody who gave none before.
func TestFaceWithdrawn(t *testing.T) {
	s := openStore(t, gatetest.NewSite(t), rand.Reader)
	g := openRegister(t, s, gatetest.Terms(t, 0.001))
	if _, err := g.Enrol(request("one"), face(1)); err != nil {
		t.Fatal(err)
	}
	r := g.As(audit.Daemon)
	one := people.Who{Label: "one"}
	if _, err := r.Erase(t.Context(), one, audit.FaceWithdrawn); !errors.Is(err, store.ErrKeyless) || !matches(g, face(1)) {
		t.Errorf("with nothing else: %v; the person matches: %v", err, matches(g, face(1)))
	}
	if _, err := r.IssuePass(t.Context(), "one"); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Erase(t.Context(), one, audit.FaceWithdrawn); err != nil || matches(g, face(1)) {
		t.Errorf("withdrawn: %v; the person matches: %v", err, matches(g, face(1)))
	}
	joined, err := r.Join(t.Context(), people.JoinRequest{Label: "two", Reference: "contract 7", Until: time.Now().AddDate(1, 0, 0)})
	if err != nil || !joined.NoFace {
		t.Fatal(joined, err)
	}
	if n, err := g.Idle(); n != 0 || err != nil {
		t.Errorf("%d people are missed among faces, %v", n, err)
	}
	again := request("two")
	again.Again = true
	if p, err := g.Enrol(again, face(2)); err != nil || p.NoFace || p.Receipt != "" || !matches(g, face(2)) || !strings.Contains(p.Former, "no face until now") {
		t.Errorf("captured: %+v, %v; the person matches: %v", p, err, matches(g, face(2)))
	}
}

// TestModelChange opens a gallery with another embedder and then with the first again.
func TestModelChange(t *testing.T) {
	s := openStore(t, gatetest.NewSite(t), rand.Reader)
	c := gatetest.Terms(t, 0.001)
	g := openRegister(t, s, c)
	for seed, label := range []string{"one", "two"} {
		if _, err := g.Enrol(request(label), face(uint64(seed+1))); err != nil {
			t.Fatal(err)
		}
	}
	c.ModelID[0] ^= 1
	g = openRegister(t, s, c)
	if n, err := g.Idle(); n != 2 || err != nil || g.Len() != 0 || matches(g, face(1)) {
		t.Errorf("with another embedder %d cannot match and %d can, %v", n, g.Len(), err)
	}
	again := request("one")
	again.Again = true
	if p, err := g.Enrol(again, face(1)); err != nil || p.Receipt == "" || !matches(g, face(1)) || matches(g, face(2)) {
		t.Errorf("captured again: %+v, %v; one matches: %v, two: %v", p, err, matches(g, face(1)), matches(g, face(2)))
	}
	c.ModelID[0] ^= 1
	g = openRegister(t, s, c)
	if matches(g, face(1)) || !matches(g, face(2)) || s.Epochs().State() != (store.EpochState{Current: 3, Earlier: 1, Foreign: 1}) {
		t.Errorf("back at the first: one matches: %v, two: %v, %+v", matches(g, face(1)), matches(g, face(2)), s.Epochs().State())
	}
}

// TestAgain captures people again who match themselves, who match somebody else, and who are not there.
func TestAgain(t *testing.T) {
	s := openStore(t, gatetest.NewSite(t), rand.Reader)
	c := gatetest.Terms(t, 0.001)
	strictest := gatetest.Strictest(c)
	c.FPIR = 2.5 * strictest
	g := openRegister(t, s, c)
	for seed, label := range []string{"one", "two"} {
		if _, err := g.Enrol(request(label), face(uint64(seed+1))); err != nil {
			t.Fatal(err)
		}
	}
	again := func(label string) people.EnrolRequest { r := request(label); r.Again = true; return r }
	if err := g.Accepts(request("one")); !errors.Is(err, people.ErrFull) {
		t.Errorf("a full gate accepts: %v", err)
	}
	if err := g.Accepts(again("one")); err != nil {
		t.Errorf("a full gate does not accept one of its own: %v", err)
	}
	if err := g.Accepts(again("three")); err == nil || hint.Of(err) == "" {
		t.Errorf("somebody unknown is captured again: %v", err)
	}
	old, err := s.People()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.Enrol(again("one"), face(2)); !errors.Is(err, people.ErrTwice) || hint.Of(err) == "" {
		t.Errorf("with the face of another: %v", err)
	}
	p, err := g.Enrol(again("one"), like(face(1), 0.9, 9))
	if err != nil {
		t.Fatal(err)
	}
	r, err := receipt.Verify([]byte(p.Receipt), s.Device().PublicKey)
	if err != nil || r.Reason != "recaptured" || r.Erased.Templates != 1 || r.Erased.People != 0 {
		t.Errorf("the receipt: %+v, %v", r, err)
	}
	now, err := s.People()
	if err != nil || now[0].Lane == old[0].Lane || now[0].Record == old[0].Record || now[1].Record != old[1].Record {
		t.Errorf("%+v became %+v, %v", old, now, err)
	}
	if g.Len() != 2 || !matches(g, face(1)) || !matches(g, face(2)) {
		t.Errorf("%d people, one matches: %v, two: %v", g.Len(), matches(g, face(1)), matches(g, face(2)))
	}
	changed := again("one")
	changed.FaceChanged = true
	if _, err := g.Enrol(changed, face(7)); err != nil || matches(g, face(1)) || !matches(g, face(7)) {
		t.Errorf("with a face that has changed: %v; the old one matches: %v", err, matches(g, face(1)))
	}
}
