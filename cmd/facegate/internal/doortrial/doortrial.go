// Package doortrial leads whoever stands at a door through a test of it: what its lines say at rest, one pulse and who goes
// through on it, and the exit button. It asks and tells by what is handed in, and has package diagnose judge what it saw.
//
// It holds no door open: the one pulse ends by itself, whatever becomes of the test.
package doortrial

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"facegate/cmd/facegate/internal/status"
	"facegate/configs/hint"
	"facegate/gpio"
	"facegate/gpio/door"
	"facegate/gpio/door/diagnose"
)

// A Door is a door to be tested, of a running gate or of none.
type Door interface {
	// Door says how the door is.
	Door(ctx context.Context) (status.Door, error)

	// WatchDoor calls show, from one goroutine, with the level of every line, and then for what the door does, until ctx is
	// done or it was watched for long enough.
	WatchDoor(ctx context.Context, show func(status.DoorMoment)) error

	// TestDoor gives one pulse, and waits for its end.
	TestDoor(ctx context.Context) (status.DoorTest, error)
}

// A Talk is what is said to whoever stands at the door, and what they answer.
type Talk struct {
	Say func(text string)

	// Ask puts a question that is answered with yes or no. It is nil where nobody answers.
	Ask func(ctx context.Context, question string) (bool, error)
}

// A Report is what came of a test.
type Report struct {
	Before   status.Door        `json:"before"`             // how the door was
	Pulse    *status.DoorTest   `json:"pulse,omitempty"`    // nil if none was given
	NoPulse  string             `json:"no_pulse,omitempty"` // why
	Unseen   string             `json:"unseen,omitempty"`   // why it was not seen what contact and button did
	Opened   time.Duration      `json:"opened_ns"`          // from the start of the pulse until the door opened; 0 if that was not seen
	Closed   time.Duration      `json:"closed_ns"`          // until it was shut again; 0 if that was not seen
	Exit     bool               `json:"exit"`               // the exit button opened the door
	Findings []diagnose.Finding `json:"findings"`
}

// OK reports whether a pulse was given, and nothing is wrong.
func (r Report) OK() bool {
	return r.Pulse != nil && !slices.ContainsFunc(r.Findings, func(f diagnose.Finding) bool { return !f.Maybe })
}

// ErrNotReady says that whoever stands at the door did not want the pulse.
var ErrNotReady = errors.New("nobody was ready, and no pulse was given")

const (
	openTime  = 3 * time.Second        // after the end of a pulse in which the door may still open
	closeTime = 20 * time.Second       // in which it has to fall shut
	pressTime = 20 * time.Second       // for the exit button
	quietTime = 700 * time.Millisecond // for which nothing moves once all is over
)

// Run tests a door. What it has found so far it returns with an error, too.
func Run(ctx context.Context, d Door, talk Talk) (Report, error) {
	t := &test{door: d, talk: talk, report: Report{Findings: []diagnose.Finding{}}, watch: noWatch()}
	defer func() { t.watch.close() }()
	var err error
	for _, step := range []func(context.Context) error{t.rest, t.ask, t.pulse, t.through, t.exit} {
		if err = step(ctx); err != nil || t.report.NoPulse != "" {
			break
		}
	}
	times := t.trial.Times()
	t.report.Opened, t.report.Closed, t.report.Exit = times.Opened, times.Closed, t.trial.ExitOpened
	t.report.Findings = append(t.report.Findings, t.trial.Findings()...)
	return t.report, err
}

// A test is one under way.
type test struct {
	door   Door
	talk   Talk
	trial  diagnose.Trial
	report Report
	watch  *watch
	mark   int           // in the watch, at the step under way
	start  time.Duration // of the pulse, as in status.DoorMoment.Up
}

