// Package scan reads the Huffman-coded data of a JPEG scan without making a picture of it, and tells a whole scan from a
// damaged one (ITU-T T.81, annex F, sequential mode).
//
// Decoders mend: libjpeg warns where data are missing, but of a picture in which a few bytes are wrong or lost it warns in
// one case of three, because Huffman codes fall into step again. Such a picture is displaced or tinted from there on.
// This reader also looks at what no encoder writes: coefficients beyond the 64th, values that no picture of 8 bits has,
// and a scan that does not end where its last block does.
package scan

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// What can be wrong with a scan.
var (
	ErrShort   = errors.New("its data end too early")
	ErrCode    = errors.New("a code that is in none of its tables")
	ErrValue   = errors.New("a value that no picture has")
	ErrRestart = errors.New("a restart marker is missing")
	ErrSurplus = errors.New("data follow its last block")
)

// MaxStray is how many bytes of noise may lie between the last block and a marker. Cameras add a few, or any number of
// zeros; of a picture that is out of step hundreds can be left.
const MaxStray = 128

// Limits of one MCU.
const (
	maxComponents = 4
	blockSize     = 64
)

// A Component is one component of a scan.
type Component struct {
	Blocks int    // of it in one MCU
	DC, AC *Table // its codes
	Quant  *Range // what its coefficients can be
	Sum    int64  // of the DC coefficients of the blocks, to which Check adds
}

// Mean returns the mean of the samples in so many blocks of c, -128 to 127, once they have been read. DC is 8 times the mean of its
// block (A.3.3).
func (c *Component) Mean(blocks int) float64 {
	return float64(c.Sum) * float64(c.Quant.step) / (8 * float64(blocks))
}

// A Range bounds the quantized coefficients of a component, by what a picture of 8 bits can have.
type Range struct {
	step uint16           // of DC
	dc   int32            // the largest value, without its sign
	bits [blockSize]uint8 // the most bits of a value, in zigzag order
}

// most is above any coefficient of the DCT of 8-bit samples: that of DC is 1024, of the others at most 1.3 times it.
const most = 1400

// SetQuant derives r from a quantization table in zigzag order.
func (r *Range) SetQuant(q *[blockSize]uint16) {
	r.step = q[0]
	for k, step := range q {
		largest := int32(1<<15 - 1)
		if step > 0 {
			largest = most/int32(step) + 1 // which leaves room for rounding
		}
		if k == 0 {
			r.dc = largest
		}
		r.bits[k] = bitLength(largest)
	}
}

func bitLength(v int32) (n uint8) {
	for ; v > 0; v >>= 1 {
		n++
	}
	return n
}

// Check reads a scan of so many MCUs at the beginning of data, with a restart marker after every restart of them if that
// is above 0. It returns how many bytes it has looked at, none of which belongs to the marker that follows the scan. The
// error says what is wrong with the scan.
func Check(data []byte, components []Component, mcus, restart int) (int, error) {
	if len(components) > maxComponents {
		return 0, fmt.Errorf("scan: %d components", len(components))
	}
	r := reader{data: data}
	if restart <= 0 {
		restart = mcus
	}
	for i := 0; mcus > 0; i++ {
		n := min(restart, mcus)
		if err := r.interval(components, n); err != nil {
			return r.pos, err
		}
		mcus -= n
		if err := r.finish(); err != nil {
			return r.pos, err
		}
		if mcus > 0 && !r.restart(byte(i)) {
			return r.pos, ErrRestart
		}
	}
	return r.pos, nil
}

// A reader holds the bits that come next.
type reader struct {
	data []byte
	pos  int    // of the byte to be read next
	bits uint64 // the low count bits come next, the highest first
	made int    // of them the last so many were made up, because a marker or the end came
	left int    // how many there are
}

// interval reads MCUs, of which the first does not depend on what was before.
func (r *reader) interval(components []Component, mcus int) error {
	var dc [maxComponents]int32
	for range mcus {
		for i := range components {
			c := &components[i]
			for range c.Blocks {
				if err := r.block(c, &dc[i]); err != nil {
					return err
				}
				c.Sum += int64(dc[i])
			}
		}
	}
	return nil
}

