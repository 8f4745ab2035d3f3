package store

import (
	"errors"
	"fmt"

	"facegate/configs/hint"
	"facegate/pipeline/template"
	"facegate/store/vault"
)

// The reasons for which a pass is refused.
var (
	ErrPass  = errors.New("the pass is not valid at this door")
	ErrBound = errors.New("the template opens with the present pass alone")
)

// DrawPass draws the Token of a new pass, and what comes from it. Both are to be cleared after use.
func (w Credentials) DrawPass() (template.Token, *template.TokenKeys, error) {
	t, err := template.NewToken(w.s.rand)
	if err != nil {
		return template.Token{}, nil, err
	}
	k, err := w.PassKeys(t)
	return t, k, err
}

// PassKeys derives what comes from t and the device key together. It is to be cleared after use.
func (w Credentials) PassKeys(t template.Token) (*template.TokenKeys, error) {
	return template.NewTokenKeys(w.s.device, t)
}

// ErrMade means that a Code cannot be kept, because of what it was made with.
var ErrMade = errors.New("the template was not made for the present epoch")

// checkMade says why e.Code cannot be kept, such as for an epoch that has begun since it was made.
func (s *Store) checkMade(e Enrolment) error {
	switch m := e.Made; {
	case m.Scheme == template.SchemeS1 && m.Epoch == s.state.Epoch && m.Lane < template.Lanes:
		return nil
	case m.Scheme == template.SchemeS2 && m.Epoch == 0 && m.Lane == 0 && e.Pass != nil:
		return nil
	default:
		return hint.Wrap(fmt.Errorf("store: %w %d: it is of scheme %d, epoch %d, lane %d", ErrMade, s.state.Epoch, m.Scheme, m.Epoch, m.Lane),
			"capture the person again")
	}
}

// checkPass says why e cannot have its pass.
func (s *Store) checkPass(e Enrolment) error {
	if e.Scheme == template.SchemeS2 && e.Pass == nil {
		return hint.Wrap(fmt.Errorf("store: %w, and there is none", ErrBound), "give the person a pass")
	}
	return s.unheld(e.Pass)
}

// unheld says why the pass that k comes from cannot be given to anybody; nil is none.
func (s *Store) unheld(k *template.TokenKeys) error {
	if k != nil && s.register.holds(k.ID) {
		return hint.Wrap(fmt.Errorf("store: %w: it is somebody's already", ErrPass), "draw a new one")
	}
	return nil
}

// putRecord returns the put of p's record, which is sealed twice. The inner seal is that of package template, under a key
// that lasts: of the device, or in scheme S2 of device and pass together. The outer one is that of every row, under a key
// that the next erasure destroys, whoever is erased. It is renewed without the inner key, so that nobody's pass is needed
// for that and no Code is opened. Rows of both schemes look alike.
func (s *Store) putRecord(p Person, e Enrolment) (vault.Put, error) {
	var sealed []byte
	var err error
	if h := s.header(p, e.ModelID); e.Scheme == template.SchemeS2 {
		sealed, err = template.SealToken(e.Pass, s.rand, h, e.Code)
	} else {
		sealed, err = template.Seal(s.inner, s.rand, h, e.Code)
	}
	return s.faces.Value(vault.At(recordsTable, p.Record), sealed), err
}

// holder returns the person whose own pass has this id.
func (s *Store) holder(id template.TokenID) (Person, error) {
	if p := s.register.byID[s.register.byCredential[s.register.byKey[id]]]; p.Holds(id) {
		return p, nil
	}
	return Person{}, invalid("nobody has it, or it was replaced", "take the newest pass of the person")
}

const adviceAgain = "capture the person again with: facegate enroll LABEL --again"

func invalid(why, advice string) error {
	return hint.Wrap(fmt.Errorf("store: %w: %s", ErrPass, why), "%s", advice)
}

// Claim returns the person with the pass that k comes from, and their Code, to be compared with one face and cleared. It
// refuses with ErrPass a pass that nobody has, that was replaced or has expired, and one whose Code was made with another
// model or was destroyed.
func (t Templates) Claim(k *template.TokenKeys, modelID [32]byte) (p Person, code template.Code, err error) {
	t.s.mu.Lock()
	defer t.s.mu.Unlock()
	err = t.s.faces.Mending(func() error {
		p, code, err = t.s.claim(k, modelID)
		return err
	})
	return p, code, err
}

func (s *Store) claim(k *template.TokenKeys, modelID [32]byte) (Person, template.Code, error) {
	p, err := s.holder(k.ID)
	if err != nil {
		return Person{}, template.Code{}, err
	}
	if pass, _ := p.ownPass(); pass.validAt(s.look()) != nil {
		return Person{}, template.Code{}, invalid("it has expired", adviceAgain)
	}
	return s.codeOf(p, k, modelID)
}

