package bypeople

import (
	"fmt"
	"io"

	"facegate/pipeline/evaluate/sheet"
)

// interval gives the interval of a rate.
func (f Figure) interval() string {
	if f.Interval == nil {
		return "not known"
	}
	return fmt.Sprintf("%s to %s", sheet.Percent(f.Interval.Low), sheet.Percent(f.Interval.High))
}

// complement returns the figure of the opposite rate, such as TMR of FNMR.
func (f Figure) complement() Figure {
	c := Figure{Value: 1 - f.Value}
	if f.Interval != nil {
		c.Interval = &Interval{1 - f.Interval.High, 1 - f.Interval.Low}
	}
	return c
}

// number gives a figure that is no rate, with its interval.
func (f Figure) number(digits int) string {
	if f.Interval == nil {
		return fmt.Sprintf("%.*f", digits, f.Value)
	}
	return fmt.Sprintf("%.*f (%.*f to %.*f)", digits, f.Value, digits, f.Interval.Low, digits, f.Interval.High)
}

// whose says how many people have the errors, and which share the ten with the most of them have, by people and by pairs.
func (r Rate) whose() []string {
	return []string{
		sheet.Thousands(int64(r.Erring)),
		fmt.Sprintf("%s; %s", sheet.Percent(r.WorstTen), sheet.Percent(r.WorstTenOfPairs)),
	}
}

// Write writes the performance of several scorers of the same samples one below the other.
func Write(w io.Writer, reports ...*Report) error {
	if len(reports) == 0 {
		return nil
	}
	if _, err := fmt.Fprintln(w, "Every person and every pair of people counts once; intervals are 95 %, by people."); err != nil {
		return err
	}
	if err := writeSummary(w, reports); err != nil {
		return err
	}
	if err := writePoints(w, reports); err != nil {
		return err
	}
	return writeGate(w, reports)
}

// writeSummary writes what does not depend on a threshold, a report a column.
func writeSummary(w io.Writer, reports []*Report) error {
	var t sheet.Table
	names := []string{""}
	for _, r := range reports {
		names = append(names, r.Name)
	}
	t.Row(names...)
	for _, line := range []struct {
		label string
		value func(*Report) string
	}{
		{"people", func(r *Report) string { return sheet.Thousands(r.People) }},
		{"of these with several pictures", func(r *Report) string { return sheet.Thousands(r.Several) }},
		{"pairs of people", func(r *Report) string { return sheet.Thousands(r.PairsOfPeople) }},
		{"genuine comparisons that are of one person", func(r *Report) string { return sheet.Percent(r.Largest) }},
		{"d'", func(r *Report) string { return r.DPrime.number(3) }},
		{"EER", func(r *Report) string { return fmt.Sprintf("%s (%s)", sheet.Percent(r.EER.Value), r.EER.interval()) }},
		{"AUC", func(r *Report) string { return fmt.Sprintf("%.6f", r.AUC) }},
	} {
		cells := []string{line.label}
		for _, r := range reports {
			cells = append(cells, line.value(r))
		}
		t.Row(cells...)
	}
	t.Row()
	return t.Write(w)
}

// writePoints writes the thresholds for usual false match rates, a row each.
func writePoints(w io.Writer, reports []*Report) error {
	var t sheet.Table
	t.Row("at FMR", "scores", "threshold", "95 % interval", "TMR", "95 % interval", "people missed", "the worst ten have, by people; by pairs",
		"people matched", "the worst ten have")
	for i, first := range reports[0].Points {
		label := fmt.Sprintf("%.0e", first.TargetFMR)
		for _, r := range reports {
			t.Row(append([]string{label, r.Name}, r.Points[i].cells(r)...)...)
			label = ""
		}
	}
	return t.Write(w)
}

func (p Point) cells(r *Report) []string {
	if !p.Measurable {
		return []string{fmt.Sprintf("not measurable; rule of 3 bound %.1e", 3/float64(r.PairsOfPeople))}
	}
	threshold := "not known"
	if i := p.Threshold.Interval; i != nil {
		threshold = fmt.Sprintf("%.4f to %.4f", i.Low, i.High)
	}
	tmr := p.FNMR.complement()
	cells := []string{fmt.Sprintf("%.4f", p.Threshold.Value), threshold, sheet.Percent(tmr.Value), tmr.interval()}
	return append(append(cells, p.FNMR.whose()...), p.FMR.whose()...)
}

// writeGate writes the thresholds of the gate.
func writeGate(w io.Writer, reports []*Report) error {
	var t sheet.Table
	for _, r := range reports {
		if len(r.Gate) == 0 {
			continue
		}
		if len(t) == 0 {
			t.Row()
			t.Row("at the gate's", "scores", "threshold", "FMR", "95 % interval", "people matched", "the worst ten have, by people; by pairs",
				"FNMR", "95 % interval", "people missed", "the worst ten have")
		}
		for _, p := range r.Gate {
			cells := []string{
				fmt.Sprintf("up to %s enrolled", sheet.Thousands(int64(p.Enrolled))), r.Name,
				fmt.Sprintf("%.4f", p.Threshold.Value), fmt.Sprintf("%.2g", p.FMR.Value), rare(p.FMR.Interval),
			}
			cells = append(append(cells, p.FMR.whose()...), sheet.Percent(p.FNMR.Value), p.FNMR.interval())
			t.Row(append(cells, p.FNMR.whose()...)...)
		}
	}
	return t.Write(w)
}

