package text_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"facegate/configs/hint"
	"facegate/configs/text"
)

func TestClean(t *testing.T) {
	for _, tt := range []struct{ name, given, want string }{
		{"plain", "Ada Lovelace", "Ada Lovelace"},
		{"nothing", "", ""},
		{"spaces alone", " \u3000\u00a0 ", ""},
		{"composed", "Müller", "Müller"},
		{"decomposed, as a Mac sends it", "Mu\u0308ller", "Müller"},
		{"spaces at the ends and within", "  Ada   Lovelace ", "Ada Lovelace"},
		{"no-break space", "Ada\u00a0Lovelace", "Ada Lovelace"},
		{"ideographic space", "张\u3000伟", "张 伟"},
		{"narrow spaces", "12\u202f345\u2009m", "12 345 m"},
		{"full width stays", "Ａ１", "Ａ１"},
		{"conjoining jamo", "\u1100\u1161\u11a8", "각"},
		{"compatibility jamo stay", "ㄱㅏ", "ㄱㅏ"},
		{"Arabic presentation forms stay", "\ufecb\ufee0\ufef2", "\ufecb\ufee0\ufef2"},
		{"dotted and dotless", "İpek Işık", "İpek Işık"},
		{"sharp s", "Groß", "Groß"},
		{"final sigma", "Γιώργος", "Γιώργος"},
		{"compatibility ideograph", "\ufa10", "塚"},
		{"Vietnamese", "Nguye\u0302\u0303n", "Nguyễn"},
		{"Hebrew with points", "שָׁלוֹם", "שָׁלוֹם"},
		{"Arabic with vowels", "مُحَمَّد", "مُحَمَّد"},
		{"Hindi", "क्षितिज", "क्षितिज"},
		{"Thai", "ณัฐวุฒิ", "ณัฐวุฒิ"},
		{"emoji", "👍", "👍"},
		{"house number", "12-3/4 #5 (rear)", "12-3/4 #5 (rear)"},
		{"Persian with a joiner", "\u0639\u0644\u06cc\u200c\u0631\u0636\u0627", "\u0639\u0644\u06cc\u200c\u0631\u0636\u0627"},
		{"Persian with a vowel before the joiner", "می\u0650\u200cخواهم", "می\u0650\u200cخواهم"},
		{"Sinhala", "ශ්\u200dරී", "ශ්\u200dරී"},
		{"Hindi half form", "क्\u200dष", "क्\u200dष"},
		{"Bengali", "র\u200d্যা", "র\u200d্যা"},
		{"Malayalam", "ന്\u200dറെ", "ന്\u200dറെ"},
		{"Kurdish", "ده\u200cچم", "ده\u200cچم"},
		{"form of an ideograph", "葛\U000e0100城", "葛\U000e0100城"},
		{"Mongolian form", "ᠠ\u180b", "ᠠ\u180b"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := text.Clean(tt.given)
			if got != tt.want || err != nil {
				t.Fatalf("%+q became %+q, %v (%s), want %+q", tt.given, got, err, hint.Of(err), tt.want)
			}
			if again, err := text.Clean(got); again != got || err != nil {
				t.Errorf("cleaned again it is %+q, %v", again, err)
			}
		})
	}
}

