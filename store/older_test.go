package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"facegate/configs/hint"
	"facegate/store"
	"facegate/store/anchor"
	"facegate/store/audit"
	"facegate/store/durable"
	"facegate/store/durable/durabletest"
	"facegate/store/receipt"
	"facegate/store/storetest"
)

// mustBeOlder checks that s knows that an older copy was put back, that exactly these people are listed, and that nobody matches.
func mustBeOlder(t *testing.T, s *store.Store, want store.Older, people ...int) {
	t.Helper()
	got := s.Faces().Older()
	if got == nil {
		t.Fatal("it does not know that it is an older copy")
	}
	if want.Since = got.Since; *got != want || got.Since == 0 {
		t.Errorf("%+v, want %+v", *got, want)
	}
	if off := s.Faces().Off(); off == nil {
		t.Error("faces are looked at")
	}
	if err := s.Faces().TurnOn(1000); !errors.Is(err, store.ErrOlder) || hint.Of(err) == "" {
		t.Errorf("faces on: %v", err)
	}
	var names []string
	for _, n := range people {
		names = append(names, labelOf(n))
	}
	if all, matching := labels(t, s); !slices.Equal(all, names) || len(matching) > 0 {
		t.Errorf("%v are enrolled and %v match, want %v and nobody", all, matching, names)
	}
}

// A counter is a place that holds the count alone, in memory, as a TPM does.
type counter struct{ count uint64 }

func (*counter) Class() string { return "test" }

func (c *counter) Last() (anchor.Memory, error) {
	if c.count == 0 {
		return anchor.Memory{}, anchor.ErrNone
	}
	return anchor.Memory{Count: c.count}, nil
}

func (c *counter) Remember(m anchor.Memory) error {
	if m.Count < c.count {
		return fmt.Errorf("%d after %d", m.Count, c.count)
	}
	c.count = m.Count
	return nil
}

func (c *counter) Forget() error { c.count = 0; return nil }

// anchored returns the options of a store whose databases, keyrings and anchor are in folders of their own, with a counter.
func anchored(t *testing.T) (store.Options, *counter) {
	t.Helper()
	o := apart(t)
	c := new(counter)
	o.AnchorDir, o.Anchors = filepath.Join(filepath.Dir(o.Dir), "anchor"), []anchor.Place{c}
	return o, c
}

// A copied is what a copy of the folders of a store holds.
type copied struct{ dir, keys, anchor map[string][]byte }

func copyOut(t *testing.T, o store.Options) copied {
	t.Helper()
	return copied{files(t, o.Dir), files(t, o.KeyDir), files(t, o.AnchorDir)}
}

// A life is what happens to a store, a step at a time, each of which destroys something of what the one before has left.
var life = []struct {
	name string
	do   func(t *testing.T, s *store.Store)
}{
	{"erasure", func(t *testing.T, s *store.Store) { mustErase(t, s, labelOf(0)) }},
	{"face withdrawn", func(t *testing.T, s *store.Store) {
		_, err := s.Erase(store.ByLabel(labelOf(1)), audit.FaceWithdrawn, 1000)
		must(t, err)
	}},
	{"card revoked", func(t *testing.T, s *store.Store) {
		p, err := s.Person(labelOf(2))
		must(t, err)
		must(t, s.Credentials().Revoke(labelOf(2), p.Credentials[0].ID, 1000))
	}},
	{"capture", func(t *testing.T, s *store.Store) {
		_, _, err := s.Recapture(current(s, enrolment(3)))
		must(t, err)
	}},
	{"office removed", func(t *testing.T, s *store.Store) {
		_, err := s.Credentials().Visits().RemoveOffice("front desk", 1000)
		must(t, err)
	}},
	{"end of an epoch", func(t *testing.T, s *store.Store) {
		must(t, s.Epochs().Begin(1000))
		_, err := s.Epochs().End(1000)
		must(t, err)
	}},
	{"lockdown", func(t *testing.T, s *store.Store) {
		must(t, errors.Join(s.Lockdown().Begin(1000), s.Lockdown().End(1000)))
		for _, n := range []int{4, 5} {
			_, _, err := s.Recapture(current(s, enrolment(n)))
			must(t, err)
		}
	}},
	{"enrolment", func(t *testing.T, s *store.Store) { mustEnrol(t, s, 6) }},
	{"second erasure", func(t *testing.T, s *store.Store) { mustErase(t, s, labelOf(5)) }},
}

// born returns a store in which there is something for each step of a life.
func born(t *testing.T, o store.Options) *store.Store {
	t.Helper()
	s := mustOpenApart(t, o)
	must(t, s.Epochs().UseModel(model))
	mustEnrol(t, s, upTo(6)...)
	for n := 1; n < 3; n++ {
		mustAddCard(t, s, n, "card of "+labelOf(n), store.Terms{})
	}
	mustAddOffice(t, s, "front desk", 1)
	return s
}

