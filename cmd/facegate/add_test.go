package main

import (
	"os"
	"strings"
	"testing"

	"facegate/cmd/facegate/internal/people"
	"facegate/store/receipt"
)

// TestMembers puts somebody on the list who gives no face, of the running gate and of the stopped one, and takes the face of
// somebody else back.
func TestMembers(t *testing.T) {
	l, _, do := startWith(t, nil, "p01")
	site := l.site
	const until = "2040-01-31"
	pass := site.Path("bob.png")
	do("person", "add", "Bob", "--until", until, "--reference", "contract 7", "--pass", pass).
		want(t, exitOK, "Bob is on the list until 2040-01-31, without a face", "")
	letters := photograph(t, pass)
	do("person", "add", "Bob", "--until", until, "--reference", "contract 7", "--pass", site.Path("other.png")).
		want(t, exitFailed, "", "to do: choose another label")
	if _, err := os.Stat(site.Path("other.png")); err == nil {
		t.Error("a sheet is left of a pass that was never issued")
	}
	do("person", "add", "Eve", "--until", "2020-01-31", "--reference", "contract 8").want(t, exitFailed, "", "to do: ")
	do("person", "add", "Eve", "--reference", "contract 8").want(t, exitUsage, "", "--until")
	do("person", "add", "Eve", "--until", until).want(t, exitUsage, "", "--reference")

	do("people").want(t, exitOK, "contract 7 - no face", "")
	shown := do("person", "show", "Bob")
	shown.want(t, exitOK, "none: the person gives no face", "")
	if !strings.Contains(shown.out, "pass, since ") || !strings.Contains(shown.out, "agreement    contract 7") || strings.Contains(shown.out, "consent") {
		t.Errorf("person show says\n%s", shown.out)
	}
	do("person", "show", "Bob", "--letter", "--lang", "en").want(t, exitOK, "Your face: nothing. You give none", "")
	var device people.Device
	do("device", "pubkey", "--json").decode(t, &device)

	do("person", "withdraw", "p01", "--keep-member", "--yes").want(t, exitFailed, "", "to do: give them a pass first")
	do("person", "pass", "p01", "--png", site.Path("p01.png"), "--yes").want(t, exitOK, "any older pass of p01 is dead", "")
	withdrawn := site.Path("withdrawn.json")
	do("person", "withdraw", "p01", "--keep-member", "--yes", "--receipt", withdrawn).
		want(t, exitOK, "the face of p01 is erased, who stays on the list without one", "")
	genuine(t, withdrawn, device.PublicKey, receipt.Erasure, "face-withdrawn")
	l.stop()

	do("person", "add", "Eve", "--until", until, "--reference", "contract 8", "--json").want(t, exitOK, `"no_face": true`, "")
	var all []people.Person
	do("people", "--json").decode(t, &all)
	if len(all) != 3 || !all[0].NoFace || !all[1].NoFace || !all[2].NoFace || all[2].Label != "p01" {
		t.Errorf("people --json says %+v", all)
	}
	erased := site.Path("erased.json")
	do("erase", "--pass", letters, "--yes", "--receipt", erased).want(t, exitOK, "the owner of the pass is erased", "")
	genuine(t, erased, device.PublicKey, receipt.Erasure, "requested")
	facegate(t.Context(), "receipt", "verify", erased, "--key", device.PublicKey, "--form", "contract 7").
		want(t, exitOK, "1 people, 0 templates", "")
}
