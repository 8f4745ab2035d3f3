package main

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/people"
	"facegate/device/evdev"
)

// TestGroupCommands puts people into groups that the rules name, of the running gate and of the stopped one, and has a card open the
// door by it. What the broker is told names no group.
func TestGroupCommands(t *testing.T) {
	path := filepath.Join(t.TempDir(), "usb-reader-event-kbd")
	twin, err := evdev.Plug(path)
	must(t, err)
	t.Cleanup(func() { must(t, twin.Unplug()) })
	site := gatetest.NewSite(t)
	building, mqtt := loopbackBroker(t, site)
	more := gatetest.Settings{
		"readers": "[{name: desk, kind: usb, device: " + path + ", class: card-secure}]", "mqtt": mqtt, "door": "{driver: sim, pulse: 200ms}",
		"rules": "[{by: [face], groups: [zaunkoenig]}, {by: [card-secure], groups: [zaunkoenig, rotkehlchen]}]", "alternatives": "[card]",
	}
	config := site.WriteConfig(t, more)
	l := startLive(t, site, more)
	do := func(args ...string) printout { return l.do(t, append(args, "--config", config)...) }
	check := func() printout { return facegate(t.Context(), "config", "check", "--config", config, "--user", self()) }

	member := []string{"--until", "2040-01-31", "--reference", "contract 7"}
	do(append([]string{"person", "add", "Ada", "--group", "zaunkonig"}, member...)...).
		want(t, exitFailed, "", "to do: give a group that rules in the configuration name (they name rotkehlchen, zaunkoenig)")
	do(append([]string{"person", "add", "Ada", "--group", "zaunkoenig"}, member...)...).want(t, exitOK, "Ada is on the list", "")
	for _, label := range []string{"Nina", "Bob"} {
		do(append([]string{"person", "add", label}, member...)...).want(t, exitOK, label+" is on the list", "")
	}
	do("person", "group", "Bob").want(t, exitOK, "Bob is in no group\n", "")
	do("person", "group", "Ada").want(t, exitOK, "Ada is in the group zaunkoenig\n", "")
	do("rules").want(t, exitOK, "to the groups zaunkoenig, rotkehlchen. Nobody is in the group rotkehlchen.", "")
	do("status").want(t, exitOK, "rules open the door to groups that nobody is in: rotkehlchen", "")
	check().want(t, exitOK, "nobody is in a group that they name (rotkehlchen)", "")

	for _, label := range []string{"Nina", "Bob"} { // whose cards may be presented once more than it takes, and open nothing yet
		card := map[string]string{"Nina": "0004711", "Bob": "0004712"}[label]
		presented(t, twin, card, func() printout { return do("card", "add", label) }).want(t, exitOK, label+" has the card", "present the card to desk")
	}
	do("person", "group", "Nina", "zaunkoenig").want(t, exitOK, "Nina is in the group zaunkoenig\n", "")
	passed := 0
	comes := func(opens bool, card string) {
		t.Helper()
		must(t, twin.Type(card+"\n"))
		if opens { // what was presented before is served before
			passed++
			building.awaitPass(t, passed)
			gatetest.Eventually(t, "the door is locked", func() bool { return strings.Contains(do("door", "status").out, "locked") })
		}
		if n := len(building.on(passTopic)); n != passed {
			t.Errorf("%d people passed, want %d", n, passed)
		}
	}
	comes(false, "0004712")
	comes(true, "0004711")
	do("person", "group", "Bob", "zaunkoenig", "rotkehlchen").want(t, exitOK, "Bob is in the groups rotkehlchen, zaunkoenig\n", "")
	do("person", "group", "Nina", "--none").want(t, exitOK, "Nina is in no group\n", "")
	comes(false, "0004711")
	comes(true, "0004712")
	check().want(t, exitOK, "is valid", "")
	if out := check().out + do("rules").out; strings.Contains(out, "obody") {
		t.Errorf("while somebody is in each group it says\n%s", out)
	}
	l.stop()

	building.awaitAvailability(t, "stopped")
	for _, m := range building.all() {
		if text := m.Topic() + string(m.Payload()); strings.Contains(text, "zaunkoenig") || strings.Contains(text, "rotkehlchen") {
			t.Errorf("the broker was told: %s", text)
		}
	}
	stoppedGroups(t, do)
	check().want(t, exitOK, "nobody may be in a group that they name (rotkehlchen, zaunkoenig)", "")
}

// stoppedGroups changes groups of people of a gate that does not run.
func stoppedGroups(t *testing.T, do func(args ...string) printout) {
	t.Helper()
	do("people").want(t, exitOK, "rotkehlchen, zaunkoenig  contract 7", "")
	do("person", "show", "Bob").want(t, exitOK, "groups       rotkehlchen, zaunkoenig\n", "")
	do("person", "show", "Bob", "--letter", "--lang", "en").want(t, exitOK, "Groups of the house that you are in: rotkehlchen, zaunkoenig", "")
	do("rules").want(t, exitOK, "nor which groups somebody is in", "")
	do("person", "group", "Bob", "zaunkonig").want(t, exitFailed, "", "no rule of this gate is for the group zaunkonig")
	do("person", "group", "Bob", "visitor", "--ahead").want(t, exitFailed, "", "no member of the house is in it")
	do("person", "group", "Bob", "--none", "zaunkoenig").want(t, exitFailed, "", "to do: name groups, or give --none")
	do("person", "group", "Eve", "zaunkoenig").want(t, exitFailed, "", "to do: list the labels")
	var p people.Person
	do("person", "group", "Bob", "gast-2", "zaunkoenig", "--ahead", "--json").decode(t, &p)
	if !slices.Equal(p.Groups, []string{"gast-2", "zaunkoenig"}) {
		t.Errorf("person group --json says %+v", p)
	}
	var f people.File
	do("person", "show", "Bob", "--json").decode(t, &f)
	if last := f.Entries[len(f.Entries)-1]; last.Kind != "regrouped" || !slices.Equal(f.Groups, p.Groups) {
		t.Errorf("person show --json says %+v", f)
	}
	do("enroll", "Bob", "--again", "--group", "zaunkoenig", "--consent", "form", "--age", "adult").want(t, exitFailed, "", "to do: leave out --group")
}
