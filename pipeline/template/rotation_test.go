package template_test

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"facegate/pipeline/embed"
	"facegate/pipeline/template"
	"facegate/pipeline/template/templatetest"
)

var dims = []int{128, 256, 512}

func newRotation(tb testing.TB, key [32]byte, dim int) *template.Rotation {
	tb.Helper()
	r, err := template.NewRotation(key, dim)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

// randomUnit returns a vector drawn uniformly from the unit sphere.
func randomUnit(rnd *rand.Rand, dim int) embed.Vector {
	v := make(embed.Vector, dim)
	for i := range v {
		v[i] = float32(rnd.NormFloat64())
	}
	v.Normalize()
	return v
}

// atCosine returns a random unit vector at the given cosine to the unit vector x.
func atCosine(rnd *rand.Rand, x embed.Vector, cosine float64) embed.Vector {
	z := randomUnit(rnd, len(x))
	along := embed.Cosine(z, x)
	for i := range z {
		z[i] -= float32(along) * x[i]
	}
	z.Normalize()
	across := math.Sqrt(1 - cosine*cosine)
	for i := range z {
		z[i] = float32(cosine*float64(x[i]) + across*float64(z[i]))
	}
	return z
}

func dot(a, b []float32) float64 { return embed.Cosine(a, b) }

func TestRotationKeepsInnerProducts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dim := rapid.IntRange(1, template.Bits).Draw(t, "dim")
		rnd := newRand(rapid.Uint64().Draw(t, "seed"))
		r, err := template.NewRotation(templatetest.Key(rnd.Uint64()), dim)
		if err != nil {
			t.Fatal(err)
		}
		x := randomUnit(rnd, dim)
		z := atCosine(rnd, x, rapid.Float64Range(-1, 1).Draw(t, "cosine"))
		if dim == 1 {
			z = x // there is no other direction to mix in
		}
		var y, w [template.Bits]float32
		r.Rotate(y[:], x)
		r.Rotate(w[:], z)
		d := 1
		for d < dim {
			d *= 2
		}
		for b := 0; b < template.Bits; b += d {
			if got := dot(y[b:b+d], y[b:b+d]); math.Abs(got-1) > 1e-4 {
				t.Fatalf("block at %d: squared norm %v, want 1", b, got)
			}
			if got, want := dot(y[b:b+d], w[b:b+d]), dot(x, z); math.Abs(got-want) > 1e-4 {
				t.Fatalf("block at %d: inner product %v, want %v", b, got, want)
			}
		}
	})
}

// Stored codes are worthless if the map from key and embedding to bits ever changes.
func TestRotationNeverChanges(t *testing.T) {
	const want = "b10cd22737e774af9ea7dd061a46ccd656710ae342e537609a5b32fb71f33482"
	h := sha256.New()
	for _, dim := range []int{1, 100, 128, 256, 512, 1024} {
		r := newRotation(t, templatetest.Key("golden", dim), dim)
		x := make(embed.Vector, dim)
		for i := range x {
			x[i] = float32((i*7919)%101 - 50)
		}
		var y [template.Bits]float32
		r.Rotate(y[:], x)
		binary.Write(h, binary.LittleEndian, template.Sign(y[:]))
	}
	if got := fmt.Sprintf("%x", h.Sum(nil)); got != want {
		t.Errorf("SHA-256 of the codes is %s, want %s", got, want)
	}
}

func TestRotationBlocksDiffer(t *testing.T) {
	r := newRotation(t, templatetest.Key(0), 128)
	var y [template.Bits]float32
	r.Rotate(y[:], randomUnit(newRand(1), 128))
	for b := 128; b < template.Bits; b += 128 {
		if c := dot(y[:128], y[b:b+128]); math.Abs(c) > 0.5 {
			t.Errorf("blocks at 0 and %d have cosine %.2f", b, c)
		}
	}
}

func TestNewRotationRefusesDimensions(t *testing.T) {
	for _, dim := range []int{-1, 0, template.Bits + 1} {
		if _, err := template.NewRotation([32]byte{}, dim); err == nil {
			t.Errorf("%d dimensions were accepted", dim)
		}
	}
}

