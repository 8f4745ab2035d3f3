package evaluate

import (
	"fmt"

	"facegate/configs/hint"
)

// An Acquisition counts what came of the pictures before anything was compared.
type Acquisition struct {
	People         int // people in the folder
	PeopleFailed   int // of these, people none of whose pictures gave a vector
	Pictures       int // pictures in the folder
	PicturesFailed int // of these, pictures that gave no vector: no face, or none good enough
}

// A Report is the verification performance of one scorer (ISO/IEC 19795-1).
type Report struct {
	Name         string           `json:"name"`
	FTE          Proportion       `json:"fte"` // failure to enrol, of people
	FTA          Proportion       `json:"fta"` // failure to acquire, of pictures
	Genuine      int64            `json:"genuine_comparisons"`
	Impostor     int64            `json:"impostor_comparisons"`
	GenuineMean  float64          `json:"genuine_mean"`
	ImpostorMean float64          `json:"impostor_mean"`
	DPrime       float64          `json:"d_prime"`
	EER          float64          `json:"eer"`
	AUC          float64          `json:"auc"`
	Points       []OperatingPoint `json:"points"`
}

// An OperatingPoint is what a threshold chosen for a false match rate costs.
type OperatingPoint struct {
	TargetFMR  float64 `json:"target_fmr"`
	Measurable bool    `json:"measurable"` // whether at least MinErrors false matches are to be expected at TargetFMR

	// Bound is 3/n for n impostor comparisons: the rule-of-three bound, which is the least FMR that anything could
	// be said of. The fields below are set only if Measurable.
	Bound     float64    `json:"bound"`
	Threshold float64    `json:"threshold,omitempty"`
	FMR       Proportion `json:"fmr,omitzero"`
	FNMR      Proportion `json:"fnmr,omitzero"`
	TMR       Proportion `json:"tmr,omitzero"` // 1 - FNMR
	FAR       float64    `json:"far,omitempty"`
	FRR       float64    `json:"frr,omitempty"`
}

// Report summarises p at FMR 1e-2 to 1e-6. FAR is FMR*(1-FTA) and FRR is FTA + FNMR*(1-FTA), for one attempt. The
// error wraps ErrTooFew if there are no genuine or no impostor comparisons.
func (p *Performance) Report(a Acquisition) (*Report, error) {
	if p.Genuine.Count() == 0 || p.Impostor.Count() == 0 {
		return nil, hint.Wrap(fmt.Errorf("%d genuine and %d impostor comparisons: %w",
			p.Genuine.Count(), p.Impostor.Count(), ErrTooFew),
			"give a folder <person>/<picture> with at least two people, one of them with two pictures that show a face")
	}
	eer, _ := p.EER()
	r := &Report{
		Name:         p.Name,
		FTE:          NewProportion(int64(a.PeopleFailed), int64(a.People)),
		FTA:          NewProportion(int64(a.PicturesFailed), int64(a.Pictures)),
		Genuine:      p.Genuine.Count(),
		Impostor:     p.Impostor.Count(),
		GenuineMean:  p.Genuine.Mean(),
		ImpostorMean: p.Impostor.Mean(),
		DPrime:       p.DPrime(),
		EER:          eer,
		AUC:          p.AUC(),
	}
	for _, fmr := range []float64{1e-2, 1e-3, 1e-4, 1e-5, 1e-6} {
		r.Points = append(r.Points, p.at(fmr, r.FTA.Rate))
	}
	return r, nil
}

// at returns the operating point for a false match rate of at most fmr.
func (p *Performance) at(fmr, fta float64) OperatingPoint {
	n := p.Impostor.Count()
	o := OperatingPoint{TargetFMR: fmr, Bound: 3 / float64(n)}
	threshold, ok := p.Impostor.Threshold(fmr)
	if !ok || !measurable(fmr, n) {
		return o
	}
	genuine, rejected := p.Genuine.Count(), p.Genuine.Below(threshold)
	o.Measurable = true
	o.Threshold = threshold
	o.FMR = NewProportion(p.Impostor.AtLeast(threshold), n)
	o.FNMR = NewProportion(rejected, genuine)
	o.TMR = NewProportion(genuine-rejected, genuine)
	o.FAR = o.FMR.Rate * (1 - fta)
	o.FRR = fta + o.FNMR.Rate*(1-fta)
	return o
}
