package configs_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"facegate/configs/law"
	"facegate/configs/notice"
	"facegate/configs/passage"
)

// TestValues gives every key that law and documents are made from a value of its own, and finds it where it belongs.
func TestValues(t *testing.T) {
	const day = 24 * time.Hour
	got := parse(t, lawful(law.EU).with(file{
		"match": "{mode: one-to-many, trigger: request, fpir: 0.0002, margin: 0.11, when_alike: refuse}", "i_know": "one-to-many",
		"consent": "{children: guardian, child_age: 13}", "enrol": "{valid_days: 301}",
		"retention": "{idle_days: 61, access_log_days: 31}", "lockout": "{delay_after: 4, delay: 45s, disable_after: 40}",
		"camera": "{max_age: 321ms}", "zone": "{min_face: 71}", "liveness": "{threshold: 0.6, window: 7}",
		"decide": "{judge: every, agree: 4, window: 2100ms, rearm: 6s}",
		"mqtt":   "{broker: 'ssl://broker.example.org:8883', username: a, transfer: D-3}",
		"notice": strings.Replace(statement("en", "zh"), "contact:", "officer: dpo@lime.example, contact:", 1),
	}).text()).Policy()
	want := notice.Policy{
		Particulars: notice.Particulars{
			Statement: notice.Statement{
				Version: "3", Controller: "Lime Court Ltd", Contact: "privacy@lime.example", Officer: "dpo@lime.example", SignInstalled: true,
				EN: notice.Words{
					Place: "north door", Purpose: "To open this door for residents", Necessity: "Hands stay free", Rights: "ask the porter",
				},
				ZH: notice.Words{Place: "北门", Purpose: "为住户开门", Necessity: "方便双手提物的住户", Rights: "到物业服务中心办理"},
			},
			Ways: []passage.Way{passage.Card, passage.Intercom},
			Profile: law.Profile{
				Jurisdiction: law.EU, Mode: law.OneToMany, EmbedTrigger: law.RequestTrigger, Consent: law.ExplicitConsent,
				WhenAlike: law.RefuseAlike, Claims: true, YoungMax: 301 * day,
				ChildAge: 13, ChildLaw: under16, MinorsAllowed: true, GuardianRequired: true,
				RetentionMax: 301 * day, IdleMax: 61 * day, AccessLogRetention: 31 * day, RecordRetention: 1096 * day,
				AssessmentRequired: true, Lockout: law.Lockout{DelayAfter: 4, Delay: 45 * time.Second, DisableAfter: 40},
			},
		},
		Site: "hq", Gate: "north", Assessment: law.Assessment{ID: "IA-7", Date: "2026-03-31", Version: "2"}, Insisted: true,
		MaxAge: 321 * time.Millisecond, MinFace: 71, Liveness: notice.Threshold{Score: 0.6}, LivenessWindow: 7,
		Judge: "every", Agree: 4, Within: 2100 * time.Millisecond, Rearm: 6 * time.Second, FPIR: 0.0002, Margin: 0.11,
		Broker: "ssl://broker.example.org:8883", Transfer: "D-3",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
