package store

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"facegate/pipeline/template"
	"facegate/store/audit"
	"facegate/store/clock/clocktest"
	"facegate/store/receipt"
)

// A receipt that was fetched does not come back with an erasure that is cut off later.
func TestDebtIsPaidOnce(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	for n := range 3 {
		_, err := s.Enrol(testEnrolment(n))
		must(t, err)
	}
	_, signed, err := s.Recapture(testEnrolment(0))
	must(t, err)
	r, err := receipt.Verify(signed, s.PublicKey())
	must(t, err)
	must(t, s.FetchedReceipt([16]byte(r.ID)))
	i, err := s.intend([]Person{s.byName["person 1"]}, audit.Requested, 1000)
	must(t, errors.Join(err, save(s, i), s.Close()))
	must(t, os.Remove(s.people.ringPaths()[0])) // is mended, which is noted as soon as the erasure is done
	s = mustOpen(t, dir)
	defer s.Close()
	must(t, s.RecordAccess(testNow()))
	receipts, err := s.Receipts()
	if must(t, err); len(receipts) != 1 || !bytes.Equal(receipts[0], i.Receipt) {
		t.Errorf("%d receipts", len(receipts))
	}
}

// readOnly has every write to d fail.
func readOnly(t *testing.T, d *database) {
	t.Helper()
	f, err := os.Open(d.file.Name())
	must(t, err)
	must(t, errors.Join(syscall.Dup3(int(f.Fd()), int(d.file.Fd()), 0), f.Close()))
}

// halfCommit has every commit of v fail when it is on disk once, until the function that it returns is called.
func halfCommit(t *testing.T, v *vault) (restore func()) {
	t.Helper()
	readOnly(t, v.copy)
	tmp := v.dbPaths()[1-v.lead] + tmpSuffix
	must(t, os.Mkdir(tmp, 0o700))
	return func() { must(t, os.Remove(tmp)) }
}

// A change that failed when it was on disk once goes with the disk that it was on. What is in memory must go with it.
func TestHalfAChangeIsTakenBack(t *testing.T) {
	for _, tt := range []struct {
		name  string
		vault func(*Store) *vault
		table string
		do    func(*Store) error // which begins in the second epoch
	}{
		{"enrolment", func(s *Store) *vault { return s.people }, consentsTable, func(s *Store) error {
			_, err := s.Enrol(testEnrolment(7))
			return err
		}},
		{"erasure", func(s *Store) *vault { return s.people }, consentsTable, func(s *Store) error {
			_, err := s.Erase("person 1", 1000)
			return err
		}},
		{"entry", func(s *Store) *vault { return s.journal }, entriesTable, func(s *Store) error {
			return s.RecordAccess(testNow())
		}},
		{"intent", func(s *Store) *vault { return s.journal }, entriesTable, func(s *Store) error {
			_, err := s.Erase("person 1", 1000)
			return err
		}},
		{"recapture", func(s *Store) *vault { return s.people }, consentsTable, func(s *Store) error {
			_, _, err := s.Recapture(testEnrolment(1))
			return err
		}},
		{"renewal", func(s *Store) *vault { return s.people }, consentsTable, func(s *Store) error {
			_, _, err := s.Renew(s.byName["person 1"].ID, [32]byte{}, 0, template.Code{})
			return err
		}},
	} {
		for next, then := range map[string]func(*Store) error{
			"access": func(s *Store) error { return s.RecordAccess(testNow()) },
			"enrol":  func(s *Store) error { _, err := s.Enrol(testEnrolment(8)); return err },
			"enrol whoever is gone": func(s *Store) error {
				if _, err := s.Enrol(testEnrolment(1)); !errors.Is(err, ErrExists) {
					return err
				}
				return nil
			},
			"seen": func(s *Store) error {
				for _, p := range s.byName {
					s.MarkSeen(p.ID, testNow().AddDate(0, 0, 1))
				}
				must(t, s.ready())
				return s.writeSeen()
			},
			"erase":     func(s *Store) error { _, err := s.Erase("person 2", 1000); return err },
			"lock out":  func(s *Store) error { return s.Attend() },
			"end epoch": func(s *Store) error { _, err := s.EndEpoch(1000); return err },
		} {
			t.Run(tt.name+", then "+next, func(t *testing.T) {
				dir := t.TempDir()
				s := mustOpen(t, dir)
				for n := range 3 {
					_, err := s.Enrol(testEnrolment(n))
					must(t, err)
				}
				must(t, s.BeginEpoch(1000))
				v := tt.vault(s)
				restore := halfCommit(t, v)
				err := tt.do(s)
				if err == nil && tt.name != "entry" { // which is written to journal.db later
					t.Error("nothing failed")
				}
				rot(t, v, v.dbPaths()[v.lead], tt.table)
				restore()
				if err := then(s); err != nil {
					t.Errorf("then: %v", err)
				}
				must(t, s.RecordAccess(testNow()))
				mustBeAsOnDisk(t, s, dir)
			})
		}
	}
}