// TestRefused checks that each refusal names the character.
func TestRefused(t *testing.T) {
	for _, tt := range []struct {
		name, given string
		err         error
		says, hint  string
	}{
		{"Latin-1", "M\xfcller", text.ErrEncoding, `"M\xfcller" has the byte 0xFC`, "UTF-8"},
		{"another in Latin-1", "M\xf6ller", text.ErrEncoding, "0xF6", "UTF-8"},
		{"GB 18030", "\xd5\xc5\xce\xb0", text.ErrEncoding, "0xD5", "UTF-8"},
		{"cut short", "M\xc3", text.ErrEncoding, "0xC3", "UTF-8"},
		{"too long a form", "\xc0\xafx", text.ErrEncoding, "0xC0", "UTF-8"},
		{"surrogate", "\xed\xa0\x80", text.ErrEncoding, "0xED", "UTF-8"},
		{"replacement character", "M\ufffdller", text.ErrEncoding, "U+FFFD", "UTF-8"},
		{"line break", "Ada\nBob", text.ErrCharacter, "U+000A", "leave the character out"},
		{"tab", "Ada\tBob", text.ErrCharacter, "U+0009", ""},
		{"escape", "Ada\x1b[2J", text.ErrCharacter, "U+001B", ""},
		{"NUL", "Ada\x00", text.ErrCharacter, "U+0000", ""},
		{"delete", "Ada\x7f", text.ErrCharacter, "U+007F", ""},
		{"C1 control", "Ada\u009b", text.ErrCharacter, "U+009B", ""},
		{"next line", "Ada\u0085Bob", text.ErrCharacter, "U+0085", ""},
		{"line separator", "Ada\u2028Bob", text.ErrCharacter, "U+2028 LINE SEPARATOR", ""},
		{"paragraph separator", "Ada\u2029", text.ErrCharacter, "U+2029", ""},
		{"right to left", "Ada\u202eboB", text.ErrCharacter, `U+202E RIGHT-TO-LEFT OVERRIDE, character 4 of "Ada\u202eboB"`, ""},
		{"embedding", "\u202bAda\u202c", text.ErrCharacter, "U+202B", ""},
		{"isolate", "\u2067Ada\u2069", text.ErrCharacter, "U+2067", ""},
		{"mark of direction", "Ada\u200f", text.ErrCharacter, "U+200F RIGHT-TO-LEFT MARK", ""},
		{"Arabic mark of direction", "\u061c\u0639", text.ErrCharacter, "U+061C", ""},
		{"zero width space", "Ada\u200bB", text.ErrCharacter, "U+200B ZERO WIDTH SPACE", ""},
		{"word joiner", "Ada\u2060B", text.ErrCharacter, "U+2060", ""},
		{"byte order mark", "\ufeffAda", text.ErrCharacter, "U+FEFF", ""},
		{"soft hyphen", "Ada\u00adB", text.ErrCharacter, "U+00AD SOFT HYPHEN", ""},
		{"private use", "Ada\ue000", text.ErrCharacter, "U+E000 Private Use", ""},
		{"unassigned", "Ada\u0378", text.ErrCharacter, "U+0378 which Unicode has not assigned", ""},
		{"noncharacter", "Ada\ufdd0", text.ErrCharacter, "U+FDD0", ""},
		{"noncharacter at the end of a plane", "Ada\U0001ffff", text.ErrCharacter, "U+1FFFF", ""},
		{"tag", "Ada\U000e0041", text.ErrCharacter, "U+E0041", ""},
		{"filler", "\u3164", text.ErrCharacter, "U+3164 HANGUL FILLER", ""},
		{"half width filler", "\uffa0a", text.ErrCharacter, "U+FFA0", ""},
		{"blank", "\u2800", text.ErrCharacter, "U+2800", ""},
		{"grapheme joiner", "a\u034fb", text.ErrCharacter, "U+034F", ""},
		{"selector without a character", "\ufe0fa", text.ErrCharacter, "U+FE0F", ""},
		{"selector on a letter", "a\ufe00", text.ErrCharacter, "U+FE00", ""},
		{"ideographic selector on a letter", "a\U000e0100", text.ErrCharacter, "U+E0100", ""},
		{"accent at the beginning", "\u0301a", text.ErrCharacter, "U+0301", "follows a letter"},
		{"accent after a space", "a \u0301", text.ErrCharacter, "U+0301", "follows a letter"},
		{"accents without end", "a" + strings.Repeat("\u0359", 5), text.ErrCharacter, "U+0359", "at most four"},
		{"joiner alone", "\u200c", text.ErrCharacter, "U+200C ZERO WIDTH NON-JOINER", "between two letters"},
		{"joiner at the beginning", "\u200c\u0639\u0644", text.ErrCharacter, "U+200C", ""},
		{"joiner at the end", "\u0639\u0644\u200d", text.ErrCharacter, "U+200D ZERO WIDTH JOINER, character 3", ""},
		{"joiner twice", "\u0639\u200c\u200c\u0644", text.ErrCharacter, "U+200C", "once"},
		{"both joiners", "\u0639\u200c\u200d\u0644", text.ErrCharacter, "U+200C", ""},
		{"joiner before a space", "\u0639\u200c \u0644", text.ErrCharacter, "U+200C", ""},
		{"joiner before a digit", "\u0639\u200c1", text.ErrCharacter, "U+200C", ""},
		{"joiner between Latin letters", "A\u200db", text.ErrCharacter, "U+200D", ""},
		{"joiner between emoji", "👩\u200d👧", text.ErrCharacter, "U+200D", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := text.Clean(tt.given)
			if !errors.Is(err, tt.err) || got != "" {
				t.Fatalf("%+q became %+q, %v, want %v", tt.given, got, err, tt.err)
			}
			if !strings.Contains(err.Error(), tt.says) || hint.Of(err) == "" || !strings.Contains(hint.Of(err), tt.hint) {
				t.Errorf("it says %q, to do: %q", err, hint.Of(err))
			}
			if strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' || r == '\u202e' }) {
				t.Errorf("the error is no plain text: %q", err)
			}
		})
	}
}

func FuzzClean(f *testing.F) {
	for _, s := range []string{"Ada", "Mu\u0308ller", "  a\u3000b ", "\u0639\u0644\u06cc\u200c\u0631\u0636\u0627", "M\xfcller", "\u1100\u1161", "a\u0301 \u0301", "葛\U000e0100"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := text.Clean(s)
		if err != nil {
			if got != "" || hint.Of(err) == "" {
				t.Fatalf("%+q: %+q, %v without a hint", s, got, err)
			}
			return
		}
		if again, err := text.Clean(got); again != got || err != nil {
			t.Fatalf("%+q became %+q, and that %+q, %v", s, got, again, err)
		}
		if !utf8.ValidString(got) || !norm.NFC.IsNormalString(got) || strings.TrimSpace(got) != got {
			t.Fatalf("%+q became %+q", s, got)
		}
		if decomposed, err := text.Clean(norm.NFD.String(s)); decomposed != got || err != nil {
			t.Fatalf("%+q became %+q, and decomposed %+q, %v", s, got, decomposed, err)
		}
	})
}
