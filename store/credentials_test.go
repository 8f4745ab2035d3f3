package store_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"facegate/configs/hint"
	"facegate/pipeline/template"
	"facegate/store"
	"facegate/store/audit"
	"facegate/store/clock/clocktest"
	"facegate/store/receipt"
	"facegate/store/storetest"
)

// membership returns what puts person n on the list without a face.
func membership(n int) store.Membership {
	e := enrolment(n)
	return store.Membership{Label: e.Label, Reference: e.Consent.Reference, Expires: e.Expires, By: 1000}
}

func mustJoin(tb testing.TB, s *store.Store, ns ...int) (people []store.Person) {
	tb.Helper()
	for _, n := range ns {
		p, err := s.Join(membership(n))
		if err != nil {
			tb.Fatal(err)
		}
		people = append(people, p)
	}
	return people
}

func mustAddCard(tb testing.TB, s *store.Store, n int, value string, terms store.Terms) store.Credential {
	tb.Helper()
	c, err := s.Credentials().AddCard(labelOf(n), store.ShownCard{Value: []byte(value)}, terms, 1000)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// mustRefuseWith checks that err is want, and carries a hint.
func mustRefuseWith(tb testing.TB, what string, err, want error) {
	tb.Helper()
	if !errors.Is(err, want) || want != nil && hint.Of(err) == "" {
		tb.Errorf("%s: %v, to do: %q, want %v", what, err, hint.Of(err), want)
	}
}

// finds checks whom a card leads to, which is nobody if want is an error.
func finds(tb testing.TB, s *store.Store, value string, p store.Person, want error) store.Holder {
	tb.Helper()
	h, err := s.Credentials().FindCard([]byte(value))
	mustRefuseWith(tb, "card "+value, err, want)
	if want == nil && h.Person != p.ID {
		tb.Errorf("card %s is %x's, want %x", value, h.Person, p.ID)
	}
	return h
}

// Who gives no face is on the list like anybody else, from joining to the receipt.
func TestMemberWithoutAFace(t *testing.T) {
	dir := t.TempDir()
	s := storetest.Open(t, dir)
	must(t, s.Epochs().UseModel(model))
	mustEnrol(t, s, 0)
	p := mustJoin(t, s, 1)[0]
	if p.Consented() || p.Record != (template.RecordID{}) || p.HasPass() || p.Label != labelOf(1) || !p.Expires.Equal(membership(1).Expires) {
		t.Errorf("joined as %+v", p)
	}
	card := mustAddCard(t, s, 1, "04:a2:3f", store.Terms{})
	_, err := s.Credentials().SetPIN(labelOf(1), []byte("271828"), store.Terms{}, 1000)
	must(t, err)
	token, pass, err := s.Credentials().Issue(labelOf(1), store.Terms{}, 1000)
	must(t, err)
	if token.Text() == "" || pass.Kind != store.Pass || card.Kind != store.Card || card.ID == pass.ID {
		t.Errorf("got %+v and %+v", pass, card)
	}
	s.Close()

	s = storetest.Open(t, dir)
	c := mustRead(t, s)
	if len(c.People) != 2 || len(c.Records) != 1 || c.People[1].Reference != membership(1).Reference {
		t.Errorf("%d people and %d records, %+v", len(c.People), len(c.Records), c.People[1])
	}
	f, err := s.Members().Show(labelOf(1))
	must(t, err)
	if n := f.Person.Count(); f.Record || f.Person.Consented() || n != (store.Counts{Passes: 1, Cards: 1, PINs: 1}) || len(f.Entries) != 4 {
		t.Errorf("shown as %+v with %v", f.Person, n)
	}
	e := s.Epochs().State()
	if s.Compliance().NeedsConsent(p) || e.Recordless != 0 || e.Renewed != 1 || s.Compliance().ConsentAgain() != 0 {
		t.Errorf("who gives no face counts among faces: %+v", e)
	}
	erased, err := s.Erase(store.ByLabel(labelOf(1)), audit.Requested, 1000)
	must(t, err)
	r, err := receipt.Verify(erased.Receipt, s.Device().PublicKey)
	must(t, err)
	if r.Erased != (receipt.Counts{People: 1, Passes: 1, Cards: 1, PINs: 1}) || !r.About(membership(1).Reference) || len(r.Records) != 0 {
		t.Errorf("the receipt says %+v", r)
	}
	finds(t, s, "04:a2:3f", store.Person{}, store.ErrCredential)
	if s.Retention().Former() != 0 {
		t.Error("a consent is kept of somebody who gave none")
	}
	want := []string{
		"created", "epoch-begun", "enrolled", "joined", "credential-issued", "credential-issued", "pass-issued", "erased", "receipt-issued",
	}
	if got := kinds(t, s); !slices.Equal(got, want) {
		t.Errorf("the log says %v", got)
	}
}

func TestJoinRefuses(t *testing.T) {
	s := storetest.Open(t, t.TempDir())
	mustEnrol(t, s, 0)
	if _, err := s.Join(withPass(t, s, membership(5), 5)); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		edit func(*store.Membership)
		want error
	}{
		{"no label", func(m *store.Membership) { m.Label = "" }, store.ErrLabel},
		{"label of somebody with a face", func(m *store.Membership) { m.Label = labelOf(0) }, store.ErrExists},
		{"label of another member", func(m *store.Membership) { m.Label = labelOf(5) }, store.ErrExists},
		{"label that looks like one with a face", func(m *store.Membership) { m.Label = "Zhang-O00" }, store.ErrAlike},
		{"label that looks like another member's", func(m *store.Membership) { m.Label = "Zhang-OO5" }, store.ErrAlike},
		{"no reference", func(m *store.Membership) { m.Reference = "" }, store.ErrReference},
		{"reference of two lines", func(m *store.Membership) { m.Reference = "a\nb" }, store.ErrReference},
		{"reference too long", func(m *store.Membership) { m.Reference = strings.Repeat("x", 129) }, store.ErrReference},
		{"no expiry", func(m *store.Membership) { m.Expires = time.Time{} }, store.ErrExpiry},
		{"expired", func(m *store.Membership) { m.Expires = storetest.Now() }, store.ErrExpiry},
		{"somebody's pass", func(m *store.Membership) { *m = withPass(t, s, *m, 5) }, store.ErrPass},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := membership(1)
			tt.edit(&m)
			_, err := s.Join(m)
			mustRefuseWith(t, tt.name, err, tt.want)
		})
	}
	alike := enrolment(1)
	alike.Label = "Zhang-O05" // for who gives a face the labels of members are taken too
	_, err := s.Enrol(alike)
	mustRefuseWith(t, "enrolled", err, store.ErrAlike)
	_, err = s.Members().Relabel(labelOf(0), "Zhang-O05", 1000)
	mustRefuseWith(t, "relabelled", err, store.ErrAlike)
	if c := mustRead(t, s); len(c.People) != 2 {
		t.Errorf("%d people", len(c.People))
	}
}

