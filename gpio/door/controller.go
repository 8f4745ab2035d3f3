package door

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"facegate/configs/hint"
	"facegate/gpio"
)

// Inputs of a door. One that is nil is not wired.
type Inputs struct{ Contact, Exit, Fire, Tamper, Interlock gpio.Input }

// Signals of a door. One that is nil is not wired.
type Signals struct{ Red, Green, Buzzer gpio.Line }

// Parts are what a Controller works with. Its lines stay the caller's to close, after Run has returned.
type Parts struct {
	Relay    gpio.Line
	Inputs   Inputs
	Signals  Signals
	Settings Settings
	Left     *Left       // by the process before this one; nil for a door that is to be locked first
	Emit     func(Event) // gets all events, in their order; it must not block. It may be nil
	Round    func()      // is called after each round of the controller, once a second at least; it must not block. It may be nil
	Log      *slog.Logger
}

const (
	roundEvery  = time.Second            // in which the controller goes round at least once
	againEvery  = 100 * time.Millisecond // between attempts to move a lock that does not
	rereadEvery = time.Second            // between attempts to read an input that cannot be read
)

// A Controller is the task that keeps one door.
//
// Whoever brings an input steps the machine and moves the lock on the way, under one mutex: no goroutine has to be woken between
// the exit button and the lock. Under the mutex nothing is written, logged or waited for but the relay's line.
type Controller struct {
	machine Machine
	relay   *gpio.Relay
	inputs  [roles]gpio.Input
	signals [roles]gpio.Line
	line    gpio.Line // of the relay
	emit    func(Event)
	rounded func()
	start   time.Time
	ready   chan struct{}
	moved   chan struct{} // has a token when the loop has to look
	shown   chan struct{} // has a token when the signals have to

	mu      sync.Mutex // guards what follows
	running bool
	freed   bool  // Run is to end with the relay released
	leaves  bool  // Run is to end with the door left to another process
	left    *Left // what came of that
	state   State
	active  Lines // the lines whose last known level is active
	errs    [roles]error
	drive   error // why the lock does not move, nil if it does
}

// New returns the Controller of a door. It locks the door before anything else, unless that was left open, and fails if it cannot.
func New(p Parts) (*Controller, error) {
	relay, err := relayOf(p)
	if err != nil {
		return nil, err
	}
	if err := p.Settings.check(p.Inputs); err != nil {
		return nil, err
	}
	c := &Controller{
		machine: NewMachine(p.Settings), relay: relay, line: p.Relay, emit: p.Emit, start: time.Now(),
		ready: make(chan struct{}), moved: make(chan struct{}, 1), shown: make(chan struct{}, 1),
		inputs: [roles]gpio.Input{
			ContactLine: p.Inputs.Contact, ExitLine: p.Inputs.Exit, FireLine: p.Inputs.Fire, TamperLine: p.Inputs.Tamper,
			InterlockLine: p.Inputs.Interlock,
		},
		signals: [roles]gpio.Line{RedLine: p.Signals.Red, GreenLine: p.Signals.Green, BuzzerLine: p.Signals.Buzzer},
	}
	if c.emit == nil {
		c.emit = func(Event) {}
	}
	if c.rounded = p.Round; c.rounded == nil {
		c.rounded = func() {}
	}
	c.state = p.Left.state(time.Since(c.start))
	return c, nil
}

func relayOf(p Parts) (*gpio.Relay, error) {
	if p.Left.open() {
		return gpio.ResumeRelay(p.Relay, p.Settings.Fail, gpio.MaxLease, p.Log)
	}
	return gpio.NewRelay(p.Relay, p.Settings.Fail, p.Log)
}

// check refuses settings that no door can have.
func (s Settings) check(in Inputs) error {
	why := ""
	switch {
	case s.Kind != Strike && s.Kind != Maglock && s.Kind != Turnstile:
		why = fmt.Sprintf("there is no kind of door %q", s.Kind)
	case s.Fail != Secure && s.Fail != Safe:
		why = fmt.Sprintf("a door fails secure or safe, and not %q", s.Fail)
	case s.Pulse <= 0 || s.Pulse > gpio.MaxLease:
		why = fmt.Sprintf("a pulse of %v is not possible", s.Pulse)
	case s.MaxOpen < s.Pulse:
		why = fmt.Sprintf("a door that is open for %v at most cannot have a pulse of %v", s.MaxOpen, s.Pulse)
	case s.Kind == Turnstile && s.Passage <= 0:
		why = "a turnstile has to know for how long it waits for somebody to pass"
	case in.Contact != nil && (s.HeldWarn <= 0 || s.HeldAfter < s.HeldWarn):
		why = fmt.Sprintf("a door cannot be warned of after %v and be an alarm after %v", s.HeldWarn, s.HeldAfter)
	default:
		return nil
	}
	return hint.Wrap(errors.New("door: "+why), "Correct the section door of the configuration; facegate check says more.")
}

