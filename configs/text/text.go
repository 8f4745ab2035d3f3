// Package text says what people may type, send or write in a configuration: text in one form, that shows what it is.
//
// One form, because names are compared byte by byte: what a Mac sends decomposed and a PC composed is one name. That shows
// what it is, because somebody is enrolled, and erased, by what stands on a screen.
package text

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
	"golang.org/x/text/unicode/runenames"

	"facegate/configs/hint"
)

// The reasons for which text is refused.
var (
	ErrEncoding  = errors.New("the text is not in UTF-8")
	ErrCharacter = errors.New("the text holds a character that is not accepted")
	ErrLong      = errors.New("the text is too long")
	ErrForm      = errors.New("the text is not in its one form")
)

// A Line is a text that somebody gives: what it is called, with its article, and its greatest length in bytes.
type Line struct {
	Name string
	Max  int
}

// Clean is Clean of the package, and refuses with ErrLong what is too long then. It does not refuse nothing at all.
func (l Line) Clean(s string) (string, error) {
	if len(s) > 64*l.Max { // before it is looked at
		return "", l.tooLong(len(s))
	}
	clean, err := Clean(s)
	if err != nil {
		return "", hint.Wrap(fmt.Errorf("%s: %w", l.Name, err), "%s", hint.Of(err))
	}
	if len(clean) > l.Max {
		return "", l.tooLong(len(clean))
	}
	return clean, nil
}

// CleanIn is Clean of what s holds. What is refused is left as it is.
func (l Line) CleanIn(s *string) error {
	clean, err := l.Clean(*s)
	if err == nil {
		*s = clean
	}
	return err
}

func (l Line) tooLong(n int) error {
	return hint.Wrap(fmt.Errorf("%w: %s has at most %d bytes, and this has %d", ErrLong, l.Name, l.Max, n),
		"shorten it; a letter without an accent is one byte, others are two to four")
}

// Check refuses what Clean would, or would change. It is for those whom a clean text should reach.
func (l Line) Check(s string) error {
	clean, err := l.Clean(s)
	if err == nil && clean != s {
		err = hint.Wrap(fmt.Errorf("%w: %s: %q instead of %q", ErrForm, l.Name, s, clean),
			"give it in Unicode's normalisation form C, with single spaces and none at the ends")
	}
	return err
}

// Clean returns s as it is kept: in Unicode's normalisation form C, without spaces at its ends, and with one ordinary space
// wherever there are spaces within. It refuses with ErrEncoding what is not UTF-8 or was not once, and with ErrCharacter,
// naming the first of them, a character that has no meaning, no look of its own, or changes how others look: controls, line
// breaks, directions of writing, joiners where no language has them, what Unicode has not assigned or left to private use.
func Clean(s string) (string, error) {
	if at := strings.IndexRune(s, utf8.RuneError); at >= 0 {
		what := "U+FFFD, which stands where a character was lost"
		if !strings.HasPrefix(s[at:], string(utf8.RuneError)) {
			what = fmt.Sprintf("the byte 0x%02X", s[at])
		}
		return "", hint.Wrap(fmt.Errorf("%w: %q has %s", ErrEncoding, s, what),
			"set the terminal, or the editor, to the character set UTF-8 (locale shows it; export LANG=C.UTF-8), and write it again")
	}
	runes := []rune(spaced(norm.NFC.String(s)))
	for i, r := range runes {
		if !accepted(runes, i) {
			return "", hint.Wrap(fmt.Errorf("%w: %s, character %d of %q", ErrCharacter, Name(r), i+1, string(runes)),
				"%s", advice(r))
		}
	}
	return string(runes), nil
}

// spaced returns s with single spaces, and none at the ends. A line break or a tab is no space.
func spaced(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.Is(unicode.Zs, r) }), " ")
}

