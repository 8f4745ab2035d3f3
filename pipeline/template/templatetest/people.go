// Package templatetest measures what protected templates give away, in the terms of ISO/IEC 30136: whether two of them
// can be linked, and how near an attacker comes to the face behind one. It is for tests; the gate never runs it.
package templatetest

import (
	"math"
	"math/rand/v2"

	"facegate/pipeline/embed"
)

// People are centred unit embeddings, those of one person after those of another, at least one each.
type People [][]embed.Vector

// Synthetic draws people with so many samples each, of dim coordinates.
//
// A person is a direction drawn from a Gaussian whose variances fall as k^-0.8, which at 512 coordinates leaves 74
// effective dimensions; a sample is off by Gaussian noise of the same shape whose size varies from one to the next. That
// gives genuine cosines of 0.69 ± 0.10 and impostor cosines of 0.00 ± 0.11, as published for MobileFaceNet on LFW.
func Synthetic(rnd *rand.Rand, people, samples, dim int) People {
	sd := make([]float64, dim)
	var total float64
	for k := range sd {
		sd[k] = math.Pow(float64(k+1), -0.4)
		total += sd[k] * sd[k]
	}
	draw := func(dst embed.Vector, size float64) {
		for k := range dst {
			dst[k] += float32(size * sd[k] / math.Sqrt(total) * rnd.NormFloat64())
		}
	}
	all := make(People, people)
	for p := range all {
		person := make(embed.Vector, dim)
		draw(person, 1)
		for range samples {
			v := append(embed.Vector(nil), person...)
			draw(v, 0.66*math.Exp(0.25*rnd.NormFloat64()))
			v.Normalize()
			all[p] = append(all[p], v)
		}
	}
	return all
}

// Covariance returns the second moments of the vectors, dim rows of dim, drawn a tenth of the way to those of the uniform
// distribution, since there may be fewer vectors than coordinates. It is what anybody learns from faces of his own.
func (people People) Covariance() []float64 {
	dim := len(people[0][0])
	c := make([]float64, dim*dim)
	n := 0
	for _, samples := range people {
		for _, v := range samples {
			n++
			for i, x := range v {
				row := c[i*dim : (i+1)*dim]
				for k, y := range v {
					row[k] += float64(x) * float64(y)
				}
			}
		}
	}
	const shrink = 0.1
	for i := range c {
		c[i] *= (1 - shrink) / float64(n)
	}
	for i := 0; i < len(c); i += dim + 1 {
		c[i] += shrink / float64(dim)
	}
	return c
}

// Scores returns the cosines of all genuine pairs of samples, and those of the impostor pairs of first samples.
func (people People) Scores() (genuine, impostor []float64) {
	for p, samples := range people {
		for i, v := range samples {
			for _, w := range samples[:i] {
				genuine = append(genuine, embed.Cosine(v, w))
			}
		}
		for _, others := range people[:p] {
			impostor = append(impostor, embed.Cosine(samples[0], others[0]))
		}
	}
	return genuine, impostor
}
