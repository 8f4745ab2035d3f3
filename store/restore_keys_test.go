package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"facegate/configs/hint"
	"facegate/store"
	"facegate/store/clock/clocktest"
	"facegate/store/durable/durabletest"
	"facegate/store/storetest"
)

// keyed makes a store of two people without a face, who have a pass, a card and a PIN each.
func keyed(t *testing.T, o store.Options) (s *store.Store, people []store.Person) {
	t.Helper()
	s = mustOpenApart(t, o)
	people = mustJoin(t, s, 0, 1)
	for n := range people {
		mustAddCard(t, s, n, "card of "+labelOf(n), store.Terms{})
		_, _, err := s.Credentials().Issue(labelOf(n), store.Terms{}, 1000)
		must(t, err)
		mustSetPIN(t, s, n, "271828", store.Terms{})
	}
	return s, people
}

// count returns how many passes, cards and PINs somebody has.
func count(t *testing.T, s *store.Store, n int) store.Counts {
	t.Helper()
	for _, p := range mustRead(t, s).People {
		if p.Label == labelOf(n) {
			return p.Count()
		}
	}
	t.Fatalf("%s is not on the list", labelOf(n))
	return store.Counts{}
}

// TestRestoreCredentials restores a store whose list outlived it: everybody has what they had, but for what was revoked or replaced
// since, or is somebody else's by now.
func TestRestoreCredentials(t *testing.T) {
	o := apart(t)
	s, people := keyed(t, o)
	three := mustAddCard(t, s, 0, "given away", store.Terms{})
	b := mustBackup(t, s)
	revoked, err := s.Credentials().List(labelOf(1))
	must(t, err)
	must(t, s.Credentials().Revoke(labelOf(0), three.ID, 1000))
	for _, c := range revoked {
		if c.Kind == store.Card {
			must(t, s.Credentials().Revoke(labelOf(1), c.ID, 1000))
		}
	}
	_, _, err = s.Credentials().Issue(labelOf(1), store.Terms{}, 1000) // in the place of the one before
	must(t, err)
	mustSetPIN(t, s, 1, "314159", store.Terms{})
	must(t, errors.Join(s.Close(), os.RemoveAll(o.Dir)))

	r := mustRestore(t, o, b.Data, store.Proof{Replace: true})
	if r.People != 2 || r.Keys != 3 || r.KeysOut != 4 || r.Shut != 1 || !r.Known {
		t.Errorf("%+v", r)
	}
	s = mustOpenApart(t, o)
	if got, want := count(t, s, 0), (store.Counts{Passes: 1, Cards: 1, PINs: 1}); got != want {
		t.Errorf("who has changed nothing has %+v, want %+v", got, want)
	}
	if got := count(t, s, 1); got != (store.Counts{}) {
		t.Errorf("whose keys are all others has %+v of before", got)
	}
	finds(t, s, "card of "+labelOf(0), people[0], nil)
	finds(t, s, "card of "+labelOf(1), store.Person{}, store.ErrCredential)
	finds(t, s, "given away", store.Person{}, store.ErrCredential)
	checks(t, s, people[0], "271828", false, nil)
	checks(t, s, people[1], "271828", false, store.ErrPIN)
}

// TestRestoreWhatIsValidAgain brings back what was gone for a while, and is as it was: the card that its owner was given again, and the
// number of a PIN for duress that was taken away.
func TestRestoreWhatIsValidAgain(t *testing.T) {
	o := apart(t)
	s, people := keyed(t, o)
	b := mustBackup(t, s)
	must(t, s.Credentials().SetDuress(labelOf(0), []byte("314159"), 1000))
	must(t, s.Credentials().RemoveDuress(labelOf(0), 1000))
	must(t, errors.Join(s.Close(), os.RemoveAll(o.Dir)))
	if r := mustRestore(t, o, b.Data, store.Proof{Replace: true}); r.Keys != 6 || r.KeysOut != 0 {
		t.Errorf("%+v", r)
	}
	s = mustOpenApart(t, o)
	checks(t, s, people[0], "271828", false, nil)
	checks(t, s, people[0], "314159", false, store.ErrPIN)
}

// TestRestoreKeysOfAFace gives somebody a new pass together with their first face: the one before stays dead.
func TestRestoreKeysOfAFace(t *testing.T) {
	o := apart(t)
	s, _ := keyed(t, o)
	b := mustBackup(t, s)
	first := enrolment(0)
	first.Pass = keysOf(t, s, 0)
	_, _, err := s.Recapture(first)
	must(t, errors.Join(err, s.Close(), os.RemoveAll(o.Dir)))
	if r := mustRestore(t, o, b.Data, store.Proof{Replace: true}); r.Keys != 5 || r.KeysOut != 1 {
		t.Errorf("%+v", r)
	}
	if got := count(t, mustOpenApart(t, o), 0); got.Passes != 0 || got.Cards != 1 {
		t.Errorf("back are %+v", got)
	}
}

