// Package admit weighs attempts by the rules of one door: what opens it alone, what with what else, and how many failures
// close a means. Failures count for each means by itself, against the one person whom an attempt names, or against nobody.
// So a means that is closed leaves the others open, and a success of one takes back nothing that counts against another.
//
// The package is pure: it has no clock, time comes with the attempt.
package admit

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"facegate/configs/hint"
	"facegate/pipeline/attempt"
	"facegate/pipeline/flood"
	"facegate/pipeline/template"
)

// The reasons for which New refuses rules.
var (
	ErrRules    = errors.New("the rules of the door cannot be followed")
	ErrFaceOnly = errors.New("a face would be the only way in")
	ErrLimits   = errors.New("a means of asking for the door has no limit to failures")
	ErrAlike    = errors.New("whoever has a face like another's would never get in")
)

// A Pair opens the door by two means together, in either order, for one person.
type Pair struct {
	One, Other attempt.Means
	Within     time.Duration // from the first to the second
}

// Limits say what failures of one means lead to (NIST SP 800-63B, rate limiting).
//
// A failure counts against the one person whom an attempt names, as a wrong password counts against the one account that
// it was tried at. So nobody shuts out anybody but the person whom they try to be taken for.
type Limits struct {
	DelayAfter   uint32        // so many failures in a row, and each one after, lead to Delay
	Delay        time.Duration // in which the means opens nothing for the person; 0 for none
	DisableAfter uint32        // so many failures in a row close the means for the person until Reset

	// Of what names nobody, such as a print, one is forgotten in each Forget. Flood of it close the means for everybody, until
	// there are fewer. 0 for never.
	Flood  int
	Forget time.Duration
}

// Rules say what opens a door.
type Rules struct {
	Alone    []attempt.Means
	Together []Pair
	Limits   map[attempt.Means]Limits // of all means that have a part in Alone or Together

	// Alike says that an attempt.Alike face counts for half in Together. It never opens the door alone, whatever Alone says.
	// Otherwise it counts for nothing.
	Alike bool
}

// Check says why the rules cannot be those of a door: with ErrRules, ErrLimits or, where they name another means and still
// nobody gets in without a face, ErrFaceOnly. Rules by which a face may be Alike, and which name no other means, are
// ErrAlike.
func (r Rules) Check() error {
	for _, m := range r.named() {
		if m.String() == "" {
			return fmt.Errorf("%w: there is no means %d", ErrRules, m)
		}
		if l := r.Limits[m]; l.DelayAfter < 1 || l.DisableAfter < l.DelayAfter || l.Delay < 0 || l.Flood > 0 && l.Forget <= 0 {
			return hint.Wrap(fmt.Errorf("%w: %v", ErrLimits, m), "set the limits of lockout")
		}
	}
	for _, p := range r.Together {
		if p.One == p.Other || p.Within <= 0 {
			return fmt.Errorf("%w: %v and %v within %v", ErrRules, p.One, p.Other, p.Within)
		}
	}
	if r.faceOnly() {
		return hint.Wrap(ErrFaceOnly, "let another means open the door alone, or two others together")
	}
	if r.Alike && !slices.ContainsFunc(r.named(), other) {
		return hint.Wrap(ErrAlike, "let another means open the door, or enrol nobody whose face is like another's")
	}
	return nil
}

// other reports whether m is no face.
func other(m attempt.Means) bool { return m != attempt.Face }

// named lists the means that have a part in the rules, some of them more than once.
func (r Rules) named() []attempt.Means {
	named := slices.Clone(r.Alone)
	for _, p := range r.Together {
		named = append(named, p.One, p.Other)
	}
	return named
}

// faceOnly reports whether the rules name other means and still nobody gets in without a face.
func (r Rules) faceOnly() bool {
	return slices.ContainsFunc(r.named(), other) && !slices.ContainsFunc(r.Alone, other) &&
		!slices.ContainsFunc(r.Together, func(p Pair) bool { return other(p.One) && other(p.Other) })
}

// An Answer is what an attempt comes to.
type Answer uint8

// The answers.
const (
	Refuse Answer = iota // see Verdict.Reason
	Wait                 // it counts for half: Verdict.For is to follow
	Open
)

// String returns the answer in a word.
func (a Answer) String() string { return [...]string{"refuse", "wait", "open"}[a] }

// A Verdict is the answer to an attempt, and what it has changed.
type Verdict struct {
	Answer Answer
	For    attempt.Means  // with Wait: what the person can show now
	Reason attempt.Reason // with Refuse
	Counts []attempt.Count
	Closed bool // the failures in Counts have just closed the means
}

