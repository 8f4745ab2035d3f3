package gate

import (
	"facegate/pipeline/decide"
	"facegate/pipeline/embed"
	"facegate/store"
)

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