// TestRestoreKeysUnknown restores where the list is lost: on another card, and where the list was begun anew meanwhile. Nobody decides
// for the operator whether cards open again that may have been revoked.
func TestRestoreKeysUnknown(t *testing.T) {
	lost := apart(t)
	s, people := keyed(t, lost)
	b := mustBackup(t, s)
	must(t, s.Close())
	must(t, errors.Join(os.Remove(filepath.Join(lost.KeyDir, "erased.list")), os.Remove(filepath.Join(lost.KeyDir, "erased.copy.list"))))
	s = mustOpenApart(t, lost) // which begins the list anew
	must(t, errors.Join(s.Close(), os.RemoveAll(lost.Dir)))
	for name, to := range map[string]store.Options{"another card": apart(t), "the list begun anew": lost} {
		mustRefuseRestore(t, apart(t), b.Data, store.Proof{Keys: store.BringBack}, store.ErrReceipts) // it is to be said that there are none
		proof := store.Proof{Said: true, Replace: true}
		err := mustRefuseRestore(t, to, b.Data, proof, store.ErrKeys)
		if !strings.Contains(hint.Of(err), "--credentials back") {
			t.Errorf("%s: to do: %s", name, hint.Of(err))
		}
		proof.Keys = store.BringBack
		if r := mustRestore(t, to, b.Data, proof); r.Keys != 6 || r.KeysOut != 0 || r.Known || r.Shut != 0 {
			t.Errorf("%s: %+v", name, r)
		}
		finds(t, mustOpenApart(t, to), "card of "+labelOf(1), people[1], nil)
	}
}

// visited makes a store that an office lets visitors into, with a pass for each of what can become of one.
func visited(t *testing.T, s *store.Store) (used, revoked, byNumber, half, kept visitPass) {
	t.Helper()
	mustAddOffice(t, s, "front desk", 1)
	used, revoked, byNumber, half, kept = today(1), today(2), today(3), today(4), today(5)
	used.uses, half.uses, kept.uses = 1, 3, 1
	revoked.from, byNumber.from = storetest.Now().Add(24*time.Hour), storetest.Now().Add(48*time.Hour)
	mustEnter(t, s, "once", used, nil)
	mustEnter(t, s, "one of three", half, nil)
	mustRevoke(t, s, revoked.number(t), revoked.id(t).Until())
	mustRevoke(t, s, byNumber.number(t), time.Time{})
	return used, revoked, byNumber, half, kept
}

// TestRestoreVisitors restores on another card. Passes that were used up or revoked stay so, those that may have been used since open
// nothing, and the office goes on with new ones.
func TestRestoreVisitors(t *testing.T) {
	now := storetest.Now()
	from, to := apart(t), apart(t)
	from.Clock = clocktest.Right(func() time.Time { return now })
	to.Clock = from.Clock
	s := mustOpenApart(t, from)
	mustEnrol(t, s, 0)
	mustErase(t, s, labelOf(0)) // so that there is a number to say
	used, revoked, byNumber, half, kept := visited(t, s)
	b := mustBackup(t, s)
	mustEnter(t, s, "after the backup", kept, nil)
	must(t, s.Close())
	now = now.Add(time.Hour)

	mustRefuseRestore(t, to, b.Data, store.Proof{Last: 1}, store.ErrKeys)
	r := mustRestore(t, to, b.Data, store.Proof{Last: 1, Keys: store.BringBack})
	if r.Offices != 1 || r.OfficesOut != 0 || r.Known || !r.Visits {
		t.Errorf("%+v", r)
	}
	now = now.Add(time.Minute)
	s = mustOpenApart(t, to)
	mustEnter(t, s, "used before the backup", used, store.ErrUsedUp)
	mustEnter(t, s, "used after the backup", kept, store.ErrBefore)
	mustEnter(t, s, "with uses left", half, store.ErrBefore)
	fresh := today(6)
	fresh.from, fresh.uses = now, 1
	mustEnter(t, s, "issued after the restore", fresh, nil)
	mustEnter(t, s, "issued after the restore, again", fresh, store.ErrUsedUp)
	now = now.Add(24 * time.Hour)
	mustEnter(t, s, "revoked by itself", revoked, store.ErrRevoked)
	must(t, s.Close())
	s = mustOpenApart(t, to) // what was restored is on disk
	now = now.Add(24 * time.Hour)
	mustEnter(t, s, "revoked by its number", byNumber, store.ErrRevoked)
	if _, err := s.Retention().Prune(); err != nil {
		t.Error(err)
	}
	if list := s.Credentials().Visits().List(); len(list) != 1 || list[0].Number != byNumber.number(t) {
		t.Errorf("kept are %+v", list)
	}
}

