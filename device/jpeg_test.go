package device_test

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"facegate/device"
)

// picture returns a JPEG of w x h noisy pixels, which depend on seed.
func picture(t testing.TB, w, h int, seed uint64) []byte {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 1))
	m := image.NewGray(image.Rect(0, 0, w, h))
	for i := range m.Pix {
		m.Pix[i] = uint8(r.Uint32())
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// colour returns a JPEG with three components, of which two are subsampled.
func colour(t testing.TB, w, h int) []byte {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			m.SetRGBA(x, y, color.RGBA{uint8(3 * x), uint8(5 * y), uint8(x * y), 255})
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 80}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// insert puts a segment with the given content behind SOI.
func insert(pic []byte, marker byte, content []byte) []byte {
	n := len(content) + 2
	return bytes.Join([][]byte{pic[:2], {0xFF, marker, byte(n >> 8), byte(n)}, content, pic[2:]}, nil)
}

// withoutTables removes the Huffman tables, as UVC cameras do.
func withoutTables(t testing.TB, pic []byte) []byte {
	t.Helper()
	out := append([]byte{}, pic[:2]...)
	for i := 2; ; {
		n := 2 + int(pic[i+2])<<8 + int(pic[i+3])
		if pic[i+1] == 0xDA {
			return append(out, pic[i:]...)
		}
		if pic[i+1] != 0xC4 {
			out = append(out, pic[i:i+n]...)
		}
		i += n
	}
}

// edit changes the byte at the given distance behind the first marker of its kind.
func edit(t testing.TB, pic []byte, marker byte, offset int, b ...byte) []byte {
	t.Helper()
	i := bytes.Index(pic, []byte{0xFF, marker})
	if i < 0 {
		t.Fatalf("no marker %02X", marker)
	}
	out := bytes.Clone(pic)
	copy(out[i+offset:], b)
	return out
}

func TestJPEGSize(t *testing.T) {
	pic := colour(t, 70, 50)
	thumb := picture(t, 16, 8, 1)
	tests := []struct {
		name string
		data []byte
		w, h int
		err  error
	}{
		{name: "grey", data: picture(t, 33, 9, 1), w: 33, h: 9},
		{name: "colour", data: pic, w: 70, h: 50},
		{name: "zeros behind it", data: append(bytes.Clone(pic), make([]byte, 300)...), w: 70, h: 50},
		{name: "no Huffman tables", data: withoutTables(t, pic), w: 70, h: 50},
		{name: "thumbnail", data: insert(pic, 0xE1, thumb), w: 70, h: 50},
		{name: "fill bytes", data: bytes.ReplaceAll(pic, []byte{0xFF, 0xDB}, []byte{0xFF, 0xFF, 0xFF, 0xDB}), w: 70, h: 50},
		{name: "restart marker", data: slices.Concat(pic[:len(pic)-2], []byte{0xFF, 0xD3, 0x11, 0xFF, 0xD9}), w: 70, h: 50},
		{name: "second scan", data: slices.Concat(pic[:len(pic)-2], pic[bytes.Index(pic, []byte{0xFF, 0xC4}):]), w: 70, h: 50},
		{name: "largest", data: edit(t, pic, 0xC0, 5, 0x20, 0, 0x20, 0), w: 8192, h: 8192},

		{name: "empty", data: nil, err: device.ErrNotJPEG},
		{name: "PNG", data: []byte("\x89PNG\r\n"), err: device.ErrNotJPEG},
		{name: "one byte before it", data: append([]byte{0}, pic...), err: device.ErrNotJPEG},
		{name: "SOI alone", data: pic[:2], err: device.ErrTruncated},
		{name: "cut in the scan", data: pic[:len(pic)*2/3], err: device.ErrTruncated},
		{name: "cut before EOI", data: pic[:len(pic)-2], err: device.ErrTruncated},
		{name: "cut in EOI", data: pic[:len(pic)-1], err: device.ErrTruncated},
		{name: "cut in a thumbnail", data: insert(pic, 0xE1, thumb)[:len(thumb)], err: device.ErrTruncated},
		{name: "cut, then zeros", data: append(bytes.Clone(pic[:len(pic)/2]), make([]byte, 500)...), err: device.ErrTruncated},
		{name: "bytes behind it", data: append(bytes.Clone(pic), 0, 0, 7), w: 70, h: 50},
		{name: "its end twice", data: append(bytes.Clone(pic), 0xFF, 0xD9), w: 70, h: 50},
		{name: "two pictures", data: append(bytes.Clone(pic), pic...), w: 70, h: 50},
		{name: "one picture in the other", data: append(bytes.Clone(pic[:len(pic)-20]), pic...), err: device.ErrCorrupt},
		{name: "SOI and EOI only", data: []byte{0xFF, 0xD8, 0xFF, 0xD9}, err: device.ErrCorrupt},
		{name: "segment of length 1", data: []byte{0xFF, 0xD8, 0xFF, 0xE0, 0, 1, 0xFF, 0xD9}, err: device.ErrCorrupt},
		{name: "no marker after a segment", data: edit(t, pic, 0xDB, 0, 0x12), err: device.ErrCorrupt},
		{name: "scan before the frame header", data: edit(t, pic, 0xC0, 1, 0xEC), err: device.ErrCorrupt},
		{name: "two frame headers", data: insert(pic, 0xC0, []byte{8, 0, 8, 0, 8, 1, 1, 0x11, 0}), err: device.ErrCorrupt},
		{name: "short frame header", data: insert(pic, 0xC0, []byte{8, 0, 8, 0}), err: device.ErrCorrupt},
		{name: "12 bits", data: edit(t, pic, 0xC0, 4, 12), err: device.ErrCorrupt},
		{name: "lossless", data: edit(t, pic, 0xC0, 1, 0xC3), err: errors.ErrUnsupported},
		{name: "no height", data: edit(t, pic, 0xC0, 5, 0, 0), err: device.ErrPictureSize},
		{name: "no width", data: edit(t, pic, 0xC0, 7, 0, 0), err: device.ErrPictureSize},
		{name: "too high", data: edit(t, pic, 0xC0, 5, 0x20, 1), err: device.ErrPictureSize},
		{name: "too wide", data: edit(t, pic, 0xC0, 7, 0x20, 1), err: device.ErrPictureSize},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w, h, err := device.JPEGSize(tt.data)
			if w != tt.w || h != tt.h || !errors.Is(err, tt.err) {
				t.Errorf("JPEGSize = %d, %d, %v; want %d, %d, %v", w, h, err, tt.w, tt.h, tt.err)
			}
		})
	}
}

