package probe_test

import (
	"bytes"
	"errors"
	"image"
	"image/jpeg"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"facegate/configs/hint"
	"facegate/device"
	"facegate/device/probe"
)

// A film is a source in memory: frames of one kind at one rate.
type film struct {
	frames  int
	every   time.Duration
	grey    int  // the mean
	same    bool // one picture again and again
	raw     bool
	damaged int // frames besides
	strange int // likewise, that are something else
	stops   time.Duration
	fails   error
}

// run has what f sends measured.
func run(t *testing.T, f film) probe.Report {
	t.Helper()
	p := probe.New("film")
	at := time.Now()
	for i := range f.frames {
		if at = at.Add(f.every); i == f.frames/2 {
			at = at.Add(f.stops)
		}
		seed := byte(i)
		if f.same {
			seed = 0
		}
		p.See(f.frame(t, seed, at))
	}
	for range f.damaged {
		p.Refuse(hint.Wrap(device.ErrTruncated, device.AdviceDamaged))
	}
	for range f.strange {
		p.Refuse(hint.Wrap(device.ErrNotJPEG, "set camera.format to yuyv"))
	}
	if f.fails != nil {
		p.Fail(f.fails)
	}
	return p.Report()
}

func (f film) frame(t *testing.T, seed byte, at time.Time) device.Frame {
	t.Helper()
	const w, h = 64, 48
	random := rand.New(rand.NewChaCha8([32]byte{seed}))
	img := image.NewGray(image.Rect(0, 0, w, h))
	for i := range img.Pix {
		img.Pix[i] = byte(min(max(f.grey-10+random.IntN(21), 0), 255))
	}
	if f.raw {
		data := make([]byte, 2*w*h)
		for i, v := range img.Pix {
			data[2*i], data[2*i+1] = v, 128
		}
		return device.Frame{Format: device.YUYV, Data: data, Width: w, Height: h, Time: at}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	return device.Frame{Format: device.JPEG, Data: b.Bytes(), Width: w, Height: h, Time: at}
}

// TestFindings shows what is said of cameras that are not as they should be.
func TestFindings(t *testing.T) {
	good := film{frames: 60, every: time.Second / 15, grey: 120}
	with := func(change func(*film)) film {
		f := good
		change(&f)
		return f
	}
	wanted := probe.Wanted{FPS: 15, Width: 64, Height: 48}
	tests := []struct {
		name   string
		film   film
		wanted probe.Wanted
		says   []string // in this order; none if nothing is wrong
		todo   string   // of the first
	}{
		{"good", good, wanted, nil, ""},
		{"good, raw", with(func(f *film) { f.raw = true }), wanted, nil, ""},
		{"nothing", film{}, wanted, []string{"sends nothing"}, "plug it in"},
		{"fails at once", film{fails: hint.Wrap(errors.New("busy"), "stop it")}, wanted, []string{"busy"}, "stop it"},
		{"fails later", with(func(f *film) { f.fails = errors.New("input/output error") }), wanted, []string{"input/output"}, "cable"},
		{"all damaged", film{damaged: 30}, wanted, []string{"cut short"}, "cable"},
		{"some damaged", with(func(f *film) { f.damaged = 3 }), wanted, []string{"5 % of the frames are damaged"}, "cable"},
		{"some strange", with(func(f *film) { f.strange = 10 }), wanted, []string{"14 % of the frames cannot be used: not a JPEG"}, "yuyv"},
		{"frozen", with(func(f *film) { f.same = true }), wanted, []string{"100 % of the frames are the same"}, "frozen"},
		{"dark and slow", with(func(f *film) { f.grey, f.every = 12, time.Second/7 }), wanted, []string{"dark", "7.0 frames"}, "cap"},
		{"white", with(func(f *film) { f.grey = 240 }), wanted, []string{"white"}, "window"},
		{"slow", with(func(f *film) { f.every = time.Second / 10 }), wanted, []string{"10.0 frames a second, and 15"}, "smaller"},
		{"slow, raw", with(func(f *film) { f.every, f.raw = time.Second/10, true }), wanted, []string{"10.0 frames"}, "mjpeg"},
		{"stutters", with(func(f *film) { f.stops, f.frames = time.Second, 200 }), wanted, []string{"for 1.1 s no frame"}, "cable"},
		{"another size", good, probe.Wanted{FPS: 15, Width: 640, Height: 480}, []string{"64x48, and 640x480"}, "camera.width to 64"},
		{"a recording", good, probe.Wanted{FPS: 15}, nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := run(t, tt.film)
			all := probe.Judge(r, tt.wanted).Findings
			if len(all) != len(tt.says) {
				t.Fatalf("%+v of %+v, want %q", all, r, tt.says)
			}
			for i, says := range tt.says {
				if !strings.Contains(all[i].Says, says) || all[i].Todo == "" {
					t.Errorf("%+v, want %q", all[i], says)
				}
			}
			if len(all) > 0 && !strings.Contains(all[0].Todo, tt.todo) {
				t.Errorf("to do %q, want %q", all[0].Todo, tt.todo)
			}
		})
	}
}

// TestReport shows the numbers of one film.
func TestReport(t *testing.T) {
	r := run(t, film{frames: 31, every: 100 * time.Millisecond, grey: 90, damaged: 2, strange: 1})
	if r.Frames != 31 || r.Rate != 10 || r.Gap != 0.1 || r.Refused != 3 || r.Damaged != 2 || r.Identical != 0 ||
		r.Format != "JPEG" || r.Width != 64 || r.Height != 48 || math.Abs(r.Grey-90) > 1 || r.Source != "film" || r.Error != "" {
		t.Errorf("%+v", r)
	}
}
