package gate_test

import (
	"crypto/rand"
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/gate"
	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/people"
	"facegate/configs/hint"
	"facegate/pipeline"
	"facegate/pipeline/embed"
	"facegate/store"
	"facegate/store/receipt"
)

// visit has a person of testdata come to the door in pictures that they were not enrolled from, and go. It returns
// whether they were let in.
func (b *bench) visit(person string) bool {
	b.t.Helper()
	passages := b.show(gatetest.Hold(gatetest.Clip(b.t, "people/"+person)[3:6], time.Second)...)
	b.clock.advance(6 * time.Second) // longer than rearm
	b.show(gatetest.Corridor(b.t))
	for _, p := range passages {
		if p.Report.State == pipeline.Granted && !p.Opened.IsZero() {
			return true
		}
	}
	return false
}

func (b *bench) mustEpochs(want store.EpochState) {
	b.t.Helper()
	if got := b.store.Epochs().State(); got != want {
		b.t.Errorf("the epochs are %+v, want %+v", got, want)
	}
}

// TestEpoch changes the rotations of a running gate: who passes is let in before, during and after it with nothing to do,
// who does not is not, and has to be captured again.
func TestEpoch(t *testing.T) {
	site := gatetest.NewSite(t)
	o := defaults()
	b := start(t, site, o)
	everybody := []string{"p01", "p02", "p04", "p09"}
	for _, person := range everybody {
		b.mustEnrol(person)
	}
	before, err := b.store.People()
	if err != nil {
		t.Fatal(err)
	}
	passing := everybody[:3]
	lets := func(when string, all []string, want bool) {
		t.Helper()
		for _, person := range all {
			if got := b.visit(person); got != want {
				t.Errorf("%s: %s is let in: %v", when, person, got)
			}
		}
	}
	lets("before", passing, true)
	b.mustEpochs(store.EpochState{Current: 1, Renewed: 4})
	if _, err := b.gallery.BeginEpoch(1000); err != nil {
		t.Fatal(err)
	}
	b.mustEpochs(store.EpochState{Current: 2, Earlier: 4})
	lets("during", passing, true) // and they are renewed by it
	b.mustEpochs(store.EpochState{Current: 2, Renewed: 3, Earlier: 1})
	lets("renewed", passing, true)
	after, err := b.store.People()
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range before {
		renewed := slices.Contains(passing, p.Label)
		if (p.Record != after[i].Record) != renewed || p.ID != after[i].ID || !p.Expires.Equal(after[i].Expires) {
			t.Errorf("%s, renewed %v: %+v became %+v", p.Label, renewed, p, after[i])
		}
	}
	b.stop()

	b = start(t, site, o) // halfway, too, it is a gate like any other
	if _, err := b.gallery.BeginEpoch(1000); !errors.Is(err, store.ErrEpoch) {
		t.Errorf("a third epoch begins: %v", err)
	}
	if e, err := b.gallery.EndEpoch(1000); e.Ended != 1 || err != nil {
		t.Errorf("EndEpoch = %+v, %v", e, err)
	}
	lets("after", passing, true)
	lets("after", []string{"p09"}, false)
	b.mustEpochs(store.EpochState{Current: 2, Renewed: 3, Recordless: 1})
	again := request("p09")
	again.Again = true
	if p, err := b.enrol(again, gatetest.Pose(t, "p09")); err != nil || p.Receipt != "" {
		t.Fatalf("captured again: %+v, %v", p, err)
	}
	lets("captured again", []string{"p09"}, true)
	b.mustEpochs(store.EpochState{Current: 2, Renewed: 4})
}

// TestNoRenewal checks who is not renewed: who is not let in, and who does not match with room to spare.
func TestNoRenewal(t *testing.T) {
	earlier := store.EpochState{Current: 2, Earlier: 1}
	begin := func(t *testing.T) *bench {
		b := start(t, gatetest.NewSite(t), defaults())
		b.mustEnrol("p01")
		if _, err := b.gallery.BeginEpoch(1000); err != nil {
			t.Fatal(err)
		}
		return b
	}
	t.Run("the door does not open", func(t *testing.T) {
		b := begin(t)
		b.line.Fail(errors.New("the relay is on fire"))
		if passages := b.show(gatetest.Arrival(t)...); count(passages, pipeline.Granted) == 0 {
			t.Fatal("nobody was to be let in")
		}
		b.mustEpochs(earlier)
		b.line.Fail(nil)
	})
	t.Run("a stranger", func(t *testing.T) {
		b := begin(t)
		b.show(gatetest.Clip(t, "walk/s02")[30:70]...)
		b.mustEpochs(earlier)
	})
	t.Run("a print", func(t *testing.T) {
		b := begin(t)
		b.show(gatetest.Hold(gatetest.Clip(t, "spoof")[:1], 2*time.Second)...)
		b.mustEpochs(earlier)
	})
}

