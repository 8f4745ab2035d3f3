package device

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"facegate/device/scan"
)

// Marker codes, the byte after FF (ITU-T T.81, table B.1).
const (
	markerTEM  = 0x01
	markerSOF0 = 0xC0 // baseline
	markerSOF1 = 0xC1 // extended sequential
	markerSOF2 = 0xC2 // progressive
	markerDHT  = 0xC4
	markerJPG  = 0xC8
	markerSOF9 = 0xC9 // sequential, arithmetic coding
	markerSOFA = 0xCA // progressive, arithmetic coding
	markerDAC  = 0xCC
	markerSOFF = 0xCF // the last of the frame headers
	markerRST0 = 0xD0
	markerRST7 = 0xD7
	markerSOI  = 0xD8
	markerEOI  = 0xD9
	markerSOS  = 0xDA
	markerDQT  = 0xDB
	markerDNL  = 0xDC
	markerDRI  = 0xDD
	markerAPP0 = 0xE0
	markerAPPF = 0xEF
	markerCOM  = 0xFE
)

const (
	slots         = 4 // for tables of each kind
	maxComponents = 3 // of a picture that can be turned into colours; there are also pictures with 1
	maxMCU        = 10
	side          = 8 // of a block
)

// A walker follows the markers of one picture (ITU-T T.81, B.1 and B.2) as libjpeg does: what stands between a segment and
// the next marker is passed over. It keeps its place, so that a picture can be walked while its bytes arrive and each byte
// is looked at once.
type walker struct {
	pos    int // all bytes before it have been understood; never beyond the data seen
	info   JPEGInfo
	parts  [maxComponents]part
	count  int         // of the parts
	single bool        // the first scan held all components, and decoders expect no other
	quants [slots]bool // tables that are there
	tables *tables     // nil where scans are not looked at
}

// A part is one component of the picture.
type part struct {
	id, h, v, quant byte
	seen            bool // some scan holds it
}

// Tables are what scans are read with.
type tables struct {
	huffman [2][slots]scan.Table // for DC and AC
	state   [2][slots]tableState
	quant   [slots]scan.Range
	restart int
}

type tableState uint8

const (
	absent tableState = iota
	sound
	broken // there are no such codes; that is an error only where it is used
)

func newWalker() walker { return walker{pos: len("\xFF\xD8")} }

// walk goes on through data, which begins with SOI and whose beginning earlier calls may have seen, to the end of the
// picture. ErrTruncated means that more bytes may help, any other error that they cannot.
func (w *walker) walk(data []byte) error {
	for {
		code, ok := w.marker(data)
		switch {
		case !ok:
			return ErrTruncated
		case code == markerEOI:
			if err := w.whole(); err != nil {
				return err
			}
			w.pos += 2
			w.info.Length = w.pos
			return nil
		case code == markerTEM || markerRST0 <= code && code <= markerRST7:
			w.pos += 2
		case code == markerSOI:
			return errPictureInside
		default:
			if err := w.segment(data, code); err != nil {
				return err
			}
		}
	}
}

// marker moves to the next marker and returns its code. Any number of FF may stand before it (B.1.1.2); FF and 0 are none.
func (w *walker) marker(data []byte) (code byte, ok bool) {
	for {
		i := bytes.IndexByte(data[w.pos:], 0xFF)
		if i < 0 {
			w.pos = len(data)
			return 0, false
		}
		for w.pos += i; w.pos+1 < len(data) && data[w.pos+1] == 0xFF; {
			w.pos++
		}
		if w.pos+1 >= len(data) {
			return 0, false
		}
		if code := data[w.pos+1]; code != 0 {
			return code, true
		}
		w.pos += 2
	}
}

// whole reports what the picture lacks at its end.
func (w *walker) whole() error {
	if w.info.Scans == 0 {
		return fmt.Errorf("%w: it ends before its first scan", ErrCorrupt)
	}
	for _, p := range w.parts[:w.count] {
		if !p.seen {
			return fmt.Errorf("%w: a component is in none of its scans", ErrCorrupt)
		}
	}
	return nil
}

// segment reads the marker segment at pos. A thumbnail inside is never looked at.
func (w *walker) segment(data []byte, code byte) error {
	if !known(code) {
		if markerSOF0 <= code && code <= markerSOFF {
			return unsupported(fmt.Sprintf("coding process SOF%d", code-markerSOF0))
		}
		return fmt.Errorf("%w: marker %02X is out of place", ErrCorrupt, code)
	}
	rest := data[w.pos+2:]
	if len(rest) < 3 {
		return ErrTruncated // even a segment without content has EOI behind it
	}
	if bytes.HasPrefix(rest, []byte{0xFF, markerSOI, 0xFF}) {
		return errPictureInside // where a length is wanted
	}
	n := int(binary.BigEndian.Uint16(rest))
	if n < 2 && !skipped(code) {
		return fmt.Errorf("%w: segment %02X has length %d", ErrCorrupt, code, n)
	}
	if n = max(2, n); len(rest) < n {
		return ErrTruncated
	}
	if err := w.content(code, rest[2:n]); err != nil {
		return err
	}
	w.pos += 2 + n
	if code == markerSOS {
		return w.scan(data, rest[2:n])
	}
	return nil
}

