package store_test

import (
	"bytes"
	"cmp"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"facegate/pipeline/template"
	"facegate/store"
	"facegate/store/durable/durabletest"
	"facegate/store/storetest"
)

// attend opens the store in dir as a gate does that lets people try.
func attend(t *testing.T, dir string, now *time.Time) (s *store.Store, behind bool) {
	t.Helper()
	s = openAt(t, dir, now)
	behind, err := s.Lockouts().Attend()
	if err != nil {
		t.Fatal(err)
	}
	return s, behind
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

// lockouts are all that s knows of, by means and then by person.
func lockouts(s *store.Store) []store.Failures {
	return slices.SortedFunc(slices.Values(s.Lockouts().All()), func(a, b store.Failures) int {
		return cmp.Or(cmp.Compare(a.Means, b.Means), slices.Compare(a.Person[:], b.Person[:]))
	})
}

// TestLockouts checks that failures of each means against each person outlive a restart, with the time that is left of a delay.
func TestLockouts(t *testing.T) {
	dir, now := t.TempDir(), storetest.Now()
	s, behind := attend(t, dir, &now)
	if behind {
		t.Error("a new store lacks failures")
	}
	anna := against(t, s, 1)
	slowed := store.Failures{Means: store.MeansFace, Person: anna, Count: 5, Wait: 30 * time.Second}
	off := store.Failures{Means: store.MeansCard, Person: anna, Count: 50, Disabled: true}
	few := store.Failures{Means: store.MeansPIN, Person: anna, Count: 1}
	keep := func(lasting bool, f store.Failures) {
		t.Helper()
		if err := s.Lockouts().Keep(lasting, f); err != nil {
			t.Fatal(err)
		}
	}
	restart := func(want ...store.Failures) {
		t.Helper()
		s.Close()
		if s, behind = attend(t, dir, &now); behind {
			t.Error("after a clean stop there may be more")
		}
		if got := lockouts(s); !slices.Equal(got, want) {
			t.Errorf("after a restart there are %+v, want %+v", got, want)
		}
	}
	keep(true, slowed)
	keep(true, off)
	keep(false, few)
	restart(slowed, off, few)
	now = now.Add(10 * time.Second)
	slowed.Wait = 20 * time.Second
	restart(slowed, off, few)
	now = now.Add(time.Hour)
	slowed.Wait = 0
	restart(slowed, off, few)
	keep(false, store.Failures{Means: store.MeansFace, Person: anna})
	restart(off, few)
	for range 2 {
		if err := s.Lockouts().Reset(1000); err != nil {
			t.Fatal(err)
		}
	}
	restart()
	if err := s.Lockouts().Closed(now, store.MeansFace, 5, false); err != nil {
		t.Fatal(err)
	}
	if err := s.Lockouts().Closed(now, store.MeansPIN, 50, true); err != nil {
		t.Fatal(err)
	}
	if got, want := kinds(t, s), []string{"created", "enrolled", "reset", "slowed-down", "switched-off"}; !slices.Equal(got, want) {
		t.Errorf("the audit log: %v", got)
	}
	log, err := s.Log().Read()
	if err != nil {
		t.Fatal(err)
	}
	last := log.Records[len(log.Records)-2:]
	if face, pin := last[0].Entry.Digest[0], last[1].Entry.Digest[0]; store.Means(face) != store.MeansFace || store.Means(pin) != store.MeansPIN {
		t.Errorf("the audit log says that means %d and %d were closed", face, pin)
	}
}

// TestLockoutEndsWithThePerson erases somebody against whom there were failures: nothing of them is left, and none can be
// kept any more.
func TestLockoutEndsWithThePerson(t *testing.T) {
	dir, now := t.TempDir(), storetest.Now()
	s, _ := attend(t, dir, &now)
	anna, bert := against(t, s, 1), against(t, s, 2)
	fail := func(who template.PersonID) {
		t.Helper()
		for _, m := range []store.Means{store.MeansFace, store.MeansPIN} {
			if err := s.Lockouts().Keep(true, store.Failures{Means: m, Person: who, Count: 5}); err != nil {
				t.Fatal(err)
			}
		}
	}
	fail(anna)
	fail(bert)
	mustErase(t, s, enrolment(1).Label)
	fail(anna)
	for range 2 {
		if got := lockouts(s); len(got) != 2 || got[0].Person != bert || got[1].Person != bert {
			t.Errorf("after the erasure: %+v", got)
		}
		s.Close()
		s, _ = attend(t, dir, &now)
	}
}

// TestErasureHoldsUpNobodyWhoTypes has the disk hang while somebody is being erased. What others try is on disk meanwhile, and of what is
// tried for whoever is erased nothing is left.
func TestErasureHoldsUpNobodyWhoTypes(t *testing.T) {
	dir := t.TempDir()
	o, disk := storetest.Options(dir), new(durabletest.Watched)
	o.Disk = disk
	s, err := store.Open(o)
	must(t, err)
	_, err = s.Lockouts().Attend()
	must(t, err)
	anna, bert := against(t, s, 1), against(t, s, 2)
	hangs, goOn := make(chan struct{}), make(chan struct{})
	once := sync.OnceFunc(func() { close(hangs) })
	disk.Before = func(path string) error {
		if strings.HasPrefix(filepath.Base(path), "people") {
			once()
			<-goOn
		}
		return nil
	}
	erased := make(chan error, 1)
	go func() {
		_, err := s.Erase(store.ByLabel(enrolment(1).Label), 1, 1000)
		erased <- err
	}()
	<-hangs
	for n := range uint32(3) {
		for _, who := range []template.PersonID{anna, bert} {
			must(t, s.Lockouts().Keep(true, store.Failures{Means: store.MeansPIN, Person: who, Count: n + 1}))
		}
	}
	if n := len(s.Lockouts().All()); n != 2 || len(erased) != 0 {
		t.Errorf("%d are known of, and the erasure has ended %d times", n, len(erased))
	}
	close(goOn)
	must(t, <-erased)
	must(t, s.Lockouts().Keep(true, store.Failures{Means: store.MeansPIN, Person: anna, Count: 9}))
	for range 2 {
		if got := lockouts(s); len(got) != 1 || got[0].Person != bert || got[0].Count != 3 {
			t.Errorf("after the erasure: %+v", got)
		}
		must(t, s.Close())
		s = storetest.Open(t, dir)
	}
}

// TestPassersByLeaveNothing checks that failures which are not to last, and which passers-by may cause, are not written to disk,
// nor that they are over; and that the next start knows when the power has gone, until somebody resets.
func TestPassersByLeaveNothing(t *testing.T) {
	dir, now := t.TempDir(), storetest.Now()
	s, _ := attend(t, dir, &now)
	anna := against(t, s, 1)
	before := files(t, dir)
	for n := range 5 {
		if err := s.Lockouts().Keep(false, store.Failures{Means: store.MeansFace, Person: anna, Count: uint32(4 - n)}); err != nil {
			t.Fatal(err)
		}
	}
	if !maps.EqualFunc(before, files(t, dir), bytes.Equal) {
		t.Error("a failure that is not to last was written to disk")
	}
	cut := t.TempDir() // as it lies there when the power goes
	for name, data := range before {
		if err := os.WriteFile(filepath.Join(cut, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.Close()
	for restart := range 3 {
		var behind bool
		s, behind = attend(t, cut, &now)
		if got := lockouts(s); !behind || len(got) != min(restart, 1) {
			t.Fatalf("at start %d after a power cut: behind %v, %+v", restart, behind, got)
		}
		// That there are none any more is something to know then.
		if err := s.Lockouts().Keep(false, store.Failures{Means: store.MeansFace, Person: anna}); err != nil {
			t.Fatal(err)
		}
		if restart == 2 {
			if err := s.Lockouts().Reset(1000); err != nil {
				t.Fatal(err)
			}
		}
		s.Close()
	}
	if _, behind := attend(t, cut, &now); behind {
		t.Error("after a reset there may be more")
	}
}

// TestWhatLastsIsOnDisk checks that a failure that is to last is on disk when it is kept, and so is its end.
func TestWhatLastsIsOnDisk(t *testing.T) {
	dir, now := t.TempDir(), storetest.Now()
	s, _ := attend(t, dir, &now)
	anna := against(t, s, 1)
	for n, f := range []store.Failures{
		{Means: store.MeansPIN, Person: anna, Count: 1},
		{Means: store.MeansPIN, Person: anna, Count: 5, Disabled: true},
		{Means: store.MeansPIN, Person: anna},
	} {
		if err := s.Lockouts().Keep(n < 2, f); err != nil {
			t.Fatal(err)
		}
		cut := t.TempDir()
		for name, data := range files(t, dir) {
			if err := os.WriteFile(filepath.Join(cut, name), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		after, behind := attend(t, cut, &now)
		got := lockouts(after)
		after.Close()
		if want := n < 2; !behind || (len(got) == 1) != want || want && got[0] != f {
			t.Errorf("after a power cut there are %+v, and were %+v", got, f)
		}
	}
}
