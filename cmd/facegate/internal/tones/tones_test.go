package tones_test

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
	"pgregory.net/rapid"

	"facegate/cmd/facegate/internal/guide"
	"facegate/cmd/facegate/internal/tones"
	"facegate/gpio"
	"facegate/gpio/door"
	"facegate/gpio/linetest"
	"facegate/gpio/sim"
)

// A bench is a set of lines with tones before them.
type bench struct {
	*tones.Tones
	red, green, buzzer *sim.Line
	door               door.Signals // as the door drives them
	log                bytes.Buffer
	start              time.Time
	stop               func()
}

func start(t *testing.T) *bench {
	t.Helper()
	b := &bench{red: sim.New(), green: sim.New(), buzzer: sim.New(), start: time.Now()}
	b.Tones, b.door = tones.New(door.Signals{Red: b.red, Green: b.green, Buzzer: b.buzzer}, slog.New(slog.NewTextHandler(&b.log, nil)))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- b.Run(ctx) }()
	b.stop = func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	<-b.Ready()
	b.set(t, b.door.Red, true) // a locked door
	return b
}

func (b *bench) set(t *testing.T, l gpio.Line, active bool) {
	t.Helper()
	if err := l.Set(active); err != nil {
		t.Error(err)
	}
}

// edges are when a line changed, in milliseconds.
func (b *bench) edges(l *sim.Line) (at []int) {
	for _, e := range l.Edges() {
		at = append(at, int(e.At.Sub(b.start).Milliseconds()))
	}
	return at
}

func (b *bench) want(t *testing.T, l *sim.Line, at ...int) {
	t.Helper()
	if diff := cmp.Diff(at, b.edges(l)); diff != "" {
		t.Errorf("edges in ms (-want +got):\n%s", diff)
	}
}

func TestCuesDiffer(t *testing.T) {
	for cue, want := range map[guide.Cue][]int{
		guide.Silence: nil,
		guide.Welcome: {0, 400},
		guide.More:    {0, 80, 200, 280},
		guide.Refused: {0, 80, 200, 280, 400, 480, 600, 680},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := start(t)
			b.Play(cue)
			time.Sleep(10 * time.Second)
			b.want(t, b.buzzer, want...)
			b.want(t, b.red, append([]int{0}, want...)...) // the light of the locked door blinks with it
			b.want(t, b.green)
			if !b.red.Active() || b.buzzer.Active() {
				t.Errorf("%v: at the end the lines are not as the door wants them", cue)
			}
			b.stop()
		})
	}
}

// TestAlarmWins holds that an alarm is heard and seen as if there were no tones, whenever it begins.
func TestAlarmWins(t *testing.T) {
	for _, begins := range []time.Duration{0, 40, 100, 220, 500, 650, 700} {
		synctest.Test(t, func(t *testing.T) {
			b := start(t)
			b.Play(guide.Refused)
			time.Sleep(begins * time.Millisecond)
			synctest.Wait()
			b.set(t, b.door.Green, true) // with the red one: an alarm
			b.set(t, b.door.Buzzer, true)
			since := time.Now()
			b.Play(guide.Welcome)
			time.Sleep(10 * time.Second)
			for name, l := range map[string]*sim.Line{"red": b.red, "green": b.green, "buzzer": b.buzzer} {
				if last := l.Edges()[len(l.Edges())-1]; !l.Active() || last.At.After(since) {
					t.Errorf("an alarm after %vms: %s changed %v after it", int(begins), name, last.At.Sub(since))
				}
			}
			b.set(t, b.door.Buzzer, false)
			if b.buzzer.Active() {
				t.Error("the buzzer sounds after the alarm")
			}
			b.stop()
		})
	}
}

// TestStopIsSilent ends in the middle of a tone.
func TestStopIsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t)
		b.Play(guide.Welcome)
		time.Sleep(100 * time.Millisecond)
		if !b.buzzer.Active() {
			t.Error("no tone")
		}
		b.stop()
		if b.buzzer.Active() || !b.red.Active() {
			t.Error("the lines are not as the door wants them")
		}
	})
}

