package wiegand_test

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"facegate/device/wiegand"
)

// A swipe is a card that is shown once, and what becomes of it on the way.
type swipe struct {
	rand   *rand.Rand
	format wiegand.Format
	bits   int
	number uint64
	space  time.Duration // of the pulses of its reader
	edges  []wiegand.Edge

	// alike says that the edges stand where the pulses of one other card would, so that nobody can tell.
	alike bool
}

// A fault is one thing that can go wrong with a swipe.
type fault struct {
	name string
	make func(*swipe)
}

// The faults that the model makes. It does not make two that no receiver can see: two changed bits, and a bit that is lost at one
// end of a card where at the other end, in the place of the next bit, noise makes one. The second may come of loss and noise by
// chance, and is counted apart.
var faults = []fault{
	{"none", func(*swipe) {}},
	{"unsteady", func(s *swipe) { s.shake(s.space * time.Duration(1+s.rand.IntN(45)) / 100) }},
	{"loss", func(s *swipe) { s.lose(1 + s.rand.IntN(3)) }},
	{"ghosts", func(s *swipe) { s.ghosts(1 + s.rand.IntN(3)) }},
	{"loss and as many ghosts", func(s *swipe) {
		n := 1 + s.rand.IntN(2)
		s.lose(n)
		s.ghosts(n)
		s.alike = s.stands()
	}},
	{"ringing", func(s *swipe) { s.ring(1 + s.rand.IntN(3)) }},
	{"loss and ringing", func(s *swipe) { s.lose(1); s.ring(1) }},
	{"one changed bit", func(s *swipe) { e := &s.edges[s.rand.IntN(len(s.edges))]; e.Line = 1 - e.Line }},
	{"queue overflow", func(s *swipe) { s.overflow() }},
	{"two cards together", func(s *swipe) { s.follow(0) }},
	{"halves of two cards", func(s *swipe) { s.follow(1 + s.rand.IntN(s.bits-1)) }},
	{"a pause within", func(s *swipe) { s.pause() }},
	{"noise alone", func(s *swipe) { s.noise() }},
}

// newSwipe draws a card and its reader, whose first pulse is at a time.
func newSwipe(t *testing.T, r *rand.Rand, at time.Duration) *swipe {
	bits := wiegand.Formats()[r.IntN(4)]
	s := &swipe{rand: r, bits: bits, format: format(t, bits)}
	s.number = s.card()
	s.space = time.Duration(float64(200*time.Microsecond) * math.Pow(100, r.Float64())) // to 20 ms
	s.edges = s.sent(s.number, at)
	return s
}

func (s *swipe) card() uint64 { return s.rand.Uint64() & (1<<s.format.Data() - 1) }

// sent returns the edges of a card. A reader keeps its time to 3 %, and the kernel stamps an edge up to 20 µs late.
func (s *swipe) sent(number uint64, at time.Duration) (edges []wiegand.Edge) {
	for i, line := range s.format.Bits(number) {
		late := time.Duration(s.rand.Int64N(int64(20*time.Microsecond))) + time.Duration(s.rand.Int64N(int64(s.space*3/100)))
		edges = append(edges, wiegand.Edge{Line: line, At: at + time.Duration(i)*s.space + late})
	}
	return edges
}

func (s *swipe) first() time.Duration { return s.edges[0].At }
func (s *swipe) last() time.Duration  { return s.edges[len(s.edges)-1].At }

// shake moves each edge by up to d.
func (s *swipe) shake(d time.Duration) {
	for i := range s.edges {
		s.edges[i].At += time.Duration(s.rand.Int64N(int64(d)))
	}
}

// lose takes some edges away.
func (s *swipe) lose(n int) {
	for range n {
		i := s.rand.IntN(len(s.edges))
		s.edges = slices.Delete(s.edges, i, i+1)
	}
}

// ghosts adds edges at any time from a bit before the card to a bit after it.
func (s *swipe) ghosts(n int) {
	from, to := s.first()-3*s.space/2, s.last()+3*s.space/2
	for range n {
		at := from + time.Duration(s.rand.Int64N(int64(to-from)))
		s.edges = append(s.edges, wiegand.Edge{Line: s.rand.IntN(2), At: at})
	}
}

// ring adds edges right after others, on the same line or by crosstalk on the other one.
func (s *swipe) ring(n int) {
	for range n {
		e := s.edges[s.rand.IntN(len(s.edges))]
		s.edges = append(s.edges, wiegand.Edge{Line: s.rand.IntN(2), At: e.At + time.Duration(1+s.rand.IntN(99_000))})
	}
}

