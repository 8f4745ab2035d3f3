package proof_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"

	"facegate/store/audit"
	"facegate/store/checkpoint"
	"facegate/store/receipt"
	"facegate/store/receipt/proof"
	"facegate/store/receipt/proof/prooftest"
)

var device = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32))

func public() ed25519.PublicKey { return device.Public().(ed25519.PublicKey) }

// line returns a receipt.
func line(tb testing.TB) []byte {
	tb.Helper()
	signed, err := receipt.Sign(receipt.Receipt{
		ID: bytes.Repeat([]byte{1}, 16), Number: 3, Kind: receipt.Erasure, Reason: "withdrawn", Time: "2026-03-01T12:30:00Z",
		Erased: receipt.Counts{People: 1, Templates: 1, Consents: 1}, Forms: []receipt.Salted{receipt.CommitForm([16]byte{4}, "form 7")},
		Records: []receipt.Salted{receipt.Commit([16]byte{2}, []byte("sealed"))}, Audit: receipt.Audit{Size: 17, Root: make([]byte, 32)}, Language: "en", KeyStore: "file",
	}, device)
	if err != nil {
		tb.Fatal(err)
	}
	return signed
}

// TestVerify checks places in trees of many shapes, and holds the answers to those of others.
func TestVerify(t *testing.T) {
	w := prooftest.Witness(t, "auditor.example")
	text := line(t)
	for _, at := range []struct{ size, index int64 }{{1, 0}, {2, 0}, {2, 1}, {3, 2}, {7, 3}, {8, 7}, {9, 8}, {1000, 511}} {
		made := prooftest.Holding(text, at.size, at.index, device, w).Proof(t)
		p, err := proof.Verify(text, made, public(), w.Verifier(), w.Verifier())
		if err != nil {
			t.Fatalf("%+v: %v", at, err)
		}
		if p.Index != at.index || p.Tree.N != at.size || p.Entry.Kind != audit.ReceiptIssued || !p.Witnessed() {
			t.Errorf("%+v: %+v", at, p)
		}
		if c := p.Cosigned; len(c) != 1 || c[0].Name != "auditor.example" || !c[0].Checked || time.Since(c[0].At).Abs() > time.Hour {
			t.Errorf("%+v: cosigned by %+v", at, c)
		}
		origin, err := checkpoint.Verifier(public())
		if err != nil {
			t.Fatal(err)
		}
		policy := torchwood.ThresholdPolicy(3, torchwood.OriginPolicy(origin.Name()), torchwood.SingleVerifierPolicy(origin), torchwood.SingleVerifierPolicy(w.Verifier()))
		leaf, err := torchwood.ProofExtraData(made)
		if err != nil {
			t.Fatal(err)
		}
		if err := torchwood.VerifyProof(policy, tlog.RecordHash(leaf), made); err != nil {
			t.Errorf("%+v: others refuse it: %v", at, err)
		}
	}
}

// TestWithoutWitness reads proofs whose witnesses did not sign, or are not named.
func TestWithoutWitness(t *testing.T) {
	w, other := prooftest.Witness(t, "auditor.example"), prooftest.Witness(t, "residents.example")
	text := line(t)
	alone, seen := prooftest.Holding(text, 5, 2, device).Proof(t), prooftest.Holding(text, 5, 2, device, w).Proof(t)
	if p, err := proof.Verify(text, alone, public()); err != nil || p.Witnessed() || len(p.Cosigned) != 0 {
		t.Errorf("nobody asked for a witness: %+v, %v", p, err)
	}
	if _, err := proof.Verify(text, alone, public(), w.Verifier()); !errors.Is(err, proof.ErrWitnesses) || !strings.Contains(err.Error(), "auditor.example") {
		t.Errorf("not witnessed: %v", err)
	}
	if p, err := proof.Verify(text, seen, public()); err != nil || p.Witnessed() || len(p.Cosigned) != 1 {
		t.Errorf("a witness that nobody named: %+v, %v", p, err)
	}
	if p, err := proof.Verify(text, seen, public(), w.Verifier(), other.Verifier()); !errors.Is(err, proof.ErrWitnesses) || !p.Witnessed() {
		t.Errorf("one of two: %+v, %v", p, err)
	}
	namesake, err := torchwood.NewCosignatureSigner("auditor.example", device)
	if err != nil {
		t.Fatal(err)
	}
	if p, err := proof.Verify(text, seen, public(), namesake.Verifier()); !errors.Is(err, proof.ErrWitnesses) || p.Witnessed() {
		t.Errorf("a namesake: %+v, %v", p, err)
	}
	if p, err := proof.Read(text, seen); err != nil || p.Witnessed() || len(p.Cosigned) != 1 || p.Cosigned[0].Key != checkpoint.KeyID(w.Verifier()) {
		t.Errorf("read: %+v, %v", p, err)
	}
}

