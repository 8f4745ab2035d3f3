package evaluate

import (
	"fmt"
	"io"

	"facegate/pipeline/evaluate/sheet"
)

// interval gives a rate's confidence interval.
func (p Proportion) interval() string {
	return fmt.Sprintf("%s to %s", sheet.Percent(p.Low), sheet.Percent(p.High))
}

func (p Proportion) String() string {
	return fmt.Sprintf("%s (%s of %s)", sheet.Percent(p.Rate), sheet.Thousands(p.Count), sheet.Thousands(p.Of))
}

// WriteReports writes the verification performance of several scorers of the same samples one beside the other.
func WriteReports(w io.Writer, reports ...*Report) error {
	if len(reports) == 0 {
		return nil
	}
	if err := writeSummary(w, reports); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(w); err != nil {
		return err
	}
	return writePoints(w, reports)
}

// writeSummary writes what does not depend on a threshold, a report a column.
func writeSummary(w io.Writer, reports []*Report) error {
	var head sheet.Table
	names := []string{""}
	for _, r := range reports {
		names = append(names, r.Name)
	}
	head.Row(names...)
	for _, line := range []struct {
		label string
		value func(*Report) string
	}{
		{"failure to enrol (FTE)", func(r *Report) string { return r.FTE.String() }},
		{"failure to acquire (FTA)", func(r *Report) string { return r.FTA.String() }},
		{"genuine comparisons", func(r *Report) string { return sheet.Thousands(r.Genuine) }},
		{"impostor comparisons", func(r *Report) string { return sheet.Thousands(r.Impostor) }},
		{"genuine mean", func(r *Report) string { return fmt.Sprintf("%.4f", r.GenuineMean) }},
		{"impostor mean", func(r *Report) string { return fmt.Sprintf("%.4f", r.ImpostorMean) }},
		{"d'", func(r *Report) string { return fmt.Sprintf("%.3f", r.DPrime) }},
		{"EER", func(r *Report) string { return sheet.Percent(r.EER) }},
		{"AUC", func(r *Report) string { return fmt.Sprintf("%.6f", r.AUC) }},
	} {
		cells := []string{line.label}
		for _, r := range reports {
			cells = append(cells, line.value(r))
		}
		head.Row(cells...)
	}
	return head.Write(w)
}

// writePoints writes the operating points, a row each.
func writePoints(w io.Writer, reports []*Report) error {
	var points sheet.Table
	points.Row("at FMR", "scores", "threshold", "TMR", "95 % interval", "FNMR", "FAR", "FRR")
	for i, first := range reports[0].Points {
		label := fmt.Sprintf("%.0e", first.TargetFMR)
		for _, r := range reports {
			points.Row(append([]string{label, r.Name}, r.Points[i].cells()...)...)
			label = ""
		}
	}
	return points.Write(w)
}

func (o OperatingPoint) cells() []string {
	if !o.Measurable {
		return []string{fmt.Sprintf("not measurable; rule of 3 bound %.1e", o.Bound)}
	}
	return []string{
		fmt.Sprintf("%.4f", o.Threshold), sheet.Percent(o.TMR.Rate), o.TMR.interval(), sheet.Percent(o.FNMR.Rate),
		sheet.Percent(o.FAR), sheet.Percent(o.FRR),
	}
}

// WriteIdentifications writes the open-set performance of several scorers of the same samples.
func WriteIdentifications(w io.Writer, results ...*Identification) error {
	var t sheet.Table
	t.Row("scores", "N enrolled", "mated", "non-mated", "rank-1", "95 % interval",
		"threshold", "FPIR", "FNIR", "95 % interval")
	for _, r := range results {
		fpir := r.FPIR.String()
		if !r.Measurable {
			fpir = fmt.Sprintf("%s, too few probes to show %s", fpir, sheet.Percent(r.TargetFPIR))
		}
		t.Row(r.Name, sheet.Thousands(int64(r.Enrolled)), sheet.Thousands(int64(r.Mated)), sheet.Thousands(int64(r.NonMated)),
			sheet.Percent(r.Rank1.Rate), r.Rank1.interval(), fmt.Sprintf("%.4f", r.Threshold), fpir,
			sheet.Percent(r.FNIR.Rate), r.FNIR.interval())
	}
	return t.Write(w)
}

// WriteVerifications writes the outcome of the LFW protocol for several scorers of the same samples.
func WriteVerifications(w io.Writer, results ...*Verification) error {
	var t sheet.Table
	t.Row("scores", "accuracy", "standard error", "folds", "pairs", "rejected for want of a face")
	for _, v := range results {
		t.Row(v.Name, sheet.Percent(v.Accuracy), sheet.Percent(v.StdErr), sheet.Thousands(int64(len(v.Folds))),
			sheet.Thousands(int64(v.Pairs)), sheet.Thousands(int64(v.Rejected)))
	}
	return t.Write(w)
}