// ClaimNamed is Claim of somebody who was named by other means than their pass, such as a card. It refuses with ErrBound a Code of
// scheme S2, which opens with the pass alone.
func (t Templates) ClaimNamed(id template.PersonID, modelID [32]byte) (p Person, code template.Code, err error) {
	t.s.mu.Lock()
	defer t.s.mu.Unlock()
	p, ok := t.s.register.byID[id]
	switch {
	case !ok:
		return Person{}, template.Code{}, invalid("its owner is not on the list any more", "take another way in")
	case p.Scheme == template.SchemeS2:
		return Person{}, template.Code{}, hint.Wrap(fmt.Errorf("store: %w", ErrBound), "show the pass")
	}
	err = t.s.faces.Mending(func() error {
		p, code, err = t.s.codeOf(p, nil, modelID)
		return err
	})
	return p, code, err
}

// codeOf opens the Code of p. k is needed where that is of scheme S2.
func (s *Store) codeOf(p Person, k *template.TokenKeys, modelID [32]byte) (Person, template.Code, error) {
	switch v := s.look(); {
	case p.lapsed(v):
		return Person{}, template.Code{}, invalid("it has expired", adviceAgain)
	case s.needsConsent(p):
		return Person{}, template.Code{}, invalid("the person has consented under the rules of another profile", adviceAgain)
	case !s.owedSince(p).IsZero():
		return Person{}, template.Code{}, invalid("its owner is to be erased", "make room on the disk: it is then done by itself")
	case !p.Consented():
		return Person{}, template.Code{}, invalid("the person gives no face", "open with the pass alone, where the site lets it")
	case s.state.Older != nil:
		return Person{}, template.Code{}, invalid("an older copy of the records was put back, and no face is looked at", AdviceOlder)
	case s.state.Older != nil:
		return Person{}, template.Code{}, invalid("no face is looked at, because "+ErrOlder.Error(), "open with the pass alone, where the site lets it")
	case p.Record == (template.RecordID{}), s.barred(p), s.templatesGone():
		return Person{}, template.Code{}, invalid("the template was destroyed with all others, or with its epoch", adviceAgain)
	}
	sealed, err := s.faces.GetValue(vault.At(recordsTable, p.Record))
	if err != nil {
		return Person{}, template.Code{}, err
	}
	h, code, err := s.openRecord(p, k, sealed)
	if err != nil {
		return Person{}, template.Code{}, s.faces.Damaged(err)
	}
	if h.ModelID != modelID {
		return Person{}, template.Code{}, invalid("the template was made with another network", adviceAgain)
	}
	return p, code, nil
}

// openRecord takes the inner seal from p's record, which must be the one that p was enrolled with.
func (s *Store) openRecord(p Person, k *template.TokenKeys, sealed []byte) (h template.Header, c template.Code, err error) {
	if p.Scheme == template.SchemeS2 {
		h, c, err = template.OpenToken(k, sealed)
	} else {
		h, c, err = template.Open(s.inner, sealed)
	}
	if err == nil && h != s.header(p, h.ModelID) {
		err = errForeign
	}
	return h, c, err
}

var errForeign = errors.New("a record is not the one that was enrolled")

// Bound returns who has a record of scheme S2 made with a model that has not expired: those whom Claim finds by their
// pass and Records does not list. A record that is not the one that its person is linked to is ErrDamaged.
func (t Templates) Bound(modelID [32]byte) (people []template.PersonID, err error) {
	t.s.mu.Lock()
	defer t.s.mu.Unlock()
	err = t.s.faces.Mending(func() error {
		people, err = t.s.bound(modelID)
		return err
	})
	return people, err
}

func (s *Store) bound(modelID [32]byte) ([]template.PersonID, error) {
	v := s.look()
	var people []template.PersonID
	for _, p := range s.register.byID {
		if p.Scheme != template.SchemeS2 || p.Record == (template.RecordID{}) || s.barred(p) || s.templatesGone() || s.state.Older != nil {
			continue
		}
		sealed, err := s.faces.GetValue(vault.At(recordsTable, p.Record))
		if err != nil {
			return nil, err
		}
		h, err := template.ReadHeader(sealed)
		if err == nil && h != s.header(p, h.ModelID) {
			err = errForeign
		}
		if err != nil {
			return nil, s.faces.Damaged(err)
		}
		if h.ModelID == modelID && !p.lapsed(v) && !s.needsConsent(p) {
			people = append(people, p.ID)
		}
	}
	return people, nil
}