// TestRestoreOffices brings back no office that was removed since, and says so of one about which nobody can tell.
func TestRestoreOffices(t *testing.T) {
	o := apart(t)
	s := mustOpenApart(t, o)
	used, _, _, _, _ := visited(t, s)
	mustAddOffice(t, s, "porter", 2)
	mustAddOffice(t, s, "cleaners", 3)
	b := mustBackup(t, s)
	visits := s.Credentials().Visits()
	for _, name := range []string{"porter", "cleaners"} {
		_, err := visits.RemoveOffice(name, 1000)
		must(t, err)
	}
	mustAddOffice(t, s, "cleaners", 3) // again
	must(t, errors.Join(s.Close(), os.RemoveAll(o.Dir)))
	if r := mustRestore(t, o, b.Data, store.Proof{Replace: true}); r.Offices != 2 || r.OfficesOut != 1 || !r.Known || !r.Visits {
		t.Errorf("%+v", r)
	}
	s = mustOpenApart(t, o)
	if all := s.Credentials().Visits().Offices(); len(all) != 2 || all[0].Name != "cleaners" || all[1].Name != "front desk" {
		t.Errorf("offices %+v", all)
	}
	must(t, s.Close())
	if r := mustRestore(t, o, b.Data, store.Proof{}); r.Offices+r.OfficesOut != 0 || r.Visits {
		t.Errorf("into a sound store: %+v", r)
	}

	o = apart(t)
	if r := mustRestore(t, o, b.Data, store.Proof{Said: true, Keys: store.LeaveOut}); r.Offices != 0 || r.OfficesOut != 3 {
		t.Errorf("left out: %+v", r)
	}
	s = mustOpenApart(t, o)
	mustEnter(t, s, "of an office that is not back", used, store.ErrOffice)
	mustAddOffice(t, s, "front desk", 1)
	mustEnter(t, s, "of one that is registered again", used, store.ErrUsedUp)
}

// TestRestoreVisitorsByAWrongClock restores on a board that does not know the date. Once it does, a pass counts by when the restore
// really was.
func TestRestoreVisitorsByAWrongClock(t *testing.T) {
	from := apart(t)
	s := mustOpenApart(t, from)
	mustEnrol(t, s, 0)
	mustErase(t, s, labelOf(0))
	_, _, _, _, kept := visited(t, s)
	b := mustBackup(t, s)
	mustEnter(t, s, "after the backup", kept, nil)
	must(t, s.Close())

	machine := clocktest.New(storetest.Now().Add(time.Hour))
	machine.Ahead(-3 * 365 * oneDay)
	to := apart(t)
	to.Clock = machine.Read
	if r := mustRestore(t, to, b.Data, store.Proof{Last: 1, Keys: store.BringBack}); r.Offices != 1 {
		t.Errorf("%+v", r)
	}
	s = mustOpenApart(t, to)
	mustEnter(t, s, "nobody knows the date", kept, store.ErrUndated)
	machine.Pass(30 * time.Minute)
	machine.Ahead(0)
	must(t, s.Clock().Confirm(machine.Wall(), 1000))
	must(t, s.Clock().Tick())
	mustEnter(t, s, "the date is known", kept, store.ErrBefore)
	soon, late := today(6), today(7)
	soon.from = storetest.Now().Add(time.Hour - time.Minute).Truncate(time.Minute)
	late.from = storetest.Now().Add(time.Hour + 2*time.Minute).Truncate(time.Minute)
	mustEnter(t, s, "began before the restore", soon, store.ErrBefore)
	mustEnter(t, s, "began after it", late, nil)
	must(t, s.Close())
	s = mustOpenApart(t, to)
	machine.Pass(time.Hour)
	mustEnter(t, s, "began before the restore, later", soon, store.ErrBefore)
	mustEnter(t, s, "began after it, later", late, nil)
}