// Ready is closed once Open can be used.
func (c *Controller) Ready() <-chan struct{} { return c.ready }

func (c *Controller) String() string { return "door on " + c.line.String() }

// Run keeps the door until ctx is cancelled, which returns nil once the door is locked, or an error if it cannot be. It may be
// called once. The line keeps the locked level until it is closed: a fresh process that takes it over finds the door locked. Under
// a fire alarm, or after Free, the relay is released instead.
func (c *Controller) Run(ctx context.Context) error {
	var tasks sync.WaitGroup
	defer tasks.Wait()
	lasting, stop := context.WithCancel(context.WithoutCancel(ctx)) // the relay is told how to stop first
	defer stop()
	locked := make(chan error, 1)
	c.begin(&tasks, func() { locked <- c.relay.Run(lasting) })
	<-c.relay.Ready()
	c.serve(true)
	for role, in := range c.inputs {
		if in != nil {
			c.begin(&tasks, func() { c.read(ctx, Role(role), in) })
		}
	}
	c.begin(&tasks, func() { c.show(ctx) })
	close(c.ready)
	c.loop(ctx)
	c.serve(false)
	stop()
	return <-locked
}

// serve takes the controller into service, or out of it.
func (c *Controller) serve(on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch c.running = on; {
	case on:
	case c.leaves:
		if c.left = leave(c.state, time.Since(c.start)); c.left.open() {
			c.relay.Leave()
		}
	case c.state.Fire || c.freed:
		c.relay.Release()
	}
}

// Leave has Run end with the door open if that is to last, for a process that takes the line over, and locked otherwise.
func (c *Controller) Leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leaves = true
}

// Left returns what is left to that process, once Run has returned; nil for nothing.
func (c *Controller) Left() *Left {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.left
}

// Free has Run end with the relay released, as it is without the gate, instead of a door that is locked until its line is closed: that
// may take long, and nobody listens to the exit button any more.
func (c *Controller) Free() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.freed = true
}

// begin starts a task of the controller. If it panics, the process ends at once, and the relay is released on the way.
func (c *Controller) begin(tasks *sync.WaitGroup, run func()) {
	tasks.Go(func() { gpio.Guard(c.line, run) })
}

// loop steps the machine whenever time alone changes its state, and at least once in a round, until ctx is cancelled.
func (c *Controller) loop(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.moved:
		case <-timer.C:
		}
		timer.Reset(c.goRound())
		c.rounded()
	}
}

// goRound steps the machine, and returns after how long that is due again.
func (c *Controller) goRound() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.watchRelay()
	c.step(Input{})
	wait := roundEvery
	if c.drive != nil || c.errs[Relay] != nil {
		wait = againEvery
	}
	if next := c.state.Wake(); next > 0 {
		wait = min(wait, next-time.Since(c.start))
	}
	return max(wait, 0)
}

// watchRelay notes whether the relay is in fault. c.mu must be held.
func (c *Controller) watchRelay() {
	s := c.relay.Status()
	err := c.drive
	if s.State == gpio.Fault {
		err = s.Err
	}
	c.note(Relay, err)
}

// note notes whether a line is in fault. c.mu must be held.
func (c *Controller) note(line Role, err error) {
	if (err != nil) == (c.errs[line] != nil) {
		return
	}
	c.errs[line] = err
	act := Mended
	if err != nil {
		act = Failed
	}
	c.step(Input{Act: act, Line: line})
}

// take has the machine take an input, and wakes the loop for the deadlines that come of it.
func (c *Controller) take(in Input) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.step(in)
	wake(c.moved)
}

