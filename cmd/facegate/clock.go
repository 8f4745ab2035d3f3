package main

import (
	"context"
	"fmt"
	"text/tabwriter"

	"facegate/cmd/facegate/internal/people"
	"facegate/configs/show"
)

type clockCommand struct {
	Show    clockShowCommand    `cmd:"" default:"withargs" help:"Say what the clock says, whether it is believed, and what waits for it."`
	Confirm clockConfirmCommand `cmd:"" help:"Say that the date and time of the clock are right, where no time server can. What waits is done then."`
}

type clockShowCommand struct {
	gateFlags
	jsonFlag
}

func (c *clockShowCommand) Run(ctx context.Context, t terminal) error {
	s, err := clockOf(ctx, c.gateFlags, t)
	if err != nil {
		return err
	}
	return c.print(t, s, func(w *tabwriter.Writer) { writeClock(w, s) })
}

func clockOf(ctx context.Context, f gateFlags, t terminal) (people.ClockStatus, error) {
	r, done, err := f.records(ctx, t)
	if err != nil {
		return people.ClockStatus{}, err
	}
	v, err := r.Clock(ctx)
	return v, done(err)
}

// sayDate says a date so that a wrong year, day of the week, hour or zone meets the eye.
const sayDate = "Monday, 2 January 2006, 15:04:05 MST (-0700)"

func writeClock(w *tabwriter.Writer, s people.ClockStatus) {
	row := func(name, text string) { show.Fprintf(w, "%s\t%s\n", name, text) }
	row("the clock says", s.Wall.Local().Format(sayDate))
	row("it is", clockLine(s))
	if !s.Right {
		row("why", s.Reason)
		row("to do", s.Todo)
	}
	if !s.Right && !s.Certain.IsZero() {
		row("it is at least", s.Certain.Local().Format(sayDate))
	}
	if s.Erasures > 0 {
		row("waiting", fmt.Sprintf("%d erasures; nobody of them matches meanwhile", s.Erasures))
	}
	if s.Provisional > 0 {
		row("waiting", fmt.Sprintf("the dates of people who were enrolled while the clock was not known to be right: %d", s.Provisional))
	}
}

// clockLine says whether the clock is believed.
func clockLine(s people.ClockStatus) string {
	switch {
	case s.Synced:
		return "right, by a time server"
	case s.Right:
		return "right"
	}
	return "not known to be right"
}

type clockConfirmCommand struct {
	yesFlag
	gateFlags
	jsonFlag
}

func (c *clockConfirmCommand) Run(ctx context.Context, t terminal) error {
	s, err := clockOf(ctx, c.gateFlags, t)
	if err != nil {
		return err
	}
	if err := c.confirm(ctx, t, question{"the date of this gate is confirmed", confirmed(s), "y"}); err != nil {
		return err
	}
	seen := s.Wall
	r, done, err := c.records(ctx, t)
	if err != nil {
		return err
	}
	s, err = r.ConfirmClock(ctx, seen)
	if err = done(err); err != nil {
		return err
	}
	return c.print(t, s, func(w *tabwriter.Writer) { writeClock(w, s) })
}

// confirmed says what comes of it if the date is confirmed.
func confirmed(s people.ClockStatus) []string {
	about := []string{
		"the clock says " + s.Wall.Local().Format(sayDate),
		"compare date, time and zone with another clock: people are erased for good when they have expired by this one",
	}
	if !s.Certain.IsZero() && s.Wall.Before(s.Certain) {
		about = append(about, "it is at least "+s.Certain.Local().Format(sayDate)+" by what the gate knows")
	}
	if s.Erasures > 0 {
		about = append(about, fmt.Sprintf("people who have expired by this clock or what was known before: %d", s.Erasures))
	}
	if s.Provisional > 0 {
		about = append(about, fmt.Sprintf("people who are given their dates: %d", s.Provisional))
	}
	return about
}
