package daemon

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/people"
	"facegate/pipeline/calibrate"
	"facegate/pipeline/template"
	"facegate/store"
	"facegate/store/clock/clocktest"
	"facegate/store/storetest"
)

// TestSweep lets people expire and records grow old at the same time. They do not go in one sweep, and what fails is said
// once.
func TestSweep(t *testing.T) {
	machine := clocktest.New(storetest.Now())
	machine.Sync(true)
	o := storetest.Options(t.TempDir())
	random := &randomness{Reader: rand.Reader}
	o.Clock, o.Rand = machine.Read, random
	s, err := store.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	calibration, err := calibrate.Shipped(gatetest.Bundle(t).Embedder.ID())
	if err != nil {
		t.Fatal(err)
	}
	g, err := people.Open(s, people.Terms{ModelID: [32]byte{1}, Calibration: calibration, Judged: 1, FPIR: 0.001})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Enrol(store.Enrolment{Label: "one", Consent: storetest.Consent(), ModelID: [32]byte{1}, Term: 50 * 24 * time.Hour, Made: template.Made{Scheme: template.SchemeS1, Epoch: 1}}); err != nil {
		t.Fatal(err)
	}
	if err := s.Log().Access(machine.Wall()); err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	erased := 0
	w := newSweeper(g, s, func() { erased++ }, slog.New(slog.NewTextHandler(&text, nil)))
	left := func() (people, entries int) {
		t.Helper()
		list, err := s.People()
		if err != nil {
			t.Fatal(err)
		}
		log, err := s.Log().Read()
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range log.Records {
			if r.Entry != nil && r.Entry.Kind.ShortLived() {
				entries++
			}
		}
		return len(list), entries
	}
	machine.Pass(60 * 24 * time.Hour)
	random.err = errors.New("none today")
	w.sweep()
	w.sweep()
	if n := strings.Count(text.String(), "could not be erased"); n != 1 {
		t.Errorf("said %d times:\n%s", n, &text)
	}
	random.err = nil
	for _, want := range []struct{ people, entries int }{{0, 1}, {0, 0}} {
		w.sweep()
		if people, entries := left(); people != want.people || entries != want.entries {
			t.Errorf("%d people and %d entries are left, want %+v", people, entries, want)
		}
	}
	if erased != 1 {
		t.Errorf("told %d times", erased)
	}
}

// A randomness fails when it has an err.
type randomness struct {
	io.Reader
	err error
}

func (r *randomness) Read(b []byte) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	return r.Reader.Read(b)
}
