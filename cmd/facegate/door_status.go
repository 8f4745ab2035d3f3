package main

import (
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"facegate/cmd/facegate/internal/doortrial"
	"facegate/cmd/facegate/internal/status"
	"facegate/configs/show"
	"facegate/gpio"
)

type doorStatusCommand struct {
	gateFlags
	jsonFlag
}

func (c *doorStatusCommand) Run(ctx context.Context, t terminal) error {
	g, err := c.running(ctx)
	if err != nil {
		return err
	}
	d, err := g.Door(ctx)
	if err != nil {
		return err
	}
	return c.print(t, d, func(w *tabwriter.Writer) { writeDoor(w, d) })
}

// writeDoor says how a door is. What is wrong stands beside what to do.
func writeDoor(w *tabwriter.Writer, d status.Door) {
	row := func(name, format string, args ...any) {
		show.Fprintf(w, "%s\t%s\n", name, show.Sprintf(format, args...))
	}
	row("door", "%s", stateWords(d))
	if d.State == gpio.Fault {
		row("", "%s", show.Plain(d.Err))
		row("", "to do: %s", d.Hint)
	}
	for _, a := range d.Alarms {
		row("alarm", "%s", doortrial.Alarm(a))
		if todo := doortrial.AlarmTodo(a); todo != "" {
			row("", "to do: %s", todo)
		}
	}
	if d.Held != "" {
		row("held", "by %s", d.Held)
	}
	writePlan(row, d.Schedule)
	row("lock", "a %s, %s without the gate, unlocked for %v at a time", d.Kind, failWords(d.Fail), d.Pulse)
	for _, l := range d.Lines {
		row(doortrial.Name(l.Role), "%s, on %s", doortrial.Level(l.Role, l.Active), l.Line)
		if l.Err != "" {
			row("", "%s", show.Plain(l.Err))
			row("", "to do: %s", l.Hint)
		}
	}
	row("opened", "%d times since the start", d.Pulses)
}

// writePlan says what the schedule of a door says.
func writePlan(row func(name, format string, args ...any), p *status.DoorPlan) {
	if p == nil {
		return
	}
	words := map[string]string{"open": "open to everybody", "shut": "shut to all", "": "neither open to everybody nor shut to all"}[p.Says]
	if !p.Next.IsZero() {
		words += ", until " + p.Next.Format("Mon 2006-01-02 15:04 MST")
	}
	row("schedule", "%s", words)
	if p.Waits {
		row("", "it is not followed, because the clock is not known to be right")
		row("", "to do: see facegate clock")
	}
}

// stateWords says whether the door is locked and, if it is not, why and for how long.
func stateWords(d status.Door) string {
	if d.State != gpio.Unlocked {
		return string(d.State)
	}
	words := "unlocked: " + doortrial.Cause(d.Why)
	if d.LeftS > 0 {
		words += fmt.Sprintf(", for %v at most", time.Duration(d.LeftS)*time.Second)
	}
	return words
}

func failWords(f gpio.Fail) string {
	if f == gpio.Safe {
		return "free"
	}
	return "locked"
}
