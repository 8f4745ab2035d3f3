// Package wiegand makes cards and keys of the edges on the two data lines of a Wiegand reader.
//
// A pulse on D0 is a 0, one on D1 is a 1, and silence ends a card. There is no checksum but parity, which lets about half of all
// cards pass in which two bits have changed. So a card counts only if everything about it is as a reader would have it: its
// number of bits, the silence around it, the distances of its pulses, and that the kernel has lost none of them. Two bits that
// have changed on the wire look like another card to every receiver there is: see docs/readers.md.
package wiegand

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"facegate/device/reader"
)

// What a card has to look like.
const (
	before   = 25 * time.Millisecond  // of silence
	after    = 50 * time.Millisecond  // of silence
	closest  = 100 * time.Microsecond // two pulses may be to each other; they are 20 to 100 µs long themselves
	farthest = 24 * time.Millisecond  // readers keep to 20 ms or less
	learnt   = 8                      // of its first distances, which say what the others have to be, but for
	slack    = 5                      // a part of so many of it, or
	jitter   = 60 * time.Microsecond  // if that is more: the kernel stamps an edge when it gets to it
	again    = time.Second            // within which a card comes twice, where it has to
	keyBits  = 4
	keyNames = "0123456789*#"
)

// Why something that was shown is not taken for a card, or a key. All of them are reader.ErrUnread.
var (
	ErrCount   = fault("it has another number of bits than cards of this format")
	ErrParity  = fault("the parity is wrong")
	ErrEarly   = fault("there was no silence before it")
	ErrUneven  = fault("its pulses are unevenly spaced")
	ErrClose   = fault("two pulses came too close together")
	ErrLost    = fault("the kernel lost pulses of it")
	ErrBothLow = fault("both data lines were low at once")
	ErrOnce    = fault("it was read once, and not a second time")
	ErrDiffers = fault("the second reading was of another card")
	ErrKey     = fault("there is no such key")
)

func fault(text string) error { return fmt.Errorf("%w: %s", reader.ErrUnread, text) }

// An Edge is the fall of one data line.
type Edge struct {
	Line int           // 0 or 1
	At   time.Duration // on any clock
	Seq  uint32        // counts the edges of both lines from 1
}

// A Read is what a Decoder has read.
type Read struct {
	Card []byte        // its format and its number: a byte with the bits of the format, and the number, the highest byte first
	Key  byte          // '0' to '9', '*' or '#'; 0 if it is a card
	At   time.Duration // of its last edge
}

// A Decoder makes cards and keys of edges. It has no clock, and is for one goroutine.
type Decoder struct {
	format Format
	keys   bool // four bits are a key
	twice  bool
	emit   func(Read, error)

	seq   uint32
	quiet time.Duration   // since when the lines are silent, or the last edge
	bits  uint64          // of what is being sent
	at    []time.Duration // of its edges
	wrong error           // with it, the first thing that is

	first Read // of two; no card if none is waited for
}

// NewDecoder returns a Decoder that tells emit what was read, or why it was not. Of a format without bits there are no cards. With
// keys, four bits are a key of a keypad. With twice, a card has to come twice within a second.
func NewDecoder(f Format, keys, twice bool, emit func(Read, error)) *Decoder {
	return &Decoder{format: f, keys: keys, twice: twice, emit: emit}
}

// Begin forgets everything: edges may come from now on, and are counted from 1.
func (d *Decoder) Begin(now time.Duration) {
	clear(d.first.Card)
	*d = Decoder{format: d.format, keys: d.keys, twice: d.twice, emit: d.emit, at: d.at[:0], quiet: now}
}

