package vision_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/jpeg"
	"math"
	"os"
	"slices"
	"testing"

	"facegate/device"
	"facegate/pipeline/detect"
	"facegate/pipeline/embed"
	"facegate/pipeline/vision"
	"facegate/pipeline/vision/visiontest"
)

func fixture(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// grey encodes a picture of one component.
func grey(t testing.TB, width, height int) []byte {
	t.Helper()
	var buf bytes.Buffer
	if err := jpeg.Encode(&buf, image.NewGray(image.Rect(0, 0, width, height)), nil); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// resized changes the size in the frame header of a baseline JPEG.
func resized(t testing.TB, data []byte, width, height int) []byte {
	t.Helper()
	data = bytes.Clone(data)
	i := bytes.Index(data, []byte{0xFF, 0xC0})
	if i < 0 {
		t.Fatal("no frame header")
	}
	binary.BigEndian.PutUint16(data[i+5:], uint16(height))
	binary.BigEndian.PutUint16(data[i+7:], uint16(width))
	return data
}

// turned inserts an Exif segment that says the camera was held on its side.
func turned(data []byte) []byte {
	exif := "\xFF\xE1\x00\x22Exif\x00\x00" + // APP1 of 34 bytes
		"II\x2A\x00\x08\x00\x00\x00" + // TIFF, little-endian, directory at 8
		"\x01\x00" + "\x12\x01\x03\x00\x01\x00\x00\x00\x06\x00\x00\x00" + // one entry: orientation 6
		"\x00\x00\x00\x00"
	return slices.Concat(data[:2], []byte(exif), data[2:])
}

// withoutTables drops the Huffman tables of a JPEG, as cameras do that use those of T.81, annex K.
func withoutTables(data []byte) []byte {
	kept := bytes.Clone(data[:2])
	for rest := data[2:]; ; {
		n := 2 + int(binary.BigEndian.Uint16(rest[2:]))
		switch rest[1] {
		case 0xDA:
			return append(kept, rest...)
		case 0xC4:
		default:
			kept = append(kept, rest[:n]...)
		}
		rest = rest[n:]
	}
}

// rescanned repeats the last scan of a progressive JPEG n times.
func rescanned(data []byte, n int) []byte {
	last, end := bytes.LastIndex(data, []byte{0xFF, 0xDA}), len(data)-2
	return slices.Concat(data[:end], bytes.Repeat(data[last:end], n), data[end:])
}

func yuyv(width, height int) device.Frame {
	data := make([]byte, max(0, 2*width*height))
	for i := range data {
		data[i] = byte(i * 7)
	}
	return device.Frame{Format: device.YUYV, Width: width, Height: height, Data: data}
}

// TestHostileFrames gives each Engine what a broken, odd or malicious source may send. The frame before is a good one,
// so that a face found after a refusal would be of somebody who is gone.
func TestHostileFrames(t *testing.T) {
	good := still(t, "p01", 1).Data
	jpg := func(data []byte) device.Frame { return device.Frame{Format: device.JPEG, Data: data} }
	wrongLength := func(f device.Frame, by int) device.Frame {
		f.Data = append(f.Data, 0, 0, 0, 0)[:len(f.Data)+by]
		return f
	}
	damaged := bytes.Clone(good)
	for i := len(damaged) / 2; i < len(damaged)-2; i += 97 {
		damaged[i] = byte(i) &^ 0x80 // never makes a marker
	}
	tests := []struct {
		name          string
		frame         device.Frame
		width, height int // 0 if the frame has to be refused
		faces         int // at least
	}{
		{"good", jpg(good), 320, 320, 1},
		{"nothing", jpg(nil), 0, 0, 0},
		{"SOI and EOI", jpg([]byte{0xFF, 0xD8, 0xFF, 0xD9}), 0, 0, 0},
		{"half", jpg(good[:len(good)/2]), 0, 0, 0},
		{"all but EOI", jpg(good[:len(good)-2]), 0, 0, 0},
		{"no scan", jpg(slices.Concat(good[:bytes.Index(good, []byte{0xFF, 0xDA})], []byte{0xFF, 0xD9})), 0, 0, 0},
		{"damaged scan", jpg(damaged), 320, 320, 0},
		{"MJPEG without Huffman tables", jpg(withoutTables(good)), 320, 320, 1},
		{"empty scan", jpg(slices.Concat(good[:bytes.Index(good, []byte{0xFF, 0xDA})+14], []byte{0xFF, 0xD9})), 0, 0, 0},
		{"PNG", jpg([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR")), 0, 0, 0},
		{"PNG behind SOI", jpg([]byte("\xFF\xD8\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR")), 0, 0, 0},
		{"two pictures", jpg(slices.Concat(good, good)), 320, 320, 1},
		{"bytes behind it", jpg(slices.Concat(good, []byte("junk\xFF\xD9"))), 320, 320, 1},
		{"a byte between segments", jpg(slices.Insert(bytes.Clone(good), 20, 0)), 320, 320, 1},
		{"another second scan", jpg(slices.Concat(good[:len(good)-2], good[bytes.Index(good, []byte{0xFF, 0xDA}):])), 0, 0, 0},
		{"padded", jpg(slices.Concat(good, make([]byte, 1000))), 320, 320, 1},
		{"says 65535x65535", jpg(resized(t, good, 65535, 65535)), 0, 0, 0},
		{"says 8192x8192", jpg(resized(t, good, 8192, 8192)), 0, 0, 0},
		{"says 0x0", jpg(resized(t, good, 0, 0)), 0, 0, 0},
		{"says twice its height", jpg(resized(t, good, 320, 640)), 0, 0, 0},
		{"says half its width", jpg(resized(t, good, 160, 320)), 160, 320, 0},
		{"grey", jpg(grey(t, 321, 243)), 321, 243, 0},
		{"1x1", jpg(grey(t, 1, 1)), 1, 1, 0},
		{"8192x1", jpg(grey(t, 8192, 1)), 8192, 1, 0},
		{"1x8192", jpg(grey(t, 1, 8192)), 1, 8192, 0},
		{"4096x4096", jpg(grey(t, 4096, 4096)), 4096, 4096, 0},
		{"4100x4100", jpg(grey(t, 4100, 4100)), 0, 0, 0},
		{"CMYK", jpg(fixture(t, "cmyk.jpg")), 0, 0, 0},
		{"progressive", jpg(fixture(t, "progressive.jpg")), 320, 320, 1},
		{"progressive cut short", jpg(append(fixture(t, "progressive.jpg")[:5000:5000], 0xFF, 0xD9)), 0, 0, 0},
		{"10,000 scans", jpg(rescanned(fixture(t, "progressive.jpg"), 10_000)), 0, 0, 0},
		{"turned by Exif", jpg(turned(resized(t, good, 320, 200))), 320, 200, 0},
		{"no format", device.Frame{Data: good}, 0, 0, 0},
		{"unknown format", device.Frame{Format: 99, Data: good}, 0, 0, 0},
		{"YUYV 2x1", yuyv(2, 1), 2, 1, 0},
		{"YUYV of odd height", yuyv(642, 481), 642, 481, 0},
		{"YUYV of odd width", yuyv(641, 480), 0, 0, 0},
		{"YUYV 0x0", yuyv(0, 0), 0, 0, 0},
		{"YUYV of negative size", yuyv(-2, -2), 0, 0, 0},
		{"YUYV too short", wrongLength(yuyv(64, 48), -1), 0, 0, 0},
		{"YUYV too long", wrongLength(yuyv(64, 48), 1), 0, 0, 0},
		{"YUYV as large as an int", device.Frame{Format: device.YUYV, Width: math.MaxInt - 1, Height: math.MaxInt}, 0, 0, 0},
		{"YUYV 65536x16", yuyv(65536, 16), 0, 0, 0},
		{"YUYV 8192x2048", yuyv(8192, 2048), 8192, 2048, 0},
	}
	for _, bundle := range bundles {
		t.Run(bundle, func(t *testing.T) {
			e := visiontest.Open(t, bundle, "frliveness", "minifasv2se")
			for _, tt := range tests {
				t.Run(tt.name, func(t *testing.T) {
					if _, err := visiontest.Locate(e, jpg(good)); err != nil {
						t.Fatal(err)
					}
					err := e.Load(tt.frame)
					width, height := e.Size()
					faces, detectErr := e.Detect()
					if width != tt.width || height != tt.height {
						t.Errorf("%dx%d was loaded, want %dx%d: %v", width, height, tt.width, tt.height, err)
					}
					if tt.width == 0 {
						if !errors.Is(err, vision.ErrPicture) || !errors.Is(detectErr, vision.ErrPicture) {
							t.Errorf("Load: %v; Detect: %v; want ErrPicture", err, detectErr)
						}
						return
					}
					if detectErr != nil || len(faces) < tt.faces {
						t.Errorf("%d faces: %v", len(faces), detectErr)
					}
					w, h := float32(width), float32(height)
					faces = append(slices.Clone(faces), detect.Face{Box: detect.Box{Right: w, Bottom: h}},
						detect.Face{Box: detect.Box{Left: -w / 2, Top: -h / 2, Right: 2 * w, Bottom: 2 * h}})
					for i := range faces {
						tryFace(t, e, faces[i])
					}
				})
			}
		})
	}
}

// tryFace makes every call for a face. The only error may be ErrFace, and what comes without one has to be sound.
func tryFace(t *testing.T, e *vision.Engine, f detect.Face) {
	t.Helper()
	check := func(call string, err error) bool {
		t.Helper()
		if err != nil && !errors.Is(err, vision.ErrFace) {
			t.Errorf("%s of %+v: %v", call, f, err)
		}
		return err == nil
	}
	if live, err := e.Live(nil, &f); check("Live", err) {
		for _, p := range live {
			if !(p >= 0 && p <= 1) {
				t.Errorf("liveness of %+v is %v", f, live)
			}
		}
	}
	if check("Locate", e.Locate(&f)) && !f.Located {
		t.Errorf("Locate left %+v without landmarks", f)
	}
	v := make(embed.Vector, e.Dim())
	if bgr, size, err := e.Align(&f); !check("Align", err) {
		if err := e.Embed(v); err == nil {
			t.Errorf("%+v has a vector but cannot be aligned", f)
		}
		return
	} else if len(bgr) != 3*size*size {
		t.Errorf("the aligned face has %d bytes for a side of %d", len(bgr), size)
	}
	if check("Embed", e.Embed(v)) {
		if n := embed.Cosine(v, v); !(math.Abs(n-1) < 1e-4) {
			t.Errorf("the embedding of %+v has the squared length %v", f, n)
		}
	}
}

var (
	nan  = float32(math.NaN())
	inf  = float32(math.Inf(1))
	eyes = detect.Landmarks{{X: 134, Y: 150}, {X: 185, Y: 149}, {X: 160, Y: 178}, {X: 143, Y: 205}, {X: 177, Y: 204}}
)

type hostileFace struct {
	name        string
	face        detect.Face
	live, align bool // possible
}

// hostileFaces are boxes and landmarks that a damaged detector or a bug may come up with, in a picture of 320x320.
func hostileFaces() []hostileFace {
	box := func(l, t, r, b float32) detect.Face {
		return detect.Face{Box: detect.Box{Left: l, Top: t, Right: r, Bottom: b}}
	}
	moved := func(change func(l *detect.Landmarks)) detect.Face {
		f := box(100, 90, 220, 240)
		f.Landmarks, f.Located = eyes, true
		change(&f.Landmarks)
		return f
	}
	all := func(p detect.Point) func(l *detect.Landmarks) {
		return func(l *detect.Landmarks) { *l = detect.Landmarks{p, p, p, p, p} }
	}
	return []hostileFace{
		{"good", moved(func(*detect.Landmarks) {}), true, true},
		{"no box", box(0, 0, 0, 0), false, false},
		{"box without width", box(100, 100, 100, 200), false, false},
		{"box inside out", box(200, 200, 100, 100), false, false},
		{"box of 7 pixels", box(100, 100, 107, 107), false, false},
		{"box beyond the right edge", box(320, 100, 420, 200), false, false},
		{"box with 7 pixels in the picture", box(313, 100, 413, 200), false, false},
		{"box across the corner", box(-50, -50, 60, 60), true, true},
		{"box larger than the picture", box(-50, -50, 370, 370), true, true},
		{"box five times the picture", box(-640, -640, 960, 960), false, false},
		{"box of 1e30", box(-1e30, -1e30, 1e30, 1e30), false, false},
		{"box at 1e30", box(1e30, 1e30, 1.1e30, 1.1e30), false, false},
		{"infinite box", box(-inf, -inf, inf, inf), false, false},
		{"half infinite box", box(0, 0, inf, inf), false, false},
		{"NaN left", box(nan, 0, 100, 100), false, false},
		{"NaN bottom", box(0, 0, 100, nan), false, false},
		{"NaN box", box(nan, nan, nan, nan), false, false},
		{"landmarks in one point", moved(all(detect.Point{X: 160, Y: 160})), true, false},
		{"landmarks at zero", moved(all(detect.Point{})), true, false},
		{"landmarks on a line", moved(func(l *detect.Landmarks) {
			for i := range l {
				l[i] = detect.Point{X: float32(100 + 20*i), Y: 160}
			}
		}), true, false},
		{"landmarks mirrored", moved(func(l *detect.Landmarks) { l[0], l[1], l[3], l[4] = l[1], l[0], l[4], l[3] }), true, true},
		{"landmarks outside", moved(func(l *detect.Landmarks) {
			for i := range l {
				l[i].X += 1000
			}
		}), true, false},
		{"NaN landmark", moved(func(l *detect.Landmarks) { l[3].Y = nan }), true, false},
		{"infinite landmark", moved(func(l *detect.Landmarks) { l[0].X = -inf }), true, false},
		{"landmark at 1e30", moved(func(l *detect.Landmarks) { l[2].Y = 1e30 }), true, false},
		{"landmarks not found", func() detect.Face { f := moved(all(detect.Point{})); f.Located = false; return f }(), true, true},
	}
}

func TestHostileFaces(t *testing.T) {
	e := visiontest.Open(t, "registry", "frliveness", "minifasv2se")
	if err := e.Load(still(t, "p01", 1)); err != nil {
		t.Fatal(err)
	}
	for _, tt := range hostileFaces() {
		t.Run(tt.name, func(t *testing.T) {
			tryFace(t, e, tt.face)
			if _, err := e.Live(nil, &tt.face); (err == nil) != tt.live {
				t.Errorf("Live: %v", err)
			}
			if err := e.Locate(&tt.face); err != nil && tt.align {
				t.Errorf("Locate: %v", err)
			}
			if _, _, err := e.Align(&tt.face); (err == nil) != tt.align {
				t.Errorf("Align: %v", err)
			}
		})
	}
}

// TestHugeFace holds that a face box far larger than a large picture costs no memory of its own size: the square around
// this one has 7 GB.
func TestHugeFace(t *testing.T) {
	e := visiontest.Open(t, "registry", "minifasv2se")
	if err := e.Load(yuyv(8192, 2048)); err != nil {
		t.Fatal(err)
	}
	tryFace(t, e, detect.Face{Box: detect.Box{Left: -12000, Top: -12000, Right: 20000, Bottom: 20000}})
}

func FuzzLoad(f *testing.F) {
	e := visiontest.Open(f, "registry")
	for _, name := range []string{"people/p01/01.jpg", "people/p09/03.jpg", "walk/duo/0007.jpg", "spoof/04-phone.jpg"} {
		f.Add(uint8(device.JPEG), 0, 0, picture(f, name).Data)
	}
	small := grey(f, 17, 9)
	for _, data := range [][]byte{small, turned(small), fixture(f, "cmyk.jpg"), fixture(f, "progressive.jpg")} {
		f.Add(uint8(device.JPEG), 0, 0, data)
	}
	f.Add(uint8(device.YUYV), 4, 3, make([]byte, 24))
	f.Fuzz(func(t *testing.T, format uint8, width, height int, data []byte) {
		err := e.Load(device.Frame{Format: device.Format(format), Width: width, Height: height, Data: data})
		w, h := e.Size()
		switch {
		case err != nil && (!errors.Is(err, vision.ErrPicture) || w != 0 || h != 0):
			t.Errorf("%v, and a picture of %dx%d", err, w, h)
		case err == nil && (w <= 0 || h <= 0 || w*h > 4096*4096):
			t.Errorf("a picture of %dx%d", w, h)
		}
	})
}

func FuzzFace(f *testing.F) {
	e := visiontest.Open(f, "registry", "frliveness", "minifasv2se")
	if err := e.Load(still(f, "p01", 1)); err != nil {
		f.Fatal(err)
	}
	add := func(located bool, numbers ...float32) {
		var data []byte
		for _, x := range numbers {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(x))
		}
		f.Add(located, data)
	}
	add(false, 100, 90, 220, 240)
	add(false, nan, -inf, inf, 3e38)
	add(false, -640, -640, 640, 640)
	add(true, append([]float32{100, 90, 220, 240}, coordinates(eyes)...)...)
	add(true, 100, 90, 220, 240, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1)
	add(true, 0, 0, 8, 8, 0, 0, 8, 0, 4, 4, 0, 8, 8, 8)
	f.Fuzz(func(t *testing.T, located bool, data []byte) {
		var n [14]float32
		for i := range n {
			if len(data) >= 4*(i+1) {
				n[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
			}
		}
		face := detect.Face{Box: detect.Box{Left: n[0], Top: n[1], Right: n[2], Bottom: n[3]}, Located: located}
		for i := range face.Landmarks {
			face.Landmarks[i] = detect.Point{X: n[4+2*i], Y: n[5+2*i]}
		}
		tryFace(t, e, face)
	})
}
