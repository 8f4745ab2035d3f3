package gate

import (
	"facegate/cmd/facegate/internal/ledger"
	"facegate/cmd/facegate/internal/people"
	"facegate/pipeline/decide"
	"facegate/pipeline/embed"
	"facegate/store"
	"facegate/store/audit"
)

// BeginEpoch begins a new epoch. Everybody matches as before, and is renewed as they pass.
func (g *Gallery) BeginEpoch(by audit.Actor) (people.Epoch, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	began, err := ledger.Ledger{Store: g.store}.BeginEpoch(g.profile.Mode, by)
	if err != nil {
		return people.Epoch{}, err
	}
	if err := g.scheme.beginEpoch(uint32(began.Number)); err != nil {
		return people.Epoch{}, err
	}
	return began, nil
}

// EndEpoch stops everybody from matching who is in an earlier epoch, and destroys their templates. If the store fails they
// stay out of the index until the next start.
func (g *Gallery) EndEpoch(by audit.Actor) (people.Epoch, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.scheme.endEpochs()
	g.claims.close() // of one of them, for all that is known
	return ledger.Ledger{Store: g.store}.EndEpoch(by)
}

// Renew gives a person who was just let in a template of the current epoch, made of the sample that came with the grant, in
// the place of one of an earlier epoch. Without a sample it does nothing: the person is renewed another time. The sample is
// cleared.
func (g *Gallery) Renew(person decide.Person, sample embed.Vector) error {
	if sample == nil {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	var e store.Enrolment
	if ok, err := g.scheme.protect(&e, sample); !ok || err != nil {
		return err
	}
	p, renewed, err := g.store.Epochs().Renew(person, g.modelID, e.Lane, e.Code)
	if err != nil || !renewed {
		return err
	}
	g.forget(person)
	return g.scheme.add(p, e.Code)
}