// TestNewestCueIsHeard holds that cues do not queue up.
func TestNewestCueIsHeard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t)
		b.Play(guide.More)
		synctest.Wait()
		for range 50 {
			b.Play(guide.Refused)
		}
		b.Play(guide.Welcome)
		time.Sleep(10 * time.Second)
		b.want(t, b.buzzer, 0, 80, 200, 280, 580, 980)
		b.stop()
	})
}

// TestBrokenLine is told of once, and to the door as soon as it drives the line.
func TestBrokenLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t)
		broken := errors.New("input/output error")
		b.buzzer.Fail(broken)
		for range 3 {
			b.Play(guide.Refused)
			time.Sleep(5 * time.Second)
		}
		if n := strings.Count(b.log.String(), "cannot sound or blink"); n != 1 {
			t.Errorf("told %d times:\n%s", n, b.log.String())
		}
		if err := b.door.Buzzer.Set(true); !errors.Is(err, broken) {
			t.Errorf("the door is told %v", err)
		}
		b.buzzer.Fail(nil)
		b.set(t, b.door.Buzzer, true)
		if !b.buzzer.Active() {
			t.Error("the alarm does not sound once the line works again")
		}
		b.stop()
	})
}

// TestMissingLines leaves what is not wired not wired.
func TestMissingLines(t *testing.T) {
	buzzer := sim.New()
	tt, signals := tones.New(door.Signals{Buzzer: buzzer}, slog.New(slog.DiscardHandler))
	if signals.Red != nil || signals.Green != nil || signals.Buzzer == nil {
		t.Errorf("%+v", signals)
	}
	tt.Play(guide.Silence)
	if err := signals.Buzzer.Close(); err != nil || !errors.Is(signals.Buzzer.Set(true), gpio.ErrClosed) {
		t.Error("closing the signal does not close the line")
	}
}

// TestLineContract holds a line behind the tones to what every line promises.
func TestLineContract(t *testing.T) {
	linetest.Run(t, func(t *testing.T) (gpio.Line, linetest.Probe) {
		buzzer := sim.New()
		_, signals := tones.New(door.Signals{Buzzer: buzzer}, slog.New(slog.DiscardHandler))
		return signals.Buzzer, func() (bool, bool) { return buzzer.Active(), true }
	})
}

// TestNothingIsLitThatTheDoorLeavesDark draws what doors want while tones play. No light is lit that the door leaves dark, both
// are lit through an alarm, and the buzzer is never silent while the door wants it.
func TestNothingIsLitThatTheDoorLeavesDark(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		synctest.Test(t, func(t *testing.T) {
			b := start(t)
			red, green, buzzer := true, false, false
			for range rapid.IntRange(1, 30).Draw(rt, "steps") {
				switch rapid.IntRange(0, 4).Draw(rt, "what") {
				case 0:
					red = rapid.Bool().Draw(rt, "red")
					b.set(t, b.door.Red, red)
				case 1:
					green = rapid.Bool().Draw(rt, "green")
					b.set(t, b.door.Green, green)
				case 2:
					buzzer = rapid.Bool().Draw(rt, "buzzer")
					b.set(t, b.door.Buzzer, buzzer)
				case 3:
					b.Play(guide.Cue(rapid.IntRange(0, 3).Draw(rt, "cue")))
				case 4:
					time.Sleep(time.Duration(rapid.IntRange(1, 300).Draw(rt, "ms")) * time.Millisecond)
				}
				synctest.Wait()
				alarm := buzzer || red && green
				switch {
				case b.red.Active() && !red, b.green.Active() && !green:
					t.Fatal("a light is lit that the door leaves dark")
				case alarm && (b.red.Active() != red || b.green.Active() != green || b.buzzer.Active() != buzzer):
					t.Fatal("an alarm is not as the door has it")
				}
			}
			b.stop()
		})
	})
}
