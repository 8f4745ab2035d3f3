package main

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/torchwood"
	signed "golang.org/x/mod/sumdb/note"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/typeset/typesettest"
	qr "facegate/pipeline/template/pass"
	"facegate/store/checkpoint"
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
	slices.Sort(said) // the pictures are in the order of their size, and the receipt is on the left
	slices.Reverse(said)
	must(t, os.WriteFile(scanned, []byte(strings.Join(said, "\r\n")), 0o600))
	facegate(t.Context(), "receipt", "verify", scanned, "--key", public, "--witness", vkey).want(t, exitOK, "by auditor.example on 20", "")
}

// provenReceipt erases somebody at a gate, has a witness see its log, and returns the file of the receipt with the proof of that, and the key of
// the device.
func provenReceipt(t *testing.T, w *torchwood.CosignatureSigner) (path, public string) {
	t.Helper()
	site := gatetest.NewSite(t)
	config := stoppedWith(t, site, "ann", "bob")
	do := func(args ...string) printout {
		t.Helper()
		return facegate(t.Context(), append(args, "--socket", site.Socket(), "--config", config)...)
	}
	path, vkey := site.Path("ann.txt"), w.Verifier().String()
	public = strings.TrimSpace(do("device", "pubkey").out)
	do("erase", "ann", "--yes", "--receipt", path).want(t, exitOK, "ann is erased", "")
	verify := func(witness ...string) printout {
		t.Helper()
		return facegate(t.Context(), append([]string{"receipt", "verify", path, "--key", public, "--form", "form-ann"}, witness...)...)
	}
	verify().want(t, exitOK, "by nobody yet", "")
	verify("--witness", vkey).want(t, exitFailed, "", "facegate receipt prove FILE")
	do("receipt", "prove", path).want(t, exitOK, "by nobody yet", "")

	cosign(t, config, w)
	do("receipt", "prove", path).want(t, exitOK, "the proof of now is in", "")
	verify("--witness", vkey).want(t, exitOK, "the log held this receipt then, and was the only one that this witness has seen", "")
	do("receipt", "prove", path, "--json").want(t, exitOK, `"name": "`+w.Name()+`"`, "")
	return path, public
}

// cosign has a witness see the log of a stopped gate.
func cosign(t *testing.T, config string, w *torchwood.CosignatureSigner) {
	t.Helper()
	_, s := openStopped(t, config)
	defer s.Close()
	request, err := s.Log().Request(w.Verifier())
	must(t, err)
	_, shown, found := bytes.Cut(request, []byte("\n\n"))
	device, err := checkpoint.Verifier(s.Device().PublicKey)
	must(t, err)
	n, err := signed.Open(shown, signed.VerifierList(device))
	must(t, err)
	seen, err := signed.Sign(n, w)
	must(t, err)
	if err := s.Log().Witnessed(time.Now(), seen, w.Verifier()); err != nil || !found {
		t.Fatal(err)
	}
}

// TestReceiptProve brings receipts up to date, of a gate whose log a witness has seen.
func TestReceiptProve(t *testing.T) {
	w := prooftest.Witness(t, "auditor.example")
	path, _ := provenReceipt(t, w)
	seen, err := os.ReadFile(path)
	must(t, err)
	other := gatetest.NewSite(t)
	config := stoppedWith(t, other, "cid")
	facegate(t.Context(), "receipt", "prove", path, "--socket", other.Socket(), "--config", config).want(t, exitFailed, "", "to do: give a receipt of this device")
	if left, err := os.ReadFile(path); err != nil || !bytes.Equal(left, seen) {
		t.Errorf("another gate has changed the file: %v", err)
	}
}

