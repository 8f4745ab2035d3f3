package notice_test

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"facegate/configs/goldentest"
	"facegate/configs/hint"
	"facegate/configs/law"
	"facegate/configs/notice"
	"facegate/configs/passage"
)

// told is what people are told of a gate under the law of j. The terms of it are those that most operators choose, but for what
// edit changes.
func told(j law.Jurisdiction, edit func(*law.Terms)) notice.Particulars {
	chosen := law.Terms{
		Jurisdiction: j, Mode: law.AutoMode, Trigger: law.AutoTrigger, Children: law.RefuseChildren,
		ValidDays: 365, IdleDays: 180, AccessLogDays: 90, Second: true, // by the card
		Lockout: law.Lockout{DelayAfter: 5, Delay: 30 * time.Second, DisableAfter: 50},
	}
	if edit != nil {
		edit(&chosen)
	}
	return notice.Particulars{
		Statement: notice.Statement{
			Version: "3", Controller: "Lime Court Ltd", Contact: "privacy@lime.example", SignInstalled: true,
			EN: notice.Words{
				Place: "north door", Purpose: "To open this door for residents", Necessity: "Hands stay free", Rights: "ask the porter",
			},
			ZH: notice.Words{
				Place: "北门", Purpose: "为住户开门", Necessity: "方便双手提物的住户", Rights: "到物业服务中心办理",
			},
		},
		Ways: []passage.Way{passage.Card, passage.Intercom}, Profile: law.Resolve(chosen),
	}
}

func TestNotice(t *testing.T) {
	tests := []struct {
		name string
		j    law.Jurisdiction
		edit func(*law.Terms)
	}{
		{"cn", law.CN, func(t *law.Terms) { t.Children = law.AskGuardian }},
		{"eu", law.EU, nil},
		{"us-il", law.USIL, func(t *law.Terms) { t.Mode, t.Children = law.OneToMany, law.AskGuardian }},
		{"cn-pass", law.CN, func(t *law.Terms) { t.Children, t.Pass, t.WhenAlike = law.AskGuardian, true, law.WarnAlike }},
		{"lab", law.Lab, func(t *law.Terms) { t.WhenAlike, t.ChildAge = law.RefuseAlike, 10 }},
	}
	for _, test := range tests {
		for _, lang := range notice.Languages() {
			t.Run(test.name+"/"+string(lang), func(t *testing.T) {
				got, err := told(test.j, test.edit).Text(lang)
				if err != nil {
					t.Fatal(err)
				}
				if got.Version != "3" || got.Language != lang {
					t.Errorf("version %q, language %q", got.Version, got.Language)
				}
				goldentest.Check(t, fmt.Sprintf("notice-%s-%s.golden", test.name, lang), got.Text)
				// A4 in 11 points: some 600 English words, or some 1200 Chinese characters.
				if words := len(strings.Fields(got.Text)); lang == notice.English && words > 500 {
					t.Errorf("%d words are more than a page", words)
				}
				if n := utf8.RuneCountInString(got.Text); lang == notice.Chinese && n > 1000 {
					t.Errorf("%d characters are more than a page", n)
				}
				if strings.Contains(got.Text, "..") || strings.Contains(got.Text, "。。") {
					t.Error("two full stops in a row")
				}
				if regexp.MustCompile(`[。：]\*\*[^ \n]`).MatchString(got.Text) { // CommonMark 6.2, right-flanking runs
					t.Error("a bold phrase that Markdown does not take for one")
				}
				if lang == notice.Chinese && strings.ContainsFunc(got.Text, halfWidth) {
					t.Error("half-width punctuation beside Chinese")
				}
			})
		}
	}
}

// halfWidth tells the marks that Chinese typesetting does not use in running text.
func halfWidth(r rune) bool { return strings.ContainsRune(",;?!", r) && !unicode.Is(unicode.Han, r) }

