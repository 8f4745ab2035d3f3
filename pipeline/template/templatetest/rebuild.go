package templatetest

import (
	"math"

	"facegate/pipeline/embed"
	"facegate/pipeline/template"
)

// An Attack rebuilds an embedding from a Code. What it returns has unit length, or none if it found nothing.
type Attack func(c *template.Code) embed.Vector

// BackProjection is the attack of somebody who has the rotation, turns it back and applies it to the bits.
func BackProjection(r *template.Rotation, dim int) Attack {
	rows := matrix(r, dim)
	return func(c *template.Code) embed.Vector {
		sum := make([]float64, dim)
		addSigned(sum, rows, c)
		return unit(sum)
	}
}

// LMMSE is the attack of somebody who has the rotation and faces of his own: the linear estimate of least squared error,
// with the covariance of faces as its prior. The embedding is taken as Gaussian, so that its moments with the bits are
// known (Bussgang 1952; Van Vleck and Middleton 1966).
func LMMSE(r *template.Rotation, covariance []float64, dim int) Attack {
	const m = template.Bits
	rows := matrix(r, dim)
	cross := make([]float64, m*dim) // E[y x'], then E[b x']
	for k := range m {
		row := cross[k*dim : (k+1)*dim]
		for i, weight := range rows[k*dim : (k+1)*dim] {
			axpy(row, weight, covariance[i*dim:(i+1)*dim])
		}
	}
	variance := make([]float64, m)
	for k := range m {
		variance[k] = dot(cross[k*dim:(k+1)*dim], rows[k*dim:(k+1)*dim])
	}
	bits := make([]float64, m*m) // E[b b']
	for k := range m {
		for l := range k {
			rho := dot(cross[k*dim:(k+1)*dim], rows[l*dim:(l+1)*dim]) / math.Sqrt(variance[k]*variance[l])
			bits[k*m+l] = 2 / math.Pi * math.Asin(max(-1, min(1, rho)))
		}
		bits[k*m+k] = 1
	}
	for k := range m {
		scale := math.Sqrt(2 / math.Pi / variance[k])
		for i := range cross[k*dim : (k+1)*dim] {
			cross[k*dim+i] *= scale
		}
	}
	factor(bits, m)
	return func(c *template.Code) embed.Vector {
		b := make([]float64, m)
		for k := range b {
			b[k] = sign(c, k)
		}
		solve(bits, b)
		x := make([]float64, dim)
		for k, weight := range b {
			axpy(x, weight, cross[k*dim:(k+1)*dim])
		}
		return unit(x)
	}
}

// KnownFaces is the attack of somebody who has Codes in the clear but not the rotation, and knows some of the people:
// faces[i] is a photograph's embedding of the person behind codes[i]. He learns the linear map from bits to embeddings
// (ridge regression, in its dual form).
func KnownFaces(codes []template.Code, faces []embed.Vector) Attack {
	const ridge = 2 // best of what was tried on made-up people
	n := len(codes)
	gram := make([]float64, n*n)
	for i := range codes {
		for k := range codes[:i+1] {
			gram[i*n+k] = agreement(&codes[i], &codes[k])
		}
		gram[i*n+i] += ridge
	}
	factor(gram, n)
	return func(c *template.Code) embed.Vector {
		weights := make([]float64, n)
		for i := range codes {
			weights[i] = agreement(c, &codes[i])
		}
		solve(gram, weights)
		x := make([]float64, len(faces[0]))
		for i, face := range faces {
			for k, v := range face {
				x[k] += weights[i] * float64(v)
			}
		}
		return unit(x)
	}
}

// agreement is the inner product of two Codes as vectors of ±1/sqrt(m).
func agreement(a, b *template.Code) float64 {
	return 1 - 2*float64(template.Distance(a, b))/template.Bits
}

// matrix returns the rotation written out, template.Bits rows of dim.
func matrix(r *template.Rotation, dim int) []float64 {
	rows := make([]float64, template.Bits*dim)
	e := make(embed.Vector, dim)
	var column [template.Bits]float32
	for i := range e {
		e[i] = 1
		r.Rotate(column[:], e)
		e[i] = 0
		for k, y := range column {
			rows[k*dim+i] = float64(y)
		}
	}
	return rows
}

func addSigned(sum, rows []float64, c *template.Code) {
	for k := range template.Bits {
		axpy(sum, sign(c, k), rows[k*len(sum):(k+1)*len(sum)])
	}
}

func sign(c *template.Code, k int) float64 { return 2*float64(c[k/64]>>(k%64)&1) - 1 }

func unit(x []float64) embed.Vector {
	v := make(embed.Vector, len(x))
	for i := range x {
		v[i] = float32(x[i])
	}
	v.Normalize()
	return v
}

func dot(a, b []float64) float64 {
	b = b[:len(a)]
	var s0, s1 float64
	i := 0
	for ; i+1 < len(a); i += 2 {
		s0 += a[i] * b[i]
		s1 += a[i+1] * b[i+1]
	}
	if i < len(a) {
		s0 += a[i] * b[i]
	}
	return s0 + s1
}

// axpy adds a·x to y.
func axpy(y []float64, a float64, x []float64) {
	x = x[:len(y)]
	for i := range y {
		y[i] += a * x[i]
	}
}

// factor replaces the lower triangle of the positive definite n by n matrix a by its Cholesky factor.
func factor(a []float64, n int) {
	for i := range n {
		for k := range i {
			a[i*n+k] = (a[i*n+k] - dot(a[i*n:i*n+k], a[k*n:k*n+k])) / a[k*n+k]
		}
		row := a[i*n : i*n+i]
		a[i*n+i] = math.Sqrt(max(a[i*n+i]-dot(row, row), 1e-12))
	}
}

// solve replaces b by the solution of a·x = b, given the factor of a.
func solve(a, b []float64) {
	n := len(b)
	for i := range b {
		b[i] = (b[i] - dot(a[i*n:i*n+i], b[:i])) / a[i*n+i]
	}
	for i := n - 1; i >= 0; i-- {
		b[i] /= a[i*n+i]
		axpy(b[:i], -b[i], a[i*n:i*n+i])
	}
}
