package main

import (
	"strings"
	"testing"
	"text/tabwriter"

	"facegate/cmd/facegate/internal/people"
	"facegate/cmd/facegate/internal/status"
	"facegate/store/receipt"
)

// TestEpochs changes the epoch of the running gate and of the stopped one, and captures people again.
func TestEpochs(t *testing.T) {
	l, _, do := startWith(t, nil, "p01", "p02")
	site := l.site
	epoch := func(args ...string) (e people.Epoch) {
		t.Helper()
		do(append(append([]string{"epoch"}, args...), "--json")...).decode(t, &e)
		return e
	}
	do("epoch", "status").want(t, exitOK, "epoch 1: 2 people in it\n", "")
	do("epoch", "end", "--yes").want(t, exitFailed, "", "to do: begin a new one first")

	var device people.Device
	do("device", "pubkey", "--json").decode(t, &device)
	l.do(t, "enroll", "p01", "--consent", "form", "--age", "adult").want(t, exitFailed, "", "--again")
	l.do(t, "enroll", "p04", "--consent", "form", "--age", "adult", "--again").want(t, exitFailed, "", "to do: list the labels")
	l.do(t, "enroll", "p04", "--consent", "form", "--age", "adult", "--receipt", "new.json").want(t, exitFailed, "", "leave out --receipt")
	file := site.Path("again.json")
	l.enroll(t, "p01", "--again", "--receipt", file).want(t, exitOK, "the former template is erased, receipt: "+file, "captured")
	genuine(t, file, device.PublicKey, receipt.Erasure, "recaptured")
	var person people.Person
	l.enroll(t, "p01", "--again", "--json").decode(t, &person)
	if person.Label != "p01" || !strings.Contains(person.Receipt, "recaptured") {
		t.Errorf("enroll --again --json says %+v", person)
	}
	do("receipt", "fetch", site.Dir).want(t, exitOK, "1 receipts fetched", "") // the one that was printed

	do("epoch", "begin").want(t, exitOK, "epoch 2: ", "")
	var s status.Status
	l.do(t, "status", "--json").decode(t, &s)
	if e := s.Epoch; e.Number != 2 || e.Renewed+e.Earlier != 2 || e.Earlier == 0 {
		t.Errorf("status --json says %+v", e)
	}
	l.do(t, "status").want(t, exitOK, "still in an earlier one", "")
	do("epoch", "begin").want(t, exitFailed, "", "to do: end it first with: facegate epoch end")
	l.stop()

	before := epoch("status")
	after := epoch("end", "--yes")
	if after.Ended != before.Earlier || after.None != before.Earlier || after.Renewed != before.Renewed || after.Earlier != 0 {
		t.Errorf("the end of the epoch made %+v of %+v", after, before)
	}
	do("epoch", "begin").want(t, exitOK, "epoch 3: 0 people in it", "")
	do("epoch", "end", "--yes").want(t, exitOK, "earlier epochs have ended", "")
	do("epoch", "status").want(t, exitOK, "facegate enroll LABEL --again for those who cannot match", "")
	do("person", "show", "p02").want(t, exitOK, "none", "")

	l = startLive(t, site, nil)
	l.enroll(t, "p02", "--again").want(t, exitOK, "p02 is enrolled until ", "captured")
	do("person", "show", "p02").want(t, exitOK, "of epoch 3", "")
	do("audit", "verify").want(t, exitOK, "the audit log is whole", "")
}

// TestDuties prints what the law asks for, from a gate that has to file and to be assessed again.
func TestDuties(t *testing.T) {
	s := status.Status{
		Assessment: status.Assessment{ID: "PIPIA-7", Version: "2", Date: "2026-02-01", Due: true, Advice: "assess again"},
		Filing: status.Filing{
			At: 100_000, People: 100_001, Children: 7, Codes: 100_000, Measures: []string{"templates are sealed"}, Advice: "file",
		},
	}
	print := func(s status.Status) string {
		var out strings.Builder
		w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
		writeDuties(w, s)
		w.Flush()
		return strings.Join(strings.Fields(out.String()), " ")
	}
	got := print(s)
	for _, want := range []string{
		"assessment PIPIA-7, version 2 of 2026-02-01 to do: assess again",
		"filing 100001 people, 7 of them under 14; 100000 templates", "templates are sealed", "to do: file",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("it does not say %q: %s", want, got)
		}
	}
	if got := print(status.Status{}); got != "" {
		t.Errorf("of no duties it says %q", got)
	}
}
