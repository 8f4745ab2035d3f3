package admit

import (
	"math"

	"facegate/pipeline/attempt"
)

// forgives returns how many failures in a row a success of a means takes back at the most. Of what is guessed, a PIN, those are as
// many as its owner mistypes: or whoever guesses had as many tries as close the means, each time the owner has come in.
func (l Limits) forgives(m attempt.Means) uint32 {
	if m == attempt.PIN {
		return l.DelayAfter
	}
	return math.MaxUint32
}

// forgive takes back failures in a row of k after a success, and returns what is left of them.
func (a *Admitter) forgive(k key) attempt.Count {
	c := a.of(k)
	c = attempt.Count{
		Means: k.means, Person: k.person, Failures: c.Failures - min(c.Failures, a.rules.Limits[k.means].forgives(k.means)),
	}
	a.know(k, c)
	return c
}

// know makes c the count of k.
func (a *Admitter) know(k key, c attempt.Count) {
	if delete(a.known, k); c.Failures > 0 || a.behind { // or the next failure would count from below the delay
		a.known[k] = c
	}
}