// overflow has the kernel drop edges that were there, and noise make as many.
func (s *swipe) overflow() {
	n := 1 + s.rand.IntN(8)
	i := s.rand.IntN(len(s.edges) - n)
	for j := range s.edges {
		s.edges[j].Seq = uint32(j) // is kept apart from what is drawn later
	}
	dropped := slices.Clone(s.edges[i : i+n])
	s.edges = slices.Delete(s.edges, i, i+n)
	for j := range s.edges {
		if s.edges[j].Seq = 0; j == i {
			s.edges[j].Seq = uint32(n) // so many more than it should be
		}
	}
	for _, e := range dropped {
		s.edges = append(s.edges, wiegand.Edge{Line: s.rand.IntN(2), At: e.At + 1})
	}
}

// follow has another card sent so soon that there is no silence between the two. The first so many bits of one and the rest of
// the other are lost; 0 for none.
func (s *swipe) follow(half int) {
	gap := max(2*s.space, 10*time.Millisecond) + time.Duration(s.rand.Int64N(int64(9*time.Millisecond)))
	other := s.sent(s.card(), s.last()+gap)
	if half > 0 {
		s.edges, other = s.edges[half:], other[:half]
	}
	s.edges = append(s.edges, other...)
}

// pause has the reader stop for a while.
func (s *swipe) pause() {
	i := 1 + s.rand.IntN(len(s.edges)-1)
	wait := time.Duration(s.rand.Int64N(int64(100 * time.Millisecond)))
	for j := range s.edges[i:] {
		s.edges[i+j].At += wait
	}
}

// noise has as many edges as a card at any times.
func (s *swipe) noise() {
	from, to := s.first(), s.last()
	for i := range s.edges {
		s.edges[i] = wiegand.Edge{Line: s.rand.IntN(2), At: from + time.Duration(s.rand.Int64N(int64(to-from)))}
	}
}

// stands reports whether the edges are one to each place where a reader would have its pulses, within what a reader is allowed.
func (s *swipe) stands() bool {
	edges := slices.Clone(s.edges)
	slices.SortFunc(edges, byTime)
	if len(edges) != s.bits {
		return false
	}
	allowed := max(s.space/5, 60*time.Microsecond) + s.space*3/100 + 20*time.Microsecond
	for i, e := range edges[1:] {
		if d := e.At - edges[i].At - s.space; d > allowed || d < -allowed {
			return false
		}
	}
	return true
}

func byTime(a, b wiegand.Edge) int { return cmp.Compare(a.At, b.At) }

// A tally is what became of the swipes with one fault.
type tally struct{ shown, read, refused, alike, wrong int }

// TestSwipes shows cards with everything that the model makes go wrong, and has no other card read than was shown. It prints what
// became of them.
func TestSwipes(t *testing.T) {
	n := 20_000
	if os.Getenv("FACEGATE_SLOW") != "" {
		n = 1_000_000
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	tallies := show(t, rand.New(rand.NewPCG(seed, 1)), n)
	var table strings.Builder
	for i, f := range faults {
		c := tallies[i]
		fmt.Fprintf(&table, "%-24s %7d shown %7d read %7d refused %3d alike %3d wrong\n", f.name, c.shown, c.read, c.refused, c.alike, c.wrong)
		if c.wrong > 0 {
			t.Errorf("%s: %d other cards were read", f.name, c.wrong)
		}
		if c.alike*100 > c.shown {
			t.Errorf("%s: %d of %d look like another card: the model makes what nobody can see", f.name, c.alike, c.shown)
		}
	}
	t.Logf("%d cards:\n%s", n, &table)
	if c := tallies[0]; c.read*1000 < c.shown*999 {
		t.Errorf("of %d good cards %d are read", c.shown, c.read)
	}
}

// show shows n cards, one after the other, to one decoder for each format.
func show(t *testing.T, r *rand.Rand, n int) []tally {
	tallies := make([]tally, len(faults))
	type line struct {
		decoder *wiegand.Decoder
		seq     uint32
	}
	var cards [][]byte
	lines := map[int]*line{}
	for _, bits := range wiegand.Formats() {
		lines[bits] = &line{decoder: wiegand.NewDecoder(format(t, bits), false, false, func(r wiegand.Read, err error) {
			if err == nil {
				cards = append(cards, r.Card)
			}
		})}
	}
	for now := time.Duration(0); n > 0; n-- {
		which := r.IntN(len(faults))
		s := newSwipe(t, r, now+time.Second)
		faults[which].make(s)
		slices.SortStableFunc(s.edges, byTime)
		l := lines[s.bits]
		cards = nil
		for _, e := range s.edges {
			l.seq += 1 + e.Seq
			e.Seq = l.seq
			l.decoder.Edge(e)
			now = e.At
		}
		now += 60 * time.Millisecond
		l.decoder.Rest(now, false)
		tallies[which].count(s, cards)
	}
	return tallies
}

func (c *tally) count(s *swipe, cards [][]byte) {
	c.shown++
	want := valueOf(s.format, s.bits, s.number)
	other := slices.ContainsFunc(cards, func(card []byte) bool { return !bytes.Equal(card, want) })
	switch {
	case other && s.alike:
		c.alike++
	case other:
		c.wrong++
	case len(cards) > 0:
		c.read++
	default:
		c.refused++
	}
}
