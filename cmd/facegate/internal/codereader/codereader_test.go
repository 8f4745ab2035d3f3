package codereader_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/jpeg"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rsc.io/qr"

	"facegate/cmd/facegate/internal/codereader"
	"facegate/device"
	"facegate/device/reader"
)

var _ reader.Source = (*codereader.Reader)(nil)

// Texts with the form of passes, and one code each.
const token, other = "AFAKETOKENOFTHIRTYTWOLETTERS2345", "AFAKETOKENOFTHIRTYTWOLETTERS7777"

// signed has the form of a visitor's pass.
func signed() string { return "Q" + strings.Repeat("FAKEPASS234567", 10)[:137] }

// picture draws a code, or none for no text, as a camera would send it.
func picture(tb testing.TB, text string, change func(*image.Gray)) []byte {
	tb.Helper()
	const width, height, module = 320, 240, 4
	g := image.NewGray(image.Rect(0, 0, width, height))
	for i := range g.Pix {
		g.Pix[i] = 200
	}
	if text != "" {
		code, err := qr.Encode(text, qr.M)
		if err != nil {
			tb.Fatal(err)
		}
		for y := range code.Size * module {
			for x := range code.Size * module {
				if code.Black(x/module, y/module) {
					g.Pix[(y+30)*width+x+60] = 30
				}
			}
		}
	}
	if change != nil {
		change(g)
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, g, nil); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

// A bench is a Reader at work, in a bubble of time.
type bench struct {
	t    *testing.T
	box  *device.Mailbox
	r    *codereader.Reader
	log  bytes.Buffer
	seen []string // what was handed on
	stop func()
}

func start(t *testing.T) *bench {
	b := &bench{t: t, box: device.NewMailbox()}
	b.r = codereader.New(codereader.Parts{
		Mailbox: b.box, MaxAge: time.Second, Now: time.Now, Log: slog.New(slog.NewTextHandler(&b.log, nil)),
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 2)
	go func() { done <- b.r.Run(ctx) }()
	go func() {
		for {
			s, err := b.r.Read(ctx)
			if err != nil {
				done <- nil
				return
			}
			if s.Kind != reader.Code || s.Reader != reader.Camera || time.Since(s.At) > time.Second {
				t.Errorf("scan of %v by %q at %v", s.Kind, s.Reader, s.At)
			}
			b.seen = append(b.seen, string(s.Value))
			s.Clear()
		}
	}()
	b.stop = func() {
		cancel()
		for range 2 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	}
	return b
}

// show shows a picture for so long, 10 times a second.
func (b *bench) show(data []byte, d time.Duration) {
	b.t.Helper()
	for range d / (100 * time.Millisecond) {
		if err := b.box.Put(device.Frame{Format: device.JPEG, Data: data, Time: time.Now()}); err != nil {
			b.t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// handed checks what was handed on since it was last called.
func (b *bench) handed(what string, want ...string) {
	b.t.Helper()
	synctest.Wait()
	if strings.Join(b.seen, " ") != strings.Join(want, " ") {
		b.t.Errorf("%s: handed on %q, want %q", what, b.seen, want)
	}
	b.seen = nil
}

// TestHandsOnOnce shows passes as people do: for some seconds, out of sight for a moment, away, and one after the other.
func TestHandsOnOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t)
		defer b.stop()
		nothing, one, two, three := picture(t, "", nil), picture(t, token, nil), picture(t, other, nil), picture(t, signed(), nil)
		b.show(nothing, time.Second)
		b.handed("nothing is shown")
		b.show(one, 5*time.Second)
		b.handed("shown for five seconds", token)
		b.show(nothing, time.Second)
		b.show(one, time.Second)
		b.handed("out of sight for a second")
		b.show(nothing, 2500*time.Millisecond)
		b.show(one, time.Second)
		b.handed("shown again", token)
		b.show(two, time.Second)
		b.show(three, time.Second)
		b.handed("others after it", other, signed())
		for range 5 {
			b.show(two, 300*time.Millisecond)
			b.show(three, 300*time.Millisecond)
		}
		b.handed("two passes side by side")
		time.Sleep(5 * time.Second) // the camera is away
		b.show(two, time.Second)
		b.handed("after the camera was away", other)
	})
}

// TestLooks counts how often it looks, and at what.
func TestLooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t)
		defer b.stop()
		b.show(picture(t, "", nil), 10*time.Second)
		if c := b.r.Count(); c.Looks < 49 || c.Looks > 51 || c.Codes != 0 {
			t.Errorf("in ten seconds: %+v, want 5 looks a second", c)
		}
		if err := b.box.Put(device.Frame{Format: device.JPEG, Data: picture(t, token, nil), Time: time.Now().Add(-2 * time.Second)}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		b.handed("a frame of long ago")
	})
}

