package store_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"facegate/configs/hint"
	"facegate/store"
	"facegate/store/audit"
	"facegate/store/clock/clocktest"
	"facegate/store/storetest"
)

func mustRestore(t *testing.T, o store.Options, data []byte, proof store.Proof) store.Restored {
	t.Helper()
	r, err := store.Restore(o, data, proof, 1000)
	if err != nil {
		t.Fatalf("%v; to do: %s", err, hint.Of(err))
	}
	return r
}

// mustRefuseRestore checks that a restore is refused, with advice, and that nothing has changed.
func mustRefuseRestore(t *testing.T, o store.Options, data []byte, proof store.Proof, want error) error {
	t.Helper()
	if err := errors.Join(os.MkdirAll(o.Dir, 0o700), os.MkdirAll(o.KeyDir, 0o700)); err != nil {
		t.Fatal(err)
	}
	dbs, keys := files(t, o.Dir), files(t, o.KeyDir)
	_, err := store.Restore(o, data, proof, 1000)
	if !errors.Is(err, want) || hint.Of(err) == "" {
		t.Fatalf("got %v, want %v; to do: %s", err, want, hint.Of(err))
	}
	for name, data := range files(t, o.KeyDir) {
		if was, ok := keys[name]; ok && !bytes.Equal(was, data) {
			t.Errorf("%s was changed", name)
		}
	}
	for name := range dbs {
		if _, err := os.Stat(filepath.Join(o.Dir, name)); err != nil {
			t.Errorf("%s is gone: %v", name, err)
		}
	}
	return err
}

// labels returns who is enrolled, and who of them has a template.
func labels(t *testing.T, s *store.Store) (all, matching []string) {
	t.Helper()
	c := mustRead(t, s)
	for _, p := range c.People {
		all = append(all, p.Label)
		if _, ok := c.Records[p.ID]; ok {
			matching = append(matching, p.Label)
		}
	}
	return all, matching
}

func mustHold(t *testing.T, s *store.Store, want ...int) {
	t.Helper()
	var names []string
	for _, n := range want {
		names = append(names, labelOf(n))
	}
	if all, matching := labels(t, s); !slices.Equal(all, names) || !slices.Equal(matching, names) {
		t.Errorf("%v are enrolled and %v match, want %v", all, matching, names)
	}
}

