package labels

import (
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"

	"facegate/configs/hint"
)

// An Exclusion is what was left out of an evaluation, and why.
type Exclusion struct {
	Left   string `json:"left"` // a name, or a picture <person>/<picture>
	Kept   string `json:"kept"` // the name under which the same person stays; of a picture, whom it shows
	Reason string `json:"reason"`
}

// Exclude reads a list of label errors, a line each of two names, or a picture and a name, and the reason, and returns the
// pictures that are left and what was left out. A picture is slash-separated, <person>/<picture>.
//
// Two names say that both are one person. The one with fewer pictures is left out, of equal ones the later, with all of its
// pictures. It is not merged with the other: such pairs are found because they score high, so that their comparisons would
// be chosen genuine ones; and to leave out the comparisons between them alone would count one person twice in all others. A
// picture and a name say that the picture shows whoever has that name, and the picture is left out.
//
// The error wraps ErrList if the list breaks its format, or names who or what is not among the pictures, or stands in it
// before. Its hint says what a line has to be.
func Exclude(list io.Reader, pictures []string) (left []string, out []Exclusion, err error) {
	defer func() {
		if hint.Of(err) == "" {
			err = hint.Wrap(err, "a line is two names that are one person, or PERSON/PICTURE and whom it shows, and the reason: NAME,NAME,REASON")
		}
	}()
	rows, err := read(list, "name", "name", "reason")
	if err != nil {
		return nil, nil, fmt.Errorf("exclusions: %w", err)
	}
	x := newExclusions(pictures)
	for _, r := range rows {
		if err := x.add(r); err != nil {
			return nil, nil, fmt.Errorf("exclusions: %w", err)
		}
	}
	out = x.out()
	gone := map[string]bool{}
	for _, e := range out {
		gone[e.Left] = true
	}
	for _, p := range pictures {
		if !gone[p] && !gone[person(p)] {
			left = append(left, p)
		}
	}
	return left, out, nil
}

func person(picture string) string { return path.Dir(picture) }

// Exclusions are rows that are understood.
type exclusions struct {
	there    map[string]bool // pictures
	pictures map[string]int  // of each name
	same     map[string]string
	reasons  map[string]string // of each name that is said to be another's, or another's to it
	shown    []Exclusion
	seen     map[[2]string]bool
}

func newExclusions(pictures []string) *exclusions {
	x := &exclusions{
		there: map[string]bool{}, pictures: map[string]int{}, same: map[string]string{},
		reasons: map[string]string{}, seen: map[[2]string]bool{},
	}
	for _, p := range pictures {
		x.there[p] = true
		x.pictures[person(p)]++
	}
	return x
}

func (x *exclusions) add(r row) error {
	a, b := r.fields[0], r.fields[1]
	reason, err := r.clean(2, "a reason")
	if err != nil {
		return err
	}
	if strings.Contains(a, "/") {
		return x.addPicture(r, Exclusion{a, b, reason})
	}
	for _, name := range []string{a, b} {
		if x.pictures[name] == 0 {
			return r.errorf("there is nobody of the name %s", name)
		}
	}
	if a == b {
		return r.errorf("%s is one name: give the picture that shows somebody else", a)
	}
	if !x.first(min(a, b), max(a, b)) {
		return r.errorf("%s and %s stand in the list already", a, b)
	}
	x.join(a, b, reason)
	return nil
}

func (x *exclusions) addPicture(r row, e Exclusion) error {
	if !x.there[e.Left] {
		return r.errorf("there is no picture %s", e.Left)
	}
	if !x.first(e.Left, "") {
		return r.errorf("%s stands in the list already", e.Left)
	}
	x.shown = append(x.shown, e)
	return nil
}

// first reports whether a row of these two fields is the first.
func (x *exclusions) first(a, b string) bool {
	key := [2]string{a, b}
	defer func() { x.seen[key] = true }()
	return !x.seen[key]
}

// join notes that two names are one person, of whom one name is kept.
func (x *exclusions) join(a, b, reason string) {
	for _, name := range []string{a, b} {
		if x.reasons[name] == "" {
			x.reasons[name] = reason
		}
	}
	kept, left := x.kept(a), x.kept(b)
	if kept == left {
		return
	}
	if n, m := x.pictures[kept], x.pictures[left]; n < m || n == m && left < kept {
		kept, left = left, kept
	}
	x.same[left] = kept
}

// kept returns the name under which a person stays.
func (x *exclusions) kept(name string) string {
	for x.same[name] != "" {
		name = x.same[name]
	}
	return name
}

// out returns what is left out, names before pictures.
func (x *exclusions) out() []Exclusion {
	var out []Exclusion
	for _, name := range slices.Sorted(maps.Keys(x.same)) {
		out = append(out, Exclusion{name, x.kept(name), x.reasons[name]})
	}
	return append(out, x.shown...)
}
