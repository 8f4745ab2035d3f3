package main

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	signed "golang.org/x/mod/sumdb/note"

	"facegate/cmd/facegate/internal/typeset/typesettest"
	qr "facegate/pipeline/template/pass"
	"facegate/store/receipt"
	"facegate/store/receipt/proof/prooftest"
)

// cosigned writes the file of a receipt of a device with this key, which the witnesses have seen.
func cosigned(t *testing.T, key ed25519.PrivateKey, witnesses ...signed.Signer) (path string) {
	t.Helper()
	line, err := receipt.Sign(receipt.Receipt{
		ID: bytes.Repeat([]byte{1}, 16), Number: 3, Kind: receipt.Erasure, Reason: "withdrawn", Time: "2026-03-01T12:30:00Z",
		Erased: receipt.Counts{People: 1, Templates: 1, Consents: 1}, Forms: []receipt.Salted{receipt.CommitForm([16]byte{4}, "form 7")},
		Records: []receipt.Salted{}, Audit: receipt.Audit{Size: 17, Root: make([]byte, 32)}, Language: "en", KeyStore: "file",
	}, key)
	must(t, err)
	path = filepath.Join(t.TempDir(), "receipt.txt")
	must(t, os.WriteFile(path, receipt.Join(line, prooftest.Holding(line, 500, 17, key, witnesses...).Proof(t)), 0o600))
	return path
}

// TestReceiptIsWitnessed checks receipts with the keys of witnesses who have seen them, and of those who have not.
func TestReceiptIsWitnessed(t *testing.T) {
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32))
	public := hex.EncodeToString(key.Public().(ed25519.PublicKey))
	auditor, residents := prooftest.Witness(t, "auditor.example"), prooftest.Witness(t, "residents.example")
	vkey, other := auditor.Verifier().String(), residents.Verifier().String()
	path := cosigned(t, key, auditor)
	verify := func(path string, more ...string) printout {
		t.Helper()
		return facegate(t.Context(), append([]string{"receipt", "verify", path, "--key", public}, more...)...)
	}
	verify(path, "--witness", vkey, "--form", "form 7").want(t, exitOK, "by auditor.example on 20", "")
	verify(path, "--witness", vkey).want(t, exitOK, "as entry 18 of the 500 that it has shown", "")
	verify(path).want(t, exitOK, "whether these have witnessed it, as the file says: auditor.example; name their keys with --witness", "")
	verify(path, "--witness", vkey, "--witness", other).want(t, exitFailed, "", "was not witnessed by all that were named: no cosignature of residents.example")
	verify(path, "--witness", other).want(t, exitFailed, "", "facegate receipt prove FILE")
	verify(path, "--witness", "auditor.example").want(t, exitFailed, "", "to do: give it as the witness publishes it")
	verify(cosigned(t, key)).want(t, exitOK, "by nobody yet", "")
	verify(cosigned(t, key), "--witness", vkey).want(t, exitFailed, "", "to do: the gate shows its audit log to its witnesses at fixed times")
	var v checkedReceipt
	verify(path, "--witness", vkey, "--json").decode(t, &v)
	if v.Proof == nil || v.Proof.Size != 500 || len(v.Proof.Witnesses) != 1 || !v.Proof.Witnesses[0].Checked || v.Number != 3 {
		t.Errorf("as JSON: %+v", v)
	}

	file, err := os.ReadFile(path)
	must(t, err)
	line, _ := receipt.Split(file)
	edit := func(data []byte) string {
		path := filepath.Join(t.TempDir(), "edited.txt")
		must(t, os.WriteFile(path, data, 0o600))
		return path
	}
	verify(edit(line)).want(t, exitOK, "not known: the file has no proof", "")
	verify(edit(line), "--witness", vkey).want(t, exitFailed, "", "the file has the receipt alone")
	verify(edit(bytes.ReplaceAll(file, []byte("\n"), []byte("\r\n"))), "--witness", vkey).want(t, exitOK, "by auditor.example", "")
	verify(edit([]byte(strings.Replace(string(file), "index 17", "index 18", 1)))).want(t, exitFailed, "", "the proof does not lead to the root")
}

// TestReceiptOnPaper prints a receipt as a page, and checks the file that its codes say.
func TestReceiptOnPaper(t *testing.T) {
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32))
	public := hex.EncodeToString(key.Public().(ed25519.PublicKey))
	auditor := prooftest.Witness(t, "auditor.example")
	vkey := auditor.Verifier().String()
	path, page, scanned := cosigned(t, key, auditor), filepath.Join(t.TempDir(), "receipt.pdf"), filepath.Join(t.TempDir(), "scanned.txt")
	show := func(more ...string) printout {
		t.Helper()
		return facegate(t.Context(), append([]string{"receipt", "show", path}, more...)...)
	}
	show().want(t, exitOK, "Witnessed by auditor.example on", "")
	show("--key", public, "--witness", vkey).want(t, exitOK, "this witness was shown no other log", "")
	show("--witness", vkey).want(t, exitUsage, "", "--witness takes --key besides")
	show("--key", public, "--witness", vkey, "--pdf", page).want(t, exitOK, "receipt: in "+page, "")
	show("--pdf", page).want(t, exitFailed, "", "to do: name a new file")
	pdf, err := os.ReadFile(page)
	must(t, err)
	var said []string // which some scanners end without an end of line
	for _, picture := range typesettest.Pictures(t, pdf) {
		text, err := qr.Text(picture)
		must(t, err)
		said = append(said, strings.TrimSuffix(text, "\n"))
	}
	must(t, os.WriteFile(scanned, []byte(strings.Join(said, "\r\n")), 0o600))
	facegate(t.Context(), "receipt", "verify", scanned, "--key", public, "--witness", vkey).want(t, exitOK, "by auditor.example on 20", "")
}