func TestNoticeMissesAStatement(t *testing.T) {
	for _, test := range []struct {
		name string
		edit func(*notice.Statement)
		lang notice.Language
		want string
	}{
		{"controller", func(s *notice.Statement) { s.Controller = "" }, notice.English, "notice.controller"},
		{"contact", func(s *notice.Statement) { s.Contact = " " }, notice.English, "notice.contact"},
		{"version", func(s *notice.Statement) { s.Version = "" }, notice.Chinese, "notice.version"},
		{"rights", func(s *notice.Statement) { s.ZH.Rights = "" }, notice.Chinese, "notice.zh.rights"},
		{"language that is not offered", func(s *notice.Statement) { s.ZH = notice.Words{} }, notice.Chinese, "notice.zh.place"},
		{"language nobody wrote", func(*notice.Statement) {}, "fr", `"fr"`},
	} {
		p := told(law.Lab, nil)
		test.edit(&p.Statement)
		_, err := p.Text(test.lang)
		if !errors.Is(err, notice.ErrNone) || !strings.Contains(err.Error(), test.want) || hint.Of(err) == "" && test.lang != "fr" {
			t.Errorf("%s: got %v with hint %q, want ErrNone of %s", test.name, err, hint.Of(err), test.want)
		}
	}
}

// TestTexts checks that a gate speaks the language of its place first, and no other than the operator does.
func TestTexts(t *testing.T) {
	languages := func(p notice.Particulars) (list []notice.Language) {
		texts, err := p.Texts()
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range texts {
			list = append(list, text.Language)
		}
		return list
	}
	english, none := told(law.EU, nil), told(law.EU, nil)
	english.Statement.ZH = notice.Words{}
	none.Statement.EN, none.Statement.ZH = notice.Words{}, notice.Words{}
	half := told(law.EU, nil)
	half.Statement.ZH.Rights = ""
	for _, test := range []struct {
		told notice.Particulars
		want []notice.Language
	}{
		{told(law.CN, nil), []notice.Language{notice.Chinese, notice.English}},
		{told(law.EU, nil), []notice.Language{notice.English, notice.Chinese}},
		{english, []notice.Language{notice.English}},
	} {
		if diff := cmp.Diff(test.want, languages(test.told)); diff != "" {
			t.Errorf("%s: (-want +got):\n%s", test.told.Profile.Jurisdiction, diff)
		}
	}
	for _, p := range []notice.Particulars{none, half} {
		if _, err := p.Texts(); !errors.Is(err, notice.ErrNone) {
			t.Errorf("got %v, want ErrNone", err)
		}
	}
}

func TestPolicy(t *testing.T) {
	for _, test := range []struct {
		name  string
		j     law.Jurisdiction
		terms func(*law.Terms)
		edit  func(*notice.Policy)
	}{
		{"cn", law.CN, func(t *law.Terms) {
			t.ValidDays, t.IdleDays, t.AccessLogDays, t.Children = 300, 61, 31, law.AskGuardian
			t.Lockout = law.Lockout{DelayAfter: 4, Delay: 45 * time.Second, DisableAfter: 40}
		}, func(p *notice.Policy) { p.Broker, p.Transfer = "ssl://broker.example.org:8883", "decision D-3" }},
		{"eu", law.EU, nil, func(*notice.Policy) {}},
		{"eu-many", law.EU, func(t *law.Terms) { t.Mode = law.OneToMany }, func(p *notice.Policy) {
			p.FPIR, p.Margin, p.Insisted = 0.0002, 0.1, true
		}},
		{"eu-unsigned", law.EU, nil, func(p *notice.Policy) { p.Unsigned = true }},
		{"us-il", law.USIL, nil, func(p *notice.Policy) { p.Assessment.ID = "https://example.org/biometric-policy" }},
		{"lab", law.Lab, func(t *law.Terms) { t.WhenAlike = law.RefuseAlike }, func(p *notice.Policy) {
			p.Assessment, p.Liveness = law.Assessment{}, notice.Threshold{}
			p.Statement = notice.Statement{Version: "1", Controller: "Example Property Management"}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := notice.Policy{
				Particulars: told(test.j, test.terms), Site: "hq", Gate: "north",
				Assessment: law.Assessment{ID: "IA-7", Date: "2026-03-31", Version: "2"},
				MaxAge:     500 * time.Millisecond, MinFace: 50, Liveness: notice.Threshold{Auto: true}, LivenessWindow: 5,
				Judge: "mean", Agree: 3, Within: 2 * time.Second, Rearm: 5 * time.Second, FPIR: 0.001, Margin: 0.06,
				Broker: "tcp://127.0.0.1:1883",
			}
			test.edit(&p)
			var b bytes.Buffer
			if err := p.Write(&b); err != nil {
				t.Fatal(err)
			}
			goldentest.Check(t, "policy-"+test.name+".golden", b.String())
		})
	}
}
