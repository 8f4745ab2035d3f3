package main

import (
	"errors"
	"os"
	"strings"
	"testing"
)

// TestAuditSeen holds the log against an earlier checkpoint and a receipt, goes on, and has the records taken away under the same
// device key.
func TestAuditSeen(t *testing.T) {
	l, config, _ := startWith(t, nil, "p01", "p04")
	site := l.site
	do := func(args ...string) printout {
		t.Helper()
		return facegate(t.Context(), append(args, "--config", config)...)
	}
	seen, receipt := site.Path("checkpoint"), site.Path("receipt.json")
	do("audit", "checkpoint", "--output", seen).want(t, exitOK, "has the checkpoint", "")
	do("audit", "checkpoint", "--output", seen).want(t, exitFailed, "", "name a new file")
	signed, err := os.ReadFile(seen)
	must(t, err)
	if printed := do("audit", "checkpoint").out; printed != string(signed) {
		t.Errorf("printed %q, and written %q", printed, signed)
	}
	do("erase", "p04", "--yes", "--receipt", receipt).want(t, exitOK, "erased", "")
	verify := []string{"audit", "verify", "--since", seen, "--receipt", receipt}
	do(verify...).want(t, exitOK, "it goes on from all that was seen before: 2", "")
	l.stop()
	do(verify...).want(t, exitOK, "it goes on from all that was seen before: 2", "")

	must(t, os.WriteFile(site.Path("mailed"), []byte(strings.ReplaceAll(string(signed), "\n", "\r\n")), 0o600))
	do("audit", "verify", "--since", site.Path("mailed")).want(t, exitOK, "all that was seen before: 1", "")
	edited := strings.Replace(string(signed), "\n", "\n1", 1)
	must(t, os.WriteFile(site.Path("edited"), []byte(edited), 0o600))
	do("audit", "verify", "--since", site.Path("edited")).want(t, exitFailed, "", "was not signed by this device")
	do("audit", "verify", "--since", receipt).want(t, exitFailed, "", "to do: ")
	do("audit", "verify", "--receipt", seen).want(t, exitFailed, "", "to do: ")

	must(t, os.RemoveAll(site.State()))
	must(t, errors.Join(os.RemoveAll(site.Keyrings()), os.RemoveAll(site.Anchor())))
	l = startLive(t, site, nil) // nothing on the device says that it had records
	defer l.stop()
	do("audit", "verify").want(t, exitOK, "the audit log is whole: entries 1 to ", "")
	do("audit", "verify", "--since", seen).want(t, exitFailed, "", "it was put back, or begun anew")
	do("audit", "verify", "--receipt", receipt).want(t, exitFailed, "", "it was put back, or begun anew")
}
