package admit

import (
	"time"

	"facegate/pipeline/attempt"
	"facegate/pipeline/template"
)

// Try counts an attempt as a failure against the person whom it names, before anybody has looked whether it is one: else whoever
// can cut the power in between had tries that count for nothing. Once the counts are on disk somebody may look. Weigh says what the
// attempt comes to then, which is Counted, or TakeBack forgets it where nobody has looked. Until then nothing else is tried of the
// same person. What names nobody changes no count. It is not ok to look at an attempt by a means that is closed.
func (a *Admitter) Try(t attempt.Attempt) (counts []attempt.Count, ok bool) {
	k := key{t.Means, t.Person}
	switch {
	case a.closed(k, t.Asked):
		return nil, false
	case k.person == template.PersonID{}:
		return nil, true
	}
	a.tried[k] = a.of(k)
	return a.failed(k, t.Asked).Counts, true
}

// TakeBack makes the count of an attempt what it was before Try, and returns it. It returns none if nothing was tried.
func (a *Admitter) TakeBack(m attempt.Means, person template.PersonID) []attempt.Count {
	k := key{m, person}
	before, ok := a.tried[k]
	if !ok {
		return nil
	}
	delete(a.tried, k)
	a.know(k, before)
	return []attempt.Count{before}
}

// settle answers an attempt that was tried. Its count stands if it has failed.
func (a *Admitter) settle(k key, t attempt.Attempt, dated bool) Verdict {
	switch t.Finding {
	case attempt.Matched:
		before := a.TakeBack(k.means, k.person)
		v := a.good(k, a.rules.forWhom(t, dated), t.Asked)
		if len(v.Counts) == 0 {
			v.Counts = before
		}
		return v
	case attempt.Ended:
		return Verdict{Reason: attempt.Expired, Counts: a.TakeBack(k.means, k.person)}
	}
	if k.person == (template.PersonID{}) {
		return a.flooded(k.means, t.Asked)
	}
	return a.stands(k, t.Asked)
}

// stands answers an attempt that was tried and has failed. That it was counted is on disk already; that it has closed the means is not
// noted yet.
func (a *Admitter) stands(k key, now time.Time) Verdict {
	delete(a.tried, k)
	v := Verdict{Reason: attempt.Unproven}
	if c := a.of(k); c.Disabled || now.Before(c.Until) {
		v.Counts, v.Closed = []attempt.Count{c}, true
	}
	return v
}
