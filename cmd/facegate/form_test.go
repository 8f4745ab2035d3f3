package main

import (
	"testing"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/people"
)

// TestForm looks people up by the numbers of their forms at a stopped gate, before they leave and after.
func TestForm(t *testing.T) {
	site := gatetest.NewSite(t)
	config := stoppedWith(t, site, "ann", "bob")
	do := func(args ...string) printout {
		t.Helper()
		return facegate(t.Context(), append(args, "--socket", site.Socket(), "--config", config)...)
	}
	do("people", "--form", "form-ann").want(t, exitOK, "on the list  ann, enrolled ", "")
	do("people", "--form", "form-eve").want(t, exitOK, "nothing is held under this number", "")
	do("person", "withdraw", "ann", "--yes", "--receipt", site.Path("ann.json")).want(t, exitOK, "receipt: ", "")
	do("erase", "bob", "--yes").want(t, exitOK, "bob is erased", "")
	p := do("people", "--form", "form-ann")
	p.want(t, exitOK, ": withdrawn\n", "")
	p.want(t, exitOK, "this record is kept ", "")
	var f people.Form
	do("people", "--form", "form-bob", "--json").decode(t, &f)
	if f.Number != "form-bob" || len(f.People) != 0 || len(f.Ended) != 1 || f.Ended[0].Why != "requested" || len(f.Receipts) != 1 {
		t.Errorf("form-bob: %+v", f)
	}
	do("receipt", "fetch", site.Dir).want(t, exitOK, "1 receipts fetched", "")
	do("people", "--form", "form-bob", "--json").decode(t, &f)
	if len(f.Ended) != 1 || len(f.Receipts) != 0 {
		t.Errorf("form-bob, after the receipt was fetched: %+v", f)
	}
}
