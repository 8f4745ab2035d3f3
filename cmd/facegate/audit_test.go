package main

import (
	"os"
	"testing"
)

// TestAuditSeen holds the log against an earlier report and a receipt, goes on, and has the records taken away under the same
// device key.
func TestAuditSeen(t *testing.T) {
	l, config, _ := startWith(t, nil, "p01", "p04")
	site := l.site
	do := func(args ...string) printout {
		t.Helper()
		return facegate(t.Context(), append(args, "--config", config)...)
	}
	report, receipt := site.Path("report.json"), site.Path("receipt.json")
	must(t, os.WriteFile(report, []byte(do("audit", "verify", "--json").out), 0o600))
	do("erase", "p04", "--yes", "--receipt", receipt).want(t, exitOK, "erased", "")
	verify := []string{"audit", "verify", "--since", report, "--receipt", receipt}
	do(verify...).want(t, exitOK, "it goes on from what was seen before: 2 places", "")
	l.stop()
	do(verify...).want(t, exitOK, "it goes on from what was seen before: 2 places", "")

	must(t, os.WriteFile(site.Path("edited"), []byte(`{"end": 1, "link": "00", "signature": "00"}`), 0o600))
	do("audit", "verify", "--since", site.Path("edited")).want(t, exitFailed, "", "this is not what facegate audit verify --json prints")
	do("audit", "verify", "--since", receipt).want(t, exitFailed, "", "to do: ")
	do("audit", "verify", "--receipt", report).want(t, exitFailed, "", "to do: ")

	must(t, os.RemoveAll(site.State()))
	must(t, os.RemoveAll(site.Keyrings()))
	l = startLive(t, site, nil) // nothing on the device says that it had records
	defer l.stop()
	do("audit", "verify").want(t, exitOK, "the audit log is whole: entries 1 to ", "")
	do("audit", "verify", "--since", report).want(t, exitFailed, "", "it was put back, or begun anew")
	do("audit", "verify", "--receipt", receipt).want(t, exitFailed, "", "it was put back, or begun anew")
}
