package qrcode_test

import (
	"bytes"
	"errors"
	"image"
	"math"
	"strings"
	"testing"
	"time"

	"rsc.io/qr"

	"facegate/pipeline/qrcode"
)

const (
	token   = "AFAKETOKENOFTHIRTYTWOLETTERS2345"
	letters = "QFAKEPASSOFAVISITORWITHASIGNATUREBEHINDIT234567"
)

// visitor is a text of the length of a visitor's pass.
func visitor() string { return (letters + letters + letters)[:138] }

// drawn draws a code with modules of so many pixels, turned by degrees, in the middle of a picture.
func drawn(tb testing.TB, text string, width, height int, module, degrees float64) *image.Gray {
	tb.Helper()
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		tb.Fatal(err)
	}
	g := image.NewGray(image.Rect(0, 0, width, height))
	sin, cos := math.Sincos(degrees * math.Pi / 180)
	half := float64(code.Size) / 2
	for y := range height {
		for x := range width {
			dx, dy := (float64(x)-float64(width)/2)/module, (float64(y)-float64(height)/2)/module
			u, v := half+dx*cos+dy*sin, half-dx*sin+dy*cos
			grey := uint8(100) // behind the paper
			if math.Abs(u-half) < half+4 && math.Abs(v-half) < half+4 {
				grey = 210
			}
			if code.Black(int(math.Floor(u)), int(math.Floor(v))) {
				grey = 40
			}
			g.Pix[y*width+x] = grey
		}
	}
	return g
}

func inverted(g *image.Gray) *image.Gray {
	for i, v := range g.Pix {
		g.Pix[i] = ^v
	}
	return g
}

// turns is after how many pictures each way has had its turn, of pictures that are not too large.
const turns = 4

// read looks at pictures of a stream that are all alike, as a gate does, and returns what was read and at which picture.
func read(r *qrcode.Reader, g *image.Gray) (text string, at int) {
	for n := range 2 * turns {
		for _, way := range r.Load(g, n) {
			if text, err := r.Read(way); err == nil {
				return string(text), n
			}
		}
	}
	return "", 2 * turns
}

// TestReads reads codes of both kinds in all sizes and from all sides, also such as exceed the picture or are light on dark.
func TestReads(t *testing.T) {
	r := qrcode.NewReader()
	for name, tt := range map[string]struct {
		picture *image.Gray
		text    string
		by      int // the picture in which it is read at the latest
	}{
		"near":                    {drawn(t, token, 640, 480, 14, 5), token, 0},
		"far":                     {drawn(t, token, 640, 480, 3.2, 10), token, 1},
		"very far":                {drawn(t, token, 640, 480, 2.3, 3), token, 3},
		"turned":                  {drawn(t, token, 640, 480, 8, 137), token, 0},
		"a visitor's":             {drawn(t, visitor(), 640, 480, 7, -12), visitor(), 0},
		"a visitor's, far":        {drawn(t, visitor(), 640, 480, 3, 8), visitor(), 3},
		"light on dark":           {inverted(drawn(t, token, 640, 480, 8, 20)), token, 3},
		"a visitor's, dark mode":  {inverted(drawn(t, visitor(), 640, 480, 7, 20)), visitor(), 3},
		"a camera on its side":    {drawn(t, token, 480, 640, 8, 4), token, 0},
		"a large picture":         {drawn(t, visitor(), 1920, 1080, 15, 4), visitor(), 0},
		"a large picture, far":    {drawn(t, token, 1920, 1080, 4, 4), token, 1},
		"a large dark mode":       {inverted(drawn(t, token, 1280, 720, 24, 4)), token, 6},
		"a picture of odd size":   {drawn(t, token, 801, 599, 9, 4), token, 0},
		"a picture of no format":  {drawn(t, token, 5000, 200, 5, 0), token, 1},
		"a picture with a margin": {drawn(t, token, 700, 500, 6, 0).SubImage(image.Rect(100, 50, 600, 450)).(*image.Gray), token, 0},
	} {
		if got, at := read(r, tt.picture); got != tt.text || at > tt.by {
			t.Errorf("%s: %q in picture %d, want picture %d", name, got, at, tt.by)
		}
	}
}

