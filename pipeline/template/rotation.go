package template

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"

	"golang.org/x/crypto/chacha20"

	"facegate/pipeline/embed"
)

// rounds is how many times a diagonal of signs and a Hadamard matrix alternate. Three make the product behave like a
// uniformly random rotation (Andoni et al., "Practical and Optimal LSH for Angular Distance", NIPS 2015).
const rounds = 3

// A Rotation is a keyed orthogonal map of an embedding to Bits coordinates,
//
//	y = concat_b H·D3·H·D2·H·D1·x,
//
// where H is the orthonormal Walsh–Hadamard matrix, each D a diagonal of ±1 drawn from the key, and every block b has
// diagonals of its own. x is padded with zeros to d, the next power of two, and Bits/d blocks make up the whole.
// A Rotation is read-only and may be shared.
//
// The signs of y come out of additions and changes of sign alone, in a fixed order, so that one x has one Code on every
// processor.
type Rotation struct {
	dim   int                   // coordinates of x
	d     int                   // coordinates of a block
	scale float32               // of H·H·H: d^(-3/2)
	signs [rounds][Bits]float32 // the diagonals, block after block; ±1
}

// NewRotation derives the rotation of embeddings with dim coordinates, 1 to Bits, from a secret key. The diagonals are
// the ChaCha20 key stream (RFC 8439) under a zero nonce, one bit a sign, which is safe because each key is used for this
// alone.
func NewRotation(key [32]byte, dim int) (*Rotation, error) {
	if dim < 1 || dim > Bits {
		return nil, fmt.Errorf("template: no rotation for %d dimensions, only for 1 to %d", dim, Bits)
	}
	cipher, err := chacha20.NewUnauthenticatedCipher(key[:], make([]byte, chacha20.NonceSize))
	if err != nil {
		return nil, fmt.Errorf("template: %w", err)
	}
	var stream [rounds * Bits / 8]byte
	cipher.XORKeyStream(stream[:], stream[:])

	d := 1 << bits.Len(uint(dim-1))
	r := &Rotation{dim: dim, d: d, scale: float32(math.Pow(float64(d), -rounds/2.0))}
	for i := range r.signs {
		row := stream[i*Bits/8:]
		for w := range words {
			signs := binary.LittleEndian.Uint64(row[w*8:])
			for k := range 64 {
				r.signs[i][w*64+k] = 1 - 2*float32(signs>>k&1)
			}
		}
	}
	clear(stream[:])
	return r, nil
}

// Rotate writes the rotated x to dst. len(dst) is Bits and len(x) the dimension that r was made for.
func (r *Rotation) Rotate(dst []float32, x embed.Vector) {
	for b := 0; b < Bits; b += r.d {
		block := dst[b : b+r.d]
		clear(block[copy(block, x[:r.dim]):])
		for i := range r.signs {
			signs := r.signs[i][b : b+r.d]
			for k := range block {
				block[k] *= signs[k]
			}
			hadamard(block)
		}
		for k := range block {
			block[k] *= r.scale
		}
	}
}

// Estimate returns the estimate of the cosine between the unit embedding that was rotated to y and the one that was
// rotated by r and stored as c,
//
//	sqrt(pi/2) · sqrt(d)/m · sum_k y[k]·c[k],   c[k] = ±1.
//
// It is unbiased over keys (to a factor of 1+O(1/d)), so that a threshold depends neither on the number of bits, nor the
// lane, nor the key. It is not clamped and may pass 1 by a hair. For two embeddings of cosine c its variance is
//
//	((pi/2-1)·(1-c²) + (pi-3)/2·c²) / m,
//
// a standard deviation of 0.024 at c = 0 and 0.008 at c = 1. Both terms come from splitting y, within a block, into its
// parts along and across the stored x: along x the sum is c times the 1-norm of a random unit vector, whose variance is
// 1-3/pi; across, a random direction meets what is left of the sign vector, of squared length d(1-2/pi), in d-1 dimensions.
// With independent instead of orthonormal rows it would be (pi/2-c²)/m, 0.039 at c = 0.
func (r *Rotation) Estimate(y []float32, c *Code) float64 {
	return r.Scale() * float64(signedSum(y, c))
}

// Scale returns the factor sqrt(pi/2) · sqrt(d)/m of Estimate.
func (r *Rotation) Scale() float64 { return math.Sqrt(math.Pi/2*float64(r.d)) / Bits }

// hadamard replaces v, whose length is a power of two, by the Walsh–Hadamard transform of v, not scaled.
func hadamard(v []float32) {
	n, h := len(v), 1
	if bits.Len(uint(n))%2 == 0 { // an odd power of two: one round of pairs, then fours
		for i := 0; i+1 < n; i += 2 {
			v[i], v[i+1] = v[i]+v[i+1], v[i]-v[i+1]
		}
		h = 2
	}
	// Two levels at a time halve the traffic to memory.
	for ; h < n; h *= 4 {
		for i := 0; i < n; i += 4 * h {
			p, q, s, t := v[i:i+h], v[i+h:i+2*h], v[i+2*h:i+3*h], v[i+3*h:i+4*h]
			for k := range p {
				a, b, c, d := p[k], q[k], s[k], t[k]
				p[k], q[k], s[k], t[k] = (a+b)+(c+d), (a-b)+(c-d), (a+b)-(c+d), (a-b)-(c-d)
			}
		}
	}
}
