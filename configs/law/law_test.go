package law_test

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"facegate/configs/law"
)

// terms are what most operators choose.
func terms(j law.Jurisdiction) law.Terms {
	return law.Terms{
		Jurisdiction: j, Mode: law.AutoMode, Trigger: law.AutoTrigger, Children: law.RefuseChildren,
		ValidDays: 365, IdleDays: 180, AccessLogDays: 90,
		Lockout: law.Lockout{DelayAfter: 5, Delay: 30 * time.Second, DisableAfter: 50},
	}
}

func TestResolve(t *testing.T) {
	const day = 24 * time.Hour
	for _, test := range []struct {
		name  string
		j     law.Jurisdiction
		terms func(*law.Terms)
		want  func(*law.Profile)
	}{
		{"cn", law.CN, nil, nil},
		{"cn, by card", law.CN, func(t *law.Terms) { t.Second = true }, func(p *law.Profile) { p.WhenAlike = law.SecondFactor }},
		{"cn, by pass", law.CN, func(t *law.Terms) { t.Pass, t.Second = true, true }, func(p *law.Profile) {
			p.Passes, p.WhenAlike = true, law.SecondFactor
		}},
		{"cn, by card, refusing", law.CN, func(t *law.Terms) { t.Second, t.WhenAlike = true, law.RefuseAlike }, nil},
		{"cn, warning", law.CN, func(t *law.Terms) { t.WhenAlike = law.WarnAlike }, func(p *law.Profile) { p.WhenAlike = law.WarnAlike }},
		{"cn, children, by pass", law.CN, func(t *law.Terms) {
			t.Children, t.Mode = law.AskGuardian, law.OneToOne
		}, func(p *law.Profile) {
			p.Mode, p.EmbedTrigger, p.Claims = law.OneToOne, law.RequestTrigger, true
			p.WhenAlike, p.Passes = law.SecondFactor, true
			p.MinorsAllowed, p.GuardianRequired = true, true
		}},
		{"eu", law.EU, nil, nil},
		{"eu, where 13 is the age", law.EU, func(t *law.Terms) { t.ChildAge = 13 }, func(p *law.Profile) { p.ChildAge = 13 }},
		{"eu, everybody", law.EU, func(t *law.Terms) { t.Mode = law.OneToMany }, func(p *law.Profile) {
			p.Mode, p.WhenAlike, p.Passes = law.OneToMany, law.RefuseAlike, false
		}},
		{"us-il", law.USIL, func(t *law.Terms) {
			t.ValidDays, t.IdleDays, t.AccessLogDays = 1095, 30, 7 // of somebody young still a year
		}, func(p *law.Profile) {
			p.RetentionMax, p.IdleMax, p.AccessLogRetention = 1095*day, 30*day, 7*day
		}},
		{"lab, for a month", law.Lab, func(t *law.Terms) { t.ValidDays = 30 }, func(p *law.Profile) {
			p.RetentionMax, p.YoungMax = 30*day, 30*day
		}},
		{"lab", law.Lab, func(t *law.Terms) {
			t.Lockout = law.Lockout{DelayAfter: 2, DisableAfter: 4}
		}, func(p *law.Profile) {
			p.Lockout = law.Lockout{DelayAfter: 2, DisableAfter: 4}
		}},
		{"lab, on request", law.Lab, func(t *law.Terms) { t.Trigger = law.RequestTrigger }, func(p *law.Profile) {
			p.EmbedTrigger, p.Claims = law.RequestTrigger, true
		}},
	} {
		chosen, want := terms(test.j), usual(test.j)
		if test.terms != nil {
			test.terms(&chosen)
		}
		if test.want != nil {
			test.want(&want)
		}
		if diff := cmp.Diff(want, law.Resolve(chosen)); diff != "" {
			t.Errorf("%s: (-want +got):\n%s", test.name, diff)
		}
	}
}

// usual is what the usual terms come to.
func usual(j law.Jurisdiction) law.Profile {
	const day = 24 * time.Hour
	p := law.Profile{
		Jurisdiction: j, WhenAlike: law.RefuseAlike, RetentionMax: 365 * day, YoungMax: 365 * day, IdleMax: 180 * day, AccessLogRetention: 90 * day, RecordRetention: 1096 * day,
		Lockout: law.Lockout{DelayAfter: 5, Delay: 30 * time.Second, DisableAfter: 50}, AssessmentRequired: j != law.Lab, Copies: j != law.EU,
	}
	if j == law.EU || j == law.USIL {
		p.WhenAlike, p.Passes, p.Claims = law.SecondFactor, true, true
	}
	switch j {
	case law.CN:
		p.Mode, p.EmbedTrigger, p.Consent = law.OneToMany, law.ZoneTrigger, law.SeparateConsent
		p.FilingAt, p.FilingWarnAt = 100_000, 80_000
		p.ChildAge, p.ChildLaw = 14, "PIPL Art. 31; Measures Art. 7"
	case law.EU:
		p.Mode, p.EmbedTrigger, p.Consent = law.OneToOne, law.RequestTrigger, law.ExplicitConsent
		p.ChildAge, p.ChildLaw = 16, "GDPR Art. 8(1) and the law of the member state"
	case law.USIL:
		p.Mode, p.EmbedTrigger, p.Consent = law.OneToOne, law.RequestTrigger, law.WrittenRelease
		p.ChildAge, p.ChildLaw = 18, "740 ILCS 14/10, 14/15(b)(3); 755 ILCS 5/11-1"
	case law.Lab:
		p.Mode, p.EmbedTrigger, p.Consent = law.OneToMany, law.ZoneTrigger, law.SyntheticOnly
		p.ChildAge = 14
	}
	return p
}

// TestRulesBindSomebody checks that every place but the laboratory names the law behind its bounds, and that what most operators
// choose is within them.
func TestRulesBindSomebody(t *testing.T) {
	for _, j := range law.Jurisdictions() {
		r, chosen := law.Of(j), terms(j)
		if !r.ValidDays.Holds(chosen.ValidDays) || !r.IdleDays.Holds(chosen.IdleDays) || !r.AccessLogDays.Holds(chosen.AccessLogDays) ||
			!r.DelayAfter.Holds(chosen.Lockout.DelayAfter) || !r.Delay.Holds(chosen.Lockout.Delay) ||
			!r.DisableAfter.Holds(chosen.Lockout.DisableAfter) || !r.Liveness.Holds(0.5) || !r.ChildAge.Holds(law.Resolve(chosen).ChildAge) {
			t.Errorf("%s refuses the usual terms", j)
		}
		if r.Liveness.Holds(math.NaN()) || r.ValidDays.Holds(0) || r.IdleDays.Holds(1096) {
			t.Errorf("%s has no bounds", j)
		}
		for _, law := range []string{r.ValidDays.Law, r.Liveness.Law, r.ChildAge.Law, r.Assessment, r.Notice, r.Sign} {
			if (law != "") != r.Production() {
				t.Errorf("%s: the law %q", j, law)
			}
		}
	}
}
