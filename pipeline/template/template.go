// Package template turns a face embedding into a keyed hash that can be stored, compared, renewed and sealed.
//
// An embedding is centred, turned by a secret rotation and cut down to the signs of 1024 coordinates (a Code). Without
// the key of the rotation a Code tells nothing of the face, and Codes of one face under two keys are unrelated. A probe
// keeps its real-valued coordinates, in RAM. Signs against coordinates give a better estimate of the cosine than signs
// against signs (asymmetric distance: Dong, Charikar, Li, SIGIR 2008).
//
// Scheme S1 compares 1:N, under keys of the device. With the file and the device key a Code of S1 can be turned back into an
// approximate embedding, which no hash that keeps its accuracy avoids. Scheme S2 compares 1:1, under keys that need a Token as
// well. The device does not store the Token, so that the file and the device key give nothing of a Code of S2.
package template

import (
	"math"
	"math/bits"
)

const (
	// Bits is the length of a Code (m in the formulae).
	Bits = 1024

	// Lanes is how many independent rotations an epoch has. A record is in one of them. So one person can be given a new,
	// unrelated Code without a change to anybody else's. Its price is Lanes rotations of each probe.
	Lanes = 8

	words = Bits / 64
)

// A RecordID is the random 128-bit name of one stored Code.
type RecordID [16]byte

// A PersonID is the random 128-bit name of the person whom a record belongs to.
type PersonID [16]byte

// A Record is one enrolled Code, opened, as the index holds it in RAM.
type Record struct {
	ID     RecordID
	Person PersonID
	Epoch  uint32 // of the rotations, of which Lane is one
	Lane   uint8
	Code   Code
}

// A Code is the signs of a rotated embedding: bit k%64 of word k/64 is set if coordinate k is not negative.
type Code [words]uint64

// Sign returns the signs of the Bits coordinates y.
func Sign(y []float32) Code {
	var c Code
	for i := range c {
		var w uint64
		for k, v := range y[i*64 : i*64+64] {
			w |= uint64(^math.Float32bits(v)>>31) << k
		}
		c[i] = w
	}
	return c
}

// Distance returns the Hamming distance of a and b: the number of bits, 0 to Bits, in which they differ.
func Distance(a, b *Code) int {
	// Written out because a scan without Nearer in the processor's own words spends its time here.
	return bits.OnesCount64(a[0]^b[0]) + bits.OnesCount64(a[1]^b[1]) +
		bits.OnesCount64(a[2]^b[2]) + bits.OnesCount64(a[3]^b[3]) +
		bits.OnesCount64(a[4]^b[4]) + bits.OnesCount64(a[5]^b[5]) +
		bits.OnesCount64(a[6]^b[6]) + bits.OnesCount64(a[7]^b[7]) +
		bits.OnesCount64(a[8]^b[8]) + bits.OnesCount64(a[9]^b[9]) +
		bits.OnesCount64(a[10]^b[10]) + bits.OnesCount64(a[11]^b[11]) +
		bits.OnesCount64(a[12]^b[12]) + bits.OnesCount64(a[13]^b[13]) +
		bits.OnesCount64(a[14]^b[14]) + bits.OnesCount64(a[15]^b[15])
}

// HammingCosine estimates the cosine of two embeddings from the Hamming distance of their Codes: two vectors at angle t
// fall on different sides of a random hyperplane with probability t/pi (Goemans and Williamson, 1995).
func HammingCosine(distance int) float64 {
	return math.Cos(math.Pi * float64(distance) / Bits)
}

// signedSum returns the sum of y[k] where bit k of c is set, less the sum of the others. len(y) is Bits.
func signedSum(y []float32, c *Code) float32 {
	// A bit that is not set flips the sign bit of the coordinate: no branch to mispredict on bits that are random by
	// design. Four sums, because one would wait for each addition to finish.
	var s0, s1, s2, s3 float32
	for i, w := range c {
		w = ^w
		v := y[i*64 : i*64+64 : i*64+64]
		for k := 0; k < 64; k += 4 {
			s0 += math.Float32frombits(math.Float32bits(v[k]) ^ uint32(w<<31))
			s1 += math.Float32frombits(math.Float32bits(v[k+1]) ^ uint32(w>>1<<31))
			s2 += math.Float32frombits(math.Float32bits(v[k+2]) ^ uint32(w>>2<<31))
			s3 += math.Float32frombits(math.Float32bits(v[k+3]) ^ uint32(w>>3<<31))
			w >>= 4
		}
	}
	return (s0 + s1) + (s2 + s3)
}