// An Admitter weighs the attempts at one door. It is not safe for concurrent use.
type Admitter struct {
	rules    Rules
	known    map[key]attempt.Count
	behind   bool
	nameless map[attempt.Means]*flood.Gauge
	halves   []half
}

// A key is whom failures of a means count against.
type key struct {
	means  attempt.Means
	person template.PersonID
}

// A half is an attempt that was good, and waits for another means.
type half struct {
	key
	at time.Time
}

// New returns the Admitter of a door, with counts that were kept. Counts are behind if the power has gone since they were
// kept: then every count that is not among them is just below the first delay, or whoever can cut the power could try for
// ever, a few times after each start. It refuses as Rules.Check does.
func New(r Rules, counts []attempt.Count, behind bool) (*Admitter, error) {
	if err := r.Check(); err != nil {
		return nil, err
	}
	a := &Admitter{rules: r, behind: behind, known: map[key]attempt.Count{}, nameless: map[attempt.Means]*flood.Gauge{}}
	for _, c := range counts {
		a.known[key{c.Means, c.Person}] = c
	}
	for m, l := range r.Limits {
		a.nameless[m] = &flood.Gauge{Every: l.Forget}
	}
	return a, nil
}

// Weigh answers an attempt, and counts it.
func (a *Admitter) Weigh(t attempt.Attempt) Verdict {
	k := key{t.Means, t.Person}
	if t.Finding == attempt.Attack {
		k.person = template.PersonID{} // whoever it shows has not done it
	}
	switch {
	case t.Finding == attempt.Ended:
		return Verdict{Reason: attempt.Expired}
	case t.Finding == attempt.Unknown:
		return Verdict{Reason: attempt.Unproven}
	case t.Finding == attempt.Alike:
		return a.alike(k, t.Asked)
	case a.closed(k, t.Asked):
		return Verdict{Reason: attempt.Closed}
	case t.Finding == attempt.Matched:
		return a.good(k, t.Asked)
	case k.person != template.PersonID{}:
		return a.failed(k, t.Asked)
	}
	return a.flooded(t.Means, t.Asked)
}

// Closed reports whether a means opens nothing for a person at now.
func (a *Admitter) Closed(m attempt.Means, person template.PersonID, now time.Time) bool {
	return a.closed(key{m, person}, now)
}

// closed reports whether the means opens nothing now, for the person or for anybody.
func (a *Admitter) closed(k key, now time.Time) bool {
	c := a.of(k)
	return c.Disabled || now.Before(c.Until) || now.Before(a.reopens(k.means, now))
}

// of returns the count of k, or that of whom nothing is known.
func (a *Admitter) of(k key) attempt.Count {
	if c, ok := a.known[k]; ok {
		return c
	}
	c := attempt.Count{Means: k.means, Person: k.person}
	if l := a.rules.Limits[k.means]; a.behind && l.DelayAfter > 0 && k.person != (template.PersonID{}) {
		c.Failures = l.DelayAfter - 1
	}
	return c
}

// reopens returns until when what names nobody closes the means for everybody, the zero time if it does not.
func (a *Admitter) reopens(m attempt.Means, now time.Time) time.Time {
	g, most := a.nameless[m], a.rules.Limits[m].Flood
	if g == nil || most == 0 || g.Count(now) < most {
		return time.Time{}
	}
	return g.Below(most)
}

// failed counts a failure against a person.
func (a *Admitter) failed(k key, now time.Time) Verdict {
	v, c, l := Verdict{Reason: attempt.Unproven}, a.of(k), a.rules.Limits[k.means]
	c.Failures++
	switch {
	case l.DisableAfter > 0 && c.Failures >= l.DisableAfter:
		c.Disabled, v.Closed = true, true
	case l.Delay > 0 && l.DelayAfter > 0 && c.Failures >= l.DelayAfter:
		c.Until, v.Closed = now.Add(l.Delay), true
	}
	a.known[k] = c
	v.Counts = []attempt.Count{c}
	return v
}

// flooded counts a failure that is against nobody.
func (a *Admitter) flooded(m attempt.Means, now time.Time) Verdict {
	v := Verdict{Reason: attempt.Unproven}
	g, most := a.nameless[m], a.rules.Limits[m].Flood
	if g == nil || most == 0 {
		return v
	}
	if n := g.Add(now); n >= most {
		v.Closed, v.Counts = true, []attempt.Count{{Means: m, Failures: uint32(n), Until: g.Below(most)}}
	}
	return v
}