// mustBeGone checks that in s nothing of what the steps of life have destroyed is back.
func mustBeGone(t *testing.T, s *store.Store) {
	t.Helper()
	all, matching := labels(t, s)
	for _, n := range []int{0, 5} {
		if slices.Contains(all, labelOf(n)) {
			t.Errorf("%s, who was erased, is listed", labelOf(n))
		}
	}
	for _, n := range []int{1, 2, 3} { // whose faces were withdrawn or destroyed
		if slices.Contains(matching, labelOf(n)) {
			t.Errorf("%s matches", labelOf(n))
		}
	}
	finds(t, s, "card of "+labelOf(2), store.Person{}, store.ErrCredential)
	if offices := s.Credentials().Visits().Offices(); len(offices) > 0 {
		t.Errorf("%d offices are back", len(offices))
	}
}

// entries counts the entries of a kind in the audit log of s, which has to be whole.
func entries(t *testing.T, s *store.Store, kind audit.Kind) (n int) {
	t.Helper()
	l, err := s.Log().Read()
	must(t, errors.Join(err, l.Verify()))
	for _, r := range l.Records {
		if r.Entry != nil && r.Entry.Kind == kind {
			n++
		}
	}
	return n
}

// TestEveryRestorePoint puts back a copy of databases and keyrings from before each step of a life. What was destroyed since stays so, the
// other ways in go on, and a restore is the way back: from a backup, or from one of the older copy itself.
func TestEveryRestorePoint(t *testing.T) {
	o, _ := anchored(t)
	s := born(t, o)
	var points []copied
	for _, step := range life {
		must(t, s.Close())
		points = append(points, copyOut(t, o))
		s = mustOpenApart(t, o)
		step.do(t, s)
	}
	b := mustBackup(t, s)
	must(t, s.Close())
	last := copyOut(t, o)
	for i, point := range points {
		t.Run("before "+life[i].name, func(t *testing.T) {
			again, _ := anchored(t) // whose counter knows nothing
			putBack(t, again.Dir, point.dir)
			putBack(t, again.KeyDir, point.keys)
			putBack(t, again.AnchorDir, last.anchor)
			var people []store.Person
			for range 2 { // it is noted once
				s, err := store.Open(again)
				must(t, err)
				if older := s.Faces().Older(); older == nil || older.Unknown || older.To < b.Number {
					t.Fatalf("%+v is known, want one up to %d", older, b.Number)
				}
				if _, matching := labels(t, s); len(matching) > 0 {
					t.Errorf("%v match", matching)
				}
				mustBeGone(t, s)
				if n, again := entries(t, s, audit.FoundOlder), entries(t, s, audit.Reapplied); n != 1 || again != 1 {
					t.Errorf("%d entries say that it was found, and %d what was done", n, again)
				}
				people, err = s.People()
				must(t, errors.Join(err, s.Close()))
			}
			one := people[slices.IndexFunc(people, func(p store.Person) bool { return p.Label == labelOf(1) })]
			s, err := store.Open(again)
			must(t, err)
			finds(t, s, "card of "+labelOf(1), one, nil)
			data, proof := b.Data, store.Proof{}
			if i%2 == 1 {
				data = mustBackup(t, s).Data
			}
			must(t, s.Close())
			mustRestore(t, again, data, proof)
			s = mustOpenApart(t, again)
			if s.Faces().Older() != nil || s.Faces().Off() != nil {
				t.Error("it is an older copy still")
			}
			mustBeGone(t, s)
			e, err := s.Erase(store.ByLabel(labelOf(3)), audit.Requested, 1000)
			must(t, err)
			if r, err := receipt.Verify(e.Receipt, s.Device().PublicKey); err != nil || r.Number <= b.Number {
				t.Errorf("number %d was given twice, %v", r.Number, err)
			}
		})
	}
}