// TestEstimate holds the estimate against the plain cosine: no bias, and the spread that Rotation.Estimate's doc derives.
func TestEstimate(t *testing.T) {
	const pairs = 1000
	for _, dim := range dims {
		for _, cosine := range []float64{-0.3, 0, 0.3, 0.7, 1} {
			t.Run(fmt.Sprintf("d=%d cosine=%v", dim, cosine), func(t *testing.T) {
				rnd := newRand(uint64(dim))
				var r *template.Rotation
				var y [template.Bits]float32
				var sum, squares, hamming float64
				for i := range pairs {
					if i%10 == 0 {
						r = newRotation(t, templatetest.Key(dim, cosine, i), dim)
					}
					x := randomUnit(rnd, dim)
					z := atCosine(rnd, x, cosine)
					r.Rotate(y[:], x)
					stored := template.Sign(y[:])
					r.Rotate(y[:], z)
					e := r.Estimate(y[:], &stored) - cosine
					sum += e
					squares += e * e
					probe := template.Sign(y[:])
					h := template.HammingCosine(template.Distance(&probe, &stored)) - cosine
					hamming += h * h
				}
				bias, rmse := sum/pairs, math.Sqrt(squares/pairs)
				want := math.Sqrt(((math.Pi/2-1)*(1-cosine*cosine) + (math.Pi-3)/2*cosine*cosine) / template.Bits)
				t.Logf("bias %+.5f, rmse %.5f (theory %.5f), of Hamming alone %.5f", bias, rmse, want, math.Sqrt(hamming/pairs))
				// E|u_1| of a unit vector is sqrt(2/(pi d))·(1+1/(4d)) to first order.
				if limit := math.Abs(cosine)/(2*float64(dim)) + 4*want/math.Sqrt(pairs); math.Abs(bias) > limit {
					t.Errorf("bias %v, want within %v", bias, limit)
				}
				// Chance gives 2 %, and the approximation of large d another 3 % at d = 128.
				if math.Abs(rmse/want-1) > 0.10 {
					t.Errorf("rmse %v, theory says %v", rmse, want)
				}
				if cosine < 1 && rmse >= math.Sqrt(hamming/pairs) {
					t.Error("the real-valued probe is no better than its signs")
				}
			})
		}
	}
}

// Two codes of one embedding under different keys are as far apart as two random strings; under one key they are equal.
func TestUnlinkable(t *testing.T) {
	const pairs = 400
	for _, dim := range dims {
		t.Run(fmt.Sprint("d=", dim), func(t *testing.T) {
			rnd := newRand(7)
			var y [template.Bits]float32
			var sum float64
			for i := range pairs {
				x := randomUnit(rnd, dim)
				code := func(key [32]byte) template.Code {
					newRotation(t, key, dim).Rotate(y[:], x)
					return template.Sign(y[:])
				}
				a, b, again := code(templatetest.Key(i, "a")), code(templatetest.Key(i, "b")), code(templatetest.Key(i, "a"))
				if d := template.Distance(&a, &again); d != 0 {
					t.Fatalf("one key, one embedding: %d bits differ", d)
				}
				sum += float64(template.Distance(&a, &b)) / template.Bits
			}
			limit := 3 * 0.5 / math.Sqrt(template.Bits*pairs)
			if mean := sum / pairs; math.Abs(mean-0.5) > limit {
				t.Errorf("mean distance %.5f of the bits, want 0.5 within %.5f", mean, limit)
			}
		})
	}
}

func TestSignAndDistance(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		y := rapid.SliceOfN(rapid.Float32Range(-1, 1), template.Bits, template.Bits).Draw(t, "y")
		c := template.Sign(y)
		var none template.Code
		set := 0
		for k, v := range y {
			bit := c[k/64]>>(k%64)&1 == 1
			if v != 0 && bit != (v > 0) {
				t.Fatalf("coordinate %d is %v and its bit %v", k, v, bit)
			}
			if bit {
				set++
			}
		}
		if got := template.Distance(&c, &none); got != set {
			t.Fatalf("distance %d to the code without bits, want %d", got, set)
		}
	})
}

func TestRotateAndEstimateDoNotAllocate(t *testing.T) {
	r := newRotation(t, templatetest.Key(1), 512)
	x := randomUnit(newRand(1), 512)
	y := make([]float32, template.Bits)
	if n := testing.AllocsPerRun(10, func() {
		r.Rotate(y, x)
		c := template.Sign(y)
		r.Estimate(y, &c)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkRotate(b *testing.B) {
	for _, dim := range dims {
		b.Run(fmt.Sprint("d=", dim), func(b *testing.B) {
			r := newRotation(b, templatetest.Key(1), dim)
			x := randomUnit(newRand(1), dim)
			y := make([]float32, template.Bits)
			for b.Loop() {
				r.Rotate(y, x)
			}
		})
	}
}

func BenchmarkEstimate(b *testing.B) {
	r := newRotation(b, templatetest.Key(1), 512)
	y := make([]float32, template.Bits)
	r.Rotate(y, randomUnit(newRand(1), 512))
	c := template.Sign(y)
	for b.Loop() {
		r.Estimate(y, &c)
	}
}

func BenchmarkDistance(b *testing.B) {
	var x, y template.Code
	for b.Loop() {
		template.Distance(&x, &y)
	}
}
