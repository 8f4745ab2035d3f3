package store_test

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"

	"facegate/store"
	"facegate/store/storetest"
)

// changes are what may be cut off, done to a store with the people 0 to 19, and how many people and records there are when
// they are done.
var changes = []struct {
	name            string
	do              func(*store.Store) error
	people, records int
}{
	{"enrol", func(s *store.Store) error { _, err := s.Enrol(enrolment(20)); return err }, 21, 21},
	{"erase", func(s *store.Store) error { _, err := s.Erase(labelOf(3), 1000); return err }, 19, 19},
	{"relabel", func(s *store.Store) error { _, err := s.Relabel(labelOf(3), "Ann", 1000); return err }, 20, 20},
	{"lockdown", func(s *store.Store) error { return s.Lockdown(1000) }, 20, 0},
	{"recapture", func(s *store.Store) error { _, _, err := s.Recapture(enrolment(3)); return err }, 20, 20},
	{"renew", func(s *store.Store) error { return rotate(s, 3) }, 20, 20},
	{"end of an epoch", func(s *store.Store) error {
		if err := rotate(s, 3, 4); err != nil && !errors.Is(err, store.ErrEpoch) {
			return err
		}
		_, err := s.EndEpoch(1000)
		return err
	}, 20, 2},
	{"access", func(s *store.Store) error { return s.RecordAccess(storetest.Now()) }, 20, 20},
}

// childLimited names the environment variable that makes the test binary the process that TestNoRoom sets limits to.
const childLimited = "FACEGATE_STORE_CHILD_LIMITED"

// limited runs f while no file can be written to beyond size bytes, as on a disk that is full: what fits is written.
func limited(tb testing.TB, size uint64, f func()) {
	tb.Helper()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		tb.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: size, Max: limit.Max}); err != nil {
		tb.Fatal(err)
	}
	defer func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
			tb.Fatal(err)
		}
	}()
	f()
}

// TestNoRoom has the writes of every change fail at many offsets. The store that is left has the change done or not, and
// where there is room again the same process can do it.
func TestNoRoom(t *testing.T) {
	// In a process of its own, because the limit is on all that a process writes, and go test has its tests write too.
	if os.Getenv(childLimited) == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestNoRoom$", "-test.v")
		cmd.Env = append(os.Environ(), childLimited+"=1")
		out, err := cmd.CombinedOutput()
		if t.Log(string(out)); err != nil {
			t.Error(err)
		}
		return
	}
	signal.Ignore(syscall.SIGXFSZ)
	dir := t.TempDir()
	s := storetest.Open(t, dir)
	mustEnrol(t, s, upTo(20)...)
	s.Close()
	before := files(t, dir)
	step := uint64(4096 + 512)
	if slow() {
		step = 509
	}
	for _, tt := range changes {
		t.Run(tt.name, func(t *testing.T) {
			failed, size := 0, uint64(0)
			for ; ; size += step {
				dir := lay(t, before)
				s := storetest.Open(t, dir)
				var err error
				limited(t, size, func() { err = tt.do(s) })
				crashed := lay(t, files(t, dir))
				if err == nil {
					mustHave(t, s, tt.people, tt.records)
					if size > 1<<20 || uint64(longest(files(t, dir))) < size {
						break
					}
				} else {
					failed++
					if tt.name == "lockdown" {
						if c, _ := read(s); len(c.Records) != 0 {
							t.Fatalf("%d bytes: a lockdown that failed has left %d records", size, len(c.Records))
						}
						continue // the store may be beyond opening, and safe
					}
					if again := tt.do(s); again != nil {
						t.Errorf("%d bytes: %v, and repeated: %v", size, err, again)
					}
					mustHave(t, s, tt.people, tt.records)
				}
				s.Close()
				left := storetest.Open(t, crashed)
				if c := mustRead(t, left); err == nil || len(c.People) != 20 {
					mustHave(t, left, tt.people, tt.records)
				}
				kinds(t, left)
				left.Close()
			}
			t.Logf("%d failures up to %d bytes", failed, size)
			if failed == 0 {
				t.Error("nothing failed")
			}
		})
	}
}

func mustHave(t *testing.T, s *store.Store, people, records int) {
	t.Helper()
	if c := mustRead(t, s); len(c.People) != people || len(c.Records) != records {
		t.Errorf("%d people and %d records, want %d and %d", len(c.People), len(c.Records), people, records)
	}
}

func longest(files map[string][]byte) (n int) {
	for _, data := range files {
		n = max(n, len(data))
	}
	return n
}

// TestTornCommit cuts the writes of a commit at many offsets, in each database in turn. bbolt writes its pages in order,
// and then the meta page that makes them count, which a disk writes whole.
func TestTornCommit(t *testing.T) {
	dir := t.TempDir()
	s := storetest.Open(t, dir)
	mustEnrol(t, s, upTo(20)...)
	s.Close()
	before := files(t, dir)
	s = storetest.Open(t, dir)
	mustEnrol(t, s, 20)
	s.Close()
	after := files(t, dir)

	const metaPages = 2 * 4096
	step := 509
	if slow() {
		step = 1
	}
	// In the order in which they are written, with how many people there are if the cut is in this one.
	done := maps.Clone(before)
	for _, tt := range []struct {
		name   string
		people int
	}{{"faces.db", 20}, {"people.db", 20}, {"journal.db", 21}} {
		old, fresh := before[tt.name], after[tt.name]
		torn := make([]byte, max(len(old), len(fresh)))
		copy(torn, old)
		cuts := 0
		for at := metaPages; at < len(fresh); at += step {
			end := min(at+step, len(fresh))
			if bytes.Equal(torn[at:end], fresh[at:end]) {
				continue
			}
			copy(torn[at:], fresh[at:end])
			cuts++
			mixed := maps.Clone(done)
			mixed[tt.name] = bytes.Clone(torn)
			left := storetest.Open(t, lay(t, mixed))
			mustHave(t, left, tt.people, tt.people)
			kinds(t, left)
			left.Close()
		}
		t.Logf("%s: %d cuts", tt.name, cuts)
		if cuts == 0 {
			t.Errorf("%s was not written to", tt.name)
		}
		done[tt.name] = fresh
	}
}
