package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"facegate/configs/hint"
	"facegate/pipeline/template"
	"facegate/store"
	"facegate/store/audit"
	"facegate/store/storetest"
)

// reserveFile is the file of what is owed.
const reserveFile = "owed"

// fullDisk is the length up to which files are written to on a disk that is full but for what the reserve takes.
const fullDisk = 32 << 10

// mustOwe checks that err says of an erasure that it is owed.
func mustOwe(t *testing.T, err error, lasting bool) {
	t.Helper()
	var owed *store.OwedError
	if !errors.As(err, &owed) || owed.Lasting != lasting || hint.Of(err) == "" {
		t.Fatalf("got %v with hint %q", err, hint.Of(err))
	}
}

// mustNotMatch checks that the people of these numbers are listed as those whose erasure is owed, that no record of theirs can
// be matched, and that nothing else can be done to them.
func mustNotMatch(t *testing.T, s *store.Store, ns ...int) {
	t.Helper()
	c := mustRead(t, s)
	owed := 0
	for _, p := range c.People {
		wanted := slices.ContainsFunc(ns, func(n int) bool { return labelOf(n) == p.Label })
		if _, matches := c.Records[p.ID]; matches == wanted || p.Owed.IsZero() == wanted {
			t.Errorf("%s: matches %v, owed since %v", p.Label, matches, p.Owed)
		}
		if !p.Owed.IsZero() {
			owed++
		}
	}
	if o := s.Retention().Owed(); owed != len(ns) || o.People != len(ns) || o.Any() != (len(ns) > 0) {
		t.Errorf("%d people are listed as owed an erasure, and Owed says %+v, of %v", owed, o, ns)
	}
	for _, n := range ns {
		_, relabel := s.Members().Relabel(labelOf(n), "another", 1000)
		_, _, pass := s.Credentials().Issue(labelOf(n), store.Terms{}, 1000)
		e := enrolment(n)
		e.Again = true
		again := s.Check(e)
		for _, err := range []error{relabel, pass, again} {
			if !errors.Is(err, store.ErrOwed) || hint.Of(err) == "" {
				t.Errorf("%s: %v", labelOf(n), err)
			}
		}
	}
}

// mustPay has all that is owed carried out, and checks that the people of these numbers are gone, each with a receipt.
func mustPay(t *testing.T, s *store.Store, ns ...int) {
	t.Helper()
	ids, err := s.Retention().EraseOwed()
	if err != nil || len(ids) != len(ns) {
		t.Fatalf("%d people erased, %v", len(ids), err)
	}
	for _, n := range ns {
		if _, err := s.Members().Show(labelOf(n)); !errors.Is(err, store.ErrUnknown) {
			t.Errorf("%s: %v", labelOf(n), err)
		}
	}
	mustNotMatch(t, s)
	if n := mustFetch(t, s); n != len(ns) {
		t.Errorf("%d receipts of %d erasures", n, len(ns))
	}
}

