package store

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"

	"facegate/pipeline/template"
	"facegate/store/audit"
	"facegate/store/checkpoint"
	"facegate/store/durable"
	"facegate/store/durable/durabletest"
	"facegate/store/receipt"
	"facegate/store/vault"
)

// cutOff makes a store of three people, has it do cut and lie as it is then, and opens it again.
func cutOff(t *testing.T, cut func(s *Store, second Person) error) *Store {
	t.Helper()
	dir := t.TempDir()
	s := mustOpen(t, dir)
	var people []Person
	for n := range 3 {
		p, err := s.Enrol(current(s, testEnrolment(n)))
		must(t, err)
		people = append(people, p)
	}
	must(t, cut(s, people[1]))
	must(t, s.Close())
	s = mustOpen(t, dir)
	t.Cleanup(func() { s.Close() })
	return s
}

// mustBe fails the test if s has not so many people and records, or anything in it is half done.
func mustBe(t *testing.T, s *Store, people, records int) {
	t.Helper()
	for _, tt := range []struct {
		v     *vault.Vault
		table string
		want  int
	}{
		{s.people, peopleTable, people},
		{s.people, templatesTable, people},
		{s.people, consentsTable, 3 - people}, // those that have ended
		{s.faces, recordsTable, records},
	} {
		if rows := count(t, tt.v, tt.table); rows != tt.want {
			t.Errorf("%d %s, want %d", rows, tt.table, tt.want)
		}
	}
	if got, err := s.Templates().Records([32]byte{}); err != nil || len(got) != records {
		t.Errorf("%d records open, want %d: %v", len(got), records, err)
	}
	for _, v := range s.vaults() {
		rings, err := v.LoadRings()
		must(t, err)
		if keys := rings.Keys(); len(keys) != 2 || keys[0] != keys[1] {
			t.Errorf("a keyring of %s.db has not lost the key that it does not need", v.Name())
		}
	}
	if row, err := s.journal.Get(stateRow(intentRow)); err != nil || row != nil || s.pending != nil {
		t.Errorf("an intent is left: %v", err)
	}
	l, err := s.Log().Read()
	must(t, err)
	must(t, l.Verify())
}

// mustPoint fails the test if the tree that r, with this line, names does not end with the erasure, or if there is no proof of r.
func mustPoint(t *testing.T, s *Store, r receipt.Receipt, line []byte) {
	t.Helper()
	l, err := s.Log().Read()
	must(t, err)
	must(t, l.Verify())
	must(t, l.Holds(tlog.Tree{N: int64(r.Audit.Size), Hash: tlog.Hash(r.Audit.Root)}))
	if e := l.Records[l.Leaves[r.Audit.Size-1].Seq-1].Entry; e.Kind != audit.Erased {
		t.Errorf("the receipt points at %+v", e)
	}
	proof, err := s.Log().Prove(line)
	must(t, err)
	leaf, err := torchwood.ProofExtraData(proof)
	must(t, err)
	v, err := checkpoint.Verifier(s.Device().PublicKey)
	must(t, err)
	policy := torchwood.ThresholdPolicy(2, torchwood.OriginPolicy(v.Name()), torchwood.SingleVerifierPolicy(v))
	must(t, torchwood.VerifyProof(policy, tlog.RecordHash(leaf), proof))
	if digest := sha256.Sum256(line); !bytes.Contains(leaf, digest[:]) {
		t.Error("the leaf is not about the receipt")
	}
}

// save writes i to journal.db, and does not begin with it.
func save(s *Store, i *intent) error {
	row, err := s.putJournal(intentRow, i)
	s.pending = i
	return errors.Join(err, s.journal.Commit(vault.Change{Puts: []vault.Put{row}}))
}

var errCut = errors.New("the power went")

// pull has every sync of s fail from the next one of a file with this name on.
func pull(s *Store, name string) {
	off := false
	s.disk.(*durabletest.Watched).Before = func(path string) error {
		if off = off || filepath.Base(path) == name; off {
			return errCut
		}
		return nil
	}
}

// cutBefore does a step until it comes to the sync of a file with this name.
func cutBefore(s *Store, name string, step func() error) error {
	pull(s, name)
	if err := step(); !errors.Is(err, errCut) {
		return fmt.Errorf("not cut off before %s: %w", name, err)
	}
	return nil
}