func withPass(tb testing.TB, s *store.Store, m store.Membership, n int) store.Membership {
	tb.Helper()
	m.Pass = keysOf(tb, s, n)
	return m
}

// Who gave no face gives it later, keeps what they came in by, and takes the face back again.
func TestFaceComesAndGoes(t *testing.T) {
	dir := t.TempDir()
	s := storetest.Open(t, dir)
	p := mustJoin(t, s, 1)[0]
	mustAddCard(t, s, 1, "1234", store.Terms{})
	_, err := s.Erase(store.ByLabel(labelOf(1)), audit.FaceWithdrawn, 1000)
	mustRefuseWith(t, "no face", err, store.ErrNoFace)
	captured, signed, err := s.Recapture(current(s, enrolment(1)))
	must(t, err)
	if signed != nil || captured.ID != p.ID || !captured.Consented() {
		t.Errorf("captured as %+v, with a receipt of %d bytes", captured, len(signed))
	}
	if c := mustRead(t, s); c.Records[p.ID].Code != codeOf(1) || c.People[0].Count() != (store.Counts{Cards: 1}) {
		t.Errorf("%+v", c)
	}
	finds(t, s, "1234", p, nil)

	e, err := s.Erase(store.ByLabel(labelOf(1)), audit.FaceWithdrawn, 1000)
	must(t, err)
	r, err := receipt.Verify(e.Receipt, s.Device().PublicKey)
	must(t, err)
	if r.Reason != "face-withdrawn" || r.Erased != (receipt.Counts{Templates: 1, Consents: 1}) || len(r.Records) != 1 || !r.About(membership(1).Reference) {
		t.Errorf("the receipt says %+v", r)
	}
	if n := s.Retention().Former(); n != 1 {
		t.Errorf("%d consents are kept", n)
	}
	s.Close()
	if n := len(rows(t, dir, "faces.db", "records")); n != 0 {
		t.Errorf("%d records are left", n)
	}
	s = storetest.Open(t, dir)
	if c := mustRead(t, s); len(c.People) != 1 || len(c.Records) != 0 || c.People[0].Consented() {
		t.Errorf("afterwards %+v", c)
	}
	finds(t, s, "1234", p, nil)

	mustEnrol(t, s, 2) // who has nothing but the face
	_, err = s.Erase(store.ByLabel(labelOf(2)), audit.FaceWithdrawn, 1000)
	mustRefuseWith(t, "nothing else", err, store.ErrKeyless)
	_, _, err = s.Credentials().Issue(labelOf(2), store.Terms{Visitor: true}, 1000)
	must(t, err)
	_, err = s.Erase(store.ByLabel(labelOf(2)), audit.FaceWithdrawn, 1000)
	mustRefuseWith(t, "a visitor's pass alone", err, store.ErrKeyless)
}

