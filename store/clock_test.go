package store_test

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"facegate/configs/hint"
	"facegate/store"
	"facegate/store/audit"
	"facegate/store/clock/clocktest"
	"facegate/store/receipt"
	"facegate/store/storetest"
)

// openOn opens the store in dir on machine.
func openOn(t *testing.T, dir string, machine *clocktest.Machine) *store.Store {
	t.Helper()
	o := storetest.Options(dir)
	o.Clock = machine.Read
	s, err := store.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// forTerm is an enrolment for 200 days from now on.
func forTerm(n int) store.Enrolment {
	e := enrolment(n)
	e.Term, e.Expires, e.Consent.Given, e.Consent.Expires = 200*oneDay, time.Time{}, time.Time{}, time.Time{}
	return e
}

// TestDatesAreSetLater enrols people while the clock is wrong in one way or the other. When it has come right, by a time
// server or by a technician, they have the dates that they would have had, over a restart of the process too.
func TestDatesAreSetLater(t *testing.T) {
	for name, ahead := range map[string]time.Duration{
		"in 1970": time.Unix(3600, 0).Sub(storetest.Now()), "in 2038": 12 * 365 * oneDay, "half a year ahead": 180 * oneDay,
		"half a year behind": -180 * oneDay, "right, as nobody knows": 0,
	} {
		for _, by := range []string{"a time server", "a technician"} {
			t.Run(name+", set by "+by, func(t *testing.T) {
				dir, machine := t.TempDir(), clocktest.New(storetest.Now())
				machine.Ahead(ahead)
				s := openOn(t, dir, machine)
				p, err := s.Enrol(forTerm(0))
				must(t, err)
				limited := forTerm(1) // until a date that is sooner
				limited.Expires = machine.Now().AddDate(20, 0, 0)
				_, err = s.Enrol(limited)
				must(t, err)
				if w := s.Waiting(); !p.Provisional || w.Provisional != 2 {
					t.Errorf("provisional: %v; %d people wait for dates", p.Provisional, w.Provisional)
				}
				machine.Pass(3 * oneDay)
				must(t, s.Tick())
				must(t, s.Close())
				s = openOn(t, dir, machine)
				s.MarkSeen(p.ID, machine.Wall())
				machine.Ahead(0)
				if by == "a technician" {
					must(t, s.ConfirmClock(machine.Now(), 1000))
				} else {
					machine.Sync(true)
					must(t, s.Tick())
					if people, _ := s.People(); people[0].Provisional || !people[0].Expires.Equal(storetest.Now().Add(200*oneDay)) {
						t.Errorf("as soon as a time server was heard: %+v", people[0])
					}
					machine.Pass(2 * time.Hour)
				}
				must(t, s.Tick())
				must(t, s.Close())
				s = openOn(t, dir, machine)
				today := storetest.Now().Truncate(oneDay)
				people, err := s.People()
				must(t, err)
				for _, p := range people {
					if c := p.Consent; p.Provisional || !p.Enrolled.Equal(today) || !p.Expires.Equal(storetest.Now().Add(200*oneDay)) ||
						!c.Given.Equal(storetest.Now()) || !c.Expires.Equal(p.Expires) {
						t.Errorf("set to %+v", p)
					}
				}
				if got, want := people[0].LastSeen, today.Add(3*oneDay); !got.Equal(want) {
					t.Errorf("last seen on %v, want %v", got, want)
				}
				if _, err := s.Records(model); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// TestTermOfProvisionalDates checks that a clock that never comes right keeps nobody for longer than the term.
func TestTermOfProvisionalDates(t *testing.T) {
	dir, machine := t.TempDir(), clocktest.New(storetest.Now())
	machine.Ahead(-10 * 365 * oneDay)
	s := openOn(t, dir, machine)
	p, err := s.Enrol(forTerm(0))
	must(t, err)
	for day := range 201 {
		if lapsed := s.Lapsed()[p.ID]; lapsed != (day >= 200) {
			t.Fatalf("on day %d: lapsed %v", day, lapsed)
		}
		ids, err := s.EraseDue()
		if must(t, err); len(ids) > 0 != (day >= 200) {
			t.Fatalf("on day %d %d people are erased", day, len(ids))
		}
		s.MarkSeen(p.ID, machine.Wall())
		must(t, s.Tick())
		if day%50 == 0 {
			must(t, s.Close())
			s = openOn(t, dir, machine)
		}
		machine.Pass(oneDay)
	}
}

// TestStepErasesNobody steps the clock ahead over everybody's term, in stores that know the date and in stores that do
// not, and back. Meanwhile nobody matches, nobody is erased, and nothing is dropped.
func TestStepErasesNobody(t *testing.T) {
	for _, synced := range []bool{true, false} {
		dir, machine := t.TempDir(), clocktest.New(storetest.Now())
		machine.Sync(synced)
		s := openOn(t, dir, machine)
		for n := range 3 {
			_, err := s.Enrol(enrolment(n)) // until a date
			must(t, err)
		}
		_, err := s.Erase(labelOf(2), 1000)
		must(t, err)
		log, err := s.Audit()
		must(t, err)
		entries := len(log.Records)
		for _, ahead := range []time.Duration{400 * oneDay, 30 * 365 * oneDay} {
			machine.Ahead(ahead)
			machine.Pass(time.Minute)
			for range 2 { // over a restart
				ids, err := s.EraseDue()
				must(t, err)
				n, err := s.Prune()
				must(t, err)
				if len(ids)+n > 0 || len(s.Lapsed()) != 2 || s.Former() != 1 {
					t.Errorf("synced %v: %d erased, %d dropped, %d lapsed, %d former", synced, len(ids), n, len(s.Lapsed()), s.Former())
				}
				if w := s.Waiting(); w.Erasures != 2 {
					t.Errorf("synced %v: the erasures of %d people wait", synced, w.Erasures)
				}
				if records, err := s.Records(model); len(records) != 0 || err != nil {
					t.Errorf("synced %v: %d people match, %v", synced, len(records), err)
				}
				must(t, s.Close())
				s = openOn(t, dir, machine)
			}
			machine.Ahead(0)
			if records, err := s.Records(model); len(records) != 2 || err != nil {
				t.Errorf("synced %v: back again %d people match, %v", synced, len(records), err)
			}
		}
		if log, err = s.Audit(); err != nil || len(log.Records) < entries || log.Verify(s.PublicKey()) != nil {
			t.Errorf("synced %v: %d entries of %d: %v, %v", synced, len(log.Records), entries, err, log.Verify(s.PublicKey()))
		}
	}
}

// TestErasedWithoutTimeServer checks that a gate that never sees one erases all the same: once a technician has confirmed
// the date, or the clock has gone on for long enough.
func TestErasedWithoutTimeServer(t *testing.T) {
	for _, confirm := range []bool{true, false} {
		dir, machine := t.TempDir(), clocktest.New(storetest.Now())
		machine.Sync(true)
		s := openOn(t, dir, machine)
		_, err := s.Enrol(enrolment(0))
		must(t, err)
		machine.Restart(400 * oneDay)
		must(t, s.Close())
		s = openOn(t, dir, machine)
		days := 0
		for ; days < 20; days++ {
			if confirm {
				must(t, s.ConfirmClock(machine.Wall(), 1000))
			}
			ids, err := s.EraseDue()
			if must(t, err); len(ids) > 0 {
				break
			}
			if w := s.Waiting(); w.Erasures != 1 || len(s.Lapsed()) != 1 {
				t.Errorf("on day %d %+v, %d lapsed", days, w, len(s.Lapsed()))
			}
			machine.Pass(oneDay)
		}
		if want := map[bool]int{true: 0, false: 7}[confirm]; days != want {
			t.Errorf("confirmed %v: erased after %d days, want %d", confirm, days, want)
		}
	}
}

// TestConfirmClockRefuses confirms what cannot be, and what the technician has not seen.
func TestConfirmClockRefuses(t *testing.T) {
	machine := clocktest.New(storetest.Now())
	s := openOn(t, t.TempDir(), machine)
	seen := machine.Wall()
	machine.Ahead(time.Hour)
	if err := s.ConfirmClock(seen, 1000); !errors.Is(err, store.ErrClock) || hint.Of(err) == "" {
		t.Errorf("the clock was set meanwhile: %v", err)
	}
	machine.Ahead(-60 * 365 * oneDay)
	if err := s.ConfirmClock(machine.Wall(), 1000); !errors.Is(err, store.ErrClock) || hint.Of(err) == "" {
		t.Errorf("in 1966: %v", err)
	}
}

// TestDutiesWaitForTheClock checks that no day is noted, and nobody told that theirs has passed, by a clock that is wrong.
func TestDutiesWaitForTheClock(t *testing.T) {
	machine := clocktest.New(storetest.Now())
	machine.Ahead(12 * 365 * oneDay)
	o := storetest.Options(t.TempDir())
	o.Clock, o.FilingAt = machine.Read, 1
	s, err := store.Open(o)
	must(t, err)
	defer s.Close()
	until := forTerm(0)
	until.Expires = storetest.Now().AddDate(0, 1, 0)
	if _, err := s.Enrol(until); !errors.Is(err, store.ErrExpiry) || !strings.Contains(hint.Of(err), "facegate clock") {
		t.Errorf("until a day that has passed by this clock: %v, %q", err, hint.Of(err))
	}
	_, err = s.Enrol(forTerm(1))
	if must(t, err); !s.Filing().IsZero() {
		t.Errorf("to be filed since %v", s.Filing())
	}
	machine.Ahead(0)
	must(t, s.ConfirmClock(machine.Wall(), 1000))
	must(t, s.Tick())
	if want := storetest.Now().Truncate(oneDay); !s.Filing().Equal(want) {
		t.Errorf("to be filed since %v, want %v", s.Filing(), want)
	}
}

// TestOrder sets the clock back and forth. What is older than what came before says so, and so does what was made while
// the clock was in doubt.
func TestOrder(t *testing.T) {
	machine := clocktest.New(storetest.Now())
	machine.Sync(true)
	s := openOn(t, t.TempDir(), machine)
	for n := range 4 {
		_, err := s.Enrol(forTerm(n))
		must(t, err)
	}
	erase := func(n int, clock string) {
		t.Helper()
		e, err := s.Erase(labelOf(n), 1000)
		must(t, err)
		r, err := receipt.Verify(e.Receipt, s.PublicKey())
		if must(t, err); r.Clock != clock {
			t.Errorf("the receipt of %d says of the clock %q, want %q", n, r.Clock, clock)
		}
	}
	erase(0, "")
	machine.Ahead(100 * oneDay)
	erase(1, "doubted")
	machine.Ahead(0)
	erase(2, "set-back")
	machine.Ahead(-time.Second) // as time servers correct it
	erase(3, "")
	log, err := s.Audit()
	must(t, err)
	var marks []audit.Marks
	for _, r := range log.Records[5+4-4:] {
		marks = append(marks, r.Entry.Marks)
	}
	want := []audit.Marks{0, 0, audit.Doubted, audit.Doubted, audit.SetBack, 0, 0, 0}
	if !slices.Equal(marks, want) {
		t.Errorf("the marks are %v, want %v", marks, want)
	}
	if err := log.Verify(s.PublicKey()); err != nil {
		t.Error(err)
	}
	consents, err := s.EndedConsents()
	must(t, err)
	machine.Pass(time.Hour)
	must(t, s.ConfirmClock(machine.Wall(), 1000))
	for _, c := range consents {
		if c.EndedCount == 0 && c.Ended.After(machine.Now()) {
			t.Errorf("a consent ended on %v, and does not say that this is in doubt", c.Ended)
		}
	}
	if consents, err = s.EndedConsents(); err != nil {
		t.Fatal(err)
	}
	for _, c := range consents {
		if c.EndedCount != 0 || c.Ended.Before(c.Given.Add(-time.Minute)) || c.Ended.After(machine.Now()) {
			t.Errorf("a consent given on %v has ended on %v (%v)", c.Given, c.Ended, c.EndedCount)
		}
	}
}

// TestBackupWaitsForDates checks that no date of a doubtful clock gets into a backup, where nothing would say so.
func TestBackupWaitsForDates(t *testing.T) {
	machine := clocktest.New(storetest.Now())
	s := openOn(t, t.TempDir(), machine)
	mustEnrol(t, s, 0)
	machine.Ahead(-20 * 365 * oneDay)
	for _, step := range []func(){func() {}, func() { mustErase(t, s, labelOf(0)) }} {
		step()
		if _, err := s.Backup(1000); !errors.Is(err, store.ErrDates) {
			t.Errorf("the error is %v", err)
		}
	}
	machine.Ahead(0)
	must(t, s.ConfirmClock(machine.Wall(), 1000))
	_, err := s.Backup(1000)
	must(t, err)
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
		if _, err := s.Prune(); err != nil || s.Former() != step.left {
			t.Errorf("%d days later %d consents are left, %v", step.days, s.Former(), err)
		}
	}
}

// TestDoubtedEntriesAreKept checks that an entry that claims to be old is kept for as long as one that was made now.
func TestDoubtedEntriesAreKept(t *testing.T) {
	machine := clocktest.New(storetest.Now())
	s := openOn(t, t.TempDir(), machine)
	machine.Ahead(-20 * 365 * oneDay)
	must(t, s.RecordAccess(machine.Wall()))
	machine.Ahead(0)
	must(t, s.ConfirmClock(machine.Wall(), 1000))
	for _, step := range []struct{ days, pruned int }{{0, 0}, {29, 0}, {1, 1}} {
		machine.Pass(time.Duration(step.days) * oneDay)
		if n, err := s.Prune(); n != step.pruned || err != nil {
			t.Errorf("%d days later %d are dropped, %v", step.days, n, err)
		}
	}
}

// TestNobodyCameLast lets somebody pass, and looks for a trace of who it was. Until it is written for everybody no row
// changes, and then all do.
func TestNobodyCameLast(t *testing.T) {
	dir, machine := t.TempDir(), clocktest.New(storetest.Now())
	machine.Sync(true)
	s := openOn(t, dir, machine)
	people := mustEnrol(t, s, upTo(20)...)
	must(t, s.Close())
	now := func() map[[16]byte][]byte { return rows(t, lay(t, files(t, dir)), "people.db", "people") }
	before := now()
	s = openOn(t, dir, machine)
	pass := func(n int) {
		machine.Pass(time.Hour)
		s.MarkSeen(people[n].ID, machine.Wall())
		must(t, s.RecordAccess(machine.Wall()))
		must(t, s.Tick())
	}
	pass(3)
	if changed(before, now()) != 0 {
		t.Error("a row was written for somebody who passed")
	}
	pass(5)
	for range 3 {
		pass(7)
	}
	if n := changed(before, now()); n != 20 {
		t.Errorf("%d of 20 rows were written", n)
	}
	for name, content := range files(t, dir) {
		for _, row := range before {
			if bytes.Contains(content, row) {
				t.Errorf("%s holds a row as it was before", name)
			}
		}
	}
	must(t, s.Close())
	s = openOn(t, dir, machine)
	seen := 0
	for _, p := range mustRead(t, s).People {
		if !p.LastSeen.IsZero() {
			seen++
		}
	}
	if seen != 3 {
		t.Errorf("%d people were seen", seen)
	}
}

// changed returns how many rows are not as they were.
func changed(before, after map[[16]byte][]byte) (n int) {
	for id, row := range after {
		if !bytes.Equal(row, before[id]) {
			n++
		}
	}
	return n
}
