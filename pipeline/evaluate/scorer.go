package evaluate

import (
	"encoding/binary"
	"fmt"
	"math"
)

// A Scorer compares samples, which it knows by their index.
type Scorer interface {
	// Len returns the number of samples.
	Len() int

	// Score sets dst[p*len(enrolled)+e] to the score of sample probes[p], as the probe, against sample enrolled[e].
	// It may be called from several goroutines at once.
	Score(dst []float32, probes, enrolled []int)

	// String names the kind of score for a report ("plain cosine").
	String() string
}

// Cosine scores by the cosine similarity of the vectors themselves: the baseline that no protected template beats.
type Cosine struct {
	vectors []float32 // all of them, one after the other, so that a scan reads memory in order
	n, dim  int
}

// NewCosine copies the vectors of samples. They must be of unit length and all of one dimension.
func NewCosine(samples []Sample) (*Cosine, error) {
	if len(samples) == 0 {
		return &Cosine{}, nil
	}
	c := &Cosine{n: len(samples), dim: len(samples[0].Vector)}
	c.vectors = make([]float32, 0, c.n*c.dim)
	for _, s := range samples {
		if len(s.Vector) != c.dim {
			return nil, fmt.Errorf("%s: vector has %d values, others have %d", s.Picture, len(s.Vector), c.dim)
		}
		var sum float64
		for _, x := range s.Vector {
			sum += float64(x) * float64(x)
		}
		if !(math.Abs(sum-1) < 1e-3) {
			return nil, fmt.Errorf("%s: vector has length %.4g, want 1", s.Picture, math.Sqrt(sum))
		}
		c.vectors = append(c.vectors, s.Vector...)
	}
	return c, nil
}

// Len implements Scorer.
func (c *Cosine) Len() int { return c.n }

func (c *Cosine) String() string { return "plain cosine" }

// cosineBlock is how many enrolled vectors stay in the second-level cache while all probes pass over them.
const cosineBlock = 64

// Score implements Scorer.
func (c *Cosine) Score(dst []float32, probes, enrolled []int) {
	width := len(enrolled)
	for first := 0; first < width; first += cosineBlock {
		block := enrolled[first:min(first+cosineBlock, width)]
		for p, probe := range probes {
			c.row(dst[p*width+first:][:len(block)], c.at(probe), block)
		}
	}
}

// row scores one probe against four enrolled vectors at a time, so that each of its values is loaded once for four
// products and the four sums do not wait for each other.
func (c *Cosine) row(dst []float32, probe []float32, enrolled []int) {
	for len(enrolled) >= 4 {
		dst[0], dst[1], dst[2], dst[3] = dot4(probe,
			c.at(enrolled[0]), c.at(enrolled[1]), c.at(enrolled[2]), c.at(enrolled[3]))
		dst, enrolled = dst[4:], enrolled[4:]
	}
	for i, e := range enrolled {
		v := c.at(e)
		dst[i], _, _, _ = dot4(probe, v, v, v, v)
	}
}

func (c *Cosine) at(i int) []float32 { return c.vectors[i*c.dim:][:c.dim] }

func dot4(p, a, b, c, d []float32) (pa, pb, pc, pd float32) {
	a, b, c, d = a[:len(p)], b[:len(p)], c[:len(p)], d[:len(p)]
	for i, x := range p {
		pa += x * a[i]
		pb += x * b[i]
		pc += x * c[i]
		pd += x * d[i]
	}
	return pa, pb, pc, pd
}

// A Code is one sample as the stored hash sees it, both ways round.
type Code struct {
	Probe []float32 // the rotated vector, m values, as it is when the sample is the probe
	Bits  []uint64  // the signs, m/64 words, as they are when the sample is enrolled: bit k%64 of word k/64 is set for +1
}

// Hash scores by the stored hash with rescoring: the real-valued probe against the enrolled signs, scaled so that the
// expected score is the cosine (asymmetric distance, Gordo et al., TPAMI 2014).
type Hash struct {
	scale  float32
	probes []float32 // n rows of m values
	codes  []byte    // n rows of m/8 bytes
	n, m   int
}

// NewHash copies codes, which must all have the same m, a multiple of 64. The score of a pair is
// scale * sum over k of probe value k times enrolled sign k; for m orthonormally rotated values of a d-dimensional unit
// vector scale is sqrt(pi/2)*sqrt(d)/m.
func NewHash(codes []Code, scale float64) (*Hash, error) {
	if len(codes) == 0 {
		return &Hash{}, nil
	}
	h := &Hash{scale: float32(scale), n: len(codes), m: len(codes[0].Probe)}
	h.probes = make([]float32, 0, h.n*h.m)
	h.codes = make([]byte, 0, h.n*h.m/8)
	for i, c := range codes {
		if len(c.Probe) != h.m || 64*len(c.Bits) != h.m {
			return nil, fmt.Errorf("code %d: probe has %d values and %d bits, want %d, a multiple of 64, of both",
				i, len(c.Probe), 64*len(c.Bits), h.m)
		}
		h.probes = append(h.probes, c.Probe...)
		for _, w := range c.Bits {
			h.codes = binary.LittleEndian.AppendUint64(h.codes, w)
		}
	}
	return h, nil
}

// Len implements Scorer.
func (h *Hash) Len() int { return h.n }

func (h *Hash) String() string { return fmt.Sprintf("stored hash, %d bits", h.m) }

// A sums table holds the scaled sum of eight probe values for each of the 256 ways to sign them.
type sums [256]float32

// Score implements Scorer. Each probe is spread out into a table for each byte of a code, which turns m signed
// additions a comparison into m/8 look-ups.
func (h *Hash) Score(dst []float32, probes, enrolled []int) {
	tables := make([]sums, h.m/8)
	for p, probe := range probes {
		h.spread(tables, h.probes[probe*h.m:][:h.m])
		row := dst[p*len(enrolled):][:len(enrolled)]
		for i, e := range enrolled {
			row[i] = lookUp(tables, h.codes[e*len(tables):])
		}
	}
}

// spread fills the tables of one probe. Byte 0 signs all eight values -1; each further bit turns one of them round.
func (h *Hash) spread(tables []sums, probe []float32) {
	for t := range tables {
		table, values := &tables[t], probe[8*t:][:8]
		table[0] = 0
		for _, y := range values {
			table[0] -= h.scale * y
		}
		for bit, y := range values {
			for low := range 1 << bit {
				table[1<<bit|low] = table[low] + 2*h.scale*y
			}
		}
	}
}

// lookUp adds up in four sums, so that an addition need not wait for the one before. There are a multiple of eight
// tables.
func lookUp(tables []sums, code []byte) float32 {
	var a, b, c, d float32
	code = code[:len(tables)]
	for t := 0; t+3 < len(tables); t += 4 {
		a += tables[t][code[t]]
		b += tables[t+1][code[t+1]]
		c += tables[t+2][code[t+2]]
		d += tables[t+3][code[t+3]]
	}
	return a + b + c + d
}
