package bugreport

import (
	_ "embed"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"facegate/configs/show"
)

// wordsFile has what the program says in its log and its errors, a line each in quotes, with the verbs of formats; TestWords writes it.
//
//go:embed words.txt
var wordsFile string

// A saying is what the program says, with gaps.
type saying struct {
	literal string // the longest part without a gap
	parts   []string
	gaps    []string // the verbs between them
	pattern *regexp.Regexp
}

var verbs = regexp.MustCompile(`%[-+# 0-9.*\[\]]*[a-zA-Z]`)

// A vocabulary is all that the program says.
type vocabulary struct {
	whole   map[string]bool
	sayings []saying // the one with the longest literal first
}

// spoken is the vocabulary of this program.
var spoken = sync.OnceValue(func() *vocabulary {
	v := &vocabulary{whole: map[string]bool{}}
	for line := range strings.Lines(wordsFile) {
		if text, err := strconv.Unquote(strings.TrimSuffix(line, "\n")); err == nil {
			v.add(text)
		}
	}
	for n := range unix.Errno(134) {
		if text := n.Error(); n > 0 && !strings.HasPrefix(text, "errno") {
			v.whole[text] = true
		}
	}
	slices.SortStableFunc(v.sayings, func(a, b saying) int { return len(b.literal) - len(a.literal) })
	return v
})

// Says reports whether a text is one that the program itself says.
func Says(text string) bool { return spoken().whole[text] }

// add adds what stands in the source, and as it is shown.
func (v *vocabulary) add(text string) {
	for _, form := range slices.Compact([]string{text, show.Plain(text)}) {
		gaps := verbs.FindAllString(form, -1)
		if gaps == nil {
			v.whole[form] = true
			continue
		}
		s := saying{parts: verbs.Split(form, -1), gaps: gaps}
		for _, part := range s.parts {
			if len(part) > len(s.literal) {
				s.literal = part
			}
		}
		if len(strings.Trim(s.literal, ": ,.()\"")) >= 4 { // otherwise it says nothing
			v.sayings = append(v.sayings, s)
		}
	}
}

// match returns what stands in the gaps, and false if text is not said so.
func (s *saying) match(text string) ([]string, bool) {
	if !strings.Contains(text, s.literal) {
		return nil, false
	}
	if s.pattern == nil {
		pattern := regexp.QuoteMeta(s.parts[0])
		for _, part := range s.parts[1:] {
			pattern += "(.*?)" + regexp.QuoteMeta(part)
		}
		s.pattern = regexp.MustCompile("^(?s:" + pattern + ")$")
	}
	found := s.pattern.FindStringSubmatch(text)
	if found == nil {
		return nil, false
	}
	return found[1:], true
}

// depth is how many errors that wrap each other are looked into.
const depth = 8

// sentence returns a text without what is not the program's own.
func (r *Report) sentence(text string) []piece { return r.said(text, depth) }

func (r *Report) said(text string, deep int) []piece {
	v := spoken()
	if v.whole[text] {
		return []piece{ours(text)}
	}
	if deep == 0 {
		return []piece{r.takeOut()}
	}
	for i := range v.sayings {
		s := &v.sayings[i]
		gaps, ok := s.match(text)
		if !ok {
			continue
		}
		pieces := []piece{ours(s.parts[0])}
		for j, gap := range gaps {
			pieces = append(append(pieces, r.gap(s.gaps[j], gap, deep)...), ours(s.parts[j+1]))
		}
		return pieces
	}
	if before, after, ok := strings.Cut(text, ": "); ok {
		return append(append(r.said(before, deep-1), ours(": ")), r.said(after, deep-1)...)
	}
	return []piece{r.takeOut()}
}

// number is what a verb for numbers writes.
var number = regexp.MustCompile(`^-?\d+(\.\d+)?$`)

// gap returns what may be printed of what stands in the place of a verb: an error, or a number.
func (r *Report) gap(verb, text string, deep int) []piece {
	switch {
	case strings.HasSuffix(verb, "w"):
		return r.said(text, deep-1)
	case number.MatchString(text) && strings.ContainsAny(verb[len(verb)-1:], "dfg"):
		return []piece{r.foreign(text)}
	}
	return []piece{r.takeOut()}
}