// TestSlowsDown looks less often while a pass is shown that was handed on, and as often as ever once it is gone.
func TestSlowsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t)
		defer b.stop()
		b.show(picture(t, token, nil), 10*time.Second)
		if n := b.r.Count().Looks; n < 20 || n > 28 {
			t.Errorf("%d looks in ten seconds in which a pass was shown", n)
		}
		before := b.r.Count().Looks
		b.show(picture(t, "", nil), 10*time.Second)
		if n := b.r.Count().Looks - before; n < 48 {
			t.Errorf("%d looks in ten seconds after it was gone", n)
		}
		b.handed("one pass", token)
	})
}

// TestForm shows codes that are no passes: the one beside a pass's form in each direction, and what other codes say.
func TestForm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t)
		defer b.stop()
		for _, text := range []string{
			token[:31], token + "A", strings.ToLower(token), token[:31] + "1", token[:31] + "0", token[:31] + " ", token[:31] + "\n", token[:30] + "Ä",
			token[:31] + "\x00", signed()[:137], signed() + "A", signed()[:137] + "8", "https://example.org", strings.Repeat("7", 100), "WIFI:T:WPA;S:x;P:y;;",
			"a", strings.Repeat("A", 64),
		} {
			b.show(picture(t, text, nil), 400*time.Millisecond)
			b.handed(text)
		}
		if c := b.r.Count(); c.Codes < 15 || c.Passes != 0 {
			t.Errorf("%+v, want every code read and none handed on", c)
		}
	})
}

// TestDarkMode reads a code that is light on dark, within a second.
func TestDarkMode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t)
		defer b.stop()
		b.show(picture(t, token, func(g *image.Gray) {
			for i, v := range g.Pix {
				g.Pix[i] = ^v
			}
		}), time.Second)
		b.handed("light on dark", token)
	})
}

// TestDamagedFrames goes on after frames that cannot be decoded, and says so once a minute.
func TestDamagedFrames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t)
		defer b.stop()
		whole := picture(t, token, nil)
		b.show(whole[:len(whole)/2], 3*time.Second)
		if b.r.Blind() {
			t.Error("blind after three seconds of damaged frames")
		}
		b.show(whole[:len(whole)/2], 27*time.Second)
		b.handed("half a picture")
		if !b.r.Blind() {
			t.Error("not blind after half a minute of damaged frames")
		}
		if c, lines := b.r.Count(), strings.Count(b.log.String(), "\n"); c.Failed < 140 || lines != 1 || !strings.Contains(b.log.String(), "hint=") {
			t.Errorf("%+v, %d lines: %s", c, lines, b.log.String())
		}
		b.show(whole, time.Second)
		b.handed("a whole one", token)
		if b.r.Blind() {
			t.Error("blind after a whole frame")
		}
	})
}

// TestNobodyReads checks that a pass which nobody takes waits for nobody, gives way to the newest, and is cleared at the end.
func TestNobodyReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box := device.NewMailbox()
		r := codereader.New(codereader.Parts{Mailbox: box, MaxAge: time.Second, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- r.Run(ctx) }()
		b := &bench{t: t, box: box}
		b.show(picture(t, token, nil), time.Second)
		b.show(picture(t, other, nil), time.Second)
		s, err := r.Read(ctx)
		if err != nil || string(s.Value) != other {
			t.Errorf("%q, %v", s.Value, err)
		}
		b.show(picture(t, token, nil), 3*time.Second)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		late, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if s, err := r.Read(late); err == nil {
			t.Errorf("after the end %q is there", s.Value)
		}
	})
}

// TestEnds ends the frames, and the source.
func TestEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box := device.NewMailbox()
		r := codereader.New(codereader.Parts{Mailbox: box, MaxAge: time.Second, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
		box.End()
		if err := r.Run(t.Context()); err != nil {
			t.Errorf("after the last frame: %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := r.Read(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("with no more frames to come: %v", err)
		}
		for range 2 {
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		}
		if _, err := r.Read(t.Context()); !errors.Is(err, reader.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	})
}
