package people

import (
	"errors"
	"fmt"
	"slices"

	"facegate/configs/hint"
	"facegate/pipeline/embed"
	"facegate/pipeline/template"
	"facegate/store"
)

// ErrSomebodyElse says that somebody else stands there than who is to be captured again. How near they came is not told.
var ErrSomebodyElse = errors.New("this is not the face of the former template")

// What is told of a comparison with the former template.
const (
	samePerson  = "the face is that of the former template"
	notCompared = "the face was not compared: "
	saidChanged = notCompared + "it has changed, as was said"
)

// compare refuses a face that is not the one of whom r wants to capture again, and says whether it is, where that can be
// known. r.mu must be held.
func (r *Register) compare(q EnrolRequest, v embed.Vector) (told string, err error) {
	if q.FaceChanged {
		return saidChanged, nil
	}
	err = r.former(q, func(p store.Person, k *template.TokenKeys, code *template.Code) error {
		same, err := r.verifies(p, k, code, v)
		if err == nil && !same {
			err = hint.Wrap(fmt.Errorf("%w of %s", ErrSomebodyElse, q.Label),
				"have %s stand before the camera; if it is them, and a document says so, capture them with --changed-face", q.Label)
		}
		return err
	})
	if errors.Is(err, store.ErrNoFormer) {
		return notCompared + err.Error(), nil
	}
	if err != nil {
		return "", err
	}
	return samePerson, nil
}

// knowsPass says, before anybody is captured, why the pass that r has cannot be the one of the former template.
func (r *Register) knowsPass(q EnrolRequest) error {
	if q.FormerPass == "" {
		return nil
	}
	err := r.former(q, func(store.Person, *template.TokenKeys, *template.Code) error { return nil })
	if errors.Is(err, store.ErrNoFormer) {
		return nil
	}
	return err
}

// former has look see the Code of whom r wants to capture again, with the keys of their pass if r has it.
func (r *Register) former(q EnrolRequest, look func(store.Person, *template.TokenKeys, *template.Code) error) error {
	var k *template.TokenKeys
	if q.FormerPass != "" {
		t, err := template.ParseToken(q.FormerPass)
		if err != nil {
			return hint.Wrap(err, "give the %d letters of the pass and nothing else", template.TokenTextSize)
		}
		defer t.Clear()
		if k, err = r.store.Credentials().PassKeys(t); err != nil {
			return err
		}
		defer k.Clear()
	}
	p, code, err := r.store.Templates().Former(q.Label, k, r.terms.ModelID)
	defer clear(code[:])
	if err != nil {
		return err
	}
	return look(p, k, &code)
}

// verifies reports whether v is the face that code was made of.
func (r *Register) verifies(p store.Person, k *template.TokenKeys, code *template.Code, v embed.Vector) (bool, error) {
	threshold, err := r.verification(1)
	if err != nil {
		return false, err
	}
	projector, err := r.projector(p, k)
	if err != nil {
		return false, err
	}
	defer projector.Clear()
	score, ok := projector.Verify(slices.Clone(v), code)
	if !ok {
		return false, hint.Wrap(ErrFace, "enrol again")
	}
	return score >= threshold, nil
}
