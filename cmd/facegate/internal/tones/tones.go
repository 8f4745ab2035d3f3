// Package tones says with the buzzer and the lights of a door what its screen says: that the door is open, that something else is
// to be shown, or that another way in is to be used.
//
// The lines are the door's, which sounds an alarm with them and shows whether it is locked. So what the door wants of a line comes
// first. A tone sounds on the buzzer where the door leaves it silent, and is short and has gaps, where an alarm is one sound
// without an end. A blink is a moment in which a light is dark that the door lights. Nothing is ever lit that the door leaves
// dark, and nothing is dark while the door has both lit: that is its alarm.
package tones

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"facegate/cmd/facegate/internal/guide"
	"facegate/gpio"
	"facegate/gpio/door"
)

// pause is between two cues, so that nobody takes them for one.
const pause = 300 * time.Millisecond

// pattern is how long the tones of a cue are and the gaps between them, in turn. The longest is that of an open door. None is
// as long as a second, so that nobody takes one for the alarm.
func pattern(c guide.Cue) []time.Duration {
	const short, long, gap = 80 * time.Millisecond, 400 * time.Millisecond, 120 * time.Millisecond
	switch c {
	case guide.Welcome:
		return []time.Duration{long}
	case guide.More:
		return []time.Duration{short, gap, short}
	case guide.Refused:
		return []time.Duration{short, gap, short, gap, short, gap, short}
	}
	return nil
}

// A Tones is the task. Its methods may be called from several goroutines.
type Tones struct {
	log   *slog.Logger
	cues  chan guide.Cue // holds the newest only
	ready chan struct{}

	mu                 sync.Mutex // guards what follows
	red, green, buzzer *line      // nil for none
	on                 bool       // a tone is under way
}

// New returns a Tones between a door and its lines, and the signals that the door is to drive instead of them. The lines stay
// whoever's they are: closing a signal closes the line.
func New(s door.Signals, log *slog.Logger) (*Tones, door.Signals) {
	t := &Tones{log: log, cues: make(chan guide.Cue, 1), ready: make(chan struct{})}
	between := func(at **line, l gpio.Line) gpio.Line {
		if l == nil {
			return nil
		}
		*at = &line{Line: l, tones: t}
		return *at
	}
	return t, door.Signals{
		Red: between(&t.red, s.Red), Green: between(&t.green, s.Green), Buzzer: between(&t.buzzer, s.Buzzer),
	}
}

// A line is one of the door's, as the door knows it.
type line struct {
	gpio.Line
	tones  *Tones
	wanted bool // by the door
	driven bool // as the line was last driven
	broken bool // it could not be, and that was told
}

// Set implements gpio.Line: it is what the door wants, and ends a tone that is in the way.
func (l *line) Set(active bool) error {
	t := l.tones
	t.mu.Lock()
	defer t.mu.Unlock()
	l.wanted = active
	err := l.drive(t.level(l))
	t.settle()
	return err
}

// drive drives the line. t.mu must be held.
func (l *line) drive(active bool) error {
	l.driven = active
	return l.Line.Set(active)
}

// lines are those that are there. t.mu must be held.
func (t *Tones) lines() (all []*line) {
	for _, l := range []*line{t.red, t.green, t.buzzer} {
		if l != nil {
			all = append(all, l)
		}
	}
	return all
}

// alarm reports whether the door has an alarm sound or show. t.mu must be held.
func (t *Tones) alarm() bool {
	wants := func(l *line) bool { return l != nil && l.wanted }
	return wants(t.buzzer) || wants(t.red) && wants(t.green)
}

// level is how a line is to be now. t.mu must be held.
func (t *Tones) level(l *line) bool {
	if !t.on || t.alarm() {
		return l.wanted
	}
	return l == t.buzzer
}

// settle drives what is not as it is to be. A line that fails is told of once: the door finds out when it drives it. t.mu must be
// held.
func (t *Tones) settle() {
	for _, l := range t.lines() {
		level := t.level(l)
		if level == l.driven {
			continue
		}
		err := l.drive(level)
		if err != nil && !l.broken {
			t.log.Warn("a line of the door cannot sound or blink", "line", l.String(), "error", err, "hint", "check the wiring of "+l.String())
		}
		l.broken = err != nil
	}
}

func (t *Tones) String() string { return "tones" }

// Ready is closed when cues are heard.
func (t *Tones) Ready() <-chan struct{} { return t.ready }

// Play has a cue heard. It waits for nothing: one that was not begun yet is replaced. It is to be called from one goroutine at a
// time.
func (t *Tones) Play(c guide.Cue) {
	if pattern(c) == nil {
		return
	}
	select {
	case <-t.cues:
	default:
	}
	t.cues <- c
}

// Run has cues heard until ctx is cancelled, one after the other.
func (t *Tones) Run(ctx context.Context) error {
	close(t.ready)
	for {
		select {
		case <-ctx.Done():
			return nil
		case c := <-t.cues:
			t.play(ctx, c)
		}
	}
}

// play has one cue heard, and a pause after it.
func (t *Tones) play(ctx context.Context, c guide.Cue) {
	defer t.sound(false)
	for i, d := range append(pattern(c), pause) {
		t.sound(i%2 == 0)
		select {
		case <-ctx.Done():
			return
		case <-time.After(d):
		}
	}
}

// sound begins and ends one tone.
func (t *Tones) sound(on bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.on = on
	t.settle()
}
