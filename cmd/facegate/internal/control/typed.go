package control

import (
	"cmp"

	"facegate/store"
)

// A typed request holds what people typed. Clean brings it into its one form, or says what of it cannot be kept.
type typed interface{ Clean() error }

func (r *facesOffRequest) Clean() error { return store.ReasonLine.CleanIn(&r.Reason) }

func (r *eraseRequest) Clean() error { return store.LabelLine.CleanIn(&r.Label) }

func (r *personRequest) Clean() error { return store.LabelLine.CleanIn(&r.Label) }

func (r *relabelRequest) Clean() error {
	return cmp.Or(store.LabelLine.CleanIn(&r.Label), store.LabelLine.CleanIn(&r.To))
}
