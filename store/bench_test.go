package store

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"testing"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"

	"facegate/store/audit"
	"facegate/store/checkpoint"
	"facegate/store/receipt"
	"facegate/store/vault"
)

// crowd makes a store of n people in one commit a database.
func crowd(b testing.TB, n int) (dir string) {
	b.Helper()
	dir = b.TempDir()
	s := mustOpen(b, dir)
	var people, faces vault.Change
	for i := range n {
		e := testEnrolment(i)
		p := Person{
			Label: e.Label, Reference: e.Consent.Reference, Enrolled: testNow(),
			Template: Template{Consent: e.Consent, Scheme: e.Scheme, Epoch: 1, Lane: e.Lane},
			LastSeen: testNow(), Expires: e.Expires,
		}
		binary.BigEndian.PutUint64(p.ID[:], uint64(i+1)*0x9e3779b97f4a7c15)
		binary.BigEndian.PutUint64(p.link[:], uint64(i+1)*0xbf58476d1ce4e5b9)
		p.Record, p.Consent.ID = s.recordID(p.link), p.link
		rows, err := s.putTerms(p)
		must(b, err)
		people.Puts = append(people.Puts, rows...)
		record, err := s.putRecord(p, e)
		must(b, err)
		faces.Puts = append(faces.Puts, record)
	}
	must(b, errors.Join(s.people.Commit(people), s.faces.Commit(faces), s.Close()))
	return dir
}

func BenchmarkOpen(b *testing.B) {
	dir := crowd(b, 10_000)
	for b.Loop() {
		s := mustOpen(b, dir)
		records, err := s.Templates().Records([32]byte{})
		must(b, err)
		if len(records) != 10_000 {
			b.Fatalf("%d records", len(records))
		}
		must(b, s.Close())
	}
}

// BenchmarkFind looks up one of 10,000 cards.
func BenchmarkFind(b *testing.B) {
	s := mustOpen(b, crowd(b, 10_000))
	defer s.Close()
	var cards vault.Change
	for _, p := range s.register.byID {
		c, err := s.newCard(ShownCard{Value: []byte(p.Label)})
		must(b, err)
		row, err := s.putCredential(p.ID, c)
		must(b, err)
		cards.Puts = append(cards.Puts, row)
	}
	must(b, errors.Join(s.people.Commit(cards), s.load()))
	for i := 0; b.Loop(); i++ {
		_, err := s.Credentials().FindCard([]byte(testEnrolment(i % 10_000).Label))
		must(b, err)
	}
}

func BenchmarkErase(b *testing.B) {
	s := mustOpen(b, crowd(b, 10_000))
	defer s.Close()
	for i := 0; b.Loop(); i++ {
		e, err := s.Erase(ByLabel(testEnrolment(i).Label), audit.Requested, 1000)
		must(b, err)
		if _, err := receipt.Verify(e.Receipt, s.Device().PublicKey); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEnrol(b *testing.B) {
	s := mustOpen(b, crowd(b, 10_000))
	defer s.Close()
	for i := 0; b.Loop(); i++ {
		_, err := s.Enrol(current(s, testEnrolment(10_000+i)))
		must(b, err)
	}
}

func BenchmarkLockdown(b *testing.B) {
	s := mustOpen(b, crowd(b, 10_000))
	defer s.Close()
	for b.Loop() {
		must(b, s.Lockdown().Begin(1000))
	}
}

// BenchmarkOutboxWhileErasing adds messages while one person after the other is erased. A message waits for the disk and for
// nobody.
func BenchmarkOutboxWhileErasing(b *testing.B) {
	s := mustOpen(b, crowd(b, 10_000))
	defer s.Close()
	o, err := s.Outbox(1000)
	must(b, err)
	stop, stopped := make(chan bool), make(chan error, 1)
	erased := 0
	go func() {
		for {
			select {
			case <-stop:
				stopped <- nil
				return
			default:
			}
			if _, err := s.Erase(ByLabel(testEnrolment(erased).Label), audit.Requested, 1000); err != nil {
				stopped <- err
				return
			}
			erased++
		}
	}()
	for b.Loop() {
		must(b, o.Append([]byte("somebody came in"), nil))
	}
	close(stop)
	must(b, <-stopped)
	b.ReportMetric(float64(erased), "erased")
}

// longLog makes a store whose tree has n leaves, of which three witnesses have signed the last, and returns the receipt of an erasure
// in the middle.
func longLog(b testing.TB, n int64) (s *Store, line []byte) {
	b.Helper()
	s = mustOpen(b, crowd(b, 10))
	grow := func(until int64) {
		for s.tree.N < until {
			batch := make([]audit.Entry, min(until-s.tree.N, 5000))
			for i := range batch {
				batch[i] = audit.Entry{Kind: audit.Joined, Actor: 1000}
			}
			entries, err := s.number(testNow(), batch...)
			must(b, err)
			must(b, s.apply(s.people.Commit, s.state, entries, vault.Change{}))
			s.follow()
		}
	}
	grow(n / 2)
	e, err := s.Erase(ByLabel(testEnrolment(0).Label), audit.Requested, 1000)
	must(b, err)
	grow(n)
	must(b, s.Log().Access(testNow())) // as the last change, which people.db has too, it is a small one
	for _, name := range []string{"residents.example", "auditor.example", "regulator.example"} {
		seed := sha256.Sum256([]byte(name))
		w, err := torchwood.NewCosignatureSigner(name, ed25519.NewKeyFromSeed(seed[:]))
		must(b, err)
		signed, err := s.Log().Checkpoint()
		must(b, err)
		_, opened, err := checkpoint.Open(signed, s.publicKey())
		must(b, err)
		cosigned, err := note.Sign(opened, w)
		must(b, errors.Join(err, s.Log().Witnessed(testNow(), cosigned, w.Verifier())))
	}
	return s, e.Receipt
}

// BenchmarkProof makes the checkpoint of a log, and the proof of a receipt that three witnesses have signed.
func BenchmarkProof(b *testing.B) {
	s, line := longLog(b, 100_000)
	defer s.Close()
	var signed, proof []byte
	for b.Loop() {
		var err error
		signed, err = s.Log().Checkpoint()
		must(b, err)
		proof, err = s.Log().Prove(line)
		must(b, err)
	}
	b.ReportMetric(float64(len(signed)), "B/checkpoint")
	b.ReportMetric(float64(len(proof)), "B/proof")
}

// BenchmarkVerifyLog reads a log and verifies it, entries and tree.
func BenchmarkVerifyLog(b *testing.B) {
	s, _ := longLog(b, 100_000)
	defer s.Close()
	for b.Loop() {
		l, err := s.Log().Read()
		must(b, errors.Join(err, l.Verify()))
	}
}
