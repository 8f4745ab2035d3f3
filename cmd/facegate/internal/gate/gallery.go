package gate

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"facegate/cmd/facegate/internal/people"
	"facegate/configs/hint"
	"facegate/configs/law"
	"facegate/configs/notice"
	"facegate/pipeline"
	"facegate/pipeline/calibrate"
	"facegate/pipeline/decide"
	"facegate/pipeline/embed"
	"facegate/pipeline/template"
	"facegate/store"
)

// planFor is the number of people for which thresholds are set at the least, as far as the calibration goes. A small
// site gains little from a looser one, and its thresholds do not move while its first people are enrolled.
const planFor = 50

// Errors of a Gallery.
var (
	ErrFull  = errors.New("the gate has as many people as its calibration covers")
	ErrTwice = errors.New("this face is enrolled already")
	ErrFace  = errors.New("the face cannot be turned into a template")
	ErrChild = errors.New("this gate enrols nobody who cannot consent alone")

	ErrWitness = errors.New("somebody has to have seen the consent")

	// ErrGuardian says that nothing is kept of somebody whose consent is not needed.
	ErrGuardian = errors.New("a guardian consents for nobody who can consent alone")
)

const adviceFull = "raise match.fpir, or measure a calibration on more people with facegate eval recognition"

// A Gallery is everybody enrolled: the sealed store, the index in memory that is searched, and the way from an
// embedding to either.
type Gallery struct {
	store       *store.Store
	register    *people.Register
	scheme      scheme
	calibration *calibrate.File
	modelID     [32]byte
	fpir        float64
	notices     []notice.Text
	profile     law.Profile
	now         func() time.Time
	barred      bars
	off         atomic.Bool // no face is looked at
	mu          sync.Mutex  // guards changes to the store and the scheme together, and what follows
	claims      claims

	lapsed map[template.PersonID]bool // who cannot match by the clock, and may again when that is another
}

// A GalleryConfig says how people are matched.
type GalleryConfig struct {
	ModelID     [32]byte        // SHA-256 of the embedder
	Calibration *calibrate.File // of that embedder
	FPIR        float64         // wanted false positive identification rate of one attempt
	Notices     []notice.Text   // in force, the first one counts where a request names none
	Profile     law.Profile
	Now         func() time.Time
}

// Covers refuses, with ErrFull, a rate that the calibration cannot answer for even with one person.
func Covers(f *calibrate.File, fpir float64) error {
	if f.MaxEnrolled(fpir) > 0 {
		return nil
	}
	return hint.Wrap(fmt.Errorf("%w: %g is beyond it even for one", ErrFull, fpir), adviceFull)
}

// OpenGallery unseals everybody in s into memory.
func OpenGallery(s *store.Store, c GalleryConfig) (*Gallery, error) {
	if err := Covers(c.Calibration, c.FPIR); err != nil {
		return nil, err
	}
	g := &Gallery{
		store: s, register: people.NewRegister(s, c.Profile.Mode == law.OneToOne), calibration: c.Calibration,
		modelID: c.ModelID, fpir: c.FPIR, notices: c.Notices, profile: c.Profile, now: c.Now,
	}
	g.off.Store(s.Faces().Off() != nil)
	g.barred.load(s.Lockouts().All(), c.Now())
	if err := s.Epochs().UseModel(c.ModelID); err != nil {
		return nil, err
	}
	g.lapsed = s.Retention().Lapsed()
	var err error
	if g.scheme, err = schemeOf(c.Profile.Mode, s, c, &g.barred); err != nil {
		return nil, err
	}
	if err := g.scheme.read(func(template.PersonID) bool { return true }); err != nil {
		return nil, err
	}
	if n, limit := g.Len(), g.Limit(); limit > 0 && n > limit {
		return nil, hint.Wrap(fmt.Errorf("%w: %d are enrolled, %d are covered", ErrFull, n, limit),
			adviceFull)
	}
	return g, nil
}

// Matcher returns what faces are compared with, and nil where a pass has to be shown first.
func (g *Gallery) Matcher() pipeline.Matcher { return g.scheme.matcher() }

// Len returns how many people can match.
func (g *Gallery) Len() int { return g.scheme.len() }

// Idle returns how many people are on the list, not to be erased, and cannot match, because their enrolment has expired and is yet to be
// erased, was made with another embedder or for another match.mode, or has lost its template.
func (g *Gallery) Idle() (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	all, err := g.store.People()
	all = slices.DeleteFunc(all, func(p store.Person) bool { return !p.Owed.IsZero() })
	return len(all) - g.Len(), err
}

