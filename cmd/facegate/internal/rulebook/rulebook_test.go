package rulebook_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"facegate/cmd/facegate/internal/rulebook"
	"facegate/configs"
	"facegate/configs/hint"
	"facegate/pipeline/admit"
)

const (
	head   = "site: hq\ngate: north\ndoor: {driver: sim}\n"
	lab    = "profile: lab\n" + head
	papers = head + "assessment: {id: 'https://example.org/policy', date: 2026-03-31, version: 2}\n" +
		"notice: {version: 3, controller: Lime Court Ltd, contact: desk@lime.example, sign_installed: true, " +
		"en: {place: north door, purpose: To open it, necessity: Hands stay free, rights: ask the porter}, " +
		"zh: {place: 北门, purpose: 开门, necessity: 双手不空, rights: 到前台办理}}\n"
	many   = "match: {mode: one-to-many}\ni_know: one-to-many\n"
	uid    = "{name: out, kind: wiegand, d0: GPIO5, d1: GPIO6, format: 26}"
	secure = "{name: osdp, kind: usb, device: /dev/input/a, class: card-secure}"
	pad    = "{name: pad, kind: keypad, device: /dev/input/b}"
)

func parse(t *testing.T, text string) *configs.Config {
	t.Helper()
	c, err := configs.Parse("test.yaml", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestProfiles checks what opens the door where the file names no rules, of what is at the door.
func TestProfiles(t *testing.T) {
	const (
		face     = "A face opens the door"
		pass     = "A pass opens the door"
		passFace = "A pass and a face within 20s of each other open the door"
		faceless = "A pass opens the door to whoever gives no face"
		proves   = "A card that proves a key opens the door"
		copied   = "A card that can be copied opens the door"
		cardPIN  = "A card that can be copied and a PIN within 20s of each other open the door"
		cardPass = "A card that can be copied and a pass within 20s of each other open the door"
		cardFace = "A card that can be copied and a face within 20s of each other open the door"
		number   = "A number with its PIN opens the door"
		visitor  = "A visitor's pass opens the door"
		order    = "An order from afar by an operator's registered key opens the door" // in every profile
	)
	all := "alternatives: [qr, card, pin]\nreaders: [" + uid + ", " + secure + ", " + pad + "]\n"
	for _, tt := range []struct {
		name, text string
		want       []string
	}{
		{"lab, a key", lab, []string{face}},
		{"lab, all", lab + all, []string{face, pass, proves, copied, number, visitor}},
		{"cn, all", "profile: cn\n" + papers + all, []string{face, pass, proves, copied, number, visitor}},
		{"cn, cards", "profile: cn\n" + papers + "alternatives: [card]\nreaders: [" + uid + "]\n", []string{face, copied}},
		{"eu, all", "profile: eu\n" + papers + all, []string{passFace, faceless, proves, cardPIN, number, visitor}},
		{"eu, passes", "profile: eu\n" + papers + "alternatives: [qr]\n", []string{passFace, faceless, visitor}},
		{"eu, a key", "profile: eu\n" + papers + "alternatives: [key]\n", []string{passFace, faceless, visitor}},
		{"eu, everybody", "profile: eu\n" + papers + many + all, []string{
			passFace, faceless, proves, cardPIN, cardPass, cardFace, number, visitor,
		}},
		{"us-il, all", "profile: us-il\n" + papers + all, []string{passFace, faceless, proves, cardPIN, number, visitor}},
		{"lab, on request", lab + "match: {trigger: request}\n" + all, []string{
			passFace, faceless, proves, cardPIN, cardPass, cardFace, number, visitor,
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := parse(t, tt.text)
			r, err := rulebook.Of(c)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, rule := range r.Table {
				got = append(got, rulebook.Words(rule, c))
			}
			if diff := cmp.Diff(append(tt.want, order), got); diff != "" {
				t.Errorf("rules (-want +got):\n%s", diff)
			}
		})
	}
}

// TestNamed checks rules that the file names, in words.
func TestNamed(t *testing.T) {
	c := parse(t, lab+"time_zone: Europe/Berlin\nplans: {office: [{days: mon-tue, from: 8:00, to: 18:00}, {days: sat, from: 9:00, to: 12:00}]}\n"+
		"readers: ["+uid+", "+pad+"]\nalternatives: [card, key, intercom]\nrules:\n- {by: [face, card-uid], within: 5s, groups: [staff, cleaners], when: office}\n"+
		"- {by: [card-uid, pin], groups: [staff]}\n- {by: [pin, card-uid]}\n- {by: [visitor]}\n- {by: [order], when: office}\nagain_after: 1m\nrefire_after: 3s\n")
	r, err := rulebook.Of(c)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"A face and a card that can be copied within 5s of each other open the door to the groups staff, cleaners, at the times of office " +
			"(mon, tue 08:00-18:00; sat 09:00-12:00)",
		"A card that can be copied and a PIN within 20s of each other open the door to the group staff",
		"A PIN and a card that can be copied within 20s of each other open the door",
		"A visitor's pass opens the door",
		"An order from afar by an operator's registered key opens the door, at the times of office (mon, tue 08:00-18:00; sat 09:00-12:00)",
	}
	for i, rule := range r.Table {
		if got := rulebook.Words(rule, c); got != want[i] {
			t.Errorf("%q, want %q", got, want[i])
		}
	}
	outside := strings.Join(rulebook.Outside(c), "\n")
	for _, says := range []string{"on the operator's word: key, intercom", "from 5 in a row", "for 1m0s", "for 3s when it is shown again", "exit button"} {
		if !strings.Contains(outside, says) {
			t.Errorf("%q is not in\n%s", says, outside)
		}
	}
}

// TestWayIsNone checks alternatives by which nobody gets in, and rules that leave the face alone.
func TestWayIsNone(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       error
	}{
		{"a card that can be copied, alone, in eu", "profile: eu\n" + papers + "alternatives: [card]\nreaders: [" + uid + "]\n", rulebook.ErrWay},
		{"with a PIN", "profile: eu\n" + papers + "alternatives: [card]\nreaders: [" + uid + ", " + pad + "]\n", nil},
		{"one that proves a key", "profile: eu\n" + papers + "alternatives: [card]\nreaders: [" + secure + "]\n", nil},
		{"no rule of cards", lab + "alternatives: [card, pin]\nreaders: [" + uid + ", " + pad + "]\nrules: [{by: [face]}, {by: [pin]}]\n", rulebook.ErrWay},
		{"cards with a face alone", lab + "alternatives: [card, pin]\nreaders: [" + uid + ", " + pad + "]\n" +
			"rules: [{by: [face, card-uid]}, {by: [pin]}]\n", rulebook.ErrWay},
		{"a face with everything", lab + "alternatives: [card]\nreaders: [" + uid + "]\nrules: [{by: [face, card-uid]}]\n", admit.ErrFaceOnly},
		{"a face beside a key", lab + "rules: [{by: [face]}]\n", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := rulebook.Of(parse(t, tt.text))
			if !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) || err != nil && hint.Of(err) == "" {
				t.Errorf("Of: %v, hint %q", err, hint.Of(err))
			}
		})
	}
}

// TestAlike checks that a face which is alike counts for half where something can be asked for with it, and nowhere else.
func TestAlike(t *testing.T) {
	card := "alternatives: [card]\nreaders: [" + uid + "]\n"
	for text, want := range map[string]bool{
		lab: false, lab + "alternatives: [key, intercom]\n": false, lab + card: true, lab + "match: {when_alike: refuse}\n" + card: false,
		lab + "match: {when_alike: warn}\n" + card: false, lab + "match: {mode: one-to-one}\nalternatives: [qr]\n": false,
	} {
		if r, err := rulebook.Of(parse(t, text)); err != nil || r.Alike != want {
			t.Errorf("%s: %v, %v", text, r.Alike, err)
		}
	}
}
