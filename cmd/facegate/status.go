package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"facegate/cmd/facegate/internal/control"
	"facegate/cmd/facegate/internal/cosigning"
	"facegate/cmd/facegate/internal/health"
	"facegate/cmd/facegate/internal/status"
	"facegate/configs/law"
	"facegate/configs/show"
	"facegate/pipeline/attempt"
	"facegate/pipeline/publish"
)

type statusCommand struct {
	Check bool `help:"Print the health in one line, and exit with 0 if it is ok, 1 if degraded, 2 if down or not running, 3 if nobody can tell."`
	gateFlags
	jsonFlag
}

func (c *statusCommand) Run(ctx context.Context, t terminal) error {
	s, err := c.status(ctx)
	if c.Check {
		return c.check(t, s.Health, err)
	}
	if err != nil {
		return err
	}
	return c.print(t, s, func(w *tabwriter.Writer) { writeStatus(w, s) })
}

func (c *statusCommand) status(ctx context.Context) (status.Status, error) {
	g, err := c.running(ctx)
	if err != nil {
		return status.Status{}, err
	}
	return g.Status(ctx)
}

// Exit codes of status --check are those of monitoring plugins (the Nagios plugin API).
const (
	checkOK = iota
	checkDegraded
	checkDown
	checkUnknown
)

// check prints how a gate is that has answered with r, or not at all but with err, and returns it as an exit.
func (c *statusCommand) check(t terminal, r health.Report, err error) error {
	if errors.Is(err, control.ErrNotRunning) {
		r = health.Assess(gone(err))
	} else if err != nil {
		return exit{checkUnknown, err}
	}
	if err := c.print(t, r, func(w *tabwriter.Writer) { show.Fprintln(w, checkLine(r)) }); err != nil {
		return exit{checkUnknown, err}
	}
	code, known := map[health.State]int{
		health.OK: checkOK, health.Degraded: checkDegraded, health.Down: checkDown,
	}[r.State]
	if !known {
		code = checkUnknown
	}
	return exit{code: code}
}

// gone is the condition of a gate that does not run, which is err.
func gone(err error) health.Condition {
	c := health.Condition{
		Name: health.NotRunning, Part: "gate", State: health.Down, Reason: "it is not running", Todo: "systemctl status facegate says why",
	}
	if e := new(control.EndedError); errors.As(err, &e) {
		c.Reason += ": " + e.Last.String()
		c.Todo = cmp.Or(e.Last.ToDo, c.Todo)
	}
	return c
}

// checkLine says the health in one line: the state, and the worst reason.
func checkLine(r health.Report) string {
	worst, bad := r.Worst()
	if !bad {
		return string(r.State)
	}
	line := fmt.Sprintf("%s: %s: %s; to do: %s", r.State, worst.Part, show.Plain(worst.Reason), worst.Todo)
	if more := len(r.Conditions) - 1; more > 0 {
		line += fmt.Sprintf(" (and %d more: facegate status)", more)
	}
	return line
}

func writeStatus(w *tabwriter.Writer, s status.Status) {
	row := func(name, format string, args ...any) {
		show.Fprintf(w, "%s\t%s\n", name, show.Sprintf(format, args...))
	}
	trouble := func(err, todo string) { // of a part, in its place too
		if err != "" {
			row("", "%s", show.Plain(err))
			row("", "to do: %s", todo)
		}
	}
	row("profile", "%s", profileLine(s.Profile))
	writeHealth(w, s.Health)
	row("gate", "%s of %s, facegate %s, up %v", s.Gate, s.Site, s.Version, time.Duration(s.UpS)*time.Second)
	row("camera", "%s: %s, %d frames, %d unusable",
		s.Camera.State, s.Camera.Source, s.Camera.Frames, s.Camera.Refused)
	trouble(s.Camera.Error, s.Camera.Hint)
	row("frames", "%s; facegate camera aim shows what they show", cmp.Or(s.Frames.Now, "none yet"))
	if s.Frames.Advice != "" {
		row("", "to do: %s", s.Frames.Advice)
	}
	row("door", "%s, %d pulses", s.Door.State, s.Door.Pulses)
	trouble(s.Door.Err, s.Door.Hint)
	row("broker", "%s, %d events waiting, %d lost", brokerWords(s.MQTT), s.MQTT.Queued, s.MQTT.Dropped)
	if s.MQTT.Unsigned {
		row("", "%s", unsignedOrders)
	}
	trouble(s.MQTT.Err, s.MQTT.Hint)
	writeWitnesses(w, s.Witnesses)
	if s.People.Limit > 0 {
		row("people", "%d of at most %d", s.People.Enrolled, s.People.Limit)
	} else {
		row("people", "%d", s.People.Enrolled)
	}
	if word := s.People.Crowding; word != "" {
		row("crowding", "%s", word)
	}
	if s.People.Advice != "" {
		row("", "to do: %s", s.People.Advice)
	}
	if n := s.People.ConsentAgain; n > 0 {
		row("", "%d more have to consent again under profile %s", n, s.Profile)
	}
	if n := s.People.Owed; n > 0 {
		row("", "%d to be erased, who do not match any more", n)
	}
	row("clock", "%s", clockLine(s.Clock))
	row("epoch", "%s", epochLine(s.Epoch))
	row("faces", "%s", faces(s))
	writeLockout(w, s)
	row("networks", "%s: %s, liveness %v", s.Vision.Bundle, embedderWords(s.Vision), s.Vision.Liveness)
	row("liveness", "live from %.3g, refused below %.3g", s.Vision.LiveFrom, s.Vision.NotBelow)
	if lacks := s.Vision.CanBetter; lacks != "" {
		row("", "%s", lacks)
	}
	row("device key", "%s", keyStore(s.KeyStore))
	writeDuties(w, s)
	if l := s.Frames.Latency; l.Grants > 0 {
		row("frame to relay", "median %.0f ms, 95 %% within %.0f ms, at most %.0f ms (%d grants)", l.P50MS, l.P95MS, l.MaxMS, l.Grants)
	}
}

