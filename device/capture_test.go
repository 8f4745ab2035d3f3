package device_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"facegate/configs/hint"
	"facegate/device"
)

// A script is a source of which each Stream does what the next of its scenes says; the last one is repeated.
type script struct {
	scenes []scene
	opened []time.Time
}

type scene func(ctx context.Context, emit func(device.Frame)) error

func (s *script) String() string { return "script" }

func (s *script) Stream(ctx context.Context, emit func(device.Frame)) error {
	i := min(len(s.opened), len(s.scenes)-1)
	s.opened = append(s.opened, time.Now())
	return s.scenes[i](ctx, emit)
}

// pauses returns the time between one opening and the next.
func (s *script) pauses() (d []time.Duration) {
	for i := 1; i < len(s.opened); i++ {
		d = append(d, s.opened[i].Sub(s.opened[i-1]))
	}
	return d
}

func fails(err error) scene {
	return func(context.Context, func(device.Frame)) error { return err }
}

// delivers sends n frames at 10 Hz and then returns err.
func delivers(n int, err error) scene {
	return func(ctx context.Context, emit func(device.Frame)) error {
		for seq := range uint64(n) {
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(100 * time.Millisecond):
				emit(frame(seq+1, 1))
			}
		}
		return err
	}
}

// hangs sends nothing.
func hangs(ctx context.Context, _ func(device.Frame)) error {
	<-ctx.Done()
	return nil
}

// capture runs the scenes for d and returns what came of it.
func capture(t *testing.T, d time.Duration, scenes ...scene) (src *script, c *device.Capture, log string) {
	t.Helper()
	var text bytes.Buffer
	src = &script{scenes: scenes}
	c = device.NewCapture(src, device.NewMailbox(), slog.New(slog.NewTextHandler(&text, nil)))
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	if err := c.Run(ctx); err != nil {
		t.Errorf("Run: %v, want nil", err)
	}
	return src, c, text.String()
}

func TestCaptureBacksOff(t *testing.T) {
	const ms = time.Millisecond
	lost := errors.New("input/output error")
	tests := []struct {
		name   string
		scenes []scene
		want   []time.Duration
	}{
		{"retryable", []scene{fails(lost)}, []time.Duration{250 * ms, 500 * ms, 1000 * ms, 2000 * ms, 3000 * ms, 3000 * ms}},
		{"final", []scene{fails(device.AsFinal(lost))}, []time.Duration{3000 * ms, 3000 * ms, 3000 * ms}},
		{"silent", []scene{hangs}, []time.Duration{5250 * ms, 5500 * ms}},
		{
			"lost after a while",
			[]scene{fails(lost), fails(lost), delivers(40, lost), fails(device.AsFinal(lost)), delivers(1000, nil)},
			[]time.Duration{250 * ms, 500 * ms, 4250 * ms, 3000 * ms},
		},
		{
			"lost at once again and again",
			[]scene{delivers(1, lost)},
			[]time.Duration{350 * ms, 600 * ms, 1100 * ms, 2100 * ms, 3100 * ms, 3100 * ms},
		},
		{"stops by itself", []scene{fails(nil)}, []time.Duration{250 * ms, 500 * ms, 1000 * ms, 2000 * ms, 3000 * ms, 3000 * ms}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				src, _, _ := capture(t, 11*time.Second, tt.scenes...)
				if diff := cmp.Diff(fmt.Sprint(tt.want), fmt.Sprint(src.pauses())); diff != "" {
					t.Errorf("times between attempts (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// TestCaptureRecovers holds the promise that a camera delivers within 5 s of being plugged in again.
func TestCaptureRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gone := device.AsFinal(errors.New("no such device"))
		var back time.Time
		camera := func(ctx context.Context, emit func(device.Frame)) error {
			if time.Now().Before(back) {
				return gone
			}
			return delivers(10_000, nil)(ctx, emit)
		}
		for away := time.Duration(0); away < 10*time.Second; away += 700 * time.Millisecond {
			back = time.Now().Add(5*time.Second + away)
			box := device.NewMailbox()
			c := device.NewCapture(&script{scenes: []scene{delivers(50, errors.New("input/output error")), camera}}, box,
				slog.New(slog.DiscardHandler))
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- c.Run(ctx) }()
			time.Sleep(time.Until(back) + 5*time.Second)
			if s := c.Status(); s.State != device.Streaming || time.Since(s.LastFrame) > time.Second {
				t.Errorf("away for %v: 5 s after its return the camera is %s", away, s.State)
			}
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	})
}

// A plug is a source whose device is there or not. It sends 10 frames a second and, once the device is back, cannot be opened for
// some time more.
type plug struct {
	settles time.Duration
	events  chan struct{} // what its Watch tells
	closed  bool          // its Watch

	mu    sync.Mutex // guards what follows
	there bool
	since time.Time
}

func (p *plug) String() string { return "plug" }

func (p *plug) set(there bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.there, p.since = there, time.Now()
	if there && len(p.events) == 0 {
		p.events <- struct{}{}
	}
}

func (p *plug) state() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case !p.there:
		return device.AsFinal(errors.New("no such device"))
	case time.Since(p.since) < p.settles:
		return device.AsFinal(errors.New("permission denied"))
	}
	return nil
}

