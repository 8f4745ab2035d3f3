package store_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"facegate/configs/hint"
	"facegate/store"
	"facegate/store/audit"
	"facegate/store/clock/clocktest"
	"facegate/store/storetest"
)

type change struct {
	name            string
	do              func(*store.Store) error
	people, records int
}

// changes are what may be cut off, done to a store with the people 0 to 19, and how many people and records there are when
// they are done.
var changes = []change{
	{"enrol", func(s *store.Store) error { _, err := s.Enrol(current(s, enrolment(20))); return err }, 21, 21},
	{"enrol bound", func(s *store.Store) error { return enrolBound(s, 20) }, 21, 20},
	{"new pass", func(s *store.Store) error {
		_, _, err := s.Credentials().Issue(labelOf(3), store.Terms{}, 1000)
		return err
	}, 20, 20},
	{"join", func(s *store.Store) error { _, err := s.Join(membership(20)); return err }, 21, 20},
	{"face withdrawn", func(s *store.Store) error {
		if _, _, err := s.Credentials().Issue(labelOf(3), store.Terms{}, 1000); err != nil && !errors.Is(err, store.ErrOwed) {
			return err
		}
		_, err := s.Erase(store.ByLabel(labelOf(3)), audit.FaceWithdrawn, 1000)
		if errors.Is(err, store.ErrNoFace) { // the pass has waited for what was left half done
			return nil
		}
		return err
	}, 20, 19},
	{"erase", func(s *store.Store) error {
		_, err := s.Erase(store.ByLabel(labelOf(3)), audit.Requested, 1000)
		return err
	}, 19, 19},
	{"relabel", func(s *store.Store) error { _, err := s.Members().Relabel(labelOf(3), "Ann", 1000); return err }, 20, 20},
	{"regroup", func(s *store.Store) error {
		_, err := s.Members().Regroup(labelOf(3), []string{"staff"}, 1000)
		return err
	}, 20, 20},
	{"lockdown", func(s *store.Store) error { return s.Lockdown().Begin(1000) }, 20, 0},
	{"recapture", func(s *store.Store) error { _, _, err := s.Recapture(current(s, enrolment(3))); return err }, 20, 20},
	{"renew", func(s *store.Store) error { return rotate(s, 3) }, 20, 20},
	{"end of an epoch", func(s *store.Store) error {
		if err := rotate(s, 3, 4); err != nil && !errors.Is(err, store.ErrEpoch) {
			return err
		}
		_, err := s.Epochs().End(1000)
		return err
	}, 20, 2},
	{"access", func(s *store.Store) error { return s.Log().Access(storetest.Now()) }, 20, 20},
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

// inChild runs the test in a process of its own, in mounts of its own, and reports whether this is that process.
func inChild(t *testing.T, variable string) bool {
	t.Helper()
	if os.Getenv(variable) != "" {
		return true
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), variable+"=1")
	if variable == childSmallDisk {
		cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	}
	out, err := cmd.CombinedOutput()
	if cmd.Process == nil { // as for want of permission, or in a chroot
		t.Skip("no process with mounts of its own here: ", err)
	}
	if t.Log(string(out)); err != nil {
		t.Error(err)
	}
	return false
}

// TestNoRoom has the writes of every change fail at many offsets. The store that is left has the change done or not, and
// where there is room again the same process can do it.
func TestNoRoom(t *testing.T) {
	// The limit is on all that a process writes, and go test has its tests write too.
	if !inChild(t, childLimited) {
		return
	}
	signal.Ignore(syscall.SIGXFSZ)
	before := twenty(t)
	step := uint64(4096 + 512)
	if slow() {
		step = 509
	}
	for _, tt := range changes {
		t.Run(tt.name, func(t *testing.T) {
			failed := 0
			for size := uint64(0); ; size += step {
				dir := lay(t, before)
				s := storetest.Open(t, dir)
				var err error
				limited(t, size, func() { err = tt.do(s) })
				crashed := lay(t, files(t, dir))
				tt.check(t, s, err, crashed)
				s.Close()
				if err != nil {
					failed++
				} else if size > 1<<20 || uint64(longest(files(t, dir))) < size {
					break
				}
			}
			t.Logf("%d failures", failed)
			if failed == 0 {
				t.Error("nothing failed")
			}
		})
	}
}

// twenty returns the files of a store with the people 0 to 19. Few pages are free in its databases.
func twenty(t *testing.T) map[string][]byte {
	dir := t.TempDir()
	o, now := storetest.Options(dir), storetest.Now().Add(-time.Minute)
	o.Clock = clocktest.Right(func() time.Time { return now })
	o.Retention.Access, o.Retention.Records = time.Second, time.Second
	s, err := store.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	mustEnrol(t, s, upTo(21)...)
	mustErase(t, s, labelOf(20))
	now = storetest.Now()
	if _, err := s.Retention().Prune(); err != nil {
		t.Fatal(err)
	}
	s.Close()
	return files(t, dir)
}

