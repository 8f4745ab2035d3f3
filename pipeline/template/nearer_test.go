package template

import (
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// TestNearer compares what this processor does with the same by single words, on Codes of every distance.
func TestNearer(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		rnd := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1))
		var probe Code
		for w := range probe {
			probe[w] = rnd.Uint64()
		}
		codes := make([]Code, rapid.IntRange(0, 20).Draw(rt, "codes"))
		for i := range codes {
			codes[i] = probe
			for _, bit := range rnd.Perm(Bits)[:rapid.IntRange(0, Bits).Draw(rt, "distance")] {
				codes[i][bit/64] ^= 1 << (bit % 64)
			}
		}
		limit := rapid.IntRange(-1, Bits+1).Draw(rt, "limit")
		for from := range len(codes) + 1 {
			if got, want := Nearer(&probe, codes[from:], limit), nearerByWords(&probe, codes[from:], limit); got != want {
				rt.Fatalf("from %d below %d: %d, want %d", from, limit, got, want)
			}
		}
		for i := range codes {
			d := Distance(&probe, &codes[i])
			if Nearer(&probe, codes[i:i+1], d) != 1 || Nearer(&probe, codes[i:i+1], d+1) != 0 {
				rt.Fatalf("a Code at distance %d is not found just below %d", d, d+1)
			}
		}
	})
}

// TestNearerAtEachDistance goes through every distance, whole words and single bits at either end among them.
func TestNearerAtEachDistance(t *testing.T) {
	var probe Code
	codes := make([]Code, Bits+1)
	for d := range codes {
		for bit := range d {
			codes[d][bit/64] |= 1 << (bit % 64)
		}
		for limit := range Bits + 2 {
			want := 1
			if d < limit {
				want = 0
			}
			if got := Nearer(&probe, codes[d:d+1], limit); got != want {
				t.Fatalf("at distance %d below %d: %d", d, limit, got)
			}
		}
	}
}