// block reads one block of 8 by 8 coefficients.
func (r *reader) block(c *Component, dc *int32) error {
	if r.left < 32 {
		r.fill()
	}
	e := r.next(c.DC)
	if e == 0 {
		return r.noCode()
	}
	*dc += r.value(e)
	if *dc > c.Quant.dc || *dc < -c.Quant.dc {
		return r.wrongValue()
	}
	for k := 1; k < blockSize; k++ {
		if r.left < 32 {
			r.fill()
		}
		e := r.next(c.AC)
		size := e.size()
		r.left -= int(e.length() + size)
		if size == 0 {
			switch {
			case e == 0:
				return r.noCode()
			case e.run() != 15:
				k = blockSize // the rest is 0
			default:
				k += 15
			}
			continue
		}
		if k += int(e.run()); k >= blockSize || size > c.Quant.bits[k] {
			return r.wrongValue()
		}
	}
	if r.made > r.left {
		return ErrShort
	}
	return nil
}

// value consumes a code and the bits of the value behind it (F.2.2.1).
func (r *reader) value(e entry) int32 {
	size := e.size()
	r.left -= int(e.length() + size)
	if size == 0 {
		return 0
	}
	v := int32(r.bits>>(uint(r.left)&63)) & (1<<size - 1)
	if v < 1<<(size-1) {
		v += -1<<size + 1
	}
	return v
}

// noCode and wrongValue tell bits that were made up from those that are wrong.
func (r *reader) noCode() error {
	if r.made > r.left-maxCode {
		return ErrShort
	}
	return ErrCode
}

func (r *reader) wrongValue() error {
	if r.made > r.left {
		return ErrShort
	}
	return ErrValue
}

// next looks up the code that comes next, and does not consume it. It is 0 if there is none.
func (r *reader) next(t *Table) entry {
	e := t.short[r.bits>>(uint(r.left-shortCode)&63)&(1<<shortCode-1)]
	if e == 0 {
		e = t.long(r.bits >> (uint(r.left-maxCode) & 63))
	}
	return e
}

// fill reads until there are 32 bits or more, which are enough for one code and its value.
func (r *reader) fill() {
	if r.pos+4 <= len(r.data) {
		if four := binary.BigEndian.Uint32(r.data[r.pos:]); !hasFF(four) {
			r.bits = r.bits<<32 | uint64(four)
			r.left += 32
			r.pos += 4
			return
		}
	}
	for r.left < 32 {
		r.bits <<= 8
		r.left += 8
		if r.marker() {
			r.made += 8
			continue
		}
		r.bits |= uint64(r.data[r.pos])
		r.pos++
		if r.data[r.pos-1] == 0xFF {
			r.stuffing()
		}
	}
}

// hasFF reports whether one of the four bytes of v is FF.
func hasFF(v uint32) bool {
	v = ^v
	return (v-0x01010101)&^v&0x80808080 != 0
}

// marker reports whether a marker comes next, or the end. Any number of FF may stand before the code of a marker, and
// decoders take as many before the 0 that says that FF was meant.
func (r *reader) marker() bool {
	for i := r.pos; i < len(r.data); i++ {
		if r.data[i] != 0xFF {
			return i > r.pos && r.data[i] != 0
		}
	}
	return true
}

// stuffing passes over what says that the FF before pos is no marker.
func (r *reader) stuffing() {
	for r.data[r.pos] == 0xFF {
		r.pos++
	}
	r.pos++
}

// finish ends an interval: the rest of the last byte is filled with ones (F.1.2.3), by some with zeros, and then a marker
// follows, before which noise or padding may lie.
func (r *reader) finish() error {
	if r.made > r.left {
		return ErrShort
	}
	whole := r.left - r.made // bits that the picture has not used
	rest := r.bits >> r.made & (1<<whole - 1)
	filling, width := rest>>(whole&^7), whole&7
	rest &= 1<<(whole&^7) - 1
	surplus, padding := whole/8, rest == 0
	for from := r.pos; !r.marker(); from = r.pos {
		padding = padding && r.data[r.pos] == 0
		if r.pos++; r.data[r.pos-1] == 0xFF {
			r.stuffing()
		}
		surplus += r.pos - from
	}
	r.bits, r.left, r.made = 0, 0, 0
	mixed := filling != 0 && filling != 1<<width-1
	if surplus > 0 && !padding && (mixed || surplus > MaxStray) {
		return ErrSurplus
	}
	return nil
}

// restart passes over restart marker number i.
func (r *reader) restart(i byte) bool {
	for r.pos+1 < len(r.data) && r.data[r.pos+1] == 0xFF {
		r.pos++
	}
	if r.pos+1 >= len(r.data) || r.data[r.pos+1] != 0xD0|i&7 {
		return false
	}
	r.pos += 2
	return true
}