// TestReadsNothing looks at pictures that hold no pass.
func TestReadsNothing(t *testing.T) {
	r := qrcode.NewReader()
	if _, err := r.Read(qrcode.Way{}); !errors.Is(err, qrcode.ErrNone) {
		t.Errorf("without a picture: %v", err)
	}
	for name, g := range map[string]*image.Gray{
		"one pixel":         image.NewGray(image.Rect(0, 0, 1, 1)),
		"one line":          image.NewGray(image.Rect(0, 0, 640, 1)),
		"black":             image.NewGray(image.Rect(0, 0, 640, 480)),
		"white":             inverted(image.NewGray(image.Rect(0, 0, 640, 480))),
		"a code in pieces":  drawn(t, token, 640, 480, 60, 0),
		"no pixel":          image.NewGray(image.Rect(0, 0, 0, 0)),
		"a very large none": image.NewGray(image.Rect(0, 0, 4000, 3000)),
	} {
		if got, _ := read(r, g); got != "" {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// crowded is a picture full of finder patterns of different sizes.
func crowded() *image.Gray {
	g := inverted(image.NewGray(image.Rect(0, 0, 640, 480)))
	left := 0
	for i := 0; left < 630; i++ {
		module := 1 + i%2
		for top := 0; top+9*module < 480; top += 9 * module {
			for y := range 7 * module {
				for x := range 7 * module {
					ring := max(abs(x/module-3), abs(y/module-3))
					if ring != 2 && left+x < 640 {
						g.Pix[(top+y)*640+left+x] = 0
					}
				}
			}
		}
		left += 9 * module
	}
	return g
}

func abs(n int) int { return max(n, -n) }

// TestCrowded looks at a sheet that was made to keep the decoder busy: unbounded it tries thousands of patterns with each other,
// three at a time.
func TestCrowded(t *testing.T) {
	r := qrcode.NewReader()
	began := time.Now()
	if got, _ := read(r, crowded()); got != "" {
		t.Errorf("%q", got)
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("it takes %v", took)
	}
	r.Load(drawn(t, token, 640, 480, 8, 3), 0)
	if got, err := r.Read(qrcode.Way{}); err != nil || string(got) != token {
		t.Errorf("after it: %q, %v", got, err)
	}
}

// TestTextIsBounded reads codes with other texts than that of a pass.
func TestTextIsBounded(t *testing.T) {
	r := qrcode.NewReader()
	for n, want := range map[int]error{1: nil, qrcode.MaxText: nil, qrcode.MaxText + 1: qrcode.ErrText, 400: qrcode.ErrText} {
		text := strings.Repeat("x", n)
		r.Load(drawn(t, text, 640, 480, 5, 0), 0)
		got, err := r.Read(qrcode.Way{})
		if !errors.Is(err, want) || err == nil && string(got) != text || err != nil && got != nil {
			t.Errorf("%d letters: %q, %v", n, got, err)
		}
	}
}

// TestForgets checks that nothing of a picture is left once it was cleared, and that no look changes it before.
func TestForgets(t *testing.T) {
	g := drawn(t, token, 640, 480, 8, 3)
	before := bytes.Clone(g.Pix)
	r := qrcode.NewReader()
	if text, _ := read(r, g); text != token {
		t.Fatal(text)
	}
	if !bytes.Equal(before, g.Pix) {
		t.Error("the picture was changed")
	}
	for n := range turns {
		ways := r.Load(g, n)
		r.Clear()
		for _, way := range ways {
			if text, err := r.Read(way); err == nil {
				t.Errorf("%v reads %q after Clear", way, text)
			}
		}
	}
}

// TestWays says which looks take turns. A large picture has each of them twice: reduced, and its middle.
func TestWays(t *testing.T) {
	want := [...]string{
		"hybrid; global", "hybrid; hybrid, double size", "hybrid; hybrid, half size; hybrid, wide",
		"hybrid; global, half size; hybrid, tall; hybrid, inverted",
	}
	r := qrcode.NewReader()
	for side, every := range map[int]int{400: 1, 1000: 2} {
		for n := range 8 * every {
			var got []string
			for _, w := range r.Load(image.NewGray(image.Rect(0, 0, side, side)), n) {
				got = append(got, w.String())
			}
			if strings.Join(got, "; ") != want[n/every%4] {
				t.Errorf("picture %d of %d pixels: %q, want %q", n, side*side, got, want[n/every%4])
			}
		}
	}
}
