package people

import (
	"cmp"
	"slices"

	"facegate/configs/hint"
	"facegate/configs/law"
	"facegate/configs/notice"
	"facegate/configs/words"
	"facegate/pipeline/embed"
	"facegate/pipeline/match"
	"facegate/pipeline/template"
	"facegate/store"
)

// A nearness says how near a face is to those of people who are enrolled. It must not leave the process, nor must whose they are.
type nearness struct {
	match.Answer
	others [len(match.Result{}.Others)]match.Other // than Best, the nearest first
}

// people returns everybody whom the face cannot be told from.
func (n nearness) people() []template.PersonID {
	all := []template.PersonID{n.Best}
	for _, o := range n.others {
		if o.Score >= n.Threshold && o.Person != (template.PersonID{}) {
			all = append(all, o.Person)
		}
	}
	return all
}

// warned is what is said of a face that is enrolled although it is near to another.
const warned = "the face is near to that of somebody enrolled: it will often not be told from it, and the door then stays locked"

// tellApart says what is to be done about a face that cannot be told from that of somebody else who is enrolled. Enrolled as any
// other, neither would ever lead the other by the margin. Whose it is, is told to nobody.
//
//  1. It is so near that it has to be the same one: the person would have two labels (ErrTwice).
//  2. It opens the door together with something else of the person alone, and so do those that it is near to.
//  3. It is enrolled as any other, with a warning. Of who is under 18 so many faces are alike that this is no way.
//  4. It is not enrolled (ErrAlike).
func (r *Register) tellApart(e *store.Enrolment, q EnrolRequest, v embed.Vector) (warning string, err error) {
	if r.scheme.binds(e.Consent.AgeBand) {
		return "", nil
	}
	near, err := r.scheme.nearest(v, r.self(q))
	if err != nil || !near.OK || near.Score < near.Threshold {
		return "", err
	}
	same, err := r.sameAs(near)
	if err != nil {
		return "", err
	}
	when := r.terms.Profile.WhenAlike
	switch {
	case same:
		return "", hint.Wrap(ErrTwice, "one person has one label: capture them again under theirs, with --again, or erase it first; "+
			"if these are two people, such as twins, %s has to do for the other one", r.otherWays())
	case when == law.SecondFactor:
		e.Near, e.NearTo = true, near.people()
		return "", nil
	case when == law.WarnAlike && !e.Consent.AgeBand.Under18():
		return warned, nil
	}
	return "", hint.Wrap(ErrAlike, "%s has to do, with the same right to pass; match.when_alike second-factor enrols such a face, which "+
		"then opens together with a pass, card or PIN alone", r.otherWays())
}

// sameAs reports whether a face is beyond doubt that of the person whom it is nearest to. It goes by the threshold of a comparison
// of two, because that many people are enrolled makes no two faces more alike, and asks as much more as is asked of a face that a
// template is made of at the door.
func (r *Register) sameAs(near nearness) (bool, error) {
	threshold, err := r.verification(1)
	return near.Score >= threshold+match.Confident, err
}

// self returns who is captured again, and nobody where somebody new is.
func (r *Register) self(q EnrolRequest) (self template.PersonID) {
	if p, err := r.store.Person(q.Label); q.Again && err == nil {
		self = p.ID
	}
	return self
}

// lacksPass reports whether whoever is enrolled under label, or is to be, has no pass, where one can be shown.
func (r *Register) lacksPass(label string) bool {
	p, err := r.store.Person(label)
	return r.terms.Profile.Passes && (err != nil || !p.HasPass())
}

// otherWays names the ways in that are not the face.
func (r *Register) otherWays() string {
	return cmp.Or(notice.Ways(words.Words{}, slices.Clone(r.terms.Ways)), "another way in")
}
