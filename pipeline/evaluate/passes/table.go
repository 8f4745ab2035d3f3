package passes

import (
	"fmt"
	"io"

	"facegate/pipeline/evaluate"
)

// The distances at which a pass has to be read, in centimetres.
const (
	nearest  = 10
	farthest = 30
)

// A Table is how often codes of one kind and size are read, on one medium.
type Table struct {
	Kind   Kind    `json:"kind"`
	Medium Medium  `json:"medium"`
	Side   float64 `json:"side_cm"`
	Cells  []Cell  `json:"cells"`

	Near   evaluate.Proportion `json:"near"`    // read at 10 to 30 cm
	InView evaluate.Proportion `json:"in_view"` // of those, of showings in which the whole code was once in the picture
	First  evaluate.Proportion `json:"first"`   // of those in view, read in the first picture
	Wrong  int                 `json:"wrong"`   // texts that no code has said, at any distance
}

// A Cell is what came of the showings under one condition at one distance.
type Cell struct {
	Condition string  `json:"condition"`
	Distance  float64 `json:"distance_cm"`
	Showings  int     `json:"showings"`
	Read      int     `json:"read"`
	Seen      int     `json:"seen"` // showings in which the whole code was once in the picture
	seenRead  int
	first     int
	wrong     int
}

// NewTable returns the Table of codes, with a Cell for each condition and distance, as yet without a showing.
func NewTable(k Kind, m Medium, side float64) *Table {
	t := &Table{Kind: k, Medium: m, Side: side}
	for _, c := range Conditions() {
		for _, d := range Distances() {
			t.Cells = append(t.Cells, Cell{Condition: c.Name, Distance: d})
		}
	}
	return t
}

// Fill makes the showings of one Cell. Each Cell may be filled by a goroutine of its own.
func (t *Table) Fill(cell, showings int, seed uint64) error {
	c := &t.Cells[cell]
	s := Scene{Medium: t.Medium, Side: t.Side, Distance: c.Distance}
	for _, condition := range Conditions() {
		if condition.Name == c.Condition {
			s.Condition = condition
		}
	}
	for i := range showings {
		r, err := Show(t.Kind, s, seed, uint64(cell)<<32|uint64(i))
		if err != nil {
			return err
		}
		c.add(r)
	}
	return nil
}

func (c *Cell) add(r Result) {
	count := func(n *int, yes bool) {
		if yes {
			*n++
		}
	}
	c.Showings++
	count(&c.Read, r.Read)
	count(&c.Seen, r.Seen)
	count(&c.seenRead, r.Seen && r.Read)
	count(&c.first, r.Seen && r.First)
	count(&c.wrong, r.Wrong)
}

// Sum adds up the Cells, once they are filled.
func (t *Table) Sum() {
	var near Cell
	t.Wrong = 0
	for _, c := range t.Cells {
		t.Wrong += c.wrong
		if c.Distance < nearest || c.Distance > farthest {
			continue
		}
		near.Showings += c.Showings
		near.Read += c.Read
		near.Seen += c.Seen
		near.seenRead += c.seenRead
		near.first += c.first
	}
	of := func(n, all int) evaluate.Proportion { return evaluate.NewProportion(int64(n), int64(all)) }
	t.Near, t.InView, t.First = of(near.Read, near.Showings), of(near.seenRead, near.Seen), of(near.first, near.Seen)
}

// Write writes the Table: a line for each condition, with the percentage read at each distance.
func (t *Table) Write(w io.Writer) {
	fmt.Fprintf(w, "%s on %s, %g cm\n", t.Kind, t.Medium, t.Side)
	for _, d := range Distances() {
		fmt.Fprintf(w, "\t%g cm", d)
	}
	for i, c := range t.Cells {
		if i%len(Distances()) == 0 {
			fmt.Fprintf(w, "\n%s", c.Condition)
		}
		fmt.Fprintf(w, "\t%.0f", 100*float64(c.Read)/float64(max(c.Showings, 1)))
	}
	fmt.Fprintf(w, "\nread within a second at %d-%d cm:\t%s\n", nearest, farthest, percent(t.Near))
	fmt.Fprintf(w, "of those with the whole code in the picture:\t%s, %s in the first picture\n", percent(t.InView), percent(t.First))
	if t.Wrong > 0 {
		fmt.Fprintf(w, "texts that no code has said:\t%d\n", t.Wrong)
	}
	fmt.Fprintln(w)
}

func percent(p evaluate.Proportion) string {
	return fmt.Sprintf("%.1f %% (%d of %d; %.1f to %.1f)", 100*p.Rate, p.Count, p.Of, 100*p.Low, 100*p.High)
}
