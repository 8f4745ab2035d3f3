package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"facegate/cmd/facegate/internal/health"
	"facegate/cmd/facegate/internal/people"
	"facegate/cmd/facegate/internal/status"
	"facegate/device"
	"facegate/gpio"
	"facegate/gpio/door"
	"facegate/pipeline/publish"
)

// evil clears a screen, sets a title, turns the direction of writing and begins a line of its own.
const evil = "x\x1b[2J\x1b]0;t\a\u202eevil\u2028\r\ndoor        open\u009b1m\xff"

// clean checks that a printout is harmless: nothing but what can be printed and line breaks, and no line that evil began.
func (p printout) harmless(t *testing.T) {
	t.Helper()
	for _, stream := range []string{p.out, p.err} {
		for line := range strings.Lines(stream) {
			line = strings.TrimSuffix(line, "\n")
			if i := strings.IndexFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 || strings.HasPrefix(line, "door        open") {
				t.Errorf("a line is %q", line)
			}
		}
	}
	if !strings.Contains(p.out+p.err, `evil`) {
		t.Errorf("nothing foreign was printed:\n%s%s", p.out, p.err)
	}
}

// evilGate answers every request with texts that are evil, as a gate could that somebody else has put there.
func evilGate(t *testing.T) (socket string) {
	t.Helper()
	tells := status.Status{
		Site: evil, Gate: evil, Version: evil, KeyStore: evil,
		Health: health.Report{State: health.Degraded, Conditions: []health.Condition{{Part: evil, State: health.Down, Reason: evil, Todo: evil}}},
		Camera: device.CaptureStatus{Source: evil, Error: evil, Hint: evil}, Door: door.Status{Err: evil, Hint: evil},
		MQTT: publish.Status{Broker: evil, Err: evil, Hint: evil, Store: evil, Withheld: []string{evil}}, Vision: status.Vision{Bundle: evil, Embedder: evil, Liveness: []string{evil}, CanBetter: evil},
		Frames:     status.Frames{Now: evil, Advice: evil},
		Assessment: status.Assessment{ID: evil, Version: evil, Date: evil, Advice: evil},
		Filing:     status.Filing{Advice: evil, Measures: []string{evil}},
	}
	evilDoor := door.Status{
		State: gpio.Locked, Alarms: []string{evil}, Lines: []door.LineStatus{{Role: evil, Line: evil, Err: evil, Hint: evil}},
	}
	person := people.Person{Label: evil, Consent: evil}
	consent := people.Consent{NoticeVersion: evil, Purpose: evil, Method: evil, Witness: evil, Age: evil, Guardian: evil}
	answers := map[string]any{
		"/status": tells, "/people": []people.Person{person}, "/relabel": person, "/device": people.Device{PublicKey: evil},
		"/person":           people.File{Person: person, Agreed: consent, Entries: []people.AuditEntry{{Kind: evil}}},
		"/audit/checkpoint": people.Checkpoint{Signed: evil},
		"/audit":            people.AuditReport{Root: evil},
		"/door":             status.Door{Status: evilDoor, Kind: evil, Fail: evil, Held: evil, Schedule: &status.DoorPlan{Says: evil}},
		"/door/watch":       map[string]status.DoorMoment{"moment": {What: evil, Line: evil, Error: evil, Hint: evil}},
		"/door/test":        status.DoorTest{Line: evil},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		v, ok := answers[r.URL.Path]
		if !ok {
			w.WriteHeader(http.StatusUnprocessableEntity)
			v = map[string]string{"error": evil, "hint": evil}
		}
		json.NewEncoder(w).Encode(v)
	})
	socket = filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: mux}
	done := make(chan error)
	go func() { done <- server.Serve(l) }()
	t.Cleanup(func() { server.Close(); <-done })
	return socket
}

// TestForeignTextFromTheGate has every command print what an evil gate says.
func TestForeignTextFromTheGate(t *testing.T) {
	socket := evilGate(t)
	for _, command := range [][]string{
		{"status"},
		{"mqtt", "status"},
		{"people"},
		{"person", "show", "p"},
		{"person", "relabel", "p", "q"},
		{"device", "pubkey"},
		{"audit", "verify"},
		{"audit", "checkpoint"},
		{"door", "test"},
		{"door", "status"},
		{"door", "watch"},
		{"enroll", "p", "--consent", "f", "--age", "adult", "--pass", filepath.Join(t.TempDir(), "pass.png")},
		{"receipt", "fetch", t.TempDir()},
		{"epoch", "status"},
	} {
		t.Run(strings.Join(command[:min(2, len(command))], " "), func(t *testing.T) {
			facegate(t.Context(), append(command, "--socket", socket)...).harmless(t)
		})
	}
	for _, command := range [][]string{{"status"}, {"mqtt", "status"}, {"people"}, {"person", "show", "p"}} {
		p := facegate(t.Context(), append(command, "--json", "--socket", socket)...)
		p.harmless(t)
		if !json.Valid([]byte(p.out)) {
			t.Errorf("%v: not JSON:\n%s", command, p.out)
		}
	}
}

// TestForeignFileNames takes models from a folder whose names forge lines, and reads files with such names.
func TestForeignFileNames(t *testing.T) {
	stick := t.TempDir()
	name := "\x1b[2Jevil\u202e\ndoor        open.tgz"
	if err := os.WriteFile(filepath.Join(stick, name), []byte("no archive"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(stick, strings.Repeat("\x1b", 250)), 0o700); err != nil {
		t.Fatal(err)
	}
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	facegate(t.Context(), "models", "import", stick, "--dir", t.TempDir()).harmless(t)
	for _, command := range [][]string{
		{"config", "check", "--user", self(), "--config"},
		{"receipt", "verify", "--key", hex.EncodeToString(public)},
		{"models", "import", "--dir", t.TempDir()},
		{"models", "verify", "--bundle"},
		{},
	} {
		for _, file := range []string{filepath.Join(stick, name), filepath.Join(stick, "missing "+name)} {
			facegate(t.Context(), append(command, file)...).harmless(t)
		}
	}
}

// TestForeignConfiguration checks a file whose values and keys are evil.
func TestForeignConfiguration(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f.yaml")
	quoted, err := json.Marshal(evil)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		"profile: " + string(quoted), "site: " + string(quoted), string(quoted) + ": 1", "camera: {source: " + string(quoted) + "}",
		"vision: {liveness: [" + string(quoted) + "]}", "notice: {contact: " + string(quoted) + "}", "evil: \x1b[2J", "camera: {fps: evil\x1b[2J}",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		p := facegate(t.Context(), "config", "check", "--config", path, "--user", self())
		p.err = strings.ReplaceAll(p.err, path, "evil") // some faults do not repeat the value
		p.harmless(t)
	}
}