// step has the machine take an input, and the lock follow. c.mu must be held.
func (c *Controller) step(in Input) {
	now := time.Now()
	next, events := c.machine.Next(c.state, in, now.Sub(c.start))
	_, err := c.move(next, now)
	if errors.Is(err, gpio.ErrLate) || errors.Is(err, gpio.ErrStopped) {
		err = nil // the next step says that it is over
	}
	c.commit(next, events, now, err)
}

// move has the lock follow a state. c.mu must be held.
func (c *Controller) move(s State, now time.Time) (gpio.Edge, error) {
	o := c.machine.Outputs(s, now.Sub(c.start))
	if !o.Unlocked {
		c.relay.Lock()
		return gpio.Edge{}, nil
	}
	return c.relay.Open(c.start.Add(o.Until))
}

// commit makes a state the present one, and hands on how it came about. c.mu must be held.
func (c *Controller) commit(s State, events []Event, at time.Time, drive error) {
	c.state, c.drive = s, drive
	for _, e := range events {
		e.At = at
		if e.What == LineFault {
			e.Err = c.errOf(named(e.Line))
		}
		c.emit(e)
	}
	wake(c.shown)
}

// attempt has the machine take an input for somebody who waits for the outcome: it comes to nothing if the lock does not follow.
// c.mu must be held.
func (c *Controller) attempt(in Input) (gpio.Edge, error) {
	now := time.Now()
	next, events := c.machine.Next(c.state, in, now.Sub(c.start))
	edge, err := c.move(next, now)
	wake(c.moved)
	if err != nil {
		c.drive = err
		return gpio.Edge{}, err
	}
	c.commit(next, events, now, nil)
	return edge, nil
}

// usable says why the lock cannot be moved, nil if it can. It brings the state up to now. c.mu must be held.
func (c *Controller) usable() error {
	if !c.running {
		return gpio.ErrStopped
	}
	c.step(Input{})
	if s := c.relay.Status(); s.State == gpio.Fault {
		return hint.Wrap(gpio.ErrFault, "%s", hint.Of(s.Err))
	}
	return nil
}

// refusal says why nobody is let through for a cause, nil if somebody is. c.mu must be held.
func (c *Controller) refusal(cause Cause) error {
	if err := c.usable(); err != nil {
		return err
	}
	err := c.machine.Refusal(c.state, cause)
	if err == nil && cause == Granted && c.interlocked() {
		return ErrOther
	}
	return err
}

// interlocked reports whether another door is open, or may be: its line is in fault, or has not been read yet. Exit, fire and a hand
// at the gate do not ask. c.mu must be held.
func (c *Controller) interlocked() bool {
	if c.inputs[InterlockLine] == nil {
		return false
	}
	return c.active.Has(InterlockLine) || !c.state.Known.Has(InterlockLine)
}

// Refusal says why Open would leave the door as it is, nil if it would open it.
func (c *Controller) Refusal(cause Cause) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.refusal(cause)
}

// Open opens the door for one passage of somebody who was Granted it, or by Hand. The door is unlocked when it returns. Five
// things might happen:
//  1. It returns the edge: the door is unlocked, and locks after the pulse, or as soon as it has been opened and closed.
//  2. It returns gpio.ErrBusy: the door is unlocked already. That is not made longer, so that no series of calls holds a door
//     open; whoever stands there goes through on it.
//  3. It returns ErrPassing at a turnstile: somebody is to pass first. Nothing is remembered: the opening would be for whoever
//     stands there later.
//  4. It returns ErrShut, ErrOther, gpio.ErrStopped or gpio.ErrFault: the door is not in service for that. Its lock was not
//     touched.
//  5. It returns another error: the lock could not be moved.
func (c *Controller) Open(cause Cause) (gpio.Edge, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.refusal(cause); err != nil {
		return gpio.Edge{}, err
	}
	return c.attempt(Input{Act: Grant, Cause: cause})
}

// Hold keeps the door open for d from now on, whatever was left of a hold before it. It returns ErrTooLong, with a hint of what
// is possible, gpio.ErrStopped, or why the lock does not move.
func (c *Controller) Hold(d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.holdRefusal(d); err != nil {
		return err
	}
	_, err := c.attempt(Input{Act: Keep, For: d})
	return err
}

// HoldRefusal says why Hold would refuse, nil if it would not.
func (c *Controller) HoldRefusal(d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.holdRefusal(d)
}

