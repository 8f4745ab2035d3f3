package gallery

import (
	"fmt"
	"io"

	"facegate/pipeline/evaluate/sheet"
)

// A Result is what came of the galleries of one plan.
type Result struct {
	Plan
	Templates int       `json:"template_pictures"` // at most
	Ways      []Outcome `json:"ways"`
}

// Write writes results as a table, a way of judging a line.
func Write(w io.Writer, results ...Result) error {
	var t sheet.Table
	t.Row("crowd", "N enrolled", "template", "judged by", "FPIR", "95 % interval", "strangers", "FNIR", "95 % interval", "enrolled")
	for _, r := range results {
		crowd := "mixed"
		if r.Alike {
			crowd = "alike"
		}
		cells := []string{crowd, sheet.Thousands(int64(r.Enrolled)), fmt.Sprintf("up to %d", r.Templates)}
		for _, o := range r.Ways {
			cells = append(append(cells, o.Way), o.FPIR.cells()...)
			t.Row(append(cells, o.FNIR.cells()...)...)
			cells = []string{"", "", ""}
		}
	}
	return t.Write(w)
}

// cells returns a rate, its interval, and who stand behind it.
func (r Rate) cells() []string {
	if r.Decisions == 0 {
		return []string{"nobody tried", "", ""}
	}
	return []string{
		sheet.Percent(r.Rate), sheet.Percent(r.Interval.Low) + " to " + sheet.Percent(r.Interval.High),
		fmt.Sprintf("%s people, %s tries", sheet.Thousands(int64(r.People)), sheet.Thousands(r.Decisions)),
	}
}
