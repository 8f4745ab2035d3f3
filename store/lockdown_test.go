package store_test

import (
	"bytes"
	"errors"
	"os/signal"
	"slices"
	"syscall"
	"testing"
	"time"

	"facegate/configs/hint"
	"facegate/store"
	"facegate/store/audit"
	"facegate/store/receipt"
	"facegate/store/storetest"
)

func TestLockdown(t *testing.T) {
	dir := t.TempDir()
	s := storetest.Open(t, dir)
	mustEnrol(t, s, upTo(5)...)
	s.Close()
	old := files(t, dir)
	s = storetest.Open(t, dir)
	start := time.Now()
	if err := s.Lockdown().Begin(1000); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
	for range 2 {
		if c := mustRead(t, s); len(c.People) != 5 || len(c.Records) != 0 || !s.Lockdown().InForce() {
			t.Errorf("%d people and %d records, locked down %v", len(c.People), len(c.Records), s.Lockdown().InForce())
		}
		if _, err := s.Enrol(current(s, enrolment(7))); !errors.Is(err, store.ErrLockdown) || hint.Of(err) == "" {
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
		if err := s.Lockdown().End(1000); err != nil {
			t.Fatal(err)
		}
	}
	mustErase(t, s, labelOf(0))
	mustEnrol(t, s, 0, 7)
	s.Close()
	s = storetest.Open(t, dir)
	if c := mustRead(t, s); len(c.People) != 6 || len(c.Records) != 2 || s.Lockdown().InForce() {
		t.Errorf("%d people and %d records", len(c.People), len(c.Records))
	}
	if n := len(kinds(t, s)); n != 1+5+2+2+2 {
		t.Errorf("%d entries: %v", n, kinds(t, s))
	}
}

// TestLockdownWithoutRoom locks a store down on a full disk, starts it there, and makes room.
func TestLockdownWithoutRoom(t *testing.T) {
	if !inChild(t, childLimited) {
		return
	}
	signal.Ignore(syscall.SIGXFSZ)
	for _, forced := range []bool{false, true} {
		before := twenty(t)
		dir := lay(t, before)
		s := storetest.Open(t, dir)
		// An erasure is half done, too.
		limited(t, fullDisk, func() {
			_, err := s.Erase(store.ByLabel(labelOf(3)), audit.Requested, 1000)
			mustOwe(t, err, true)
			if forced {
				s.Close()
				err = store.ForceLockdown(store.Place{Dir: dir, KeyDir: dir}, storetest.Now())
			} else if err = s.Lockdown().Begin(1000); errors.As(err, new(*store.LockdownError)) && hint.Of(err) != "" {
				err = nil
			}
			if err != nil {
				t.Fatalf("forced %v: %v", forced, err)
			}
		})
		s.Close()
		mustHaveNoFaces(t, dir, before)
		limited(t, fullDisk, func() {
			s = mustOpen(t, dir)
			if c := mustRead(t, s); len(c.Records) != 0 || !s.Lockdown().InForce() || !s.Retention().Owed().Templates || s.Retention().Owed().People != 1 {
				t.Errorf("forced %v, without room: %d match, locked down %v, owed %+v", forced, len(c.Records), s.Lockdown().InForce(), s.Retention().Owed())
			}
			if err := s.Check(enrolment(30)); !errors.Is(err, store.ErrLockdown) {
				t.Errorf("an enrolment: %v", err)
			}
		})
		if _, err := s.Retention().EraseOwed(); err != nil || s.Retention().Owed().Any() || !s.Lockdown().InForce() {
			t.Errorf("forced %v, with room: %v, owed %+v, locked down %v", forced, err, s.Retention().Owed(), s.Lockdown().InForce())
		}
		mustHave(t, s, 19, 0)
		if got := kinds(t, s); !slices.Contains(got, "templates-destroyed") {
			t.Errorf("the audit log says %v", got)
		}
		s.Close()
		storetest.MustCheck(t, dir)
	}
}

func TestWipe(t *testing.T) {
	dir := t.TempDir()
	s := storetest.Open(t, dir)
	mustEnrol(t, s, upTo(3)...)
	public := s.Device().PublicKey
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
	if _, err := s.Enrol(current(s, enrolment(0))); err == nil {
		t.Error("it can still be used")
	}
	if _, err := s.Templates().Records(model); err == nil {
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
	public, full := s.Device().PublicKey, errors.New("no room")
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

// TestCertificateIsKeptBeforeTheLastGoes cuts a wipe off, and goes on where the certificate finds no room at first. It is in the
// store until it is kept.
func TestCertificateIsKeptBeforeTheLastGoes(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	mustEnrol(t, s, upTo(3)...)
	full := errors.New("no room")
	var first []byte
	if err := s.Wipe(func(text []byte) error { first = text; return full }); !errors.Is(err, full) {
		t.Fatalf("Wipe: %v", err)
	}
	s.Close()
	o := storetest.Options(dir)
	var handed [][]byte
	open := func(fails error) (wiped *store.WipedError) {
		t.Helper()
		o.Wiped = func(text []byte) error {
			if len(files(t, dir)) == 0 {
				t.Error("nothing is left when the certificate is handed over")
			}
			handed = append(handed, text)
			return fails
		}
		if _, err := store.Open(o); !errors.As(err, &wiped) || fails != nil && !errors.Is(err, fails) {
			t.Fatalf("Open: %v", err)
		}
		return wiped
	}
	for range 2 {
		if w := open(full); w.Unkept == nil || len(w.PublicKey) == 0 {
			t.Errorf("unkept: %+v", w)
		}
	}
	if w := open(nil); w.Unkept != nil || len(files(t, dir)) != 0 {
		t.Errorf("%v; %d files are left", w.Unkept, len(files(t, dir)))
	}
	for _, text := range handed {
		if !bytes.Equal(text, first) {
			t.Error("another certificate")
		}
	}
	if len(handed) != 3 {
		t.Errorf("handed over %d times", len(handed))
	}
}
