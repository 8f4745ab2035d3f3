package prompt_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"facegate/cmd/facegate/internal/prompt"
	"facegate/gpio"
	"facegate/gpio/sim"
	"facegate/pipeline/challenge"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start runs a Prompt until the test ends, and returns what ends it.
func start(t *testing.T, l prompt.Lights, log *slog.Logger) (p *prompt.Prompt, stop func() error) {
	p, err := prompt.New(l, log)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	<-p.Ready()
	return p, func() error { cancel(); return <-ended }
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func TestLights(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		left, right := sim.New(), sim.New()
		left.Set(true) // as whoever had it before has left it
		p, stop := start(t, prompt.Lights{Left: left, Right: right}, quiet())
		lit := func(when string, wantLeft, wantRight bool) {
			t.Helper()
			synctest.Wait()
			if left.Active() != wantLeft || right.Active() != wantRight {
				t.Errorf("%s: left %v, right %v", when, left.Active(), right.Active())
			}
		}
		lit("at the start", false, false)
		p.Show(challenge.Ahead)
		lit("ahead", true, true)
		p.Show(challenge.Left)
		lit("left", true, false)
		time.Sleep(900 * time.Millisecond)
		p.Show(challenge.Left)
		time.Sleep(900 * time.Millisecond)
		lit("left, asked for again", true, false)
		time.Sleep(200 * time.Millisecond)
		lit("the camera has stopped", false, false)
		p.Show(challenge.Right)
		lit("right", false, true)
		p.Show(challenge.None)
		lit("nobody is asked", false, false)
		p.Show(challenge.Right)
		synctest.Wait()
		if err := stop(); err != nil {
			t.Error(err)
		}
		lit("at the end", false, false)
		if !p.Tells() {
			t.Error("lights tell nobody")
		}
	})
}

var errWire = errors.New("the wire is off")

func TestLightsThatFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		left, right := sim.New(), sim.New()
		var log bytes.Buffer
		p, stop := start(t, prompt.Lights{Left: left, Right: right}, slog.New(slog.NewTextHandler(&log, nil)))
		left.Fail(errWire)
		for range 20 {
			p.Show(challenge.Right)
			synctest.Wait()
		}
		if !right.Active() || bytes.Count(log.Bytes(), []byte("errors")) > 0 || bytes.Count(log.Bytes(), []byte("level=WARN")) != 1 {
			t.Errorf("right %v:\n%s", right.Active(), &log)
		}
		left.Fail(nil)
		p.Show(challenge.Left)
		synctest.Wait()
		if !left.Active() || right.Active() {
			t.Error("mended lights stay as they were")
		}
		right.Fail(errWire)
		if err := stop(); !errors.Is(err, errWire) {
			t.Errorf("ended with %v", err)
		}
		if _, err := prompt.New(prompt.Lights{Left: left, Right: right}, quiet()); !errors.Is(err, errWire) {
			t.Errorf("began with %v", err)
		}
	})
}

// A stuck line holds its Set until it is let go.
type stuck struct {
	gpio.Line
	free chan struct{}
}

func (s stuck) Set(active bool) error {
	if active {
		<-s.free
	}
	return s.Line.Set(active)
}

// TestShowNeverWaits asks as the camera does while a line does not answer and a follower does not read.
func TestShowNeverWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		free := make(chan struct{})
		p, stop := start(t, prompt.Lights{Left: stuck{sim.New(), free}, Right: sim.New()}, quiet())
		before := time.Now()
		for range 1000 {
			p.Show(challenge.Left)
			p.Show(challenge.Right)
		}
		if time.Since(before) != 0 {
			t.Errorf("it waited for %v", time.Since(before))
		}
		close(free)
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestFollowers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, stop := start(t, prompt.Lights{}, quiet())
		if p.Tells() {
			t.Error("without lights and followers somebody is told")
		}
		ctx, cancel := context.WithCancel(t.Context())
		var mu sync.Mutex
		heard := map[int][]challenge.Direction{}
		var all sync.WaitGroup
		for i := range 4 {
			all.Go(func() {
				p.Follow(ctx, func(d challenge.Direction) {
					mu.Lock()
					defer mu.Unlock()
					heard[i] = append(heard[i], d)
				})
			})
		}
		synctest.Wait()
		if err := p.Follow(t.Context(), nil); !errors.Is(err, prompt.ErrFollowers) || !p.Tells() {
			t.Errorf("a fifth one: %v", err)
		}
		said := []challenge.Direction{challenge.Ahead, challenge.Left, challenge.Left, challenge.None}
		for _, d := range said {
			p.Show(d)
			synctest.Wait()
		}
		cancel()
		all.Wait()
		for i, got := range heard {
			if len(got) != 3 || got[0] != challenge.Ahead || got[1] != challenge.Left || got[2] != challenge.None {
				t.Errorf("%d heard %v", i, got)
			}
		}
		if p.Tells() {
			t.Error("those who left are still told")
		}
		stop()
	})
}

// TestEverybodyAtOnce is for the race detector.
func TestEverybodyAtOnce(t *testing.T) {
	left, right := sim.New(), sim.New()
	p, stop := start(t, prompt.Lights{Left: left, Right: right}, quiet())
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() { p.Follow(ctx, func(challenge.Direction) {}) })
	}
	for i := range 2000 {
		p.Show(challenge.Direction(i % 4))
		p.Tells()
	}
	cancel()
	all.Wait()
	if err := stop(); err != nil {
		t.Error(err)
	}
	if left.Active() || right.Active() {
		t.Error("a light is lit after the end")
	}
}
