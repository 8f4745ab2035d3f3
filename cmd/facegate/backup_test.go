package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/people"
	"facegate/cmd/facegate/internal/status"
)

// TestBackup makes a backup of a running gate, erases one of its people, and loses the databases, and then everything but
// the device key.
func TestBackup(t *testing.T) {
	l, config, _ := startWith(t, nil, "p01", "p04")
	site := l.site
	do := func(args ...string) printout {
		t.Helper()
		return facegate(t.Context(), append(args, "--config", config)...)
	}
	file, receipts := site.Path("gate.backup"), site.Path("receipts")
	must(t, os.Mkdir(receipts, 0o700))
	do("backup", "create", file).want(t, exitOK, "holds 2 people as they are after receipt number 0", "")
	do("backup", "create", file).want(t, exitFailed, "", "to do: name a new file")
	data, err := os.ReadFile(file)
	must(t, err)
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 || strings.Contains(string(data), "p01") {
		t.Errorf("the backup has mode %v, and shows names: %v, %v", info.Mode(), strings.Contains(string(data), "p01"), err)
	}
	do("erase", "p04", "--yes", "--receipt", filepath.Join(receipts, "one.json")).want(t, exitOK, "erased", "")
	do("backup", "restore", file).want(t, exitFailed, "", "to do: stop the gate first")
	l.stop()

	must(t, os.RemoveAll(site.State()))
	remnant, stop := context.WithCancel(t.Context())
	ended := make(chan printout, 1)
	go func() { ended <- facegate(remnant, "run", "--config", config) }() // without its records it keeps the door
	gatetest.Eventually(t, "what is left of the gate says what to do", func() bool {
		return strings.Contains(do("status").out, "facegate backup restore FILE")
	})
	stop()
	(<-ended).want(t, exitOK, "", "facegate backup restore FILE")
	do("backup", "restore", file).want(t, exitUnconfirmed, "", "the audit log, and receipts that nobody has fetched, are lost with it")
	do("backup", "restore", file, "--yes", "--last-receipt", "2").want(t, exitFailed, "", "receipts with these numbers are missing: 2")
	p := do("backup", "restore", file, "--yes", "--last-receipt", "1")
	p.want(t, exitOK, "1 people are back", "")
	p.want(t, exitOK, "1 were erased or captured again after the backup, and are not back", "")
	p.want(t, exitOK, "list of erasures goes up to receipt number 1", "")
	list := func() (labels []string) {
		t.Helper()
		var all []people.Person
		do("people", "--json").decode(t, &all)
		for _, p := range all {
			labels = append(labels, p.Label)
		}
		return labels
	}
	if labels := list(); len(labels) != 1 || labels[0] != "p01" {
		t.Errorf("%v are enrolled", labels)
	}

	must(t, os.RemoveAll(site.State()))
	must(t, errors.Join(os.RemoveAll(site.Keyrings()), os.RemoveAll(site.Anchor())))
	do("backup", "restore", file).want(t, exitFailed, "", "--last-receipt N")
	p = do("backup", "restore", file, "--receipts", receipts, "--last-receipt", "1")
	p.want(t, exitOK, "1 people are back", "")
	p.want(t, exitOK, "who was erased by a later one is back", "")
	if labels := list(); len(labels) != 1 || labels[0] != "p01" {
		t.Errorf("%v are enrolled", labels)
	}
	l = startLive(t, site, nil)
	var s status.Status
	l.do(t, "status", "--json").decode(t, &s)
	if s.People.Enrolled != 1 {
		t.Errorf("%d people match", s.People.Enrolled)
	}
	do("audit", "verify").want(t, exitOK, "the audit log is whole", "")
	must(t, os.WriteFile(site.Path("text"), []byte("no backup"), 0o600))
	l.stop()
	do("backup", "restore", site.Path("text")).want(t, exitFailed, "", "this is not a backup of this device")
}

// TestBackupOfCredentials backs up somebody who gives no face, and an office, and loses everything but the device key: whether a pass
// that may have been revoked opens again is for the operator to say.
func TestBackupOfCredentials(t *testing.T) {
	site := gatetest.NewSite(t)
	config := site.WriteConfig(t, gatetest.Settings{"site": "lime-court", "gate": "north"})
	begun(t, site.Config(t, nil))
	do := func(args ...string) printout {
		t.Helper()
		return facegate(t.Context(), append(args, "--config", config)...)
	}
	do("clock", "confirm", "--yes").want(t, exitOK, "right", "")
	pass := site.Path("bob.png")
	do("person", "add", "Bob", "--until", "2040-01-31", "--reference", "contract 7", "--pass", pass).want(t, exitOK, "Bob", "")
	o := newOfficeDesk(t, config)
	do("pass", "key", "add", "front desk", o.key+".pub").want(t, exitOK, "front desk is registered", "")
	visitor := o.issue("visitor", "--gate", "lime-court/north", "--for", "2h")
	do("pass", "revoke", "--pass", visitor).want(t, exitOK, "opens nothing at this gate any more", "")
	file := site.Path("gate.backup")
	do("backup", "create", file).want(t, exitOK, "holds 1 people", "")
	for _, tt := range []struct{ choice, says, passes string }{
		{"out", "1 of the people have no way in now", "no visitor's pass opens this gate"},
		{"back", "whatever of these was revoked or replaced after the backup opens again", "front desk"},
	} {
		must(t, os.RemoveAll(site.State()))
		must(t, errors.Join(os.RemoveAll(site.Keyrings()), os.RemoveAll(site.Anchor())))
		do("backup", "restore", file).want(t, exitFailed, "", "it is --last-receipt 0")
		do("backup", "restore", file, "--last-receipt", "0").want(t, exitFailed, "", "with --credentials back all open again")
		p := do("backup", "restore", file, "--last-receipt", "0", "--credentials", tt.choice)
		p.want(t, exitOK, "1 people are back", "")
		p.want(t, exitOK, tt.says, "")
		p.want(t, exitOK, "visitors' passes that began before now open nothing", "")
		do("pass", "list").want(t, exitOK, tt.passes, "")
		do("pass", "list").want(t, exitOK, "revoked, forgotten after", "")
	}
	do("clock", "confirm", "--yes").want(t, exitOK, "right", "")
	do("pass", "show", visitor).want(t, exitOK, "was revoked", "")
	do("erase", "--pass", pass, "--yes").want(t, exitOK, "erased", "")
}