// What was revoked, replaced or erased is found no more, and is in no file.
func TestRevoked(t *testing.T) {
	dir := t.TempDir()
	s := storetest.Open(t, dir)
	all := s.Credentials()
	p := mustJoin(t, s, 1)[0]
	first := mustAddCard(t, s, 1, "first", store.Terms{})
	mustAddCard(t, s, 1, "second", store.Terms{})
	finds(t, s, "first", p, nil)
	_, err := all.AddCard(labelOf(1), store.ShownCard{Value: []byte("first")}, store.Terms{}, 1000)
	mustRefuseWith(t, "again", err, store.ErrCard)
	old, own, err := all.Issue(labelOf(1), store.Terms{}, 1000)
	must(t, err)
	guest, visitor, err := all.Issue(labelOf(1), store.Terms{Visitor: true}, 1000)
	must(t, err)
	if list, err := all.List(labelOf(1)); err != nil || len(list) != 4 {
		t.Errorf("%d credentials, %v", len(list), err)
	}
	s.Close()
	before := rows(t, dir, "people.db", "credentials")
	s = storetest.Open(t, dir)
	all = s.Credentials()

	must(t, all.Revoke(labelOf(1), first.ID, 1000))
	mustRefuseWith(t, "revoked again", all.Revoke(labelOf(1), first.ID, 1000), store.ErrCredential)
	mustRefuseWith(t, "of nobody", all.Revoke(labelOf(7), first.ID, 1000), store.ErrUnknown)
	renewed, _, err := all.Issue(labelOf(1), store.Terms{}, 1000)
	must(t, err)
	for text, want := range map[template.Token]error{old: store.ErrCredential, renewed: nil, guest: nil} {
		k, err := s.Credentials().PassKeys(text)
		must(t, err)
		_, err = all.FindPass(k)
		mustRefuseWith(t, "a pass", err, want)
	}
	finds(t, s, "first", p, store.ErrCredential)
	finds(t, s, "second", p, nil)
	list, err := all.List(labelOf(1))
	must(t, err)
	if len(list) != 3 || slices.ContainsFunc(list, func(c store.Credential) bool { return c.ID == own.ID || c.ID == first.ID }) ||
		!slices.ContainsFunc(list, func(c store.Credential) bool { return c.ID == visitor.ID && c.Visitor }) {
		t.Errorf("listed %+v", list)
	}
	s.Close()
	for name, data := range files(t, dir) {
		for id, row := range before {
			if (id == first.ID || id == own.ID) && bytes.Contains(data, id[:]) || bytes.Contains(data, row[len(row)-32:]) {
				t.Errorf("%s holds a credential as it was, or one that was revoked", name)
			}
		}
	}
}

