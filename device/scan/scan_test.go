package scan_test

import (
	"bytes"
	"errors"
	"testing"

	"pgregory.net/rapid"

	"facegate/device/scan"
)

// The tables of the tests: DC has codes of 2 bits for the sizes 0 to 2, and AC codes of 2 bits for the end of a block and a
// value of 1 bit, of 3 bits for a run of 16 zeros and for 5 zeros and a value of 3 bits, and one of 12 bits for a value of
// 4 bits.
var (
	dcCounts, dcSymbols = [16]byte{1: 3}, []byte{0, 1, 2}
	acCounts, acSymbols = [16]byte{1: 2, 2: 2, 11: 1}, []byte{0x00, 0x01, 0xF0, 0x53, 0x04}
)

type code struct{ bits, length int }

var (
	dcCodes = map[byte]code{0: {0, 2}, 1: {1, 2}, 2: {2, 2}}
	acCodes = map[byte]code{0x00: {0, 2}, 0x01: {1, 2}, 0xF0: {4, 3}, 0x53: {5, 3}, 0x04: {0xC00, 12}}
)

func tables(t testing.TB) (dc, ac *scan.Table) {
	t.Helper()
	dc, ac = new(scan.Table), new(scan.Table)
	if !dc.Define(&dcCounts, dcSymbols, true) || !ac.Define(&acCounts, acSymbols, false) {
		t.Fatal("the tables of the test are refused")
	}
	return dc, ac
}

// quant allows DC values up to 1401 and others of up to 11 bits.
func quant() *scan.Range {
	var q [64]uint16
	for k := range q {
		q[k] = 1
	}
	r := new(scan.Range)
	r.SetQuant(&q)
	return r
}

// A writer packs bits as an encoder does.
type writer struct {
	out  []byte
	bits uint64
	n    int
}

func (w *writer) put(bits, length int) {
	w.bits = w.bits<<length | uint64(bits)
	for w.n += length; w.n >= 8; w.n -= 8 {
		b := byte(w.bits >> (w.n - 8))
		if w.out = append(w.out, b); b == 0xFF {
			w.out = append(w.out, 0)
		}
	}
}

func (w *writer) code(c code, value, size int) {
	w.put(c.bits, c.length)
	w.put(value, size)
}

// flush fills the last byte with ones.
func (w *writer) flush() {
	if w.n > 0 {
		w.put(1<<(8-w.n)-1, 8-w.n)
	}
}

// block writes a random block.
func (w *writer) block(t *rapid.T) {
	size := rapid.IntRange(0, 1).Draw(t, "size of DC")
	w.code(dcCodes[byte(size)], rapid.IntRange(0, 1<<size-1).Draw(t, "DC"), size)
	for k := 1; k < 64; k++ {
		s := rapid.SampledFrom(acSymbols).Draw(t, "symbol")
		run, size := int(s>>4), int(s&15)
		if k+run > 63 || s == 0 {
			w.code(acCodes[0], 0, 0)
			return
		}
		w.code(acCodes[s], rapid.IntRange(0, 1<<size-1).Draw(t, "AC"), size)
		k += run
	}
}

// A drawn scan, cut at its restart markers.
type drawn struct {
	mcus, restart int
	intervals     [][]byte
}

func draw(t *rapid.T) (d drawn) {
	d.mcus = rapid.IntRange(1, 40).Draw(t, "MCUs")
	d.restart = rapid.IntRange(0, 12).Draw(t, "restart interval")
	step := d.restart
	if step == 0 {
		step = d.mcus
	}
	for left := d.mcus; left > 0; left -= step {
		var w writer
		for range 3 * min(step, left) { // 2 blocks of one component, 1 of another
			w.block(t)
		}
		w.flush()
		d.intervals = append(d.intervals, w.out)
	}
	return d
}

// data returns the scan, with some bytes before each of its markers.
func (d drawn) data(before func() []byte) (data []byte) {
	for i, b := range d.intervals {
		data = append(append(data, b...), before()...)
		if i < len(d.intervals)-1 {
			data = append(data, 0xFF, 0xD0|byte(i&7))
		}
	}
	return append(data, 0xFF, 0xD9)
}