// TestRestoreVisitorsCutOff fails a restore at every point, and does it again: offices and uses are back all the same.
func TestRestoreVisitorsCutOff(t *testing.T) {
	for point, done := 0, false; !done; point++ {
		o := apart(t)
		s := mustOpenApart(t, o)
		used, _, _, _, kept := visited(t, s)
		mustEnrol(t, s, 0)
		b := mustBackup(t, s)
		must(t, errors.Join(s.Close(), os.RemoveAll(o.Dir)))
		faulty := o
		faulty.Rand = &faultyReader{o.Rand, point}
		_, err := store.Restore(faulty, b.Data, store.Proof{Replace: true}, 1000)
		done = err == nil
		mustRestore(t, o, b.Data, store.Proof{Replace: true})
		s = mustOpenApart(t, o)
		if all := s.Credentials().Visits().Offices(); len(all) != 1 {
			t.Fatalf("point %d: offices %+v after %v", point, all, err)
		}
		mustEnter(t, s, "used", used, store.ErrUsedUp)
		mustEnter(t, s, "not used", kept, store.ErrBefore)
		must(t, s.Close())
	}
}

// TestRestoreGivenUp cuts a restore off once the damaged store has made way, and goes on without it: what was used before opens nothing,
// although the gate knows of no pass any more.
func TestRestoreGivenUp(t *testing.T) {
	for point := 0; ; point++ {
		o := apart(t)
		s := mustOpenApart(t, o)
		used, _, _, _, _ := visited(t, s)
		b := mustBackup(t, s)
		must(t, errors.Join(s.Close(), os.RemoveAll(o.Dir)))
		faulty := o
		faulty.Rand = &faultyReader{o.Rand, point}
		if _, err := store.Restore(faulty, b.Data, store.Proof{Replace: true}, 1000); err == nil {
			t.Fatal("no point leaves an empty store")
		}
		s, err := store.Open(o)
		if err != nil { // the damaged one is there
			continue
		}
		mustAddOffice(t, s, "front desk", 1)
		mustEnter(t, s, "used", used, store.ErrBefore)
		must(t, s.Close())
		return
	}
}

// TestBackupOfAnotherVersion says of a backup of another version that it is one.
func TestBackupOfAnotherVersion(t *testing.T) {
	o := apart(t)
	_, err := store.Restore(o, []byte("facegate backup 4\nsealed"), store.Proof{Last: 1}, 1000)
	if !errors.Is(err, store.ErrBackup) || !strings.Contains(hint.Of(err), "by the version that has made it") {
		t.Errorf("%v, to do: %s", err, hint.Of(err))
	}
}

// TestBackupOwnsWhatIsThere makes a backup after a card was not revoked for want of a disk: it is back with its owner.
func TestBackupOwnsWhatIsThere(t *testing.T) {
	o, disk := apart(t), new(durabletest.Watched)
	o.Disk = disk
	s, people := keyed(t, o)
	all, err := s.Credentials().List(labelOf(0))
	must(t, err)
	disk.Before = func(path string) error {
		if strings.HasPrefix(filepath.Base(path), "people") {
			return errors.New("no room")
		}
		return nil
	}
	if err := s.Credentials().Revoke(labelOf(0), all[1].ID, 1000); err == nil {
		t.Fatal("revoked without a disk")
	}
	disk.Before = nil
	finds(t, s, "card of "+labelOf(0), people[0], nil)
	b := mustBackup(t, s)
	must(t, errors.Join(s.Close(), os.RemoveAll(o.Dir)))
	if r := mustRestore(t, o, b.Data, store.Proof{Replace: true}); r.Keys != 6 {
		t.Errorf("%+v", r)
	}
	finds(t, mustOpenApart(t, o), "card of "+labelOf(0), people[0], nil)
}

// TestReplacedPassOfNoTemplate gives somebody a new pass with a new capture, after a lockdown had destroyed the template that the pass before
// opened: that pass stays dead, by a backup and by files that are put back.
func TestReplacedPassOfNoTemplate(t *testing.T) {
	o, _ := anchored(t)
	s := mustOpenApart(t, o)
	must(t, enrolBound(s, 4))
	b := mustBackup(t, s)
	must(t, s.Close())
	before := copyOut(t, o)
	s = mustOpenApart(t, o)
	must(t, errors.Join(s.Lockdown().Begin(1000), s.Lockdown().End(1000)))
	_, _, err := s.Recapture(bound(enrolment(4), keysOf(t, s, 5)))
	must(t, errors.Join(err, s.Close()))
	for name, put := range map[string]func(){
		"files":  func() { putBack(t, o.Dir, before.dir); putBack(t, o.KeyDir, before.keys) },
		"backup": func() { must(t, os.RemoveAll(o.Dir)); mustRestore(t, o, b.Data, store.Proof{Replace: true}) },
	} {
		put()
		s := mustOpenApart(t, o)
		if _, err := s.Credentials().FindPass(keysOf(t, s, 4)); !errors.Is(err, store.ErrCredential) {
			t.Errorf("%s: the pass of before opens: %v", name, err)
		}
		must(t, s.Close())
	}
}
