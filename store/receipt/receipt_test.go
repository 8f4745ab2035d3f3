package receipt_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"facegate/store/receipt"
)

var (
	update = flag.Bool("update", false, "write the golden file anew")
	key    = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32))
)

const golden = "testdata/erasure.json"

func public() ed25519.PublicKey { return key.Public().(ed25519.PublicKey) }

func example() receipt.Receipt {
	return receipt.Receipt{
		ID: bytes.Repeat([]byte{1}, 16), Number: 3, Kind: receipt.Erasure, Reason: "withdrawn", Time: "2026-03-01T12:00:00Z",
		Erased:      receipt.Counts{People: 1, Templates: 1, Consents: 1, Passes: 1, Cards: 2, PINs: 1},
		Forms:       []receipt.Salted{receipt.CommitForm([16]byte{4}, "form 7")},
		Records:     []receipt.Salted{receipt.Commit([16]byte{2}, []byte("sealed"))},
		Generations: receipt.Generations{People: 4, Faces: 5},
		Audit:       receipt.Audit{Size: 17, Root: bytes.Repeat([]byte{3}, 32)},
		Language:    "zh",
		KeyStore:    "credential",
	}
}

func mustSign(tb testing.TB, r receipt.Receipt) []byte {
	tb.Helper()
	data, err := receipt.Sign(r, key)
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

// The form is for ever: a receipt that was given out once must verify with every later version.
func TestGolden(t *testing.T) {
	data := mustSign(t, example())
	if *update {
		if err := os.WriteFile(golden, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(data)); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	got, err := receipt.Verify(want, public())
	if err != nil {
		t.Fatal(err)
	}
	r := example()
	r.Schema, r.Device = receipt.Schema, receipt.Fingerprint(public())
	if d := cmp.Diff(r, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

func TestVerifyRefuses(t *testing.T) {
	good := string(mustSign(t, example()))
	replace := func(old, new string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("no %q in %s", old, good)
		}
		return strings.Replace(good, old, new, 1)
	}
	tests := []struct {
		name, data string
		want       error
	}{
		{"nothing", "", receipt.ErrForm},
		{"no JSON", "hello", receipt.ErrForm},
		{"an older version", replace("receipt.6", "receipt.5"), receipt.ErrVersion},
		{"a newer version", replace("receipt.6", "receipt.7"), receipt.ErrVersion},
		{"another schema", replace("facegate.receipt.6", "facegate.bill.6"), receipt.ErrForm},
		{"no number", replace(`"number":3`, `"number":0`), receipt.ErrForm},
		{"another kind", replace(`"erasure"`, `"party"`), receipt.ErrForm},
		{"reason edited", replace("withdrawn", "requested"), receipt.ErrSignature},
		{"time edited", replace("2026-03-01", "2026-03-02"), receipt.ErrSignature},
		{"another zone", replace("12:00:00Z", "12:00:00+00:00"), receipt.ErrForm},
		{"count edited", replace(`"people":1`, `"people":2`), receipt.ErrSignature},
		{"form edited", replace(`"salt":"04`, `"salt":"05`), receipt.ErrSignature},
		{"form cut", replace(`"salt":"04`, `"salt":"`), receipt.ErrForm},
		{"another language", replace(`"zh"`, `"en"`), receipt.ErrSignature},
		{"record edited", replace(`"salt":"02`, `"salt":"03`), receipt.ErrSignature},
		{"record cut", replace(`"salt":"02`, `"salt":"`), receipt.ErrForm},
		{"a space", replace(`"people":1`, `"people": 1`), receipt.ErrForm},
		{"upper-case digits", replace(`"signature":"`, `"signature":"AB`), receipt.ErrForm},
		{"a field twice", replace(`"people":1`, `"people":1,"people":1`), receipt.ErrForm},
		{"an unknown field", replace(`"people":1`, `"people":1,"cats":1`), receipt.ErrForm},
		{"a field missing", replace(`"people":1,`, ``), receipt.ErrForm},
		{"a lone carriage return", strings.TrimSpace(good) + "\r", receipt.ErrForm},
		{"something after", good + good, receipt.ErrForm},
		{"no signature", good[:strings.Index(good, `"signature"`)] + `"signature":""}` + "\n", receipt.ErrSignature},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := receipt.Verify([]byte(tt.data), public()); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
	other := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{8}, 32)).Public().(ed25519.PublicKey)
	identity := append([]byte{1}, make([]byte, 31)...)
	for _, public := range []ed25519.PublicKey{other, identity, nil} {
		if _, err := receipt.Verify([]byte(good), public); !errors.Is(err, receipt.ErrSignature) {
			t.Errorf("with the key %x: %v", public, err)
		}
	}
}

func TestSignRefuses(t *testing.T) {
	for name, edit := range map[string]func(*receipt.Receipt){
		"no id":      func(r *receipt.Receipt) { r.ID = nil },
		"no time":    func(r *receipt.Receipt) { r.Time = "" },
		"no root":    func(r *receipt.Receipt) { r.Audit.Root = nil },
		"no records": func(r *receipt.Receipt) { r.Records = nil },
		"no forms":   func(r *receipt.Receipt) { r.Forms = nil },
		"forms in order of people": func(r *receipt.Receipt) {
			list := []receipt.Salted{receipt.CommitForm([16]byte{4}, "form 7"), receipt.CommitForm([16]byte{5}, "form 8")}
			receipt.Sort(list)
			r.Forms = []receipt.Salted{list[1], list[0]}
		},
		"a name in it":   func(r *receipt.Receipt) { r.Reason = "Zhang Wei asked" },
		"a strange keep": func(r *receipt.Receipt) { r.KeyStore = "<tpm>" },
	} {
		r := example()
		edit(&r)
		if _, err := receipt.Sign(r, key); !errors.Is(err, receipt.ErrForm) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Verify neither panics nor accepts two spellings of one receipt.
func FuzzVerify(f *testing.F) {
	good := mustSign(f, example())
	f.Add(good)
	f.Add([]byte(`{"receipt":{},"signature":""}` + "\n"))
	f.Add([]byte("{}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := receipt.Verify(data, public()); err != nil {
			return
		}
		if line, _ := receipt.Split(data); !bytes.Equal(line, good) {
			t.Errorf("accepted %q", data)
		}
	})
}

// TestIdentityKey checks that a receipt that anybody can make does not verify under a key that anybody can name.
func TestIdentityKey(t *testing.T) {
	identity := append([]byte{1}, make([]byte, 31)...)
	r := example()
	r.Schema, r.Device = receipt.Schema, receipt.Fingerprint(identity)
	body, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	signature := append(bytes.Clone(identity), make([]byte, 32)...) // R is the identity and S is 0
	data := fmt.Appendf(nil, `{"receipt":%s,"signature":"%x"}`+"\n", body, signature)
	if !ed25519.Verify(identity, append([]byte("facegate receipt 1\n"), body...), signature) {
		t.Fatal("the forgery is not one")
	}
	if _, err := receipt.Verify(data, identity); !errors.Is(err, receipt.ErrSignature) {
		t.Errorf("a forgery under the identity: %v", err)
	}
	if got, err := receipt.Read(data); err != nil || got.Reason != r.Reason {
		t.Errorf("read without a key: %+v, %v", got, err)
	}
}

// TestAbout checks that a receipt is that of the forms that it commits to and of no other.
func TestAbout(t *testing.T) {
	r := example()
	r.Forms = append(r.Forms, receipt.CommitForm([16]byte{5}, "form 8"))
	receipt.Sort(r.Forms)
	got, err := receipt.Verify(mustSign(t, r), public())
	if err != nil {
		t.Fatal(err)
	}
	for form, want := range map[string]bool{"form 7": true, "form 8": true, "form 9": false, "": false, "form 7 ": false} {
		if got.About(form) != want {
			t.Errorf("about %q: %v", form, !want)
		}
	}
	a, b := receipt.CommitForm([16]byte{4}, "x"), receipt.Commit([16]byte{4}, []byte("x"))
	if bytes.Equal(a.Commitment, b.Commitment) {
		t.Error("a record passes for a form")
	}
}
