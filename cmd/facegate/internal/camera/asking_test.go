package camera_test

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/pipeline"
	"facegate/pipeline/challenge"
	"facegate/pipeline/challenge/sheettest"
)

// turned reads a rendered head that is turned to the right of the picture by some of -30, -20 to 30 degrees.
func turned(t *testing.T, who string, degrees int) []byte {
	data, err := os.ReadFile(filepath.Join(gatetest.Root(t), "testdata", "turn", fmt.Sprintf("%s_%+03d.jpg", who, degrees)))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// held draws a picture that is printed, and held up turned to the right of the picture by some degrees.
func held(t *testing.T, picture []byte, degrees float64) []byte {
	m, err := jpeg.Decode(bytes.NewReader(picture))
	if err != nil {
		t.Fatal(err)
	}
	printed := image.NewRGBA(m.Bounds())
	draw.Draw(printed, printed.Rect, m, image.Point{}, draw.Src)
	lens := sheettest.Camera{Width: 320, Height: 240, Focus: 400, Background: color.Gray{Y: 90}}
	s := sheettest.Sheet{Picture: printed, Width: 400, Border: 20, Edge: color.Gray{Y: 240}, Profile: sheettest.Flat(440)}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, lens.Draw(s, sheettest.Pose{Yaw: degrees, Distance: 460}), nil); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// turn is how far somebody has turned who was asked for so many frames to look somewhere.
func turn(asks challenge.Direction, frames int) int {
	far := 10 * min(3, max(0, frames-6))
	switch asks {
	case challenge.Left:
		return far
	case challenge.Right:
		return -far
	}
	return 0
}

// TestAsking puts people who do not exist, and prints of them, before a gate that asks everybody, with real networks.
func TestAsking(t *testing.T) {
	const frames = 60
	drawn := map[float64][]byte{} // by degrees; to draw takes longer than to look at it
	print := func(t *testing.T, degrees float64) []byte {
		if _, ok := drawn[degrees]; !ok {
			drawn[degrees] = held(t, turned(t, "t1", 0), degrees)
		}
		return drawn[degrees]
	}
	tests := []struct {
		name  string
		shown func(t *testing.T, asks challenge.Direction, since, frame int) []byte
		opens bool
	}{
		{"turns as asked", func(t *testing.T, asks challenge.Direction, since, _ int) []byte {
			return turned(t, "t1", turn(asks, since))
		}, true},
		{"a stranger turns as asked", func(t *testing.T, asks challenge.Direction, since, _ int) []byte {
			return turned(t, "t2", turn(asks, since))
		}, false},
		{"a print is turned as asked", func(t *testing.T, asks challenge.Direction, since, _ int) []byte {
			return print(t, 1.5*float64(turn(asks, since)))
		}, false},
		{"a stranger turns for a print", func(t *testing.T, asks challenge.Direction, since, _ int) []byte {
			if asks == challenge.Left || asks == challenge.Right {
				return turned(t, "t2", turn(asks, since))
			}
			return print(t, 0)
		}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := defaults()
			n := 0
			o.asking = pipeline.Asking{When: pipeline.Always, Same: 0.335, Below: func(most int) int { n++; return n / 2 % most }}
			o.refuse = 0 // the networks refuse no print, so that nothing but the asking is against it
			b := start(t, gatetest.NewSite(t), o)
			if _, err := b.enrol(request("t1"), slices.Repeat([][]byte{turned(t, "t1", 0)}, 60)); err != nil {
				t.Fatal(err)
			}
			b.clock.advance(10 * time.Second)
			asks, since, opened := challenge.None, 0, false
			var states []pipeline.State
			for frame := 0; frame < frames && !opened; frame++ {
				p := b.show(tt.shown(t, asks, since, frame))[0]
				if since++; p.Report.Asks != asks {
					asks, since = p.Report.Asks, 0
				}
				opened = opened || !p.Opened.IsZero()
				states = append(states, p.Report.State)
			}
			if opened != tt.opens || !slices.Contains(states, pipeline.Asked) {
				t.Errorf("opened: %v, %v", opened, slices.Compact(states))
			}
		})
	}
}