func (p *plug) Stream(ctx context.Context, emit func(device.Frame)) error {
	for seq := uint64(1); ctx.Err() == nil; seq++ {
		if err := p.state(); err != nil {
			return err
		}
		time.Sleep(100 * time.Millisecond)
		emit(frame(seq, 1))
	}
	return nil
}

func (p *plug) Watch() (device.Watch, error) { return p, nil }

func (p *plug) Close() error {
	p.closed = true
	return nil
}

func (p *plug) Wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-p.events:
		return true
	case <-time.After(d):
	case <-ctx.Done():
	}
	return false
}

// TestCaptureReturns has a device of whose return something tells away for long and for short, a hundred times.
func TestCaptureReturns(t *testing.T) {
	for _, settles := range []time.Duration{0, 40 * time.Millisecond, 400 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			p := &plug{events: make(chan struct{}, 1), settles: settles}
			p.set(true)
			box := device.NewMailbox()
			c := device.NewCapture(p, box, slog.New(slog.DiscardHandler))
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- c.Run(ctx) }()
			time.Sleep(10 * time.Second)
			for i := range 100 {
				away := time.Duration(i*i+1) * 7 * time.Millisecond // up to 70 s
				p.set(false)
				time.Sleep(away)
				p.set(true)
				back := time.Now()
				time.Sleep(time.Second)
				if s := c.Status(); s.State != device.Streaming || !s.LastFrame.After(back) {
					t.Errorf("away for %v, settled after %v: 1 s after its return the camera is %s", away, settles, s.State)
				}
				time.Sleep(time.Duration(i) * time.Second / 20) // how long it holds
			}
			cancel()
			if err := <-done; err != nil || !p.closed {
				t.Errorf("Run: %v; the watch is closed: %v", err, p.closed)
			}
		})
	}
}

func TestCaptureStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bad := hint.Wrap(errors.New("permission denied"), "join the group video")
		src := &script{scenes: []scene{delivers(5, bad), delivers(20, device.ErrEnd)}}
		box := device.NewMailbox()
		c := device.NewCapture(src, box, slog.New(slog.DiscardHandler))
		if got, want := c.Status(), (device.CaptureStatus{Source: "script", State: device.Starting}); got != want {
			t.Errorf("before Run: %+v, want %+v", got, want)
		}
		start := time.Now()
		done := make(chan error, 1)
		go func() { done <- c.Run(t.Context()) }()
		<-c.Ready()
		if d := time.Since(start); d != 100*time.Millisecond {
			t.Errorf("ready after %v, want to be at the first frame, after 100ms", d)
		}
		checks := []struct {
			at   time.Duration
			want device.CaptureStatus
		}{
			{350 * time.Millisecond, device.CaptureStatus{
				State: device.Streaming, Frames: 3, Dropped: 2, LastFrame: start.Add(300 * time.Millisecond),
			}},
			{600 * time.Millisecond, device.CaptureStatus{
				State: device.Lost, Error: "permission denied", Hint: "join the group video",
				Frames: 5, Dropped: 4, LastFrame: start.Add(500 * time.Millisecond),
			}},
			{900 * time.Millisecond, device.CaptureStatus{
				State: device.Streaming, Frames: 6, Dropped: 5, LastFrame: start.Add(850 * time.Millisecond),
			}},
			{4 * time.Second, device.CaptureStatus{
				State: device.Ended, Frames: 25, Dropped: 24, LastFrame: start.Add(2750 * time.Millisecond),
			}},
		}
		for _, check := range checks {
			time.Sleep(time.Until(start.Add(check.at)))
			check.want.Source = "script"
			if diff := cmp.Diff(check.want, c.Status()); diff != "" {
				t.Errorf("status after %v (-want +got):\n%s", check.at, diff)
			}
		}
		if err := <-done; err != nil {
			t.Errorf("Run: %v, want nil at the end of a recording", err)
		}
		if f := take(t, box); f.Seq != 25 {
			t.Errorf("the last frame is %d, want 25: Seq goes on when the source is opened again", f.Seq)
		}
		if _, err := box.Take(t.Context()); !errors.Is(err, device.ErrEnd) {
			t.Errorf("Take: %v, want %v", err, device.ErrEnd)
		}
	})
}

func TestCaptureCancel(t *testing.T) {
	for name, scene := range map[string]scene{
		"streaming": delivers(1000, nil), "silent": hangs, "pausing": fails(device.AsFinal(errors.New("gone"))),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				_, c, _ := capture(t, 2*time.Second, scene)
				if d := time.Since(began); d != 2*time.Second {
					t.Errorf("Run returned after %v, want at once after 2s", d)
				}
				if s := c.Status().State; s != device.Ended {
					t.Errorf("state %s, want %s", s, device.Ended)
				}
			})
		})
	}
}

// TestCaptureLogsChanges counts the lines about each error: one for each time that it is new.
func TestCaptureLogsChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gone := device.AsFinal(hint.Wrap(errors.New("no such device"), "plug it in"))
		denied := device.AsFinal(errors.New("permission denied"))
		_, _, log := capture(t, time.Minute,
			fails(gone), fails(gone), fails(gone), fails(denied), fails(denied), delivers(50, gone), fails(gone))
		for text, want := range map[string]int{
			`error="no such device" hint="plug it in"`: 2, "permission denied": 1, "frames flow": 1, "\n": 4,
		} {
			if got := strings.Count(log, text); got != want {
				t.Errorf("%q is logged %d times, want %d:\n%s", text, got, want, log)
			}
		}
	})
}

// TestCaptureRefusesFrames sends frames that are too large, at 100 Hz.
func TestCaptureRefusesFrames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		large := device.Frame{Data: make([]byte, device.MaxBytes+1)}
		flood := func(ctx context.Context, emit func(device.Frame)) error {
			for ctx.Err() == nil {
				time.Sleep(10 * time.Millisecond)
				emit(large)
			}
			return nil
		}
		_, c, log := capture(t, 4*time.Second+5*time.Millisecond, flood)
		if s := c.Status(); s.Refused < 400 || s.Frames != 0 || !s.LastFrame.IsZero() {
			t.Errorf("%d refused, %d delivered, last at %v; want 400 refused", s.Refused, s.Frames, s.LastFrame)
		}
		if n := strings.Count(log, "frames refused"); n != 5 {
			t.Errorf("%d reports in 4 s, want 5, with the first:\n%s", n, log)
		}
		if !strings.Contains(log, "count=100") {
			t.Errorf("no report of 100 frames:\n%s", log)
		}
		_, c, log = capture(t, 6*time.Second, flood)
		if !strings.Contains(log, device.ErrSilent.Error()) {
			t.Errorf("a source that sends nothing but refused frames does not count as lost:\n%s", log)
		}
		select {
		case <-c.Ready():
			t.Error("ready without a usable frame")
		default:
		}
	})
}

