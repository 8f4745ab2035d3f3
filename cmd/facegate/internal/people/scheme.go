package people

import (
	"errors"

	"facegate/configs/law"
	"facegate/pipeline"
	"facegate/pipeline/embed"
	"facegate/pipeline/template"
	"facegate/store"
)

// A scheme is how people match at this gate: everybody by the face alone, by Codes of scheme S1, or the holders of passes,
// by Codes of scheme S2. The profile's mode decides once which it is. Nobody matches by a Code of the other scheme. A scheme
// is safe for concurrent use.
type scheme interface {
	// matcher returns what faces are compared with before a pass was shown, and nil where that is nobody.
	matcher() pipeline.Matcher

	// limit returns for how many people the calibration can promise the wanted error rate, and 0 for any number.
	limit() int

	// binds reports whether the Code of somebody of this age is made and sealed with the keys of their pass, which they have to
	// have then.
	binds(age store.AgeBand) bool

	// nearest returns whom v, which is the face of self, is most like of those whom nobody else may be like, whoever is barred.
	// It does not change v.
	nearest(v embed.Vector, self template.PersonID) (nearness, error)

	// protect turns v into the Code of somebody of this age who is, or is to be, enrolled under label, and clears v. pass has the
	// keys of that person's pass, nil for none. It reports false if v has no direction.
	protect(label string, age store.AgeBand, pass *template.TokenKeys, v embed.Vector) (made template.Made, ok bool, err error)

	// read lets those match of who has a record in the store.
	read(of func(template.PersonID) bool) error

	// add lets a person match, by a Code that protect has made.
	add(p store.Person, code template.Code) error

	has(id template.PersonID) bool
	len() int
	remove(id template.PersonID)
	clear()

	// beginEpoch has protect make Codes of that epoch, and endEpochs keeps from matching who is in an earlier one.
	beginEpoch(number uint32) error
	endEpochs()
}

// schemeOf returns the scheme of a mode, with nobody in it. What the face of each is worth is asked of ranks.
func schemeOf(m law.Mode, s *store.Store, c Terms, r *ranks) (scheme, error) {
	if m == law.OneToOne {
		return &holders{store: s, terms: c, of: func(store.Standing) bool { return true }}, nil
	}
	return newEverybody(s, c, r)
}

// nobody is the scheme of a gate that does not run.
type nobody struct{}

var errStopped = errors.New("nobody is captured while the gate does not run")

func (nobody) matcher() pipeline.Matcher { return nil }

func (nobody) limit() int { return 0 }

func (nobody) binds(store.AgeBand) bool { return false }

func (nobody) nearest(embed.Vector, template.PersonID) (n nearness, err error) {
	return n, errStopped
}

func (nobody) protect(string, store.AgeBand, *template.TokenKeys, embed.Vector) (made template.Made, ok bool, err error) {
	return made, false, errStopped
}

func (nobody) read(func(template.PersonID) bool) error { return nil }

func (nobody) add(store.Person, template.Code) error { return nil }

func (nobody) has(template.PersonID) bool { return false }

func (nobody) len() int { return 0 }

func (nobody) remove(template.PersonID) {}

func (nobody) clear() {}

func (nobody) beginEpoch(uint32) error { return nil }

func (nobody) endEpochs() {}
