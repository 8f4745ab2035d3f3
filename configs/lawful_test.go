package configs_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"facegate/configs"
	"facegate/configs/goldentest"
	"facegate/configs/law"
	"facegate/configs/notice"
	"facegate/configs/passage"
)

var jurisdictions = law.Jurisdictions()

// A file is the text of each top-level key.
type file map[string]string

// lawful returns a file that the profile of j accepts.
func lawful(j law.Jurisdiction) file {
	f := file{
		"profile": string(j), "site": "hq", "gate": "north",
		"alternatives": "[card, intercom]",
		"readers":      "[{name: desk, kind: usb, device: /dev/input/by-id/desk}]",
		"assessment":   `{id: IA-7, date: 2026-03-31, version: 2}`,
		"notice":       statement("zh", "en"),
		"door":         "{kind: strike, fail: secure}",
	}
	if j == law.USIL {
		f["assessment"] = `{id: "https://example.org/biometric-policy", date: 2026-03-31, version: 2}`
	}
	return f
}

// statement returns a complete notice in the given languages.
func statement(languages ...string) string {
	text := "{version: 3, controller: Lime Court Ltd, contact: privacy@lime.example, sign_installed: true"
	for _, lang := range languages {
		text += fmt.Sprintf(", %s: %s", lang, map[string]string{
			"en": "{place: north door, purpose: To open this door for residents, necessity: Hands stay free, rights: ask the porter}",
			"zh": "{place: 北门, purpose: 为住户开门, necessity: 方便双手提物的住户, rights: 到物业服务中心办理}",
		}[lang])
	}
	return text + "}"
}

// with returns f with other sections; an empty one is taken out.
func (f file) with(changes file) file {
	f = maps.Clone(f)
	maps.Copy(f, changes)
	maps.DeleteFunc(f, func(_, text string) bool { return text == "" })
	return f
}

func (f file) text() string {
	var b strings.Builder
	for _, key := range slices.Sorted(maps.Keys(f)) {
		fmt.Fprintf(&b, "%s: %s\n", key, f[key])
	}
	return b.String()
}

// line returns where key stands in text, from 1.
func (f file) line(key string) int { return slices.Index(slices.Sorted(maps.Keys(f)), key) + 1 }

const (
	measures10 = "Measures Art. 10; SPC Art. 10"
	pia        = "PIPL Art. 55, 56; Measures Art. 9"
	told       = "PIPL Art. 17, 30; Measures Art. 5"
	shortest   = "PIPL Art. 19; Measures Art. 8"
	sp63b      = "NIST SP 800-63B-4"
	a13        = "GDPR Art. 13"
	a51e       = "GDPR Art. 5(1)(e)"
	a353b      = "GDPR Art. 35(3)(b)"
	il15a      = "740 ILCS 14/15(a)"
	il15b      = "740 ILCS 14/15(b)"
	under14    = "PIPL Art. 31; Measures Art. 7"
	under16    = "GDPR Art. 8(1) and the law of the member state"
	under18    = "740 ILCS 14/10, 14/15(b)(3); 755 ILCS 5/11-1"
	opinion    = "EDPB Opinion 11/2024 (on airports)"
	accepted   = "accepted"
	noLaw      = ""
)

