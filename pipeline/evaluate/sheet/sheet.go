// Package sheet puts measured figures into words and columns.
package sheet

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"facegate/configs/show"
)

// Percent gives a rate more digits near both of its ends.
func Percent(rate float64) string {
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

// Thousands writes a count with a comma every three digits.
func Thousands(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// A Table collects rows of cells and writes them with their columns aligned, each row cut off at its last cell that
// holds something.
type Table [][]string

// Row adds a row. What cannot be shown in a cell is escaped: some cells are names of folders.
func (t *Table) Row(cells ...string) {
	for i, c := range cells {
		cells[i] = string(show.Whole(c))
	}
	*t = append(*t, cells)
}

// Write writes the rows.
func (t Table) Write(w io.Writer) error {
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
