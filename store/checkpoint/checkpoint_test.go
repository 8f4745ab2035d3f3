package checkpoint_test

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"io"
	"strings"
	"testing"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"facegate/store/checkpoint"
	"facegate/store/pubkey"
)

var (
	device = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32))
	tree   = tlog.Tree{N: 4711, Hash: tlog.RecordHash([]byte("root"))}
)

func public(key ed25519.PrivateKey) ed25519.PublicKey { return key.Public().(ed25519.PublicKey) }

func must[T any](v T, err error) func(testing.TB) T {
	return func(tb testing.TB) T {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return v
	}
}

func witness(tb testing.TB, name string) *torchwood.CosignatureSigner {
	tb.Helper()
	return must(torchwood.NewCosignatureSigner(name, ed25519.NewKeyFromSeed(bytes.Repeat([]byte{9}, 32))))(tb)
}

// What a device signs is verified by a policy of others, who are told its key alone.
func TestOthersVerify(t *testing.T) {
	signed := must(checkpoint.Sign(tree, device))(t)
	v := must(note.NewVerifier(must(checkpoint.Key(public(device)))(t)))(t)
	c, _, err := torchwood.VerifyCheckpoint(signed, torchwood.ThresholdPolicy(2, torchwood.OriginPolicy(v.Name()), torchwood.SingleVerifierPolicy(v)))
	if err != nil || c.Tree != tree || c.Origin != v.Name() || c.Extension != "" {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestOpen(t *testing.T) {
	w := witness(t, "auditor.example")
	signed := must(checkpoint.Sign(tree, device))(t)
	n := must(note.Open(signed, note.VerifierList(must(checkpoint.Verifier(public(device)))(t))))(t)
	cosigned := must(note.Sign(n, w))(t)

	got, opened, err := checkpoint.Open(cosigned, public(device), w.Verifier())
	if err != nil || got != tree || !checkpoint.SignedBy(opened, w.Verifier()) {
		t.Errorf("cosigned: %+v, %v", got, err)
	}
	if _, opened, err = checkpoint.Open(cosigned, public(device)); err != nil || checkpoint.SignedBy(opened, w.Verifier()) {
		t.Errorf("a witness that nobody asked for: %v", err)
	}
}

// Whoever carries a note can change bits of a signature that no decoder reads. What is kept of it is what was signed.
func TestOpenIsOneForm(t *testing.T) {
	w := witness(t, "auditor.example")
	v := must(checkpoint.Verifier(public(device)))(t)
	n := must(note.Open(must(checkpoint.Sign(tree, device))(t), note.VerifierList(v)))(t)
	cosigned := string(must(note.Sign(n, w))(t))
	at := len(cosigned) - len("A==\n")
	changed := cosigned[:at] + string(cosigned[at]+1) + cosigned[at+1:] // of the six bits of an A, Q, g or w two are read
	_, opened, err := checkpoint.Open([]byte(changed), public(device), w.Verifier())
	if err != nil || changed == cosigned {
		t.Fatal(err)
	}
	if got := string(must(note.Sign(opened))(t)); got != cosigned {
		t.Errorf("%q is kept, want %q", got, cosigned)
	}
}

func TestOpenRefuses(t *testing.T) {
	other := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{8}, 32))
	signed := string(must(checkpoint.Sign(tree, device))(t))
	foreign := must(checkpoint.Verifier(public(device)))(t)
	note4 := func(text string) string {
		return string(must(note.Sign(&note.Note{Text: text}, plain{foreign, device}))(t))
	}
	origin := checkpoint.Origin(public(device))
	root := base64.StdEncoding.EncodeToString(tree.Hash[:])
	for _, c := range []struct {
		name, note string
		want       error
	}{
		{"nothing", "", checkpoint.ErrForm},
		{"no note", "hello\n", checkpoint.ErrForm},
		{"another size", strings.Replace(signed, "4711", "4712", 1), checkpoint.ErrSignature},
		{"another device", string(must(checkpoint.Sign(tree, other))(t)), checkpoint.ErrSignature},
		{"another origin", note4("elsewhere\n4711\n" + root + "\n"), checkpoint.ErrSignature},
		{"no size", note4(origin + "\nmany\n" + root + "\n"), checkpoint.ErrForm},
		{"more lines", note4(origin + "\n4711\n" + root + "\nmore\n"), checkpoint.ErrForm},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, _, err := checkpoint.Open([]byte(c.note), public(device)); !errors.Is(err, c.want) {
				t.Errorf("%+v, %v; want %v", got, err, c.want)
			}
		})
	}
}

// plain signs whatever it is given.
type plain struct {
	note.Verifier
	key ed25519.PrivateKey
}

func (p plain) Sign(text []byte) ([]byte, error) { return ed25519.Sign(p.key, text), nil }

func TestWitness(t *testing.T) {
	w := witness(t, "auditor.example").Verifier()
	got, err := checkpoint.Witness(w.String())
	if err != nil || got.Name() != "auditor.example" || got.KeyHash() != w.KeyHash() {
		t.Errorf("%v, %v", got, err)
	}
	if id := checkpoint.KeyID(got); !strings.Contains(w.String(), "+"+id+"+") {
		t.Errorf("the id of %s is %s", w, id)
	}
	for name, vkey := range map[string]string{
		"nothing": "", "no key": "auditor.example", "another hash": strings.Replace(w.String(), "+", "+0", 1),
		"of a device": must(checkpoint.Key(public(device)))(t),
		"cut off":     "auditor.example+01234567+AAAA",
	} {
		if _, err := checkpoint.Witness(vkey); !errors.Is(err, checkpoint.ErrWitness) {
			t.Errorf("%s: %v", name, err)
		}
	}
	identity := append([]byte{1}, make([]byte, 31)...)
	if _, err := checkpoint.Key(identity); !errors.Is(err, pubkey.ErrKey) {
		t.Errorf("the key of a device of small order: %v", err)
	}
	if _, err := checkpoint.Witness(smallOrder(t, identity)); !errors.Is(err, pubkey.ErrKey) {
		t.Errorf("a witness of small order: %v", err)
	}
}

// smallOrder returns the verifier key of a witness under which everything verifies.
func smallOrder(t *testing.T, key ed25519.PublicKey) string {
	s, err := torchwood.NewCosignatureSigner("auditor.example", fixed{key})
	if err != nil {
		t.Fatal(err)
	}
	return s.Verifier().String()
}

// fixed is a signer that has a public key and no private one.
type fixed struct{ ed25519.PublicKey }

func (f fixed) Public() crypto.PublicKey { return f.PublicKey }

func (fixed) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errors.New("no key")
}
