package vision_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"facegate/device"
	"facegate/device/scan"
	"facegate/pipeline/vision"
)

// A change is what cameras, drivers and cables do to a picture.
type change struct {
	name   string
	missed float64 // the part of the pictures that may be used although they are damaged
	do     func(r *rand.Rand, p photo) []byte
}

// A photo is a good picture.
type photo struct {
	data   []byte
	at     []int  // the places of its markers behind SOI; the last is that of EOI
	pixels []byte // as it decodes

	other, otherPixels []byte // another picture of the same camera
}

// scan returns where the data of its scan begin and end.
func (p photo) scan() (begin, end int) {
	sos := p.at[len(p.at)-2]
	return sos + 2 + int(binary.BigEndian.Uint16(p.data[sos+2:])), p.at[len(p.at)-1]
}

func noise(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.IntN(255)) // never FF, which would be a marker
	}
	return b
}

func insertAt(data []byte, i int, more ...byte) []byte {
	return slices.Concat(data[:i], more, data[i:])
}

// harmless changes leave the picture as it is.
var harmless = []change{
	{"noise before a marker", 0, func(r *rand.Rand, p photo) []byte {
		return insertAt(p.data, p.at[r.IntN(len(p.at))], noise(r, 1+r.IntN(100))...)
	}},
	{"fill bytes before a marker", 0, func(r *rand.Rand, p photo) []byte {
		return insertAt(p.data, p.at[r.IntN(len(p.at))], bytes.Repeat([]byte{0xFF}, 1+r.IntN(600))...)
	}},
	{"zeros before the end", 0, func(r *rand.Rand, p photo) []byte {
		return insertAt(p.data, p.at[len(p.at)-1], make([]byte, 1+r.IntN(4096))...)
	}},
	{"another segment", 0, func(r *rand.Rand, p photo) []byte {
		content := slices.Concat([]byte{0, 0}, p.other[:r.IntN(4000)])
		binary.BigEndian.PutUint16(content, uint16(len(content)))
		head := []byte{0xFF, []byte{0xE0, 0xE1, 0xE5, 0xEE, 0xEF, 0xFE}[r.IntN(6)]}
		return insertAt(p.data, p.at[r.IntN(len(p.at))], append(head, content...)...)
	}},
	{"padded to a page", 0, func(_ *rand.Rand, p photo) []byte {
		return append(bytes.Clone(p.data), make([]byte, 4096-len(p.data)%4096)...)
	}},
	{"noise behind the end", 0, func(r *rand.Rand, p photo) []byte {
		return append(bytes.Clone(p.data), noise(r, 1+r.IntN(600))...)
	}},
	{"its end twice", 0, func(_ *rand.Rand, p photo) []byte { return append(bytes.Clone(p.data), 0xFF, 0xD9) }},
	{"the old frame behind it", 0, func(r *rand.Rand, p photo) []byte {
		return append(bytes.Clone(p.data), p.other[r.IntN(len(p.other)):]...)
	}},
	{"no Huffman tables", 0, func(_ *rand.Rand, p photo) []byte { return withoutTables(p.data) }},
}

// harmful changes spoil the picture, mostly.
var harmful = []change{
	{"cut short", 0, func(r *rand.Rand, p photo) []byte { return bytes.Clone(p.data[:2+r.IntN(len(p.data)-2)]) }},
	{"cut short, with an end", 0, func(r *rand.Rand, p photo) []byte {
		return append(bytes.Clone(p.data[:2+r.IntN(len(p.data)-2)]), 0xFF, 0xD9)
	}},
	{"cut short, padded", 0.003, func(r *rand.Rand, p photo) []byte {
		n := 2 + r.IntN(len(p.data)-4)
		return slices.Concat(p.data[:n], make([]byte, len(p.data)-n), []byte{0xFF, 0xD9})
	}},
	{"cut short, the old frame behind it", 0.08, func(r *rand.Rand, p photo) []byte {
		n := 2 + r.IntN(min(len(p.data), len(p.other))-2)
		return slices.Concat(p.data[:n], p.other[n:])
	}},
	{"packet lost", 0.03, func(r *rand.Rand, p photo) []byte {
		begin, end := p.scan()
		n := 1 + r.IntN(3000)
		i := begin + r.IntN(max(1, end-begin-n))
		return slices.Concat(p.data[:i], p.data[min(i+n, end):])
	}},
	{"packet twice", 0.02, func(r *rand.Rand, p photo) []byte {
		begin, end := p.scan()
		i := begin + r.IntN(end-begin-512)
		return slices.Concat(p.data[:i+512], p.data[i:])
	}},
	{"packet of zeros", 0.25, func(r *rand.Rand, p photo) []byte {
		begin, end := p.scan()
		data := bytes.Clone(p.data)
		n := 16 << r.IntN(6)
		clear(data[begin+r.IntN(end-begin-n):][:n])
		return data
	}},
}

// slight changes are of a few bytes; a decoder that reads on cannot always tell.
var slight = []change{
	{"few bytes lost", 0.65, func(r *rand.Rand, p photo) []byte {
		begin, end := p.scan()
		n := 1 + r.IntN(8)
		i := begin + r.IntN(end-begin-n)
		return slices.Concat(p.data[:i], p.data[i+n:])
	}},
	{"few bytes too many", 0.65, func(r *rand.Rand, p photo) []byte {
		begin, end := p.scan()
		return insertAt(p.data, begin+r.IntN(end-begin), noise(r, 1+r.IntN(8))...)
	}},
	{"a bit flipped", 0.85, func(r *rand.Rand, p photo) []byte {
		data := bytes.Clone(p.data)
		begin, end := p.scan()
		data[begin+r.IntN(end-begin)] ^= 1 << r.IntN(8)
		return data
	}},
}

