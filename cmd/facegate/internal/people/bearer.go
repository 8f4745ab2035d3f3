package people

import (
	"errors"

	"facegate/configs/hint"
	"facegate/pipeline/attempt"
	"facegate/pipeline/template"
	"facegate/store"
)

// Shown is what somebody has shown to a reader, read and not looked up yet.
type Shown struct {
	Means attempt.Means
	Pass  template.Token // with attempt.Pass; whoever has read it clears it
	Card  []byte         // with a card: what its reader tells of it
}

// A Bearer is who has shown something, as far as that tells.
type Bearer struct {
	Means   attempt.Means     // what was shown; Visitor for a pass that was given to a guest
	Person  template.PersonID // zeros for nobody, and for a guest
	Finding attempt.Finding   // Matched, Unknown or Ended

	// Credential is what was shown, where its uses are counted; see attempt.Attempt.
	Credential attempt.Credential

	// Faceless says that no face can be asked for: the person gives none, or there is none of theirs that this gate could compare
	// with, as after a lockdown or while no face is looked at.
	Faceless bool

	// Groups are those of a guest, who is on no list. Of anybody else whoever weighs an attempt asks the store, so that a change of
	// groups counts at once.
	Groups []string
}

// Bearer says whose a pass or a card is. It waits for no disk. The error says why the Finding is not attempt.Matched, with a hint;
// it is for the log and for who tries a card, and is told to nobody at the door.
func (r *Register) Bearer(s Shown) (Bearer, error) {
	h, err := r.holder(s)
	if err != nil {
		return Bearer{Means: s.Means, Finding: findingOf(err)}, err
	}
	b := Bearer{Means: s.Means, Person: h.Person, Finding: attempt.Matched, Faceless: !r.asksFor(h.Person)}
	if b.Means == attempt.SecureCard && !h.Credential.Secure { // it may be a copy that was registered
		b.Means = attempt.Card
	}
	if h.Credential.Visitor { // whoever has it is not the one who answers for it
		b.Means, b.Person, b.Faceless, b.Groups = attempt.Visitor, template.PersonID{}, true, []string{attempt.Visitors}
	}
	if h.Credential.Uses > 0 {
		b.Credential = attempt.Credential(h.Credential.ID)
	}
	return b, nil
}

func (r *Register) holder(s Shown) (store.Holder, error) {
	if s.Means != attempt.Pass {
		return r.store.Credentials().FindCard(s.Card)
	}
	k, err := r.store.Credentials().PassKeys(s.Pass)
	if err != nil {
		return store.Holder{}, hint.Wrap(err, "take another way in")
	}
	defer k.Clear()
	return r.store.Credentials().FindPass(k)
}

// findingOf returns what it comes to that nobody is let in by what was shown. Whatever is not valid at this time was somebody's.
func findingOf(err error) attempt.Finding {
	for _, ended := range []error{store.ErrNotYet, store.ErrOver, store.ErrUsedUp} {
		if errors.Is(err, ended) {
			return attempt.Ended
		}
	}
	return attempt.Unknown
}

// asksFor reports whether the face of a person can be asked for.
func (r *Register) asksFor(person template.PersonID) bool {
	return r.WhyOff() == nil && r.scheme.has(person)
}

// ByNumber is Bearer of whoever has typed a number, which names them and proves nothing. It waits for no disk.
func (r *Register) ByNumber(number string) (Bearer, error) {
	id, err := r.store.Credentials().ByNumber(number)
	if err != nil {
		return Bearer{Means: attempt.PIN}, err
	}
	return Bearer{Means: attempt.PIN, Person: id, Faceless: !r.asksFor(id)}, nil
}

// CheckPIN says what a PIN comes to that somebody has typed after person was named, zeros for nobody, and whether it is the one that
// they type when they are forced to. It takes as long whatever it comes to, and is an attempt.Look.
func (r *Register) CheckPIN(person template.PersonID, pin []byte, counted func() error) (f attempt.Finding, duress bool) {
	duress, err := r.store.Credentials().CheckPIN(person, pin, counted)
	switch {
	case err == nil:
		return attempt.Matched, duress
	case findingOf(err) == attempt.Ended:
		return attempt.Ended, duress
	}
	return attempt.NearMiss, duress
}
