package people

import (
	"cmp"
	"context"
	"time"

	"facegate/pipeline/template"
	"facegate/store"
)

// A JoinRequest asks for somebody to be put on the list who gives no face.
type JoinRequest struct {
	Label     string    `json:"label"`          // what the people list shows
	Reference string    `json:"reference"`      // where what was agreed with the person is kept
	Until     time.Time `json:"until"`          // end of the person's right to the door
	Pass      bool      `json:"pass,omitempty"` // the person gets one
	Grouping
}

// Clean brings what people typed into its one form, or says what of it cannot be kept.
func (r *JoinRequest) Clean() error {
	return cmp.Or(store.LabelLine.CleanIn(&r.Label), store.ReferenceLine.CleanIn(&r.Reference), r.CleanGroups())
}

// A Joined is somebody who was put on the list without a face.
type Joined struct {
	Person
	Pass template.Token // of the person's pass, which is kept nowhere else; the zero Token if there is none
}

// Join implements Records. Nobody can match who could not before, so that the index need not hear of it.
func (b bound) Join(_ context.Context, r JoinRequest) (joined Joined, err error) {
	if err := cmp.Or(r.CleanGroups(), b.named(r.Grouping, nil)); err != nil {
		return Joined{}, err
	}
	m := store.Membership{Label: r.Label, Groups: r.Groups, Reference: r.Reference, Expires: r.Until, By: b.by}
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
