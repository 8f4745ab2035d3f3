package luma_test

import (
	"bytes"
	"errors"
	"image"
	"image/jpeg"
	"testing"

	"facegate/device"
	"facegate/device/luma"
)

// drawn is a picture in which every place differs.
func drawn(width, height int) *image.YCbCr {
	p := image.NewYCbCr(image.Rect(0, 0, width, height), image.YCbCrSubsampleRatio422)
	for y := range height {
		for x := range width {
			p.Y[p.YOffset(x, y)] = uint8(128 + 60*((x/8+y/8)%2) + x%8)
		}
	}
	for i := range p.Cb {
		p.Cb[i], p.Cr[i] = 150, 90
	}
	return p
}

func encoded(t *testing.T, p image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, p, &jpeg.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// without leaves out the segments of a marker, as USB cameras leave out the tables of Motion JPEG.
func without(t *testing.T, data []byte, marker byte) []byte {
	t.Helper()
	out := append([]byte{}, data[:2]...)
	cut := 0
	for at := 2; ; {
		length := 2 + int(data[at+2])<<8 + int(data[at+3])
		if data[at+1] == marker {
			cut++
		} else {
			out = append(out, data[at:at+length]...)
		}
		if data[at+1] == 0xDA {
			if cut == 0 {
				t.Fatal("there was none")
			}
			return append(out, data[at+length:]...)
		}
		at += length
	}
}

func packed(p *image.YCbCr) []byte {
	var b []byte
	for y := range p.Rect.Dy() {
		for x := range p.Rect.Dx() {
			b = append(b, p.Y[p.YOffset(x, y)], 128)
		}
	}
	return b
}

// TestDecode decodes the formats of cameras, and compares brightness.
func TestDecode(t *testing.T) {
	p := drawn(70, 50)
	whole := encoded(t, p)
	if _, err := jpeg.Decode(bytes.NewReader(without(t, whole, 0xC4))); err == nil {
		t.Fatal("the decoder knows the tables by itself: they need not be put in")
	}
	grey := image.NewGray(p.Rect)
	for i := range grey.Pix {
		grey.Pix[i] = p.Y[p.YOffset(i%70, i/70)]
	}
	d := luma.NewDecoder()
	for name, f := range map[string]device.Frame{
		"JPEG":                  {Format: device.JPEG, Data: whole},
		"JPEG without tables":   {Format: device.JPEG, Data: without(t, whole, 0xC4)},
		"grey JPEG":             {Format: device.JPEG, Data: encoded(t, grey)},
		"YUYV":                  {Format: device.YUYV, Data: packed(p), Width: 70, Height: 50},
		"YUYV with bytes after": {Format: device.YUYV, Data: append(packed(p), 1, 2, 3), Width: 70, Height: 50},
	} {
		got, err := d.Decode(f)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got.Bounds().Size() != p.Rect.Size() {
			t.Fatalf("%s: %v", name, got.Bounds())
		}
		worst := 0
		for y := range 50 {
			for x := range 70 {
				worst = max(worst, abs(int(got.GrayAt(x, y).Y)-int(p.Y[p.YOffset(x, y)])))
			}
		}
		if worst > 12 {
			t.Errorf("%s: a pixel differs by %d", name, worst)
		}
	}
}

func abs(n int) int { return max(n, -n) }

// TestForgets checks that nothing of a picture is left after Clear, in whatever format it came.
func TestForgets(t *testing.T) {
	p := drawn(70, 50)
	grey := image.NewGray(p.Rect)
	for i := range grey.Pix {
		grey.Pix[i] = 99
	}
	for _, f := range []device.Frame{
		{Format: device.JPEG, Data: encoded(t, p)},
		{Format: device.JPEG, Data: encoded(t, grey)},
		{Format: device.YUYV, Data: packed(p), Width: 70, Height: 50},
	} {
		d := luma.NewDecoder()
		got, err := d.Decode(f)
		if err != nil || bytes.Count(got.Pix, []byte{0}) == len(got.Pix) {
			t.Fatal(err)
		}
		d.Clear()
		if bytes.Count(got.Pix, []byte{0}) != len(got.Pix) {
			t.Errorf("%v: the picture is still there", f.Format)
		}
	}
}

// TestRefuses gives a Decoder what is no picture.
func TestRefuses(t *testing.T) {
	whole := encoded(t, drawn(64, 64))
	huge := bytes.Clone(whole)
	size := bytes.Index(huge, []byte{0xFF, 0xC0})
	copy(huge[size+5:], []byte{0x20, 0, 0x20, 0}) // 8192 x 8192
	d := luma.NewDecoder()
	for name, tt := range map[string]struct {
		f    device.Frame
		want error
	}{
		"nothing":            {device.Frame{Format: device.JPEG}, luma.ErrFrame},
		"a JPEG that ends":   {device.Frame{Format: device.JPEG, Data: whole[:len(whole)/2]}, luma.ErrFrame},
		"rubbish":            {device.Frame{Format: device.JPEG, Data: []byte("\xff\xd8rubbish")}, luma.ErrFrame},
		"too large":          {device.Frame{Format: device.JPEG, Data: huge}, luma.ErrSize},
		"YUYV too short":     {device.Frame{Format: device.YUYV, Data: make([]byte, 70), Width: 8, Height: 8}, luma.ErrFrame},
		"YUYV too large":     {device.Frame{Format: device.YUYV, Data: make([]byte, 70), Width: 8192, Height: 8192}, luma.ErrSize},
		"YUYV without sides": {device.Frame{Format: device.YUYV, Data: make([]byte, 70), Width: -8, Height: -8}, luma.ErrSize},
		"another format":     {device.Frame{Format: 9, Data: whole}, luma.ErrFormat},
	} {
		if got, err := d.Decode(tt.f); !errors.Is(err, tt.want) || got != nil {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, drawn(32, 32), nil); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes(), byte(device.JPEG), 32, 32)
	f.Add(make([]byte, 64), byte(device.YUYV), 4, 4)
	d := luma.NewDecoder()
	f.Fuzz(func(t *testing.T, data []byte, format byte, width, height int) {
		got, err := d.Decode(device.Frame{Format: device.Format(format), Data: data, Width: width, Height: height})
		if (got == nil) != (err != nil) {
			t.Errorf("%v, %v", got, err)
		}
	})
}