// good answers an attempt that is whose it says. Failures in a row of the same means end with it.
func (a *Admitter) good(k key, now time.Time) Verdict {
	var v Verdict
	if c := a.of(k); c.Failures > 0 {
		v.Counts = []attempt.Count{a.forgive(k)}
	}
	if slices.Contains(a.rules.Alone, k.means) {
		v.Answer = Open
		return v
	}
	v.Answer, v.For, v.Reason = a.together(k, now)
	return v
}

// forgive ends the failures in a row of k, and returns what is left to know of them.
func (a *Admitter) forgive(k key) attempt.Count {
	c := attempt.Count{Means: k.means, Person: k.person}
	delete(a.known, k)
	if a.behind {
		a.known[k] = c // or the next failure would count from below the delay
	}
	return c
}

// alike answers a face that cannot carry the decision alone. It opens the door to who has shown the other half. In any other
// case the answer is that to an unknown face, and the face waits as a half without a word. It is neither a failure nor a
// success: it counts against nobody, and ends no failures in a row.
func (a *Admitter) alike(k key, now time.Time) Verdict {
	if a.rules.Alike && !a.closed(k, now) {
		if answer, _, _ := a.together(k, now); answer == Open {
			return Verdict{Answer: Open}
		}
	}
	return Verdict{Reason: attempt.Unproven}
}

// together answers an attempt that opens nothing alone.
func (a *Admitter) together(k key, now time.Time) (Answer, attempt.Means, attempt.Reason) {
	if k.person == (template.PersonID{}) {
		return Refuse, 0, attempt.NoWay
	}
	a.halves = slices.DeleteFunc(a.halves, func(h half) bool { return h.key == k || now.Sub(h.at) > a.longest() })
	var wanted attempt.Means
	for _, p := range a.rules.Together {
		other := p.with(k.means)
		if other == 0 || a.closed(key{other, k.person}, now) {
			continue
		}
		if a.use(key{other, k.person}, now, p.Within) {
			return Open, 0, attempt.None
		}
		if wanted == 0 {
			wanted = other
		}
	}
	if wanted == 0 {
		return Refuse, 0, attempt.NoWay
	}
	a.halves = append(a.halves, half{k, now})
	return Wait, wanted, attempt.None
}

// longest returns how long a half can wait.
func (a *Admitter) longest() (d time.Duration) {
	for _, p := range a.rules.Together {
		d = max(d, p.Within)
	}
	return d
}

// with returns what goes together with m, 0 for nothing.
func (p Pair) with(m attempt.Means) attempt.Means {
	switch m {
	case p.One:
		return p.Other
	case p.Other:
		return p.One
	}
	return 0
}

// use takes the half of k that is not older than within, and reports whether there was one.
func (a *Admitter) use(k key, now time.Time, within time.Duration) bool {
	i := slices.IndexFunc(a.halves, func(h half) bool { return h.key == k && now.Sub(h.at).Abs() <= within })
	if i < 0 {
		return false
	}
	a.halves = slices.Delete(a.halves, i, i+1)
	return true
}

// A Closure says of one means for how many people it opens nothing.
type Closure struct {
	Means  attempt.Means
	Slowed int       // people who have to wait
	Off    int       // people until Reset
	Until  time.Time // when it opens the door again for anybody; zero if it does
}

// Closures lists the means that open nothing at now, for somebody or for all.
func (a *Admitter) Closures(now time.Time) (closures []Closure) {
	for _, m := range attempt.All() {
		c := Closure{Means: m, Until: a.reopens(m, now)}
		for k, n := range a.known {
			switch {
			case k.means != m:
			case n.Disabled:
				c.Off++
			case now.Before(n.Until):
				c.Slowed++
			}
		}
		if c != (Closure{Means: m}) {
			closures = append(closures, c)
		}
	}
	return closures
}

// Counts returns every count against a person.
func (a *Admitter) Counts() []attempt.Count {
	counts := make([]attempt.Count, 0, len(a.known))
	for _, c := range a.known {
		counts = append(counts, c)
	}
	return counts
}

// Forget drops what counts against people, and what they have shown.
func (a *Admitter) Forget(people ...template.PersonID) {
	for k := range a.known {
		if slices.Contains(people, k.person) {
			delete(a.known, k)
		}
	}
	a.halves = slices.DeleteFunc(a.halves, func(h half) bool { return slices.Contains(people, h.person) })
}

// Reset lets every means work again for everybody against whom failures count. What names nobody is forgotten in its time.
func (a *Admitter) Reset() {
	clear(a.known)
	a.behind = false
}