// TestOwed asks for erasures on a full disk, over restarts.
func TestOwed(t *testing.T) {
	if !inChild(t, childLimited) {
		return
	}
	signal.Ignore(syscall.SIGXFSZ)
	dir := lay(t, twenty(t))
	s := storetest.Open(t, dir)
	defer func() { s.Close() }()
	mustFetch(t, s)
	before := files(t, dir)[reserveFile]
	ids := make(map[template.PersonID]bool)
	for _, p := range mustRead(t, s).People {
		ids[p.ID] = true
	}
	restart := func() {
		s.Close()
		limited(t, fullDisk, func() { s = mustOpen(t, dir) })
	}
	limited(t, fullDisk, func() {
		_, err := s.Erase(store.ByLabel(labelOf(3)), audit.Requested, 1000)
		mustOwe(t, err, true)
	})
	mustNotMatchFull(t, s, 3)
	restart()
	mustNotMatchFull(t, s, 3)
	limited(t, fullDisk, func() {
		_, err := s.Erase(store.ByLabel(labelOf(7)), audit.Withdrawn, 1000)
		mustOwe(t, err, true)
		for range 2 { // asking again says the same
			_, err = s.Erase(store.ByLabel(labelOf(3)), audit.Requested, 1000)
			mustOwe(t, err, true)
		}
		if ids, err := s.Retention().EraseOwed(); err == nil {
			t.Errorf("%d people erased without room", len(ids))
		}
	})
	mustNotMatchFull(t, s, 3, 7)
	restart()
	mustNotMatchFull(t, s, 3, 7)

	now := files(t, dir)[reserveFile]
	if len(now) != len(before) || bytes.Equal(now, before) {
		t.Errorf("the reserve has %d bytes, and had %d", len(now), len(before))
	}
	for id := range ids {
		if bytes.Contains(now, id[:]) {
			t.Error("the reserve names somebody to everybody")
		}
	}
	mustPay(t, s, 3, 7)
	if n := len(mustRead(t, s).People); n != 18 {
		t.Errorf("%d people are left", n)
	}
	reasons := make(map[audit.Reason]int)
	l, err := s.Log().Read()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range l.Records {
		if r.Entry != nil && r.Entry.Kind == audit.Erased {
			reasons[r.Entry.Reason]++
		}
	}
	if reasons[audit.Withdrawn] != 1 {
		t.Errorf("reasons in the audit log: %v", reasons)
	}
	restart()
	mustNotMatch(t, s)
}

// mustNotMatchFull is mustNotMatch where what it tries finds no room.
func mustNotMatchFull(t *testing.T, s *store.Store, ns ...int) {
	t.Helper()
	limited(t, fullDisk, func() {
		c := mustRead(t, s)
		for _, p := range c.People {
			wanted := slices.ContainsFunc(ns, func(n int) bool { return labelOf(n) == p.Label })
			if _, matches := c.Records[p.ID]; matches == wanted || p.Owed.IsZero() == wanted {
				t.Errorf("%s: matches %v, owed since %v", p.Label, matches, p.Owed)
			}
		}
		if o := s.Retention().Owed(); o.People != len(ns) || !o.Lasting || !o.Since.Equal(storetest.Now()) {
			t.Errorf("owed: %+v", o)
		}
	})
}

// TestOwedIsErasedByAsking checks that an erasure that is owed can be asked for again where there is room.
func TestOwedIsErasedByAsking(t *testing.T) {
	if !inChild(t, childLimited) {
		return
	}
	signal.Ignore(syscall.SIGXFSZ)
	s := storetest.Open(t, lay(t, twenty(t)))
	limited(t, fullDisk, func() {
		_, err := s.Erase(store.ByLabel(labelOf(3)), audit.Requested, 1000)
		mustOwe(t, err, true)
	})
	mustNotMatchFull(t, s, 3)
	mustErase(t, s, labelOf(3))
	mustNotMatch(t, s)
}

// TestOwedWithoutReserve has no room for a mark either.
func TestOwedWithoutReserve(t *testing.T) {
	if !inChild(t, childLimited) {
		return
	}
	signal.Ignore(syscall.SIGXFSZ)
	dir := lay(t, twenty(t))
	s := storetest.Open(t, dir)
	mustFetch(t, s)
	limited(t, 0, func() {
		_, err := s.Erase(store.ByLabel(labelOf(3)), audit.Requested, 1000)
		mustOwe(t, err, false)
		if o := s.Retention().Owed(); o.People != 1 || o.Lasting {
			t.Errorf("owed: %+v", o)
		}
	})
	mustNotMatch(t, s, 3)
	// As soon as there is room for the mark it lasts, and as soon as there is more it is done.
	limited(t, fullDisk, func() {
		if _, err := s.Retention().EraseOwed(); err == nil || !s.Retention().Owed().Lasting {
			t.Errorf("%v; owed: %+v", err, s.Retention().Owed())
		}
	})
	mustPay(t, s, 3)
}

