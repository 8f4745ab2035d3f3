package main

import (
	"encoding/json"
	"strings"
	"testing"

	"facegate/cmd/facegate/internal/gatetest"
)

// TestRules asks what opens the door of a gate that is stopped, and of one that runs.
func TestRules(t *testing.T) {
	site := gatetest.NewSite(t)
	more := gatetest.Settings{
		"alternatives": "[pin, key]", "readers": "[{name: pad, kind: keypad, device: " + site.Path("pad") + "}]",
		"time_zone": "Europe/Berlin", "plans": "{never: [{days: holiday, from: 0:00, to: 24:00}]}",
		"rules": "[{by: [face]}, {by: [pin]}, {by: [pass], when: never, groups: [staff]}]",
	}
	config := site.WriteConfig(t, more)
	p := facegate(t.Context(), "rules", "--config", config)
	for _, says := range []string{
		"A face opens the door.", "A number with its PIN opens the door.", "The gate is not running", "on the operator's word: key.",
		"A pass opens the door to the group staff, at the times of never (holiday 00:00-24:00).",
	} {
		p.want(t, exitOK, says, "")
	}
	l := startLive(t, site, more)
	var r ruling
	if p := l.do(t, "rules", "--config", config, "--json"); json.Unmarshal([]byte(p.out), &r) != nil || !r.Running || len(r.Rules) != 3 {
		t.Fatalf("%+v", p)
	}
	if !r.Rules[0].InForce || !r.Rules[1].InForce || r.Rules[2].InForce {
		t.Errorf("%+v", r.Rules)
	}
	if out := l.do(t, "rules").out; !strings.Contains(out, "not now") && !strings.Contains(out, "waits for the clock") {
		t.Errorf("rules says\n%s", out)
	}
	l.stop()
}