// TestCheckJPEG shows which pictures sources use: those that a viewer shows.
func TestCheckJPEG(t *testing.T) {
	pic := colour(t, 70, 50)
	scan := bytes.Index(pic, []byte{0xFF, 0xDA})
	begin := scan + 14
	at := func(i int, more ...byte) []byte { return slices.Concat(pic[:i], more, pic[i:]) }
	before := func(marker byte, more ...byte) []byte { return at(bytes.Index(pic, []byte{0xFF, marker}), more...) }
	zeros := make([]byte, 4096)
	tests := []struct {
		name string
		data []byte
		len  int // of what follows the picture
		err  error
	}{
		{name: "good", data: pic},
		{name: "grey", data: picture(t, 33, 9, 1)},
		{name: "no Huffman tables", data: withoutTables(t, pic)},
		{name: "a newline behind it", data: append(bytes.Clone(pic), '\n'), len: 1},
		{name: "its end twice", data: append(bytes.Clone(pic), 0xFF, 0xD9), len: 2},
		{name: "a page behind it", data: append(bytes.Clone(pic), zeros...), len: 4096},
		{name: "another picture behind it", data: append(bytes.Clone(pic), pic...), len: len(pic)},
		{name: "a byte before the first segment", data: at(2, 0)},
		{name: "bytes before a table", data: before(0xDB, 1, 2, 3, 0xFF, 0, 4)},
		{name: "bytes before the frame header", data: before(0xC0, zeros...)},
		{name: "bytes before the scan", data: before(0xDA, 0x0D, 0x0A)},
		{name: "fill bytes before the scan", data: before(0xDA, bytes.Repeat([]byte{0xFF}, 4096)...)},
		{name: "bytes before its end", data: at(len(pic)-2, 0, 1, 2, 3)},
		{name: "zeros before its end", data: at(len(pic)-2, zeros...)},
		{name: "fill bytes before its end", data: at(len(pic)-2, bytes.Repeat([]byte{0xFF}, 4096)...)},
		{name: "a restart marker between segments", data: before(0xDB, 0xFF, 0xD3)},
		{name: "a comment of no length", data: before(0xDB, 0xFF, 0xFE, 0, 0)},
		{name: "lines to be told later", data: before(0xDA, 0xFF, 0xDC, 0, 4, 0, 50)},
		{name: "arithmetic coding, which is left to the decoder", data: edit(t, pic, 0xC0, 1, 0xC9)},

		{name: "the end of the scan missing", data: slices.Concat(pic[:len(pic)-40], []byte{0xFF, 0xD9}), err: device.ErrCorrupt},
		{name: "no scan", data: slices.Concat(pic[:begin], []byte{0xFF, 0xD9}), err: device.ErrCorrupt},
		{name: "zeros for the scan", data: slices.Concat(pic[:begin], zeros[:len(pic)-begin-2], []byte{0xFF, 0xD9}), err: device.ErrCorrupt},
		{name: "twice its height", data: edit(t, pic, 0xC0, 5, 0, 100), err: device.ErrCorrupt},
		{name: "half its height", data: edit(t, pic, 0xC0, 5, 0, 24), err: device.ErrCorrupt},
		{name: "a marker in the scan", data: at(begin+40, 0xFF, 0xFE, 0, 2), err: device.ErrCorrupt},
		{name: "a restart in the scan", data: at(begin+40, 0xFF, 0xD0), err: device.ErrCorrupt},
		{name: "restarts told and not made", data: before(0xDA, 0xFF, 0xDD, 0, 4, 0, 5), err: device.ErrCorrupt},
		{name: "another picture begins in a table", data: slices.Concat(pic[:20], pic), err: device.ErrCorrupt},
		{name: "a second scan", data: slices.Concat(pic[:len(pic)-2], pic[scan:]), err: device.ErrCorrupt},
		{name: "a table of codes that cannot be", data: edit(t, pic, 0xC4, 5, 9), err: device.ErrCorrupt},
		{name: "a scan of no component", data: edit(t, pic, 0xDA, 5, 77), err: device.ErrCorrupt},
		{name: "no table of steps", data: edit(t, pic, 0xC0, 12, 3), err: device.ErrCorrupt},
		{name: "a reserved marker", data: before(0xDA, 0xFF, 0x02), err: device.ErrCorrupt},
		{name: "CMYK", data: insert(picture(t, 8, 8, 1), 0xC0, []byte{8, 0, 8, 0, 8, 4, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0, 4, 0x11, 0}), err: errors.ErrUnsupported},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			info, err := device.CheckJPEG(tt.data)
			if !errors.Is(err, tt.err) {
				t.Fatalf("CheckJPEG: %v, want %v", err, tt.err)
			}
			if err == nil && info.Length != len(tt.data)-tt.len {
				t.Errorf("%d of %d bytes, want %d", info.Length, len(tt.data), len(tt.data)-tt.len)
			}
			if err != nil && info != (device.JPEGInfo{}) {
				t.Errorf("%+v beside an error", info)
			}
		})
	}
}