// TestAnchorPutBack puts back the anchor as well, which a counter tells: what was destroyed since is in receipts alone, and nobody matches
// until they are there.
func TestAnchorPutBack(t *testing.T) {
	o, c := anchored(t)
	s := born(t, o)
	must(t, s.Close())
	point := copyOut(t, o)
	s = mustOpenApart(t, o)
	e, err := s.Erase(store.ByLabel(labelOf(0)), audit.Requested, 1000)
	must(t, errors.Join(err, s.Close()))
	putBack(t, o.Dir, point.dir)
	putBack(t, o.KeyDir, point.keys)
	putBack(t, o.AnchorDir, point.anchor)

	s = mustOpenApart(t, o)
	mustBeOlder(t, s, store.Older{To: 1, Unknown: true}, 0, 1, 2, 3, 4, 5)
	own := mustBackup(t, s)
	mustErase(t, s, labelOf(5)) // goes on after the numbers that are lost
	must(t, s.Close())
	mustRefuseRestore(t, o, own.Data, store.Proof{}, store.ErrReceipts)
	proof := store.Proof{Receipts: [][]byte{e.Receipt}}
	mustRefuseRestore(t, o, own.Data, proof, store.ErrKeys)
	proof.Keys = store.BringBack
	if r := mustRestore(t, o, own.Data, proof); r.Erased != 3 || r.Last != 2 { // once in the store, and two in the backup
		t.Errorf("%+v", r)
	}
	s = mustOpenApart(t, o)
	mustHold(t, s, 1, 2, 3, 4)
	if s.Faces().Off() != nil {
		t.Error("faces are off")
	}
	if c.count < 3 {
		t.Errorf("it has counted to %d", c.count)
	}
}

// TestAnchorTakenAway does not take it for a store that has destroyed nothing, be the list gone or both copies damaged.
func TestAnchorTakenAway(t *testing.T) {
	for name, take := range map[string]func(path string) error{
		"gone":    os.Remove,
		"damaged": func(path string) error { return os.Truncate(path, 30) },
	} {
		t.Run(name, func(t *testing.T) {
			o, _ := anchored(t)
			o.Anchors = nil
			must(t, born(t, o).Close())
			for _, path := range anchor.File(durable.OS{}, o.AnchorDir).Paths() {
				must(t, take(path))
			}
			for range 2 {
				s, err := store.Open(o)
				must(t, err)
				mustBeOlder(t, s, store.Older{To: 1 << 10, Unknown: true}, upTo(6)...)
				must(t, s.Close())
			}
		})
	}
}

// TestUsedKeyAndNothingElse is damage: what was there was not wiped.
func TestUsedKeyAndNothingElse(t *testing.T) {
	for name, take := range map[string]func(o store.Options, c *counter) error{
		"the list says so":    func(_ store.Options, c *counter) error { return c.Forget() },
		"the counter says so": func(o store.Options, _ *counter) error { return os.RemoveAll(o.AnchorDir) },
	} {
		t.Run(name, func(t *testing.T) {
			o, c := anchored(t)
			must(t, mustOpenApart(t, o).Close())
			must(t, errors.Join(os.RemoveAll(o.Dir), os.RemoveAll(o.KeyDir), take(o, c)))
			if _, err := store.Open(o); !errors.Is(err, store.ErrDamaged) || hint.Of(err) == "" {
				t.Errorf("got %v", err)
			}
			must(t, errors.Join(os.MkdirAll(o.Dir, 0o700), os.MkdirAll(o.KeyDir, 0o700)))
			at := store.Place{Dir: o.Dir, KeyDir: o.KeyDir, AnchorDir: o.AnchorDir, Anchors: o.Anchors}
			_, err := store.ForceWipe(at, o.Keys, storetest.Now(), o.Rand, func([]byte) error { return nil })
			must(t, err)
			mustOpenApart(t, o)
		})
	}
}

// TestAnotherHistory puts folders in place that have seen as many changes as the anchor, and others.
func TestAnotherHistory(t *testing.T) {
	o, c := anchored(t)
	s := born(t, o)
	must(t, s.Close())
	clone, d := anchored(t)
	point := copyOut(t, o)
	putBack(t, clone.Dir, point.dir)
	putBack(t, clone.KeyDir, point.keys)
	putBack(t, clone.AnchorDir, point.anchor)
	d.count = c.count
	for n, at := range []store.Options{o, clone} {
		s := mustOpenApart(t, at)
		mustErase(t, s, labelOf(n))
		must(t, s.Close())
	}
	other := copyOut(t, clone)
	putBack(t, o.Dir, other.dir)
	putBack(t, o.KeyDir, other.keys)
	s = mustOpenApart(t, o)
	mustBeOlder(t, s, store.Older{From: 1, To: 1 + 1<<10, Unknown: true}, 2, 3, 4, 5) // neither of those whom either has erased
}

