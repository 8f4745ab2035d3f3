package daemon_test

import (
	"strings"
	"testing"

	"facegate/cmd/facegate/internal/daemon"
	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/health"
)

// production is a configuration of profile cn.
func production(version, purpose string) gatetest.Settings {
	return gatetest.Settings{
		"profile": "cn", "alternatives": "[key]",
		"assessment": "{id: PIPIA-7, date: 2026-02-01, version: \"" + version + "\"}",
		"notice": "{version: \"1\", controller: North Gate Ltd, contact: desk@example.org, sign_installed: true, zh: {place: 北门, " +
			"purpose: " + purpose + ", necessity: 居民同意后可以刷脸进门, rights: 同意可以随时撤回}}",
	}
}

// conditionsOf returns what is not well of one part.
func conditionsOf(r health.Report, part health.Part) (found []health.Condition) {
	for _, c := range r.Conditions {
		if c.Part == part {
			found = append(found, c)
		}
	}
	return found
}

// TestReassessment changes what was assessed: the gate goes on, is degraded and says what to do, until another assessment is
// named.
func TestReassessment(t *testing.T) {
	site := gatetest.NewSite(t)
	for i, step := range []struct {
		version, purpose string
		due              bool
	}{
		{"1", "开门", false},
		{"1", "开门和考勤", true},
		{"1", "开门和考勤", true},
		{"2", "开门和考勤", false},
		{"2", "开门和考勤", false},
	} {
		r := start(t, site, production(step.version, step.purpose), daemon.Outside{})
		s, err := r.client.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		a := s.Assessment
		if a.Due != step.due || (len(conditionsOf(s.Health, health.Law)) > 0) != step.due || strings.Contains(a.Advice, "set assessment.date") != step.due ||
			a.ID != "PIPIA-7" || a.Version != step.version {
			t.Errorf("step %d: %+v, health: %+v", i, a, s.Health)
		}
		if got := strings.Contains(r.log.String(), "does not cover what is in use"); got != step.due {
			t.Errorf("step %d: the log says so: %v", i, got)
		}
		if s.Filing.At != 100_000 || len(s.Filing.Measures) == 0 || s.Filing.Advice != "" {
			t.Errorf("step %d: the filing is %+v", i, s.Filing)
		}
		r.stop()
	}
	// Where nobody is enrolled but those who do not exist, nothing is asked.
	r := start(t, gatetest.NewSite(t), nil, daemon.Outside{})
	if s := r.Status(); s.Assessment.ID != "" || s.Filing.At != 0 {
		t.Errorf("in the lab: %+v, %+v", s.Assessment, s.Filing)
	}
}
