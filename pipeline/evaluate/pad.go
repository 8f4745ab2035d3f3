package evaluate

import (
	"fmt"
	"maps"
	"slices"

	"facegate/configs/hint"
)

// Presentations are the liveness scores of faces shown to the camera, in [0, 1]; one at or above the threshold is
// taken for live.
type Presentations struct {
	Name     string               // of the model or models that gave the scores
	BonaFide []float64            // live faces
	Attacks  map[string][]float64 // by kind of attack instrument ("print", "replay")
}

// A PAD is presentation attack detection performance at one threshold (ISO/IEC 30107-3). It gives no average over
// attacks and live faces (ACER), which hides the attack that gets through.
type PAD struct {
	Name      string       `json:"name"`
	Threshold float64      `json:"threshold"`
	BPCER     Proportion   `json:"bpcer"`   // bona fide presentations taken for attacks
	Attacks   []AttackKind `json:"attacks"` // by name
	Worst     AttackKind   `json:"worst"`   // the kind with the highest APCER

	// EER and AUC are over the attacks of all kinds together.
	EER          float64 `json:"eer"`
	EERThreshold float64 `json:"eer_threshold"`
	AUC          float64 `json:"auc"`

	Points []PADPoint `json:"points"`
}

// An AttackKind is how the attacks of one kind fared.
type AttackKind struct {
	Kind  string     `json:"kind"`
	APCER Proportion `json:"apcer"` // attacks taken for live
	AUC   float64    `json:"auc"`   // against all bona fide presentations
}

// A PADPoint is what it costs live faces to hold attacks of every kind to a rate.
type PADPoint struct {
	TargetAPCER float64    `json:"target_apcer"` // of the worst kind
	Reached     bool       `json:"reached"`      // false if no threshold does it; the fields below are then unset
	Threshold   float64    `json:"threshold,omitempty"`
	BPCER       Proportion `json:"bpcer,omitzero"`
}

// Report measures p at threshold, and at the thresholds of APCER 10 %, 5 % and 1 % (BPCER10, BPCER20, BPCER100). The
// error wraps ErrTooFew if there are no bona fide presentations or no attacks.
func (p *Presentations) Report(threshold float64) (*PAD, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	r := &PAD{Name: p.Name, Threshold: threshold, BPCER: p.BPCER(threshold)}
	var attacks []float64
	for _, kind := range slices.Sorted(maps.Keys(p.Attacks)) {
		scores := p.Attacks[kind]
		k := AttackKind{kind, p.APCER(kind, threshold), curveOfScores(p.BonaFide, scores).auc()}
		if len(r.Attacks) == 0 || k.APCER.Rate > r.Worst.APCER.Rate {
			r.Worst = k
		}
		r.Attacks = append(r.Attacks, k)
		attacks = append(attacks, scores...)
	}
	all := curveOfScores(p.BonaFide, attacks)
	r.EER, r.EERThreshold = all.eer()
	r.AUC = all.auc()
	for _, apcer := range []float64{0.1, 0.05, 0.01} {
		point := PADPoint{TargetAPCER: apcer}
		if t, ok := p.ThresholdAtAPCER(apcer); ok {
			point.Reached, point.Threshold, point.BPCER = true, t, p.BPCER(t)
		}
		r.Points = append(r.Points, point)
	}
	return r, nil
}

func (p *Presentations) check() error {
	for kind, scores := range p.Attacks {
		if err := checkScores(kind, scores); err != nil {
			return err
		}
	}
	if len(p.Attacks) == 0 {
		return hint.Wrap(fmt.Errorf("no attacks: %w", ErrTooFew), "give pictures of attacks in a folder of their kind")
	}
	return checkScores("bona fide", p.BonaFide)
}

func checkScores(kind string, scores []float64) error {
	if len(scores) == 0 {
		return hint.Wrap(fmt.Errorf("no %s presentations: %w", kind, ErrTooFew), "give pictures in which a face is found")
	}
	for _, s := range scores {
		if !(s >= 0 && s <= 1) {
			return fmt.Errorf("%s: liveness score %v is not in [0, 1]", kind, s)
		}
	}
	return nil
}

// APCER returns the share of the attacks of one kind that reach the threshold.
func (p *Presentations) APCER(kind string, threshold float64) Proportion {
	below := countBelow(p.Attacks[kind], threshold)
	n := int64(len(p.Attacks[kind]))
	return NewProportion(n-below, n)
}

// BPCER returns the share of the bona fide presentations below the threshold.
func (p *Presentations) BPCER(threshold float64) Proportion {
	return NewProportion(countBelow(p.BonaFide, threshold), int64(len(p.BonaFide)))
}

func countBelow(scores []float64, threshold float64) int64 {
	var n int64
	for _, s := range scores {
		if s < threshold {
			n++
		}
	}
	return n
}

// ThresholdAtAPCER returns the lowest threshold that at most rate, in [0, 1), of the attacks of every kind reach. It
// is not ok if that is above 1, where no live face would pass either.
func (p *Presentations) ThresholdAtAPCER(rate float64) (threshold float64, ok bool) {
	for _, scores := range p.Attacks {
		threshold = max(threshold, thresholdAbove(scores, rate))
	}
	return threshold, threshold <= 1
}

// ThresholdAtBPCER returns the highest threshold below which at most rate, in [0, 1), of the bona fide presentations
// fall. It is not ok if there are none.
func (p *Presentations) ThresholdAtBPCER(rate float64) (threshold float64, ok bool) {
	if len(p.BonaFide) == 0 {
		return 0, false
	}
	sorted := slices.Sorted(slices.Values(p.BonaFide))
	return sorted[min(int(rate*float64(len(sorted))), len(sorted)-1)], true
}
