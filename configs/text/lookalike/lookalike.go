// Package lookalike tells whether two names can be taken for each other on a screen or on paper (UTS #39, section 4).
package lookalike

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"facegate/configs/text"
)

// An entry is a character and what it looks like.
type entry struct {
	char rune
	like string
}

// Keys returns two skeletons of a name. Two names look alike if their first keys are the same, or their second ones.
//
// It takes two, because I looks like l, and i like I in small letters, but l does not look like i: the first key is blind to
// case before it looks, the second one after. Both are blind to width, joiners, selectors of a form, and what looks the same
// in another script.
func Keys(name string) [2]string {
	fold := cases.Fold()
	return [2]string{skeleton(fold.String(norm.NFKD.String(name))), fold.String(skeleton(name))}
}

// Alike reports whether two names can be taken for each other.
func Alike(a, b string) bool {
	x, y := Keys(a), Keys(b)
	return x[0] == y[0] || x[1] == y[1]
}

// skeleton returns what s looks like, which is nothing to be shown.
func skeleton(s string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(s) {
		if r > unicode.MaxASCII && unicode.In(r, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point) {
			continue
		}
		if i, ok := slices.BinarySearchFunc(table[:], r, func(e entry, r rune) int { return cmp.Compare(e.char, r) }); ok {
			b.WriteString(table[i].like)
		} else {
			b.WriteRune(r)
		}
	}
	return norm.NFKD.String(b.String())
}

// Contrast says in words how a differs from b, such as: it has "l" (U+006C LATIN SMALL LETTER L) for "1" (U+0031 DIGIT ONE).
func Contrast(a, b string) string {
	x, y := difference(a, b)
	switch {
	case x == "":
		return "it lacks " + spell(y)
	case y == "":
		return "it has " + spell(x) + " besides"
	}
	return fmt.Sprintf("it has %s for %s", spell(x), spell(y))
}

// spell quotes a part of a name, and names its characters if they are few.
func spell(part string) string {
	const few = 3
	runes := []rune(part)
	if len(runes) > few {
		return strconv.Quote(part)
	}
	var names []string
	for _, r := range runes {
		names = append(names, text.Name(r))
	}
	return fmt.Sprintf("%q (%s)", part, strings.Join(names, ", "))
}

// difference returns the parts in which two names differ, without what both begin and end with.
func difference(a, b string) (ofA, ofB string) {
	x, y := []rune(a), []rune(b)
	for len(x) > 0 && len(y) > 0 && x[0] == y[0] {
		x, y = x[1:], y[1:]
	}
	for len(x) > 0 && len(y) > 0 && x[len(x)-1] == y[len(y)-1] {
		x, y = x[:len(x)-1], y[:len(y)-1]
	}
	return string(x), string(y)
}