func TestProfilesRefuse(t *testing.T) {
	all := func(law string) [4]string { return [4]string{law, law, law, law} }
	real := func(law string) [4]string { return [4]string{law, law, law, accepted} }
	tests := []struct {
		name    string
		changes file
		key     string    // that is refused
		law     [4]string // of cn, eu, us-il, lab
		want    string    // part of the message
	}{
		{
			"no other way in",
			file{"alternatives": "[]"},
			"alternatives",
			[4]string{measures10, "GDPR Art. 9(2)(a)", noLaw, noLaw},
			"a face is never the only way in",
		},
		{
			"other ways in not stated",
			file{"alternatives": ""},
			"alternatives",
			[4]string{measures10, "GDPR Art. 9(2)(a)", noLaw, accepted},
			"is missing; list the other ways in",
		},
		{
			"other ways in left blank",
			file{"alternatives": "~"},
			"alternatives",
			[4]string{measures10, "GDPR Art. 9(2)(a)", noLaw, accepted},
			"is missing",
		},
		{"face as its own alternative", file{"alternatives": "[face]"}, "alternatives", all(noLaw), `"face" is none of`},
		{"alternative twice", file{"alternatives": "[card, card]"}, "alternatives", all(noLaw), "stands there twice"},

		{
			"assessment without a reference",
			file{"assessment": "{date: 2026-03-31, version: 2}"},
			"assessment.id",
			[4]string{pia, a353b, il15a, accepted},
			"is missing",
		},
		{
			"assessment with a blank reference",
			file{"assessment": "{id: '', date: 2026-03-31, version: 2}"},
			"assessment.id",
			[4]string{pia, a353b, il15a, accepted},
			"is empty",
		},
		{
			"assessment without a date",
			file{"assessment": "{id: 'https://a.example', version: 2}"},
			"assessment.date",
			[4]string{pia, a353b, il15a, accepted},
			"is missing",
		},
		{
			"assessment without a version",
			file{"assessment": "{id: 'https://a.example', date: 2026-03-31}"},
			"assessment.version",
			[4]string{pia, a353b, il15a, accepted},
			"is missing",
		},
		{
			"assessment of no day",
			file{"assessment": "{id: 'https://a.example', date: 2026-02-30, version: 2}"},
			"assessment.date", all(noLaw), "is not a date",
		},
		{
			"policy that is not public",
			file{"assessment": "{id: IA-7, date: 2026-03-31, version: 2}"},
			"assessment.id",
			[4]string{accepted, accepted, il15a, accepted},
			"is not the https:// address",
		},

		{
			"notice without a controller",
			file{"notice": strings.Replace(statement("zh"), "controller: Lime Court Ltd, ", "", 1)},
			"notice.controller",
			[4]string{told, a13, il15b, accepted},
			"is missing",
		},
		{
			"notice without a contact",
			file{"notice": strings.Replace(statement("zh"), "contact: privacy@lime.example, ", "", 1)},
			"notice.contact",
			[4]string{told, a13, il15b, accepted},
			"is missing",
		},
		{
			"notice without a version",
			file{"notice": strings.Replace(statement("zh"), "version: 3, ", "", 1)},
			"notice.version",
			[4]string{told, a13, il15b, accepted},
			"is missing",
		},
		{
			"notice without a purpose",
			file{"notice": strings.Replace(statement("zh"), "purpose: 为住户开门, ", "", 1)},
			"notice.zh.purpose",
			[4]string{told, a13, il15b, accepted},
			"is missing",
		},
		{
			"notice with an empty necessity",
			file{"notice": strings.Replace(statement("zh"), "necessity: 方便双手提物的住户", "necessity: ''", 1)},
			"notice.zh.necessity",
			[4]string{told, a13, il15b, noLaw},
			"is empty",
		},
		{
			"notice without rights",
			file{"notice": strings.Replace(statement("zh"), ", rights: 到物业服务中心办理", "", 1)},
			"notice.zh.rights",
			[4]string{told, a13, il15b, accepted},
			"is missing",
		},
		{
			"notice without a place",
			file{"notice": strings.Replace(statement("zh"), "place: 北门, ", "", 1)},
			"notice.zh.place",
			[4]string{told, a13, il15b, accepted},
			"is missing",
		},
		{
			"notice in English only",
			file{"notice": statement("en")},
			"notice.zh",
			[4]string{"PIPL Art. 17", accepted, accepted, accepted},
			"in the language of the people",
		},
		{"notice in Chinese only", file{"notice": statement("zh")}, "", all(accepted), ""},
		{
			"notice longer than a page",
			file{"notice": strings.Replace(statement("zh"), "北门", strings.Repeat("北", 401), 1)},
			"notice.zh.place",
			all(noLaw), "longer than 400 characters",
		},
		{
			"notice that moves the cursor",
			file{"notice": strings.Replace(statement("zh"), "北门", `"\e[2J"`, 1)},
			"notice.zh.place",
			all(noLaw), "cannot be printed",
		},
		{
			"no sign",
			file{"notice": strings.Replace(statement("zh"), "sign_installed: true", "sign_installed: false", 1)},
			"notice.sign_installed",
			[4]string{"PIPL Art. 26; Measures Art. 13", a13, il15b, accepted},
			"put up the sign",
		},

		{
			"identification",
			file{"match": "{mode: one-to-many, trigger: request}"},
			"match.mode",
			[4]string{accepted, opinion + "; GDPR Art. 5(1)(e), 5(1)(f), 25, 32", accepted, accepted},
			"i_know: one-to-many",
		},
		{
			"identification, knowingly",
			file{"match": "{mode: one-to-many, trigger: request}", "i_know": "one-to-many"},
			"",
			all(accepted), "",
		},
		{"knowing something else", file{"i_know": "best"}, "i_know", all(noLaw), "is none of"},
		{"verification", file{"match": "{mode: one-to-one}"}, "", all(accepted), ""},
		{
			"measuring passers-by",
			file{"match": "{mode: one-to-many, trigger: zone}", "i_know": "one-to-many"},
			"match.trigger",
			[4]string{accepted, opinion, il15b, accepted},
			"faces of people who pass by",
		},
		{
			"verification without a pass",
			file{"match": "{mode: one-to-one, trigger: zone}"},
			"match.trigger",
			all(noLaw), "waits for a pass",
		},

		{
			"faces that are alike, with a warning",
			file{"match": "{mode: one-to-many, trigger: request, when_alike: warn}", "i_know": "one-to-many"},
			"match.when_alike",
			[4]string{accepted, "GDPR Art. 5(1)(d), 5(1)(f)", "740 ILCS 14/15(e)", accepted},
			"use second-factor or refuse",
		},
		{
			"faces that are alike, refused",
			file{"match": "{mode: one-to-many, trigger: request, when_alike: refuse}", "i_know": "one-to-many"},
			"", all(accepted), "",
		},
		{
			"faces that are alike, with the card",
			file{"match": "{mode: one-to-many, trigger: request, when_alike: second-factor}", "i_know": "one-to-many"},
			"", all(accepted), "",
		},
		{
			"faces that are alike, with a key",
			file{
				"match": "{mode: one-to-many, trigger: request, when_alike: second-factor}", "i_know": "one-to-many",
				"alternatives": "[key, intercom]",
			},
			"match.when_alike",
			all(noLaw), "list card, pin or qr in alternatives",
		},
		{
			"faces that are alike, where nobody is compared with others",
			file{"match": "{mode: one-to-one, when_alike: refuse}"},
			"match.when_alike",
			all(noLaw), "leave it at auto",
		},
		{"faces that are alike, with the pass", file{"match": "{mode: one-to-one, when_alike: second-factor}"}, "", all(accepted), ""},
		{
			"faces that are alike, and something else",
			file{"match": "{mode: one-to-one, when_alike: ask}"},
			"match.when_alike",
			all(noLaw), "is none of",
		},

		{
			"child that consents alone",
			file{"consent": "{children: allow}"},
			"consent.children",
			[4]string{under14, under16, under18, noLaw},
			" cannot consent alone",
		},
		{"guardian", file{"consent": "{children: guardian}"}, "", all(accepted), ""},
		{"guardian, by the key of one age", file{"consent": "{under_14: guardian}"}, "", all(accepted), ""},
		{"guardian up to 13", file{"consent": "{child_age: 13}"}, "consent.child_age", [4]string{under14, accepted, under18, accepted}, "13 is not between"},
		{"guardian up to 12", file{"consent": "{child_age: 12}"}, "consent.child_age", [4]string{under14, under16, under18, accepted}, "12 is not between"},
		{"guardian up to 17", file{"consent": "{child_age: 17}"}, "consent.child_age", [4]string{under14, under16, under18, accepted}, "17 is not between"},
		{"guardian up to 19", file{"consent": "{child_age: 19}"}, "consent.child_age", [4]string{under14, under16, under18, noLaw}, "19 is not between"},

		{
			"template for more than three years",
			file{"enrol": "{valid_days: 1096}"},
			"enrol.valid_days",
			[4]string{shortest, a51e, il15a, noLaw},
			"1096 is not between 1 and 1095",
		},
		{
			"template without an end",
			file{"enrol": "{valid_days: 0}"},
			"enrol.valid_days",
			[4]string{shortest, a51e, il15a, noLaw},
			"0 is not between 1 and 1095",
		},
		{
			"idle for more than three years",
			file{"retention": "{idle_days: 1096}"},
			"retention.idle_days",
			[4]string{shortest, a51e, il15a, noLaw},
			"1096 is not between 1 and",
		},
		{
			"idle for 181 days",
			file{"retention": "{idle_days: 181}"},
			"retention.idle_days",
			[4]string{accepted, a51e, accepted, accepted},
			"181 is not between 1 and 180",
		},
		{
			"idle for ever",
			file{"retention": "{idle_days: 0}"},
			"retention.idle_days",
			[4]string{shortest, a51e, il15a, noLaw},
			"0 is not between",
		},
		{
			"access log for more than six months",
			file{"retention": "{access_log_days: 184}"},
			"retention.access_log_days",
			[4]string{accepted, a51e, accepted, accepted},
			"184 is not between 1 and 183",
		},
		{
			"access log for ever",
			file{"retention": "{access_log_days: 0}"},
			"retention.access_log_days",
			[4]string{shortest, a51e, noLaw, noLaw},
			"0 is not between",
		},

		{"liveness off", file{"liveness": "{threshold: 0}"}, "liveness.threshold", real(sp63b), "0 is not between 0.01 and 0.99"},
		{"six tries at once", file{"lockout": "{delay_after: 6}"}, "lockout.delay_after", real(sp63b), "6 is not between 1 and 5"},
		{"short delay", file{"lockout": "{delay: 29s}"}, "lockout.delay", real(sp63b), "29s is not between 30s and 1h"},
		{"51 tries", file{"lockout": "{disable_after: 51}"}, "lockout.disable_after", real(sp63b), "51 is not between 1 and 50"},
		{
			"disabled before delayed",
			file{"lockout": "{delay_after: 3, disable_after: 3}"},
			"lockout.delay_after",
			all(noLaw), "delay_after 3 is not below disable_after 3",
		},

		{
			"broker on the internet",
			file{"mqtt": "{broker: 'ssl://broker.example.org:8883', username: a}"},
			"mqtt.broker",
			[4]string{"Measures Art. 8", accepted, accepted, accepted},
			"is not on the site; events are anonymous",
		},
		{
			"broker on the internet in clear",
			file{"mqtt": "{broker: 'tcp://203.0.113.9:1883', username: a, plaintext: true, transfer: D-3}"},
			"mqtt.broker",
			[4]string{"Measures Art. 8", accepted, accepted, accepted},
			"needs TLS",
		},
		{
			"broker on the internet for anybody",
			file{"mqtt": "{broker: 'ssl://203.0.113.9:8883', transfer: D-3}"},
			"mqtt.broker",
			[4]string{"Measures Art. 8", accepted, accepted, accepted},
			"mqtt.username",
		},
		{
			"broker on the internet, by decision",
			file{"mqtt": "{broker: 'ssl://b.example.org:8883', username: a, transfer: D-3}"},
			"", all(accepted), "",
		},
		{
			"broker on the internet, by decision, for a certificate",
			file{"mqtt": "{broker: 'ssl://b.example.org:8883', cert_file: /c, key_file: /k, transfer: D-3}"},
			"", all(accepted), "",
		},
		{
			"one of two brokers on the internet",
			file{"mqtt": "{broker: ['ssl://192.168.1.4:8883', 'ssl://b.example.org:8883'], username: a}"},
			"mqtt.broker[2]",
			[4]string{"Measures Art. 8", accepted, accepted, accepted},
			"is not on the site",
		},
		{"broker on the site", file{"mqtt": "{broker: 'tcp://192.168.1.4:1883', plaintext: true}"}, "", all(accepted), ""},
		{"broker on the site by IPv6", file{"mqtt": "{broker: 'tcp://[fd00::1]:1883', plaintext: true}"}, "", all(accepted), ""},
		{"broker on the site by name", file{"mqtt": "{broker: 'tcp://broker.local:1883', plaintext: true}"}, "", all(accepted), ""},
		{
			"mapped address of the internet",
			file{"mqtt": "{broker: 'ssl://[::ffff:203.0.113.9]:8883', username: a}"},
			"mqtt.broker",
			[4]string{"Measures Art. 8", accepted, accepted, accepted},
			"is not on the site",
		},

		{
			"unsigned orders in the open",
			file{"mqtt": unsigned("['tcp://192.168.1.4:1883', 'ssl://192.168.1.4:8883']", "username: a, cert_file: /c, key_file: /k, plaintext: true")},
			"mqtt.home_assistant.unsigned_orders", ordersLaw, "everybody on the way to it could open the door; use ssl://",
		},
		{
			"unsigned orders by a broker for anybody",
			file{"mqtt": unsigned("'tcp://127.0.0.1:1883'", "username: a")},
			"mqtt.home_assistant.unsigned_orders", ordersLaw, "127.0.0.1 is shown neither a password nor a certificate",
		},
		{
			"unsigned orders by one of two brokers for anybody",
			file{"mqtt": unsigned("['tcp://127.0.0.1:1883', 'ssl://192.168.1.4:8883']", "username: a, cert_file: /c, key_file: /k")},
			"mqtt.home_assistant.unsigned_orders", ordersLaw, "127.0.0.1 is shown neither a password nor a certificate",
		},
		{
			"unsigned orders from the internet",
			file{"mqtt": unsigned("'ssl://b.example.org:8883'", "username: a, password_file: /p, transfer: D-3")},
			"mqtt.home_assistant.unsigned_orders", ordersLaw, "b.example.org is not on the site",
		},
		{"unsigned orders on the board", file{"mqtt": unsigned("'tcp://127.0.0.1:1883'", "username: a, password_file: /p")}, "", all(accepted), ""},
		{"unsigned orders on the site", file{"mqtt": unsigned("'ssl://192.168.1.4:8883'", "cert_file: /c, key_file: /k")}, "", all(accepted), ""},
	}
	for i, j := range jurisdictions {
		for _, test := range tests {
			t.Run(string(j)+"/"+test.name, func(t *testing.T) {
				f := lawful(j).with(test.changes)
				if test.law[i] == accepted {
					parse(t, f.text())
					return
				}
				list := faults(t, f.text())
				if len(list) != 1 {
					t.Fatalf("%d faults, want 1: %v", len(list), list)
				}
				got := list[0]
				if got.Key != test.key || got.Law != test.law[i] || !strings.Contains(got.Message, test.want) {
					t.Errorf("%s: %s [%s]\nwant %s: …%s… [%s]", got.Key, got.Message, got.Law, test.key, test.want, test.law[i])
				}
				section, _, _ := strings.Cut(test.key, ".")
				if f[section] == "" { // what is missing is asked for by the profile
					section = "profile"
				}
				if got.Line != f.line(section) || got.Column < 1 {
					t.Errorf("at %d:%d, want line %d", got.Line, got.Column, f.line(section))
				}
			})
		}
	}
}