// readAll returns copies of all frames and the error that ended them.
func readAll(r io.Reader) (pics [][]byte, err error) {
	jr := device.NewJPEGReader(r)
	for {
		f, err := jr.Next()
		if err != nil {
			return pics, err
		}
		pics = append(pics, bytes.Clone(f.Data))
	}
}

func TestJPEGReader(t *testing.T) {
	a, b, c := picture(t, 8, 8, 1), colour(t, 90, 40), picture(t, 300, 200, 2)
	thumbed := insert(c, 0xE1, b)
	tests := []struct {
		name string
		in   [][]byte
		want [][]byte
	}{
		{"nothing", nil, nil},
		{"three", [][]byte{a, b, c}, [][]byte{a, b, c}},
		{"thumbnail", [][]byte{thumbed, a}, [][]byte{thumbed, a}},
		{"garbage around", [][]byte{{1, 0xFF, 0xD8, 3}, a, make([]byte, 70000), b, {0xFF}}, [][]byte{a, b}},
		{"multipart headers", [][]byte{[]byte("\r\n--b\r\n\r\n"), a, []byte("\r\n--b\r\n\r\n"), b}, [][]byte{a, b}},
		{"cut at the end", [][]byte{a, b, c[:len(c)/2]}, [][]byte{a, b}},
		{"cut in the middle", [][]byte{a, c[:len(c)/2], b, a}, [][]byte{a, b, a}},
		{"cut behind the thumbnail", [][]byte{thumbed[:len(b)+40], c, a}, [][]byte{c, a}},
		{"damaged behind the thumbnail", [][]byte{insert(edit(t, c, 0xDB, 3, 1), 0xE1, a), b}, [][]byte{b}},
		{"a beginning between them", [][]byte{a, {0xFF, 0xD8, 0xFF, 0xE0}, b, {0xFF, 0xD8}, c}, [][]byte{a, b, c}},
		{"bytes between segments", [][]byte{slices.Insert(slices.Clone(a), 2, 0, 7), b}, [][]byte{slices.Insert(slices.Clone(a), 2, 0, 7), b}},
		{"bytes behind each", [][]byte{a, {'\n'}, b, {0xFF, 0xD9}, c, make([]byte, 4096)}, [][]byte{a, b, c}},
		{"too wide", [][]byte{edit(t, b, 0xC0, 7, 0x20, 1), c}, [][]byte{c}},
		{"too large", [][]byte{c[:len(c)-2], bytes.Repeat([]byte{7}, device.MaxBytes), {0xFF, 0xD9}, b}, [][]byte{b}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := readAll(bytes.NewReader(bytes.Join(tt.in, nil)))
			if !errors.Is(err, io.EOF) {
				t.Errorf("the stream ended with %v, want EOF", err)
			}
			if diff := cmp.Diff(sizes(tt.want), sizes(got)); diff != "" {
				t.Errorf("lengths of the pictures (-want +got):\n%s", diff)
			} else if !same(tt.want, got) {
				t.Error("the lengths are right but not the bytes")
			}
		})
	}
}