// A teller is a source that tells of bad frames: each string of frames is sent at 10 Hz, a dot for a good one, a letter for
// one that is damaged (d) or of another kind (k).
type teller struct {
	frames string
	told   func(error)
}

var errKind = hint.Wrap(errors.New("a film"), "send pictures")

func (s *teller) String() string        { return "teller" }
func (s *teller) Tell(told func(error)) { s.told = told }

func (s *teller) Stream(ctx context.Context, emit func(device.Frame)) error {
	for i, kind := range s.frames {
		if time.Sleep(100 * time.Millisecond); ctx.Err() != nil {
			return nil
		}
		switch kind {
		case 'd':
			s.told(hint.Wrap(fmt.Errorf("%w: half of it", device.ErrTruncated), "try another cable"))
		case 'k':
			s.told(errKind)
		default:
			emit(frame(uint64(i+1), 1))
		}
	}
	<-ctx.Done()
	return nil
}

// TestCaptureTellsOfBadFrames shows what status and log say of a source of which frames are damaged or cannot be used.
func TestCaptureTellsOfBadFrames(t *testing.T) {
	good := strings.Repeat(".", 200)
	tests := []struct {
		name             string
		frames           string
		refused, damaged uint64
		err, hint        string
		logged           string // in the log, once
		lines            int
	}{
		{name: "good", frames: good, lines: 1},
		{name: "a few at first", frames: "dddd" + good, refused: 4, damaged: 4, lines: 1},
		{name: "now and then", frames: strings.Repeat(good[:99]+"d", 3), refused: 3, damaged: 3, lines: 1},
		{
			name: "every second", frames: strings.Repeat(".d", 50), refused: 50, damaged: 50,
			err: "50 % of the last 100 frames are damaged: the JPEG picture is cut short: half of it", hint: "try another cable",
			logged: "many frames cannot be used", lines: 2,
		},
		{
			name: "one in ten", frames: good + strings.Repeat(good[:9]+"d", 40), refused: 40, damaged: 40,
			err: "10 % of the last 200 frames are damaged", hint: "try another cable",
			logged: "many frames cannot be used", lines: 2,
		},
		{
			name: "of another kind", frames: strings.Repeat(".kk", 40), refused: 80,
			err: "67 % of the last 120 frames cannot be used: a film", hint: "send pictures",
			logged: `error="63 %`, lines: 2,
		},
		{
			name: "mended", frames: strings.Repeat(".d", 50) + good, refused: 50, damaged: 50,
			logged: "nearly all frames can be used again", lines: 3,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				c := device.NewCapture(&teller{frames: tt.frames}, device.NewMailbox(), slog.New(slog.NewTextHandler(&log, nil)))
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan error, 1)
				go func() { done <- c.Run(ctx) }()
				time.Sleep(time.Duration(len(tt.frames))*100*time.Millisecond + time.Millisecond)
				s := c.Status()
				cancel()
				if err := <-done; err != nil {
					t.Error(err)
				}
				if s.State != device.Streaming || s.Refused != tt.refused || s.Damaged != tt.damaged {
					t.Errorf("%s, %d refused, %d damaged; want streaming, %d, %d", s.State, s.Refused, s.Damaged, tt.refused, tt.damaged)
				}
				if !strings.HasPrefix(s.Error, tt.err) || (s.Error == "") != (tt.err == "") || s.Hint != tt.hint {
					t.Errorf("%q, to do %q; want %q, to do %q", s.Error, s.Hint, tt.err, tt.hint)
				}
				if n := strings.Count(log.String(), "\n"); n != tt.lines || tt.logged != "" && strings.Count(log.String(), tt.logged) != 1 {
					t.Errorf("%d lines, want %d and among them %q:\n%s", n, tt.lines, tt.logged, &log)
				}
			})
		})
	}
}