// Edge takes the next edge.
func (d *Decoder) Edge(e Edge) {
	silence := e.At - d.quiet
	if len(d.at) > 0 && silence >= after {
		d.end()
	}
	switch {
	case e.Seq != d.seq+1:
		d.spoil(ErrLost)
	case len(d.at) == 0 && silence < before:
		d.spoil(ErrEarly)
	case len(d.at) > 0 && silence < closest:
		d.spoil(ErrClose)
	}
	d.seq, d.quiet = e.Seq, e.At
	d.bits = d.bits<<1 | uint64(e.Line)
	d.at = append(d.at, e.At)
	if len(d.at) > d.most() { // noise that does not end takes no memory
		d.spoil(ErrCount)
		d.at = d.at[:1]
	}
}

// most is more edges than anything has.
func (d *Decoder) most() int { return max(d.format.bits, keyBits) + 1 }

// Rest says that there is no other edge before now, and whether both lines are low, which no reader does.
func (d *Decoder) Rest(now time.Duration, bothLow bool) {
	if bothLow {
		if len(d.at) > 0 {
			d.spoil(ErrBothLow)
		} else {
			d.quiet = max(d.quiet, now)
		}
	}
	if len(d.at) > 0 && now-d.quiet >= after {
		d.end()
	}
	if d.first.Card != nil && now-d.first.At > again {
		clear(d.first.Card)
		d.first = Read{}
		d.emit(Read{At: now}, ErrOnce)
	}
}

// spoil notes what is wrong with what is being sent, unless something was before.
func (d *Decoder) spoil(why error) { d.wrong = cmp.Or(d.wrong, why) }

// end tells what was sent. Less than a key is noise, for which nobody is told to try again.
func (d *Decoder) end() {
	noise := len(d.at) < keyBits && !errors.Is(d.wrong, ErrCount)
	r, err := d.judge()
	d.bits, d.at, d.wrong = 0, d.at[:0], nil
	switch {
	case noise:
	case err != nil:
		d.emit(Read{At: r.At}, err)
	case r.Card != nil && d.twice:
		d.second(r)
	default:
		d.emit(r, nil)
	}
}

// judge makes a card or a key of what was sent.
func (d *Decoder) judge() (Read, error) {
	r := Read{At: d.quiet}
	isKey, isCard := d.keys && len(d.at) == keyBits, d.format.bits > 0 && len(d.at) == d.format.bits
	switch {
	case d.wrong != nil:
		return r, d.wrong
	case !isKey && !isCard:
		return r, ErrCount
	case !even(d.at):
		return r, ErrUneven
	case isKey && d.bits >= uint64(len(keyNames)):
		return r, ErrKey
	case isKey:
		r.Key = keyNames[d.bits]
	case !d.format.holds(d.bits):
		return r, ErrParity
	default:
		r.Card = d.format.card(d.bits)
	}
	return r, nil
}

// card returns what a card is known by.
func (f Format) card(card uint64) []byte {
	value, number := []byte{byte(f.bits)}, f.number(card)
	for shift := (f.Data() - 1) / 8 * 8; shift >= 0; shift -= 8 {
		value = append(value, byte(number>>shift))
	}
	return value
}

// even reports whether edges are evenly spaced, as the first of them say.
func even(at []time.Duration) bool {
	spaces := make([]time.Duration, len(at)-1)
	for i := range spaces {
		spaces[i] = at[i+1] - at[i]
	}
	first := slices.Sorted(slices.Values(spaces[:min(learnt, len(spaces))]))
	usual := first[len(first)/2]
	most := max(usual/slack, jitter)
	return usual <= farthest && !slices.ContainsFunc(spaces, func(s time.Duration) bool { return s < usual-most || s > usual+most })
}

// second takes a card that counts with another reading of it.
func (d *Decoder) second(r Read) {
	first := d.first
	defer clear(first.Card)
	switch {
	case first.Card == nil, r.At-first.At > again:
		if first.Card != nil {
			d.emit(Read{At: r.At}, ErrOnce)
		}
		d.first = r
	case !slices.Equal(first.Card, r.Card):
		clear(r.Card)
		d.first = Read{}
		d.emit(Read{At: r.At}, ErrDiffers)
	default:
		d.first = Read{}
		d.emit(r, nil)
	}
}