func photos(t *testing.T) (all []photo) {
	t.Helper()
	var names []string
	for _, pattern := range []string{"people/*/*.jpg", "walk/p01/00[0-9]0.jpg", "spoof/*.jpg"} {
		found, err := filepath.Glob("../../testdata/" + pattern)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, found...)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		pixels, err := vision.Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, photo{data: data, at: markers(data), pixels: pixels})
	}
	for i := range all {
		other := all[(i+len(all)-1)%len(all)]
		all[i].other, all[i].otherPixels = other.data, other.pixels
	}
	return all
}

// markers returns the places of the markers of a picture with one scan, behind SOI.
func markers(data []byte) (at []int) {
	for i := 2; data[i+1] != 0xDA; i += 2 + int(binary.BigEndian.Uint16(data[i+2:])) {
		at = append(at, i)
	}
	sos := bytes.LastIndex(data, []byte{0xFF, 0xDA})
	return append(at, sos, len(data)-2)
}

// used returns the pixels of data if a gate would judge them.
func used(data []byte) ([]byte, error) {
	info, err := device.CheckJPEG(data)
	if err != nil {
		return nil, err
	}
	return vision.Decode(data[:info.Length])
}

// spoil makes n pictures of each change and returns how many of them are judged as they are, and as others than they were.
func spoil(t *testing.T, all []photo, c change, n int) (whole, wrong int) {
	t.Helper()
	r := rand.New(rand.NewPCG(uint64(n), 1))
	for range n {
		p := all[r.IntN(len(all))]
		data := c.do(r, p)
		pixels, err := used(data)
		switch {
		case err != nil:
			if !errors.Is(err, device.ErrTruncated) && !errors.Is(err, device.ErrCorrupt) && !errors.Is(err, vision.ErrPicture) &&
				!errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, device.ErrNotJPEG) && !errors.Is(err, device.ErrPictureSize) {
				t.Errorf("%s: %v", c.name, err)
			}
		case bytes.Equal(pixels, p.pixels), bytes.Equal(pixels, p.otherPixels): // which may be all that there is in it
			whole++
		default:
			wrong++
		}
	}
	return whole, wrong
}

// TestFramesOfCameras makes pictures of good ones by what cameras, drivers and cables do. None that is whole may be refused.
// Of those that are not, none may be judged that was cut short, and hardly one that lacks a packet or has it twice. Where a
// few bytes are wrong no decoder can always tell; what it does not mend it has not noticed.
func TestFramesOfCameras(t *testing.T) {
	n := 60
	if slow() {
		n = 100_000 / (len(harmless) + len(harmful) + len(slight))
	}
	all := photos(t)
	for _, c := range harmless {
		t.Run(c.name, func(t *testing.T) {
			if whole, wrong := spoil(t, all, c, n); whole != n {
				t.Errorf("of %d pictures %d are used, and %d more with other pixels", n, whole, wrong)
			}
		})
	}
	for _, c := range slices.Concat(harmful, slight) {
		t.Run(c.name, func(t *testing.T) {
			whole, wrong := spoil(t, all, c, n)
			t.Logf("of %d pictures %d are as they were, and %d others are used", n, whole, wrong)
			if float64(wrong) > c.missed*float64(n)+1 {
				t.Errorf("%d of %d damaged pictures are used", wrong, n)
			}
		})
	}
}

// FuzzCheckJPEG sets what sources use against what libjpeg decodes without having to mend it: no more and no less, but for
// what libjpeg does not notice.
func FuzzCheckJPEG(f *testing.F) {
	tiny := grey(f, 17, 9)
	f.Add(tiny)
	f.Add(withoutTables(tiny))
	f.Add(turned(tiny))
	f.Add(insertAt(tiny, 2, 0, 7))
	f.Add(append(tiny[:len(tiny)-4:len(tiny)-4], 0xFF, 0xD9))
	f.Add(slices.Concat(tiny[:len(tiny)-2], make([]byte, 40), []byte{0xFF, 0xFF, 0xD9, 1}))
	f.Add(fixture(f, "cmyk.jpg"))
	f.Add(fixture(f, "restarts.jpg"))
	f.Add(fixture(f, "scans.jpg"))
	unnoticed := func(err error) bool {
		for _, u := range []error{scan.ErrValue, scan.ErrSurplus, errors.ErrUnsupported, device.ErrPictureSize} {
			if errors.Is(err, u) {
				return true
			}
		}
		// A component without a scan comes out grey, and a table that reaches into the next picture as what it is then.
		return strings.Contains(err.Error(), "in none of its scans") || strings.Contains(err.Error(), "another picture")
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		info, err := device.CheckJPEG(data)
		if info.Progressive || info.Arithmetic || info.Width*info.Height > 1<<20 {
			return
		}
		pixels, mended := vision.Decode(data)
		switch {
		case err == nil && mended != nil:
			t.Errorf("%dx%d is used, and libjpeg says: %v", info.Width, info.Height, mended)
		case err != nil && mended == nil && pixels != nil && !unnoticed(err):
			t.Errorf("libjpeg decodes it, and it is refused: %v", err)
		}
	})
}
