package main

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"facegate/device"
	"facegate/device/replay"
	"facegate/gpio"
	"facegate/gpio/door"
	"facegate/gpio/sim"
	"facegate/pipeline"
	"facegate/pipeline/vision"
)

// BenchmarkExitButton measures the time from the exit button to the relay, with nothing else to do and with frames that are looked
// at as fast as the machine can: in one loop, as in a gate, and in one for each processor. Each operation is one press, so that
// -benchtime 2000x makes a 99th percentile of 2,000. On the lines of a board in a folder, the time is from the write of the pin.
func BenchmarkExitButton(b *testing.B) {
	for _, load := range []int{0, 1, runtime.GOMAXPROCS(0)} {
		for name, wire := range map[string]func(*testing.B) exitWiring{"memory": wireMemory, "board": wireBoard} {
			b.Run(fmt.Sprintf("loops=%d/%s", load, name), func(b *testing.B) {
				stop := frameLoops(b, load)
				defer stop()
				pressExit(b, wire(b))
			})
		}
	}
}

// An exitWiring are the lines of a door with an exit button.
type exitWiring struct {
	relay gpio.Line
	exit  gpio.Input
	press func(bool)
}

func wireMemory(*testing.B) exitWiring {
	exit := sim.NewInput()
	return exitWiring{sim.New(), exit, exit.Set}
}

func wireBoard(b *testing.B) exitWiring {
	dir := b.TempDir()
	for _, name := range []string{"relay", "exit"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("0"), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	board := sim.Board(dir)
	relay, err := board.Open(sim.Wire{Name: "relay"})
	if err != nil {
		b.Fatal(err)
	}
	exit, err := board.OpenInput(sim.Wire{Name: "exit"})
	if err != nil {
		b.Fatal(err)
	}
	return exitWiring{relay, exit, func(on bool) {
		if err := board.Drive("exit", on); err != nil {
			b.Error(err)
		}
	}}
}

// moving is a line that says when it becomes active.
type moving struct {
	gpio.Line
	at chan time.Time
}

func (m moving) Set(active bool) error {
	err := m.Line.Set(active)
	if active {
		m.at <- time.Now()
	}
	return err
}

// pressExit presses the exit button once an operation, at moments that have nothing to do with the load.
func pressExit(b *testing.B, w exitWiring) {
	relay := moving{w.relay, make(chan time.Time, 1)}
	c, err := door.New(door.Parts{
		Relay: relay, Inputs: door.Inputs{Exit: w.exit}, Log: slog.New(slog.DiscardHandler),
		Settings: door.Settings{Kind: door.Strike, Fail: door.Secure, Pulse: 50 * time.Millisecond, MaxOpen: time.Second},
	})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	defer func() { cancel(); <-ended }()
	<-c.Ready()
	time.Sleep(100 * time.Millisecond) // the level before the first press is read
	var times []time.Duration
	for b.Loop() {
		time.Sleep(time.Duration(rand.Int64N(int64(30 * time.Millisecond))))
		pressed := time.Now()
		w.press(true)
		times = append(times, (<-relay.at).Sub(pressed))
		w.press(false)
		for s := c.Status(); s.State != gpio.Locked || s.Lines[1].Active; s = c.Status() { // the button's line is the second
			time.Sleep(time.Millisecond)
		}
	}
	slices.Sort(times)
	for _, q := range []int{50, 99, 100} {
		b.ReportMetric(ms(times[(len(times)-1)*q/100]), fmt.Sprintf("p%d-ms", q))
	}
}

// frameLoops looks at frames in so many loops until stop is called. Each takes the whole way of a frame, among 10,000 people.
func frameLoops(b *testing.B, loops int) (stop func()) {
	if loops == 0 {
		return func() {}
	}
	engines, frames := benchEngines(b, "registry"), benchFrames(b)
	people := newCrowd(b, engines[0].Dim(), 10_000)
	ctx, cancel := context.WithCancel(b.Context())
	var running sync.WaitGroup
	for _, eyes := range engines[:loops] {
		running.Go(func() { look(ctx, b, eyes, frames, people) })
	}
	return func() { cancel(); running.Wait() }
}

func look(ctx context.Context, b *testing.B, eyes *vision.Engine, frames [][]byte, people crowd) {
	line, now := pipeline.New(benchSettings(), eyes), time.Unix(0, 0)
	for i := 0; ctx.Err() == nil; i++ {
		now = now.Add(time.Second / 15)
		frame := device.Frame{Format: device.JPEG, Data: frames[i%len(frames)], Time: now}
		if _, err := line.Identify(frame, people); err != nil {
			b.Error(err)
			return
		}
	}
}

// benchFrames are of somebody who stands before the door.
func benchFrames(b *testing.B) [][]byte {
	frames, err := replay.Load("../../testdata/walk/p01")
	if err != nil {
		b.Fatal(err)
	}
	return thereAndBack(frames[46:80])
}
