package store

import (
	"bytes"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"slices"
	"testing"

	"golang.org/x/crypto/argon2"

	"facegate/pipeline/template"
	"facegate/store/vault"
)

// FuzzRows checks that what is read of people.db is refused or is what would be written again.
func FuzzRows(f *testing.F) {
	s := &Store{}
	person := Person{Label: "Ann", Reference: "contract 7", Enrolled: testNow(), Expires: testNow()}
	consent := testEnrolment(0).Consent
	consent.ID = [16]byte{1}
	for _, row := range []func() ([]byte, error){
		person.encode,
		Template{Scheme: 1, Epoch: 2, Lane: 3, link: [16]byte{4}, Consent: consent}.encode,
		func() ([]byte, error) {
			return Credential{Kind: Card, keyed: [16]byte{5}, Uses: 3, Left: 1, Until: testNow()}.encode(template.PersonID{6})
		},
		func() ([]byte, error) {
			return Credential{Kind: PIN, Number: 4711, hash: [32]byte{8}, duress: [32]byte{9}}.encode(template.PersonID{6})
		},
	} {
		plain, err := row()
		must(f, err)
		f.Add(plain)
	}
	f.Fuzz(func(t *testing.T, plain []byte) {
		again := func(what string, err error, encode func() ([]byte, error)) {
			if err != nil {
				return
			}
			if got, err := encode(); err != nil || len(got) != len(plain) {
				t.Errorf("%s of %d bytes is written as %d: %v", what, len(plain), len(got), err)
			}
		}
		p, err := decodePerson(template.PersonID{}, bytes.Clone(plain))
		again("a person", err, p.encode)
		tmpl, err := s.decodeTemplate(bytes.Clone(plain), "")
		again("a template", err, tmpl.encode)
		c, owner, err := decodeCredential(CredentialID{9}, plain)
		again("a credential", err, func() ([]byte, error) { return c.encode(owner) })
		if err == nil && (c.Left > c.Uses || c.Kind == 0 || c.Kind > PIN || (c.Kind == PIN) != (c.keyed == [16]byte{}) || (c.Kind == PIN) != (c.Number != 0)) {
			t.Errorf("accepted %+v", c)
		}
	})
}

// What a card or a PIN is kept as never changes: whoever has one could not come in any more.
func TestKeptForms(t *testing.T) {
	device := [32]byte{1}
	key, err := hkdf.Key(sha256.New, device[:], nil, "facegate idx 2", 32)
	must(t, err)
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("\x02card"))
	if got := template.Index(device, uint8(Card), []byte("card")); !bytes.Equal(got[:], mac.Sum(nil)[:16]) {
		t.Errorf("a card is kept as %x", got)
	}
	pepper, person := [32]byte{2}, template.PersonID{3}
	kept := func(domain pinDomain, pin string) [32]byte {
		return keptPIN(pepper, domain, person, slowPIN(person, []byte(pin)))
	}
	seen := map[[32]byte]bool{}
	for domain, text := range map[pinDomain]string{forEntry: "facegate PIN 2\n", forDuress: "facegate duress PIN 2\n"} {
		mac = hmac.New(sha256.New, pepper[:])
		mac.Write(slices.Concat([]byte(text), person[:], argon2.IDKey([]byte("271828"), person[:], 3, 32<<10, 1, 32)))
		got := kept(domain, "271828")
		if !bytes.Equal(got[:], mac.Sum(nil)) {
			t.Errorf("a PIN is kept as %x", got)
		}
		seen[got], seen[kept(domain, "271829")] = true, true
	}
	slow := slowPIN(person, []byte("271828"))
	seen[keptPIN([32]byte{9}, forEntry, person, slow)] = true
	seen[keptPIN(pepper, forEntry, template.PersonID{9}, slow)] = true
	seen[keptPIN(pepper, forEntry, person, slowPIN(template.PersonID{9}, []byte("271828")))] = true
	if len(seen) != 7 {
		t.Error("another key, person, PIN or use gives the same")
	}
}

// Values of one kind never pass for those of another, nor on another device.
func TestIndexesAreApart(t *testing.T) {
	seen := make(map[[16]byte]bool)
	for _, device := range [][32]byte{{1}, {2}} {
		for _, kind := range []Kind{Pass, Card, PIN} {
			for _, value := range []string{"", "1", "12", "\x0212"} {
				id := template.Index(device, uint8(kind), []byte(value))
				if seen[id] {
					t.Errorf("%v %q is found like another", kind, value)
				}
				seen[id] = true
			}
		}
	}
}

// Rows that do not belong together are damage, and nobody is let in by them.
func TestForeignCredentials(t *testing.T) {
	for name, c := range map[string]struct {
		owner func(Person) template.PersonID
		edit  func(*Credential)
	}{
		"of nobody":            {func(Person) template.PersonID { return template.PersonID{9} }, func(*Credential) {}},
		"a card of two":        {func(p Person) template.PersonID { return p.ID }, func(c *Credential) { c.ID = CredentialID{9} }},
		"of no kind":           {func(p Person) template.PersonID { return p.ID }, func(c *Credential) { c.Kind = 9 }},
		"more left":            {func(p Person) template.PersonID { return p.ID }, func(c *Credential) { c.Left = 9 }},
		"a PIN with a key":     {func(p Person) template.PersonID { return p.ID }, func(c *Credential) { c.Kind, c.Number = PIN, 4711 }},
		"a PIN and no number":  {func(p Person) template.PersonID { return p.ID }, func(c *Credential) { c.Kind, c.keyed = PIN, [16]byte{} }},
		"a card with a number": {func(p Person) template.PersonID { return p.ID }, func(c *Credential) { c.Number = 4711 }},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := mustOpen(t, dir)
			p, err := s.Join(Membership{Label: "Ann", Reference: "contract 7", Expires: testNow().AddDate(1, 0, 0)})
			must(t, err)
			card, err := s.Credentials().AddCard("Ann", ShownCard{Value: []byte("1")}, Terms{}, 1000)
			must(t, err)
			c.edit(&card)
			row, err := s.putCredential(c.owner(p), card)
			must(t, err)
			must(t, s.people.Commit(vault.Change{Puts: []vault.Put{row}}))
			must(t, s.Close())
			if _, err := Open(testOptions(dir)); !errors.Is(err, ErrDamaged) {
				t.Errorf("opened: %v", err)
			}
		})
	}
}
