package store_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/tlog"

	"facegate/pipeline/template"
	"facegate/store"
	"facegate/store/audit"
	"facegate/store/receipt"
	"facegate/store/storetest"
)

func TestErase(t *testing.T) {
	dir := t.TempDir()
	s := storetest.Open(t, dir)
	people := mustEnrol(t, s, upTo(10)...)
	before := mustRead(t, s)
	if _, err := s.Erase(store.ByLabel(labelOf(4)), audit.Requested, 1000); err != nil {
		t.Fatal(err)
	}
	delete(before.Records, people[4].ID)
	before.People = slices.Delete(before.People, 4, 5)
	if d := diff(before, mustRead(t, s)); d != "" {
		t.Errorf("the others changed (-want +got):\n%s", d)
	}
	for _, label := range []string{labelOf(4), "nobody", ""} {
		if _, err := s.Erase(store.ByLabel(label), audit.Requested, 1000); !errors.Is(err, store.ErrUnknown) {
			t.Errorf("%q: %v", label, err)
		}
	}
	mustEnrol(t, s, 4)
	s.Close()
	if c := mustRead(t, storetest.Open(t, dir)); len(c.People) != 10 {
		t.Errorf("%d people", len(c.People))
	}
}

// What was erased is in no file, and an older copy of the databases does not open with the keys that there are now.
func TestErasedBytesAreGone(t *testing.T) {
	dir := t.TempDir()
	s := storetest.Open(t, dir)
	erased := mustEnrol(t, s, upTo(30)...)[7]
	s.Close()
	old := files(t, dir)
	faces, people := rows(t, dir, "faces.db", "records"), rows(t, dir, "people.db", "people")
	maps.Copy(people, rows(t, dir, "people.db", "consents"))

	s = storetest.Open(t, dir)
	mustErase(t, s, erased.Label)
	s.Close()
	now := files(t, dir)
	if len(now) != len(storeFiles)+3 { // and the reserve, and the list of what was erased, with its copy
		t.Errorf("%d files, want %d", len(now), len(storeFiles)+3)
	}
	const ciphertext = template.Bits/8 + 16
	for name, data := range now {
		if bytes.Contains(data, erased.ID[:]) || bytes.Contains(data, erased.Record[:]) {
			t.Errorf("%s holds an id of the person erased", name)
		}
		// Those who stay are sealed anew, so that nothing of the generation before is left.
		for _, row := range people {
			if bytes.Contains(data, row[:16]) || bytes.Contains(data, row[len(row)-16:]) {
				t.Errorf("%s holds an old row of people.db", name)
			}
		}
		for _, row := range faces {
			for i := len(row) - ciphertext; i < len(row); i += 16 {
				if bytes.Contains(data, row[i:i+16]) {
					t.Errorf("%s holds an old row of faces.db", name)
				}
			}
		}
	}
	// Neither of two copies opens, nor stands in for the other.
	for _, mix := range [][]string{{"faces"}, {"people"}, {"faces", "people"}} {
		for _, lost := range []string{".db", ".copy.db", ""} {
			files := maps.Clone(now)
			for _, name := range mix {
				files[name+".db"], files[name+".copy.db"] = old[name+".db"], old[name+".copy.db"]
				delete(files, name+lost)
			}
			if _, err := store.Open(storetest.Options(lay(t, files))); !errors.Is(err, store.ErrDamaged) {
				t.Errorf("an old %v without %q opens with the present keys: %v", mix, lost, err)
			}
		}
	}
}