// check does the change again, for which there is room now, if it failed with err. What it had left on disk is in the
// directory crashed.
func (c change) check(t *testing.T, s *store.Store, err error, crashed string) {
	t.Helper()
	switch {
	case err == nil:
		mustHave(t, s, c.people, c.records)
	case c.name == "lockdown":
		if got, _ := read(s); len(got.Records) != 0 {
			t.Fatalf("a lockdown that failed has left %d records", len(got.Records))
		}
		if err := errors.Join(s.Log().Access(storetest.Now()), c.do(s), s.Lockdown().End(1000)); err != nil {
			t.Errorf("repeated: %v", err)
		}
		mustHave(t, s, c.people, c.records)
		if _, _, err := s.Recapture(current(s, enrolment(3))); err != nil {
			t.Error(err)
		}
		kinds(t, s)
		left := storetest.Open(t, crashed)
		defer left.Close()
		mustHave(t, left, c.people, c.records)
		if !left.Lockdown().InForce() {
			t.Error("after a restart it is not locked down")
		}
		kinds(t, left)
		return
	default:
		if again := c.do(s); again != nil && !errors.Is(again, store.ErrExists) && !errors.Is(again, store.ErrUnknown) {
			t.Errorf("%v, and repeated: %v", err, again)
		}
		mustHave(t, s, c.people, c.records)
	}
	left := storetest.Open(t, crashed)
	defer left.Close()
	if got := mustRead(t, left); err == nil || len(got.People) != 20 {
		mustHave(t, left, c.people, c.records)
	}
	kinds(t, left)
}

// childSmallDisk names the environment variable that makes the test binary the process that TestFullDisk gives a disk of
// its own.
const childSmallDisk = "FACEGATE_STORE_CHILD_SMALL_DISK"

// A disk is a small one.
type disk struct {
	t   *testing.T
	dir string
}

func newDisk(t *testing.T) disk {
	d := disk{t, t.TempDir()}
	err := syscall.Mount("tmpfs", d.dir, "tmpfs", 0, "size=4m")
	if errors.Is(err, syscall.EPERM) {
		t.Skip("not permitted to mount: ", err)
	}
	d.must(err)
	t.Cleanup(func() { d.must(syscall.Unmount(d.dir, 0)) })
	return d
}

func (d disk) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

func (d disk) ballast() string { return filepath.Join(d.dir, "ballast") }

// lay puts files, and nothing else, into a directory on d.
func (d disk) lay(files map[string][]byte) (dir string) {
	d.t.Helper()
	dir = filepath.Join(d.dir, "state")
	d.must(errors.Join(os.RemoveAll(dir), os.RemoveAll(d.ballast()), os.Mkdir(dir, 0o700)))
	for name, data := range files {
		path := filepath.Join(dir, name)
		d.must(os.WriteFile(path, bytes.TrimRight(data, "\x00"), 0o600))
		d.must(os.Truncate(path, int64(len(data)))) // what a database has to grow is no room on the disk
	}
	return dir
}

// fill fills d up to the last room bytes.
func (d disk) fill(room int64) {
	d.t.Helper()
	if err := os.WriteFile(d.ballast(), make([]byte, 4<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
		d.t.Fatalf("the disk is not full: %v", err)
	}
	info, err := os.Stat(d.ballast())
	d.must(err)
	d.must(os.Truncate(d.ballast(), info.Size()-room))
}

// empty makes room.
func (d disk) empty() { d.must(os.Remove(d.ballast())) }

// TestFullDisk does every change on a disk that has room for ever more of it.
func TestFullDisk(t *testing.T) {
	if !inChild(t, childSmallDisk) {
		return
	}
	d := newDisk(t)
	before := twenty(t)
	step := int64(3 * 4096)
	if slow() {
		step = 4096
	}
	mustAdvise := func(t *testing.T, err error) {
		if err != nil && (!errors.Is(err, syscall.ENOSPC) || hint.Of(err) == "") {
			t.Errorf("got %v with hint %q", err, hint.Of(err))
		}
	}
	for _, tt := range changes {
		t.Run(tt.name, func(t *testing.T) {
			failed, half := 0, 0
			for room := int64(0); ; room += step {
				dir := d.lay(before)
				s := mustOpen(t, dir)
				d.fill(room)
				err := tt.do(s)
				mustAdvise(t, err)
				crashed := lay(t, files(t, dir))
				d.empty()
				if got, _ := read(s); err != nil && len(got.People) == tt.people && tt.people != 20 {
					half++ // on disk, and not twice
				}
				tt.check(t, s, err, crashed)
				s.Close()
				if err == nil {
					break
				}
				failed++
			}
			t.Logf("%d failures, %d of them when the change was on disk once", failed, half)
			// An entry of the log may fit into pages that are free. Where files are replaced, the first makes room for the second.
			if failed == 0 && tt.name != "access" || half == 0 && tt.name == "enrol" {
				t.Error("nothing failed")
			}
		})
	}
	t.Run("wipe", func(t *testing.T) {
		s := mustOpen(t, d.lay(before))
		defer s.Close()
		d.fill(0)
		keep := func([]byte) error { return nil }
		if err := s.Wipe(keep); err != nil || len(files(t, filepath.Join(d.dir, "state"))) != 0 {
			t.Errorf("without room: %v", err)
		}
		d.empty()
	})
	t.Run("open without a copy", func(t *testing.T) {
		dir := d.lay(before)
		d.must(os.Remove(filepath.Join(dir, "people.db")))
		d.fill(0)
		s := mustOpen(t, dir)
		defer s.Close()
		mustHave(t, s, 20, 20)
		_, err := s.Enrol(current(s, enrolment(20)))
		if mustAdvise(t, err); err == nil || len(s.Log().Mended()) != 0 {
			t.Errorf("enrolled with %v, and mended %v", err, s.Log().Mended())
		}
		d.empty()
		mustEnrol(t, s, 20)
		if m := s.Log().Mended(); len(m) != 1 || m[0].File != "people.db" {
			t.Errorf("mended %v", m)
		}
		s.Close()
		storetest.MustCheck(t, dir)
	})
}

func longest(files map[string][]byte) (n int) {
	for _, data := range files {
		n = max(n, len(data))
	}
	return n
}
