package main

import (
	"context"
	"encoding/json"
	"time"

	"facegate/cmd/facegate/internal/status"
	"facegate/configs/show"
)

type cameraPromptCommand struct {
	gateFlags
	jsonFlag
}

// Run follows for as long as it is let. The gate ends each following after some minutes, and when it is stopped.
func (c *cameraPromptCommand) Run(ctx context.Context, t terminal) error {
	g, err := c.running(ctx)
	if err != nil {
		return err
	}
	for ctx.Err() == nil {
		began := time.Now()
		err := g.Prompt(ctx, func(p status.Prompt) { c.show(t, p) })
		if ctx.Err() != nil {
			return nil
		}
		if err != nil || time.Since(began) < time.Second {
			return err
		}
	}
	return nil
}

// show prints where to look, and an empty line when nobody is asked any more.
func (c *cameraPromptCommand) show(t terminal, p status.Prompt) {
	if c.JSON {
		json.NewEncoder(t.out).Encode(p)
		return
	}
	show.Fprintln(t.out, p.Say)
}
