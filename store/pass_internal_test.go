package store

import (
	"bytes"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"os"
	"slices"
	"testing"

	"golang.org/x/crypto/chacha20poly1305"

	"facegate/pipeline/template"
	"facegate/store/seal"
	"facegate/store/vault"

	"facegate/store/audit"
)

// Records of scheme S2 are in no epoch: its end and a new embedder leave them, and a lockdown does not.
func TestBoundThroughEpochs(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	m := [32]byte{1}
	must(t, s.Epochs().UseModel(m))
	e := testEnrolment(0)
	e.ModelID = m
	_, err := s.Enrol(e)
	must(t, err)
	_, k, err := s.Credentials().DrawPass()
	must(t, err)
	e = testEnrolment(1)
	e.ModelID, e.Made, e.Pass = m, template.Made{Scheme: template.SchemeS2, Code: e.Code}, k
	p, err := s.Enrol(e)
	must(t, err)
	claims := func(want bool) {
		t.Helper()
		for range 2 {
			if got, _, err := s.Templates().Claim(k, m); (err == nil) != want || want && (got.ID != p.ID || got.Epoch != 0) {
				t.Errorf("claimed %q: %v", got.Label, err)
			}
			must(t, s.Close())
			s = mustOpen(t, dir)
		}
	}
	must(t, s.Epochs().Begin(1000))
	if _, renewed, err := s.Epochs().Renew(p.ID, m, made(s, 0, template.Code{9})); renewed || err != nil {
		t.Errorf("renewed %v: %v", renewed, err)
	}
	claims(true)
	if n, err := s.Epochs().End(1000); n != 1 || err != nil {
		t.Errorf("ended for %d: %v", n, err)
	}
	if e, want := s.Epochs().State(), (EpochState{Current: 2, Renewed: 1, Recordless: 1}); e != want {
		t.Errorf("the epochs are %+v", e)
	}
	claims(true)
	must(t, s.Epochs().UseModel([32]byte{7}))
	if e, want := s.Epochs().State(), (EpochState{Current: 3, Foreign: 1, Recordless: 1}); e != want {
		t.Errorf("with another embedder the epochs are %+v", e)
	}
	_, err = s.Epochs().End(1000)
	must(t, err)
	claims(true) // with the former embedder
	must(t, errors.Join(s.Lockdown().Begin(1000), s.Lockdown().End(1000)))
	claims(false)
	if _, _, err := s.Credentials().Issue(p.Label, Terms{}, 1000); !errors.Is(err, ErrBound) {
		t.Errorf("a new pass, and nothing to go with it: %v", err)
	}
	e.Made, e.Pass = made(s, 3, e.Code), nil // back to scheme S1, with the pass as a name
	if _, _, err := s.Recapture(e); err != nil {
		t.Error(err)
	}
	claimed, _, err := s.Templates().Claim(k, m)
	if must(t, err); claimed.Epoch != 3 || claimed.Scheme != template.SchemeS1 {
		t.Errorf("captured again: %+v", claimed)
	}
	must(t, s.Close())
}

// enrolBound enrols person n of scheme S2, with a pass of their own.
func enrolBound(t *testing.T, s *Store, n int) (Person, template.Token) {
	t.Helper()
	token, k, err := s.Credentials().DrawPass()
	must(t, err)
	e := testEnrolment(n)
	e.Made, e.Pass = template.Made{Scheme: template.SchemeS2, Code: e.Code}, k
	p, err := s.Enrol(e)
	must(t, err)
	return p, token
}

// row returns p's row of faces.db, and the record in it.
func row(t *testing.T, s *Store, p Person) (row, record []byte) {
	t.Helper()
	id := vault.At(recordsTable, p.Record)
	row, err := s.faces.Get(id)
	must(t, err)
	record, err = s.faces.GetValue(id)
	must(t, err)
	return row, record
}