func (d drawn) check(t testing.TB, data []byte) (int, error) {
	dc, ac := tables(t)
	c := []scan.Component{{Blocks: 2, DC: dc, AC: ac, Quant: quant()}, {Blocks: 1, DC: dc, AC: ac, Quant: quant()}}
	return scan.Check(data, c, d.mcus, d.restart)
}

// TestWhole holds that no scan which an encoder can write is refused, with noise, padding and fill bytes or without.
func TestWhole(t *testing.T) {
	noise := rapid.SliceOfN(rapid.ByteMax(0xFE), 0, scan.MaxStray)
	padding := rapid.Map(rapid.IntRange(0, 5000), func(n int) []byte { return make([]byte, n) })
	fill := rapid.Map(rapid.IntRange(0, 5000), func(n int) []byte { return bytes.Repeat([]byte{0xFF}, n) })
	rapid.Check(t, func(rt *rapid.T) {
		d := draw(rt)
		kind := rapid.SampledFrom([]*rapid.Generator[[]byte]{noise, padding, fill}).Draw(rt, "kind")
		data := d.data(func() []byte { return kind.Draw(rt, "before a marker") })
		n, err := d.check(t, data)
		if err != nil {
			rt.Fatal(err)
		}
		if end := len(data) - len("\xFF\xD9"); n > end || bytes.Count(data[n:end], []byte{0xFF}) != end-n {
			rt.Errorf("it stopped at %d of %d bytes", n, len(data))
		}
	})
}

// TestShort holds that no scan is accepted of which even one bit is missing.
func TestShort(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		d := draw(rt)
		i := rapid.IntRange(0, len(d.intervals)-1).Draw(rt, "interval")
		b := d.intervals[i]
		d.intervals[i] = b[:rapid.IntRange(0, len(b)-1).Draw(rt, "left of it")]
		for _, more := range [][]byte{nil, {0xFF}} {
			if _, err := d.check(t, d.data(func() []byte { return more })); !errors.Is(err, scan.ErrShort) {
				rt.Errorf("%v, want %v", err, scan.ErrShort)
			}
		}
	})
}