// Name returns what a character is called, such as "U+202E RIGHT-TO-LEFT OVERRIDE".
func Name(r rune) string {
	name := strings.Trim(runenames.Name(r), "<>")
	if name == "" {
		name = "which Unicode has not assigned"
	}
	return fmt.Sprintf("%U %s", r, name)
}

func advice(r rune) string {
	switch {
	case r == zwnj || r == zwj:
		return "a joiner stands between two letters of a script that has joiners, such as Arabic or Devanagari, and once"
	case unicode.Is(unicode.M, r):
		return "an accent follows a letter, and at most four of them follow one"
	}
	return "leave the character out; text copied from a page or a document often brings such along, so type it anew"
}

// maxMarks is how many marks may follow one character. Unicode advises to look twice at more (UTS #39, 5.4), and no
// language writes more.
const maxMarks = 4

// accepted reports whether the character at i may stand there.
func accepted(text []rune, i int) bool {
	r := text[i]
	switch {
	case r == ' ':
		return true
	case r == zwnj || r == zwj:
		return i > 0 && i < len(text)-1 && Joins(text[i-1], text[i+1])
	case unicode.Is(unicode.Variation_Selector, r):
		return i > 0 && selects(text[i-1], r)
	case invisible(r):
		return false
	case unicode.Is(unicode.Mn, r):
		return i > 0 && text[i-1] != ' ' && !(i >= maxMarks && allMarks(text[i-maxMarks:i]))
	}
	return unicode.IsPrint(r)
}

func allMarks(text []rune) bool {
	for _, r := range text {
		if !unicode.Is(unicode.Mn, r) {
			return false
		}
	}
	return true
}

// invisible reports whether r is a letter, mark or symbol in name alone, such as a filler of Hangul or the blank of Braille.
func invisible(r rune) bool {
	return unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r) || r == '\u2800' || unicode.Is(unicode.Noncharacter_Code_Point, r)
}

// selects reports whether a variation selector chooses among the forms of the character before: of an ideograph in Chinese
// and Japanese names (Ideographic Variation Database), or of a Mongolian letter.
func selects(before, selector rune) bool {
	if selector >= 0xE0100 {
		return unicode.Is(unicode.Han, before)
	}
	return unicode.Is(unicode.Mongolian, selector) && unicode.Is(unicode.Mongolian, before)
}

// The joiners.
const (
	zwnj = '\u200c'
	zwj  = '\u200d'
)

// Joins reports whether a joiner may stand between two characters: a letter, or a mark on one, and a letter or a virama, of
// a script whose spelling needs joiners. That is the rule of RFC 5892, A.1 and A.2, without its tables of shapes: Persian
// parts letters, and Bengali joins before a virama, where that does not provide for it.
func Joins(before, after rune) bool {
	virama := norm.NFC.PropertiesString(string(after)).CCC() == 9
	return (unicode.IsLetter(before) || unicode.Is(unicode.M, before)) && (unicode.IsLetter(after) || virama) &&
		joining(before) && joining(after)
}

// joining reports whether r is of a script with cursive letters or with conjuncts, or a mark that scripts share.
func joining(r rune) bool {
	return unicode.In(r, unicode.Arabic, unicode.Syriac, unicode.Mandaic, unicode.Mongolian, unicode.Nko, unicode.Adlam,
		unicode.Hanifi_Rohingya, unicode.Phags_Pa, unicode.Manichaean, unicode.Sogdian,
		unicode.Devanagari, unicode.Bengali, unicode.Gurmukhi, unicode.Gujarati, unicode.Oriya, unicode.Tamil, unicode.Telugu,
		unicode.Kannada, unicode.Malayalam, unicode.Sinhala, unicode.Khmer, unicode.Myanmar, unicode.Tibetan, unicode.Balinese,
		unicode.Javanese, unicode.Sundanese, unicode.Newa, unicode.Grantha, unicode.Chakma, unicode.Meetei_Mayek,
		unicode.Inherited) // the vowel signs of Arabic are of no script
}
