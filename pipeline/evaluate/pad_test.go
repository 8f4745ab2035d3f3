package evaluate

import (
	"errors"
	"math"
	"testing"

	"pgregory.net/rapid"

	"facegate/configs/hint"
)

// presentations has a hundred live faces from 120.5/256 on, a hundred prints from 0 on, all below them, and a hundred
// replays from 40/256 on, of which nineteen reach among the live faces.
func presentations() *Presentations {
	p := &Presentations{Name: "fr_liveness+minifasv2se", Attacks: map[string][]float64{}}
	for i := range 100 {
		p.BonaFide = append(p.BonaFide, (120.5+float64(i))/256)
		p.Attacks["print"] = append(p.Attacks["print"], float64(i)/256)
		p.Attacks["replay"] = append(p.Attacks["replay"], (40+float64(i))/256)
	}
	return p
}

func TestPAD(t *testing.T) {
	r, err := presentations().Report(130.0 / 256)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "BPCER", r.BPCER.Rate, 0.10, 1e-12)
	near(t, "APCER print", r.Attacks[0].APCER.Rate, 0, 1e-12)
	near(t, "APCER replay", r.Attacks[1].APCER.Rate, 0.10, 1e-12)
	if r.Worst.Kind != "replay" {
		t.Errorf("worst kind is %q", r.Worst.Kind)
	}
	near(t, "AUC print", r.Attacks[0].AUC, 1, 1e-12)
	// The nineteen lie above 1, 2 ... 19 live faces: 190 pairs are the wrong way round.
	near(t, "AUC replay", r.Attacks[1].AUC, 1-190.0/10_000, 1e-12)
	near(t, "AUC", r.AUC, 1-190.0/20_000, 1e-12)
	near(t, "BPCER20", r.Points[1].BPCER.Rate, 0.14, 1e-12)
}

func TestPADThresholds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		scores := rapid.SliceOfN(rapid.Float64Range(0, 1), 1, 60)
		p := &Presentations{
			BonaFide: scores.Draw(t, "live"),
			Attacks:  map[string][]float64{"print": scores.Draw(t, "print"), "mask": scores.Draw(t, "mask")},
		}
		rate := rapid.Float64Range(0, 0.999).Draw(t, "rate")
		worst := func(at float64) float64 {
			return max(p.APCER("print", at).Rate, p.APCER("mask", at).Rate)
		}
		at, ok := p.ThresholdAtAPCER(rate)
		if worst(at) > rate {
			t.Fatalf("APCER %v at %v, want at most %v", worst(at), at, rate)
		}
		if below := math.Nextafter(at, -1); worst(below) <= rate {
			t.Fatalf("%v would do as well as %v", below, at)
		}
		if !ok && worst(1) <= rate {
			t.Fatal("1 would do")
		}
		at, _ = p.ThresholdAtBPCER(rate)
		if p.BPCER(at).Rate > rate || p.BPCER(math.Nextafter(at, 2)).Rate <= rate {
			t.Fatalf("%v is not the highest threshold for BPCER %v", at, rate)
		}
	})
}

func TestPADRefuses(t *testing.T) {
	live, print := []float64{1}, map[string][]float64{"print": {0}}
	for name, p := range map[string]*Presentations{
		"no live faces": {"", nil, print},
		"no attacks":    {"", live, nil},
		"empty kind":    {"", live, map[string][]float64{"print": nil}},
	} {
		_, err := p.Report(0.5)
		if !errors.Is(err, ErrTooFew) || hint.Of(err) == "" {
			t.Errorf("%s: error %v, hint %q", name, err, hint.Of(err))
		}
	}
	for _, bad := range []float64{math.NaN(), -0.1, 1.1} {
		if _, err := (&Presentations{"", []float64{bad}, print}).Report(0.5); err == nil {
			t.Errorf("score %v accepted", bad)
		}
	}
	if _, ok := new(Presentations).ThresholdAtBPCER(0.1); ok {
		t.Error("a threshold without live faces")
	}
}