// TestReceiptByHand has the lines of docs/receipts.md check the receipt of a gate, and forgeries of each part.
func TestReceiptByHand(t *testing.T) {
	for _, tool := range []string{"bash", "openssl", "sha256sum", "base64", "od", "awk"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not there, and the receipt is checked by hand with it", tool)
		}
	}
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "receipts.md"))
	must(t, err)
	_, lines, _ := strings.Cut(string(page), "<!-- check.sh -->\n")
	lines, _, found := strings.Cut(lines, "<!-- end of check.sh -->")
	var script strings.Builder
	for line := range strings.Lines(lines) {
		if code, ok := strings.CutPrefix(line, "    "); ok {
			script.WriteString(code)
		}
	}
	check := filepath.Join(t.TempDir(), "check.sh")
	must(t, os.WriteFile(check, []byte(script.String()), 0o600))
	w := prooftest.Witness(t, "auditor.example")
	path, public := provenReceipt(t, w)
	genuine, err := os.ReadFile(path)
	must(t, err)
	run := func(file, vkey, form string) (string, error) {
		path := filepath.Join(t.TempDir(), "file.txt")
		must(t, os.WriteFile(path, []byte(file), 0o600))
		out, err := exec.Command("bash", check, path, public, vkey, form).CombinedOutput()
		return string(out), err
	}
	vkey := w.Verifier().String()
	if out, err := run(strings.ReplaceAll(string(genuine), "\n", "\r\n"), vkey, "form-ann"); err != nil || !strings.Contains(out, "GENUINE: about form form-ann, entry ") || !found {
		t.Fatalf("the receipt of the gate: %v\n%s", err, out)
	}
	parts := strings.SplitAfter(string(genuine), "\n") // receipt, header, extra, index, path …
	end := len(parts) - 1                              // of the parts, which is empty
	swap := func(part, at int) string {
		b := []byte(parts[part])
		if at < 0 {
			at += len(b)
		}
		if b[at] != 'A' {
			b[at] = 'A'
		} else {
			b[at] = 'B'
		}
		return strings.Join(slices.Concat(parts[:part], []string{string(b)}, parts[part+1:]), "")
	}
	size := slices.IndexFunc(parts, func(p string) bool { return p == "\n" }) + 2
	forgeries := []struct{ name, file, vkey, form, want string }{
		{"the digest of the entry", swap(2, 60), vkey, "form-ann", "the entry is that of another receipt"},
		{"the reason", strings.Replace(string(genuine), "requested", "withdrawn", 1), vkey, "form-ann", "the device has not signed this receipt"},
		{"the signature", strings.Replace(string(genuine), `"signature":"`, `"signature":"00`, 1), vkey, "form-ann", "the device has not signed this receipt"},
		{"the form", string(genuine), vkey, "form-bob", "not about form form-bob"},
		{"no proof", parts[0], vkey, "form-ann", "there is no proof"},
		{"the signature of the witness", swap(end-1, -20), vkey, "form-ann", "is not genuine"},
		{"the time of the entry", swap(2, 12), vkey, "form-ann", "the way does not lead to the root"},
		{"the place", strings.Replace(string(genuine), "\nindex ", "\nindex 1", 1), vkey, "form-ann", "the tree is too small"},
		{"a place that is a command", strings.Replace(string(genuine), "\nindex ", "\nindex a[$(touch pwned)]", 1), vkey, "form-ann", "no numbers"},
		{"the way", swap(4, 3), vkey, "form-ann", "the way does not lead to the root"},
		{"the root", swap(size+1, 3), vkey, "form-ann", "the way does not lead to the root"},
		{"the device of the checkpoint", swap(size-1, 3), vkey, "form-ann", "the checkpoint is that of another device"},
		{"the signature of the checkpoint", swap(end-2, -20), vkey, "form-ann", "the device has not signed the checkpoint"},
		{"the time of the witness", swap(end-1, -100), vkey, "form-ann", "is not genuine"},
		{"another witness", string(genuine), prooftest.Witness(t, "residents.example").Verifier().String(), "form-ann", "has not witnessed it yet"},
	}
	if os.Getenv("FACEGATE_SLOW") == "" {
		forgeries = forgeries[:6] // each of the others starts a hundred processes
	}
	for _, tt := range forgeries {
		if out, err := run(tt.file, tt.vkey, tt.form); err == nil || !strings.Contains(out, tt.want) || strings.Contains(out, "\nGENUINE") {
			t.Errorf("%s: %v, want %q\n%s", tt.name, err, tt.want, out)
		}
	}
}