// mustBeAsOnDisk closes s and opens it again. Nothing may have changed, and nothing be wrong.
func mustBeAsOnDisk(t *testing.T, s *Store, dir string) {
	t.Helper()
	say := func() string {
		people, err := s.People()
		must(t, err)
		records, err := s.Records([32]byte{})
		must(t, err)
		receipts, err := s.Receipts()
		must(t, err)
		l, err := s.Audit()
		must(t, errors.Join(err, l.Verify(s.PublicKey())))
		issued := 0
		for _, r := range l.Records {
			if r.Entry.Kind == audit.ReceiptIssued {
				issued++
			}
		}
		if issued != len(receipts) {
			t.Errorf("%d receipts of %d", len(receipts), issued)
		}
		return fmt.Sprint(people, len(records), len(s.ended), s.Epochs(), l.End.Head, len(l.Records))
	}
	before := say()
	must(t, s.Close())
	s = mustOpen(t, dir)
	if after := say(); after != before {
		t.Errorf("in memory\n%s, on disk\n%s", before, after)
	}
	must(t, s.Close())
}

// A change is not acknowledged if the disk that it was on first goes while it is being copied.
func TestNothingTakenBackIsAcknowledged(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	defer s.Close()
	for n := range 3 {
		_, err := s.Enrol(testEnrolment(n))
		must(t, err)
	}
	rot(t, s.people, s.people.dbPaths()[s.people.lead], consentsTable)
	readOnly(t, s.people.copy)
	_, err := s.Enrol(testEnrolment(7))
	people, _ := s.People()
	if (err == nil) != (len(people) == 4) {
		t.Errorf("%d people: %v", len(people), err)
	}
	must(t, s.RecordAccess(testNow()))
	rows := 0
	must(t, s.people.each(peopleTable, func([16]byte, []byte) error { rows++; return nil }))
	if (err == nil) != (rows == 4) {
		t.Errorf("%d people on disk: %v", rows, err)
	}
}

func TestNoRewriteTakenBackIsAcknowledged(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	defer s.Close()
	_, err := s.Enrol(testEnrolment(0))
	must(t, err)
	must(t, s.people.replace(change{drop: func(row rowID) bool { return row.table == peopleTable }}))
	sealed, err := s.people.sealedHead(s.people.db)
	must(t, err)
	rot(t, s.people, s.people.dbPaths()[s.people.lead], consentsTable)
	if err := s.people.land(sealed); !errors.Is(err, errLost) {
		t.Errorf("the rewrite is gone, and: %v", err)
	}
	if h, err := s.people.head(); err != nil || h.Generation != 1 || h.Counts[0] != 1 {
		t.Errorf("the head is %+v: %v", h, err)
	}
}

// What was pruned is in no file, nor in the free pages of one.
func TestPrunedEntriesAreGone(t *testing.T) {
	dir := t.TempDir()
	o := testOptions(dir)
	now := testNow()
	o.Clock = clocktest.Right(func() time.Time { return now })
	o.Retention.Records = 1000 * time.Hour
	s, err := Open(o)
	must(t, err)
	var states [][]byte
	for range 5 {
		must(t, s.RecordAccess(now))
		sealed, err := s.people.get(stateRow(peopleRow))
		must(t, err)
		states = append(states, sealed)
	}
	now = now.Add(2 * time.Hour)
	n, err := s.Prune()
	if must(t, err); n != 5 {
		t.Errorf("pruned %d", n)
	}
	must(t, s.Close())
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	must(t, err)
	for _, name := range names {
		data, err := os.ReadFile(name)
		must(t, err)
		for i, sealed := range states {
			if bytes.Contains(data, sealed) {
				t.Errorf("%s holds entry %d", filepath.Base(name), i)
			}
		}
	}
}

// journal.db alone, put back to before an erasure, lockdown or end of an epoch, lacks what was to be in it.
func TestJournalFromBeforeAnIntent(t *testing.T) {
	for name, do := range map[string]func(*Store) error{
		"erasure":  func(s *Store) error { _, err := s.Erase("person 1", 1000); return err },
		"lockdown": func(s *Store) error { return s.Lockdown(1000) },
		"epoch": func(s *Store) error {
			_, err := s.EndEpoch(1000)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := mustOpen(t, dir)
			for n := range 3 {
				_, err := s.Enrol(testEnrolment(n))
				must(t, err)
			}
			must(t, s.BeginEpoch(1000))
			must(t, s.Close())
			paths := s.journal.dbPaths()
			old, err := os.ReadFile(paths[0])
			must(t, err)
			s = mustOpen(t, dir)
			must(t, do(s))
			must(t, s.Close())
			for _, path := range paths {
				must(t, os.WriteFile(path, old, 0o600))
			}
			if s, err := testOpen(t, dir); !errors.Is(err, ErrDamaged) {
				receipts, _ := s.Receipts()
				t.Errorf("opened with %d receipts: %v", len(receipts), err)
				s.Close()
			}
		})
	}
}

