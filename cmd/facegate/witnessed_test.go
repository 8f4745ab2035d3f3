package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/health"
	"facegate/cmd/facegate/internal/status"
	"facegate/cmd/facegate/internal/witness"
	"facegate/configs/address"
	"facegate/pipeline/publish"
	"facegate/pipeline/publish/loopback"
	"facegate/pipeline/publish/mosquittotest"
)

// keeper makes a witness that knows a gate, and returns its file and its verifier key.
func keeper(t *testing.T, name, gate string) (path, key string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "witness.db")
	facegate(t.Context(), "witness", "create", path, "--name", name).want(t, exitOK, name+"+", "created")
	facegate(t.Context(), "witness", "add", path, gate).want(t, exitOK, "logs that are followed: 1", "")
	w, err := witness.Open(path)
	must(t, err)
	defer w.Close()
	return path, w.Verifier().String()
}

// follow has a witness answer what a broker is asked, until the test is over.
func follow(t *testing.T, path string, broker address.Address) {
	t.Helper()
	w, err := witness.Open(path)
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- w.Follow(ctx, publish.Config{Brokers: []address.Address{broker}, ClientID: "keeper"}, publish.Gates{}, slog.New(slog.DiscardHandler))
	}()
	t.Cleanup(func() {
		cancel()
		must(t, <-ended)
		must(t, w.Close())
	})
}

// TestWitnessed has a gate be cosigned by one witness over mosquitto, and by another one that only a file reaches. Then all that the gate
// keeps is put back to before an erasure, the anchor too, so that nothing at the gate can tell. What the broker retains of the witness does:
// no face is looked at, and whoever was erased does not get in.
func TestWitnessed(t *testing.T) {
	t.Parallel()
	broker := mosquittotest.New(t, loopback.Account{}).Unwatched() // somebody forges notes
	broker.Start(t)
	wire := newTap(t, "tcp", "127.0.0.1:0", broker.URL())
	at, err := address.Parse("tcp://" + wire.listener.Addr().String())
	must(t, err)
	site := gatetest.NewSite(t).FixKey(t)
	plain := startLive(t, site, nil)
	if p := plain.enroll(t, "p01"); p.code != exitOK {
		t.Fatal(p.err)
	}
	device := strings.TrimSpace(plain.do(t, "device", "pubkey").out)
	plain.stop()

	near, nearKey := keeper(t, "residents.example", device)
	far, farKey := keeper(t, "auditor.example", device)
	follow(t, near, at)
	more := gatetest.Settings{
		"mqtt": fmt.Sprintf("{broker: %q}", at), "witness": fmt.Sprintf("{keys: [%q, %q], every: 1h}", nearKey, farKey),
	}
	var l *live
	how := func() (s status.Status) {
		l.do(t, "status", "--json").decode(t, &s)
		return s
	}
	cosigned := func(size int64) int64 {
		t.Helper()
		gatetest.Eventually(t, fmt.Sprintf("more than %d entries are cosigned", size), func() bool {
			w := how().Witnesses
			return len(w) == 2 && w[0].Size > size && w[0].Err == ""
		})
		return how().Witnesses[0].Size
	}
	l = startLive(t, site, more)
	before := cosigned(0)
	if w := how().Witnesses[1]; w.Size != 0 {
		t.Errorf("the witness that is away has cosigned: %+v", w)
	}
	request, note := filepath.Join(t.TempDir(), "request"), filepath.Join(t.TempDir(), "note")
	l.do(t, "audit", "checkpoint", "--for", farKey, "--output", request).want(t, exitOK, request+" is for the witness", "")
	signed := facegate(t.Context(), "witness", "sign", far, request)
	signed.want(t, exitOK, "auditor.example", "")
	must(t, os.WriteFile(note, []byte(strings.TrimSpace(signed.out)), 0o600)) // as a code is scanned
	l.do(t, "audit", "cosigned", note).want(t, exitOK, "auditor.example has cosigned", "")
	l.stop()

	former := t.TempDir()
	must(t, os.CopyFS(former, os.DirFS(site.Dir)))
	l = startLive(t, site, more)
	l.do(t, "erase", "p01", "--yes", "--receipt", filepath.Join(t.TempDir(), "receipt")).want(t, exitOK, "p01 is erased", "")
	l.stop()
	l = startLive(t, site, more) // at whose start it is told
	cosigned(before)
	l.stop()

	for _, name := range []string{"state", "state-keys", "anchor"} {
		must(t, os.RemoveAll(site.Path(name)))
		must(t, os.CopyFS(site.Path(name), os.DirFS(filepath.Join(former, name))))
	}
	l = startLive(t, site, more)
	gatetest.Eventually(t, "the witness tells", func() bool { s := how(); return s.Older != nil && s.Witnesses[0].Ahead })
	found := map[health.Name]string{}
	for _, c := range how().Health.Conditions {
		found[c.Name] = c.Todo
	}
	if !strings.Contains(found[health.WitnessAhead], "facegate backup restore") || found[health.OlderCopy] == "" {
		t.Errorf("the health is %+v", found)
	}
	if err := l.stage.Play(t.Context(), gatetest.Arrival(t)); err != nil {
		t.Fatal(err)
	}
	if s := how(); s.Door.Pulses > 0 {
		t.Errorf("somebody who was erased gets in: %+v", s.Door)
	}
}
