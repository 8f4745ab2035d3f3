package people

import (
	"context"
	"slices"
	"time"

	"facegate/store"
	"facegate/store/receipt"
)

// A Form is all that a gate holds under the number of one form, or another reference. It is spelt as it was when it was typed.
type Form struct {
	Number   string         `json:"number"`
	People   []Person       `json:"people"`   // on the list, whose consent or contract it is
	Ended    []EndedConsent `json:"ended"`    // consents by it that are over: who gave them is not known any more, but for this number
	Receipts []string       `json:"receipts"` // of erasures that are about it, and that nobody has fetched; those that were are not kept
}

// An EndedConsent is the record that somebody had consented, of whom the gate may hold nothing else.
type EndedConsent struct {
	Consent
	Ended time.Time `json:"ended"`
	Why   string    `json:"why"`                 // a reason, as in the audit log
	Kept  time.Time `json:"kept_until,omitzero"` // when the record is destroyed; zero while no right clock has dated its end
}

// A FormRequest names a form.
type FormRequest struct {
	Number string `json:"number"`
}

// Clean brings what people typed into its one form, or says what of it cannot be a number of a form.
func (r *FormRequest) Clean() error { return store.ReferenceLine.CleanIn(&r.Number) }

// Form implements Records.
func (b bound) Form(ctx context.Context, r FormRequest) (Form, error) {
	if err := r.Clean(); err != nil {
		return Form{}, err
	}
	f := Form{Number: r.Number, People: []Person{}, Ended: []EndedConsent{}, Receipts: []string{}}
	listed, err := b.People(ctx)
	if err != nil {
		return Form{}, err
	}
	f.People = append(f.People, slices.DeleteFunc(listed, func(p Person) bool { return p.Consent != r.Number })...)
	ended, err := b.store.Retention().Ended()
	if err != nil {
		return Form{}, err
	}
	for _, c := range ended {
		if c.Reference == r.Number {
			f.Ended = append(f.Ended, b.ended(c))
		}
	}
	slices.SortFunc(f.Ended, func(x, y EndedConsent) int { return x.Ended.Compare(y.Ended) })
	if f.Receipts, err = b.about(ctx, r.Number); err != nil {
		return Form{}, err
	}
	return f, nil
}

// ended returns the record of a consent that is over.
func (b bound) ended(c store.Consent) EndedConsent {
	e := EndedConsent{Consent: agreed(c), Ended: c.Ended, Why: c.Why.String()}
	if c.EndedCount == 0 {
		e.Kept = c.Ended.Add(b.terms.Profile.RecordRetention)
	}
	return e
}

// about returns the receipts that are kept still and are about a form.
func (b bound) about(ctx context.Context, form string) ([]string, error) {
	kept, err := b.Receipts(ctx)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(kept, func(text string) bool {
		r, err := receipt.Read([]byte(text))
		return err != nil || !r.About(form)
	}), nil
}
