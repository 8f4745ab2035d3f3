package people

import (
	"context"
	"errors"

	"facegate/configs/hint"
	"facegate/configs/law"
	"facegate/pipeline/decide"
	"facegate/pipeline/embed"
	"facegate/store"
)

// Epoch implements Records.
func (b bound) Epoch(context.Context) (Epoch, error) { return b.Register.Epoch(), nil }

// Epoch says how far a change of epoch has come.
func (r *Register) Epoch() Epoch {
	e := r.store.Epochs().State()
	return Epoch{Number: int(e.Current), Renewed: e.Renewed, Earlier: e.Earlier, Foreign: e.Foreign, None: e.Recordless}
}

// ErrOneToOne means that a new epoch would renew nothing, because templates are made and sealed with passes.
var ErrOneToOne = errors.New("where faces are compared 1:1 templates are in no epoch")

// BeginEpoch implements Records. Everybody matches as before, and is renewed as they pass.
func (b bound) BeginEpoch(context.Context) (Epoch, error) {
	if b.terms.Profile.Mode == law.OneToOne {
		return Epoch{}, hint.Wrap(ErrOneToOne, "a new pass has new keys: facegate enroll LABEL --again, for each person")
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.store.Epochs().Begin(b.by); err != nil {
		return Epoch{}, err
	}
	e := b.Register.Epoch()
	return e, b.scheme.beginEpoch(uint32(e.Number))
}

// EndEpoch implements Records.
func (b bound) EndEpoch(context.Context) (Epoch, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.scheme.endEpochs()
	b.claims.close() // of one of them, for all that is known
	n, err := b.store.Epochs().End(b.by)
	if err != nil {
		return Epoch{}, owed(err)
	}
	e := b.Register.Epoch()
	e.Ended = n
	return e, nil
}

// Renew gives a person who was just let in a template of the current epoch, made of the sample that came with the grant, in
// the place of one of an earlier epoch. Without a sample it does nothing: the person is renewed another time. The sample is
// cleared.
func (r *Register) Renew(person decide.Person, sample embed.Vector) error {
	if sample == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	made, ok, err := r.scheme.protect("", store.Adult, nil, sample)
	if !ok || err != nil {
		return err
	}
	p, renewed, err := r.store.Epochs().Renew(person, r.terms.ModelID, made)
	if err != nil || !renewed {
		return err
	}
	r.forget(person)
	return r.scheme.add(p, made.Code)
}
