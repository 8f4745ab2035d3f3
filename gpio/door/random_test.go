package door

import (
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"
)

// sequences returns how many random ones a test tries.
func sequences(few int) int {
	if os.Getenv("FACEGATE_SLOW") != "" {
		return 1_000_000
	}
	return few
}

// TestRandomSequences does random things to doors of random settings, with other clocks than the search: each as long as it likes,
// and in any order of lengths that a configuration may have. It holds every step against the same rules.
func TestRandomSequences(t *testing.T) {
	for seed := range uint64(sequences(5000)) {
		r := rand.New(rand.NewPCG(seed, 0))
		w := anyWorld(r)
		n, inputs := node{witness: w.born()}, w.inputs()
		for range 50 {
			in, passed := inputs[r.IntN(len(inputs))], time.Duration(0)
			if r.IntN(2) == 0 {
				passed = time.Duration(r.IntN(12))
			}
			if in.Act == Keep {
				in.For = time.Duration(1 + r.IntN(int(w.MaxOpen)+1))
			}
			next, events := w.Next(n.State, in, base+passed)
			witness, err := w.judge(n, in, passed, next, events)
			if err != nil {
				t.Fatalf("seed %d: %v: %v\nin  %+v\nby  %+v after %d\nto  %+v\nwith %v", seed, w, err, n, in, passed, next, events)
			}
			w.splits(t, n.State, in, passed, next, events)
			n = node{next.shift(-passed), witness}
		}
	}
}

// splits checks what the search takes for granted: that an input after some time does the same as that time alone and then the
// input, and that it does not matter when all of it is.
func (w world) splits(t *testing.T, s State, in Input, passed time.Duration, next State, events []Event) {
	const later = time.Hour
	waited, first := w.Next(s.shift(later), Input{}, base+passed+later)
	got, then := w.Next(waited, in, base+passed+later)
	if got != next.shift(later) || !slices.Equal(slices.Concat(first, then), events) {
		t.Fatalf("%v: %+v by %+v after %d is %+v with %v at once, and %+v with %v and %v in two steps",
			w, s, in, passed, next, events, got, first, then)
	}
}

// anyWorld returns a door of random settings.
func anyWorld(r *rand.Rand) world {
	tick := func(least, most int) time.Duration { return time.Duration(least + r.IntN(most-least+1)) }
	s := Settings{
		Kind: []Kind{Strike, Maglock, Turnstile}[r.IntN(3)], Fail: []Fail{Secure, Safe}[r.IntN(2)], Forced: r.IntN(2) == 0,
		Pulse: tick(1, 10), Passage: tick(1, 20), HeldWarn: tick(1, 20),
	}
	s.MaxOpen, s.HeldAfter = s.Pulse+tick(0, 20), s.HeldWarn+tick(0, 10)
	return world{Machine: Machine{Settings: s, grace: tick(1, 10), stuck: tick(1, 20)}, wired: Lines(r.IntN(1 << 5))}
}