// known reports whether a decoder reads the segment of this code or passes over it.
func known(code byte) bool {
	switch code {
	case markerSOF0, markerSOF1, markerSOF2, markerSOF9, markerSOFA, markerDHT, markerDAC, markerSOS, markerDQT, markerDNL,
		markerDRI, markerCOM:
		return true
	}
	return markerAPP0 <= code && code <= markerAPPF
}

// skipped reports whether nothing in a segment of this code matters.
func skipped(code byte) bool { return code >= markerAPP0 || code == markerDNL }

// content reads what a segment holds, as far as it matters.
func (w *walker) content(code byte, b []byte) error {
	if skipped(code) {
		return nil
	}
	// Where bytes were lost a segment reaches into the next picture, and would be made up of both.
	if bytes.Contains(b, []byte{0xFF, markerSOI, 0xFF}) {
		return errPictureInside
	}
	ok := true
	switch code {
	case markerSOS:
		return nil // read by scan
	case markerDQT:
		ok = w.quantization(b)
	case markerDHT:
		ok = w.huffman(b)
	case markerDAC:
		ok = arithmetic(b)
	case markerDRI:
		if ok = len(b) == 2; ok && w.tables != nil {
			w.tables.restart = int(binary.BigEndian.Uint16(b))
		}
	default:
		return w.frameHeader(code, b)
	}
	if !ok {
		return fmt.Errorf("%w: its tables make no sense", ErrCorrupt)
	}
	return nil
}

// frameHeader reads sample precision, lines, samples per line and components (B.2.2).
func (w *walker) frameHeader(code byte, b []byte) error {
	if len(b) < 6 || b[0] != 8 || w.info.Width != 0 {
		return errFrameHeader
	}
	height, width := int(binary.BigEndian.Uint16(b[1:])), int(binary.BigEndian.Uint16(b[3:]))
	if width == 0 || height == 0 || width > MaxSide || height > MaxSide {
		return fmt.Errorf("%w: %dx%d", ErrPictureSize, width, height)
	}
	n := int(b[5])
	if len(b) != 6+3*n || n == 0 {
		return errFrameHeader
	}
	if n != 1 && n != maxComponents {
		return unsupported(fmt.Sprintf("%d components (CMYK has 4)", n))
	}
	for i := range n {
		c := b[6+3*i:]
		p := part{id: c[0], h: c[1] >> 4, v: c[1] & 15, quant: c[2]}
		if p.h < 1 || p.h > 4 || p.v < 1 || p.v > 4 {
			return errFrameHeader
		}
		w.parts[i] = p
	}
	w.count = n
	w.info.Width, w.info.Height = width, height
	w.info.Progressive = code == markerSOF2 || code == markerSOFA
	w.info.Arithmetic = code == markerSOF9 || code == markerSOFA
	return nil
}

// quantization reads tables of steps (B.2.4.1).
func (w *walker) quantization(b []byte) bool {
	for len(b) > 0 {
		slot, bytes := b[0]&15, 1
		if b[0] >= 16 {
			bytes = 2
		}
		if slot >= slots || len(b) < 1+64*bytes {
			return false
		}
		if w.tables != nil {
			w.tables.quant[slot].SetQuant(steps(b[1:], bytes))
		}
		w.quants[slot] = true
		b = b[1+64*bytes:]
	}
	return true
}

func steps(b []byte, bytes int) *[64]uint16 {
	var q [64]uint16
	for k := range q {
		if q[k] = uint16(b[k]); bytes == 2 {
			q[k] = binary.BigEndian.Uint16(b[2*k:])
		}
	}
	return &q
}

// huffman reads tables of codes (B.2.4.2).
func (w *walker) huffman(b []byte) bool {
	for len(b) > 16 {
		class, slot := b[0]>>4, b[0]&15
		n := 0
		for _, count := range b[1:17] {
			n += int(count)
		}
		if class > 1 || slot >= slots || n > 256 || len(b) < 17+n {
			return false
		}
		if t := w.tables; t != nil {
			t.state[class][slot] = broken
			if t.huffman[class][slot].Define((*[16]byte)(b[1:17]), b[17:17+n], class == 0) {
				t.state[class][slot] = sound
			}
		}
		b = b[17+n:]
	}
	return len(b) == 0
}