// TestOwedHalfDone has every write of an erasure fail in turn, and starts on the disk that is full still. Whoever was to be
// erased does not match.
func TestOwedHalfDone(t *testing.T) {
	if !inChild(t, childLimited) {
		return
	}
	signal.Ignore(syscall.SIGXFSZ)
	before := twenty(t)
	failed, gone := 0, 0
	for size := uint64(fullDisk); ; size += 4096 + 512 {
		dir := lay(t, before)
		s := storetest.Open(t, dir)
		mustFetch(t, s)
		var err error
		limited(t, size, func() { _, err = s.Erase(store.ByLabel(labelOf(3)), audit.Requested, 1000) })
		s.Close()
		if err == nil {
			break
		}
		mustOwe(t, err, true)
		failed++
		limited(t, size, func() { s = mustOpen(t, dir) })
		c := mustRead(t, s)
		if len(c.Records) != 19 {
			t.Errorf("at %d bytes: %d people match", size, len(c.Records))
		}
		if len(c.People) == 19 {
			gone++
		} else if o := s.Retention().Owed(); o.People != 1 {
			t.Errorf("at %d bytes: owed %+v", size, o)
		}
		if _, err := s.Retention().EraseOwed(); err != nil || s.Retention().Owed().Any() || len(mustRead(t, s).People) != 19 {
			t.Errorf("at %d bytes: with room: %v, %+v", size, err, s.Retention().Owed())
		}
		if n := mustFetch(t, s); n != 1 {
			t.Errorf("at %d bytes: %d receipts", size, n)
		}
		s.Close()
		storetest.MustCheck(t, dir)
	}
	t.Logf("%d failures, %d of them when the list was written", failed, gone)
	if failed == 0 {
		t.Error("nothing failed")
	}
}

// TestOwedFace takes back a face on a full disk. The face opens nothing from then on, and the card does, until the person is
// to be erased as a whole.
func TestOwedFace(t *testing.T) {
	if !inChild(t, childLimited) {
		return
	}
	signal.Ignore(syscall.SIGXFSZ)
	dir := lay(t, twenty(t))
	s := storetest.Open(t, dir)
	defer func() { s.Close() }()
	mustFetch(t, s)
	p := mustRead(t, s).People[3]
	mustAddCard(t, s, 3, "three", store.Terms{})
	mustAddCard(t, s, 4, "four", store.Terms{})
	restart := func() {
		s.Close()
		limited(t, fullDisk, func() { s = mustOpen(t, dir) })
	}
	for _, n := range []int{3, 4} {
		limited(t, fullDisk, func() {
			_, err := s.Erase(store.ByLabel(labelOf(n)), audit.FaceWithdrawn, 1000)
			mustOwe(t, err, true)
		})
	}
	for range 2 {
		if c := mustRead(t, s); len(c.People) != 20 || len(c.Records) != 18 || s.Retention().Owed().People != 2 {
			t.Errorf("%d people, %d match; owed %+v", len(c.People), len(c.Records), s.Retention().Owed())
		}
		finds(t, s, "three", p, nil)
		restart()
	}
	limited(t, fullDisk, func() { // which is more than the face
		_, err := s.Erase(store.ByLabel(labelOf(4)), audit.Requested, 1000)
		mustOwe(t, err, true)
	})
	for range 2 {
		finds(t, s, "three", p, nil)
		finds(t, s, "four", p, store.ErrCredential)
		restart()
	}
	ids, err := s.Retention().EraseOwed()
	if err != nil || len(ids) != 2 || s.Retention().Owed().Any() {
		t.Errorf("%d carried out, %v; owed %+v", len(ids), err, s.Retention().Owed())
	}
	mustHave(t, s, 19, 18)
	finds(t, s, "three", p, nil)
	if n := mustFetch(t, s); n != 2 {
		t.Errorf("%d receipts", n)
	}
}

