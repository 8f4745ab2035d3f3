package camera

import (
	"context"
	"errors"
	"sync"

	"facegate/cmd/facegate/internal/status"
	"facegate/configs/hint"
	"facegate/device"
	"facegate/pipeline"
	"facegate/pipeline/quality"
)

// ErrAiming says that somebody watches already what the camera sees.
var ErrAiming = errors.New("somebody is aiming the camera already")

// An aiming is a technician who watches what the camera sees, as nobody can at other times: whoever could ask what each frame
// comes to could count everybody who passes.
type aiming struct {
	mu    sync.Mutex // guards what follows
	views chan status.View
	pace  pace
}

// Aim calls view, from the calling goroutine, for what the newest frames show, until ctx is done. First it calls note, and
// shows nothing if that fails.
func (c *Camera) Aim(ctx context.Context, note func() error, view func(status.View)) error {
	views := make(chan status.View, 1)
	if err := c.aiming.begin(views); err != nil {
		return err
	}
	defer c.aiming.end()
	if err := note(); err != nil {
		return err
	}
	for {
		select {
		case v := <-views:
			view(v)
		case <-ctx.Done():
			return nil
		}
	}
}

func (a *aiming) begin(views chan status.View) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.views != nil {
		return hint.Wrap(ErrAiming, "wait for it to end, or stop it with Ctrl-C where it was started")
	}
	a.views, a.pace = views, pace{}
	return nil
}

func (a *aiming) end() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.views = nil
}

// on reports whether somebody aims.
func (a *aiming) on() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.views != nil
}

// tell shows what the frame f has come to, and replaces the view that was not read yet: only the newest counts.
func (a *aiming) tell(p Passage, f device.Frame, against Parts) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.views == nil {
		return
	}
	select {
	case <-a.views:
	default:
	}
	v := viewOf(p)
	v.Figures = status.Figures{
		Rate: round(a.pace.next(f), 10), RateWanted: against.FPS, Face: sightOf(p.Report.Sight, against.Settings),
	}
	a.views <- v
}

// viewOf says what is wrong with a picture, and nothing of who is in it: a good face is a good face, whoever's it is.
func viewOf(p Passage) status.View {
	r := p.Report
	if r.Sight.Seen() && r.State != pipeline.Asked {
		r.Reason = r.Sight.Reason // which does not depend on what was decided
	}
	switch {
	case p.Blind != Sees:
		return status.View{Sees: p.Blind.String(), Advice: advice(r, p.Blind)}
	case r.Reason != quality.OK: // of any face, whoever's it is
		return status.View{Sees: r.Reason.String(), Advice: r.Reason.Advice()}
	case r.State == pipeline.Nobody, r.State == pipeline.Resting:
		return status.View{Sees: r.State.String(), Advice: advice(r, Sees)}
	}
	if r.State == pipeline.Asked {
		return status.View{Sees: "a face that is asked to turn", Advice: r.Asks.String()}
	}
	return status.View{Sees: "a face, near and clear enough"}
}