func same(a, b [][]byte) bool { return slices.EqualFunc(a, b, bytes.Equal) }

func sizes(pics [][]byte) (n []int) {
	for _, p := range pics {
		n = append(n, len(p))
	}
	return n
}

// TestJPEGReaderFindsAll shows that neither what lies between pictures nor how the bytes arrive changes what is found.
func TestJPEGReaderFindsAll(t *testing.T) {
	pics := [][]byte{picture(t, 8, 8, 1), colour(t, 90, 40), picture(t, 120, 90, 2), picture(t, 300, 300, 3)}
	rapid.Check(t, func(t *rapid.T) {
		var in bytes.Buffer
		var want [][]byte
		for range rapid.IntRange(0, 8).Draw(t, "pictures") {
			pic := rapid.SampledFrom(pics).Draw(t, "picture")
			want = append(want, pic)
			in.Write(rapid.SliceOf(rapid.ByteMax(0xFE)).Draw(t, "between"))
			in.Write(pic)
		}
		chunk := rapid.IntRange(1, 200_000).Draw(t, "bytes a read")
		got, err := readAll(&chunkReader{in.Bytes(), chunk})
		if !errors.Is(err, io.EOF) {
			t.Errorf("the stream ended with %v, want EOF", err)
		}
		if !same(want, got) {
			t.Errorf("pictures of %v bytes, want %v", sizes(got), sizes(want))
		}
	})
}

// A chunkReader returns at most n bytes a read, and the end together with the last of them.
type chunkReader struct {
	b []byte
	n int
}

func (r *chunkReader) Read(p []byte) (int, error) {
	n := copy(p[:min(len(p), r.n)], r.b)
	if r.b = r.b[n:]; len(r.b) == 0 {
		return n, io.EOF
	}
	return n, nil
}

