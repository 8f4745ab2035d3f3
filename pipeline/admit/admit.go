// Package admit weighs attempts by the rules of one door: what opens it alone, what with what else, for whom and when, and how
// many failures close a means. Failures count for each means by itself, against the one person whom an attempt names, or against
// nobody. So a means that is closed leaves the others open, and a success of one takes back nothing that counts against another.
//
// The package is pure: it has no clock, time comes with the attempt.
package admit

import (
	"maps"
	"slices"
	"time"

	"facegate/pipeline/attempt"
	"facegate/pipeline/flood"
	"facegate/pipeline/template"
)

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
	Within time.Duration  // with Wait: for how long they can, from the attempt on
	Reason attempt.Reason // with Refuse
	Counts []attempt.Count
	Closed bool // the failures in Counts have just closed the means
}

// An Admitter weighs the attempts at one door. It is not safe for concurrent use.
type Admitter struct {
	rules    Rules
	known    map[key]attempt.Count
	tried    map[key]attempt.Count // of what nobody has looked at yet: the count before
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
	a := &Admitter{
		rules: r, behind: behind, known: map[key]attempt.Count{}, tried: map[key]attempt.Count{},
		nameless: map[attempt.Means]*flood.Gauge{},
	}
	for _, c := range counts {
		a.known[key{c.Means, c.Person}] = c
	}
	for m, l := range r.Limits {
		a.nameless[m] = &flood.Gauge{Every: l.Forget}
	}
	return a, nil
}

// Weigh answers an attempt, and counts it. Rules with a plan have no part in it unless the time of the attempt is dated: it is
// known to be right.
func (a *Admitter) Weigh(t attempt.Attempt, dated bool) Verdict {
	k := key{t.Means, t.Person}
	if t.Finding == attempt.Attack {
		k.person = template.PersonID{} // whoever it shows has not done it
	}
	switch {
	case t.Counted:
		return a.settle(k, t, dated)
	case t.Finding == attempt.Ended:
		return Verdict{Reason: attempt.Expired}
	case t.Finding == attempt.Unknown:
		return Verdict{Reason: attempt.Unproven}
	case t.Finding == attempt.Alike:
		return a.alike(k, a.rules.forWhom(t, dated), t.Asked)
	case a.closed(k, t.Asked):
		return Verdict{Reason: attempt.Closed}
	case t.Finding == attempt.Matched:
		return a.good(k, a.rules.forWhom(t, dated), t.Asked)
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

// good answers an attempt that is whose it says, by the rules that are for them. Failures in a row of the same means end with it.
func (a *Admitter) good(k key, rules []Rule, now time.Time) Verdict {
	var v Verdict
	if c := a.of(k); c.Failures > 0 {
		v.Counts = []attempt.Count{a.forgive(k)}
	}
	if slices.ContainsFunc(rules, func(r Rule) bool { return r.alone() == k.means }) {
		v.Answer = Open
		return v
	}
	together := a.together(k, rules, now)
	together.Counts = v.Counts
	return together
}

// alike answers a face that cannot carry the decision alone. It opens the door to who has shown the other half. In any other
// case the answer is that to an unknown face, and the face waits as a half without a word. It is neither a failure nor a
// success: it counts against nobody, and ends no failures in a row.
func (a *Admitter) alike(k key, rules []Rule, now time.Time) Verdict {
	if a.rules.Alike && !a.closed(k, now) && a.together(k, rules, now).Answer == Open {
		return Verdict{Answer: Open}
	}
	return Verdict{Reason: attempt.Unproven}
}

// together answers an attempt that opens nothing alone by the rules that are for whoever makes it.
func (a *Admitter) together(k key, rules []Rule, now time.Time) Verdict {
	if k.person == (template.PersonID{}) {
		return Verdict{Reason: attempt.NoWay}
	}
	a.halves = slices.DeleteFunc(a.halves, func(h half) bool { return h.key == k || now.Sub(h.at) > a.longest() })
	wait := Verdict{Answer: Wait}
	for _, r := range rules {
		other := r.with(k.means)
		if other == 0 || a.closed(key{other, k.person}, now) {
			continue
		}
		if a.use(key{other, k.person}, now, r.Within) {
			return Verdict{Answer: Open}
		}
		if wait.For == 0 {
			wait.For = other
		}
		if wait.For == other { // two rules may want the same, and differ in for whom or when
			wait.Within = max(wait.Within, r.Within)
		}
	}
	if wait.For == 0 {
		return Verdict{Reason: attempt.NoWay}
	}
	a.halves = append(a.halves, half{k, now})
	return wait
}

// longest returns how long a half can wait.
func (a *Admitter) longest() (d time.Duration) {
	for _, r := range a.rules.Table {
		d = max(d, r.Within)
	}
	return d
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
	for _, counts := range []map[key]attempt.Count{a.known, a.tried} {
		maps.DeleteFunc(counts, func(k key, _ attempt.Count) bool { return slices.Contains(people, k.person) })
	}
	a.halves = slices.DeleteFunc(a.halves, func(h half) bool { return slices.Contains(people, h.person) })
}

// Reset lets every means work again for everybody against whom failures count. What names nobody is forgotten in its time.
func (a *Admitter) Reset() {
	clear(a.known)
	clear(a.tried)
	a.behind = false
}