// finishUntil carries out an intent until it comes to the sync of a file with this name.
func finishUntil(name string) func(*Store, *intent) error {
	return func(s *Store, i *intent) error {
		return errors.Join(save(s, i), cutBefore(s, name, s.finish))
	}
}

// halfWritten is finishUntil the sync of a file that is being written, of which a half is there.
func halfWritten(name string) func(*Store, *intent) error {
	return func(s *Store, i *intent) error {
		err := finishUntil(name)(s, i)
		return errors.Join(err, os.WriteFile(filepath.Join(s.people.Dir(), name), []byte("half"), 0o600))
	}
}

// Each case stops an erasure of one of three after a step, as a power cut would.
func TestErasureCutOff(t *testing.T) {
	tests := []struct {
		name   string
		cut    func(s *Store, i *intent) error
		people int // afterwards
	}{
		{"before the intent", func(*Store, *intent) error { return nil }, 3},
		{"intent", func(s *Store, i *intent) error { return save(s, i) }, 2},
		{"new key in the keyring of people.db", finishUntil("people.db.tmp"), 2},
		{"new people.db half written", halfWritten("people.db.tmp"), 2},
		{"new keyring half written", func(s *Store, i *intent) error {
			return errors.Join(save(s, i), os.WriteFile(s.people.Keyrings()[0]+durable.Unfinished, []byte("half"), 0o600))
		}, 2},
		{"new people.db in place", finishUntil("people.copy.db.tmp"), 2},
		{"people.db done", func(s *Store, i *intent) error { return errors.Join(save(s, i), s.leave(i)) }, 2},
		{"new key in the keyring of faces.db", finishUntil("faces.db.tmp"), 2},
		{"faces.db done", func(s *Store, i *intent) error {
			linked := errors.Join(save(s, i), s.leave(i))
			return errors.Join(linked, s.faces.Rewrite(vault.Change{
				Drop: func(row vault.Row) bool { return !s.linked()[row.ID] }, Stamp: s.state.Faces,
			}))
		}, 2},
		{"done", func(s *Store, i *intent) error { return errors.Join(save(s, i), s.finish()) }, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var want []byte
			s := cutOff(t, func(s *Store, p Person) error {
				i, err := s.intend([]Person{p}, audit.Withdrawn, 1000)
				want = i.Receipt
				return errors.Join(err, tt.cut(s, i))
			})
			mustBe(t, s, tt.people, tt.people)
			receipts, err := s.Receipts().All()
			must(t, err)
			if tt.people == 3 {
				if len(receipts) != 0 {
					t.Error("there is a receipt for nothing")
				}
				return
			}
			if len(receipts) != 1 || !bytes.Equal(receipts[0], want) {
				t.Fatalf("%d receipts, or another one than was decided", len(receipts))
			}
			r, err := receipt.Verify(receipts[0], s.Device().PublicKey)
			must(t, err)
			people, err := s.people.Head()
			must(t, err)
			faces, err := s.faces.Head()
			must(t, err)
			if got := (receipt.Generations{People: people.Generation, Faces: faces.Generation}); got != r.Generations {
				t.Errorf("generations %v, and the receipt says %v", got, r.Generations)
			}
			mustPoint(t, s, r, receipts[0])
		})
	}
}

// Each case stops a lockdown after a step.
func TestLockdownCutOff(t *testing.T) {
	tests := []struct {
		name string
		cut  func(s *Store, i *intent) error
		done bool
	}{
		{"before the intent", func(*Store, *intent) error { return nil }, false},
		{"intent", save, true},
		{"key overwritten", func(s *Store, i *intent) error {
			return errors.Join(save(s, i), os.WriteFile(s.faces.Keyrings()[0], make([]byte, 123), 0o600))
		}, true},
		{"key removed", func(s *Store, i *intent) error {
			return errors.Join(save(s, i), durable.Destroy(s.disk, s.faces.Keyrings()[0]))
		}, true},
		{"faces.db removed", func(s *Store, i *intent) error { return errors.Join(save(s, i), s.faces.Destroy()) }, true},
		{"new faces.db", func(s *Store, i *intent) error { return errors.Join(save(s, i), s.renewFaces(i)) }, true},
		{"people.db", func(s *Store, i *intent) error {
			return errors.Join(save(s, i), s.renewFaces(i), s.leave(i))
		}, true},
		{"done", func(s *Store, i *intent) error { return errors.Join(save(s, i), s.finish()) }, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := cutOff(t, func(s *Store, _ Person) error {
				entries, err := s.number(testNow(), audit.Entry{Kind: audit.LockedDown, Count: 3})
				i := &intent{Kind: lockdownIntent, Entries: entries}
				return errors.Join(err, s.generations(i), tt.cut(s, i))
			})
			records := 3
			if tt.done {
				records = 0
			}
			mustBe(t, s, 3, records)
			if s.Lockdown().InForce() != tt.done {
				t.Errorf("locked down: %v", s.Lockdown().InForce())
			}
		})
	}
}

