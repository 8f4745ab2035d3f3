package store_test

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"facegate/pipeline/template"
	"facegate/store"
	"facegate/store/storetest"
)

// attend opens the store in dir as a gate does that lets people try.
func attend(t *testing.T, dir string, now *time.Time) *store.Store {
	t.Helper()
	s := openAt(t, dir, now)
	if err := s.Lockouts().Attend(); err != nil {
		t.Fatal(err)
	}
	return s
}

// against is somebody enrolled, whom others try to be taken for.
func against(t *testing.T, s *store.Store, n int) template.PersonID {
	t.Helper()
	p, err := s.Enrol(current(s, enrolment(n)))
	if err != nil {
		t.Fatal(err)
	}
	return p.ID
}

func TestLockout(t *testing.T) {
	dir := t.TempDir()
	now := storetest.Now()
	s := attend(t, dir, &now)
	anna, bert := against(t, s, 1), against(t, s, 2)
	fail := func(want store.Lockout) {
		t.Helper()
		got, err := s.Lockouts().Failed(anna, now)
		if err != nil {
			t.Fatal(err)
		}
		s.Close()
		s = attend(t, dir, &now)
		if after := s.Lockouts().All(); got != want || after[anna] != want || after[bert] != (store.Lockout{}) {
			t.Errorf("got %+v, after a restart %+v, want %+v", got, after, want)
		}
	}
	const delay = 30 * time.Second
	for range 2 {
		for range 4 {
			fail(store.Lockout{})
		}
		if err := s.Lockouts().Succeeded(anna); err != nil {
			t.Fatal(err)
		}
	}
	for range 4 {
		fail(store.Lockout{})
	}
	if err := s.Lockouts().Succeeded(bert); err != nil { // is no success of Anna's
		t.Fatal(err)
	}
	fail(store.Lockout{Wait: delay})
	failed := now
	for _, step := range []struct{ at, want time.Duration }{
		{0, delay}, {10 * time.Second, 20 * time.Second}, {delay, 0}, {time.Hour, 0},
	} {
		now = failed.Add(step.at)
		if got := s.Lockouts().All()[anna].Wait; got != step.want {
			t.Errorf("after %v: wait %v, want %v", step.at, got, step.want)
		}
	}
	for range 44 {
		now = now.Add(time.Minute)
		fail(store.Lockout{Wait: delay})
	}
	now = now.Add(time.Minute)
	fail(store.Lockout{Disabled: true})
	before := files(t, dir)
	if _, err := s.Lockouts().Failed(anna, now); err != nil {
		t.Fatal(err)
	}
	if err := s.Lockouts().Succeeded(anna); err != nil || !s.Lockouts().All()[anna].Disabled {
		t.Errorf("switched on by a success, %v", err)
	}
	if !maps.EqualFunc(before, files(t, dir), bytes.Equal) {
		t.Error("switched off, and every failure is written to disk")
	}
	for range 2 {
		if err := s.Lockouts().Reset(1000); err != nil || len(s.Lockouts().All()) != 0 {
			t.Errorf("after the reset: %+v, %v", s.Lockouts().All(), err)
		}
	}
	got := kinds(t, s)
	want := append([]string{"created", "enrolled", "enrolled"}, slices.Repeat([]string{"slowed-down"}, 45)...)
	if want = append(want, "switched-off", "reset"); !slices.Equal(want, got) {
		t.Errorf("the audit log: %v", got)
	}
}

// TestLockoutEndsWithThePerson erases somebody against whom there were failures: nothing of them is left, and none can be
// counted any more.
func TestLockoutEndsWithThePerson(t *testing.T) {
	dir, now := t.TempDir(), storetest.Now()
	s := attend(t, dir, &now)
	anna, bert := against(t, s, 1), against(t, s, 2)
	for range 5 {
		for _, p := range []template.PersonID{anna, bert} {
			if _, err := s.Lockouts().Failed(p, now); err != nil {
				t.Fatal(err)
			}
		}
	}
	mustErase(t, s, enrolment(1).Label)
	if _, err := s.Lockouts().Failed(anna, now); !errors.Is(err, store.ErrUnknown) {
		t.Errorf("a failure against somebody who was erased: %v", err)
	}
	s.Close()
	s = attend(t, dir, &now)
	if got := s.Lockouts().All(); len(got) != 1 || got[bert].Wait == 0 {
		t.Errorf("after the erasure: %+v", got)
	}
}

// TestLockoutBelowTheDelay checks that failures before the first delay, which passers-by may cause, are not written to
// disk, and that cutting the power does not make room for more of them.
func TestLockoutBelowTheDelay(t *testing.T) {
	dir, now := t.TempDir(), storetest.Now()
	s := attend(t, dir, &now)
	anna := against(t, s, 1)
	before := files(t, dir)
	for n := range 4 {
		if l, err := s.Lockouts().Failed(anna, now); err != nil || l != (store.Lockout{}) {
			t.Fatalf("failure %d: %+v, %v", n, l, err)
		}
	}
	if err := s.Lockouts().Succeeded(anna); err != nil {
		t.Fatal(err)
	}
	if !maps.EqualFunc(before, files(t, dir), bytes.Equal) {
		t.Error("a failure before the first delay was written to disk")
	}
	cut := t.TempDir() // as it lies there when the power goes
	for name, data := range before {
		if err := os.WriteFile(filepath.Join(cut, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.Close()
	s = attend(t, cut, &now)
	if got := s.Lockouts().All(); len(got) != 0 {
		t.Errorf("after a power cut: %+v", got)
	}
	if err := s.Lockouts().Succeeded(anna); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Lockouts().Failed(anna, now); err != nil || got.Wait != 0 {
		t.Errorf("the first failure after a success: %+v, %v", got, err)
	}
	s.Close()
	s = attend(t, cut, &now)
	bert := against(t, s, 2)
	if got, err := s.Lockouts().Failed(bert, now); err != nil || got.Wait == 0 {
		t.Errorf("the first failure after a power cut: %+v, %v", got, err)
	}
}
