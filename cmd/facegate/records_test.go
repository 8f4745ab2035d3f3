package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/people"
	"facegate/store/receipt"
)

// TestRecords asks for everything that concerns people's records, of the running gate and of the stopped one.
func TestRecords(t *testing.T) {
	l, config, do := startWith(t, nil)
	site := l.site
	for _, person := range []string{"p01", "p02", "p04"} {
		if p := l.enroll(t, person, "--witness", "Li Na", "--lang", "zh"); p.code != exitOK {
			t.Fatal(p.err)
		}
	}
	var device people.Device
	do("device", "pubkey", "--json").decode(t, &device)
	if len(device.PublicKey) != 64 || len(device.Fingerprint) != 64 {
		t.Errorf("device pubkey --json says %+v", device)
	}
	do("device", "pubkey").want(t, exitOK, device.PublicKey+"\n", "")

	var file people.File
	do("person", "show", "p01", "--json").decode(t, &file)
	if a := file.Agreed; file.Label != "p01" || !file.Template || a.Witness != "Li Na" || a.Age != "adult" ||
		a.NoticeVersion != "1" || a.Method != "synthetic only" || len(file.Entries) == 0 {
		t.Errorf("person show --json says %+v", file)
	}
	var notice struct{ Language, SHA256, Text string }
	facegate(t.Context(), "notice", "--lang", "zh", "--config", config, "--json").decode(t, &notice)
	if notice.SHA256 != file.Agreed.NoticeSHA256 || !strings.Contains(notice.Text, "同意") {
		t.Errorf("the notice %+v is not the one of the consent", notice)
	}
	do("person", "show", "p01").want(t, exitOK, "one keyed code, in lane ", "")
	do("person", "show", "nobody").want(t, exitFailed, "", "to do: list the labels")

	do("person", "relabel", "p01", "p 01").want(t, exitOK, "p01 is now p 01", "")
	do("person", "relabel", "p01", "p 01").want(t, exitFailed, "", "to do: ")
	do("audit", "verify").want(t, exitOK, "the audit log is whole: entries 1 to ", "")

	first := site.Path("first.json")
	do("erase", "--yes", "p 01", "--receipt", first).want(t, exitOK, "receipt: "+first, "")
	genuine(t, first, device.PublicKey, receipt.Erasure, "requested")
	do("erase", "--yes", "p02", "--receipt", first).want(t, exitFailed, "", "nothing is erased")
	do("erase", "--yes", "p02").want(t, exitOK, "the gate keeps this receipt until it is fetched", "")
	var fetched []string
	do("receipt", "fetch", site.Dir, "--json").decode(t, &fetched)
	if len(fetched) != 1 {
		t.Fatalf("receipt fetch --json says %v", fetched)
	}
	genuine(t, fetched[0], device.PublicKey, receipt.Erasure, "requested")
	do("receipt", "fetch", site.Dir).want(t, exitOK, "0 receipts fetched", "")
	facegate(t.Context(), "wipe", "--yes", "--certificate", site.Path("early.json"), "--config", config).
		want(t, exitFailed, "", "to do: stop the gate first")

	do("destroy-templates", "--yes").want(t, exitOK, "1 enrolled; 1 templates destroyed, of which 0 opened with the person's pass alone", "")
	l.do(t, "status").want(t, exitOK, "facegate destroy-templates --end", "")
	l.do(t, "enroll", "p05", "--consent", "form", "--age", "adult").want(t, exitFailed, "", "to do: let people be captured again first")
	do("destroy-templates", "--end").want(t, exitOK, "people can be captured again", "")
	do("lockout", "reset").want(t, exitOK, "the failures in a row are forgotten", "")
	facegate(t.Context(), "people", "--socket", site.Path("none.sock"), "--config", config).
		want(t, exitUsage, "", "to do: the gate is running, ask it: --socket "+site.Socket()+"\n")
	l.stop()

	var all []people.Person
	do("people", "--json").decode(t, &all)
	if len(all) != 1 || all[0].Label != "p04" {
		t.Errorf("people --json of a stopped gate says %+v", all)
	}
	do("person", "show", "p04").want(t, exitOK, "none", "")
	do("audit", "verify", "--json").want(t, exitOK, `"root"`, "")
	do("destroy-templates", "--yes", "--json").want(t, exitOK, `"templates": 0`, "")
	do("destroy-templates", "--end").want(t, exitOK, "people can be captured again", "")
	var erased people.Erasure
	do("person", "withdraw", "p04", "--yes", "--json").decode(t, &erased)
	second := site.Path("second.json")
	if err := os.WriteFile(second, []byte(erased.Receipt), 0o600); err != nil {
		t.Fatal(err)
	}
	genuine(t, second, device.PublicKey, receipt.Erasure, "withdrawn")
	do("erase", "--yes", "p04").want(t, exitFailed, "", "to do: list the labels")
	do("device", "pubkey").want(t, exitOK, device.PublicKey, "")

	wipeSite(t, site, config, device.PublicKey)
}

