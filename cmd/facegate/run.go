package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"facegate/cmd/facegate/internal/crashes"
	"facegate/cmd/facegate/internal/daemon"
	"facegate/cmd/facegate/internal/ended"
	"facegate/cmd/facegate/internal/logsink"
	"facegate/cmd/facegate/internal/memory"
	"facegate/cmd/facegate/internal/signals"
	"facegate/cmd/facegate/internal/update"
	"facegate/configs"
	"facegate/configs/hint"
)

type runCommand struct{ configFlag }

func (c *runCommand) Run(ctx context.Context, t terminal) error {
	return c.serve(ctx, t, daemon.Outside{Stdin: t.in, HandsOver: true})
}

// lastLines is how long the end of a gate waits for whoever reads its log.
const lastLines = time.Second

// serve runs a gate in the world of out until a signal ends it, or a fresh process goes on.
func (c *runCommand) serve(ctx context.Context, t terminal, out daemon.Outside) error {
	var err error
	if out.File, err = filepath.Abs(c.Config); err != nil {
		return err
	}
	next, left, err := c.logged(ctx, t, out)
	if err != nil || left.Socket == nil {
		return err
	}
	return next.handOver(left)
}

// logged is gate, with a log. Neither a log that nobody reads nor one that cannot be written holds a gate up, and the
// complaint that it ends with is a part of that log.
func (c *runCommand) logged(ctx context.Context, t terminal, out daemon.Outside) (next legacy, left daemon.Left, err error) {
	sink := logsink.New(t.err)
	defer sink.Close(lastLines)
	out.LogLost = sink.Lost
	out.Refused = func() string { return update.Refused(t.root()) }
	if next, left, err = c.gate(ctx, sink, out, usualSocket(t)); err != nil {
		err = exit{code: complain(sink, err, codeOf(err), false)}
	}
	return next, left, err
}

// gate runs a gate. If a fresh process is to go on it returns what to leave to it. place is the control socket as long as the
// configuration is not read.
func (c *runCommand) gate(ctx context.Context, sink *logsink.Sink, out daemon.Outside, place string) (next legacy, left daemon.Left, err error) {
	defer func() { note(place, err) }()
	former, err := takeOver()
	if err != nil {
		return next, left, err
	}
	text, err := former.config(c.read)
	if err != nil {
		return next, left, err
	}
	cfg, source, err := configs.Read(c.Config, bytes.NewReader(text))
	if err != nil {
		return next, left, err
	}
	place = cfg.Control.Socket
	log := newLog(sink, cfg.Log.Level)
	ctx, stop := signals.Heed(ctx, log)
	defer stop()
	out.Left, out.Unlocked = former.left(), memory.Lock()
	ends := newEnds(place, former, log)
	out.Begin, out.InService = ends.begin, ends.inService
	defer context.AfterFunc(ctx, ends.asked)()
	defer func() { ends.end(ctx.Err() != nil, err, left) }()
	d, err := open(ctx, cfg, out, log)
	if d == nil {
		return next, left, source.Place(err)
	}
	err = d.Run(ctx)
	if !errors.Is(err, daemon.ErrHandover) {
		return next, left, err
	}
	if ctx.Err() != nil { // a signal came after it was decided: nobody is to go on
		return next, left, d.Release()
	}
	left, err = d.Leave()
	return legacy{Config: text}, left, err
}

// open opens the gate. While its records cannot be opened it runs what is left of the gate without; it returns nil without an
// error if ctx is cancelled meanwhile.
func open(ctx context.Context, cfg *configs.Config, out daemon.Outside, log *slog.Logger) (*daemon.Daemon, error) {
	for {
		d, err := daemon.New(cfg, out, version, log)
		if !daemon.LeavesDoor(err) {
			return d, err
		}
		out.Left.Line, out.Left.Door, out.Left.Hold = nil, nil, nil // it was taken over, and is closed
		r, broken := daemon.NewRemnant(cfg, out, version, err, log)
		if broken != nil {
			return nil, errors.Join(err, broken)
		}
		if err := r.Run(ctx); !errors.Is(err, daemon.ErrMended) {
			return nil, err
		}
		out.Left.Socket = nil // likewise
	}
}

// usualSocket is the control socket of a gate whose configuration cannot be read, and "" where the command looks at another
// machine than this one.
func usualSocket(t terminal) string {
	if t.machine != nil {
		return ""
	}
	return configs.Defaults().Control.Socket
}

// note keeps why the gate ends, for whoever asks for it. That it cannot be kept is no more than that: the log has it. Where
// another gate answers nobody would be told of this one.
func note(socket string, err error) {
	if err != nil && socket != "" && !answers(socket) {
		ended.Note(socket, ended.Failure{At: time.Now(), Error: strings.Join(faults(err), "\n"), ToDo: hint.Of(err)})
	}
}

// noteStop keeps how the service ended where the gate could not say so itself: systemd tells that to the command that it runs
// after every stop (systemd.exec(5)).
func noteStop(socket string) {
	result, how, status := os.Getenv("SERVICE_RESULT"), os.Getenv("EXIT_CODE"), os.Getenv("EXIT_STATUS")
	r, err := crashes.Of(socket)
	panicked := how == "exited" && err == nil && r.Running != nil // otherwise it has told its reason itself
	if result == "" || result == "success" || how == "exited" && !panicked {
		return
	}
	advice := "see what the log says of the time before"
	switch {
	case result == "oom-kill":
		advice = "it took more memory than MemoryMax= of the unit allows: see how many people are enrolled, and what else the log says"
	case result == "watchdog":
		advice = "it did not go on (WatchdogSec=): it was suspended, or hung; the log says so if it was what looks at faces"
	case panicked:
		advice = "the program is at fault: send the log of the time before to whoever maintains it"
	}
	note(socket, hint.Wrap(fmt.Errorf("the system ended the process: %s (%s, %s)", result, how, status), "%s", advice))
}
