package text

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxWord is the greatest length of a word in characters.
const MaxWord = 32

// WordFault says what keeps s from being a word, "" if it is one: a name in its one form by which a configuration, a command line
// and the records refer to the same thing, such as a group of people. The answer follows the name in a sentence.
func WordFault(s string) string {
	clean, err := Clean(s)
	switch {
	case s == "":
		return "is empty"
	case utf8.RuneCountInString(s) > MaxWord:
		return fmt.Sprintf("is longer than %d characters", MaxWord)
	case err != nil, clean != s, strings.ContainsFunc(s, separates):
		return "is no single word; write it in letters, digits, - and _"
	}
	return ""
}

// separates reports whether r ends a word where several are written in a row, or is not seen.
func separates(r rune) bool {
	return unicode.IsSpace(r) || strings.ContainsRune(`,;:/+"'`, r) || Unreadable(r)
}

// Unreadable reports whether r is not seen, or stands for what is no text.
func Unreadable(r rune) bool { return r == unicode.ReplacementChar || !unicode.IsPrint(r) }
