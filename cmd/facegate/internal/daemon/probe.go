package daemon

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"time"

	"facegate/configs"
	"facegate/configs/hint"
	"facegate/device"
	"facegate/device/probe"
)

// probeTime is how long a camera is tested: long enough for one to begin, and for a frozen one to be known.
const probeTime = 5 * time.Second

// TestCamera implements control.Running. What the camera sends is measured beside the gate's own work, of which nothing changes. How
// bright it is may tell whether somebody stands there, so that this is bounded and noted as an aiming is.
func (r running) TestCamera(ctx context.Context) (probe.Verdict, error) {
	d := r.d
	if why := d.whyBlind(); why != nil {
		return probe.Verdict{}, why
	}
	if err := d.noteAiming(time.Now(), d.store.Log().Aimed, r.by); err != nil {
		return probe.Verdict{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	p := probe.New(d.source.String())
	if err := d.capture.Measure(ctx, p); err != nil {
		return probe.Verdict{}, err
	}
	if s := d.capture.Status(); s.State == device.Lost {
		p.Fail(hint.Wrap(errors.New(s.Error), "%s", s.Hint))
	}
	return probe.Judge(p.Report(), wanted(d.config.Camera)), nil
}

// ProbeCamera tests the camera of a gate that does not run.
func ProbeCamera(ctx context.Context, c configs.Camera, stdin io.Reader, log *slog.Logger) (probe.Verdict, error) {
	src, err := openSource(c, stdin, log)
	if err != nil {
		return probe.Verdict{}, err
	}
	p := probe.New(src.String())
	if t, ok := src.(device.Teller); ok {
		t.Tell(p.Refuse)
	}
	short, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	if err := src.Stream(short, p.See); err != nil && !errors.Is(err, device.ErrEnd) {
		p.Fail(err)
	}
	return probe.Judge(p.Report(), wanted(c)), ctx.Err()
}

// wanted is what a configuration asks of its camera.
func wanted(c configs.Camera) probe.Wanted {
	w := probe.Wanted{FPS: c.FPS}
	if c.Source == configs.V4L2 {
		w.Width, w.Height = c.Width, c.Height
	}
	return w
}
