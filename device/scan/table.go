package scan

// Codes have up to maxCode bits (T.81, annex C). Those of up to shortCode bits, which are nearly all that occur, are found
// in one step.
const (
	maxCode   = 16
	shortCode = 9
)

// An entry is a code: its length in the low byte, and in the high one its symbol, a run of zeros and the size in bits of
// the value that follows. No code has the length 0.
type entry uint16

func (e entry) length() uint8 { return uint8(e) }
func (e entry) size() uint8   { return uint8(e>>8) & 15 }
func (e entry) run() uint8    { return uint8(e >> 12) }

// A Table is one table of Huffman codes.
type Table struct {
	short   [1 << shortCode]entry
	symbols [256]byte
	first   [maxCode + 1]int32 // of each length, the place in symbols of its first code, less that code
	last    [maxCode + 1]int32 // of each length, its last code, or -1
}

// Define makes t the table with so many codes of each length from 1 to 16 and these symbols in their order. It reports
// whether there is such a table (C.2): codes of each length count on from those of the length before, and none is all
// ones. For values of DC no symbol is above 15.
func (t *Table) Define(counts *[maxCode]byte, symbols []byte, dc bool) bool {
	clear(t.short[:])
	copy(t.symbols[:], symbols)
	code, place := int32(0), 0
	for i, n := range counts {
		length := i + 1
		if place+int(n) > len(symbols) {
			return false
		}
		t.first[length], t.last[length] = int32(place)-code, -1
		for range n {
			t.add(code, length, symbols[place])
			code++
			place++
		}
		if n > 0 {
			t.last[length] = code - 1
			if code >= 1<<length {
				return false
			}
		}
		code <<= 1
	}
	for _, s := range symbols[:place] {
		if dc && s > 15 {
			return false
		}
	}
	return true
}

// add enters a code under all bits that begin with it.
func (t *Table) add(code int32, length int, symbol byte) {
	if length > shortCode || code >= 1<<length {
		return
	}
	free := shortCode - length
	same := t.short[code<<free : (code+1)<<free]
	for i := range same {
		same[i] = entry(symbol)<<8 | entry(length)
	}
}

// long looks among the longer codes for one with which the low 16 of bits begin.
func (t *Table) long(bits uint64) entry {
	bits &= 1<<maxCode - 1
	for length := shortCode + 1; length <= maxCode; length++ {
		code := int32(bits >> (maxCode - length))
		if code <= t.last[length] {
			if i := t.first[length] + code; i >= 0 && int(i) < len(t.symbols) {
				return entry(t.symbols[i])<<8 | entry(length)
			}
		}
	}
	return 0
}