// rest reads how the door is before anything is done.
func (t *test) rest(ctx context.Context) error {
	s, err := t.door.Door(ctx)
	if err != nil {
		return err
	}
	t.report.Before = s
	t.trial = diagnose.Trial{
		Kind: diagnose.Kind(s.Kind), Pulse: s.Pulse, Rest: map[diagnose.Line]bool{}, Broken: map[diagnose.Line]string{},
	}
	for _, l := range s.Lines {
		role := diagnose.Line(l.Role)
		if l.Err != "" {
			t.trial.Broken[role] = l.Err
		}
		if input(role) {
			t.trial.Rest[role] = l.Active
		}
		t.talk.Say(fmt.Sprintf("%s on %s: %s", Name(l.Role), l.Line, Level(l.Role, l.Active)))
	}
	if s.State != gpio.Locked {
		t.report.NoPulse = notLocked(s.Status)
	}
	return nil
}

// input reports whether a line is read, and not driven.
func input(l diagnose.Line) bool {
	return slices.Contains([]diagnose.Line{diagnose.Contact, diagnose.Exit, diagnose.Fire, diagnose.Tamper}, l)
}

// notLocked says why a door is not tested that is not locked, and what to do.
func notLocked(s door.Status) string {
	switch s.Why {
	case door.Fire:
		return "the fire alarm has it open"
	case door.Hold:
		return "it is held open: facegate door release ends that"
	case door.Schedule:
		return "the schedule has it open: test it at another time, or with the gate stopped (--direct)"
	case "":
		return "the relay is in fault"
	}
	return "somebody passes: test again in a moment"
}

// ask asks what the lines cannot tell of the door at rest.
func (t *test) ask(ctx context.Context) (err error) {
	if t.talk.Ask == nil {
		return nil
	}
	if _, wired := t.trial.Rest[diagnose.Contact]; wired && t.trial.Kind != diagnose.Turnstile {
		if t.trial.Shut, err = t.answer(ctx, "Is the door shut now?"); err != nil {
			return err
		}
	}
	if t.trial.Locked, err = t.answer(ctx, "Is it locked? Pull at it, without its handle or key."); err != nil {
		return err
	}
	ready, err := t.talk.Ask(ctx, fmt.Sprintf("One pulse of %v follows: open the door when it is unlocked, and let it fall shut. Ready?", t.trial.Pulse))
	if err == nil && !ready {
		err = hint.Wrap(ErrNotReady, "give the command again when somebody stands at the door")
	}
	return err
}

func (t *test) answer(ctx context.Context, question string) (diagnose.Answer, error) {
	yes, err := t.talk.Ask(ctx, question)
	switch {
	case err != nil:
		return 0, err
	case yes:
		return diagnose.Yes, nil
	}
	return diagnose.No, nil
}

// pulse gives the pulse, and waits until the door was gone through or that takes too long.
func (t *test) pulse(ctx context.Context) error {
	if t.sees(diagnose.Contact) || t.talk.Ask != nil && t.sees(diagnose.Exit) { // each watching is one of few
		if err := t.observe(ctx); err != nil {
			return err
		}
	}
	t.start, t.mark = t.watch.now(), t.watch.mark()
	given, err := t.door.TestDoor(ctx)
	if err != nil {
		return err
	}
	t.report.Pulse, t.trial.Pulsed, t.trial.Lasted = &given, true, given.Pulse
	if m, ok := t.watch.first(t.mark, func(m status.DoorMoment) bool { return m.What == door.Unlocked }); ok {
		t.start = m.Up
	}
	if !t.sees(diagnose.Contact) {
		return nil
	}
	t.talk.Say("waiting for the door to fall shut")
	moved := func() bool { return len(t.edges(diagnose.Contact)) > 0 }
	if err := t.watch.await(ctx, openTime, moved); err != nil {
		return err
	}
	if moved() {
		err = t.watch.await(ctx, closeTime, func() bool { return len(t.edges(diagnose.Contact)) > 1 })
	}
	return errors.Join(err, t.watch.settle(ctx))
}