// Who is due is told even if the erasure fails half-way, since it may be finished with any change that comes next.
func TestEraseDueTellsOfHalf(t *testing.T) {
	o := testOptions(t.TempDir())
	now := testNow()
	o.Clock = clocktest.Right(func() time.Time { return now })
	s, err := Open(o)
	must(t, err)
	defer s.Close()
	p, err := s.Enrol(testEnrolment(0))
	must(t, err)
	now = now.AddDate(3, 0, 0)
	tmp := s.faces.dbPaths()[0] + tmpSuffix
	must(t, os.MkdirAll(filepath.Join(tmp, "x"), 0o700))
	ids, err := s.EraseDue()
	if err == nil || len(ids) != 1 || ids[0] != p.ID {
		t.Errorf("%d people: %v", len(ids), err)
	}
	must(t, os.RemoveAll(tmp))
	must(t, s.RecordAccess(testNow()))
	if people, _ := s.People(); len(people) != 0 {
		t.Error("not finished")
	}
}

// A step of a recapture, of which next and entries are what succession has decided.
type recaptureStep func(s *Store, old, p Person, e Enrolment, next state, entries []audit.Entry) error

// Each case captures somebody again from one scheme into the same or another, with a new pass or without, and stops after a
// step. At any time one pass is good: the old one until the new record is the person's, and the new one from then on.
func TestRecaptureWithPassCutOff(t *testing.T) {
	type terms struct{ pass, bound bool }
	newRecord := func(s *Store, _, p Person, e Enrolment, _ state, entries []audit.Entry) error {
		record, err := s.putRecord(p, e)
		return errors.Join(err, s.faces.commit(change{puts: []put{record}, stamp: entries[0].Seq}))
	}
	after := func(rest func(*Store) error) recaptureStep {
		return func(s *Store, old, p Person, e Enrolment, next state, entries []audit.Entry) error {
			return errors.Join(s.succeed(old, p, e, next, entries), rest(s))
		}
	}
	steps := []struct {
		name string
		cut  recaptureStep
		done bool
	}{
		{"nothing", func(*Store, Person, Person, Enrolment, state, []audit.Entry) error { return nil }, false},
		{"new record in faces.db", newRecord, false},
		{"new people.db half written", func(s *Store, old, p Person, e Enrolment, next state, entries []audit.Entry) error {
			return errors.Join(newRecord(s, old, p, e, next, entries),
				s.people.saveRing(keyring{current: s.people.key, next: [32]byte{9}}),
				os.WriteFile(s.people.dbPaths()[0]+tmpSuffix, []byte("half"), 0o600))
		}, false},
		{"people.db", after(func(*Store) error { return nil }), true},
		{"faces.db", after(func(s *Store) error { return s.dropUnlinked(2) }), true},
		{"journal.db", after((*Store).catchUp), true},
	}
	for _, from := range []terms{{false, false}, {true, false}, {true, true}} {
		for _, to := range []terms{{false, false}, {true, false}, {true, true}} {
			for _, step := range steps {
				t.Run(fmt.Sprintf("%+v to %+v, %s", from, to, step.name), func(t *testing.T) {
					dir := t.TempDir()
					s := mustOpen(t, dir)
					enrolment := func(n int, c template.Code, terms terms) (Enrolment, *template.TokenKeys) {
						_, k, err := s.NewPass()
						must(t, err)
						e := testEnrolment(n)
						e.Code, e.Bound = c, terms.bound
						if e.Bound {
							e.Lane = 0
						}
						if terms.pass {
							e.Pass = k
						}
						return e, k
					}
					for n := range 2 {
						_, err := s.Enrol(testEnrolment(2 + n))
						must(t, err)
					}
					_, neighbour := enrolBound(t, s, 5)
					e, oldPass := enrolment(1, template.Code{1}, from)
					old, err := s.Enrol(e)
					must(t, err)
					row, _ := row(t, s, old)

					e, newPass := enrolment(1, template.Code{2}, to)
					must(t, s.CheckRecapture(e))
					p, err := s.successor(old, e, testNow())
					must(t, err)
					next, entries, err := s.succession(old, p, e)
					must(t, errors.Join(err, step.cut(s, old, p, e, next, entries), s.Close()))
					s = mustOpen(t, dir)
					defer s.Close()

					claims := func(k *template.TokenKeys, want template.Code, ok bool) {
						t.Helper()
						got, code, err := s.Claim(k, [32]byte{})
						if (err == nil) != ok || ok && (got.ID != old.ID || code != want) || !ok && !errors.Is(err, ErrPass) {
							t.Errorf("claimed %q with %v: %v", got.Label, code, err)
						}
					}
					bound, code := from.bound, template.Code{1}
					if step.done {
						bound, code = to.bound, template.Code{2}
					}
					replaced := step.done && to.pass
					claims(oldPass, code, from.pass && !replaced)
					claims(newPass, code, replaced)
					k, err := s.TokenKeys(neighbour)
					must(t, err)
					if got, _, err := s.Claim(k, [32]byte{}); err != nil || got.Label != "person 5" {
						t.Errorf("the neighbour's pass leads to %q: %v", got.Label, err)
					}
					records, err := s.Records([32]byte{})
					must(t, err)
					listed, err := s.Bound([32]byte{})
					must(t, err)
					if n := len(listed); len(records)+n != 4 || (n == 2) != bound {
						t.Errorf("%d records, and %d bound", len(records), n)
					}
					h, err := s.faces.head()
					must(t, err)
					receipts, err := s.Receipts()
					if must(t, err); h.Counts[0] != 4 || (len(receipts) == 1) != step.done || s.Former() != len(receipts) {
						t.Errorf("%d records, %d receipts, %d former consents", h.Counts[0], len(receipts), s.Former())
					}
					for _, data := range receipts {
						r, err := receipt.Verify(data, s.PublicKey())
						must(t, err)
						want := receipt.Commit([16]byte(r.Records[0].Salt), row)
						if len(r.Records) != 1 || !bytes.Equal(r.Records[0].Commitment, want.Commitment) {
							t.Error("the receipt is not of the former record")
						}
					}
					mustBeAsOnDisk(t, s, dir)
				})
			}
		}
	}
}

