package evaluate

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"testing"

	"facegate/configs/goldentest"
	"facegate/configs/hint"
)

func performances() []*Performance {
	return []*Performance{
		{Name: "plain cosine", Genuine: normal(50_000, 0.6, 0.11), Impostor: normal(2_000_000, 0.02, 0.08)},
		{Name: "stored hash, 1024 bits", Genuine: normal(50_000, 0.6, 0.114), Impostor: normal(2_000_000, 0.02, 0.084)},
	}
}

func reports(t *testing.T) []*Report {
	t.Helper()
	var all []*Report
	for _, p := range performances() {
		r, err := p.Report(Acquisition{People: 2862, PeopleFailed: 3, Pictures: 6674, PicturesFailed: 14})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

func TestReport(t *testing.T) {
	r := reports(t)[0]
	near(t, "d'", r.DPrime, 0.58/math.Sqrt((0.11*0.11+0.08*0.08)/2), 0.002)
	near(t, "FTE", r.FTE.Rate, 3.0/2862, 1e-12)
	near(t, "FTA", r.FTA.Rate, 14.0/6674, 1e-12)
	for _, o := range r.Points {
		if want := o.TargetFMR >= 1e-5; o.Measurable != want {
			t.Errorf("FMR %v of 2,000,000: measurable %v", o.TargetFMR, o.Measurable)
			continue
		}
		near(t, "rule of 3 bound", o.Bound, 1.5e-6, 1e-12)
		if !o.Measurable {
			if o.TMR.Of != 0 || o.Threshold != 0 {
				t.Errorf("FMR %v: figures without a measurement", o.TargetFMR)
			}
			continue
		}
		near(t, "threshold", o.Threshold, 0.02+0.08*probit(1-o.TargetFMR), 0.002)
		near(t, "TMR", o.TMR.Rate, 1-o.FNMR.Rate, 1e-12)
		near(t, "FAR", o.FAR, o.FMR.Rate*(1-r.FTA.Rate), 1e-12)
		near(t, "FRR", o.FRR, r.FTA.Rate+o.FNMR.Rate*(1-r.FTA.Rate), 1e-12)
		if o.FMR.Rate > o.TargetFMR || o.FMR.Rate < 0.9*o.TargetFMR {
			t.Errorf("FMR %v, want just under %v", o.FMR.Rate, o.TargetFMR)
		}
	}
}

func TestReportTooFew(t *testing.T) {
	for _, p := range []*Performance{
		{Name: "no genuine", Genuine: new(Histogram), Impostor: normal(10, 0, 0.1)},
		{Name: "no impostor", Genuine: normal(10, 0, 0.1), Impostor: new(Histogram)},
	} {
		_, err := p.Report(Acquisition{})
		if !errors.Is(err, ErrTooFew) || hint.Of(err) == "" {
			t.Errorf("%s: error %v, hint %q", p.Name, err, hint.Of(err))
		}
		if err := WriteDET(io.Discard, "", p); !errors.Is(err, ErrTooFew) {
			t.Errorf("%s: plot error %v", p.Name, err)
		}
	}
}

func identifications() []*Identification {
	return []*Identification{
		{
			Name: "plain cosine", Enrolled: 1842, Mated: 3812, NonMated: 1020, Rank1: NewProportion(3800, 3812),
			TargetFPIR: 0.01, Measurable: true, Threshold: 0.4512, FPIR: NewProportion(10, 1020), FNIR: NewProportion(60, 3812),
		},
		{
			Name: "stored hash, 1024 bits", Enrolled: 1842, Mated: 3812, NonMated: 102, Rank1: NewProportion(3790, 3812),
			TargetFPIR: 0.01, Threshold: 0.4601, FPIR: NewProportion(1, 102), FNIR: NewProportion(71, 3812),
		},
	}
}

func TestText(t *testing.T) {
	var out bytes.Buffer
	verifications := []*Verification{{"plain cosine", 0.9932, 0.00139, make([]float64, 10), 6000, 12}}
	for _, err := range []error{
		WriteReports(&out, reports(t)...), WriteIdentifications(&out, identifications()...),
		WriteVerifications(&out, verifications...), WriteReports(&out),
	} {
		if err != nil {
			t.Fatal(err)
		}
		out.WriteString("\n")
	}
	goldentest.Check(t, "reports.txt", out.String())
}

func TestJSON(t *testing.T) {
	goldentest.CheckJSON(t, "reports.json", map[string]any{
		"verification": reports(t), "identification": identifications(),
	})
}

func TestDET(t *testing.T) {
	var out bytes.Buffer
	if err := WriteDET(&out, `LFW <"dev"> & more`, performances()...); err != nil {
		t.Fatal(err)
	}
	if err := xml.Unmarshal(out.Bytes(), new(struct{})); err != nil {
		t.Errorf("not well-formed: %v", err)
	}
	goldentest.Check(t, "det.svg", out.String())
}

func TestDETRefuses(t *testing.T) {
	p := performances()[0]
	if err := WriteDET(io.Discard, "", p, p, p, p, p, p, p); err == nil {
		t.Error("drew seven curves")
	}
	if err := WriteDET(brokenWriter{}, "", p); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("writing to a broken pipe: %v", err)
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// On normal-deviate axes the curve of two normal distributions of one variance is a straight line of slope -1 (down
// the page, so +1 in the picture).
func TestDETIsStraightForNormalScores(t *testing.T) {
	const d = 4
	offset := func(fmr float64) float64 {
		fnmr := math.Erfc(-(probit(1-fmr)-d)/math.Sqrt2) / 2
		return detX(fmr) - detY(fnmr)
	}
	for _, fmr := range []float64{1e-5, 1e-3, 0.1} {
		near(t, "distance from the diagonal", offset(fmr), offset(1e-4), 1e-6)
	}
}