// TestDamage shows what each kind of damage is called.
func TestDamage(t *testing.T) {
	gray := func(n int, ends ...byte) []byte { // blocks of 4 zero bits
		return append(make([]byte, n/2), ends...)
	}
	pattern := func(c ...code) (w writer) {
		for _, c := range c {
			w.put(c.bits, c.length)
		}
		return w
	}
	far := pattern(dcCodes[0]) // 13 times 5 zeros and a value are too many
	for range 13 {
		far.code(acCodes[0x53], 7, 3)
	}
	zeros := pattern(dcCodes[0]) // 4 runs of 16 zeros are one too many, and harmless
	for range 4 {
		zeros.code(acCodes[0xF0], 0, 0)
	}
	bright := writer{} // 467 steps of 3 up, to 1401, and one more
	for range 468 {
		bright.code(dcCodes[2], 3, 2)
		bright.code(acCodes[0], 0, 0)
	}
	noCode := pattern(dcCodes[0], code{3, 2}, code{0xFFF, 16})
	for _, w := range []*writer{&far, &zeros, &bright, &noCode} {
		w.flush()
	}
	tests := []struct {
		name    string
		data    []byte
		mcus    int
		restart int
		want    error
	}{
		{"gray", gray(6, 0xFF, 0xD9), 6, 0, nil},
		{"gray, no marker behind it", gray(6), 6, 0, nil},
		{"nothing", nil, 1, 0, scan.ErrShort},
		{"only a marker", []byte{0xFF, 0xD9}, 1, 0, scan.ErrShort},
		{"one block too few", gray(6, 0xFF, 0xD9), 7, 0, scan.ErrShort},
		{"too many zeros", zeros.out, 1, 0, nil},
		{"beyond the block", far.out, 1, 0, scan.ErrValue},
		{"as bright as can be", bright.out, 467, 0, nil},
		{"too bright", bright.out, 468, 0, scan.ErrValue},
		{"no such code", noCode.out, 1, 0, scan.ErrCode},
		{"restarts", gray(2, 0xFF, 0xD0, 0, 0xFF, 0xD1, 0), 6, 2, nil},
		{"a restart missing", gray(2, 0xFF, 0xD1, 0), 4, 2, scan.ErrRestart},
		{"an end instead of a restart", gray(2, 0xFF, 0xD9), 4, 2, scan.ErrRestart},
		{"nothing instead of a restart", gray(2), 4, 2, scan.ErrRestart},
		{"filled with ones", []byte{0x0F, 1, 2, 3, 0xFF, 0xD9}, 1, 0, nil},
		{"filled with zeros", []byte{0x00, 1, 2, 3, 0xFF, 0xD9}, 1, 0, nil},
		{"filled with both", []byte{0x05, 1, 2, 3, 0xFF, 0xD9}, 1, 0, scan.ErrSurplus},
		{"filled with both, nothing behind", []byte{0x05, 0xFF, 0xD9}, 1, 0, nil},
		{"filled with both, zeros behind", []byte{0x05, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xD9}, 1, 0, nil},
		{"much behind", append([]byte{0x0F}, bytes.Repeat([]byte{7}, scan.MaxStray+1)...), 1, 0, scan.ErrSurplus},
		{"stuffed noise behind", []byte{0x0F, 1, 0xFF, 0, 2, 0xFF, 0xFF, 0, 0xFF, 0xD9}, 1, 0, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dc, ac := tables(t)
			_, err := scan.Check(tt.data, []scan.Component{{Blocks: 1, DC: dc, AC: ac, Quant: quant()}}, tt.mcus, tt.restart)
			if !errors.Is(err, tt.want) {
				t.Errorf("Check: %v, want %v", err, tt.want)
			}
		})
	}
}

func TestDefine(t *testing.T) {
	two := []byte{0, 1}
	tests := []struct {
		name    string
		counts  [16]byte
		symbols []byte
		dc, ok  bool
	}{
		{"one code", [16]byte{1}, two, true, true},
		{"all ones", [16]byte{2}, two, true, false},
		{"all ones, longer", [16]byte{1, 2}, []byte{0, 1, 2}, true, false},
		{"more than fit", [16]byte{0, 5}, []byte{0, 1, 2, 3, 4}, true, false},
		{"symbols missing", [16]byte{0, 3}, two, true, false},
		{"size of DC", [16]byte{1}, []byte{16}, true, false},
		{"symbol of AC", [16]byte{1}, []byte{16}, false, true},
		{"longest", [16]byte{15: 200}, make([]byte, 200), false, true},
	}
	for _, tt := range tests {
		if ok := new(scan.Table).Define(&tt.counts, tt.symbols, tt.dc); ok != tt.ok {
			t.Errorf("%s: %v, want %v", tt.name, ok, tt.ok)
		}
	}
	for i := range 4 {
		var standard scan.Table
		standard.Standard(i&1 == 1, i&2 == 2) // which Define must accept; TestCheckJPEG of device reads with them
	}
}

func FuzzCheck(f *testing.F) {
	f.Add([]byte{0, 0xFF, 0xD0, 0, 0xFF, 0xD9}, 4, 2)
	f.Add(bytes.Repeat([]byte{0xFF}, 100), 4, 0)
	f.Add([]byte{0xC0, 0x0F, 0xFF, 0}, 4, 0)
	dc, ac := tables(f)
	f.Fuzz(func(t *testing.T, data []byte, mcus, restart int) {
		n, err := scan.Check(data, []scan.Component{{Blocks: 2, DC: dc, AC: ac, Quant: quant()}}, mcus%1000, restart)
		if n < 0 || n > len(data) {
			t.Errorf("%d of %d bytes read, %v", n, len(data), err)
		}
	})
}
