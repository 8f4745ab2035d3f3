package templatetest_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"facegate/pipeline/embed"
	"facegate/pipeline/template"
	"facegate/pipeline/template/templatetest"
)

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

func newRotation(tb testing.TB, key [32]byte, dim int) *template.Rotation {
	tb.Helper()
	r, err := template.NewRotation(key, dim)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

func protect(r *template.Rotation, x embed.Vector) template.Code {
	var y [template.Bits]float32
	r.Rotate(y[:], x)
	return template.Sign(y[:])
}

func normal(rnd *rand.Rand, n int, mean float64) []float64 {
	s := make([]float64, n)
	for i := range s {
		s[i] = mean + rnd.NormFloat64()
	}
	return s
}

func TestLink(t *testing.T) {
	tests := []struct {
		name      string
		mean      float64 // of the mated scores, in standard deviations
		low, high float64 // of D_sys
	}{
		// For means a apart the likelihood ratio at s is exp(a·s-a²/2), and D_sys the integral of p(s)·tanh of half its
		// logarithm where that is positive, to which the bins add what they add to chance.
		{"faint", 0.3, 0.071, 0.091},
		{"clear", 2, 0.607, 0.637},
		{"apart", 9, 0.999, 1 + 1e-9}, // for rounding
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rnd := newRand(1)
			l := templatetest.Link(rnd, normal(rnd, 10000, tt.mean), normal(rnd, 50000, 0))
			t.Log(l)
			if l.Dsys < tt.low || l.Dsys > tt.high || !l.Linked() {
				t.Errorf("want between %v and %v, and linked", tt.low, tt.high)
			}
		})
	}
	t.Run("one score", func(t *testing.T) {
		if l := templatetest.Link(newRand(1), make([]float64, 100), make([]float64, 100)); l.Linked() {
			t.Error(l)
		}
	})
}

// Where there is nothing to find, one test in twenty finds something.
func TestLinkFindsNothingWhereNothingIs(t *testing.T) {
	const runs = 200
	rnd := newRand(1)
	linked := 0
	for range runs {
		if templatetest.Link(rnd, normal(rnd, 500, 0), normal(rnd, 2500, 0)).Linked() {
			linked++
		}
	}
	if linked == 0 || linked > 20 { // 10 ± 3 are to be expected
		t.Errorf("%d of %d were linked", linked, runs)
	}
}

// The generator is held against the figures that its doc gives, on which the synthetic results rest.
func TestSynthetic(t *testing.T) {
	genuine, impostor := templatetest.Synthetic(newRand(1), 600, 2, 512).Scores()
	for _, tt := range []struct {
		name     string
		scores   []float64
		mean, sd float64
	}{{"genuine", genuine, 0.69, 0.10}, {"impostor", impostor, 0, 0.11}} {
		mean, sd := moments(tt.scores)
		t.Logf("%s: %.3f ± %.3f", tt.name, mean, sd)
		if math.Abs(mean-tt.mean) > 0.02 || math.Abs(sd-tt.sd) > 0.02 {
			t.Errorf("%s: want %v ± %v", tt.name, tt.mean, tt.sd)
		}
	}
}

// Of a direction drawn from the whole sphere, as many bits as it has coordinates leave a cosine of sqrt(2/pi).
func TestBackProjectionAgreesWithTheory(t *testing.T) {
	const dim = 1024
	rnd := newRand(2)
	attack := templatetest.BackProjection(newRotation(t, templatetest.Key(1), dim), dim)
	var sum float64
	for range 20 {
		x := make(embed.Vector, dim)
		for k := range x {
			x[k] = float32(rnd.NormFloat64())
		}
		x.Normalize()
		c := protect(newRotation(t, templatetest.Key(1), dim), x)
		sum += embed.Cosine(x, attack(&c)) / 20
	}
	if want := math.Sqrt(2 / math.Pi); math.Abs(sum-want) > 0.01 {
		t.Errorf("cosine %.3f, theory says %.3f", sum, want)
	}
}

func TestUniformityTests(t *testing.T) {
	random := make([]byte, 1<<16)
	chacha := rand.NewChaCha8(templatetest.Key("uniform"))
	chacha.Read(random)
	if m, c := templatetest.Monobit(random), templatetest.ChiSquare(random); math.Abs(m) > 4 || math.Abs(c) > 4 {
		t.Errorf("random bytes: %.1f and %.1f standard deviations", m, c)
	}
	leaning, text := make([]byte, 1<<16), make([]byte, 1<<16)
	for i := range text {
		leaning[i] = random[i] | random[(i*7)%len(random)]&1 // one bit in eight is set too often
		text[i] = random[i] & 0x7f
	}
	if m := templatetest.Monobit(leaning); m < 10 {
		t.Errorf("leaning bits: only %.1f standard deviations", m)
	}
	if c := templatetest.ChiSquare(text); c < 10 {
		t.Errorf("seven-bit bytes: only %.1f standard deviations", c)
	}
}

func moments(s []float64) (mean, sd float64) {
	for _, x := range s {
		mean += x / float64(len(s))
	}
	for _, x := range s {
		sd += (x - mean) * (x - mean)
	}
	return mean, math.Sqrt(sd / float64(len(s)-1))
}

func TestSpearman(t *testing.T) {
	a := []float64{3, 1, 2, 2, 5}
	for _, tt := range []struct {
		name string
		b    []float64
		want float64
	}{
		{"itself", a, 1},
		{"a growing function of it", []float64{27, 1, 8, 8, 125}, 1},
		{"its negative", []float64{-3, -1, -2, -2, -5}, -1},
		{"another order", []float64{1, 2, 3, 4, 5}, 3.5 / math.Sqrt(9.5*10)},
	} {
		if got := templatetest.Spearman(a, tt.b); math.Abs(got-tt.want) > 1e-12 {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}
