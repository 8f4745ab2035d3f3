package main

import (
	"context"
	"errors"
	"log/slog"
	"text/tabwriter"

	"facegate/cmd/facegate/internal/control"
	"facegate/cmd/facegate/internal/daemon"
	"facegate/configs/show"
	"facegate/device/probe"
)

type cameraTestCommand struct {
	gateFlags
	jsonFlag
}

// Run fails if something is wrong with the camera.
func (c *cameraTestCommand) Run(ctx context.Context, t terminal) error {
	v, err := c.test(ctx, t)
	if err != nil {
		return err
	}
	if err := c.print(t, v, func(w *tabwriter.Writer) { writeProbe(w, v) }); err != nil {
		return err
	}
	if len(v.Findings) > 0 {
		return exit{code: exitFailed}
	}
	return nil
}

// test asks the gate, which has the camera while it runs.
func (c *cameraTestCommand) test(ctx context.Context, t terminal) (probe.Verdict, error) {
	g, err := c.target(defaultConfig)
	if err != nil {
		return probe.Verdict{}, err
	}
	client, err := g.client(ctx)
	switch {
	case err == nil:
		return client.TestCamera(ctx)
	case errors.Is(err, control.ErrNotRunning) && g.config != nil:
		return daemon.ProbeCamera(ctx, g.config.Camera, t.in, newLog(t.err, slog.LevelWarn))
	}
	return probe.Verdict{}, err
}

func writeProbe(w *tabwriter.Writer, v probe.Verdict) {
	row := func(name, format string, args ...any) {
		show.Fprintf(w, "%s\t%s\n", name, show.Sprintf(format, args...))
	}
	row("source", "%s", v.Source)
	if v.Frames > 0 {
		row("picture", "%dx%d, %s, mean grey value %.0f of 255", v.Width, v.Height, v.Format, v.Grey)
		row("rate", "%.1f frames a second, %d wanted; longest gap %.1f s", v.Rate, v.Wanted.FPS, v.Gap)
		row("frames", "%d good, %d damaged, %d not usable for other reasons, %d the same as the one before",
			v.Frames, v.Damaged, v.Refused-v.Damaged, v.Identical)
	}
	if len(v.Findings) == 0 {
		show.Fprintln(w, "nothing is wrong with the camera")
	}
	for _, f := range v.Findings {
		show.Fprintf(w, "%s\n  to do: %s\n", f.Says, f.Todo)
	}
}