// ordersLaw is the law about orders that nobody signs, by profile.
var ordersLaw = [4]string{"PIPL Art. 51; Measures Art. 14", "GDPR Art. 32", "740 ILCS 14/15(e)", noLaw}

// unsigned returns a section by which a Home Assistant opens the door.
func unsigned(broker, papers string) string {
	return fmt.Sprintf("{broker: %s, %s, home_assistant: {discovery: true, unsigned_orders: %q}}", broker, papers, configs.UnsignedWords)
}

func TestProductionProfileWantsEverythingStated(t *testing.T) {
	for _, j := range jurisdictions[:3] {
		var keys []string
		for _, e := range faults(t, "profile: "+string(j)+"\nsite: hq\ngate: north\n") {
			if e.Line != 1 || e.Column != 1 {
				t.Errorf("%s: %v is not at the profile that asks for it", j, e)
			}
			keys = append(keys, e.Key)
		}
		want := []string{
			"alternatives", "assessment.id", "assessment.date", "assessment.version",
			"notice.version", "notice.controller", "notice.contact", "notice.sign_installed", "notice.en",
		}
		if j == law.CN {
			want[len(want)-1] = "notice.zh"
		}
		if diff := cmp.Diff(want, keys); diff != "" {
			t.Errorf("%s: keys that are asked for (-want +got):\n%s", j, diff)
		}
	}
}

