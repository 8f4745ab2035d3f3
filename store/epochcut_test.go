package store

import (
	"bytes"
	"errors"
	"os"
	"testing"
	"time"

	"facegate/store/audit"
	"facegate/store/receipt"
)

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
		{"new people.db half written", func(s *Store, i *intent) error {
			return errors.Join(save(s, i),
				s.people.saveRing(keyring{current: s.people.key, next: [32]byte{9}}),
				os.WriteFile(s.people.dbPaths()[0]+tmpSuffix, []byte("half"), 0o600))
		}, true},
		{"new people.db in place", func(s *Store, i *intent) error {
			return errors.Join(save(s, i), s.leave(i), s.people.saveRing(keyring{current: [32]byte{9}, next: s.people.key}))
		}, true},
		{"people.db done", func(s *Store, i *intent) error { return errors.Join(save(s, i), s.leave(i)) }, true},
		{"new faces.db half written", func(s *Store, i *intent) error {
			return errors.Join(save(s, i), s.leave(i), s.faces.saveRing(keyring{current: s.faces.key, next: [32]byte{9}}),
				os.WriteFile(s.faces.dbPaths()[0]+tmpSuffix, []byte("half"), 0o600))
		}, true},
		{"faces.db done", func(s *Store, i *intent) error {
			return errors.Join(save(s, i), s.leave(i), unlinked(s))
		}, true},
		{"done", func(s *Store, i *intent) error { return errors.Join(save(s, i), s.finish()) }, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := cutOff(t, func(s *Store, p Person) error {
				must(t, s.BeginEpoch(1000))
				_, renewed, err := s.Renew(p.ID, [32]byte{}, 0, testEnrolment(9).Code)
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
			faces, err := s.faces.head()
			must(t, err)
			if faces.Generation != generation {
				t.Errorf("faces.db is in generation %d", faces.Generation)
			}
			if e := s.Epochs(); e.Renewed != 1 || e.Recordless != 3-records {
				t.Errorf("the epochs are %+v", e)
			}
			if _, err := s.EndEpoch(1000); errors.Is(err, ErrNoEpoch) != tt.done {
				t.Errorf("ended again: %v", err)
			}
		})
	}
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
			return errors.Join(err, s.faces.commit(change{puts: []put{record}, stamp: entries[0].Seq}))
		}, 1},
		{"people.db", func(s *Store, _, p Person, entries []audit.Entry) error {
			return s.enrol(p, testEnrolment(9), entries)
		}, 2},
		{"old record gone", func(s *Store, old, p Person, entries []audit.Entry) error {
			return errors.Join(s.enrol(p, testEnrolment(9), entries), s.faces.commit(change{dels: []rowID{{recordsTable, old.Record}}}))
		}, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var label string
			s := cutOff(t, func(s *Store, p Person) error {
				label = p.Label
				must(t, s.BeginEpoch(1000))
				old := p
				p.Epoch = 2
				must(t, s.relink(&p))
				entries, err := s.number(testNow(), audit.Entry{Kind: audit.Renewed, Actor: audit.Daemon})
				return errors.Join(err, tt.cut(s, old, p, entries))
			})
			mustBe(t, s, 3, 3)
			if p := s.byName[label]; p.Epoch != tt.epoch {
				t.Errorf("the record is in epoch %d", p.Epoch)
			}
			want := []audit.Kind{audit.EpochBegun, audit.Renewed}[tt.epoch-1]
			l, err := s.Audit()
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
			return errors.Join(err, s.faces.commit(change{puts: []put{record}, stamp: entries[0].Seq}))
		}, false},
		{"people.db", func(s *Store, old, p Person, next state, entries []audit.Entry) error {
			return s.succeed(old, p, testEnrolment(1), next, entries)
		}, true},
		{"new people.db in place", func(s *Store, old, p Person, next state, entries []audit.Entry) error {
			return errors.Join(s.succeed(old, p, testEnrolment(1), next, entries),
				s.people.saveRing(keyring{current: [32]byte{9}, next: s.people.key}))
		}, true},
		{"new faces.db half written", func(s *Store, old, p Person, next state, entries []audit.Entry) error {
			return errors.Join(s.succeed(old, p, testEnrolment(1), next, entries),
				s.faces.saveRing(keyring{current: s.faces.key, next: [32]byte{9}}),
				os.WriteFile(s.faces.dbPaths()[0]+tmpSuffix, []byte("half"), 0o600))
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
			receipts, err := s.Receipts()
			must(t, err)
			p := s.byName[before.Label]
			if !tt.done {
				mustBe(t, s, 3, 3)
				if p.Record != before.Record || len(receipts) != 0 {
					t.Errorf("%d receipts, and the record is another", len(receipts))
				}
				return
			}
			if p.Record != after.Record || len(receipts) != 1 || !bytes.Equal(receipts[0], want) || s.Former() != 1 {
				t.Errorf("%d receipts, %d consents have ended", len(receipts), s.Former())
			}
			r, err := receipt.Verify(want, s.PublicKey())
			must(t, err)
			people, err := s.people.head()
			must(t, err)
			faces, err := s.faces.head()
			must(t, err)
			if got := (receipt.Generations{People: people.Generation, Faces: faces.Generation}); got != r.Generations {
				t.Errorf("generations %v, and the receipt says %v", got, r.Generations)
			}
			if records, err := s.Records([32]byte{}); err != nil || len(records) != 3 || faces.Counts[0] != 3 {
				t.Errorf("%d records open of %d, %v", len(records), faces.Counts[0], err)
			}
			l, err := s.Audit()
			must(t, err)
			must(t, l.Verify(s.PublicKey()))
			if e := l.Records[r.Audit.Seq-1]; e.Entry.Kind != audit.Erased || !bytes.Equal(e.Link[:], r.Audit.Link) {
				t.Errorf("the receipt points at %+v", e)
			}
			// What is paid is not paid again, whatever else is cut off later.
			must(t, s.FetchedReceipt([16]byte(r.ID)))
			must(t, s.RecordAccess(testNow()))
			if receipts, err := s.Receipts(); err != nil || len(receipts) != 0 {
				t.Errorf("%d receipts after it was fetched, %v", len(receipts), err)
			}
		})
	}
}

// TestFilingAt100000 enrols the last of 100,000 people, and opens the store again.
func TestFilingAt100000(t *testing.T) {
	if os.Getenv("FACEGATE_SLOW") == "" {
		t.Skip("FACEGATE_SLOW is not set")
	}
	const n = 100_000
	o := testOptions(crowd(t, n-1))
	o.FilingAt = n
	s, err := Open(o)
	must(t, err)
	defer func() { s.Close() }()
	if !s.Filing().IsZero() {
		t.Error("reached one too early")
	}
	start := time.Now()
	_, err = s.Enrol(testEnrolment(n))
	must(t, err)
	t.Logf("enrolled in %v", time.Since(start))
	if at := s.Filing(); !at.Equal(day(testNow())) {
		t.Errorf("reached on %v", at)
	}
	must(t, s.Close())
	start = time.Now()
	s, err = Open(o)
	must(t, err)
	t.Logf("opened in %v", time.Since(start))
	if e := s.Epochs(); s.Filing().IsZero() || e.Renewed+e.Foreign != n {
		t.Errorf("reached on %v with %+v", s.Filing(), e)
	}
	start = time.Now()
	must(t, s.BeginEpoch(1000))
	if ended, err := s.EndEpoch(1000); ended != n || err != nil {
		t.Errorf("ended for %d: %v", ended, err)
	}
	t.Logf("an epoch ended in %v", time.Since(start))
}