// TestVerifyRefuses hands over proofs of something else.
func TestVerifyRefuses(t *testing.T) {
	w := prooftest.Witness(t, "auditor.example")
	text := line(t)
	holding := func(edit func(*prooftest.Log)) string {
		l := prooftest.Holding(text, 9, 4, device, w)
		edit(&l)
		return string(l.Proof(t))
	}
	good := holding(func(*prooftest.Log) {})
	lines := strings.SplitAfter(good, "\n") // header, extra, index, path
	stranger := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{8}, 32))
	for _, tt := range []struct {
		name, proof string
		want        error
	}{
		{"nothing", "", proof.ErrForm},
		{"a header alone", "c2sp.org/tlog-proof@v1\n", proof.ErrForm},
		{"another version", strings.Replace(good, "@v1", "@v2", 1), proof.ErrForm},
		{"no extra data", strings.Replace(good, lines[1], "", 1), proof.ErrForm},
		{"short extra data", strings.Replace(good, lines[1], "extra AAAA\n", 1), proof.ErrForm},
		{"another spelling of the place", strings.Replace(good, "index 4", "index 04", 1), proof.ErrForm},
		{"a place before the first", strings.Replace(good, "index 4", "index -4", 1), proof.ErrForm},
		{"another place", strings.Replace(good, "index 4", "index 5", 1), proof.ErrPath},
		{"a shorter path", strings.Replace(good, lines[3], "", 1), proof.ErrPath},
		{"a longer path", strings.Replace(good, lines[3], lines[3]+lines[3], 1), proof.ErrPath},
		{"steps exchanged", strings.Replace(good, lines[3]+lines[4], lines[4]+lines[3], 1), proof.ErrPath},
		{"of another receipt", holding(func(l *prooftest.Log) { l.Entry.Digest[0]++ }), proof.ErrAnother},
		{"an entry of another kind", holding(func(l *prooftest.Log) { l.Entry.Kind = audit.Erased }), proof.ErrAnother},
		{"of another device", holding(func(l *prooftest.Log) { l.Device = stranger }), checkpoint.ErrSignature},
		{"witnessed a second time, at a time of somebody's choosing", good + earlier(t, lines[len(lines)-2]), proof.ErrForm},
		{"no checkpoint", good[:strings.Index(good, "\n\n")+2], proof.ErrForm},
		{"too long", good + strings.Repeat("x", checkpoint.MaxSize), proof.ErrForm},
	} {
		if _, err := proof.Verify(text, []byte(tt.proof), public(), w.Verifier()); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
}

// earlier returns the line of a cosignature that says that it is of 1970.
func earlier(t *testing.T, cosignature string) string {
	t.Helper()
	words := strings.Fields(cosignature)
	signature, err := base64.StdEncoding.DecodeString(words[2])
	if err != nil || len(signature) != 76 {
		t.Fatalf("%q is no cosignature: %v", cosignature, err)
	}
	binary.BigEndian.PutUint64(signature[4:], 1)
	return fmt.Sprintf("%s %s %s\n", words[0], words[1], base64.StdEncoding.EncodeToString(signature))
}

