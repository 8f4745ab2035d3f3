package gate

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"facegate/cmd/facegate/internal/people"
	"facegate/configs/hint"
	"facegate/pipeline/template"
	"facegate/store"
	"facegate/store/audit"
)

// As returns the records for somebody. What changes who can match tells the index too: before the store where somebody is
// to match no more, so that they stay out of the index until the next start if the store fails, and after it otherwise.
func (g *Gallery) As(by audit.Actor) people.Records { return indexed{g.register.As(by), g} }

// indexed are Records of which the index is told.
type indexed struct {
	people.Records
	g *Gallery
}

// Erase implements people.Records.
func (r indexed) Erase(ctx context.Context, who people.Who, why audit.Reason) (people.Erasure, error) {
	r.g.mu.Lock()
	defer r.g.mu.Unlock()
	if p, err := r.g.whose(who); err == nil { // otherwise the store says what is wrong
		r.g.dismiss(p.ID)
	}
	return r.Records.Erase(ctx, who, why)
}

// whose returns the person who is meant.
func (g *Gallery) whose(who people.Who) (store.Person, error) {
	if !who.ByPass() {
		return g.store.Person(who.Label)
	}
	k, err := g.store.Credentials().PassKeys(who.Pass)
	if err != nil {
		return store.Person{}, err
	}
	defer k.Clear()
	all, err := g.store.People()
	if i := slices.IndexFunc(all, func(p store.Person) bool { return p.Holds(k.ID) }); i >= 0 {
		return all[i], nil
	}
	return store.Person{}, cmp.Or(err, store.ErrUnknown)
}

// IssuePass implements people.Records.
func (r indexed) IssuePass(ctx context.Context, label string) (template.Token, error) {
	r.g.mu.Lock()
	defer r.g.mu.Unlock()
	t, err := r.Records.IssuePass(ctx, label)
	if err == nil {
		r.g.claims.close() // by the old pass, for all that is known
	}
	return t, err
}

// Lockdown implements people.Records.
func (r indexed) Lockdown(ctx context.Context) (people.Facts, error) {
	r.g.mu.Lock()
	defer r.g.mu.Unlock()
	r.g.scheme.clear()
	clear(r.g.lapsed)
	r.g.claims.close()
	return r.Records.Lockdown(ctx)
}

// ResetLockout implements people.Records.
func (r indexed) ResetLockout(ctx context.Context) error {
	if err := r.Records.ResetLockout(ctx); err != nil {
		return err
	}
	r.g.barred.clear()
	return nil
}

// TurnFacesOff implements people.Records. No face is looked at any more, at once, even if that cannot be written down.
func (r indexed) TurnFacesOff(ctx context.Context, reason string) error {
	if err := store.ReasonLine.CleanIn(&reason); err != nil {
		return err
	}
	r.g.off.Store(true)
	if err := r.Records.TurnFacesOff(ctx, reason); err != nil {
		return hint.Wrap(fmt.Errorf("faces are off until facegate is restarted, and not longer: %w", err),
			"make room on the disk, and give the command again")
	}
	return nil
}

// TurnFacesOn implements people.Records.
func (r indexed) TurnFacesOn(ctx context.Context) error {
	if err := r.Records.TurnFacesOn(ctx); err != nil {
		return err
	}
	r.g.off.Store(false)
	return nil
}

// BeginEpoch implements people.Records.
func (r indexed) BeginEpoch(ctx context.Context) (people.Epoch, error) {
	r.g.mu.Lock()
	defer r.g.mu.Unlock()
	began, err := r.Records.BeginEpoch(ctx)
	if err != nil {
		return people.Epoch{}, err
	}
	if err := r.g.scheme.beginEpoch(uint32(began.Number)); err != nil {
		return people.Epoch{}, err
	}
	return began, nil
}

// EndEpoch implements people.Records.
func (r indexed) EndEpoch(ctx context.Context) (people.Epoch, error) {
	r.g.mu.Lock()
	defer r.g.mu.Unlock()
	r.g.scheme.endEpochs()
	r.g.claims.close() // of one of them, for all that is known
	return r.Records.EndEpoch(ctx)
}
