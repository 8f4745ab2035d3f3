package bypeople

import (
	"testing"

	"facegate/pipeline/evaluate"
)

// TestIdentify counts on paper. Anna has four probes, of which one is found, one is below the threshold and two are taken for
// carl; bob's only one is found. Of two strangers one is taken for carl.
func TestIdentify(t *testing.T) {
	samples := []evaluate.Sample{
		{Subject: 0, Picture: "anna/1"},
		{Subject: 0, Picture: "anna/2"},
		{Subject: 0, Picture: "anna/3"},
		{Subject: 0, Picture: "anna/4"},
		{Subject: 0, Picture: "anna/5"},
		{Subject: 1, Picture: "bob/1"},
		{Subject: 1, Picture: "bob/2"},
		{Subject: 2, Picture: "b_stranger/1"},
		{Subject: 3, Picture: "carl/1"},
		{Subject: 4, Picture: "d_stranger/1"},
	}
	const carl = 8
	m := make(matrix, len(samples))
	for i := range m {
		m[i] = make([]float32, len(samples))
	}
	m[1][0] = 0.875
	m[2][0] = 0.375
	m[3][carl], m[4][carl] = 0.75, 0.75
	m[6][5] = 0.875
	m[7][carl] = 0.5
	m[9][carl] = 0.25
	o, err := evaluate.Search(t.Context(), samples, m, nil)
	if err != nil {
		t.Fatal(err)
	}
	x := Identify(samples, o, 0.5, 1)
	if x.Enrolled != 3 || x.Mated != 2 || x.NonMated != 2 || x.Measurable {
		t.Errorf("who takes part: %+v", x)
	}
	if !(x.Threshold > 0.25 && x.Threshold < 0.26) {
		t.Errorf("threshold %v, want just above 0.25", x.Threshold)
	}
	near(t, "not at rank 1", x.MissRank1.Value, (2.0/4+0)/2, 1e-9)
	near(t, "FNIR", x.FNIR.Value, (2.0/4+0)/2, 1e-9)
	near(t, "FPIR", x.FPIR.Value, 1.0/2, 1e-9)
	strict := Identify(samples, o, 0.01, 1)
	near(t, "threshold", strict.Threshold, 0.5, 1e-6)
	near(t, "FNIR above it", strict.FNIR.Value, (3.0/4+0)/2, 1e-9)
	near(t, "FPIR above it", strict.FPIR.Value, 0, 0)
	if x.MissRank1.Erring != 1 || x.FPIR.Erring != 2 || x.MissRank1.WorstTen != 1 {
		t.Errorf("who errs: %+v and %+v", x.MissRank1, x.FPIR)
	}
	if i := strict.FPIR.Interval; i == nil || i.High < 0.8 {
		t.Errorf("no error of two strangers shows less than %+v", i)
	}
}
