package store_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"maps"
	"slices"
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

// tokenOf returns a Token that is the same for every call with n, and for no other.
func tokenOf(n int) template.Token {
	secret := binary.BigEndian.AppendUint64([]byte("a token "), uint64(n))
	t, err := template.NewToken(bytes.NewReader(secret))
	if err != nil {
		panic(err)
	}
	return t
}

func keysOf(tb testing.TB, s *store.Store, n int) *template.TokenKeys {
	tb.Helper()
	k, err := s.Credentials().PassKeys(tokenOf(n))
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

// enrolBound enrols person n in scheme S2, with the pass of tokenOf(n).
func enrolBound(s *store.Store, n int) error {
	k, err := s.Credentials().PassKeys(tokenOf(n))
	if err != nil {
		return err
	}
	_, err = s.Enrol(bound(enrolment(n), k))
	return err
}

func bound(e store.Enrolment, k *template.TokenKeys) store.Enrolment {
	e.Made, e.Pass = template.Made{Scheme: template.SchemeS2, Code: e.Code}, k
	return e
}

// mixed makes a store of the people 0 to 5: 0 and 1 have no pass, 2 and 3 have one, 4 and 5 are bound to theirs.
func mixed(tb testing.TB, dir string) *store.Store {
	tb.Helper()
	s := storetest.Open(tb, dir)
	mustEnrol(tb, s, 0, 1)
	for n := 2; n < 6; n++ {
		e := enrolment(n)
		e.Pass = keysOf(tb, s, n)
		if n >= 4 {
			e = bound(e, e.Pass)
		}
		if _, err := s.Enrol(e); err != nil {
			tb.Fatal(err)
		}
	}
	return s
}

// mustClaim checks whose passes, of the persons 0 to 9, lead to their Codes. All others must be refused.
func mustClaim(tb testing.TB, s *store.Store, want ...int) {
	tb.Helper()
	for n := range 10 {
		p, code, err := s.Templates().Claim(keysOf(tb, s, n), model)
		switch {
		case slices.Contains(want, n):
			if err != nil || p.Label != labelOf(n) || code != codeOf(n) {
				tb.Errorf("the pass of person %d leads to %q, their own code: %v, %v", n, p.Label, code == codeOf(n), err)
			}
		case !errors.Is(err, store.ErrPass) || hint.Of(err) == "" || code != (template.Code{}):
			tb.Errorf("the pass of person %d: %v", n, err)
		}
	}
}

func TestClaim(t *testing.T) {
	dir := t.TempDir()
	s := mixed(t, dir)
	for range 2 {
		mustClaim(t, s, 2, 3, 4, 5)
		c := mustRead(t, s)
		people, err := s.Templates().Bound(model)
		if err != nil || len(people) != 2 || len(c.People) != 6 || len(c.Records) != 4 {
			t.Fatalf("%d people, %d of them to be searched, %d bound to a pass, %v", len(c.People), len(c.Records), len(people), err)
		}
		for _, id := range people {
			if _, ok := c.Records[id]; ok {
				t.Error("a record that is bound to a pass is among those that are searched")
			}
		}
		s.Close()
		s = storetest.Open(t, dir)
	}
	// Everybody's record is sealed anew, without anybody's pass.
	mustErase(t, s, labelOf(0))
	mustErase(t, s, labelOf(5))
	mustErase(t, s, labelOf(2))
	mustClaim(t, s, 3, 4)
	s.Close()
	mustClaim(t, storetest.Open(t, dir), 3, 4)
}

func TestClaimRefuses(t *testing.T) {
	now := storetest.Now()
	dir := t.TempDir()
	mixed(t, dir).Close()
	s := openAt(t, dir, &now)
	for n := range 6 {
		if _, _, err := s.Templates().Claim(keysOf(t, s, n), [32]byte{0xbb}); !errors.Is(err, store.ErrPass) || hint.Of(err) == "" {
			t.Errorf("person %d, another model: %v", n, err)
		}
	}
	if people, err := s.Templates().Bound([32]byte{0xbb}); len(people) != 0 || err != nil {
		t.Errorf("another model: %d people, %v", len(people), err)
	}
	now = now.AddDate(1, 0, 4) // the person n expires a year and n days from the start
	s.Close()
	o := storetest.Options(dir)
	o.Clock = clocktest.Right(func() time.Time { return now })
	s, err := store.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	mustClaim(t, s, 5)
	if people, err := s.Templates().Bound(model); len(people) != 1 || err != nil {
		t.Errorf("%d people, %v", len(people), err)
	}
	if err := s.Lockdown().Begin(1000); err != nil {
		t.Fatal(err)
	}
	mustClaim(t, s)
	if people, err := s.Templates().Bound(model); len(people) != 0 || err != nil {
		t.Errorf("after a lockdown: %d people, %v", len(people), err)
	}
}

func TestEnrolRefusesPasses(t *testing.T) {
	s := mixed(t, t.TempDir())
	for name, edit := range map[string]func(*store.Enrolment){
		"bound to nothing":     func(e *store.Enrolment) { e.Pass = nil },
		"somebody's pass":      func(e *store.Enrolment) { e.Pass = keysOf(t, s, 4) },
		"somebody's, not used": func(e *store.Enrolment) { e.Pass, e.Made = keysOf(t, s, 2), made(s, e.Lane, e.Code) },
	} {
		e := bound(enrolment(7), keysOf(t, s, 7))
		edit(&e)
		for what, enrol := range map[string]func(store.Enrolment) error{
			"Check": s.Check, "Enrol": func(e store.Enrolment) error { _, err := s.Enrol(e); return err },
		} {
			if err := enrol(e); !errors.Is(err, store.ErrPass) && !errors.Is(err, store.ErrBound) || hint.Of(err) == "" {
				t.Errorf("%s: %s: %v", name, what, err)
			}
		}
	}
	e := bound(enrolment(7), keysOf(t, s, 7))
	e.Lane = 1
	if _, err := s.Enrol(e); err == nil {
		t.Error("a lane was taken in scheme S2, which has none")
	}
	mustClaim(t, s, 2, 3, 4, 5)
}

func TestIssuePass(t *testing.T) {
	dir := t.TempDir()
	s := mixed(t, dir)
	s.Close()
	old := files(t, dir)
	oldRows := rows(t, dir, "people.db", "people")
	s = storetest.Open(t, dir)
	tokens := map[string]template.Token{}
	for _, n := range []int{0, 2} {
		token, _, err := s.Credentials().Issue(labelOf(n), store.Terms{}, 1000)
		if err != nil {
			t.Fatal(err)
		}
		tokens[labelOf(n)] = token
	}
	for _, n := range []int{4, 9} {
		_, _, err := s.Credentials().Issue(labelOf(n), store.Terms{}, 1000)
		if want := map[int]error{4: store.ErrBound, 9: store.ErrUnknown}[n]; !errors.Is(err, want) || hint.Of(err) == "" {
			t.Errorf("person %d: %v", n, err)
		}
	}
	for range 2 {
		mustClaim(t, s, 3, 4, 5)
		for label, token := range tokens {
			k, err := s.Credentials().PassKeys(token)
			if err != nil {
				t.Fatal(err)
			}
			if p, _, err := s.Templates().Claim(k, model); err != nil || p.Label != label {
				t.Errorf("the new pass of %s leads to %q, %v", label, p.Label, err)
			}
		}
		mustSay(t, s, "created", "enrolled", "enrolled", "enrolled", "pass-issued", "enrolled", "pass-issued",
			"enrolled", "pass-issued", "enrolled", "pass-issued", "pass-issued", "pass-replaced")
		s.Close()
		s = storetest.Open(t, dir)
	}
	// The old pass is as gone as somebody erased.
	s.Close()
	now := files(t, dir)
	for _, row := range oldRows {
		for name, data := range now {
			if bytes.Contains(data, row[len(row)-16:]) {
				t.Errorf("%s holds an old row", name)
			}
		}
	}
	now["people.db"], now["people.copy.db"] = old["people.db"], old["people.copy.db"]
	if _, err := store.Open(storetest.Options(lay(t, now))); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("an old people.db opens with the present keys: %v", err)
	}
}