// allKeys returns every key that the device has.
func allKeys(t *testing.T, s *Store) (keys [][32]byte) {
	for _, v := range s.vaults() {
		rings, err := v.LoadRings()
		must(t, err)
		for _, key := range append(rings.Keys(), wrappingKey(s.device, v.Name())) {
			keys = append(keys, key, seal.Derive(key, "facegate value 1"))
		}
	}
	for _, key := range s.Templates().Keys(1, [32]byte{}) {
		keys = append(keys, key)
	}
	keys = append(keys, s.device, s.inner, s.join, [32]byte(s.signer), [32]byte{})
	for _, info := range []string{"facegate idx 1", "facegate token proj 1", "facegate token seal 1"} {
		keys = append(keys, seal.Derive(s.device, info))
	}
	return keys
}

// holdings returns all that the databases hold, opened, and the files as they lie there.
func holdings(t *testing.T, s *Store) (opened, closed [][]byte) {
	t.Helper()
	for v, tables := range tablesOf(s) {
		for _, table := range tables {
			must(t, v.EachValue(table, func(id [16]byte, plain []byte) error {
				opened = append(opened, append(id[:], plain...))
				return nil
			}))
		}
		dbs, rings := v.Databases(), v.Keyrings()
		for _, path := range slices.Concat(dbs[:], rings[:]) {
			data, err := os.ReadFile(path)
			must(t, err)
			closed = append(closed, data)
		}
	}
	return opened, closed
}

// opens reports whether the inner seal of record opens under a secret; see template.Seal.
func opens(t *testing.T, secret [32]byte, record []byte) bool {
	t.Helper()
	const salt, nonce = 16, chacha20poly1305.NonceSizeX
	key, err := hkdf.Key(sha256.New, secret[:], record[headerSize:headerSize+salt], "facegate rec 1", 32)
	must(t, err)
	aead, err := chacha20poly1305.NewX(key)
	must(t, err)
	body := record[headerSize+salt:]
	_, err = aead.Open(nil, body[:nonce], body[nonce:], record[:headerSize])
	return err == nil
}

// headerSize is that of a template.Header, with which a record begins, in the clear within its outer seal.
const headerSize = 94

// attack tries every key of the device, and takes all that is stored for a key or a token, wherever it may begin.
func attack(t *testing.T, s *Store, record []byte, stored [][]byte) (tried int, opened bool) {
	t.Helper()
	try := func(ok bool) {
		tried++
		opened = opened || ok
	}
	for _, key := range allKeys(t, s) {
		try(opens(t, key, record))
	}
	for _, data := range stored {
		for i := range data {
			if len(data[i:]) >= 32 {
				try(opens(t, [32]byte(data[i:]), record))
			}
			token, err := template.NewToken(bytes.NewReader(data[i:]))
			if err != nil {
				continue // too short, or zeros
			}
			k, err := s.Credentials().PassKeys(token)
			must(t, err)
			_, _, err = template.OpenToken(k, record)
			try(err == nil)
		}
	}
	return tried, opened
}

// Who has all files, all keys of the device and somebody else's pass opens nothing of a record of scheme S2.
func TestNothingOpensWithoutThePass(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	defer s.Close()
	_, err := s.Enrol(current(s, testEnrolment(0)))
	must(t, err)
	p, token := enrolBound(t, s, 1)
	_, other := enrolBound(t, s, 2)
	_, err = s.Erase(ByLabel("person 0"), audit.Requested, 1000) // a receipt to look into, and everything sealed anew
	must(t, err)
	secret, err := base32.StdEncoding.DecodeString(token.Text())
	must(t, err)
	foreign, err := base32.StdEncoding.DecodeString(other.Text())
	must(t, err)

	opened, closed := holdings(t, s)
	for _, data := range append(opened, closed...) {
		for _, s := range [][]byte{secret[1:17], []byte(token.Text())} {
			if bytes.Contains(data, s) {
				t.Error("the token is stored")
			}
		}
	}
	_, record := row(t, s, p)
	tried, broken := attack(t, s, record, append(opened, foreign))
	t.Logf("%d keys tried", tried)
	if broken || tried < 5000 {
		t.Errorf("of %d keys one opens the record: %v", tried, broken)
	}

	// The attack is not blind: it would find the token, and it opens a record of scheme S1.
	if _, broken := attack(t, s, record, [][]byte{secret}); !broken {
		t.Error("the attack does not see the token where it is")
	}
	loose, err := s.Enrol(current(s, testEnrolment(0)))
	must(t, err)
	_, record = row(t, s, loose)
	if _, broken := attack(t, s, record, nil); !broken {
		t.Error("the attack does not open a record of scheme S1")
	}
}

