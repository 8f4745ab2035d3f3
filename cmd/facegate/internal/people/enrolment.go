package people

import (
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"facegate/configs/hint"
	"facegate/configs/law"
	"facegate/configs/notice"
	"facegate/pipeline/embed"
	"facegate/pipeline/template"
	"facegate/store"
)

// planFor is the number of people for which thresholds are set at the least, as far as the calibration goes. A small
// site gains little from a looser one, and its thresholds do not move while its first people are enrolled.
const planFor = 50

// Errors of an enrolment.
var (
	ErrFull  = errors.New("the gate has as many people as its calibration covers")
	ErrTwice = errors.New("this face is enrolled already")
	ErrAlike = errors.New("this face is too near to that of somebody enrolled to be told from it")
	ErrFace  = errors.New("the face cannot be turned into a template")
	ErrChild = errors.New("this gate enrols nobody who cannot consent alone")

	// ErrNoPass says that nobody can have the pass that their face would need.
	ErrNoPass = errors.New("under 14 no face opens the door alone, and no pass can be shown at this one")

	// ErrNotice says that somebody has consented to another text than the gate would write down.
	ErrNotice = errors.New("the notice that was read is not that of the gate")

	ErrWitness = errors.New("somebody has to have seen the consent")

	// ErrGuardian says that nothing is kept of somebody whose consent is not needed.
	ErrGuardian = errors.New("a guardian consents for nobody who can consent alone")
)

const adviceFull = "raise match.fpir, or measure a calibration on more people with facegate eval recognition"

// Accepts says, before anybody is captured, why a request would be refused.
func (r *Register) Accepts(q EnrolRequest) error {
	if why := r.WhyOff(); why != nil {
		return why
	}
	if limit := r.Limit(); limit > 0 && r.Len() >= limit && !(q.Again && r.has(q.Label)) {
		return hint.Wrap(fmt.Errorf("%w: %d", ErrFull, limit), adviceFull)
	}
	e, err := r.enrolment(q)
	if err != nil {
		return err
	}
	if err := r.store.Check(e); err != nil || !q.Again {
		return err
	}
	return r.knowsPass(q)
}

// purpose is what everybody consents to. The notice, of which the consent has the hash, says it in the site's own words.
const purpose = "to open this door by face, as the notice says"

// enrolment returns what r asks for, on the terms of the notice that the person has read.
func (r *Register) enrolment(q EnrolRequest) (store.Enrolment, error) {
	age, err := Age(r.terms.Profile, q.Age)
	if err != nil {
		return store.Enrolment{}, err
	}
	if age.Guardian() && !r.terms.Profile.MinorsAllowed {
		return store.Enrolment{}, hint.Wrap(fmt.Errorf("%w: under %d", ErrChild, r.terms.Profile.ChildAge),
			"the configuration has consent.children: refuse; another way in has to do")
	}
	if age.Under14() && !r.terms.Profile.Passes {
		return store.Enrolment{}, hint.Wrap(ErrNoPass, "%s has to do; where passes can be shown, name qr in alternatives", r.otherWays())
	}
	if !age.Guardian() && q.Guardian != "" {
		return store.Enrolment{}, hint.Wrap(ErrGuardian, "leave --guardian out, or correct --age")
	}
	i := slices.IndexFunc(r.terms.Notices, func(n notice.Text) bool { return q.Language == "" || string(n.Language) == q.Language })
	if i < 0 {
		return store.Enrolment{}, hint.Wrap(fmt.Errorf("%w in language %q", notice.ErrNone, q.Language),
			"have the person read one that facegate notice prints")
	}
	notice := r.terms.Notices[i]
	if q.Notice != "" && q.Notice != hex.EncodeToString(notice.SHA256[:]) {
		return store.Enrolment{}, hint.Wrap(ErrNotice, "the configuration was changed: have a technician restart the gate (systemctl restart facegate), begin the page "+
			"anew, and have the person read the notice there")
	}
	witness, err := r.witness(q)
	if err == nil {
		err = r.named(q.Grouping, nil)
	}
	if err != nil {
		return store.Enrolment{}, err
	}
	return store.Enrolment{
		Label: q.Label, Groups: q.Groups, ModelID: r.terms.ModelID, Term: r.term(age), Expires: q.Until, By: q.By,
		Again: q.Again, FaceChanged: q.Again && q.FaceChanged,
		Consent: store.Consent{
			Notice: store.Notice{Version: notice.Version, Hash: notice.SHA256}, Purpose: purpose,
			Method: string(r.terms.Profile.Consent), Witness: witness, AgeBand: age, ChildAge: uint8(r.terms.Profile.ChildAge),
			Guardian: q.Guardian, Reference: q.Consent,
		},
	}, nil
}

