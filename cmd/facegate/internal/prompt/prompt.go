// Package prompt is the task that shows somebody where to look: by two lights at the camera, and to screens and voices that
// follow it. It knows a direction, and neither faces nor people.
package prompt

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"facegate/configs/hint"
	"facegate/gpio"
	"facegate/pipeline/challenge"
)

// ErrFollowers says that no more can follow.
var ErrFollowers = errors.New("too many follow already what is asked at the camera")

const (
	// stale is how long a direction is shown without being asked for again. The camera asks with every frame.
	stale = time.Second

	maxFollowers = 4
)

// Lights are the lines of two lights, left and right of the camera as the person sees them. Both are lit for looking ahead. A nil
// line is no light.
type Lights struct{ Left, Right gpio.Line }

func (l Lights) String() string { return fmt.Sprintf("%v and %v", l.Left, l.Right) }

// there reports whether there are lights.
func (l Lights) there() bool { return l.Left != nil && l.Right != nil }

// light lights what says d. If a line fails, both are tried.
func (l Lights) light(d challenge.Direction) error {
	if !l.there() {
		return nil
	}
	return errors.Join(
		l.Left.Set(d == challenge.Left || d == challenge.Ahead),
		l.Right.Set(d == challenge.Right || d == challenge.Ahead))
}

// A Prompt is the task. Its methods may be called from several goroutines.
type Prompt struct {
	lights Lights
	log    *slog.Logger
	ready  chan struct{}
	wanted chan challenge.Direction // holds the newest only

	mu        sync.Mutex // guards what follows
	followers map[chan challenge.Direction]struct{}
}

// New returns a Prompt whose lights are dark. They stay the caller's to close, after Run has returned.
func New(l Lights, log *slog.Logger) (*Prompt, error) {
	if err := l.light(challenge.None); err != nil {
		return nil, hint.Wrap(fmt.Errorf("darken the lights at the camera: %w", err),
			"check the wiring of %v, and that no other program uses them", l)
	}
	return &Prompt{
		lights: l, log: log, ready: make(chan struct{}), wanted: make(chan challenge.Direction, 1),
		followers: map[chan challenge.Direction]struct{}{},
	}, nil
}

func (p *Prompt) String() string { return "prompt" }

// Ready is closed when directions are shown.
func (p *Prompt) Ready() <-chan struct{} { return p.ready }

// Show shows a direction, for a second unless it is called again. It waits for nothing: one that was not shown yet is replaced.
// It is to be called from one goroutine.
func (p *Prompt) Show(d challenge.Direction) { replace(p.wanted, d) }

// replace puts d into a channel that holds one, in the place of what was not taken yet.
func replace(c chan challenge.Direction, d challenge.Direction) {
	select {
	case <-c:
	default:
	}
	select {
	case c <- d:
	default: // somebody else has just put the newest there
	}
}

// Tells reports whether anybody can be told where to look: there are lights, or somebody follows.
func (p *Prompt) Tells() bool {
	if p.lights.there() {
		return true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.followers) > 0
}

// Run shows directions until ctx is cancelled, and then darkens the lights. Lights that fail do not end it: a door without
// lights has other ways in.
func (p *Prompt) Run(ctx context.Context) error {
	close(p.ready)
	defer p.tell(challenge.None)
	shown, lit := challenge.None, true
	quiet := time.NewTimer(stale)
	defer quiet.Stop()
	for {
		next := challenge.None
		select {
		case <-ctx.Done():
			return p.lights.light(challenge.None)
		case next = <-p.wanted:
			quiet.Reset(stale)
		case <-quiet.C:
		}
		if next == shown && lit {
			continue
		}
		if next != shown {
			p.tell(next)
		}
		lit = p.show(next, lit)
		shown = next
	}
}

// show lights the lights, and reports whether they are lit so. was says whether they were before: trouble is told once.
func (p *Prompt) show(d challenge.Direction, was bool) bool {
	err := p.lights.light(d)
	if err != nil && was {
		p.log.Warn("the lights at the camera cannot be switched", "error", err,
			"hint", "check the wiring of "+p.lights.String())
	}
	return err == nil
}

// tell tells the followers.
func (p *Prompt) tell(d challenge.Direction) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for f := range p.followers {
		replace(f, d)
	}
}

// Follow calls show, from the calling goroutine, for each direction that is asked from now on, None among them, until ctx is
// done. Of those that come too fast it is the newest. A slow show makes nobody else wait.
func (p *Prompt) Follow(ctx context.Context, show func(challenge.Direction)) error {
	c := make(chan challenge.Direction, 1)
	if err := p.join(c); err != nil {
		return err
	}
	defer p.leave(c)
	for {
		select {
		case d := <-c:
			show(d)
		case <-ctx.Done():
			return nil
		}
	}
}

func (p *Prompt) join(c chan challenge.Direction) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.followers) >= maxFollowers {
		return hint.Wrap(ErrFollowers, "end one of the %d programs that follow it", maxFollowers)
	}
	p.followers[c] = struct{}{}
	return nil
}

func (p *Prompt) leave(c chan challenge.Direction) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.followers, c)
}
