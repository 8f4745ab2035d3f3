// Package matchertest is the contract that every pipeline.Matcher must keep, and a Matcher that is easily seen to keep it.
package matchertest

import (
	"math"
	"time"

	"facegate/pipeline/embed"
	"facegate/pipeline/match"
	"facegate/pipeline/template"
)

// A Person is somebody whom a Matcher knows.
type Person struct {
	ID      template.PersonID
	Face    embed.Vector // of unit length
	Earlier bool         // their record is of an earlier epoch
}

// Exact is the twin of the matchers: it compares with the faces themselves, one after the other. It is not for use outside
// of tests, because it keeps faces. People must not be changed while it is in use.
type Exact struct {
	People []Person
	Rules  match.Rules
}

// Match implements pipeline.Matcher.
func (x *Exact) Match(v embed.Vector, now time.Time) match.Answer {
	threshold, err := x.Rules.Threshold()
	if length := embed.Cosine(v, v); err != nil || !(length > 0) || math.IsInf(length, 0) {
		return match.Answer{}
	}
	a := match.Answer{Result: match.Result{Score: -1, Second: -1}, Threshold: threshold}
	earlier := false
	for _, p := range x.People {
		if len(p.Face) != len(v) {
			return match.Answer{}
		}
		switch c := embed.Cosine(p.Face, v); {
		case !a.OK || c > a.Score:
			a.Result = match.Result{OK: true, Best: p.ID, Score: c, Second: a.Score}
			earlier = p.Earlier
		default:
			a.Second = max(a.Second, c)
		}
	}
	if !a.OK {
		return match.Answer{}
	}
	if x.Rules.Barred(a.Best, now) {
		a.Threshold = 2
	}
	a.Renewable = earlier && a.Score >= a.Threshold+0.15 && a.Second < a.Threshold
	return a
}