func TestReceipt(t *testing.T) {
	dir := t.TempDir()
	s := storetest.Open(t, dir)
	mustEnrol(t, s, upTo(3)...)
	s.Close()
	sealed := rows(t, dir, "faces.db", "records")
	s = storetest.Open(t, dir)
	p := mustRead(t, s).People[1]
	e, err := s.Erase(store.ByLabel(p.Label), audit.Requested, 1000)
	if err != nil {
		t.Fatal(err)
	}
	r, err := receipt.Verify(e.Receipt, s.Device().PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	if r.Kind != receipt.Erasure || r.Reason != "requested" || r.Time != "2026-03-01T12:00:00Z" || r.KeyStore != "test" ||
		r.Erased != (receipt.Counts{People: 1, Templates: 1, Consents: 1}) || r.Generations != (receipt.Generations{People: 2, Faces: 2}) {
		t.Errorf("got %+v", r)
	}
	// Who has an old copy of the record can tell that it was meant.
	want := receipt.Commit([16]byte(r.Records[0].Salt), sealed[p.Record])
	if d := cmp.Diff([]receipt.Salted{want}, r.Records); d != "" {
		t.Error("the receipt does not commit to the record that was erased")
	}
	for _, secret := range [][]byte{[]byte(p.Label), []byte(p.Consent.Reference)} {
		if bytes.Contains(e.Receipt, secret) {
			t.Errorf("the receipt says %q", secret)
		}
	}
	l, err := s.Log().Read()
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Holds(tlog.Tree{N: int64(r.Audit.Size), Hash: tlog.Hash(r.Audit.Root)}); err != nil {
		t.Error(err)
	}
	at := l.Leaves[r.Audit.Size-1].Seq
	if e := l.Records[at-1].Entry; e.Kind != audit.Erased || e.Actor != 1000 {
		t.Errorf("the receipt points at %+v", e)
	}
	if next := l.Records[at].Entry; next.Kind != audit.ReceiptIssued || next.Digest != sha256.Sum256(e.Receipt) {
		t.Errorf("the receipt is not in the audit log: %+v", next)
	}

	s.Close()
	s = storetest.Open(t, dir)
	if receipts, err := s.Receipts().All(); err != nil || len(receipts) != 1 || !bytes.Equal(receipts[0], e.Receipt) {
		t.Errorf("%d receipts after opening again, %v", len(receipts), err)
	}
	for range 2 {
		if err := s.Receipts().Fetched([16]byte(r.ID)); err != nil {
			t.Error(err)
		}
	}
	if receipts, err := s.Receipts().All(); err != nil || len(receipts) != 0 {
		t.Errorf("%d receipts after it was fetched, %v", len(receipts), err)
	}
	mustSay(t, s, "created", "enrolled", "enrolled", "enrolled", "erased", "receipt-issued")
}

// TestNumbers counts what is destroyed for good, with a receipt or without.
func TestNumbers(t *testing.T) {
	dir := t.TempDir()
	s := storetest.Open(t, dir)
	mustEnrol(t, s, 0, 1, 2)
	number := func(signed []byte) uint64 {
		t.Helper()
		r, err := receipt.Verify(signed, s.Device().PublicKey)
		if err != nil {
			t.Fatal(err)
		}
		return r.Number
	}
	erase := func(n int) uint64 {
		t.Helper()
		e, err := s.Erase(store.ByLabel(labelOf(n)), audit.Requested, 1000)
		if err != nil {
			t.Fatal(err)
		}
		return number(e.Receipt)
	}
	if n := erase(0); n != 1 {
		t.Errorf("the first erasure has number %d", n)
	}
	again := enrolment(1)
	again.Lane++
	_, signed, err := s.Recapture(again)
	if err != nil {
		t.Fatal(err)
	}
	if n := number(signed); n != 2 {
		t.Errorf("the erasure of a former template has number %d", n)
	}
	if err := errors.Join(s.Epochs().Begin(1000), s.Close()); err != nil {
		t.Fatal(err)
	}
	s = storetest.Open(t, dir)
	if _, err := s.Epochs().End(1000); err != nil {
		t.Fatal(err)
	}
	if err := s.Lockdown().Begin(1000); err != nil {
		t.Fatal(err)
	}
	if n := erase(1); n != 5 {
		t.Errorf("an erasure after the end of an epoch and a lockdown has number %d", n)
	}
	if err := s.Wipe(func(certificate []byte) error {
		if n := number(certificate); n != 6 {
			t.Errorf("the wipe has number %d", n)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}
