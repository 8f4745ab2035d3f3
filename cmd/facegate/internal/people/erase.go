package people

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"facegate/pipeline/template"
	"facegate/store"
	"facegate/store/audit"
)

// Erase implements Records. The label of who is named by a pass is nobody's concern.
func (b bound) Erase(_ context.Context, who Who, why audit.Reason) (Erasure, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p, unknown := b.whose(who) // of whom the store says what is wrong
	if unknown == nil {
		b.scheme.remove(p.ID)
	}
	e, err := b.store.Erase(who.stored(), why, b.by)
	switch {
	case unknown != nil:
	case errors.Is(err, store.ErrNoFace), errors.Is(err, store.ErrKeyless): // refused, and the person goes on matching
		err = cmp.Or(b.scheme.read(func(id template.PersonID) bool { return id == p.ID }), err)
	default:
		b.dismiss(p.ID)
	}
	if err != nil {
		return Erasure{}, owed(err)
	}
	return Erasure{Erased: who.Label, Receipt: b.proved(e.Receipt)}, nil
}

// whose returns the person who is meant.
func (r *Register) whose(who Who) (store.Person, error) {
	if !who.ByPass() {
		return r.store.Person(who.Label)
	}
	k, err := r.store.Credentials().PassKeys(who.Pass)
	if err != nil {
		return store.Person{}, err
	}
	defer k.Clear()
	all, err := r.store.People()
	if i := slices.IndexFunc(all, func(p store.Person) bool { return p.Holds(k.ID) }); i >= 0 {
		return all[i], nil
	}
	return store.Person{}, cmp.Or(err, store.ErrUnknown)
}

// IssuePass implements Records.
func (b bound) IssuePass(_ context.Context, label string) (template.Token, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t, _, err := b.store.Credentials().Issue(label, store.Terms{}, b.by)
	if err == nil {
		b.claims.close() // by the old pass, for all that is known
	}
	return t, err
}