// TestEveryByte changes every byte of a file that everybody has signed: nothing of it can be changed.
func TestEveryByte(t *testing.T) {
	w, other := prooftest.Witness(t, "auditor.example"), prooftest.Witness(t, "residents.example")
	text := line(t)
	file := receipt.Join(text, prooftest.Holding(text, 13, 9, device, w, other).Proof(t))
	check := func(file []byte) error {
		line, made := receipt.Split(file)
		if _, err := receipt.Verify(file, public()); err != nil {
			return err
		}
		_, err := proof.Verify(line, made, public(), w.Verifier(), other.Verifier())
		return err
	}
	if err := check(file); err != nil {
		t.Fatal(err)
	}
	for i := range file {
		for _, flip := range []byte{0x01, 0x02, 0x20} {
			changed := bytes.Clone(file)
			changed[i] ^= flip
			if check(changed) == nil {
				t.Fatalf("byte %d of %d may be %q instead of %q", i, len(file), changed[i], file[i])
			}
		}
		if cut := file[:i]; i < len(file)-1 && check(cut) == nil { // but for the last end of line
			t.Fatalf("%d of %d bytes suffice", i, len(file))
		}
	}
}

// TestScanned checks files whose ends of lines did not survive a scanner of codes, or a letter.
func TestScanned(t *testing.T) {
	w := prooftest.Witness(t, "auditor.example")
	text := line(t)
	made := prooftest.Holding(text, 13, 9, device, w).Proof(t)
	first, second := strings.TrimSuffix(string(text), "\n"), strings.TrimSuffix(string(made), "\n")
	for name, file := range map[string]string{
		"as it is": string(receipt.Join(text, made)), "without the last end": first + "\n" + second, "no end between the codes": first + second,
		"a line between the codes": first + "\n\n" + second + "\n\n",
		"of another system":        strings.ReplaceAll(first+"\n"+second+"\n", "\n", "\r\n"),
	} {
		line, got := receipt.Split([]byte(file))
		if !bytes.Equal(line, text) || !bytes.Equal(got, made) {
			t.Errorf("%s: split into\n%s\n%s", name, line, got)
		}
		if _, err := receipt.Verify([]byte(file), public()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if id, err := receipt.ID([]byte(file)); err != nil || id != strings.Repeat("01", 16) {
			t.Errorf("%s: the id is %q, %v", name, id, err)
		}
	}
	if line, got := receipt.Split(text); !bytes.Equal(line, text) || got != nil {
		t.Errorf("without a proof: %q, %q", line, got)
	}
}

// TestSize checks that a proof of 100,000 entries is short enough for a code to print, with two witnesses.
func TestSize(t *testing.T) {
	text := line(t)
	made := prooftest.Holding(text, 100_000, 50_000, device, prooftest.Witness(t, "auditor.example"), prooftest.Witness(t, "residents.example")).Proof(t)
	t.Logf("receipt %d bytes, proof %d bytes", len(text), len(made))
	if len(made) > 2000 {
		t.Errorf("the proof has %d bytes", len(made))
	}
}

// FuzzVerify neither panics nor accepts two spellings of one proof.
func FuzzVerify(f *testing.F) {
	w := prooftest.Witness(f, "auditor.example")
	text := line(f)
	good := prooftest.Holding(text, 6, 3, device, w).Proof(f)
	f.Add(good)
	f.Add([]byte("c2sp.org/tlog-proof@v1\nextra " + base64.StdEncoding.EncodeToString(make([]byte, audit.EntrySize-8)) + "\nindex 0\n\nx\n0\n\n"))
	f.Fuzz(func(t *testing.T, made []byte) {
		if _, err := proof.Verify(text, made, public(), w.Verifier()); err == nil && !bytes.HasPrefix(made, bytes.TrimSuffix(good, []byte("\n"))) {
			t.Errorf("accepted %q", made)
		}
	})
}
