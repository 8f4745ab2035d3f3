package store

import (
	"errors"
	"fmt"

	"facegate/configs/hint"
	"facegate/pipeline/template"
	"facegate/store/vault"
)

// ErrNoFormer means that a person has no Code that a face could be compared with before it is replaced.
var ErrNoFormer = errors.New("there is no former template to compare with")

// Former returns the person enrolled under label and their Code made with a model, to be compared with the face that is to
// take its place, and cleared. k comes from the pass that was shown, nil for none. That the enrolment has expired, or is by
// the rules of another profile, does not matter here. It refuses with ErrUnknown, with ErrPass if the pass is not the person's,
// and with ErrNoFormer, saying why, where there is nothing that can be compared.
func (t Templates) Former(label string, k *template.TokenKeys, modelID [32]byte) (p Person, code template.Code, err error) {
	t.s.mu.Lock()
	defer t.s.mu.Unlock()
	err = t.s.faces.Mending(func() error {
		p, code, err = t.s.formerCode(label, k, modelID)
		return err
	})
	return p, code, err
}

func (s *Store) formerCode(label string, k *template.TokenKeys, modelID [32]byte) (Person, template.Code, error) {
	p, err := s.known(label)
	switch {
	case err != nil:
		return Person{}, template.Code{}, err
	case k != nil && !p.Holds(k.ID):
		return Person{}, template.Code{}, invalid("it is not the pass of "+label, "show the newest pass of the person, or none")
	case !p.Consented():
		return Person{}, template.Code{}, noFormer("the person gave no face until now")
	case p.Record == (template.RecordID{}), s.barred(p), s.templatesGone():
		return Person{}, template.Code{}, noFormer("it was destroyed")
	case p.Scheme == template.SchemeS2 && k == nil:
		return Person{}, template.Code{}, noFormer("it opens with the person's pass alone, which was not shown")
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
		clear(code[:])
		return Person{}, template.Code{}, noFormer("it was made with another network")
	}
	return p, code, nil
}

func noFormer(why string) error {
	return hint.Wrap(fmt.Errorf("%w: %s", ErrNoFormer, why), "make sure by a document that it is the person")
}