// Records of scheme S2 are in no epoch: its end and a new embedder leave them, and a lockdown does not.
func TestBoundThroughEpochs(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	m := [32]byte{1}
	must(t, s.UseModel(m))
	e := testEnrolment(0)
	e.ModelID = m
	_, err := s.Enrol(e)
	must(t, err)
	_, k, err := s.NewPass()
	must(t, err)
	e = testEnrolment(1)
	e.ModelID, e.Lane, e.Pass, e.Bound = m, 0, k, true
	p, err := s.Enrol(e)
	must(t, err)
	claims := func(want bool) {
		t.Helper()
		for range 2 {
			if got, _, err := s.Claim(k, m); (err == nil) != want || want && (got.ID != p.ID || got.Epoch != 0) {
				t.Errorf("claimed %q: %v", got.Label, err)
			}
			must(t, s.Close())
			s = mustOpen(t, dir)
		}
	}
	must(t, s.BeginEpoch(1000))
	if _, renewed, err := s.Renew(p.ID, m, 0, template.Code{9}); renewed || err != nil {
		t.Errorf("renewed %v: %v", renewed, err)
	}
	claims(true)
	if n, err := s.EndEpoch(1000); n != 1 || err != nil {
		t.Errorf("ended for %d: %v", n, err)
	}
	if e, want := s.Epochs(), (Epochs{Current: 2, Renewed: 1, Recordless: 1}); e != want {
		t.Errorf("the epochs are %+v", e)
	}
	claims(true)
	must(t, s.UseModel([32]byte{7}))
	if e, want := s.Epochs(), (Epochs{Current: 3, Foreign: 1, Recordless: 1}); e != want {
		t.Errorf("with another embedder the epochs are %+v", e)
	}
	_, err = s.EndEpoch(1000)
	must(t, err)
	claims(true) // with the former embedder
	must(t, errors.Join(s.Lockdown(1000), s.Reopen(1000)))
	claims(false)
	if _, err := s.IssuePass(p.Label, 1000); !errors.Is(err, ErrBound) {
		t.Errorf("a new pass, and nothing to go with it: %v", err)
	}
	e.Lane, e.Pass, e.Bound = 3, nil, false // back to scheme S1, with the pass as a name
	if _, _, err := s.Recapture(e); err != nil {
		t.Error(err)
	}
	claimed, _, err := s.Claim(k, m)
	if must(t, err); claimed.Epoch != 3 || claimed.Scheme != template.SchemeS1 {
		t.Errorf("captured again: %+v", claimed)
	}
	must(t, s.Close())
}