// TestCaptureWithoutAGoodFrame holds that a source is not called silent which sends what cannot be used.
func TestCaptureWithoutAGoodFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := device.NewCapture(&teller{frames: strings.Repeat("k", 100)}, device.NewMailbox(), slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithTimeout(t.Context(), 5200*time.Millisecond)
		defer cancel()
		done := make(chan error, 1)
		go func() { done <- c.Run(ctx) }()
		time.Sleep(5150 * time.Millisecond)
		s := c.Status()
		if s.State != device.Lost || s.Hint != "send pictures" ||
			s.Error != "the source delivers no usable frame for 5s: a film" {
			t.Errorf("%s: %q, to do %q", s.State, s.Error, s.Hint)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// TestCaptureHangs has a driver that does not even return when it is told to: the source counts as lost all the same, and frames
// that come after all are taken.
func TestCaptureHangs(t *testing.T) {
	for _, frames := range []int{0, 20} {
		synctest.Test(t, func(t *testing.T) {
			var log bytes.Buffer
			released := make(chan struct{})
			hang := func(ctx context.Context, emit func(device.Frame)) error {
				delivers(frames, nil)(ctx, emit)
				<-released
				return delivers(20, nil)(t.Context(), emit)
			}
			c := device.NewCapture(&script{scenes: []scene{hang}}, device.NewMailbox(), slog.New(slog.NewTextHandler(&log, nil)))
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- c.Run(ctx) }()
			time.Sleep(time.Minute)
			synctest.Wait()
			if s := c.Status(); s.State != device.Lost || !strings.Contains(s.Error, device.ErrSilent.Error()) || s.Hint == "" {
				t.Errorf("after %d frames: %+v", frames, s)
			}
			if strings.Count(log.String(), "source lost") != 1 {
				t.Errorf("after %d frames the log has:\n%s", frames, &log)
			}
			close(released)
			time.Sleep(time.Second)
			if s := c.Status(); s.State != device.Streaming || s.Error != "" {
				t.Errorf("released: %+v", s)
			}
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
}

// A meter counts.
type meter struct{ seen, refused int }

func (m *meter) See(device.Frame) { m.seen++ }
func (m *meter) Refuse(error)     { m.refused++ }

// TestCaptureMeasures has a stream measured for a while, by one at a time.
func TestCaptureMeasures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := device.NewCapture(&teller{frames: strings.Repeat("..d", 50)}, device.NewMailbox(), slog.New(slog.DiscardHandler))
		run, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- c.Run(run) }()
		time.Sleep(time.Second)
		for range 2 {
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			time.AfterFunc(time.Second, func() {
				if err := c.Measure(ctx, new(meter)); !errors.Is(err, device.ErrMetered) || hint.Of(err) == "" {
					t.Errorf("a second Meter: %v", err)
				}
			})
			var m meter
			if err := c.Measure(ctx, &m); err != nil || m.seen < 19 || m.seen > 21 || m.refused < 9 || m.refused > 11 {
				t.Errorf("%+v, %v", m, err)
			}
			cancel()
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// TestSpoilt counts frames that only their decoding shows to be damaged.
func TestSpoilt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := device.NewCapture(&teller{frames: strings.Repeat(".", 20)}, device.NewMailbox(), slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- c.Run(ctx) }()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		for range 30 { // which is more than there were
			c.Spoilt(device.ErrCorrupt)
		}
		if s := c.Status(); s.Damaged != 30 || s.Hint != device.AdviceDamaged || !strings.HasPrefix(s.Error, "100 % of the last 20 frames are damaged") {
			t.Errorf("%d damaged: %q, to do %q", s.Damaged, s.Error, s.Hint)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
