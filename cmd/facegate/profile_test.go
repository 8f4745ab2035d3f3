package main

import (
	"strings"
	"testing"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/health"
	"facegate/cmd/facegate/internal/people"
	"facegate/cmd/facegate/internal/status"
)

// lawful are the sections of a configuration of profile cn.
func lawful() gatetest.Settings {
	return gatetest.Settings{
		"profile": "cn", "alternatives": "[key]",
		"assessment": `{id: PIPIA-7, date: 2026-02-01, version: "1"}`,
		"notice": `{version: "1", controller: North Gate Ltd, contact: desk@north.example, sign_installed: true, zh: {place: 北门, ` +
			"purpose: 开门, necessity: 居民同意后可以刷脸进门, rights: 同意可以随时撤回}}",
	}
}

// TestProfileChanged puts a gate that was tried out in profile lab under the law: who was enrolled for that does not come
// in, and people and status say who has to consent again.
func TestProfileChanged(t *testing.T) {
	site := gatetest.NewSite(t)
	l := startLive(t, site, nil)
	if p := l.enroll(t, "p01"); p.code != exitOK {
		t.Fatal(p.err)
	}
	l.stop()

	config := site.WriteConfig(t, lawful())
	l = startLive(t, site, lawful())
	do := func(args ...string) printout {
		t.Helper()
		return l.do(t, append(args, "--config", config)...)
	}
	says := "has to consent again (facegate enroll --again): this one was given under profile lab"
	do("people").want(t, exitOK, says, "")
	var all []people.Person
	do("people", "--json").decode(t, &all)
	if len(all) != 1 || !all[0].ConsentAgain || all[0].ConsentProfile != "lab" {
		t.Errorf("people --json says %+v", all)
	}
	do("person", "show", "p01").want(t, exitOK, "given under profile lab", "")
	needs := func(again int) {
		t.Helper()
		var s status.Status
		do("status", "--json").decode(t, &s)
		said := false
		for _, c := range s.Health.Conditions {
			said = said || c.Part == health.People && strings.HasPrefix(c.Reason, "1 people consented under another profile than cn")
		}
		if s.People.ConsentAgain != again || s.People.Enrolled != 1-again || said != (again > 0) {
			t.Errorf("status --json says %+v, %+v", s.People, s.Health)
		}
	}
	needs(1)
	if p := l.enroll(t, "p01", "--again", "--lang", "zh"); p.code != exitOK {
		t.Fatal(p.err)
	}
	needs(0)
	if p := do("people"); strings.Contains(p.out, "again") {
		t.Errorf("after another consent: %s", p.out)
	}
	l.stop()
}
