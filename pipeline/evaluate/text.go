package evaluate

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"facegate/configs/show"
)

// percent gives a rate more digits near both of its ends.
func percent(rate float64) string {
	switch p := 100 * rate; {
	case p == 0 || p == 100:
		return fmt.Sprintf("%.0f %%", p)
	case p >= 99.9:
		return fmt.Sprintf("%.3f %%", p)
	case p >= 0.1:
		return fmt.Sprintf("%.2f %%", p)
	default:
		return fmt.Sprintf("%.2g %%", p)
	}
}

// interval gives a rate's confidence interval.
func (p Proportion) interval() string {
	return fmt.Sprintf("%s to %s", percent(p.Low), percent(p.High))
}

func (p Proportion) String() string {
	return fmt.Sprintf("%s (%s of %s)", percent(p.Rate), thousands(p.Count), thousands(p.Of))
}

// thousands writes a count with a comma every three digits.
func thousands(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// A table collects rows of cells and writes them with their columns aligned, each row cut off at its last cell that
// holds something.
type table [][]string

func (t *table) row(cells ...string) {
	for i, c := range cells {
		cells[i] = string(show.Whole(c)) // some are names of folders
	}
	*t = append(*t, cells)
}

func (t table) write(w io.Writer) error {
	var aligned strings.Builder
	tw := tabwriter.NewWriter(&aligned, 0, 0, 2, ' ', 0)
	for _, cells := range t {
		fmt.Fprintln(tw, strings.Join(cells, "\t"))
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	for line := range strings.Lines(aligned.String()) {
		if _, err := fmt.Fprintln(w, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
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
	var head table
	names := []string{""}
	for _, r := range reports {
		names = append(names, r.Name)
	}
	head.row(names...)
	for _, line := range []struct {
		label string
		value func(*Report) string
	}{
		{"failure to enrol (FTE)", func(r *Report) string { return r.FTE.String() }},
		{"failure to acquire (FTA)", func(r *Report) string { return r.FTA.String() }},
		{"genuine comparisons", func(r *Report) string { return thousands(r.Genuine) }},
		{"impostor comparisons", func(r *Report) string { return thousands(r.Impostor) }},
		{"genuine mean", func(r *Report) string { return fmt.Sprintf("%.4f", r.GenuineMean) }},
		{"impostor mean", func(r *Report) string { return fmt.Sprintf("%.4f", r.ImpostorMean) }},
		{"d'", func(r *Report) string { return fmt.Sprintf("%.3f", r.DPrime) }},
		{"EER", func(r *Report) string { return percent(r.EER) }},
		{"AUC", func(r *Report) string { return fmt.Sprintf("%.6f", r.AUC) }},
	} {
		cells := []string{line.label}
		for _, r := range reports {
			cells = append(cells, line.value(r))
		}
		head.row(cells...)
	}
	return head.write(w)
}

// writePoints writes the operating points, a row each.
func writePoints(w io.Writer, reports []*Report) error {
	var points table
	points.row("at FMR", "scores", "threshold", "TMR", "95 % interval", "FNMR", "FAR", "FRR")
	for i, first := range reports[0].Points {
		label := fmt.Sprintf("%.0e", first.TargetFMR)
		for _, r := range reports {
			points.row(append([]string{label, r.Name}, r.Points[i].cells()...)...)
			label = ""
		}
	}
	return points.write(w)
}

func (o OperatingPoint) cells() []string {
	if !o.Measurable {
		return []string{fmt.Sprintf("not measurable; rule of 3 bound %.1e", o.Bound)}
	}
	return []string{
		fmt.Sprintf("%.4f", o.Threshold), percent(o.TMR.Rate), o.TMR.interval(), percent(o.FNMR.Rate),
		percent(o.FAR), percent(o.FRR),
	}
}

// WriteIdentifications writes the open-set performance of several scorers of the same samples.
func WriteIdentifications(w io.Writer, results ...*Identification) error {
	var t table
	t.row("scores", "N enrolled", "mated", "non-mated", "rank-1", "95 % interval",
		"threshold", "FPIR", "FNIR", "95 % interval")
	for _, r := range results {
		fpir := r.FPIR.String()
		if !r.Measurable {
			fpir = fmt.Sprintf("%s, too few probes to show %s", fpir, percent(r.TargetFPIR))
		}
		t.row(r.Name, thousands(int64(r.Enrolled)), thousands(int64(r.Mated)), thousands(int64(r.NonMated)),
			percent(r.Rank1.Rate), r.Rank1.interval(), fmt.Sprintf("%.4f", r.Threshold), fpir,
			percent(r.FNIR.Rate), r.FNIR.interval())
	}
	return t.write(w)
}

// WriteVerifications writes the outcome of the LFW protocol for several scorers of the same samples.
func WriteVerifications(w io.Writer, results ...*Verification) error {
	var t table
	t.row("scores", "accuracy", "standard error", "folds", "pairs", "rejected for want of a face")
	for _, v := range results {
		t.row(v.Name, percent(v.Accuracy), percent(v.StdErr), thousands(int64(len(v.Folds))),
			thousands(int64(v.Pairs)), thousands(int64(v.Rejected)))
	}
	return t.write(w)
}

// WritePADs writes the presentation attack detection performance of several liveness models.
func WritePADs(w io.Writer, results ...*PAD) error {
	var t table
	for i, r := range results {
		if i > 0 {
			t.row()
		}
		t.row(r.Name, fmt.Sprintf("threshold %.4f", r.Threshold), "95 % interval", "AUC")
		t.row("BPCER", r.BPCER.String(), r.BPCER.interval())
		for _, k := range r.Attacks {
			t.row("APCER "+k.Kind, k.APCER.String(), k.APCER.interval(), fmt.Sprintf("%.4f", k.AUC))
		}
		t.row("worst APCER", percent(r.Worst.APCER.Rate), "", r.Worst.Kind)
		t.row("all attacks", fmt.Sprintf("EER %s at %.4f", percent(r.EER), r.EERThreshold), "", fmt.Sprintf("%.4f", r.AUC))
		for _, p := range r.Points {
			label := fmt.Sprintf("BPCER at APCER %s", percent(p.TargetAPCER))
			if !p.Reached {
				t.row(label, "no threshold reaches it")
				continue
			}
			t.row(label, p.BPCER.String(), p.BPCER.interval(), fmt.Sprintf("at %.4f", p.Threshold))
		}
	}
	return t.write(w)
}