// wipeSite destroys the site and looks for what is left.
func wipeSite(t *testing.T, site gatetest.Site, config, key string) {
	t.Helper()
	certificate := site.Path("certificate.json")
	facegate(t.Context(), "wipe", "--certificate", certificate, "--config", config).want(t, exitUnconfirmed, "", "--yes")
	absent(t, certificate)
	answering(t.Context(), "yes\n", "wipe", "--certificate", certificate, "--config", config).
		want(t, exitUnconfirmed, "", "This cannot be undone. Type front to go on: ")
	facegate(t.Context(), "wipe", "--yes", "--certificate", certificate, "--config", config).
		want(t, exitOK, fmt.Sprintf("facegate receipt verify %s --key %s", certificate, key), "")
	genuine(t, certificate, key, receipt.Wipe, "")
	if _, err := os.Stat(site.Path("device.key")); err == nil {
		t.Error("the device key is there still")
	}
	for _, pattern := range []string{"*.db", "*.key"} {
		for _, dir := range []string{site.State(), site.Keyrings()} {
			if left, _ := filepath.Glob(filepath.Join(dir, pattern)); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		}
	}
}

// genuine checks that a file is a receipt of the device, and that it is not once it was changed.
func genuine(t *testing.T, path, key, kind, reason string) {
	t.Helper()
	var r receipt.Receipt
	facegate(t.Context(), "receipt", "verify", path, "--key", key, "--json").decode(t, &r)
	if r.Kind != kind || r.Reason != reason {
		t.Errorf("%s: a receipt for %s, %s", path, r.Kind, r.Reason)
	}
	facegate(t.Context(), "receipt", "verify", path, "--key", key).want(t, exitOK, "the receipt is genuine", "")
	facegate(t.Context(), "receipt", "verify", path, "--key", strings.Repeat("00", 32)).want(t, exitFailed, "", "to do: ")
	facegate(t.Context(), "receipt", "verify", path+".none", "--key", key).want(t, exitFailed, "", "to do: name the file")
	facegate(t.Context(), "receipt", "verify", path, "--key", "short").want(t, exitFailed, "", "facegate device pubkey")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"p01", "p 01", "p02", "p04", "form"} {
		if bytes.Contains(data, []byte(name)) {
			t.Errorf("%s names %s", path, name)
		}
	}
	forged := path + ".forged"
	data = bytes.Replace(data, []byte(`"people":1`), []byte(`"people":2`), 1)
	data = bytes.Replace(data, []byte(`"people":0`), []byte(`"people":3`), 1)
	if err := os.WriteFile(forged, data, 0o600); err != nil {
		t.Fatal(err)
	}
	facegate(t.Context(), "receipt", "verify", forged, "--key", key).want(t, exitFailed, "", "was changed")
}