// A guest's pass is no pass of the host: it opens no template, and erases nobody.
func TestVisitorsPass(t *testing.T) {
	s := storetest.Open(t, t.TempDir())
	must(t, enrolBound(s, 4))
	guest, c, err := s.Credentials().Issue(labelOf(4), store.Terms{Visitor: true, Uses: 2}, 1000)
	must(t, err)
	k, err := s.Credentials().PassKeys(guest)
	must(t, err)
	h, err := s.Credentials().FindPass(k)
	if err != nil || h.Credential.ID != c.ID || !h.Credential.Visitor || h.Credential.Left != 2 {
		t.Errorf("found %+v, %v", h, err)
	}
	_, _, err = s.Templates().Claim(k, model)
	mustRefuseWith(t, "claim", err, store.ErrPass)
	_, _, err = s.Templates().Former(labelOf(4), k, model)
	mustRefuseWith(t, "recapture", err, store.ErrPass)
	_, err = s.Erase(store.ByPass(guest), audit.Withdrawn, 1000)
	mustRefuseWith(t, "erase", err, store.ErrPass)
	if _, _, err := s.Templates().Claim(keysOf(t, s, 4), model); err != nil {
		t.Errorf("the host's own pass: %v", err)
	}
	own, ok := func() (store.Credential, bool) {
		list, err := s.Credentials().List(labelOf(4))
		must(t, err)
		i := slices.IndexFunc(list, func(c store.Credential) bool { return !c.Visitor })
		return list[i], i >= 0
	}()
	if !ok {
		t.Fatal("the host has no pass")
	}
	mustRefuseWith(t, "the pass that opens the template", s.Credentials().Revoke(labelOf(4), own.ID, 1000), store.ErrBound)
	_, _, err = s.Credentials().Issue(labelOf(4), store.Terms{}, 1000)
	mustRefuseWith(t, "a new one in its place", err, store.ErrBound)
}

func TestTerms(t *testing.T) {
	s := storetest.Open(t, t.TempDir())
	mustJoin(t, s, 1)
	now := storetest.Now()
	for _, tt := range []struct {
		name  string
		terms store.Terms
		kind  store.Kind
		want  error
	}{
		{"none", store.Terms{}, store.Card, nil},
		{"of tomorrow", store.Terms{From: now.Add(oneDay), Until: now.Add(2 * oneDay), Uses: 1}, store.Card, nil},
		{"over", store.Terms{Until: now}, store.Card, store.ErrTerms},
		{"over before it begins", store.Terms{From: now.Add(oneDay), Until: now.Add(time.Hour)}, store.Card, store.ErrTerms},
		{"a PIN for some time", store.Terms{Until: now.Add(oneDay)}, store.PIN, nil},
		{"a visitor's PIN", store.Terms{Visitor: true}, store.PIN, store.ErrTerms},
		{"a PIN for one time", store.Terms{Uses: 1}, store.PIN, store.ErrTerms},
	} {
		var err error
		if tt.kind == store.PIN {
			_, err = s.Credentials().SetPIN(labelOf(1), []byte("271828"), tt.terms, 1000)
		} else {
			_, err = s.Credentials().AddCard(labelOf(1), store.ShownCard{Value: []byte(tt.name)}, tt.terms, 1000)
		}
		mustRefuseWith(t, tt.name, err, tt.want)
	}
	for _, value := range []string{"", strings.Repeat("x", store.MaxCard+1)} {
		_, err := s.Credentials().AddCard(labelOf(1), store.ShownCard{Value: []byte(value)}, store.Terms{}, 1000)
		mustRefuseWith(t, "a card of "+value, err, store.ErrCard)
	}
	secure, err := s.Credentials().AddCard(labelOf(1), store.ShownCard{Value: []byte("secure"), Secure: true}, store.Terms{}, 1000)
	if err != nil || !secure.Secure {
		t.Errorf("a card that has proved a key: %+v, %v", secure, err)
	}
	_, err = s.Credentials().AddCard(labelOf(9), store.ShownCard{Value: []byte("x")}, store.Terms{}, 1000)
	mustRefuseWith(t, "of nobody", err, store.ErrUnknown)
}