// An erasure, of whomever, makes every older copy of a record unreadable, even for who has the device key and the pass.
func TestErasureTakesThePassAway(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	defer s.Close()
	_, err := s.Enrol(current(s, testEnrolment(0)))
	must(t, err)
	p, token := enrolBound(t, s, 1)
	k, err := s.Credentials().PassKeys(token)
	must(t, err)
	old, record := row(t, s, p)
	if _, _, err := template.OpenToken(k, record); err != nil {
		t.Fatal(err)
	}
	readable := func() bool {
		for _, key := range allKeys(t, s) {
			if _, err := seal.Open(key, "facegate faces records row "+string(p.Record[:]), old); err == nil {
				return true
			}
		}
		_, _, err := template.OpenToken(k, old[24:24+template.RecordSize])
		return err == nil
	}
	if !readable() {
		t.Fatal("the copy cannot be read before the erasure")
	}
	for _, label := range []string{"person 0", "person 1"} {
		_, err = s.Erase(ByLabel(label), audit.Requested, 1000)
		must(t, err)
		if readable() {
			t.Errorf("after the erasure of %s an old copy of the record can be read", label)
		}
		_, closed := holdings(t, s)
		for _, data := range closed {
			for i := headerSize; i+16 <= len(record); i += 16 {
				if bytes.Contains(data, old[24+i:24+i+16]) || bytes.Contains(data, record[i:i+16]) {
					t.Fatalf("after the erasure of %s a file holds a part of the record", label)
				}
			}
		}
	}
	if _, _, err := s.Templates().Claim(k, [32]byte{}); err == nil {
		t.Error("the pass of a person who was erased is good still")
	}
}

// A record whose outer seal is right, but which was made for somebody else or under other terms, is not taken.
func TestBoundRecordIsBoundToItsPerson(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	defer s.Close()
	p, token := enrolBound(t, s, 1)
	k, err := s.Credentials().PassKeys(token)
	must(t, err)
	_, record := row(t, s, p)
	good := s.header(p, [32]byte{})
	for name, edit := range map[string]func(*template.Header){
		"nothing": func(*template.Header) {},
		"record":  func(h *template.Header) { h.RecordID[0] ^= 1 },
		"device":  func(h *template.Header) { h.DeviceID[0] ^= 1 },
		"consent": func(h *template.Header) { h.ConsentID[0] ^= 1 },
		"expiry":  func(h *template.Header) { h.Expiry++ },
		"epoch":   func(h *template.Header) { h.Epoch++ },
	} {
		h := good
		edit(&h)
		own, err := template.SealToken(k, rand.Reader, h, template.Code{1})
		must(t, err)
		must(t, s.faces.Commit(vault.Change{Puts: []vault.Put{s.faces.Value(vault.At(recordsTable, p.Record), own)}}))
		_, _, claimErr := s.Templates().Claim(k, [32]byte{})
		_, listErr := s.Templates().Bound([32]byte{})
		if wrong := h != good; wrong != (claimErr != nil) || wrong != (listErr != nil) {
			t.Errorf("%s changed: Claim: %v, Bound: %v", name, claimErr, listErr)
		}
	}
	for i := range record {
		flipped := bytes.Clone(record)
		flipped[i] ^= 1
		must(t, s.faces.Commit(vault.Change{Puts: []vault.Put{s.faces.Value(vault.At(recordsTable, p.Record), flipped)}}))
		if _, _, err := s.Templates().Claim(k, [32]byte{}); err == nil {
			t.Errorf("byte %d changed: it opens still", i)
		}
	}
}
