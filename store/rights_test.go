package store_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"facegate/configs/hint"
	"facegate/pipeline/template"
	"facegate/store"
	"facegate/store/audit"
	"facegate/store/clock/clocktest"
	"facegate/store/receipt"
	"facegate/store/storetest"
)

const oneDay = 24 * time.Hour

// openAt opens the store in dir with a clock that the test sets.
func openAt(tb testing.TB, dir string, now *time.Time) *store.Store {
	tb.Helper()
	o := storetest.Options(dir)
	o.Clock = clocktest.Right(func() time.Time { return *now })
	s, err := store.Open(o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { s.Close() })
	return s
}

// kinds returns what is in the audit log of s, which must verify.
func kinds(tb testing.TB, s *store.Store) (kinds []string) {
	tb.Helper()
	l, err := s.Audit()
	if err != nil {
		tb.Fatal(err)
	}
	if err := l.Verify(s.PublicKey()); err != nil {
		tb.Error(err)
	}
	for _, r := range l.Records {
		if r.Entry == nil {
			kinds = append(kinds, "-")
			continue
		}
		kinds = append(kinds, r.Entry.Kind.String())
	}
	return kinds
}

func mustSay(tb testing.TB, s *store.Store, want ...string) {
	tb.Helper()
	if d := cmp.Diff(want, kinds(tb, s)); d != "" {
		tb.Errorf("the audit log (-want +got):\n%s", d)
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
	e, err := s.Erase(p.Label, 1000)
	if err != nil {
		t.Fatal(err)
	}
	r, err := receipt.Verify(e.Receipt, s.PublicKey())
	if err != nil {
		t.Fatal(err)
	}
	if r.Kind != receipt.Erasure || r.Reason != "requested" || r.Time != "2026-03-01T12:00:00Z" || r.KeyStore != "test" ||
		r.Erased != (receipt.Counts{People: 1, Templates: 1}) || r.Generations != (receipt.Generations{People: 2, Faces: 2}) {
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
	l, err := s.Audit()
	if err != nil {
		t.Fatal(err)
	}
	at := l.Records[r.Audit.Seq-1]
	if !bytes.Equal(at.Link[:], r.Audit.Link) || at.Entry.Kind != audit.Erased || at.Entry.Actor != 1000 {
		t.Errorf("the receipt points at %+v", at.Entry)
	}
	if next := l.Records[r.Audit.Seq].Entry; next.Kind != audit.ReceiptIssued || next.Digest != sha256.Sum256(e.Receipt) {
		t.Errorf("the receipt is not in the audit log: %+v", next)
	}

	s.Close()
	s = storetest.Open(t, dir)
	if receipts, err := s.Receipts(); err != nil || len(receipts) != 1 || !bytes.Equal(receipts[0], e.Receipt) {
		t.Errorf("%d receipts after opening again, %v", len(receipts), err)
	}
	for range 2 {
		if err := s.FetchedReceipt([16]byte(r.ID)); err != nil {
			t.Error(err)
		}
	}
	if receipts, err := s.Receipts(); err != nil || len(receipts) != 0 {
		t.Errorf("%d receipts after it was fetched, %v", len(receipts), err)
	}
	mustSay(t, s, "created", "enrolled", "enrolled", "enrolled", "erased", "receipt-issued")
}

// A consent stays when the person goes, without what leads to the person.
func TestConsentOutlivesThePerson(t *testing.T) {
	dir := t.TempDir()
	now := storetest.Now()
	s := openAt(t, dir, &now)
	e := enrolment(0)
	e.Consent.AgeBand, e.Consent.Guardian = store.Child, "Zhang Min"
	p, err := s.Enrol(e)
	if err != nil {
		t.Fatal(err)
	}
	mustEnrol(t, s, 1)
	now = now.Add(oneDay)
	erased, err := s.Withdraw(p.Label, 1000)
	if err != nil {
		t.Fatal(err)
	}
	r, err := receipt.Verify(erased.Receipt, s.PublicKey())
	if err != nil || r.Reason != "withdrawn" || r.Erased.Guardians != 1 {
		t.Errorf("got %+v, %v", r, err)
	}
	want := p.Consent
	want.Ended, want.Why, want.Guardian = now, audit.Withdrawn, ""
	s.Close()
	s = openAt(t, dir, &now)
	if d := cmp.Diff([]store.Consent{want}, endedConsents(t, s)); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	now = now.Add(3*365*oneDay - time.Second)
	if _, err := s.Prune(); err != nil || s.Former() != 1 {
		t.Errorf("%d consents are left before their time, %v", s.Former(), err)
	}
	now = now.Add(time.Second)
	if _, err := s.Prune(); err != nil || s.Former() != 0 {
		t.Errorf("%d consents are left, %v", s.Former(), err)
	}
	s.Close()
	s = openAt(t, dir, &now)
	if n := s.Former(); n != 0 || len(mustRead(t, s).People) != 1 {
		t.Errorf("after opening again: %d consents", n)
	}
}

func TestNewNoticeMakesConsentsStale(t *testing.T) {
	dir := t.TempDir()
	s := storetest.Open(t, dir)
	mustEnrol(t, s, 0)
	s.Close()
	o := storetest.Options(dir)
	o.Notices = [][32]byte{{0xdd}, {0xee}}
	s, err := store.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Check(enrolment(1)); !errors.Is(err, store.ErrStale) || hint.Of(err) == "" {
		t.Errorf("got %v", err)
	}
	if c := mustRead(t, s); len(c.Records) != 1 {
		t.Error("who was enrolled before does not match any more")
	}
	for _, hash := range o.Notices {
		e := enrolment(1)
		e.Consent.Notice.Hash = hash
		if err := s.Check(e); err != nil {
			t.Error(err)
		}
	}
	o = storetest.Options(t.TempDir())
	o.Notices = nil
	s, err = store.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Check(enrolment(1)); !errors.Is(err, store.ErrStale) {
		t.Errorf("without a notice: %v", err)
	}
}

func TestEnrolmentEndsWithTheConsent(t *testing.T) {
	s := storetest.Open(t, t.TempDir())
	e := enrolment(0)
	e.Consent.Expires = storetest.Now().AddDate(0, 1, 0)
	p, err := s.Enrol(e)
	if err != nil || !p.Expires.Equal(e.Consent.Expires) {
		t.Errorf("expires %v, %v", p.Expires, err)
	}
	e = enrolment(1)
	e.Consent.AgeBand, e.Consent.Guardian = store.Child, "Zhang Min"
	if _, err := s.Enrol(e); err != nil {
		t.Errorf("a child with a guardian: %v", err)
	}
}

func TestIdlePeopleAreErased(t *testing.T) {
	dir := t.TempDir()
	now := storetest.Now()
	s := openAt(t, dir, &now)
	people := mustEnrol(t, s, 0, 1, 2)
	now = now.Add(100 * oneDay)
	before := files(t, dir)
	for _, at := range []time.Time{now, now.Add(time.Hour), now.Add(-oneDay)} {
		s.MarkSeen(people[1].ID, at)
	}
	s.MarkSeen(template.PersonID{1}, now) // somebody unknown
	if !maps.EqualFunc(before, files(t, dir), bytes.Equal) {
		t.Error("somebody was seen, and something was written at once")
	}
	s.Close()
	s = openAt(t, dir, &now)
	if got, want := mustRead(t, s).People[1].LastSeen, now.Truncate(oneDay); !got.Equal(want) {
		t.Errorf("last seen %v, want %v: the day and no more", got, want)
	}
	for _, step := range []struct {
		days   int // since the enrolment
		people int // left
	}{{180, 3}, {181, 1}, {280, 1}, {281, 0}, {1000, 0}} {
		now = storetest.Now().Add(time.Duration(step.days) * oneDay)
		if _, err := s.EraseDue(); err != nil {
			t.Fatal(err)
		}
		if got := mustRead(t, s).People; len(got) != step.people {
			t.Errorf("after %d days: %d people, want %d", step.days, len(got), step.people)
		}
	}
	for _, c := range endedConsents(t, s) {
		if c.Why != audit.Idle {
			t.Errorf("ended because %v", c.Why)
		}
	}
}

func TestPruneKeepsTheChain(t *testing.T) {
	dir := t.TempDir()
	now := storetest.Now()
	s := openAt(t, dir, &now)
	access := func(n int) {
		for range n {
			if err := s.RecordAccess(now); err != nil {
				t.Fatal(err)
			}
		}
	}
	prune := func(want int) {
		t.Helper()
		if n, err := s.Prune(); n != want || err != nil {
			t.Errorf("pruned %d, want %d: %v", n, want, err)
		}
	}
	access(2)
	mustEnrol(t, s, 0)
	access(1)
	prune(0)
	mustSay(t, s, "created", "access", "access", "enrolled", "access")
	now = now.Add(30*oneDay - time.Second)
	access(1)
	prune(0)
	now = now.Add(time.Second)
	prune(3)
	prune(0)
	mustSay(t, s, "created", "-", "-", "enrolled", "-", "access", "pruned")
	s.Close()
	s = openAt(t, dir, &now)
	mustSay(t, s, "created", "-", "-", "enrolled", "-", "access", "pruned")
	now = now.Add((3*365 - 30) * oneDay)
	prune(3) // created, enrolled, access
	mustSay(t, s, "pruned", "pruned")
	s.Close()
	s = openAt(t, dir, &now)
	access(1)
	mustSay(t, s, "pruned", "pruned", "access")
}

func TestShow(t *testing.T) {
	s := storetest.Open(t, t.TempDir())
	people := mustEnrol(t, s, 0, 1)
	if _, err := s.Relabel(people[0].Label, "Ann", 1000); err != nil {
		t.Fatal(err)
	}
	f, err := s.Show("Ann")
	if err != nil {
		t.Fatal(err)
	}
	if f.Person.ID != people[0].ID || !f.Record || len(f.Entries) != 2 ||
		f.Entries[0].Kind != audit.Enrolled || f.Entries[1].Kind != audit.Relabelled {
		t.Errorf("got %+v", f)
	}
	if _, err := s.Show("nobody"); !errors.Is(err, store.ErrUnknown) || hint.Of(err) == "" {
		t.Errorf("got %v", err)
	}
}

func TestRelabel(t *testing.T) {
	dir := t.TempDir()
	s := storetest.Open(t, dir)
	people := mustEnrol(t, s, 0, 1)
	for _, tt := range []struct {
		old, label string
		want       error
	}{
		{"nobody", "Ann", store.ErrUnknown},
		{labelOf(0), labelOf(1), store.ErrExists},
		{labelOf(0), labelOf(0), store.ErrExists},
		{labelOf(0), "a\nb", store.ErrLabel},
		{labelOf(0), strings.Repeat("x", 65), store.ErrLabel},
	} {
		if _, err := s.Relabel(tt.old, tt.label, 1000); !errors.Is(err, tt.want) {
			t.Errorf("%q to %q: %v, want %v", tt.old, tt.label, err, tt.want)
		}
	}
	before := mustRead(t, s)
	s.Close()
	oldRows := rows(t, dir, "people.db", "people")
	s = storetest.Open(t, dir)
	if _, err := s.Relabel(labelOf(0), "Ann", 1000); err != nil {
		t.Fatal(err)
	}
	before.People[0].Label = "Ann"
	slices.SortFunc(before.People, func(a, b store.Person) int { return strings.Compare(a.Label, b.Label) })
	if d := diff(before, mustRead(t, s)); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	s.MarkSeen(people[0].ID, storetest.Now().Add(oneDay))
	s.Close()
	if got := mustRead(t, storetest.Open(t, dir)).People[0]; got.Label != "Ann" || !got.LastSeen.After(before.People[0].LastSeen) {
		t.Errorf("after opening again: %+v", got)
	}
	// The old label is as gone as somebody erased.
	now := files(t, dir)
	for _, row := range oldRows {
		if bytes.Contains(now["people.db"], row[len(row)-16:]) {
			t.Error("people.db holds an old row")
		}
	}
}

func TestLockdown(t *testing.T) {
	dir := t.TempDir()
	s := storetest.Open(t, dir)
	mustEnrol(t, s, upTo(5)...)
	s.Close()
	old := files(t, dir)
	s = storetest.Open(t, dir)
	start := time.Now()
	if err := s.Lockdown(1000); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
	for range 2 {
		if c := mustRead(t, s); len(c.People) != 5 || len(c.Records) != 0 || !s.LockedDown() {
			t.Errorf("%d people and %d records, locked down %v", len(c.People), len(c.Records), s.LockedDown())
		}
		if _, err := s.Enrol(enrolment(7)); !errors.Is(err, store.ErrLockdown) || hint.Of(err) == "" {
			t.Errorf("enrolled: %v", err)
		}
		s.Close()
		s = storetest.Open(t, dir)
	}
	// An older faces.db, even with its key and all copies, does not come back.
	for _, names := range [][]string{{".db"}, {".db", ".key"}} {
		mixed := files(t, dir)
		for _, name := range names {
			mixed["faces"+name], mixed["faces.copy"+name] = old["faces"+name], old["faces.copy"+name]
		}
		if _, err := store.Open(storetest.Options(lay(t, mixed))); !errors.Is(err, store.ErrDamaged) {
			t.Errorf("an old %v: %v", names, err)
		}
		for _, name := range names {
			mixed["faces"+name] = files(t, dir)["faces"+name]
		}
		if c := mustRead(t, storetest.Open(t, lay(t, mixed))); len(c.Records) != 0 {
			t.Errorf("with an old copy of %v there are %d records", names, len(c.Records))
		}
	}
	for range 2 {
		if err := s.Reopen(1000); err != nil {
			t.Fatal(err)
		}
	}
	mustErase(t, s, labelOf(0))
	mustEnrol(t, s, 0, 7)
	s.Close()
	s = storetest.Open(t, dir)
	if c := mustRead(t, s); len(c.People) != 6 || len(c.Records) != 2 || s.LockedDown() {
		t.Errorf("%d people and %d records", len(c.People), len(c.Records))
	}
	if n := len(kinds(t, s)); n != 1+5+2+2+2 {
		t.Errorf("%d entries: %v", n, kinds(t, s))
	}
}

func TestWipe(t *testing.T) {
	dir := t.TempDir()
	s := storetest.Open(t, dir)
	mustEnrol(t, s, upTo(3)...)
	public := s.PublicKey()
	var certificate []byte
	if err := s.Wipe(func(text []byte) error {
		certificate = text
		if len(files(t, dir)) < 12 {
			t.Error("something is destroyed before the certificate is kept")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	r, err := receipt.Verify(certificate, public)
	if err != nil || r.Kind != receipt.Wipe || r.Erased.People != 3 || r.Erased.Templates != 3 {
		t.Errorf("got %+v, %v", r, err)
	}
	if left := files(t, dir); len(left) != 0 {
		t.Errorf("%d files are left", len(left))
	}
	if _, err := s.Enrol(enrolment(0)); err == nil {
		t.Error("it can still be used")
	}
	if _, err := s.Records(model); err == nil {
		t.Error("it can still be read")
	}
	s.Close()
	if c := mustRead(t, storetest.Open(t, dir)); len(c.People) != 0 {
		t.Errorf("%d people in a store made anew", len(c.People))
	}
}

// TestWipeWithoutRoomForTheCertificate checks that a wipe does not go on without its certificate, nor back.
func TestWipeWithoutRoomForTheCertificate(t *testing.T) {
	dir := t.TempDir()
	s := storetest.Open(t, dir)
	mustEnrol(t, s, upTo(3)...)
	public, full := s.PublicKey(), errors.New("no room")
	var first []byte
	if err := s.Wipe(func(text []byte) error { first = text; return full }); !errors.Is(err, full) {
		t.Fatalf("Wipe: %v", err)
	}
	s.Close()
	var wiped *store.WipedError
	if _, err := store.Open(storetest.Options(dir)); !errors.As(err, &wiped) {
		t.Fatalf("Open: %v", err)
	}
	if !bytes.Equal(wiped.Certificate, first) || !wiped.PublicKey.Equal(public) || len(files(t, dir)) != 0 {
		t.Errorf("%d files are left, and the certificate is another: %v", len(files(t, dir)), !bytes.Equal(wiped.Certificate, first))
	}
}

func TestDestroyKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "device.key")
	if err := os.WriteFile(path, bytes.Repeat([]byte{1}, 32), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := store.DestroyKeyFile(path); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
}

// attend opens the store in dir as a gate does that lets people try.
func attend(t *testing.T, dir string, now *time.Time) *store.Store {
	t.Helper()
	s := openAt(t, dir, now)
	if err := s.Attend(); err != nil {
		t.Fatal(err)
	}
	return s
}

// against is somebody enrolled, whom others try to be taken for.
func against(t *testing.T, s *store.Store, n int) template.PersonID {
	t.Helper()
	p, err := s.Enrol(enrolment(n))
	if err != nil {
		t.Fatal(err)
	}
	return p.ID
}

func TestLockout(t *testing.T) {
	dir := t.TempDir()
	now := storetest.Now()
	s := attend(t, dir, &now)
	anna, bert := against(t, s, 1), against(t, s, 2)
	fail := func(want store.Lockout) {
		t.Helper()
		got, err := s.RecordFailure(anna, now)
		if err != nil {
			t.Fatal(err)
		}
		s.Close()
		s = attend(t, dir, &now)
		if after := s.Lockouts(); got != want || after[anna] != want || after[bert] != (store.Lockout{}) {
			t.Errorf("got %+v, after a restart %+v, want %+v", got, after, want)
		}
	}
	const delay = 30 * time.Second
	for range 2 {
		for range 4 {
			fail(store.Lockout{})
		}
		if err := s.RecordSuccess(anna); err != nil {
			t.Fatal(err)
		}
	}
	for range 4 {
		fail(store.Lockout{})
	}
	if err := s.RecordSuccess(bert); err != nil { // is no success of Anna's
		t.Fatal(err)
	}
	fail(store.Lockout{Wait: delay})
	failed := now
	for _, step := range []struct{ at, want time.Duration }{
		{0, delay}, {10 * time.Second, 20 * time.Second}, {delay, 0}, {time.Hour, 0},
	} {
		now = failed.Add(step.at)
		if got := s.Lockouts()[anna].Wait; got != step.want {
			t.Errorf("after %v: wait %v, want %v", step.at, got, step.want)
		}
	}
	for range 44 {
		now = now.Add(time.Minute)
		fail(store.Lockout{Wait: delay})
	}
	now = now.Add(time.Minute)
	fail(store.Lockout{Disabled: true})
	before := files(t, dir)
	if _, err := s.RecordFailure(anna, now); err != nil {
		t.Fatal(err)
	}
	if err := s.RecordSuccess(anna); err != nil || !s.Lockouts()[anna].Disabled {
		t.Errorf("switched on by a success, %v", err)
	}
	if !maps.EqualFunc(before, files(t, dir), bytes.Equal) {
		t.Error("switched off, and every failure is written to disk")
	}
	for range 2 {
		if err := s.ResetLockout(1000); err != nil || len(s.Lockouts()) != 0 {
			t.Errorf("after the reset: %+v, %v", s.Lockouts(), err)
		}
	}
	got := kinds(t, s)
	want := append([]string{"created", "enrolled", "enrolled"}, slices.Repeat([]string{"slowed-down"}, 45)...)
	if want = append(want, "switched-off", "reset"); !slices.Equal(want, got) {
		t.Errorf("the audit log: %v", got)
	}
}

// TestLockoutEndsWithThePerson erases somebody against whom there were failures: nothing of them is left, and none can be
// counted any more.
func TestLockoutEndsWithThePerson(t *testing.T) {
	dir, now := t.TempDir(), storetest.Now()
	s := attend(t, dir, &now)
	anna, bert := against(t, s, 1), against(t, s, 2)
	for range 5 {
		for _, p := range []template.PersonID{anna, bert} {
			if _, err := s.RecordFailure(p, now); err != nil {
				t.Fatal(err)
			}
		}
	}
	mustErase(t, s, enrolment(1).Label)
	if _, err := s.RecordFailure(anna, now); !errors.Is(err, store.ErrUnknown) {
		t.Errorf("a failure against somebody who was erased: %v", err)
	}
	s.Close()
	s = attend(t, dir, &now)
	if got := s.Lockouts(); len(got) != 1 || got[bert].Wait == 0 {
		t.Errorf("after the erasure: %+v", got)
	}
}

// TestLockoutBelowTheDelay checks that failures before the first delay, which passers-by may cause, are not written to
// disk, and that cutting the power does not make room for more of them.
func TestLockoutBelowTheDelay(t *testing.T) {
	dir, now := t.TempDir(), storetest.Now()
	s := attend(t, dir, &now)
	anna := against(t, s, 1)
	before := files(t, dir)
	for n := range 4 {
		if l, err := s.RecordFailure(anna, now); err != nil || l != (store.Lockout{}) {
			t.Fatalf("failure %d: %+v, %v", n, l, err)
		}
	}
	if err := s.RecordSuccess(anna); err != nil {
		t.Fatal(err)
	}
	if !maps.EqualFunc(before, files(t, dir), bytes.Equal) {
		t.Error("a failure before the first delay was written to disk")
	}
	cut := t.TempDir() // as it lies there when the power goes
	for name, data := range before {
		if err := os.WriteFile(filepath.Join(cut, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.Close()
	s = attend(t, cut, &now)
	if got := s.Lockouts(); len(got) != 0 {
		t.Errorf("after a power cut: %+v", got)
	}
	if err := s.RecordSuccess(anna); err != nil {
		t.Fatal(err)
	}
	if got, err := s.RecordFailure(anna, now); err != nil || got.Wait != 0 {
		t.Errorf("the first failure after a success: %+v, %v", got, err)
	}
	s.Close()
	s = attend(t, cut, &now)
	bert := against(t, s, 2)
	if got, err := s.RecordFailure(bert, now); err != nil || got.Wait == 0 {
		t.Errorf("the first failure after a power cut: %+v, %v", got, err)
	}
}

func TestNextLaneSurvivesARestart(t *testing.T) {
	dir := t.TempDir()
	s := storetest.Open(t, dir)
	seen := make(map[uint8]bool)
	for n := range template.Lanes {
		lane, err := s.NextLane("new")
		if err != nil {
			t.Fatal(err)
		}
		if seen[lane] {
			t.Errorf("lane %d again, before all others had an erasure", lane)
		}
		seen[lane] = true
		e := enrolment(n)
		e.Lane = lane
		if _, err := s.Enrol(e); err != nil {
			t.Fatal(err)
		}
		mustErase(t, s, e.Label)
		s.Close()
		s = storetest.Open(t, dir)
	}
}

func TestOptionsAreRequired(t *testing.T) {
	for name, edit := range map[string]func(*store.Options){
		"idle":     func(o *store.Options) { o.Retention.Idle = 0 },
		"access":   func(o *store.Options) { o.Retention.Access = 0 },
		"records":  func(o *store.Options) { o.Retention.Records = -1 },
		"delay":    func(o *store.Options) { o.Lockout.Delay = 0 },
		"at once":  func(o *store.Options) { o.Lockout.DelayAfter = 0 },
		"disabled": func(o *store.Options) { o.Lockout.DisableAfter = 5 },
	} {
		o := storetest.Options(t.TempDir())
		edit(&o)
		if _, err := store.Open(o); !errors.Is(err, store.ErrOptions) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestOutbox checks that messages stay, in order, through a restart and the rewriting of journal.db, until they are removed.
func TestOutbox(t *testing.T) {
	dir, now := t.TempDir(), storetest.Now()
	s := openAt(t, dir, &now)
	outbox := func() *store.Outbox {
		o, err := s.Outbox(3)
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	o := outbox()
	for _, text := range []string{"one", "two", "three", "four"} {
		if err := o.Append([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.RecordAccess(now); err != nil {
		t.Fatal(err)
	}
	now = now.AddDate(1, 0, 0)
	if n, err := s.Prune(); err != nil || n == 0 {
		t.Fatalf("%d entries pruned, %v", n, err)
	}
	for _, want := range []string{"two", "three", "four"} {
		s.Close()
		s = openAt(t, dir, &now)
		o = outbox()
		if text, ok := o.First(); !ok || string(text) != want {
			t.Errorf("first is %q, %t, want %q", text, ok, want)
		}
		if err := o.RemoveFirst(); err != nil {
			t.Fatal(err)
		}
	}
	if text, ok := o.First(); ok || o.RemoveFirst() != nil {
		t.Errorf("%q is left", text)
	}
}

func endedConsents(t *testing.T, s *store.Store) []store.Consent {
	t.Helper()
	consents, err := s.EndedConsents()
	if err != nil {
		t.Fatal(err)
	}
	return consents
}