// Limit returns for how many people the calibration can promise the wanted error rate. It is 0, for any number, where
// everybody is compared with their own Code alone.
func (g *Gallery) Limit() int { return g.scheme.limit() }

// Accepts says, before anybody is captured, why a request would be refused.
func (g *Gallery) Accepts(r people.EnrolRequest) error {
	if g.FacesOff() {
		return ErrFacesOff
	}
	if limit := g.Limit(); limit > 0 && g.Len() >= limit && !(r.Again && g.has(r.Label)) {
		return hint.Wrap(fmt.Errorf("%w: %d", ErrFull, limit), adviceFull)
	}
	e, err := g.enrolment(r)
	if err != nil {
		return err
	}
	if err := g.store.Check(e); err != nil || !r.Again {
		return err
	}
	return g.knowsPass(r)
}

// purpose is what everybody consents to. The notice, of which the consent has the hash, says it in the site's own words.
const purpose = "to open this door by face, as the notice says"

// enrolment returns what r asks for, on the terms of the notice that the person has read.
func (g *Gallery) enrolment(r people.EnrolRequest) (store.Enrolment, error) {
	age, err := people.Age(g.profile, r.Age)
	if err != nil {
		return store.Enrolment{}, err
	}
	if age == store.Child && !g.profile.MinorsAllowed {
		return store.Enrolment{}, hint.Wrap(fmt.Errorf("%w: under %d", ErrChild, g.profile.ChildAge),
			"the configuration has consent.children: refuse; another way in has to do")
	}
	if age != store.Child && r.Guardian != "" {
		return store.Enrolment{}, hint.Wrap(ErrGuardian, "leave --guardian out, or correct --age")
	}
	i := slices.IndexFunc(g.notices, func(n notice.Text) bool { return r.Language == "" || string(n.Language) == r.Language })
	if i < 0 {
		return store.Enrolment{}, hint.Wrap(fmt.Errorf("%w in language %q", notice.ErrNone, r.Language),
			"have the person read one that facegate notice prints")
	}
	witness, err := g.witness(r)
	if err != nil {
		return store.Enrolment{}, err
	}
	notice := g.notices[i]
	return store.Enrolment{
		Label: r.Label, ModelID: g.modelID, Term: g.profile.RetentionMax, Expires: r.Until, By: r.By,
		Again: r.Again, FaceChanged: r.Again && r.FaceChanged,
		Consent: store.Consent{
			Notice: store.Notice{Version: notice.Version, Hash: notice.SHA256}, Purpose: purpose,
			Method: string(g.profile.Consent), Witness: witness, AgeBand: age, ChildAge: uint8(g.profile.ChildAge),
			Guardian: r.Guardian, Reference: r.Consent,
		},
	}, nil
}

// witness returns who saw the consent: whom the request names, or who asks. It has to be somebody's name.
func (g *Gallery) witness(r people.EnrolRequest) (string, error) {
	name := cmp.Or(r.Witness, people.UserName(r.By))
	switch nobody := name == "root" || strings.Trim(strings.TrimPrefix(name, "user "), "0123456789") == ""; {
	case !nobody:
		return name, nil
	case r.Witness == "" && g.profile.Jurisdiction == law.Lab:
		return labWitness, nil
	}
	return "", hint.Wrap(fmt.Errorf("%w, and %q is nobody's name", ErrWitness, name), "say who saw it: --witness NAME")
}

// labWitness stands for a witness under the profile in which nobody consents who exists.
const labWitness = "nobody, as in profile lab nobody consents"

// Enrol protects the mean embedding of one person, stores it and lets it match. v is cleared. A face that matches
// somebody else who is enrolled is refused without saying whom: enrolled twice, neither record would ever lead the other
// by the margin. Where faces are compared 1:1 everybody gets a pass, and nobody is compared with others here either.
func (g *Gallery) Enrol(r people.EnrolRequest, v embed.Vector) (enrolled people.Enrolled, err error) {
	defer clear(v)
	if err := g.unique(r, v); err != nil {
		return people.Enrolled{}, err
	}
	e, err := g.enrolment(r)
	if err != nil {
		return people.Enrolled{}, err
	}
	if r.Pass || g.scheme.passes() {
		if enrolled.Pass, e.Pass, err = g.store.Credentials().DrawPass(); err != nil {
			return people.Enrolled{}, err
		}
		defer e.Pass.Clear()
	}
	if err = g.keep(&enrolled, e, r, v); err != nil {
		enrolled.Pass.Clear()
		return people.Enrolled{}, err
	}
	return enrolled, nil
}