// term returns how long an enrolment lasts at the most. Whoever is under 18 is captured anew within a year, by an age that is
// true then.
func (r *Register) term(age store.AgeBand) time.Duration {
	if age.Under18() {
		return r.terms.Profile.YoungMax
	}
	return r.terms.Profile.RetentionMax
}

// witness returns who saw the consent: whom the request names, or who asks. It has to be somebody's name.
func (r *Register) witness(q EnrolRequest) (string, error) {
	name := cmp.Or(q.Witness, UserName(q.By))
	switch nobody := name == "root" || strings.Trim(strings.TrimPrefix(name, "user "), "0123456789") == ""; {
	case !nobody:
		return name, nil
	case q.Witness == "" && r.terms.Profile.Jurisdiction == law.Lab:
		return labWitness, nil
	}
	return "", hint.Wrap(fmt.Errorf("%w, and %q is nobody's name", ErrWitness, name), "say who saw it: --witness NAME")
}

// labWitness stands for a witness under the profile in which nobody consents who exists.
const labWitness = "nobody, as in profile lab nobody consents"

// Enrol protects the mean embedding of one person, stores it and lets it match. v is cleared. What is done about a face that is
// near to that of somebody else is for tellApart to say. Where faces are compared 1:1 everybody gets a pass, and nobody is
// compared with others here either; so it is of who is under 14 in any case.
func (r *Register) Enrol(q EnrolRequest, v embed.Vector) (enrolled Enrolled, err error) {
	defer clear(v)
	e, err := r.enrolment(q)
	if err != nil {
		return Enrolled{}, err
	}
	if enrolled.Warned, err = r.tellApart(&e, q, v); err != nil {
		return Enrolled{}, err
	}
	if q.Pass || r.scheme.binds(e.Consent.AgeBand) || e.Near && q.PassIfNeeded && r.lacksPass(q.Label) {
		if enrolled.Pass, e.Pass, err = r.store.Credentials().DrawPass(); err != nil {
			return Enrolled{}, err
		}
		defer e.Pass.Clear()
	}
	if err = r.keep(&enrolled, e, q, v); err != nil {
		enrolled.Pass.Clear()
		return Enrolled{ID: enrolled.ID}, err
	}
	return enrolled, nil
}

// keep turns v into the Code of e, stores it and lets it match. What came of it is in enrolled.
func (r *Register) keep(enrolled *Enrolled, e store.Enrolment, q EnrolRequest, v embed.Vector) (err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if q.Again {
		if enrolled.Former, err = r.compare(q, v); err != nil {
			return err
		}
	}
	made, ok, err := r.scheme.protect(q.Label, e.Consent.AgeBand, e.Pass, v)
	switch {
	case err != nil:
		return err
	case !ok:
		return hint.Wrap(ErrFace, "enrol again")
	}
	e.Made = made
	if q.Again {
		enrolled.Person, enrolled.ID, err = r.recapture(e)
		return err
	}
	p, err := r.store.Enrol(e)
	if err != nil {
		return err
	}
	enrolled.Person, enrolled.ID = Listed(p), p.ID
	r.ranks.read(r.store)
	return r.scheme.add(p, e.Code)
}

// recapture stores a new template in the place of the person's former one. r.mu must be held.
func (r *Register) recapture(e store.Enrolment) (Person, template.PersonID, error) {
	old, _ := r.store.Person(e.Label)
	_, receipt, err := r.store.Recapture(e)
	now, _ := r.store.Person(e.Label)
	if now.Record != old.Record { // even if what comes after has failed
		r.forget(now.ID)
		r.ranks.read(r.store)
		err = errors.Join(err, r.scheme.add(now, e.Code))
	}
	if err != nil {
		return Person{}, now.ID, err
	}
	listed := Listed(now)
	listed.Receipt = r.proved(receipt)
	return listed, now.ID, nil
}

// ErrFacesOff refuses an enrolment while no face is looked at, of those who stand at a desk neither.
var ErrFacesOff = hint.Wrap(errors.New("faces are off, and nobody is captured meanwhile"), "facegate faces on, then enrol again")