// A use that is counted is on disk before anybody is told of it, and ends with the last.
func TestUses(t *testing.T) {
	dir := t.TempDir()
	s := storetest.Open(t, dir)
	p := mustJoin(t, s, 1)[0]
	c := mustAddCard(t, s, 1, "two", store.Terms{Uses: 2})
	always := mustAddCard(t, s, 1, "always", store.Terms{})
	for left := uint32(1); ; left-- {
		used, err := s.Credentials().Use(c.ID)
		if err != nil || used.Left != left {
			t.Fatalf("%d left, want %d: %v", used.Left, left, err)
		}
		dir = lay(t, files(t, dir)) // as a power cut would leave it
		s = storetest.Open(t, dir)
		if left == 0 {
			break
		}
		if h := finds(t, s, "two", p, nil); h.Credential.Left != left {
			t.Errorf("%d left on disk", h.Credential.Left)
		}
		if d := diff(mustRead(t, s), mustRead(t, storetest.Open(t, lay(t, files(t, dir))))); d != "" {
			t.Error(d)
		}
	}
	finds(t, s, "two", p, store.ErrUsedUp)
	_, err := s.Credentials().Use(c.ID)
	mustRefuseWith(t, "once more", err, store.ErrUsedUp)
	if _, err := s.Credentials().Use(always.ID); err != nil {
		t.Error(err)
	}
	_, err = s.Credentials().Use(store.CredentialID{1})
	mustRefuseWith(t, "nobody's", err, store.ErrCredential)
	log := kinds(t, s)
	if last := log[len(log)-1]; last != "credential-used-up" {
		t.Errorf("the log ends with %s", last)
	}
	f, err := s.Members().Show(labelOf(1))
	must(t, err)
	for _, e := range f.Entries {
		if e.Kind == audit.CredentialUsedUp {
			t.Error("the log tells when the person was let in")
		}
	}
	// What is certainly over leaves at the next tidying up.
	n, err := s.Retention().Prune()
	must(t, err)
	if list, err := s.Credentials().List(labelOf(1)); n != 1 || err != nil || len(list) != 1 || list[0].ID != always.ID {
		t.Errorf("%d dropped, and left are %+v: %v", n, list, err)
	}
	finds(t, s, "two", p, store.ErrCredential)
}

// A credential with dates is judged as a face is that has them: of a time in doubt, by the worst that it may be.
func TestDatesOfCredentials(t *testing.T) {
	start := storetest.Now()
	dir, machine := t.TempDir(), clocktest.New(start)
	s := openOn(t, dir, machine)
	must(t, s.Clock().Confirm(machine.Wall(), 1000))
	long, month, year := membership(1), enrolment(2), enrolment(3)
	long.Expires, month.Expires, year.Expires = start.AddDate(9, 0, 0), start.Add(30*oneDay), start.AddDate(1, 0, 0)
	p, err := s.Join(long)
	must(t, err)
	faces := make(map[string]template.PersonID)
	for value, e := range map[string]store.Enrolment{"month": month, "year": year} {
		twin, err := s.Enrol(e)
		must(t, err)
		faces[value] = twin.ID
		mustAddCard(t, s, 1, value, store.Terms{Until: e.Expires})
	}
	mustAddCard(t, s, 1, "later", store.Terms{From: start.Add(3 * oneDay)})
	seen := make(map[string]int)
	step := func(name string, later error) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			lapsed := s.Retention().Lapsed()
			for value, id := range faces {
				var want error
				if lapsed[id] {
					want = store.ErrOver
					seen[value]++
				}
				finds(t, s, value, p, want)
			}
			finds(t, s, "later", p, later)
		})
	}
	restarted := func() {
		t.Helper()
		must(t, s.Close())
		machine.Restart(time.Hour)
		s = openOn(t, dir, machine)
	}
	step("on the first day", store.ErrNotYet)
	machine.Ahead(10 * oneDay)
	step("on the first day, set ahead", store.ErrNotYet)
	restarted()
	step("and started again", store.ErrNotYet) // which day it is nobody knows: ten days may not have passed
	machine.Ahead(400 * oneDay)
	step("or set a year ahead", store.ErrNotYet)
	machine.Ahead(-40 * oneDay)
	step("or behind", store.ErrNotYet)
	machine.Ahead(0)
	machine.Pass(5 * oneDay)
	must(t, s.Clock().Confirm(machine.Wall(), 1000))
	step("after five days, confirmed", nil)
	machine.Pass(30 * oneDay)
	step("after a month", nil)
	if seen["month"] == 0 || seen["year"] == 0 || seen["month"] == seen["year"] {
		t.Errorf("lapsed %v", seen)
	}
	if n, err := s.Retention().Prune(); err != nil || n != 1 {
		t.Errorf("%d dropped: %v", n, err)
	}
	finds(t, s, "month", p, store.ErrCredential)
}

