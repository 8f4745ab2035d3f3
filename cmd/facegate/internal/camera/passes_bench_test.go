package camera_test

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"log/slog"
	"slices"
	"testing"
	"time"

	"rsc.io/qr"

	"facegate/cmd/facegate/internal/camera"
	"facegate/cmd/facegate/internal/codereader"
	"facegate/cmd/facegate/internal/gatetest"
	"facegate/device"
)

// withPass holds a pass into a corner of every picture.
func withPass(b *testing.B, film [][]byte) (out [][]byte) {
	code, err := qr.Encode("AFAKETOKENOFTHIRTYTWOLETTERS2345", qr.M)
	if err != nil {
		b.Fatal(err)
	}
	const module, quiet = 4, 4
	for _, data := range film {
		m, err := jpeg.Decode(bytes.NewReader(data))
		if err != nil {
			b.Fatal(err)
		}
		held := image.NewRGBA(m.Bounds())
		draw.Draw(held, held.Rect, m, m.Bounds().Min, draw.Src)
		side := (code.Size + 2*quiet) * module
		for i := range side * side {
			x, y := i%side, i/side
			grey := color.Gray{Y: 210}
			if code.Black(x/module-quiet, y/module-quiet) {
				grey.Y = 40
			}
			held.Set(x, held.Rect.Dy()-side+y, grey)
		}
		var file bytes.Buffer
		if err := jpeg.Encode(&file, held, &jpeg.Options{Quality: 90}); err != nil {
			b.Fatal(err)
		}
		out = append(out, file.Bytes())
	}
	return out
}

// A stopwatch has the times of one of two runs.
type stopwatch struct{ frames, grants []time.Duration }

func (s *stopwatch) mean() float64 {
	var sum time.Duration
	for _, d := range s.frames {
		sum += d
	}
	return sum.Seconds() * 1000 / float64(len(s.frames))
}

func median(d []time.Duration) float64 {
	slices.Sort(d)
	return d[len(d)/2].Seconds() * 1000
}

// play shows a film at the pace of a camera, and times each picture from the mailbox to the decision, or to the relay.
func (s *stopwatch) play(b *bench, film [][]byte, also func([]byte)) {
	tick := time.NewTicker(time.Second / gatetest.FPS)
	defer tick.Stop()
	for _, picture := range film {
		<-tick.C
		began := time.Now()
		b.put(picture, 0)
		also(picture)
		var p camera.Passage
		select {
		case p = <-b.seen:
		case <-time.After(20 * time.Second):
			b.t.Fatal("nothing came of a picture")
		}
		took := time.Since(began)
		s.frames = append(s.frames, took)
		if !p.Opened.IsZero() {
			s.grants = append(s.grants, took)
		}
	}
}

// BenchmarkFaceWithPasses lets somebody in by face who has a pass in view, in turn without and with the reader of passes, and says
// how much longer a frame takes on its way to the relay. One iteration is a walk to the door of each kind.
func BenchmarkFaceWithPasses(bb *testing.B) {
	o := defaults()
	o.anew = true
	b := start(bb, gatetest.NewSite(bb), o)
	b.mustEnrol("p01")
	film := withPass(bb, gatetest.Arrival(bb))
	box := device.NewMailbox()
	reads := codereader.New(codereader.Parts{Mailbox: box, MaxAge: time.Second, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	ctx, cancel := context.WithCancel(bb.Context())
	done := make(chan error, 1)
	go func() { done <- reads.Run(ctx) }()
	var without, with stopwatch
	var shown time.Duration
	leave := func() {
		b.clock.advance(10 * time.Second)
		b.show(gatetest.Corridor(bb))
	}
	for bb.Loop() {
		leave()
		without.play(b, film, func([]byte) {})
		leave()
		began := time.Now()
		with.play(b, film, func(picture []byte) {
			if err := box.Put(device.Frame{Format: device.JPEG, Data: picture, Time: time.Now()}); err != nil {
				bb.Error(err)
			}
		})
		shown += time.Since(began)
	}
	cancel()
	if err := <-done; err != nil {
		bb.Error(err)
	}
	if c := reads.Count(); c.Codes == 0 || len(without.grants) == 0 || len(with.grants) == 0 {
		bb.Fatalf("%+v, %d and %d grants", c, len(without.grants), len(with.grants))
	}
	bb.ReportMetric(median(without.frames), "frame-ms")
	bb.ReportMetric(median(with.frames), "frame-with-ms")
	bb.ReportMetric(median(without.grants), "relay-ms")
	bb.ReportMetric(median(with.grants), "relay-with-ms")
	bb.ReportMetric(100*(with.mean()/without.mean()-1), "mean-%")
	bb.ReportMetric(100*(median(with.frames)/median(without.frames)-1), "median-%")
	bb.ReportMetric(float64(reads.Count().Looks)/shown.Seconds(), "looks/s")
}