// like returns a face of about the given cosine to v.
func like(v embed.Vector, cosine float64, seed uint64) embed.Vector {
	w := face(seed)
	along := embed.Cosine(v, w)
	for i := range w {
		w[i] -= float32(along) * v[i]
	}
	w.Normalize()
	for i := range w {
		w[i] = float32(cosine)*v[i] + float32(math.Sqrt(1-cosine*cosine))*w[i]
	}
	return w
}

// TestRenewalEvidence gives the gallery frames of made-up faces, and asks which are enough to renew somebody.
func TestRenewalEvidence(t *testing.T) {
	one, two := face(1), face(2)
	type frame struct {
		of     embed.Vector
		report pipeline.Report
	}
	sure := func(seed uint64) frame {
		return frame{like(one, 0.9, seed), pipeline.Report{State: pipeline.Matching, Track: 1}}
	}
	with := func(f frame, edit func(*frame)) frame { edit(&f); return f }
	granted := with(sure(13), func(f *frame) { f.report.State = pipeline.Granted })
	doubtful := with(sure(14), func(f *frame) { f.of = like(one, 0.5, 14) })
	both := with(granted, func(f *frame) {
		f.of = slices.Clone(one)
		for i := range f.of {
			f.of[i] = 0.8*one[i] + 0.6*two[i]
		}
	})
	unknown := with(sure(14), func(f *frame) { f.report.State = pipeline.Unknown })
	tests := []struct {
		name   string
		frames []frame
		want   bool
	}{
		{"three", []frame{sure(11), sure(12), granted}, true},
		{"a blink between", []frame{sure(11), sure(12), {nil, pipeline.Report{State: pipeline.Poor, Track: 1}}, granted}, true},
		{"a doubtful one between", []frame{sure(11), sure(12), doubtful, granted}, true},
		{"two", []frame{sure(12), granted}, false},
		{"doubtful ones", append(slices.Repeat([]frame{doubtful}, 5), granted), false},
		{"like two people", slices.Repeat([]frame{both}, 5), false},
		{"two tracks", []frame{sure(11), with(sure(12), func(f *frame) { f.report.Track = 2 }), granted}, false},
		{"somebody else between", []frame{sure(11), sure(12), with(granted, func(f *frame) { f.of = two }), granted}, false},
		{"nobody between", []frame{sure(11), sure(12), {nil, pipeline.Report{}}, granted}, false},
		{"refused between", []frame{sure(11), sure(12), {nil, pipeline.Report{State: pipeline.NotLive, Track: 1}}, granted}, false},
		{"unknown between", []frame{sure(11), sure(12), unknown, granted}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := openStore(t, gatetest.NewSite(t), rand.Reader)
			g := openGallery(t, s, galleryConfig(t, 0.001, time.Now))
			for label, v := range map[string]embed.Vector{"one": one, "two": two} {
				if _, err := g.Enrol(request(label), slices.Clone(v)); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := g.BeginEpoch(1000); err != nil {
				t.Fatal(err)
			}
			person, _, _, _, _ := g.Match(slices.Clone(one))
			g.Watch(pipeline.Report{})
			for _, f := range tt.frames {
				if f.of != nil {
					g.Match(slices.Clone(f.of))
				}
				g.Watch(f.report)
			}
			if err := g.Renew(person, 3); err != nil {
				t.Fatal(err)
			}
			if got := s.Epochs().State().Renewed == 1; got != tt.want {
				t.Errorf("renewed: %v", got)
			}
			if !matches(g, slices.Clone(one)) || !matches(g, slices.Clone(two)) || g.Len() != 2 {
				t.Errorf("of %d people, one matches: %v, two: %v", g.Len(), matches(g, slices.Clone(one)), matches(g, slices.Clone(two)))
			}
			if err := g.Renew(person, 3); err != nil || (s.Epochs().State().Renewed == 1) != tt.want {
				t.Errorf("the same frames serve twice: %v", err)
			}
		})
	}
}