// Each case stops a wipe after a step. The next Open leaves nothing.
func TestWipeCutOff(t *testing.T) {
	for name, steps := range map[string][]func(*Store) error{
		"certificate written": nil,
		"faces gone":          {func(s *Store) error { return s.faces.Destroy() }},
		"people gone":         {func(s *Store) error { return s.people.Destroy() }},
		"people's key gone":   {func(s *Store) error { return os.Remove(s.people.Keyrings()[0]) }},
		"all but the certificate gone": {
			func(s *Store) error { return errors.Join(s.faces.Destroy(), s.people.Destroy(), s.journal.Discard()) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := mustOpen(t, dir)
			_, err := s.Enrol(current(s, testEnrolment(0)))
			must(t, err)
			public := s.Device().PublicKey
			certificate, err := receipt.Sign(receipt.Receipt{
				ID: make([]byte, 16), Number: 1, Kind: receipt.Wipe, Time: "2026-03-01T12:00:00Z", Forms: []receipt.Salted{}, Records: []receipt.Salted{},
				Audit: receipt.Audit{Root: make([]byte, 32)},
			}, s.signer)
			must(t, err)
			must(t, durable.Replace(s.disk, s.journal.Keyrings()[0], append([]byte(wipedMagic), certificate...)))
			for _, step := range steps {
				must(t, step(s))
			}
			must(t, s.Close())
			_, err = testOpen(t, dir)
			var wiped *WipedError
			if !errors.As(err, &wiped) {
				t.Fatalf("got %v", err)
			}
			_, err = receipt.Verify(wiped.Certificate, public)
			must(t, err)
			if left, err := os.ReadDir(dir); len(left) != 0 || err != nil {
				t.Errorf("left: %v, %v", left, err)
			}
		})
	}
	// Who can write a file can delete it, and yet not have the device say that it was wiped.
	dir := t.TempDir()
	s := mustOpen(t, dir)
	must(t, s.Close())
	must(t, os.WriteFile(s.journal.Keyrings()[0], []byte(wipedMagic+"{}"), 0o600))
	if _, err := testOpen(t, dir); !errors.Is(err, ErrDamaged) {
		t.Errorf("a certificate that is none: %v", err)
	}
}

// Each case stops the creation of a store before the sync of a file.
func TestCreationCutOff(t *testing.T) {
	for name, before := range map[string]string{
		"keyring of people.db written": "people.db.tmp",
		"people.db written":            "faces.key.tmp",
		"all written":                  "people.copy.db.tmp",
		"one settled":                  "faces.copy.db.tmp",
		"two settled":                  "journal.copy.db.tmp",
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			o := testOptions(dir)
			o.Disk = &durabletest.Watched{Before: func(path string) error {
				if filepath.Base(path) == before {
					return errCut
				}
				return nil
			}}
			if _, err := Open(o); !errors.Is(err, errCut) {
				t.Fatalf("it was not cut off: %v", err)
			}
			s := mustOpen(t, dir)
			_, err := s.Enrol(current(s, testEnrolment(0)))
			must(t, errors.Join(err, s.Close()))
			s = mustOpen(t, dir)
			defer s.Close()
			if people, _ := s.People(); len(people) != 1 {
				t.Errorf("%d people", len(people))
			}
		})
	}
}

// people.db has the entries of a change that journal.db was not yet told of.
func TestLogCatchesUp(t *testing.T) {
	s := cutOff(t, func(s *Store, p Person) error {
		entries, err := s.number(testNow(), audit.Entry{Kind: audit.Access})
		return errors.Join(err, s.apply(s.people.Commit, s.state, entries, vault.Change{}))
	})
	mustBe(t, s, 3, 3)
	l, err := s.Log().Read()
	must(t, err)
	if last := l.Records[len(l.Records)-1]; last.Entry.Kind != audit.Access {
		t.Errorf("the log ends with %+v", last.Entry)
	}
}

