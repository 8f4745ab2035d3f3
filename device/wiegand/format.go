package wiegand

import (
	"errors"
	"fmt"
	"math/bits"

	"facegate/configs/hint"
)

// A Format is how a card is sent: so many bits, of which some are parity.
type Format struct {
	bits   int
	data   uint64 // the bits that tell cards apart, which lie side by side
	parity []parity
}

// A parity is over some of the bits of a card, of which an even or an odd number is 1.
type parity struct {
	over uint64
	odd  bool
}

// ErrFormat says that cards are not sent in so many bits.
var ErrFormat = errors.New("no reader is known to send cards of that many bits")

// Formats are the numbers of bits that FormatOf knows.
func Formats() []int { return []int{26, 34, 35, 37} }

// FormatOf returns the format of so many bits:
//
//	26  H10301: 8 bits of the site and 16 of the card, between an even and an odd parity over 12 bits each
//	34  H10306: 32 bits between an even and an odd parity over 16 bits each
//	35  Corporate 1000: 12 bits of the company and 20 of the card; one parity over all bits, two over two bits of three each
//	37  H10302 and H10304: 35 bits between an even and an odd parity over 18 bits each, which share the middle one
//
// It refuses with ErrFormat.
func FormatOf(n int) (Format, error) {
	in := func(in func(bit int) bool) uint64 { return mask(n, in) }
	switch last := n - 1; n {
	case 26, 34, 37:
		return Format{n, in(func(b int) bool { return b > 0 && b < last }), []parity{
			{in(func(b int) bool { return b <= last/2 }), false},
			{in(func(b int) bool { return b >= n/2 }), true},
		}}, nil
	case 35:
		return Format{n, in(func(b int) bool { return b > 1 && b < last }), []parity{
			{in(func(int) bool { return true }), true},
			{in(func(b int) bool { return b == 1 || b > 1 && b < last && b%3 != 1 }), false},
			{in(func(b int) bool { return b == last || b > 0 && b < last && b%3 != 0 }), true},
		}}, nil
	}
	return Format{}, hint.Wrap(fmt.Errorf("%w: %d", ErrFormat, n),
		"Set the reader to one of %v bits, or take one that can be.", Formats())
}

// mask returns those of n bits that are in. The first bit that is sent is bit 0, and the highest.
func mask(n int, in func(bit int) bool) (m uint64) {
	for bit := range n {
		m <<= 1
		if in(bit) {
			m |= 1
		}
	}
	return m
}

// holds reports whether the parity of a card is right.
func (f Format) holds(card uint64) bool {
	for _, p := range f.parity {
		if odd := bits.OnesCount64(card&p.over)%2 == 1; odd != p.odd {
			return false
		}
	}
	return true
}

// number returns the bits that tell cards apart.
func (f Format) number(card uint64) uint64 { return card & f.data >> bits.TrailingZeros64(f.data) }

// Data returns how many bits tell cards apart.
func (f Format) Data() int { return bits.OnesCount64(f.data) }

// Bits returns the bits of the card with a number, as a reader sends them: 0 is a pulse on D0, 1 one on D1.
func (f Format) Bits(number uint64) []int {
	card := number << bits.TrailingZeros64(f.data) & f.data
	for try := range uint64(1 << (f.bits - f.Data())) {
		if with := card | f.spread(try); f.holds(with) {
			card = with
			break
		}
	}
	sent := make([]int, f.bits)
	for bit := range sent {
		sent[bit] = int(card >> (f.bits - 1 - bit) & 1)
	}
	return sent
}

// spread puts the bits of p at the places of the parities.
func (f Format) spread(p uint64) (card uint64) {
	for place := uint64(1); place < 1<<f.bits; place <<= 1 {
		if f.data&place == 0 {
			card |= place * (p & 1)
			p >>= 1
		}
	}
	return card
}