// TestRenewalFails checks that whoever cannot be renewed goes on as before, and is renewed the next time.
func TestRenewalFails(t *testing.T) {
	random := new(failing)
	s := openStore(t, gatetest.NewSite(t), random)
	g := openGallery(t, s, galleryConfig(t, 0.001, time.Now))
	if _, err := g.Enrol(request("one"), face(1)); err != nil {
		t.Fatal(err)
	}
	if _, err := g.BeginEpoch(1000); err != nil {
		t.Fatal(err)
	}
	pass := func() error {
		person, _, _, _, _ := g.Match(face(1))
		for range 3 {
			g.Match(face(1))
			g.Watch(pipeline.Report{State: pipeline.Matching, Track: 1})
		}
		return g.Renew(person, 3)
	}
	random.fail = true
	if err := pass(); err == nil || s.Epochs().State().Earlier != 1 || !matches(g, face(1)) {
		t.Errorf("without randomness: %v, %+v, matches: %v", err, s.Epochs().State(), matches(g, face(1)))
	}
	random.fail = false
	if err := pass(); err != nil || s.Epochs().State().Renewed != 1 || !matches(g, face(1)) {
		t.Errorf("the next time: %v, %+v, matches: %v", err, s.Epochs().State(), matches(g, face(1)))
	}
}

// TestSearchDoesNotAllocate, with one epoch or two.
func TestSearchDoesNotAllocate(t *testing.T) {
	g := openGallery(t, openStore(t, gatetest.NewSite(t), rand.Reader), galleryConfig(t, 0.001, time.Now))
	for seed, label := range []string{"one", "two", "three"} {
		if _, err := g.Enrol(request(label), face(uint64(seed))); err != nil {
			t.Fatal(err)
		}
	}
	v, w := face(1), make(embed.Vector, 512)
	for epochs := 1; epochs <= 2; epochs++ {
		n := testing.AllocsPerRun(20, func() {
			copy(w, v)
			g.Match(w)
			g.Watch(pipeline.Report{State: pipeline.Matching, Track: 1})
		})
		if n != 0 {
			t.Errorf("%v allocations a match with %d epochs", n, epochs)
		}
		if _, err := g.BeginEpoch(1000); err != nil && epochs == 1 {
			t.Fatal(err)
		}
	}
}

// TestModelChange opens a gallery with another embedder and then with the first again.
func TestModelChange(t *testing.T) {
	s := openStore(t, gatetest.NewSite(t), rand.Reader)
	c := galleryConfig(t, 0.001, time.Now)
	g := openGallery(t, s, c)
	for seed, label := range []string{"one", "two"} {
		if _, err := g.Enrol(request(label), face(uint64(seed+1))); err != nil {
			t.Fatal(err)
		}
	}
	c.ModelID[0] ^= 1
	g = openGallery(t, s, c)
	if n, err := g.Idle(); n != 2 || err != nil || g.Len() != 0 || matches(g, face(1)) {
		t.Errorf("with another embedder %d cannot match and %d can, %v", n, g.Len(), err)
	}
	again := request("one")
	again.Again = true
	if p, err := g.Enrol(again, face(1)); err != nil || p.Receipt == "" || !matches(g, face(1)) || matches(g, face(2)) {
		t.Errorf("captured again: %+v, %v; one matches: %v, two: %v", p, err, matches(g, face(1)), matches(g, face(2)))
	}
	c.ModelID[0] ^= 1
	g = openGallery(t, s, c)
	if matches(g, face(1)) || !matches(g, face(2)) || s.Epochs().State() != (store.EpochState{Current: 3, Earlier: 1, Foreign: 1}) {
		t.Errorf("back at the first: one matches: %v, two: %v, %+v", matches(g, face(1)), matches(g, face(2)), s.Epochs().State())
	}
}

// TestAgain captures people again who match themselves, who match somebody else, and who are not there.
func TestAgain(t *testing.T) {
	s := openStore(t, gatetest.NewSite(t), rand.Reader)
	c := galleryConfig(t, 0.001, time.Now)
	strictest := c.Calibration.Points[len(c.Calibration.Points)-1].FMR
	c.FPIR = 2.5 * strictest
	g := openGallery(t, s, c)
	for seed, label := range []string{"one", "two"} {
		if _, err := g.Enrol(request(label), face(uint64(seed+1))); err != nil {
			t.Fatal(err)
		}
	}
	again := func(label string) people.EnrolRequest { r := request(label); r.Again = true; return r }
	if err := g.Accepts(request("one")); !errors.Is(err, gate.ErrFull) {
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
	if _, err := g.Enrol(again("one"), face(2)); !errors.Is(err, gate.ErrTwice) || hint.Of(err) == "" {
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