func TestEraseByPass(t *testing.T) {
	now := storetest.Now()
	dir := t.TempDir()
	mixed(t, dir).Close()
	s := openAt(t, dir, &now)
	if _, err := s.Erase(store.ByPass(tokenOf(9)), audit.Requested, 1000); !errors.Is(err, store.ErrPass) || hint.Of(err) == "" {
		t.Errorf("nobody's pass: %v", err)
	}
	cleared := tokenOf(4)
	cleared.Clear()
	if _, err := s.Erase(store.ByPass(cleared), audit.Requested, 1000); !errors.Is(err, template.ErrToken) {
		t.Errorf("no pass: %v", err)
	}
	now = now.AddDate(2, 0, 0) // the passes have expired; the right to be erased has not
	for n, why := range map[int]audit.Reason{2: audit.Requested, 4: audit.Withdrawn} {
		e, err := s.Erase(store.ByPass(tokenOf(n)), why, 1000)
		if err != nil {
			t.Fatal(err)
		}
		r, err := receipt.Verify(e.Receipt, s.Device().PublicKey)
		if err != nil || r.Reason != why.String() || r.Erased.Templates != 1 || r.Erased.People != 1 {
			t.Errorf("receipt: %+v, %v", r, err)
		}
		if _, err := s.Erase(store.ByPass(tokenOf(n)), why, 1000); !errors.Is(err, store.ErrPass) {
			t.Errorf("erased again: %v", err)
		}
	}
	var left []string
	for _, p := range mustRead(t, s).People {
		left = append(left, p.Label)
	}
	if d := cmp.Diff([]string{labelOf(0), labelOf(1), labelOf(3), labelOf(5)}, left); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

// An erasure by pass that fails can be repeated with the pass, wherever it failed.
func TestEraseByPassAgain(t *testing.T) {
	dir := t.TempDir()
	mixed(t, dir).Close()
	before := files(t, dir)
	failed := 0
	for left := 0; ; left++ {
		o := storetest.Options(lay(t, before))
		faulty := &faultyReader{o.Rand, 1 << 30}
		o.Rand = faulty
		s, err := store.Open(o)
		if err != nil {
			t.Fatal(err)
		}
		faulty.left = left
		_, err = s.Erase(store.ByPass(tokenOf(4)), audit.Requested, 1000)
		faulty.left = 1 << 30
		if err == nil {
			s.Close()
			break
		}
		failed++
		again, err := s.Erase(store.ByPass(tokenOf(4)), audit.Requested, 1000)
		if err != nil {
			t.Fatalf("failed at read %d of randomness, and repeated: %v", left, err)
		}
		if _, err := receipt.Verify(again.Receipt, s.Device().PublicKey); err != nil {
			t.Errorf("failed at read %d of randomness, and repeated: %v", left, err)
		}
		mustClaim(t, s, 2, 3, 5)
		s.Close()
	}
	if failed < 10 {
		t.Errorf("failed %d times only", failed)
	}
}

// What a person file tells is that there is a pass, not which.
func TestPassOfAPerson(t *testing.T) {
	s := mixed(t, t.TempDir())
	for n := range 6 {
		f, err := s.Members().Show(labelOf(n))
		if err != nil {
			t.Fatal(err)
		}
		scheme := uint8(template.SchemeS1)
		if n >= 4 {
			scheme = template.SchemeS2
		}
		if f.Person.HasPass() != (n >= 2) || f.Person.Scheme != scheme || !f.Record {
			t.Errorf("person %d: pass %v, scheme %d", n, f.Person.HasPass(), f.Person.Scheme)
		}
		if p := f.Person; p.Holds(keysOf(t, s, n).ID) != (n >= 2) || p.Holds(template.TokenID{}) || p.Holds(keysOf(t, s, n+1).ID) {
			t.Errorf("person %d holds the pass of another", n)
		}
	}
}

// Rows do not tell who has a pass or is bound to it.
func TestRowsHaveOneLength(t *testing.T) {
	dir := t.TempDir()
	mixed(t, dir).Close()
	for name, table := range map[string]string{"faces.db": "records", "people.db": "people"} {
		lengths := map[int]bool{}
		for _, row := range rows(t, dir, name, table) {
			lengths[len(row)] = true
		}
		if len(lengths) != 1 {
			t.Errorf("%s: rows have the lengths %v", name, slices.Sorted(maps.Keys(lengths)))
		}
		if published := 318; name == "faces.db" && !lengths[published] {
			t.Errorf("%s: rows have the lengths %v, docs/templates.md says %d", name, slices.Sorted(maps.Keys(lengths)), published)
		}
	}
}

// TestCodeOfAnotherEpochIsRefused hands the store Codes that were not made for it as it is: nobody would ever match them.
func TestCodeOfAnotherEpochIsRefused(t *testing.T) {
	s := storetest.Open(t, t.TempDir())
	mustEnrol(t, s, 0)
	k, err := s.Credentials().PassKeys(tokenOf(1))
	if err != nil {
		t.Fatal(err)
	}
	stale := enrolment(1).Made
	if err := s.Epochs().Begin(1000); err != nil {
		t.Fatal(err)
	}
	for name, made := range map[string]template.Made{
		"nothing":               {},
		"an epoch that is over": stale,
		"an epoch to come":      {Scheme: template.SchemeS1, Epoch: 3},
		"no such lane":          {Scheme: template.SchemeS1, Epoch: 2, Lane: template.Lanes},
		"no such scheme":        {Scheme: 3, Epoch: 2},
		"S2 in an epoch":        {Scheme: template.SchemeS2, Epoch: 2},
		"S2 in a lane":          {Scheme: template.SchemeS2, Lane: 1},
	} {
		for label, capture := range map[string]func(store.Enrolment) error{
			labelOf(1): func(e store.Enrolment) error { _, err := s.Enrol(e); return err },
			labelOf(0): func(e store.Enrolment) error { _, _, err := s.Recapture(e); return err },
		} {
			e := enrolment(1)
			e.Label, e.Made, e.Pass = label, made, k
			if err := capture(e); !errors.Is(err, store.ErrMade) || hint.Of(err) == "" {
				t.Errorf("%s, of %s: %v", name, label, err)
			}
		}
	}
	p, err := s.Person(labelOf(0))
	if err != nil {
		t.Fatal(err)
	}
	if _, renewed, err := s.Epochs().Renew(p.ID, model, stale); renewed || !errors.Is(err, store.ErrMade) {
		t.Errorf("renewed %v: %v", renewed, err)
	}
	mustHave(t, s, 1, 1)
}