// rare gives the interval of a rate that is far below a percent.
func rare(i *Interval) string {
	if i == nil {
		return "not known"
	}
	return fmt.Sprintf("%.2g to %.2g", i.Low, i.High)
}

// WriteIdentifications writes the open-set performance of several scorers of the same samples.
func WriteIdentifications(w io.Writer, results ...*Identification) error {
	var t sheet.Table
	t.Row("by people", "N enrolled", "mated", "non-mated", "rank-1", "95 % interval", "people missed", "the worst ten have, by people; by probes",
		"threshold", "FPIR", "95 % interval", "FNIR", "95 % interval", "people missed", "the worst ten have")
	for _, r := range results {
		rank1 := r.MissRank1.complement()
		fpir := sheet.Percent(r.FPIR.Value)
		if !r.Measurable {
			fpir = fmt.Sprintf("%s, too few people to show %s", fpir, sheet.Percent(r.TargetFPIR))
		}
		cells := []string{
			r.Name, sheet.Thousands(int64(r.Enrolled)), sheet.Thousands(r.Mated), sheet.Thousands(r.NonMated),
			sheet.Percent(rank1.Value), rank1.interval(),
		}
		cells = append(cells, r.MissRank1.whose()...)
		cells = append(cells, fmt.Sprintf("%.4f", r.Threshold), fpir, r.FPIR.interval(), sheet.Percent(r.FNIR.Value), r.FNIR.interval())
		t.Row(append(cells, r.FNIR.whose()...)...)
	}
	return t.Write(w)
}

// WriteGroups writes the rates by group of several scorers of the same samples.
func WriteGroups(w io.Writer, reports ...*GroupReport) error {
	for i, r := range reports {
		if i > 0 {
			if _, err := fmt.Fprintln(w); err != nil {
				return err
			}
		}
		if err := r.write(w); err != nil {
			return err
		}
	}
	if len(reports) == 0 {
		return nil
	}
	return reports[0].remarks(w) // the people are the same
}

func (r *GroupReport) write(w io.Writer) error {
	var t sheet.Table
	t.Row(fmt.Sprintf("by group: %s", r.Name), "people", "pairs of people", "FMR", "95 % interval", "of overall", "95 % interval",
		"with several pictures", "FNMR", "95 % interval", "of overall", "95 % interval")
	for _, p := range r.Points {
		label := fmt.Sprintf("at FMR %.0e", p.TargetFMR)
		if p.Enrolled > 0 {
			label = fmt.Sprintf("up to %s enrolled", sheet.Thousands(int64(p.Enrolled)))
		}
		t.Row(fmt.Sprintf("%s, threshold %.4f", label, p.Threshold))
		for i, g := range r.Groups {
			t.Row(g.cells(p.Within[i])...)
		}
		t.Row("  across groups", "", sheet.Thousands(p.Across.Of), fmt.Sprintf("%.2g", p.Across.Value), rare(p.Across.Interval))
		t.Row("  overall", "", sheet.Thousands(p.Overall.FMR.Of), fmt.Sprintf("%.2g", p.Overall.FMR.Value), rare(p.Overall.FMR.Interval),
			"", "", sheet.Thousands(p.Overall.FNMR.Of), sheet.Percent(p.Overall.FNMR.Value), p.Overall.FNMR.interval())
		t.Row("  worst of overall: " + p.WorstFMR.words("FMR") + ", " + p.WorstFNMR.words("FNMR"))
	}
	return t.Write(w)
}

// cells are a group's part of a row.
func (g Group) cells(rates GroupRates) []string {
	cells := []string{"  " + g.Name, sheet.Thousands(g.People), sheet.Thousands(g.PairsOfPeople), "none", "", "", ""}
	if g.PairsOfPeople > 0 {
		copy(cells[3:], []string{fmt.Sprintf("%.2g", rates.FMR.Value), rare(rates.FMR.Interval)})
		copy(cells[5:], rates.FMRRatio.times())
	}
	cells = append(cells, sheet.Thousands(g.Several))
	if g.Several == 0 {
		return append(cells, "none")
	}
	return append(append(cells, sheet.Percent(rates.FNMR.Value), rates.FNMR.interval()), rates.FNMRRatio.times()...)
}

// times gives a ratio and its interval.
func (f Figure) times() []string {
	if f.Interval == nil {
		return []string{fmt.Sprintf("x %.2g", f.Value), "not known"}
	}
	return []string{fmt.Sprintf("x %.2g", f.Value), fmt.Sprintf("%.2g to %.2g", f.Interval.Low, f.Interval.High)}
}

// words names the worst group: none where all are too small, or without an error.
func (w *Worst) words(rate string) string {
	if w == nil {
		return fmt.Sprintf("%s of no group that can be compared", rate)
	}
	return fmt.Sprintf("%s of %s, %s", rate, w.Group, w.Ratio.times()[0])
}

// remarks says who is in no group, and which groups are too small to be compared.
func (r *GroupReport) remarks(w io.Writer) error {
	if r.Ungrouped > 0 {
		if _, err := fmt.Fprintf(w, "%s people are in no group; they count in the overall rates.\n", sheet.Thousands(r.Ungrouped)); err != nil {
			return err
		}
	}
	for _, g := range r.Groups {
		if g.People >= FewPeople && g.Several >= FewPeople {
			continue
		}
		var t sheet.Table
		t.Row(fmt.Sprintf("%s has %d people, %d of them with several pictures: below %d a rate is shown and not compared.",
			g.Name, g.People, g.Several, FewPeople))
		if err := t.Write(w); err != nil {
			return err
		}
	}
	return nil
}