// TestJPEGReaderTells counts the pictures of a stream that are passed over.
func TestJPEGReaderTells(t *testing.T) {
	pic := colour(t, 90, 40)
	end := pic[len(pic)-2:]
	jr := device.NewJPEGReader(bytes.NewReader(slices.Concat(
		pic, pic[:len(pic)-100], end, []byte{'-'}, pic, edit(t, pic, 0xC0, 1, 0xC3), pic, pic[:300], pic, pic[:len(pic)-9],
	)))
	var told []error
	jr.PassedOver = func(why error) { told = append(told, why) }
	n := 0
	for ; ; n++ {
		if _, err := jr.Next(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	want := []error{device.ErrCorrupt, errors.ErrUnsupported, device.ErrCorrupt, device.ErrTruncated}
	if n != 4 || !slices.EqualFunc(told, want, errors.Is) {
		t.Errorf("%d pictures, and told of %v, want 4 and %v", n, told, want)
	}
}

// TestJPEGReaderTellsOfAFilm reads a stream that is no pictures at all, and one in which much lies between pictures.
func TestJPEGReaderTellsOfAFilm(t *testing.T) {
	film, pic := bytes.Repeat([]byte("moof"), 100_000), colour(t, 90, 40)
	for _, tt := range []struct {
		in   [][]byte
		told bool
	}{{[][]byte{film}, true}, {[][]byte{pic, film, pic, film}, false}, {[][]byte{film[:1000], pic}, false}} {
		jr := device.NewJPEGReader(bytes.NewReader(bytes.Join(tt.in, nil)))
		var told []error
		jr.PassedOver = func(why error) { told = append(told, why) }
		var err error
		for err == nil {
			_, err = jr.Next()
		}
		if !errors.Is(err, io.EOF) || (len(told) > 0) != tt.told || tt.told && !errors.Is(told[0], device.ErrNotJPEG) {
			t.Errorf("%d parts: told %v, then %v", len(tt.in), told, err)
		}
	}
}

func TestJPEGReaderErrors(t *testing.T) {
	pic := picture(t, 8, 8, 1)
	broken := errors.New("broken pipe")
	got, err := readAll(io.MultiReader(bytes.NewReader(pic), iotest.ErrReader(broken)))
	if len(got) != 1 || !errors.Is(err, broken) {
		t.Errorf("%d pictures, then %v; want 1, then %v", len(got), err, broken)
	}
	if _, err := readAll(idleReader{}); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("a reader that never reads: %v, want %v", err, io.ErrNoProgress)
	}
}

type idleReader struct{}

func (idleReader) Read([]byte) (int, error) { return 0, nil }

func TestJPEGReaderForgets(t *testing.T) {
	pic := picture(t, 64, 64, 1)
	jr := device.NewJPEGReader(bytes.NewReader(pic))
	f, err := jr.Next()
	if err != nil {
		t.Fatal(err)
	}
	jr.Reset(nil)
	if !bytes.Equal(f.Data, make([]byte, len(pic))) {
		t.Error("Reset leaves the picture in memory")
	}
}

func FuzzJPEGSize(f *testing.F) {
	pic := colour(f, 40, 30)
	f.Add(pic)
	f.Add(withoutTables(f, pic))
	f.Add(insert(pic, 0xE1, picture(f, 8, 8, 1)))
	f.Add(pic[:len(pic)/2])
	f.Add([]byte("\xFF\xD8\xFF\xC0\x00\x0B\x08\x00\x01\x00\x01\x01\x01\x11\x00\xFF\xDA\x00\x02\xFF\xD9"))
	f.Fuzz(func(t *testing.T, data []byte) {
		w, h, err := device.JPEGSize(data)
		if err != nil {
			if w != 0 || h != 0 {
				t.Errorf("size %dx%d beside the error %v", w, h, err)
			}
			return
		}
		if w < 1 || w > device.MaxSide || h < 1 || h > device.MaxSide {
			t.Errorf("size %dx%d", w, h)
		}
		if c, err := jpeg.DecodeConfig(bytes.NewReader(data)); err == nil && (c.Width != w || c.Height != h) {
			t.Errorf("size %dx%d, image/jpeg says %dx%d", w, h, c.Width, c.Height)
		}
		info, err := device.ParseJPEG(data)
		if err != nil || info.Length > len(data) {
			t.Fatalf("%+v of %d bytes: %v", info, len(data), err)
		}
		if _, err := device.ParseJPEG(data[:info.Length-1]); err == nil {
			t.Error("also accepted without its last byte")
		}
		whole, err := device.CheckJPEG(data)
		if grey := whole.Grey; err == nil && !(grey >= 0 && grey <= 255) {
			t.Errorf("the mean grey value is %v", grey)
		}
		if whole.Grey = 0; err == nil && whole != info { // which takes the scans
			t.Errorf("CheckJPEG says %+v, ParseJPEG %+v", whole, info)
		}
	})
}

// TestGrey compares the mean grey value that the coefficients tell with that of the decoded picture. A size that is no multiple of a
// block is filled up at the edges.
func TestGrey(t *testing.T) {
	const tolerance = 3.0
	for name, pic := range map[string][]byte{
		"grey": picture(t, 160, 120, 1), "colour": colour(t, 320, 240), "without tables": withoutTables(t, colour(t, 320, 240)),
		"at the edges": colour(t, 161, 119), "black": plain(t, 0), "white": plain(t, 255),
	} {
		img, err := jpeg.Decode(bytes.NewReader(pic))
		if err != nil && name != "without tables" {
			t.Fatal(err)
		}
		if err != nil {
			if img, err = jpeg.Decode(bytes.NewReader(colour(t, 320, 240))); err != nil {
				t.Fatal(err)
			}
		}
		info, err := device.CheckJPEG(pic)
		if want := mean(img); err != nil || info.Grey < want-tolerance || info.Grey > want+tolerance {
			t.Errorf("%s: %v, %v; want %v", name, info.Grey, err, want)
		}
	}
}

// plain returns a JPEG of one grey value.
func plain(t testing.TB, value uint8) []byte {
	t.Helper()
	m := image.NewGray(image.Rect(0, 0, 64, 64))
	for i := range m.Pix {
		m.Pix[i] = value
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func mean(img image.Image) float64 {
	sum, b := 0.0, img.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			sum += float64(color.GrayModel.Convert(img.At(x, y)).(color.Gray).Y)
		}
	}
	return sum / float64(b.Dx()*b.Dy())
}

func FuzzJPEGReader(f *testing.F) {
	a, b := picture(f, 8, 8, 1), colour(f, 40, 30)
	f.Add(bytes.Join([][]byte{a, b}, nil))
	f.Add(bytes.Join([][]byte{b[:len(b)/2], a, []byte("--boundary"), b}, nil))
	f.Add(bytes.Join([][]byte{insert(b, 0xE1, a), b[:100]}, nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := readAll(bytes.NewReader(data))
		if !errors.Is(err, io.EOF) {
			t.Errorf("the stream ended with %v", err)
		}
		rest := data
		for _, pic := range got {
			if _, _, err := device.JPEGSize(pic); err != nil {
				t.Errorf("a frame that is no picture: %v", err)
			}
			i := bytes.Index(rest, pic)
			if i < 0 {
				t.Fatal("frames that are not in the stream in this order")
			}
			rest = rest[i+len(pic):]
		}
		if slow, _ := readAll(&chunkReader{data, 1}); len(data) < 10_000 && !same(got, slow) {
			t.Errorf("byte by byte: pictures of %v bytes, at once: %v", sizes(slow), sizes(got))
		}
	})
}

func BenchmarkJPEGSize(b *testing.B) {
	pic := picture(b, 1280, 720, 1)
	b.SetBytes(int64(len(pic)))
	for b.Loop() {
		if _, _, err := device.JPEGSize(pic); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCheckJPEG looks at a frame of the recordings.
func BenchmarkCheckJPEG(b *testing.B) {
	pic, err := os.ReadFile("../testdata/walk/p01/0090.jpg")
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(pic)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := device.CheckJPEG(pic); err != nil {
			b.Fatal(err)
		}
	}
}