// A lockdown destroys every template, and nobody's way in besides.
func TestLockdownKeepsCredentials(t *testing.T) {
	dir := t.TempDir()
	s := storetest.Open(t, dir)
	people := append(mustEnrol(t, s, 0), mustJoin(t, s, 1)...)
	mustAddCard(t, s, 0, "zero", store.Terms{})
	mustAddCard(t, s, 1, "one", store.Terms{Uses: 3})
	must(t, s.Lockdown().Begin(1000))
	s.Close()
	s = storetest.Open(t, dir)
	finds(t, s, "zero", people[0], nil)
	finds(t, s, "one", people[1], nil)
	if c := mustRead(t, s); len(c.People) != 2 || len(c.Records) != 0 || !c.People[0].Consented() || c.People[1].Consented() {
		t.Errorf("%+v", c)
	}
	mustJoin(t, s, 2) // for which no template is needed
	if _, err := s.Credentials().Use(mustAddCard(t, s, 2, "two", store.Terms{Uses: 1}).ID); err != nil {
		t.Error(err)
	}
	if e := s.Epochs().State(); e.Recordless != 1 {
		t.Errorf("%+v", e)
	}
}

// Who gives no face expires and idles like anybody else, and takes everything along.
func TestMembersAreRetainedLikeOthers(t *testing.T) {
	for name, tt := range map[string]struct {
		pass time.Duration
		seen bool
		left int
		why  audit.Reason
	}{
		"idle": {200 * oneDay, false, 0, audit.Idle}, "seen": {200 * oneDay, true, 1, 0}, "expired": {370 * oneDay, true, 0, audit.Expired},
	} {
		t.Run(name, func(t *testing.T) {
			now := storetest.Now()
			o := storetest.Options(t.TempDir())
			o.Clock = clocktest.Right(func() time.Time { return now })
			s, err := store.Open(o)
			must(t, err)
			defer s.Close()
			p := mustJoin(t, s, 1)[0]
			mustAddCard(t, s, 1, "card", store.Terms{})
			now = now.Add(100 * oneDay)
			if tt.seen {
				s.Retention().Seen(p.ID, now)
			}
			now = now.Add(tt.pass - 100*oneDay)
			ids, err := s.Retention().EraseDue()
			must(t, err)
			if c := mustRead(t, s); len(c.People) != tt.left || len(ids) != 1-tt.left {
				t.Errorf("%d people, %d erased", len(c.People), len(ids))
			}
			if tt.left == 1 {
				finds(t, s, "card", p, nil)
				return
			}
			finds(t, s, "card", p, store.ErrCredential)
			receipts, err := s.Receipts().All()
			must(t, err)
			r, err := receipt.Verify(receipts[0], s.Device().PublicKey)
			if err != nil || r.Reason != tt.why.String() || r.Erased != (receipt.Counts{People: 1, Cards: 1}) {
				t.Errorf("the receipt says %+v, %v", r, err)
			}
		})
	}
}

// A wipe counts everything that it destroys.
func TestWipeCountsCredentials(t *testing.T) {
	s := storetest.Open(t, t.TempDir())
	mustEnrol(t, s, 0)
	mustJoin(t, s, 1, 2)
	mustAddCard(t, s, 0, "zero", store.Terms{})
	mustAddCard(t, s, 1, "one", store.Terms{})
	_, _, err := s.Credentials().Issue(labelOf(1), store.Terms{Visitor: true}, 1000)
	must(t, err)
	public := s.Device().PublicKey
	must(t, s.Wipe(func(certificate []byte) error {
		r, err := receipt.Verify(certificate, public)
		if want := (receipt.Counts{People: 3, Templates: 1, Consents: 1, Cards: 2, Passes: 1}); err != nil || r.Erased != want {
			t.Errorf("the certificate says %+v, %v", r.Erased, err)
		}
		return nil
	}))
}