// TestRestoreDamaged restores a store of which the databases are gone and the keyrings are there: its own list says who was
// erased since.
func TestRestoreDamaged(t *testing.T) {
	o, b, _ := backedUp(t)
	if err := os.RemoveAll(o.Dir); err != nil {
		t.Fatal(err)
	}
	mustRefuseRestore(t, o, b.Data, store.Proof{}, store.ErrRemains)
	err := mustRefuseRestore(t, o, b.Data, store.Proof{Replace: true, Last: 4}, store.ErrReceipts)
	if !strings.Contains(err.Error(), "missing: 3, 4") {
		t.Errorf("the operator holds receipt 4, and it says: %v", err)
	}
	r := mustRestore(t, o, b.Data, store.Proof{Replace: true, Last: 2})
	if r.People != 3 || r.Templates != 3 || r.Erased != 1 || r.Number != 1 || r.Last != 2 || !r.Listed {
		t.Errorf("%+v", r)
	}
	s := mustOpenApart(t, o)
	mustHold(t, s, 0, 2, 3)
	ended, err := s.Retention().Ended()
	if err != nil || len(ended) != 2 {
		t.Errorf("%d consents are kept as ended, %v", len(ended), err)
	}
	// The store goes on: numbers, erasures, another restore.
	if e, err := s.Erase(store.ByLabel(labelOf(0)), audit.Requested, 1000); err != nil || !bytes.Contains(e.Receipt, []byte(`"number":3,`)) {
		t.Errorf("%s, %v", e.Receipt, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if r := mustRestore(t, o, b.Data, store.Proof{}); r.People != 0 || r.Present != 2 || r.Erased != 2 || r.Last != 3 {
		t.Errorf("into a sound store: %+v", r)
	}
	mustHold(t, mustOpenApart(t, o), 2, 3)
}

// TestRestoreNewCard restores on a device of which the key alone is left: the receipts say who was erased since.
func TestRestoreNewCard(t *testing.T) {
	_, b, receipt := backedUp(t)
	o := apart(t)
	err := mustRefuseRestore(t, o, b.Data, store.Proof{}, store.ErrReceipts)
	if !strings.Contains(hint.Of(err), "--last-receipt N") {
		t.Errorf("to do: %s", hint.Of(err))
	}
	mustRefuseRestore(t, o, b.Data, store.Proof{Last: 2}, store.ErrReceipts)
	mustRefuseRestore(t, o, b.Data, store.Proof{Last: 3, Receipts: [][]byte{receipt}}, store.ErrReceipts)
	mustRefuseRestore(t, o, b.Data, store.Proof{Last: 1 << 60}, store.ErrReceipts)
	if r := mustRestore(t, o, b.Data, store.Proof{Receipts: [][]byte{receipt}}); r.People != 3 || r.Erased != 1 || r.Last != 2 || r.Listed {
		t.Errorf("%+v", r)
	}
	s := mustOpenApart(t, o)
	mustHold(t, s, 0, 2, 3)
	mustErase(t, s, labelOf(0))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	// A second time the list knows of number 3, and not of 2.
	mustRefuseRestore(t, o, b.Data, store.Proof{}, store.ErrReceipts)
	if r := mustRestore(t, o, b.Data, store.Proof{Receipts: [][]byte{receipt}}); r.People != 0 || r.Present != 2 || r.Erased != 2 {
		t.Errorf("a second time: %+v", r)
	}

	// Nothing was erased since: the operator says so.
	o = apart(t)
	if r := mustRestore(t, o, b.Data, store.Proof{Last: 1}); r.People != 4 || r.Last != 1 {
		t.Errorf("%+v", r)
	}
	mustHold(t, mustOpenApart(t, o), 0, 1, 2, 3)
}

// TestRestoreAfterDestruction brings back no template that a lockdown or the end of an epoch destroyed.
func TestRestoreAfterDestruction(t *testing.T) {
	for name, destroy := range map[string]func(s *store.Store) error{
		"lockdown": func(s *store.Store) error { return s.Lockdown().Begin(1000) },
		"epoch": func(s *store.Store) error {
			if err := s.Epochs().Begin(1000); err != nil {
				return err
			}
			_, err := s.Epochs().End(1000)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := apart(t)
			s := mustOpenApart(t, o)
			mustEnrol(t, s, 0, 1)
			b := mustBackup(t, s)
			if err := errors.Join(destroy(s), s.Close(), os.RemoveAll(o.Dir)); err != nil {
				t.Fatal(err)
			}
			if r := mustRestore(t, o, b.Data, store.Proof{Replace: true}); r.People != 2 || r.Templates != 0 {
				t.Errorf("%+v", r)
			}
			s = mustOpenApart(t, o)
			if all, matching := labels(t, s); len(all) != 2 || len(matching) != 0 {
				t.Errorf("%v are enrolled, and %v match", all, matching)
			}
			if s.Lockdown().InForce() != (name == "lockdown") {
				t.Error("the lockdown has ended, or begun")
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			fresh := apart(t) // which has no list, and there is no receipt of it
			mustRefuseRestore(t, fresh, b.Data, store.Proof{Last: 1}, store.ErrReceipts)
		})
	}
}

// TestRestoreRecaptured brings back nobody as they were before they consented and were captured again.
func TestRestoreRecaptured(t *testing.T) {
	o := apart(t)
	s := mustOpenApart(t, o)
	mustEnrol(t, s, 0, 1)
	b := mustBackup(t, s)
	again := enrolment(0)
	again.Lane++
	_, receipt, err := s.Recapture(again)
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	if r := mustRestore(t, o, b.Data, store.Proof{}); r.People != 0 || r.Present != 2 {
		t.Errorf("into a sound store: %+v", r)
	}
	if err := os.RemoveAll(o.Dir); err != nil {
		t.Fatal(err)
	}
	if r := mustRestore(t, o, b.Data, store.Proof{Replace: true}); r.People != 1 || r.Erased != 1 {
		t.Errorf("by the list: %+v", r)
	}
	mustHold(t, mustOpenApart(t, o), 1)
	o = apart(t)
	if r := mustRestore(t, o, b.Data, store.Proof{Receipts: [][]byte{receipt}}); r.People != 1 || r.Erased != 1 {
		t.Errorf("by the receipt: %+v", r)
	}
	mustHold(t, mustOpenApart(t, o), 1)
}

// TestRestoreRefuses refuses what is no backup of this device, and a store that is another one.
func TestRestoreRefuses(t *testing.T) {
	_, b, receipt := backedUp(t)
	o := apart(t)
	proof := store.Proof{Last: 1}
	flipped := slices.Clone(b.Data)
	flipped[len(flipped)/2] ^= 1
	for name, data := range map[string][]byte{
		"nothing": nil, "text": []byte("hello"), "flipped": flipped, "cut": b.Data[:len(b.Data)-1], "longer": append(slices.Clone(b.Data), 0),
	} {
		if _, err := store.Restore(o, data, proof, 1000); !errors.Is(err, store.ErrBackup) || hint.Of(err) == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	other := apart(t)
	other.Keys = storetest.Key{2}
	if _, err := store.Restore(other, b.Data, proof, 1000); !errors.Is(err, store.ErrBackup) {
		t.Errorf("another device: %v", err)
	}
	for _, label := range []string{labelOf(0), "Code", "Consent/2026"} {
		if bytes.Contains(b.Data, []byte(label)) {
			t.Errorf("the backup shows %q", label)
		}
	}
	edited := bytes.Replace(receipt, []byte(`"number":2`), []byte(`"number":3`), 1)
	if _, err := store.Restore(o, b.Data, store.Proof{Receipts: [][]byte{edited}}, 1000); err == nil {
		t.Error("a receipt that was edited counts")
	}
	s := mustOpenApart(t, o)
	mustEnrol(t, s, 0, 1)
	mustErase(t, s, labelOf(0))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	mustRefuseRestore(t, o, b.Data, proof, store.ErrForeign)
}

// TestRestoreBesideOthers leaves out whose label was given to somebody else meanwhile.
func TestRestoreBesideOthers(t *testing.T) {
	_, b, _ := backedUp(t)
	o := apart(t)
	s := mustOpenApart(t, o)
	mustEnrol(t, s, 0, 7)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	r := mustRestore(t, o, b.Data, store.Proof{Last: 1})
	if r.People != 3 || !slices.Equal(r.Taken, []string{labelOf(0)}) {
		t.Errorf("%+v", r)
	}
	mustHold(t, mustOpenApart(t, o), 0, 1, 2, 3, 7)
}

// TestRestorePasses brings back those that open a template, whatever the operator says of the others.
func TestRestorePasses(t *testing.T) {
	o := apart(t)
	s := mustOpenApart(t, o)
	named := enrolment(2)
	named.Pass = keysOf(t, s, 2)
	_, err := s.Enrol(named)
	if err := errors.Join(err, enrolBound(s, 4)); err != nil {
		t.Fatal(err)
	}
	b := mustBackup(t, s)
	if err := errors.Join(s.Close(), os.RemoveAll(o.Dir)); err != nil {
		t.Fatal(err)
	}
	if r := mustRestore(t, o, b.Data, store.Proof{Replace: true}); r.People != 2 || r.Templates != 2 || r.Keys != 1 || r.KeysOut != 0 {
		t.Errorf("by the list: %+v", r)
	}
	mustClaim(t, mustOpenApart(t, o), 2, 4)
	o = apart(t)
	if r := mustRestore(t, o, b.Data, store.Proof{Said: true, Keys: store.LeaveOut}); r.People != 2 || r.Templates != 2 || r.Keys != 0 || r.KeysOut != 1 {
		t.Errorf("left out: %+v", r)
	}
	mustClaim(t, mustOpenApart(t, o), 4)
}

// TestRestoreCutOff fails a restore at every point, and does it again.
func TestRestoreCutOff(t *testing.T) {
	point := 0
	for done := false; !done; point++ {
		o, b, receipt := backedUp(t)
		if err := os.RemoveAll(o.Dir); err != nil {
			t.Fatal(err)
		}
		proof := store.Proof{Replace: true, Receipts: [][]byte{receipt}}
		faulty := o
		faulty.Rand = &faultyReader{o.Rand, point}
		_, err := store.Restore(faulty, b.Data, proof, 1000)
		done = err == nil
		again := mustRestore(t, o, b.Data, proof)
		if done && again.Present != 3 || !done && again.People+again.Present != 3 {
			t.Fatalf("point %d: %+v after %v", point, again, err)
		}
		s := mustOpenApart(t, o)
		mustHold(t, s, 0, 2, 3)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if point < 20 {
		t.Errorf("only %d points", point)
	}
}

// TestRestoreAfterForcedLockdown brings back no template that was destroyed in a store that did not open.
func TestRestoreAfterForcedLockdown(t *testing.T) {
	for name, lists := range map[string]bool{"with the list": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			o, b, receipt := backedUp(t)
			err := errors.Join(os.Truncate(filepath.Join(o.Dir, "people.db"), 0), os.Truncate(filepath.Join(o.Dir, "people.copy.db"), 0))
			if !lists {
				err = errors.Join(err, os.Remove(filepath.Join(o.KeyDir, "erased.list")), os.Remove(filepath.Join(o.KeyDir, "erased.copy.list")))
			}
			if err := errors.Join(err, store.ForceLockdown(store.Place{Dir: o.Dir, KeyDir: o.KeyDir}, storetest.Now())); err != nil {
				t.Fatal(err)
			}
			proof := store.Proof{Replace: true, Receipts: [][]byte{receipt}}
			if r := mustRestore(t, o, b.Data, proof); r.People != 3 || r.Templates != 0 || r.Last != 3 {
				t.Errorf("%+v", r)
			}
			s := mustOpenApart(t, o)
			if all, matching := labels(t, s); len(all) != 3 || len(matching) != 0 || !s.Lockdown().InForce() {
				t.Errorf("%v are enrolled, %v match, locked down %v", all, matching, s.Lockdown().InForce())
			}
		})
	}
}

// TestRestoreAfterAWrongClock erases somebody in 2006, as the clock says, and restores a backup from before. That there was a
// consent is kept for as long as if it had ended now.
func TestRestoreAfterAWrongClock(t *testing.T) {
	machine := clocktest.New(storetest.Now())
	machine.Sync(true)
	o := apart(t)
	o.Clock = machine.Read
	s := mustOpenApart(t, o)
	mustEnrol(t, s, 0, 1)
	b := mustBackup(t, s)
	machine.Ahead(-20 * 365 * oneDay)
	mustErase(t, s, labelOf(0))
	must(t, s.Close())
	machine.Ahead(0)
	must(t, os.RemoveAll(o.Dir))
	if r := mustRestore(t, o, b.Data, store.Proof{Replace: true}); r.People != 1 || r.Erased != 1 {
		t.Errorf("restored %+v", r)
	}
	s = mustOpenApart(t, o)
	defer s.Close()
	for _, step := range []struct{ days, left int }{{0, 1}, {3*365 - 1, 1}, {2, 0}} {
		machine.Pass(time.Duration(step.days) * oneDay)
		if _, err := s.Retention().Prune(); err != nil || s.Retention().Former() != step.left {
			t.Errorf("%d days later %d consents are left, %v", step.days, s.Retention().Former(), err)
		}
	}
}

// TestRestoreMembers restores people without a face, by the store's own list and by the receipts. Whoever left since stays
// away, and whose face was withdrawn comes back without it. By the list they have their cards again, but for what may have been used
// since; by the receipts the operator has all of them left out.
func TestRestoreMembers(t *testing.T) {
	for _, listed := range []bool{true, false} {
		t.Run(map[bool]string{true: "by the list", false: "by the receipts"}[listed], func(t *testing.T) {
			o := apart(t)
			s := mustOpenApart(t, o)
			mustEnrol(t, s, 0, 3)
			mustJoin(t, s, 1, 2)
			must(t, enrolBound(s, 4))
			for n, groups := range [][]string{{"staff"}, {"cleaners", "staff"}, {"cleaners"}} {
				_, err := s.Members().Regroup(labelOf(n), groups, 1000)
				must(t, err)
			}
			mustAddCard(t, s, 0, "zero", store.Terms{Uses: 1})
			mustAddCard(t, s, 1, "one", store.Terms{})
			mustAddCard(t, s, 3, "three", store.Terms{})
			b := mustBackup(t, s)
			left, err := s.Erase(store.ByLabel(labelOf(2)), audit.Requested, 1000)
			must(t, err)
			faceless, err := s.Erase(store.ByLabel(labelOf(3)), audit.FaceWithdrawn, 1000)
			must(t, errors.Join(err, s.Close()))
			proof := store.Proof{Replace: true, Last: 2}
			if listed {
				must(t, os.RemoveAll(o.Dir))
			} else {
				o = apart(t)
				proof = store.Proof{Receipts: [][]byte{left.Receipt, faceless.Receipt}, Keys: store.LeaveOut}
			}
			keys := map[bool]int{true: 2}[listed]
			r := mustRestore(t, o, b.Data, proof)
			if r.People != 4 || r.Templates != 2 || r.Erased != 1 || r.Keys != keys || r.KeysOut != 3-keys || r.Shut != 2-keys || r.Known != listed {
				t.Errorf("%+v", r)
			}
			s = mustOpenApart(t, o)
			all, matching := labels(t, s)
			if !slices.Equal(all, []string{labelOf(0), labelOf(1), labelOf(3), labelOf(4)}) || !slices.Equal(matching, []string{labelOf(0)}) {
				t.Errorf("%v are on the list, and %v match", all, matching)
			}
			grouped(t, "back", s, map[string][]string{labelOf(0): {"staff"}, labelOf(1): {"cleaners", "staff"}})
			for _, p := range mustRead(t, s).People {
				consented, holds := p.Label == labelOf(0) || p.Label == labelOf(4), p.Label == labelOf(4) || listed && p.Label != labelOf(0)
				if p.Consented() != consented || (len(p.Credentials) == 1) != holds {
					t.Errorf("back is %+v", p)
				}
			}
			if _, _, err := s.Templates().Claim(keysOf(t, s, 4), model); err != nil {
				t.Errorf("the pass that the template opens with: %v", err)
			}
			finds(t, s, "zero", store.Person{}, store.ErrCredential)
			for _, card := range []string{"one", "three"} {
				if _, err := s.Credentials().FindCard([]byte(card)); (err == nil) != listed {
					t.Errorf("card %s: %v", card, err)
				}
			}
			ended, err := s.Retention().Ended()
			if err != nil || len(ended) != 1 || ended[0].Why.String() != "face-withdrawn" {
				t.Errorf("kept are %+v, %v", ended, err)
			}
			must(t, s.Close())
			if r := mustRestore(t, o, b.Data, proof); r.People != 0 || r.Present != 4 || r.Erased != 1 {
				t.Errorf("a second time: %+v", r)
			}
		})
	}
}
