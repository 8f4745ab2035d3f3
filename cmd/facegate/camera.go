package main

import (
	"context"
	"encoding/json"
	"time"

	"facegate/cmd/facegate/internal/status"
	"facegate/configs/show"
)

type cameraCommand struct {
	List      cameraListCommand      `cmd:"" help:"List the cameras of this machine: names, formats, sizes, rates, and which nodes cannot be used and why. It needs no gate."`
	Test      cameraTestCommand      `cmd:"" help:"Measure for five seconds what the camera sends, and say what is wrong; it writes no picture. A running gate is asked: then it is noted with your name, and bounded as aiming is."`
	Aim       cameraAimCommand       `cmd:"" help:"Show for two minutes what is before the camera and what is wrong with the picture, to mount it. It is noted with your name, and bounded: ten times an hour."`
	Prompt    cameraPromptCommand    `cmd:"" help:"Tell where whoever is asked to turn the head is to look, line by line until Ctrl-C, for a screen or a voice at the camera. It is noted in the log of the service."`
	Calibrate cameraCalibrateCommand `cmd:"" help:"Measure camera and light for a minute, say what is wrong and what to move, and propose limits for this place. Nobody is let in by face meanwhile. It is noted with your name, and bounded as aiming is."`
}

type cameraAimCommand struct {
	For time.Duration `default:"2m" placeholder:"TIME" help:"End it sooner than after two minutes."`
	gateFlags
	jsonFlag
}

func (c *cameraAimCommand) Run(ctx context.Context, t terminal) error {
	g, err := c.running(ctx)
	if err != nil {
		return err
	}
	short, cancel := context.WithTimeout(ctx, c.For)
	defer cancel()
	var last status.View
	err = g.Aim(short, func(v status.View) {
		if v != last {
			c.show(t, v)
		}
		last = v
	})
	if short.Err() != nil { // it was seen for as long as was asked
		return nil
	}
	return err
}

func (c *cameraAimCommand) show(t terminal, v status.View) {
	if c.JSON {
		json.NewEncoder(t.out).Encode(v)
		return
	}
	line := v.Sees
	if v.Advice != "" {
		line += " - " + v.Advice
	}
	show.Fprintln(t.out, line)
}