// observe begins to watch, if that has not begun or is over. Where it may not, the test goes on without it.
func (t *test) observe(ctx context.Context) error {
	if !t.watch.over() {
		return nil
	}
	t.watch.close()
	t.watch = newWatch(ctx, t.door.WatchDoor)
	if err := t.watch.begun(ctx); err != nil && ctx.Err() != nil {
		return err
	} else if err != nil {
		t.report.Unseen = err.Error()
		delete(t.trial.Rest, diagnose.Contact)
		delete(t.trial.Rest, diagnose.Exit)
	}
	return nil
}

// sees reports whether it is seen what an input does.
func (t *test) sees(l diagnose.Line) bool {
	_, wired := t.trial.Rest[l]
	_, broken := t.trial.Broken[l]
	return wired && !broken
}

// edges returns what an input has done in the step under way.
func (t *test) edges(l diagnose.Line) (found []diagnose.Edge) {
	was, known := t.trial.Rest[l]
	for _, m := range t.watch.since(t.mark) {
		e := edgeOf(m)
		if e.Line != l || known && e.Active == was { // a watch begins with how each line is, which may come after the mark
			continue
		}
		e.At = m.Up - t.start
		found = append(found, e)
		was, known = e.Active, true
	}
	return found
}

// edgeOf returns what a moment says of an input. It says nothing of the time.
func edgeOf(m status.DoorMoment) diagnose.Edge {
	switch m.What {
	case door.Opened, door.Closed:
		return diagnose.Edge{Line: diagnose.Contact, Active: m.What == door.Opened}
	case door.ExitAsked:
		return diagnose.Edge{Line: diagnose.Exit, Active: true}
	case status.Level:
		return diagnose.Edge{Line: diagnose.Line(m.Line), Active: m.Active}
	}
	return diagnose.Edge{}
}

// through asks how the door was gone through, as far as the contact does not say it.
func (t *test) through(ctx context.Context) (err error) {
	t.trial.Watched = t.watch.now() - t.start
	t.trial.Edges = t.edges(diagnose.Contact)
	times := t.trial.Times()
	if times.Opened > 0 && times.Opened <= t.trial.Lasted {
		t.trial.Released = diagnose.Yes
	}
	if t.talk.Ask == nil {
		return nil
	}
	if t.trial.Released == 0 {
		t.trial.Released, err = t.answer(ctx, "Did the lock let go, so that the door could be opened?")
	}
	if err == nil && t.trial.Released == diagnose.No {
		t.trial.Clicked, err = t.answer(ctx, "Did the relay click?")
	}
	if err == nil && times.Opened > 0 && times.Closed == 0 && t.trial.Kind != diagnose.Turnstile {
		t.trial.ShutLast, err = t.answer(ctx, "Is the door shut again?")
	}
	return err
}

// exit has the exit button pressed, if there is one.
func (t *test) exit(ctx context.Context) error {
	if t.talk.Ask == nil || !t.sees(diagnose.Exit) {
		return nil
	}
	ready, err := t.talk.Ask(ctx, fmt.Sprintf("The exit button is next: answer yes, and press it within %v. Ready?", pressTime))
	if err != nil || !ready {
		return err
	}
	if err := t.observe(ctx); err != nil || !t.sees(diagnose.Exit) {
		return err
	}
	t.talk.Say("press the exit button now")
	t.mark, t.trial.Press = t.watch.mark(), t.watch.now()-t.start
	pressed := func() bool { return len(t.edges(diagnose.Exit)) > 0 }
	if err = t.watch.await(ctx, pressTime, pressed); err == nil && pressed() {
		err = t.watch.settle(ctx)
	}
	if err != nil {
		return err
	}
	if t.trial.Edges = append(t.trial.Edges, t.edges(diagnose.Exit)...); !pressed() {
		t.trial.Pressed, err = t.answer(ctx, "No press was seen. Did somebody press the button?")
	}
	_, t.trial.ExitOpened = t.watch.first(t.mark, func(m status.DoorMoment) bool { return m.What == door.Unlocked && m.Cause == door.Exit })
	return err
}
