package people

import (
	"context"

	"facegate/store"
)

// Join implements Records. Nobody can match who could not before, so that the index need not hear of it.
func (b bound) Join(_ context.Context, r JoinRequest) (joined Joined, err error) {
	m := store.Membership{Label: r.Label, Reference: r.Reference, Expires: r.Until, By: b.by}
	if r.Pass {
		if joined.Pass, m.Pass, err = b.store.Credentials().DrawPass(); err != nil {
			return Joined{}, err
		}
		defer m.Pass.Clear()
	}
	p, err := b.store.Join(m)
	if err != nil {
		joined.Pass.Clear()
		return Joined{}, err
	}
	joined.Person = b.listed(p)
	return joined, nil
}
