package vision_test

import (
	"testing"
	"time"

	"facegate/device"
	"facegate/pipeline/embed"
	"facegate/pipeline/quality"
	"facegate/pipeline/vision"
	"facegate/pipeline/vision/visiontest"
)

// near is a frame of 640x480 with one person at arm's length from the camera.
const near = "walk/p01/0090.jpg"

// measure runs f and reports, besides the whole time, that of the bare forward passes.
func measure(b *testing.B, e *vision.Engine, f func() error) {
	b.Helper()
	start := e.NetworkTime()
	b.ReportAllocs()
	for b.Loop() {
		if err := f(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric((e.NetworkTime()-start).Seconds()*1e3/float64(b.N), "network-ms/op")
}

func eachBundle(b *testing.B, f func(b *testing.B, e *vision.Engine)) {
	for _, bundle := range bundles {
		b.Run(bundle, func(b *testing.B) { f(b, visiontest.Open(b, bundle)) })
	}
}

func BenchmarkLoad(b *testing.B) {
	e := visiontest.Open(b, "registry")
	for name, frame := range map[string]device.Frame{"JPEG": picture(b, near), "YUYV": yuyv(640, 480)} {
		b.Run(name+" 640x480", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := e.Load(frame); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDetect(b *testing.B) {
	eachBundle(b, func(b *testing.B, e *vision.Engine) {
		if err := e.Load(picture(b, near)); err != nil {
			b.Fatal(err)
		}
		measure(b, e, func() error { _, err := e.Detect(); return err })
	})
}

func BenchmarkLocate(b *testing.B) {
	e := visiontest.Open(b, "registry") // the zoo's detector locates by itself
	s := mustLook(b, e, picture(b, near))
	measure(b, e, func() error {
		f := s.face
		f.Located = false
		return e.Locate(&f)
	})
}

func BenchmarkAlignAndQuality(b *testing.B) {
	eachBundle(b, func(b *testing.B, e *vision.Engine) {
		s := mustLook(b, e, picture(b, near))
		measure(b, e, func() error {
			bgr, size, err := e.Align(&s.face)
			quality.Of(bgr, size, s.face.Landmarks)
			return err
		})
	})
}

func BenchmarkLive(b *testing.B) {
	eachBundle(b, func(b *testing.B, e *vision.Engine) {
		s := mustLook(b, e, picture(b, near))
		var live []float64
		measure(b, e, func() (err error) { live, err = e.Live(live[:0], &s.face); return err })
	})
}

func BenchmarkEmbed(b *testing.B) {
	eachBundle(b, func(b *testing.B, e *vision.Engine) {
		v := mustLook(b, e, picture(b, near)).vector
		measure(b, e, func() error { return e.Embed(v) })
	})
}

// BenchmarkFrame is the whole way of a frame with one person, from JPEG to embedding and Clear. Overhead is all that is
// not a forward pass, in percent of the passes.
func BenchmarkFrame(b *testing.B) {
	eachBundle(b, func(b *testing.B, e *vision.Engine) {
		frame := picture(b, near)
		v := make(embed.Vector, e.Dim())
		var live []float64
		mustLook(b, e, frame)
		start, network := time.Now(), e.NetworkTime()
		measure(b, e, func() error {
			defer e.Clear()
			face, err := visiontest.Locate(e, frame)
			if err != nil {
				return err
			}
			bgr, size, err := e.Align(&face)
			if err != nil {
				return err
			}
			quality.Of(bgr, size, face.Landmarks)
			if live, err = e.Live(live[:0], &face); err != nil {
				return err
			}
			return e.Embed(v)
		})
		network = e.NetworkTime() - network
		b.ReportMetric(100*float64(time.Since(start)-network)/float64(network), "%overhead")
	})
}