// arithmetic reads what arithmetic coding begins with (B.2.4.3).
func arithmetic(b []byte) bool {
	for ; len(b) >= 2; b = b[2:] {
		if b[0] >= 32 || b[0] < 16 && b[1]&15 > b[1]>>4 {
			return false
		}
	}
	return len(b) == 0
}

// scan reads the header of a scan (B.2.3) and, where that is wanted and can be done, the scan that begins at pos.
func (w *walker) scan(data, b []byte) error {
	if w.info.Width == 0 {
		return fmt.Errorf("%w: a scan before the frame header", ErrCorrupt)
	}
	var use [maxComponents]*part
	if len(b) < 1 || b[0] < 1 || b[0] > maxComponents || len(b) != 4+2*int(b[0]) {
		return errScanHeader
	}
	n := int(b[0])
	for i := range n {
		p := w.part(b[1+2*i])
		if p == nil || contains(use[:i], p) || p.quant >= slots || !w.quants[p.quant] && !p.seen {
			return errScanHeader
		}
		use[i] = p
	}
	for _, p := range use[:n] {
		p.seen = true
	}
	w.info.Scans++
	if w.info.Scans == 1 {
		w.single = n == w.count && !w.info.Progressive
	}
	if w.tables == nil {
		return nil
	}
	if w.single && w.info.Scans > 1 {
		return fmt.Errorf("%w: a second scan of all its components", ErrCorrupt)
	}
	if w.info.Progressive || w.info.Arithmetic {
		return nil
	}
	return w.sequential(data, b, use[:n])
}

var (
	errPictureInside = fmt.Errorf("%w: another picture begins in it", ErrCorrupt)

	errFrameHeader = fmt.Errorf("%w: its frame header makes no sense", ErrCorrupt)
	errScanHeader  = fmt.Errorf("%w: the header of a scan makes no sense", ErrCorrupt)
)

func (w *walker) part(id byte) *part {
	for i := range w.parts[:w.count] {
		if w.parts[i].id == id {
			return &w.parts[i]
		}
	}
	return nil
}

func contains(parts []*part, p *part) bool {
	for _, q := range parts {
		if p == q {
			return true
		}
	}
	return false
}

// sequential reads the Huffman-coded scan at pos.
func (w *walker) sequential(data, header []byte, use []*part) error {
	var components [maxComponents]scan.Component
	blocks := 0
	for i, p := range use {
		c := header[2+2*i]
		dc, ac := w.table(0, c>>4), w.table(1, c&15)
		if dc == nil || ac == nil {
			return errScanHeader
		}
		components[i] = scan.Component{Blocks: 1, DC: dc, AC: ac, Quant: &w.tables.quant[p.quant]}
		if len(use) > 1 {
			components[i].Blocks = int(p.h) * int(p.v)
		}
		blocks += components[i].Blocks
	}
	if blocks > maxMCU {
		return errScanHeader
	}
	mcus := w.mcus(use)
	n, err := scan.Check(data[w.pos:], components[:len(use)], mcus, w.tables.restart)
	w.pos += n
	if err != nil {
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	if use[0] == &w.parts[0] { // luminance; the others are colours
		w.info.Grey = min(max(128+components[0].Mean(mcus*components[0].Blocks), 0), 255)
	}
	return nil
}

// table returns the table in a slot, or nil. Decoders know those that Motion JPEG leaves out.
func (w *walker) table(class, slot byte) *scan.Table {
	if slot >= slots {
		return nil
	}
	state, t := &w.tables.state[class][slot], &w.tables.huffman[class][slot]
	if *state == absent && slot < 2 {
		t.Standard(slot == 1, class == 0)
		*state = sound
	}
	if *state != sound {
		return nil
	}
	return t
}

// mcus returns how many MCUs a scan of these components has (A.2).
func (w *walker) mcus(use []*part) int {
	h, v := 1, 1 // the largest
	for _, p := range w.parts[:w.count] {
		h, v = max(h, int(p.h)), max(v, int(p.v))
	}
	own := part{h: 1, v: 1}
	if len(use) == 1 {
		own = *use[0]
	}
	return divideUp(w.info.Width*int(own.h), h*side) * divideUp(w.info.Height*int(own.v), v*side)
}

func divideUp(a, b int) int { return (a + b - 1) / b }

// unsupported is the error of pictures that libjpeg does not decode, or not to colours. It is errors.ErrUnsupported.
type unsupported string

func (u unsupported) Error() string {
	return "a kind of JPEG picture that cannot be decoded: " + string(u)
}

func (u unsupported) Is(target error) bool { return target == errors.ErrUnsupported }
