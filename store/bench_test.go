package store

import (
	"encoding/binary"
	"errors"
	"testing"

	"facegate/store/audit"
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