// holdRefusal is HoldRefusal. c.mu must be held.
func (c *Controller) holdRefusal(d time.Duration) error {
	if err := c.usable(); err != nil {
		return err
	}
	if most := c.machine.Longest(c.state, time.Since(c.start)); d <= 0 || d > most {
		return hint.Wrap(fmt.Errorf("%w: %v", ErrTooLong, d), "%s", c.advise(most))
	}
	return nil
}

// advise says for how long the door can be held open, of which most is left. c.mu must be held.
func (c *Controller) advise(most time.Duration) string {
	limit := c.machine.MaxOpen
	switch {
	case c.state.Fire:
		return "The fire alarm keeps the door open; hold it once that has ended."
	case most < limit:
		return fmt.Sprintf("door.max_open is %v, and the door is open already: hold it for %v at most, or once it was locked.",
			limit, most.Truncate(time.Second))
	}
	return fmt.Sprintf("Hold it for more than 0s and at most %v, which is door.max_open.", limit)
}

// Release ends a hold. What else unlocks the door still does. It returns ErrNotHeld if nobody holds the door.
func (c *Controller) Release() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.usable(); err != nil && !errors.Is(err, gpio.ErrFault) {
		return err
	}
	if c.state.Hold == 0 {
		return ErrNotHeld
	}
	c.step(Input{Act: Release})
	return nil
}

// Follow says what the schedule says from now on.
func (c *Controller) Follow(p Plan) { c.take(Input{Act: Follow, Plan: p}) }

// ByHand returns the door for those who open it by hand.
func (c *Controller) ByHand() gpio.Pulser { return byHand{c} }

type byHand struct{ c *Controller }

func (b byHand) Usable() error {
	b.c.mu.Lock()
	defer b.c.mu.Unlock()
	return b.c.refusal(Hand)
}

func (b byHand) Pulse() (gpio.Edge, error) { return b.c.Open(Hand) }

func (b byHand) Length() time.Duration { return b.c.machine.Settings.Pulse }

// read steps the machine with each level of an input, until ctx is cancelled. An input that cannot be read is tried again.
func (c *Controller) read(ctx context.Context, line Role, in gpio.Input) {
	for ctx.Err() == nil {
		err := in.Watch(ctx, func(l gpio.Level) { c.level(line, l.Active) })
		if ctx.Err() != nil {
			return
		}
		c.fault(line, hint.Wrap(fmt.Errorf("read %v: %w", in, err), "Check the wiring of %v, and that no other program uses it.", in))
		select {
		case <-ctx.Done():
		case <-time.After(rereadEvery):
		}
	}
}

// level takes the level of an input.
func (c *Controller) level(line Role, active bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.note(line, nil)
	if c.active = c.active.without(line); active {
		c.active = c.active.with(line)
	}
	c.step(Input{Act: Level, Line: line, Active: active})
	wake(c.moved)
}

// fault notes that a line is in fault, or no more.
func (c *Controller) fault(line Role, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.note(line, err)
	wake(c.moved)
}

// show has the signals follow the state, until ctx is cancelled. A signal that hangs keeps nobody from the door.
func (c *Controller) show(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.shown:
		}
		wanted := c.wanted()
		for _, on := range []bool{false, true} { // or both lights would be lit for a moment, which is the alarm
			for line, l := range c.signals {
				if l != nil && wanted[Role(line)] == on {
					c.signalled(Role(line), on, l.Set(on))
				}
			}
		}
	}
}

// wanted returns what the signals are to be.
func (c *Controller) wanted() map[Role]bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	o := c.machine.Outputs(c.state, time.Since(c.start))
	return map[Role]bool{RedLine: o.Red, GreenLine: o.Green, BuzzerLine: o.Buzzer}
}

// signalled notes what came of driving a signal.
func (c *Controller) signalled(line Role, on bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.active = c.active.without(line); on && err == nil {
		c.active = c.active.with(line)
	}
	if err != nil {
		err = hint.Wrap(fmt.Errorf("drive %v: %w", c.signals[line], err), "Check the wiring of %v.", c.signals[line])
	}
	c.note(line, err)
}

// wake leaves a token for a goroutine that waits for one.
func wake(tokens chan<- struct{}) {
	select {
	case tokens <- struct{}{}:
	default:
	}
}
