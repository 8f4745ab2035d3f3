package lab

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// A way is what people show to come in, and what came of it each time.
type way struct {
	name  string
	steps []int           // things that somebody had to show or do
	took  []time.Duration // from showing the first to the relay
}

// inTurn has somebody come in by their face, and somebody who gives none by a pass, again and again at the same door. Whoever gives
// no face has as many steps, and does not wait for longer.
func (g *gate) inTurn(t *testing.T) {
	s := follow(t)
	near := pictures(t, "p01", 64, 65, 66)
	face, pass := &way{name: "a face"}, &way{name: "a pass alone"}
	for round := range g.site.rounds {
		left := g.comesIn(s, face, near...)
		g.comesIn(s, pass, g.held.residents[round%2]) // each of two is away for long enough
		time.Sleep(time.Until(left.Add(goneFor)))
	}
	for _, w := range []*way{face, pass} {
		fmt.Printf("lab: gate: %s: %v\n", w.name, w)
	}
	ratio := pass.median().Seconds() / face.median().Seconds()
	fmt.Printf("lab: gate: whoever gives no face waits %.2f times as long as whoever does\n", ratio)
	if slices.Max(pass.steps) > slices.Min(face.steps) || ratio > 1 {
		t.Errorf("to decline the face costs something: a face takes %v, a pass alone %v", face, pass)
	}
}

// goneFor is longer than decide.rearm: somebody who was let in has to be gone for so long.
const goneFor = 1300 * time.Millisecond

// comesIn has somebody come in, go through the door and close it behind them, and returns when they left the place before the
// camera. Before they come nobody has been there for a moment.
func (g *gate) comesIn(s *screenText, w *way, pictures ...[]byte) (left time.Time) {
	g.t.Helper()
	time.Sleep(300 * time.Millisecond)
	before, asked := g.changes(), s.asks()
	begun := time.Now()
	leave := g.slides(time.Second, pictures...)
	defer leave()
	g.await("the relay has pulled in for "+w.name, patience, func() bool { return g.changes() > before })
	leave()
	left = time.Now()
	took := g.site.pins.changes()[before].at.Sub(begun)
	fmt.Printf("%s: %.3f s from showing to relay\n", w.name, took.Seconds())
	w.took = append(w.took, took)
	w.steps = append(w.steps, 1+s.asks()-asked)
	for _, open := range []bool{true, false} {
		g.site.pins.drive(g.t, contactPin, open)
		time.Sleep(100 * time.Millisecond)
	}
	g.await("the relay has let go", patience, func() bool { return g.changes() == before+2 })
	return left
}

// String says how many steps it took, and how long: the median, and half of all that lie about it, and all.
func (w *way) String() string {
	n, all := len(w.took), slices.Sorted(slices.Values(w.took))
	s := func(d time.Duration) string { return fmt.Sprintf("%.2f", d.Seconds()) }
	return fmt.Sprintf("%d times in %d to %d steps, %s s from showing to relay (half of them %s to %s, all %s to %s)", n,
		slices.Min(w.steps), slices.Max(w.steps), s(w.median()), s(all[n/4]), s(all[n-1-n/4]), s(all[0]), s(all[n-1]))
}

// median returns the middle one of the times, of an even number of them the mean of two.
func (w *way) median() time.Duration {
	n, all := len(w.took), slices.Sorted(slices.Values(w.took))
	return (all[(n-1)/2] + all[n/2]) / 2
}