// writeWitnesses says how far each witness has cosigned the audit log.
func writeWitnesses(w *tabwriter.Writer, all []status.Witness) {
	for _, of := range all {
		show.Fprintf(w, "witness\t%s %s\n", show.Foreign(of.Name), cosigning.Words(of))
		if of.Err != "" {
			show.Fprintf(w, "\t%s\n\tto do: %s\n", show.Plain(of.Err), of.Hint)
		}
	}
}

func brokerWords(m publish.Status) string {
	if !m.Connected {
		return "not connected"
	}
	return "connected to " + m.Broker
}

// profileLine says whose rules the gate keeps to.
func profileLine(j law.Jurisdiction) string {
	if j == law.Lab {
		return "lab: for trying out with people who do not exist; it keeps to no law"
	}
	return string(j)
}

// writeHealth says how the gate is and, of each part that is not well, why and what to do.
func writeHealth(w *tabwriter.Writer, r health.Report) {
	show.Fprintf(w, "health\t%s\n", r.State)
	for _, c := range r.Conditions {
		show.Fprintf(w, "\t%s %s: %s\n\tto do: %s\n", c.Part, c.State, show.Plain(c.Reason), c.Todo)
	}
}

// faces says whether faces open the door.
func faces(s status.Status) string {
	switch l := s.Lockout; {
	case l.LockedDown:
		return "all templates are destroyed: facegate destroy-templates --end lets people be captured again"
	case s.Lesser != nil:
		return "off, after crashes: facegate faces on tries them again"
	case s.Vision.Err != "":
		return "off, until the networks can be used"
	case s.Older != nil:
		return "off since " + s.Older.Since.Format(time.DateTime) + ": an older copy of the records was put back (facegate backup restore)"
	case s.FacesOff != nil && s.Camera.State == status.CameraOff: // which no order ends
		return "off: " + s.FacesOff.Reason
	case s.FacesOff != nil:
		return "off since " + s.FacesOff.Since.Format(time.DateTime) + ": facegate faces on"
	case closedFor(l, attempt.Face) > 0:
		return fmt.Sprintf("open nothing for %d s: many prints or screens are being shown", closedFor(l, attempt.Face))
	case s.Mode == law.OneToOne:
		return "open the door after the person's own pass"
	}
	return "open the door"
}

// closedFor returns for how many seconds nobody gets in by a means.
func closedFor(l status.Lockout, m attempt.Means) int {
	for _, c := range l.Means {
		if c.Means == m.String() {
			return c.WaitS
		}
	}
	return 0
}

// writeLockout says by what means somebody does not get in, and whether anybody does.
func writeLockout(w *tabwriter.Writer, s status.Status) {
	for _, c := range s.Lockout.Means {
		if n := c.Slowed + c.Off; n > 0 {
			show.Fprintf(w, "lockout\tby %s: %d people, %d of them until facegate lockout reset\n", c.Means, n, c.Off)
		}
	}
	if s.Record.Full {
		show.Fprintf(w, "record\tfull: nobody is let in, until what happened at the door is written down\n")
	} else if n := s.Record.Waiting; n > 0 {
		show.Fprintf(w, "record\t%d passages wait to be written down\n", n)
	}
}

// writeDuties says what the law asks of the operator.
func writeDuties(w *tabwriter.Writer, s status.Status) {
	row := func(name, format string, args ...any) {
		show.Fprintf(w, "%s\t%s\n", name, show.Sprintf(format, args...))
	}
	advise := func(advice string) {
		if advice != "" {
			row("", "to do: %s", advice)
		}
	}
	if a := s.Assessment; a.ID != "" {
		row("assessment", "%s, version %s of %s", a.ID, a.Version, a.Date)
		advise(a.Advice)
	}
	f := s.Filing
	if f.Advice == "" {
		return
	}
	row("filing", "%d people, %d of them under 14; %d templates", f.People, f.Children, f.Codes)
	if !f.Reached.IsZero() {
		row("", "%d people reached on %s, due on %s", f.At, f.Reached.Format(time.DateOnly), f.Deadline.Format(time.DateOnly))
	}
	for _, m := range f.Measures {
		row("", "%s", m)
	}
	advise(f.Advice)
}

// embedderWords names the embedder, and says whether it was adopted here.
func embedderWords(v status.Vision) string {
	if v.Adopted == "" {
		return v.Embedder
	}
	return v.Embedder + " (adopted here on " + v.Adopted + ")"
}