// Each case stops the end of an epoch after a step. One of three people was renewed.
func TestEpochEndCutOff(t *testing.T) {
	unlinked := func(s *Store) error { return s.dropUnlinked(2) }
	tests := []struct {
		name string
		cut  func(s *Store, i *intent) error
		done bool
	}{
		{"before the intent", func(*Store, *intent) error { return nil }, false},
		{"intent", save, true},
		{"new people.db half written", halfWritten("people.db.tmp"), true},
		{"new people.db in place", finishUntil("people.copy.db.tmp"), true},
		{"people.db done", func(s *Store, i *intent) error { return errors.Join(save(s, i), s.leave(i)) }, true},
		{"new faces.db half written", halfWritten("faces.db.tmp"), true},
		{"faces.db done", func(s *Store, i *intent) error {
			return errors.Join(save(s, i), s.leave(i), unlinked(s))
		}, true},
		{"done", func(s *Store, i *intent) error { return errors.Join(save(s, i), s.finish()) }, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := cutOff(t, func(s *Store, p Person) error {
				must(t, s.Epochs().Begin(1000))
				_, renewed, err := s.Epochs().Renew(p.ID, [32]byte{}, made(s, 0, testEnrolment(9).Code))
				if !renewed || err != nil {
					t.Fatalf("renewed %v, %v", renewed, err)
				}
				entries, err := s.number(testNow(), audit.Entry{Kind: audit.EpochEnded, Count: 2})
				i := &intent{Kind: epochIntent, Entries: entries}
				return errors.Join(err, s.generations(i), tt.cut(s, i))
			})
			records, generation := 3, uint64(1)
			if tt.done {
				records, generation = 1, 2
			}
			mustBe(t, s, 3, records)
			faces, err := s.faces.Head()
			must(t, err)
			if faces.Generation != generation {
				t.Errorf("faces.db is in generation %d", faces.Generation)
			}
			if e := s.Epochs().State(); e.Renewed != 1 || e.Recordless != 3-records {
				t.Errorf("the epochs are %+v", e)
			}
			if _, err := s.Epochs().End(1000); errors.Is(err, ErrNoEpoch) != tt.done {
				t.Errorf("ended again: %v", err)
			}
		})
	}
}

// renewed gives p another record.
func renewed(s *Store, p Person, entries []audit.Entry) error {
	row, err := s.putTemplate(p)
	return errors.Join(err, s.enlist(p, testEnrolment(9), entries, row))
}

// Each case stops a renewal after a step. The record that is not the person's goes when the store is opened again.
func TestRenewalCutOff(t *testing.T) {
	tests := []struct {
		name  string
		cut   func(s *Store, old, p Person, entries []audit.Entry) error
		epoch uint32 // of the person's record afterwards
	}{
		{"faces.db", func(s *Store, _, p Person, entries []audit.Entry) error {
			record, err := s.putRecord(p, testEnrolment(9))
			return errors.Join(err, s.faces.Commit(vault.Change{Puts: []vault.Put{record}, Stamp: entries[0].Seq}))
		}, 1},
		{"people.db", func(s *Store, _, p Person, entries []audit.Entry) error {
			return renewed(s, p, entries)
		}, 2},
		{"old record gone", func(s *Store, old, p Person, entries []audit.Entry) error {
			return errors.Join(renewed(s, p, entries), s.faces.Commit(vault.Change{Dels: []vault.Row{vault.At(recordsTable, old.Record)}}))
		}, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var label string
			s := cutOff(t, func(s *Store, p Person) error {
				label = p.Label
				must(t, s.Epochs().Begin(1000))
				old := p
				p.Epoch = 2
				must(t, s.relink(&p))
				entries, err := s.number(testNow(), audit.Entry{Kind: audit.Renewed, Actor: audit.Daemon})
				return errors.Join(err, tt.cut(s, old, p, entries))
			})
			mustBe(t, s, 3, 3)
			if p := s.register.byID[s.register.byLabel[label]]; p.Epoch != tt.epoch {
				t.Errorf("the record is in epoch %d", p.Epoch)
			}
			want := []audit.Kind{audit.EpochBegun, audit.Renewed}[tt.epoch-1]
			l, err := s.Log().Read()
			must(t, err)
			if last := l.Records[len(l.Records)-1].Entry.Kind; last != want {
				t.Errorf("the log ends with %v", last)
			}
		})
	}
}

