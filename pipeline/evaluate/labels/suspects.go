package labels

import (
	"cmp"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"facegate/configs/hint"
	"facegate/pipeline/evaluate"
	"facegate/pipeline/evaluate/bypeople"
)

const (
	// SuspectScore is the plain cosine from which two names are looked at: genuine pairs lie there, and of the pairs of two
	// people next to none.
	SuspectScore = 0.6

	// strangerFMR is the false match rate at whose threshold faces stop being as unlike as strangers are.
	strangerFMR = 5e-3
)

// A Suspect is two names that may be one person.
type Suspect struct {
	Names    [2]string `json:"names"`
	Pictures [2]string `json:"pictures"` // of all pairs of their pictures the one that scores highest
	Score    float64   `json:"score"`
	Spelling bool      `json:"spelling"` // whether the names differ by no more than a slip of the pen does
}

// A Stray is a picture that is as unlike all others of its name as strangers are: it may show somebody else.
type Stray struct {
	Picture string  `json:"picture"`
	Score   float64 `json:"score"` // the highest with another picture of the name
	Others  int     `json:"others"`
}

// Suspects returns the pairs of names with a pair of pictures at or above SuspectScore, and those that differ only in spelling
// and are not as unlike as strangers are, by falling score. All of it is by s, which has to be the plain cosine, and all are
// the scores of it. That two people look alike, or are siblings, is no error: look at the pictures.
func Suspects(samples []evaluate.Sample, s evaluate.Scorer, all *bypeople.Scores) []Suspect {
	best := map[[2]string]Suspect{}
	note := func(e bypeople.Event) {
		a, b := samples[e.Enrolled].Picture, samples[e.Probe].Picture
		if person(b) < person(a) {
			a, b = b, a
		}
		x := Suspect{[2]string{person(a), person(b)}, [2]string{a, b}, float64(e.Score), false}
		if old, ok := best[x.Names]; !ok || x.Score > old.Score {
			best[x.Names] = x
		}
	}
	for _, e := range all.Tail {
		if e.Score < SuspectScore {
			break
		}
		note(e)
	}
	stranger, _ := all.People.Impostor.Threshold(strangerFMR)
	for _, e := range spelledAlike(samples, s) {
		if float64(e.Score) >= stranger {
			note(e)
		}
	}
	var suspects []Suspect
	for _, x := range best {
		x.Spelling = spelling(folded(x.Names[0]), folded(x.Names[1]))
		suspects = append(suspects, x)
	}
	slices.SortFunc(suspects, func(a, b Suspect) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), slices.Compare(a.Names[:], b.Names[:]))
	})
	return suspects
}

// Strays returns the pictures whose best score with another one of their name is below what one in 200 pairs of strangers
// reach, by rising score.
func Strays(samples []evaluate.Sample, all *bypeople.Scores) []Stray {
	stranger, _ := all.People.Impostor.Threshold(strangerFMR)
	best := map[int32]Stray{}
	for _, e := range all.Genuine {
		for _, i := range []int32{e.Probe, e.Enrolled} {
			x, ok := best[i]
			if !ok {
				x = Stray{Picture: samples[i].Picture, Score: float64(e.Score)}
			}
			x.Score = max(x.Score, float64(e.Score))
			x.Others++
			best[i] = x
		}
	}
	var strays []Stray
	for _, x := range best {
		if x.Score < stranger {
			strays = append(strays, x)
		}
	}
	slices.SortFunc(strays, func(a, b Stray) int {
		return cmp.Or(cmp.Compare(a.Score, b.Score), cmp.Compare(a.Picture, b.Picture))
	})
	return strays
}

// spelledAlike returns the best comparison of each pair of names that differ only in spelling.
func spelledAlike(samples []evaluate.Sample, s evaluate.Scorer) []bypeople.Event {
	pictures := map[string][]int{}
	var names, spelled []string
	for i, x := range samples {
		name := person(x.Picture)
		if pictures[name] == nil {
			names, spelled = append(names, name), append(spelled, folded(name))
		}
		pictures[name] = append(pictures[name], i)
	}
	var found []bypeople.Event
	for i, a := range names {
		for k, b := range names[:i] {
			if spelling(spelled[i], spelled[k]) {
				found = append(found, closest(s, pictures[a], pictures[b]))
			}
		}
	}
	return found
}

// closest returns the comparison with the highest score.
func closest(s evaluate.Scorer, probes, enrolled []int) bypeople.Event {
	scores := make([]float32, len(probes)*len(enrolled))
	s.Score(scores, probes, enrolled)
	best := 0
	for i, score := range scores {
		if score > scores[best] {
			best = i
		}
	}
	return bypeople.Event{Score: scores[best], Probe: int32(probes[best/len(enrolled)]), Enrolled: int32(enrolled[best%len(enrolled)])}
}

// folded returns a name's letters and digits, small and without accents, with its words in order of the alphabet.
func folded(name string) string {
	words := strings.FieldsFunc(strings.ToLower(norm.NFD.String(name)), func(r rune) bool {
		return !unicode.In(r, unicode.L, unicode.N, unicode.M)
	})
	slices.Sort(words)
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, strings.Join(words, " "))
}

// longName is from how many bytes on a name may differ in two letters.
const longName = 8

// spelling reports whether two folded names are the same, or differ in one letter, or in two where they are long.
func spelling(a, b string) bool {
	most := 1
	if min(len(a), len(b)) >= longName {
		most = 2
	}
	if d := len(a) - len(b); d < -most || d > most {
		return false
	}
	return hint.Distance(a, b) <= most
}
