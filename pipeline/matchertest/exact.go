// Package matchertest is the contract that every pipeline.Matcher must keep, and a Matcher that is easily seen to keep it.
package matchertest

import (
	"math"
	"slices"
	"time"

	"facegate/pipeline/embed"
	"facegate/pipeline/match"
	"facegate/pipeline/template"
)

// A Person is somebody whom a Matcher knows, by one face. Whoever has several is a Person several times, with one ID.
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
func (x *Exact) Match(v embed.Vector, now time.Time) (a match.Answer) {
	people := x.count()
	threshold, err := x.Rules.Threshold(people)
	length := embed.Cosine(v, v)
	otherLength := func(p Person) bool { return len(p.Face) != len(v) }
	if err != nil || people == 0 || !(length > 0) || math.IsInf(length, 0) || slices.ContainsFunc(x.People, otherLength) {
		return a
	}
	var named [6]template.PersonID // the most like first, one place a person
	var scores [len(named)]float64
	earlier := false
	n := min(len(named), people)
	for i := range n {
		p := x.most(v, named[:i])
		named[i], scores[i] = p.ID, embed.Cosine(p.Face, v)
		earlier = earlier || i == 0 && p.Earlier
	}
	a.OK, a.Best, a.Score, a.Second = true, named[0], scores[0], -1
	if people > 1 {
		a.Second = scores[1]
	}
	a.Raise, a.Excess = x.raise(people, scores[1:n])
	a.Threshold = threshold + a.Raise
	single := threshold
	if x.Rules.Single != nil {
		if single, err = x.Rules.Single(people); err != nil {
			single = 2
		}
	}
	if x.Rules.Standing != nil {
		standing := x.Rules.Standing(a.Best, now)
		a.Half = standing.Half
		if standing.Strict && x.Rules.Strictest != nil {
			a.Threshold = max(threshold, x.Rules.Strictest()) + a.Raise
			single = max(single, x.Rules.Strictest())
		}
	}
	a.Renewable = earlier && a.Score >= max(a.Threshold, single+0.15) && a.Second < single
	if x.Rules.Barred(a.Best, now) {
		a.Threshold, a.Raise, a.Renewable = 2, 0, false
	}
	return a
}

// raise returns the raise and the excess among so many people, of whom the others most like the face have these scores.
func (x *Exact) raise(people int, others []float64) (raise, excess float64) {
	if people < 3 || x.Rules.Crowding == nil {
		return 0, 0
	}
	for _, score := range others {
		excess += score / float64(len(others))
	}
	excess -= x.Rules.Crowding(people)
	return max(0, x.Rules.Beta*min(1, float64(len(others)+1)/6)*excess), excess
}

// most returns the face that is most like v of all but some people.
func (x *Exact) most(v embed.Vector, but []template.PersonID) (most Person) {
	best := math.Inf(-1)
	for _, p := range x.People {
		if c := embed.Cosine(p.Face, v); c > best && !slices.Contains(but, p.ID) {
			most, best = p, c
		}
	}
	return most
}

// count returns how many people there are. One of them may have several faces.
func (x *Exact) count() (n int) {
	for i, p := range x.People {
		if !slices.ContainsFunc(x.People[:i], func(q Person) bool { return q.ID == p.ID }) {
			n++
		}
	}
	return n
}