// keep turns v into the Code of e, stores it and lets it match. What came of it is in enrolled.
func (g *Gallery) keep(enrolled *people.Enrolled, e store.Enrolment, r people.EnrolRequest, v embed.Vector) (err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if r.Again {
		if enrolled.Former, err = g.compare(r, v); err != nil {
			return err
		}
	}
	if ok, err := g.scheme.protect(&e, v); err != nil {
		return err
	} else if !ok {
		return hint.Wrap(ErrFace, "enrol again")
	}
	if r.Again {
		enrolled.Person, err = g.recapture(e)
		return err
	}
	p, err := g.store.Enrol(e)
	if err != nil {
		return err
	}
	enrolled.Person = people.Listed(p)
	return g.scheme.add(p, e.Code)
}

// unique refuses a face that matches somebody else than whom r is about.
func (g *Gallery) unique(r people.EnrolRequest, v embed.Vector) error {
	found, threshold, err := g.scheme.nearest(v)
	if err != nil || !found.OK {
		return err
	}
	score := found.Score
	if p, err := g.store.Person(r.Label); r.Again && err == nil && p.ID == found.Best {
		score = found.Second
	}
	if score >= threshold {
		return hint.Wrap(ErrTwice, "one person has one label: capture them again under theirs, with --again, or erase it first")
	}
	return nil
}

// recapture stores a new template in the place of the person's former one. g.mu must be held.
func (g *Gallery) recapture(e store.Enrolment) (people.Person, error) {
	old, _ := g.store.Person(e.Label)
	_, receipt, err := g.store.Recapture(e)
	now, _ := g.store.Person(e.Label)
	if now.Record != old.Record { // even if what comes after has failed
		g.forget(now.ID)
		err = errors.Join(err, g.scheme.add(now, e.Code))
	}
	if err != nil {
		return people.Person{}, err
	}
	listed := people.Listed(now)
	listed.Receipt = string(receipt)
	return listed, nil
}

// EraseDue keeps everybody from matching whose enrolment has ended, or may have. It erases those of whom it is certain, and
// who have certainly not been seen for long, and returns how many they were. Their receipts wait to be fetched. Those who
// were kept from matching by a clock that was wrong match again.
func (g *Gallery) EraseDue() (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.attend(); err != nil {
		return 0, err
	}
	ids, err := g.store.Retention().EraseDue()
	for _, id := range ids {
		g.dismiss(id)
	}
	return len(ids), err
}

// EraseOwed erases those whose erasure was asked for and found no room, and returns how many they were. Their receipts wait
// to be fetched.
func (g *Gallery) EraseOwed() (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	ids, err := g.store.Retention().EraseOwed()
	for _, id := range ids {
		g.dismiss(id)
	}
	return len(ids), err
}

// has reports whether the person enrolled under label can match.
func (g *Gallery) has(label string) bool {
	p, err := g.store.Person(label)
	return err == nil && g.scheme.has(p.ID)
}

// dismiss takes a person out of the index for good.
func (g *Gallery) dismiss(id template.PersonID) {
	delete(g.lapsed, id)
	g.forget(id)
}

// forget takes a person out of the index.
func (g *Gallery) forget(id template.PersonID) {
	g.scheme.remove(id)
	g.barred.lift(id)
	g.claims.closeOf(id)
}

// Passed notes that a person was let in: who was, as the day on which they were last seen, and that somebody was, in the
// audit log. Failures in a row against them end with it.
func (g *Gallery) Passed(person decide.Person, at time.Time) error {
	g.store.Retention().Seen(person, at)
	return errors.Join(g.store.Lockouts().Succeeded(person), g.store.Log().Access(at))
}

// ErrFacesOff refuses an enrolment while no face is looked at, of those who stand at a desk neither.
var ErrFacesOff = hint.Wrap(errors.New("faces are off, and nobody is captured meanwhile"), "facegate faces on, then enrol again")

// FacesOff reports whether no face is to be looked at until TurnFacesOn. It does not wait for the store.
func (g *Gallery) FacesOff() bool { return g.off.Load() }