func TestPolicyAndNotice(t *testing.T) {
	site := gatetest.NewSite(t)
	config := site.WriteConfig(t, gatetest.Settings{"retention": "{idle_days: 77}"})
	facegate(t.Context(), "policy", "--config", config).want(t, exitOK, "77 days after the last pass", "")
	facegate(t.Context(), "notice", "--config", config).want(t, exitOK, "for 77 days", "")
	facegate(t.Context(), "notice", "--config", config, "--html").want(t, exitOK, `<html lang="en" dir="ltr">`, "")
	var policy map[string]string
	p := facegate(t.Context(), "policy", "--config", config, "--json")
	if err := json.Unmarshal([]byte(p.out), &policy); err != nil || !strings.Contains(policy["policy"], "77 days") {
		t.Errorf("policy --json says %s, %v", p.out, err)
	}
}

// TestWordIsNoReader checks that no gate starts whose notice would name a way in that nothing at the door serves, or nobody gets in by.
func TestWordIsNoReader(t *testing.T) {
	site := gatetest.NewSite(t)
	pad := "{name: pad, kind: keypad, device: /dev/input/by-id/pad}"
	for _, tt := range []struct {
		settings   gatetest.Settings
		says, todo string
	}{
		{gatetest.Settings{"alternatives": "[card]"}, "alternatives: has card, and nothing at the door reads cards", "correct"},
		{gatetest.Settings{"alternatives": "[pin, key]"}, "alternatives: has pin, and there is nothing to type it on", "correct"},
		{gatetest.Settings{"alternatives": "[qr]", "passes": "{camera: off}"}, "alternatives: has qr, and passes.camera is off", "correct"},
		{gatetest.Settings{"alternatives": "[pin]", "readers": "[" + pad + "]", "rules": "[{by: [face]}]"}, "a face would be the only way in", "to the same groups at the same times"},
		{
			gatetest.Settings{"alternatives": "[qr, pin]", "readers": "[" + pad + "]", "rules": "[{by: [face]}, {by: [pin]}]"},
			"a way in that alternatives names opens the door to nobody without a face: qr", "Write rules by which it opens the door",
		},
	} {
		config := site.WriteConfig(t, tt.settings)
		for _, args := range [][]string{{"run"}, {"config", "check", "--user", self()}} {
			facegate(t.Context(), append(args, "--config", config)...).want(t, exitFailed, "", tt.says)
			facegate(t.Context(), append(args, "--config", config)...).want(t, exitFailed, "", tt.todo)
		}
	}
}

// TestWithoutOpenCV builds the facegate of an auditor, who has neither OpenCV nor a C compiler, and checks a receipt with it.
func TestWithoutOpenCV(t *testing.T) {
	if os.Getenv("FACEGATE_SLOW") == "" {
		t.Skip("FACEGATE_SLOW is not set")
	}
	dir := t.TempDir()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := receipt.Sign(receipt.Receipt{
		ID: make([]byte, 16), Number: 7, Kind: receipt.Erasure, Reason: "requested", Time: "2026-03-01T12:00:00Z", KeyStore: "file",
		Forms: []receipt.Salted{}, Records: []receipt.Salted{}, Audit: receipt.Audit{Size: 7, Root: make([]byte, 32)},
	}, private)
	if err != nil {
		t.Fatal(err)
	}
	binary, file := filepath.Join(dir, "facegate"), filepath.Join(dir, "receipt.json")
	if err := os.WriteFile(file, signed, 0o600); err != nil {
		t.Fatal(err)
	}
	build := exec.Command("go", "build", "-o", binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	out, err := exec.Command(binary, "receipt", "verify", file, "--key", hex.EncodeToString(public)).CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("the receipt is genuine")) {
		t.Errorf("%v\n%s", err, out)
	}
	site := gatetest.NewSite(t)
	out, err = exec.Command(binary, "run", "--config", site.WriteConfig(t, nil)).CombinedOutput()
	if err == nil || !bytes.Contains(out, []byte("built without OpenCV")) {
		t.Errorf("run without OpenCV: %v\n%s", err, out)
	}
}
