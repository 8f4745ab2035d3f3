package gpio_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"facegate/configs/hint"
	"facegate/gpio"
	"facegate/gpio/sim"
)

const pulse = 3 * time.Second

var errBroken = errors.New("input/output error")

// bench is a running relay on a simulated line, in a synctest bubble.
type bench struct {
	t *testing.T
	*gpio.Relay
	line  *sim.Line
	log   bytes.Buffer
	start time.Time
	stop  context.CancelFunc
	ended chan error
}

func start(t *testing.T) *bench {
	b := &bench{t: t, line: sim.New(), start: time.Now(), ended: make(chan error, 1)}
	var err error
	if b.Relay, err = gpio.NewRelay(b.line, pulse, slog.New(slog.NewTextHandler(&b.log, nil))); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	b.stop = cancel
	go func() { b.ended <- b.Run(ctx) }()
	<-b.Ready()
	synctest.Wait()
	return b
}

func (b *bench) open() gpio.Edge {
	b.t.Helper()
	edge, err := b.Pulse()
	if err != nil {
		b.t.Fatalf("Pulse: %v", err)
	}
	return edge
}

// halt stops the relay and returns Run's error.
func (b *bench) halt() error {
	b.stop()
	return <-b.ended
}

// wantEdges compares the levels of the line with pairs of (time since the start of the test, level).
func (b *bench) wantEdges(want ...time.Duration) {
	b.t.Helper()
	var got []time.Duration
	for i, edge := range b.line.Edges() {
		if edge.Active != (i%2 == 0) {
			b.t.Fatalf("edge %d is active = %t", i, edge.Active)
		}
		got = append(got, edge.At.Sub(b.start))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		b.t.Errorf("edges (-want +got):\n%s", diff)
	}
}

func (b *bench) wantState(want gpio.State, pulses uint64) {
	b.t.Helper()
	if s := b.Status(); s.State != want || s.Pulses != pulses {
		b.t.Errorf("status is %s after %d pulses, want %s after %d", s.State, s.Pulses, want, pulses)
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func TestNewRelay(t *testing.T) {
	for _, test := range []struct {
		name  string
		pulse time.Duration
		fail  error
		ok    bool
	}{
		{"good", pulse, nil, true},
		{"longest", gpio.MaxPulse, nil, true},
		{"zero", 0, nil, false},
		{"negative", -pulse, nil, false},
		{"too long", gpio.MaxPulse + 1, nil, false},
		{"line fails", pulse, errBroken, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			line := sim.New()
			if err := line.Set(true); err != nil { // as a crashed predecessor may have left it
				t.Fatal(err)
			}
			line.Fail(test.fail)
			_, err := gpio.NewRelay(line, test.pulse, slog.New(slog.DiscardHandler))
			if (err == nil) != test.ok {
				t.Fatalf("NewRelay = %v, want ok = %t", err, test.ok)
			}
			if err != nil && hint.Of(err) == "" {
				t.Errorf("%q has no hint", err)
			}
			if test.fail != nil && !errors.Is(err, test.fail) {
				t.Errorf("%q does not wrap %v", err, test.fail)
			}
			if test.fail == nil && line.Active() {
				t.Error("the line is still active")
			}
		})
	}
}

func TestPulse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t)
		time.Sleep(time.Second)
		edge := b.open()
		if !b.line.Active() || !edge.At.Equal(b.start.Add(time.Second)) {
			t.Errorf("after Pulse the line is active = %t since %v", b.line.Active(), edge.At.Sub(b.start))
		}
		b.wantState(gpio.Unlocked, 1)
		<-edge.Done
		b.wantState(gpio.Locked, 1)
		b.open()
		time.Sleep(time.Minute)
		b.wantEdges(1*time.Second, 4*time.Second, 4*time.Second, 7*time.Second)
		b.wantState(gpio.Locked, 2)
		if err := b.halt(); err != nil {
			t.Errorf("Run = %v", err)
		}
		if b.log.Len() > 0 {
			t.Errorf("logged %s", &b.log)
		}
	})
}

func TestPulseIsNotLengthened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t)
		b.open()
		for range 29 {
			time.Sleep(pulse / 30)
			if _, err := b.Pulse(); !errors.Is(err, gpio.ErrBusy) {
				t.Fatalf("Pulse during a pulse = %v, want ErrBusy", err)
			}
		}
		time.Sleep(pulse)
		b.wantEdges(0, pulse)
		b.wantState(gpio.Locked, 1)
		b.halt()
	})
}

func TestCancelLocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t)
		edge := b.open()
		time.Sleep(time.Second)
		if err := b.halt(); err != nil {
			t.Errorf("Run = %v", err)
		}
		if b.line.Active() || !isClosed(edge.Done) {
			t.Errorf("Run returned with the line active = %t", b.line.Active())
		}
		if _, err := b.Pulse(); !errors.Is(err, gpio.ErrStopped) {
			t.Errorf("Pulse after Run = %v, want ErrStopped", err)
		}
		time.Sleep(time.Minute)
		b.wantEdges(0, time.Second)
	})
}

func TestPulseBeforeRun(t *testing.T) {
	line := sim.New()
	r, err := gpio.NewRelay(line, pulse, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Pulse(); !errors.Is(err, gpio.ErrStopped) {
		t.Errorf("Pulse = %v, want ErrStopped", err)
	}
	if n := len(line.Edges()); n != 0 {
		t.Errorf("%d edges", n)
	}
}

func TestOpenFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t)
		b.line.Fail(errBroken)
		_, err := b.Pulse()
		if !errors.Is(err, errBroken) || hint.Of(err) == "" {
			t.Errorf("Pulse = %v with hint %q", err, hint.Of(err))
		}
		b.wantState(gpio.Fault, 0)
		b.line.Fail(nil)
		time.Sleep(time.Second)
		b.wantState(gpio.Locked, 0)
		time.Sleep(time.Minute) // the timer of the failed pulse must not fire
		b.open()
		time.Sleep(time.Minute)
		b.wantState(gpio.Locked, 1)
		b.halt()
	})
}

func TestLockFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t)
		edge := b.open()
		b.line.Fail(errBroken)
		time.Sleep(pulse + 2050*time.Millisecond)
		b.wantState(gpio.Fault, 1)
		if s := b.Status(); s.Err == "" || s.Hint == "" {
			t.Errorf("status has error %q, hint %q", s.Err, s.Hint)
		}
		if _, err := b.Pulse(); !errors.Is(err, gpio.ErrFault) || hint.Of(err) == "" {
			t.Errorf("Pulse in fault = %v with hint %q, want ErrFault", err, hint.Of(err))
		}
		if isClosed(edge.Done) {
			t.Error("Done is closed with the line active")
		}
		b.line.Fail(nil)
		<-edge.Done
		b.wantState(gpio.Locked, 1)
		b.wantEdges(0, pulse+2100*time.Millisecond)
		synctest.Wait()
		if n := strings.Count(b.log.String(), "\n"); n != 2 {
			t.Errorf("logged %d lines, want one for the fault and one for its end:\n%s", n, &b.log)
		}
		b.open()
		time.Sleep(time.Minute)
		b.wantState(gpio.Locked, 2)
		b.halt()
	})
}

func TestStopInFault(t *testing.T) {
	for _, test := range []struct {
		name  string
		after time.Duration // when the line recovers, counted from the cancel
		err   error
	}{
		{"recovers", 2 * time.Second, nil},
		{"stays broken", time.Hour, errBroken},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := start(t)
				b.open()
				b.line.Fail(errBroken)
				time.Sleep(time.Second)
				time.AfterFunc(test.after, func() { b.line.Fail(nil) })
				if err := b.halt(); !errors.Is(err, test.err) {
					t.Errorf("Run = %v, want %v", err, test.err)
				}
				if took := time.Since(b.start); took > 7*time.Second {
					t.Errorf("stopping took until %v", took)
				}
			})
		})
	}
}

// stuck is a line that cannot be driven active.
type stuck struct{ *sim.Line }

func (l stuck) Set(active bool) error {
	if active {
		return errBroken
	}
	return l.Line.Set(false)
}

func TestOpenFailsButLocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, err := gpio.NewRelay(stuck{sim.New()}, pulse, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- r.Run(ctx) }()
		<-r.Ready()
		if _, err := r.Pulse(); !errors.Is(err, errBroken) || hint.Of(err) == "" {
			t.Errorf("Pulse = %v with hint %q", err, hint.Of(err))
		}
		if s := r.Status(); s.State != gpio.Locked || s.Pulses != 0 || s.Err == "" {
			t.Errorf("status is %+v", s)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
}