// Each case stops a recapture after a step.
func TestRecaptureCutOff(t *testing.T) {
	tests := []struct {
		name string
		cut  func(s *Store, old, p Person, next state, entries []audit.Entry) error
		done bool
	}{
		{"new record in faces.db", func(s *Store, _, p Person, _ state, entries []audit.Entry) error {
			record, err := s.putRecord(p, testEnrolment(1))
			return errors.Join(err, s.faces.Commit(vault.Change{Puts: []vault.Put{record}, Stamp: entries[0].Seq}))
		}, false},
		{"people.db", func(s *Store, old, p Person, next state, entries []audit.Entry) error {
			return s.succeed(old, p, testEnrolment(1), next, entries)
		}, true},
		{"new people.db in place", func(s *Store, old, p Person, next state, entries []audit.Entry) error {
			return cutBefore(s, "people.copy.db.tmp", func() error { return s.succeed(old, p, testEnrolment(1), next, entries) })
		}, true},
		{"new faces.db half written", func(s *Store, old, p Person, next state, entries []audit.Entry) error {
			return errors.Join(s.succeed(old, p, testEnrolment(1), next, entries), cutBefore(s, "faces.db.tmp", s.catchUp),
				os.WriteFile(s.faces.Databases()[0]+durable.Unfinished, []byte("half"), 0o600))
		}, true},
		{"faces.db done", func(s *Store, old, p Person, next state, entries []audit.Entry) error {
			return errors.Join(s.succeed(old, p, testEnrolment(1), next, entries), s.dropUnlinked(2))
		}, true},
		{"done", func(s *Store, old, p Person, next state, entries []audit.Entry) error {
			return errors.Join(s.succeed(old, p, testEnrolment(1), next, entries), s.catchUp())
		}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var before, after Person
			var want []byte
			s := cutOff(t, func(s *Store, old Person) error {
				p, err := s.newPerson(testEnrolment(1), testNow())
				must(t, err)
				p.ID, p.subject = old.ID, old.subject
				next, entries, err := s.succession(old, p, testEnrolment(1))
				must(t, err)
				before, after, want = old, p, next.Debt.Receipt
				return tt.cut(s, old, p, next, entries)
			})
			receipts, err := s.Receipts().All()
			must(t, err)
			p := s.register.byID[s.register.byLabel[before.Label]]
			if !tt.done {
				mustBe(t, s, 3, 3)
				if p.Record != before.Record || len(receipts) != 0 {
					t.Errorf("%d receipts, and the record is another", len(receipts))
				}
				return
			}
			if p.Record != after.Record || len(receipts) != 1 || !bytes.Equal(receipts[0], want) || s.Retention().Former() != 1 {
				t.Errorf("%d receipts, %d consents have ended", len(receipts), s.Retention().Former())
			}
			r, err := receipt.Verify(want, s.Device().PublicKey)
			must(t, err)
			people, err := s.people.Head()
			must(t, err)
			faces, err := s.faces.Head()
			must(t, err)
			if got := (receipt.Generations{People: people.Generation, Faces: faces.Generation}); got != r.Generations {
				t.Errorf("generations %v, and the receipt says %v", got, r.Generations)
			}
			if records, err := s.Templates().Records([32]byte{}); err != nil || len(records) != 3 || count(t, s.faces, recordsTable) != 3 {
				t.Errorf("%d records open of %d, %v", len(records), count(t, s.faces, recordsTable), err)
			}
			mustPoint(t, s, r, receipts[0])
			// What is paid is not paid again, whatever else is cut off later.
			must(t, s.Receipts().Fetched([16]byte(r.ID)))
			must(t, s.Log().Access(testNow()))
			if receipts, err := s.Receipts().All(); err != nil || len(receipts) != 0 {
				t.Errorf("%d receipts after it was fetched, %v", len(receipts), err)
			}
		})
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
		return errors.Join(err, s.faces.Commit(vault.Change{Puts: []vault.Put{record}, Stamp: entries[0].Seq}))
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
			return errors.Join(cutBefore(s, "people.db.tmp", func() error { return s.succeed(old, p, e, next, entries) }),
				os.WriteFile(s.people.Databases()[0]+durable.Unfinished, []byte("half"), 0o600))
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
						_, k, err := s.Credentials().DrawPass()
						must(t, err)
						e := testEnrolment(n)
						e.Code = c
						if terms.bound {
							e.Made = template.Made{Scheme: template.SchemeS2, Code: c}
						}
						if terms.pass {
							e.Pass = k
						}
						return e, k
					}
					for n := range 2 {
						_, err := s.Enrol(current(s, testEnrolment(2+n)))
						must(t, err)
					}
					_, neighbour := enrolBound(t, s, 5)
					e, oldPass := enrolment(1, template.Code{1}, from)
					old, err := s.Enrol(e)
					must(t, err)
					row, _ := row(t, s, old)

					e, newPass := enrolment(1, template.Code{2}, to)
					e.Again = true
					must(t, s.Check(e))
					p, err := s.successor(old, e, testNow())
					must(t, err)
					next, entries, err := s.succession(old, p, e)
					must(t, errors.Join(err, step.cut(s, old, p, e, next, entries), s.Close()))
					s = mustOpen(t, dir)
					defer s.Close()

					claims := func(k *template.TokenKeys, want template.Code, ok bool) {
						t.Helper()
						got, code, err := s.Templates().Claim(k, [32]byte{})
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
					k, err := s.Credentials().PassKeys(neighbour)
					must(t, err)
					if got, _, err := s.Templates().Claim(k, [32]byte{}); err != nil || got.Label != "person 5" {
						t.Errorf("the neighbour's pass leads to %q: %v", got.Label, err)
					}
					records, err := s.Templates().Records([32]byte{})
					must(t, err)
					listed, err := s.Templates().Bound([32]byte{})
					must(t, err)
					if n := len(listed); len(records)+n != 4 || (n == 2) != bound {
						t.Errorf("%d records, and %d bound", len(records), n)
					}
					rows := count(t, s.faces, recordsTable)
					receipts, err := s.Receipts().All()
					if must(t, err); rows != 4 || (len(receipts) == 1) != step.done || s.Retention().Former() != len(receipts) {
						t.Errorf("%d records, %d receipts, %d former consents", rows, len(receipts), s.Retention().Former())
					}
					for _, data := range receipts {
						r, err := receipt.Verify(data, s.Device().PublicKey)
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

// mustBeAsOnDisk closes s and opens it again. Nothing may have changed, and nothing be wrong.
func mustBeAsOnDisk(t *testing.T, s *Store, dir string) {
	t.Helper()
	say := func() string {
		people, err := s.People()
		must(t, err)
		records, err := s.Templates().Records([32]byte{})
		must(t, err)
		receipts, err := s.Receipts().All()
		must(t, err)
		l, err := s.Log().Read()
		must(t, errors.Join(err, l.Verify()))
		issued := 0
		for _, r := range l.Records {
			if r.Entry.Kind == audit.ReceiptIssued {
				issued++
			}
		}
		if issued != len(receipts) {
			t.Errorf("%d receipts of %d", len(receipts), issued)
		}
		return fmt.Sprint(people, len(records), len(s.ended), s.Epochs().State(), l.End, l.Tree, len(l.Records))
	}
	before := say()
	must(t, s.Close())
	s = mustOpen(t, dir)
	if after := say(); after != before {
		t.Errorf("in memory\n%s, on disk\n%s", before, after)
	}
	must(t, s.Close())
}

// A receipt that was fetched does not come back with an erasure that is cut off later.
func TestDebtIsPaidOnce(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	for n := range 3 {
		_, err := s.Enrol(current(s, testEnrolment(n)))
		must(t, err)
	}
	_, signed, err := s.Recapture(current(s, testEnrolment(0)))
	must(t, err)
	r, err := receipt.Verify(signed, s.Device().PublicKey)
	must(t, err)
	must(t, s.Receipts().Fetched([16]byte(r.ID)))
	i, err := s.intend([]Person{s.register.byID[s.register.byLabel["person 1"]]}, audit.Requested, 1000)
	must(t, errors.Join(err, save(s, i), s.Close()))
	must(t, os.Remove(s.people.Keyrings()[0])) // is mended, which is noted as soon as the erasure is done
	s = mustOpen(t, dir)
	defer s.Close()
	must(t, s.Log().Access(testNow()))
	receipts, err := s.Receipts().All()
	if must(t, err); len(receipts) != 1 || !bytes.Equal(receipts[0], i.Receipt) {
		t.Errorf("%d receipts", len(receipts))
	}
}