// TestEverySyncOfALife lays the folders and the counter as they are before each sync of each step. None is taken for an older copy, and
// all of them hold what was there before the step or after it.
func TestEverySyncOfALife(t *testing.T) {
	o, c := anchored(t)
	disk := new(durabletest.Watched)
	o.Disk = disk
	s := born(t, o)
	for _, step := range life {
		if step.name == "face withdrawn" || step.name == "second erasure" {
			step.do(t, s) // which goes through the same steps as the first
			continue
		}
		type cut struct {
			copied
			count uint64
			path  string
		}
		var cuts []cut
		var before copied
		disk.Before = func(path string) error {
			now := copyOut(t, o)
			if !now.same(before) {
				cuts, before = append(cuts, cut{now, c.count, path}), now
			}
			return nil
		}
		was, _ := labels(t, s)
		step.do(t, s)
		disk.Before = nil
		is, _ := labels(t, s)
		for _, cut := range cuts {
			at, d := anchored(t)
			putBack(t, at.Dir, cut.dir)
			putBack(t, at.KeyDir, cut.keys)
			putBack(t, at.AnchorDir, cut.anchor)
			d.count = cut.count
			s, err := store.Open(at)
			if err != nil {
				t.Fatalf("%s, before the sync of %s: %v", step.name, filepath.Base(cut.path), err)
			}
			if older := s.Faces().Older(); older != nil {
				t.Errorf("%s, before the sync of %s: it is taken for an older copy: %+v", step.name, filepath.Base(cut.path), older)
			}
			if got, _ := labels(t, s); !slices.Equal(got, was) && !slices.Equal(got, is) {
				t.Errorf("%s, before the sync of %s: %v are listed", step.name, filepath.Base(cut.path), got)
			}
			must(t, s.Close())
		}
		if len(cuts) < 5 {
			t.Errorf("%s: there were %d syncs", step.name, len(cuts))
		}
	}
}

// same reports whether two copies are of the same bytes.
func (c copied) same(d copied) bool {
	for _, pair := range [][2]map[string][]byte{{c.dir, d.dir}, {c.keys, d.keys}, {c.anchor, d.anchor}} {
		if !maps.EqualFunc(pair[0], pair[1], bytes.Equal) {
			return false
		}
	}
	return true
}

// TestEverySyncOfOlder lays the folders as they are before each sync of the Open that finds an older copy, which was taken in the midst of
// a change. What was destroyed since is destroyed in all of them, and all of them say what they are.
func TestEverySyncOfOlder(t *testing.T) {
	o, c := anchored(t)
	disk := new(durabletest.Watched)
	o.Disk = disk
	s := born(t, o)
	mustEnrol(t, s, 7, 8)
	var midst []copied
	step := func(do func()) { // and a copy before each of its syncs
		disk.Before = func(string) error {
			midst = append(midst, copyOut(t, o))
			return nil
		}
		do()
		disk.Before = nil
	}
	step(func() { mustErase(t, s, labelOf(7)) })
	step(func() {
		_, _, err := s.Recapture(current(s, enrolment(8)))
		must(t, err)
	})
	for _, step := range life {
		step.do(t, s)
	}
	must(t, s.Close())
	last := copyOut(t, o)
	opened := func(point copied, count uint64, disk durable.Disk) (store.Options, *counter) {
		at, d := anchored(t)
		putBack(t, at.Dir, point.dir)
		putBack(t, at.KeyDir, point.keys)
		putBack(t, at.AnchorDir, point.anchor)
		at.Disk, d.count = disk, count
		return at, d
	}
	for i, point := range midst {
		if i%14 != 7 && !slow() {
			continue
		}
		point.anchor = last.anchor
		watched := new(durabletest.Watched)
		at, d := opened(point, c.count, watched)
		type cut struct {
			copied
			count uint64
		}
		var cuts []cut
		watched.Before = func(string) error {
			cuts = append(cuts, cut{copyOut(t, at), d.count})
			return nil
		}
		must(t, mustOpenApart(t, at).Close())
		for i, cut := range cuts {
			if i%6 != 5 && !slow() {
				continue
			}
			at, _ := opened(cut.copied, cut.count, nil)
			s, err := store.Open(at)
			must(t, err)
			if s.Faces().Older() == nil {
				t.Error("it is not told")
			}
			mustBeGone(t, s)
			must(t, s.Close())
		}
	}
}

// TestNewerBackup restores a backup that is newer than the copy that was put back, where the anchor is lost: who was erased between the two
// is not in the backup, and does not stay in the copy either.
func TestNewerBackup(t *testing.T) {
	o, _ := anchored(t)
	o.Anchors = nil
	s := born(t, o)
	must(t, s.Close())
	point := copyOut(t, o)
	s = mustOpenApart(t, o)
	e, err := s.Erase(store.ByLabel(labelOf(0)), audit.Requested, 1000)
	must(t, err)
	b := mustBackup(t, s)
	must(t, errors.Join(s.Close(), os.RemoveAll(o.AnchorDir)))
	putBack(t, o.Dir, point.dir)
	putBack(t, o.KeyDir, point.keys)
	must(t, mustOpenApart(t, o).Close())
	mustRefuseRestore(t, o, b.Data, store.Proof{Said: true, Last: 1, Keys: store.BringBack}, store.ErrReceipts)
	mustRestore(t, o, b.Data, store.Proof{Receipts: [][]byte{e.Receipt}, Keys: store.BringBack})
	mustHold(t, mustOpenApart(t, o), 1, 2, 3, 4, 5)
}