// TestOwedEpoch ends an epoch on a full disk.
func TestOwedEpoch(t *testing.T) {
	if !inChild(t, childLimited) {
		return
	}
	signal.Ignore(syscall.SIGXFSZ)
	dir := lay(t, twenty(t))
	s := storetest.Open(t, dir)
	defer func() { s.Close() }()
	if err := rotate(s, 3, 4); err != nil {
		t.Fatal(err)
	}
	limited(t, fullDisk, func() {
		_, err := s.Epochs().End(1000)
		mustOwe(t, err, true)
	})
	for range 2 {
		if c := mustRead(t, s); len(c.People) != 20 || len(c.Records) != 2 || !s.Retention().Owed().Epoch {
			t.Errorf("%d people, %d match; owed %+v", len(c.People), len(c.Records), s.Retention().Owed())
		}
		s.Close()
		limited(t, fullDisk, func() { s = mustOpen(t, dir) })
	}
	if _, err := s.Retention().EraseOwed(); err != nil || s.Retention().Owed().Any() {
		t.Errorf("%v, owed %+v", err, s.Retention().Owed())
	}
	mustHave(t, s, 20, 2)
	if e := s.Epochs().State(); e.Recordless != 18 {
		t.Errorf("epochs: %+v", e)
	}
}

// askForEver asks for the erasure of one person after the other, and writes "try N" before, and "owed N" when it is owed.
func askForEver(dir string, w io.Writer) error {
	s, err := store.Open(storetest.Options(dir))
	if err != nil {
		return err
	}
	for {
		n := rand.IntN(20)
		fmt.Fprintln(w, "try", n)
		_, err := s.Erase(store.ByLabel(labelOf(n)), audit.Requested, 1000)
		var owed *store.OwedError
		if !errors.As(err, &owed) || !owed.Lasting {
			return fmt.Errorf("erase %d: %w", n, err)
		}
		fmt.Fprintln(w, "owed", n)
	}
}

// TestOwedKill kills, again and again, a process that asks for erasures on a full disk. Of whom it said that it is owed, it is.
func TestOwedKill(t *testing.T) {
	if !inChild(t, childSmallDisk) {
		return
	}
	rounds := 15
	if slow() {
		rounds = 300
	}
	d := newDisk(t)
	dir := d.lay(twenty(t))
	mustOpen(t, dir).Close() // makes the reserve
	d.fill(0)
	owed := make(map[int]bool)
	for round := range rounds {
		trying := killedAsking(t, dir, owed)
		s, err := store.Open(storetest.Options(dir))
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		c := mustRead(t, s)
		for _, p := range c.People {
			n := slices.IndexFunc(upTo(20), func(n int) bool { return labelOf(n) == p.Label })
			_, matches := c.Records[p.ID]
			if n == trying {
				owed[n] = owed[n] || !matches
			}
			if matches == owed[n] || p.Owed.IsZero() == owed[n] {
				t.Errorf("round %d: person %d: owed %v, matches %v", round, n, owed[n], matches)
			}
		}
		s.Close()
	}
	d.empty()
	s := mustOpen(t, dir)
	defer s.Close()
	mustFetch(t, s)
	n := 0
	for _, is := range owed {
		if is {
			n++
		}
	}
	t.Logf("%d rounds, %d erasures owed", rounds, n)
	if ids, err := s.Retention().EraseOwed(); err != nil || len(ids) != n || n == 0 || mustFetch(t, s) != n || len(mustRead(t, s).People) != 20-n {
		t.Errorf("%d erased of %d, %v", len(ids), n, err)
	}
}

// killedAsking runs one child in dir until some point, keeps owed up to date with what it says, and returns the person it was
// busy with when it died, or -1.
func killedAsking(t *testing.T, dir string, owed map[int]bool) (trying int) {
	t.Helper()
	trying = -1
	killChild(t, childOwing+"="+dir, rand.IntN(8), 3000, func(word string, n int) {
		trying = n
		if word == "owed" {
			owed[n], trying = true, -1
		}
	})
	return trying
}

// TestWipeTakesTheReserve checks that nothing is left of what was owed.
func TestWipeTakesTheReserve(t *testing.T) {
	dir := t.TempDir()
	s := storetest.Open(t, dir)
	mustEnrol(t, s, 1)
	if _, err := os.Stat(filepath.Join(dir, reserveFile)); err != nil {
		t.Fatal(err)
	}
	if err := s.Wipe(func([]byte) error { return nil }); err != nil || len(files(t, dir)) != 0 {
		t.Errorf("%d files are left, %v", len(files(t, dir)), err)
	}
}
