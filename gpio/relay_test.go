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

	halted bool
}

func start(t *testing.T) *bench {
	t.Helper()
	return startFail(t, gpio.Secure)
}

func startFail(t *testing.T, fail gpio.Fail) *bench {
	t.Helper()
	b := &bench{t: t, line: sim.New(), start: time.Now(), ended: make(chan error, 1)}
	var err error
	if b.Relay, err = gpio.NewRelay(b.line, fail, slog.New(slog.NewTextHandler(&b.log, nil))); err != nil {
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
	edge, err := b.Open(time.Now().Add(pulse))
	if err != nil {
		b.t.Fatalf("Open: %v", err)
	}
	return edge
}

// A pulser gives pulses of a relay, as a controller does.
type pulser struct{ *bench }

func (p pulser) Usable() error {
	switch {
	case p.halted:
		return gpio.ErrStopped
	case p.Status().State == gpio.Unlocked:
		return gpio.ErrBusy
	}
	return nil
}

func (p pulser) Pulse() (gpio.Edge, error) {
	if err := p.Usable(); err != nil {
		return gpio.Edge{}, err
	}
	return p.Open(time.Now().Add(pulse))
}

func (p pulser) Length() time.Duration { return pulse }

// halt stops the relay and returns Run's error.
func (b *bench) halt() error {
	b.halted = true
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

func (b *bench) wantState(want gpio.State, openings uint64) {
	b.t.Helper()
	if s := b.Status(); s.State != want || s.Openings != openings {
		b.t.Errorf("status is %s after %d openings, want %s after %d", s.State, s.Openings, want, openings)
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

// TestNewRelay takes over a line at either level, as a crashed predecessor may have left it.
func TestNewRelay(t *testing.T) {
	for _, fail := range []gpio.Fail{gpio.Secure, gpio.Safe} {
		for _, left := range []bool{true, false} {
			line := sim.New()
			if err := line.Set(left); err != nil {
				t.Fatal(err)
			}
			if _, err := gpio.NewRelay(line, fail, slog.New(slog.DiscardHandler)); err != nil {
				t.Fatal(err)
			}
			if locked := fail == gpio.Safe; line.Active() != locked {
				t.Errorf("fail %s, left active = %t: the line is active = %t", fail, left, line.Active())
			}
			line.Fail(errBroken)
			_, err := gpio.NewRelay(line, fail, slog.New(slog.DiscardHandler))
			if !errors.Is(err, errBroken) || hint.Of(err) == "" {
				t.Errorf("with a broken line: %v, hint %q", err, hint.Of(err))
			}
		}
	}
}

// TestFailSafe moves a lock that the relay holds shut.
func TestFailSafe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startFail(t, gpio.Safe)
		time.Sleep(time.Second)
		edge := b.open()
		if b.line.Active() {
			t.Error("the relay holds an unlocked door shut")
		}
		<-edge.Done
		b.wantEdges(0, time.Second, time.Second+pulse)
		if err := b.halt(); err != nil || !b.line.Active() {
			t.Errorf("Run = %v, the line is active = %t, want it kept until it is closed", err, b.line.Active())
		}
		if err := b.line.Close(); err != nil || b.line.Active() {
			t.Errorf("Close = %v, the line is active = %t", err, b.line.Active())
		}
	})
}

// TestLease renews leases, and makes them shorter; the door is locked by the last alone, and never later than a lease is long.
func TestLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t)
		first := b.open()
		for range 10 {
			time.Sleep(pulse / 2)
			if edge := b.open(); edge != first {
				t.Fatalf("the edge of a renewed lease is %v", edge)
			}
		}
		<-first.Done
		b.wantEdges(0, 5*pulse+pulse)
		if _, err := b.Open(time.Now()); !errors.Is(err, gpio.ErrLate) {
			t.Errorf("Open until now = %v", err)
		}
		b.open()
		if _, err := b.Open(time.Now().Add(time.Second)); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Minute)
		b.wantEdges(0, 6*pulse, 6*pulse, 6*pulse+time.Second)
		if _, err := b.Open(time.Now().Add(time.Hour)); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Hour)
		if edges := b.line.Edges(); edges[5].At.Sub(edges[4].At) != gpio.MaxLease {
			t.Errorf("the longest lease is %v", edges[5].At.Sub(edges[4].At))
		}
		b.halt()
	})
}

// TestLock ends an opening before its lease.
func TestLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t)
		b.Lock()
		edge := b.open()
		time.Sleep(time.Second)
		b.Lock()
		if !isClosed(edge.Done) {
			t.Error("Done is not closed")
		}
		time.Sleep(time.Minute)
		b.wantEdges(0, time.Second)
		b.halt()
	})
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
		if _, err := b.Open(time.Now().Add(pulse)); !errors.Is(err, gpio.ErrStopped) {
			t.Errorf("Open after Run = %v, want ErrStopped", err)
		}
		time.Sleep(time.Minute)
		b.wantEdges(0, time.Second)
	})
}

func TestOpenBeforeRun(t *testing.T) {
	line := sim.New()
	r, err := gpio.NewRelay(line, gpio.Secure, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Open(time.Now().Add(pulse)); !errors.Is(err, gpio.ErrStopped) {
		t.Errorf("Open = %v, want ErrStopped", err)
	}
	if n := len(line.Edges()); n != 0 {
		t.Errorf("%d edges", n)
	}
}

func TestOpenFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t)
		b.line.Fail(errBroken)
		_, err := b.Open(time.Now().Add(pulse))
		if !errors.Is(err, errBroken) || hint.Of(err) == "" {
			t.Errorf("Open = %v with hint %q", err, hint.Of(err))
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
		if s := b.Status(); !errors.Is(s.Err, errBroken) || hint.Of(s.Err) == "" {
			t.Errorf("status has error %v, hint %q", s.Err, hint.Of(s.Err))
		}
		if _, err := b.Open(time.Now().Add(pulse)); !errors.Is(err, errBroken) || hint.Of(err) == "" {
			t.Errorf("Open in fault = %v with hint %q", err, hint.Of(err))
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
		r, err := gpio.NewRelay(stuck{sim.New()}, gpio.Secure, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- r.Run(ctx) }()
		<-r.Ready()
		if _, err := r.Open(time.Now().Add(pulse)); !errors.Is(err, errBroken) || hint.Of(err) == "" {
			t.Errorf("Open = %v with hint %q", err, hint.Of(err))
		}
		if s := r.Status(); s.State != gpio.Locked || s.Openings != 0 || s.Err == nil {
			t.Errorf("status is %+v", s)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
}