func TestRefusalsRead(t *testing.T) {
	text := lawful(law.EU).with(file{
		"match": "{mode: one-to-many, when_alike: warn}", "alternatives": "[]", "enrol": "{valid_days: 2000}", "liveness": "{threshold: 0}",
		"assessment": "",
	}).text()
	_, err := configs.Parse("gate.yaml", strings.NewReader(text))
	if err == nil {
		t.Fatal("Parse accepted it")
	}
	goldentest.Check(t, "refusals.golden", err.Error()+"\n")
}

func TestUnknownProfile(t *testing.T) {
	list := faults(t, "profile: us\nsite: hq\ngate: north\n")
	if len(list) != 1 || list[0].Key != "profile" || list[0].Line != 1 || list[0].Column != 1 {
		t.Errorf("faults: %v", list)
	}
}

// Every statement that the law asks for is in the page, and nothing else makes the same page.
func TestNoticeHangsOnEveryStatement(t *testing.T) {
	base := parse(t, lawful(law.CN).text())
	first, err := base.Particulars().Text(notice.Chinese)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[[32]byte]string{first.SHA256: "nothing"}
	changes := map[string]func(*configs.Config){
		"version":    func(c *configs.Config) { c.Notice.Version = "4" },
		"controller": func(c *configs.Config) { c.Notice.Controller = "青柠物业" },
		"contact":    func(c *configs.Config) { c.Notice.Contact = "13800000000" },
		"officer":    func(c *configs.Config) { c.Notice.Officer = "13900000000" },
		"place":      func(c *configs.Config) { c.Notice.ZH.Place = "南门" },
		"purpose":    func(c *configs.Config) { c.Notice.ZH.Purpose = "为访客开门" },
		"necessity":  func(c *configs.Config) { c.Notice.ZH.Necessity = "门禁卡常被转借" },
		"rights":     func(c *configs.Config) { c.Notice.ZH.Rights = "拨打物业电话" },
		"ways":       func(c *configs.Config) { c.Alternatives = []passage.Way{passage.PIN} },
		"method":     func(c *configs.Config) { c.Match.Mode = law.OneToOne },
		"trigger":    func(c *configs.Config) { c.Match.Trigger = law.RequestTrigger },
		"valid days": func(c *configs.Config) { c.Enrol.ValidDays = 100 },
		"idle days":  func(c *configs.Config) { c.Retention.IdleDays = 101 },
		"log days":   func(c *configs.Config) { c.Retention.AccessLogDays = 102 },
		"children":   func(c *configs.Config) { c.Consent.Children = law.AskGuardian },
		"alike":      func(c *configs.Config) { c.Match.WhenAlike = law.RefuseAlike },
		"warned":     func(c *configs.Config) { c.Match.WhenAlike = law.WarnAlike },
	}
	for name, change := range changes {
		c := *base
		change(&c)
		got, err := c.Particulars().Text(notice.Chinese)
		if err != nil {
			t.Fatal(err)
		}
		if twin, ok := seen[got.SHA256]; ok {
			t.Errorf("a change of %s gives the same notice as a change of %s", name, twin)
		}
		seen[got.SHA256] = name
	}
}

// TestExamplesAreNoNotice checks that what the reference says in a language that the operator does not speak is nobody's notice.
func TestExamplesAreNoNotice(t *testing.T) {
	told := parse(t, lawful(law.EU).with(file{"notice": statement("en")}).text()).Particulars()
	if _, err := told.Text(notice.Chinese); !errors.Is(err, notice.ErrNone) {
		t.Errorf("got %v, want ErrNone", err)
	}
	if _, err := told.Text(notice.English); err != nil {
		t.Error(err)
	}
}
