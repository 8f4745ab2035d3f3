package gpio

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"facegate/configs/hint"
)

// MaxPulse is the longest pulse that a Relay accepts.
const MaxPulse = time.Minute

const (
	retryEvery = 100 * time.Millisecond // between attempts to lock a door whose line fails
	stopFor    = 5 * time.Second        // how long a stopping Relay tries; then the service manager's safe command has to
)

// The reasons for which Pulse leaves the door locked.
var (
	ErrBusy    = errors.New("the door is open already")
	ErrFault   = errors.New("the relay is in fault")
	ErrStopped = errors.New("the relay is not running")
)

// A State says what the relay does to the strike.
type State string

// The states of a Relay.
const (
	Locked   State = "locked"   // the line is inactive
	Unlocked State = "unlocked" // a pulse is under way
	Fault    State = "fault"    // the line could not be driven inactive: the door may be open
)

// An Edge is the start of a pulse.
type Edge struct {
	At   time.Time       // when the line had become active
	Done <-chan struct{} // closed once the line is inactive again
}

// A Status is what a Relay tells about itself.
type Status struct {
	State  State  `json:"state"`
	Pulses uint64 `json:"pulses"` // pulses given since the start
	Err    string `json:"error"`  // the last error, kept after recovery; "" if there was none
	Hint   string `json:"hint"`   // what to do about it
}

// A Relay is the task that pulses the strike of one door.
//
// The end of a pulse is set before the pulse starts, by a timer of its own, so that neither the caller of Pulse nor
// the pipeline behind it can hold the door open.
type Relay struct {
	line    Line
	pulse   time.Duration
	log     *slog.Logger
	ready   chan struct{}
	faulted chan struct{} // wakes Run when the line could not be driven inactive

	mu      sync.Mutex // guards what follows, and the order of the calls to line.Set
	running bool
	state   State
	pulses  uint64
	err     error
	done    chan struct{} // closed at the end of the pulse under way; nil if there is none
}

// NewRelay returns a Relay that gives pulses of the given length, in (0, MaxPulse], on line. It forces the line
// inactive before anything else and fails if it cannot. The line stays the caller's to close, after Run has returned.
func NewRelay(line Line, pulse time.Duration, log *slog.Logger) (*Relay, error) {
	if err := line.Set(false); err != nil {
		return nil, hint.Wrap(fmt.Errorf("gpio: lock %v: %w", line, err),
			"The door may be open. Lock it by hand, then check the wiring of %v and that no other program uses it.", line)
	}
	if pulse <= 0 || pulse > MaxPulse {
		return nil, hint.Wrap(fmt.Errorf("gpio: a pulse of %v is not possible", pulse),
			"Set the pulse to more than 0s and at most %v; 3s to 5s suits most doors.", MaxPulse)
	}
	return &Relay{
		line:    line,
		pulse:   pulse,
		log:     log,
		ready:   make(chan struct{}),
		faulted: make(chan struct{}, 1),
		state:   Locked,
	}, nil
}

// Run keeps the relay in service until ctx is cancelled, and retries as long as the line cannot be driven inactive. On
// cancel it ends the pulse under way and returns nil, or an error if the line cannot be driven inactive within 5 s.
// It may be called once.
func (r *Relay) Run(ctx context.Context) error {
	r.mu.Lock()
	r.running = true
	r.mu.Unlock()
	close(r.ready)
	for {
		select {
		case <-ctx.Done():
			return r.stop()
		case <-r.faulted:
			r.log.Error("the door line cannot be driven inactive, trying again", "line", r.line.String(), "every", retryEvery)
			if r.retry(ctx) == nil {
				r.log.Info("the door line is inactive again", "line", r.line.String())
			}
		}
	}
}

// Ready is closed once Pulse can be used.
func (r *Relay) Ready() <-chan struct{} { return r.ready }

func (r *Relay) String() string { return "relay on " + r.line.String() }

// Pulse opens the door for the length of one pulse. The line is active when it returns. Four things might happen:
//  1. It returns the edge: the line is active and will be inactive again after the pulse.
//  2. It returns ErrBusy: a pulse is under way. It is not made longer, so that no series of calls holds a door open;
//     whoever stands there goes through on that pulse.
//  3. It returns ErrStopped or ErrFault: the relay is not in service. The line was not touched.
//  4. It returns another error: the line could not be driven active. It has been driven inactive again, or the relay
//     is in fault.
func (r *Relay) Pulse() (Edge, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.refusal(); err != nil {
		return Edge{}, err
	}
	done := make(chan struct{})
	timer := time.AfterFunc(r.pulse, func() { r.expire(done) })
	if err := r.line.Set(true); err != nil {
		timer.Stop()
		r.lock()
		err = hint.Wrap(fmt.Errorf("gpio: open %v: %w", r.line, err), "Check the wiring of %v with `facegate door test`.", r.line)
		if r.state != Fault {
			r.err = err
		}
		return Edge{}, err
	}
	at := time.Now()
	r.state, r.done = Unlocked, done
	r.pulses++
	return Edge{At: at, Done: done}, nil
}

// usable returns nil if Pulse would be given, and otherwise its error.
func (r *Relay) usable() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.refusal()
}

// refusal says why no pulse is given now. r.mu must be held.
func (r *Relay) refusal() error {
	switch {
	case !r.running:
		return ErrStopped
	case r.state == Unlocked:
		return ErrBusy
	case r.state == Fault:
		return hint.Wrap(ErrFault, "%s", hint.Of(r.err))
	}
	return nil
}

// Status returns the state of the relay.
func (r *Relay) Status() Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := Status{State: r.state, Pulses: r.pulses}
	if r.err != nil {
		s.Err, s.Hint = r.err.Error(), hint.Of(r.err)
	}
	return s
}

// expire ends the pulse whose end done tells, unless it has ended already.
func (r *Relay) expire(done chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.done == done {
		r.lock()
	}
}

// lock drives the line inactive. If that fails the relay is in fault, and Run is woken to try again. r.mu must be held.
func (r *Relay) lock() {
	if r.tryLock() == nil {
		return
	}
	select {
	case r.faulted <- struct{}{}:
	default:
	}
}

// tryLock drives the line inactive once, and sets the state by the outcome. r.mu must be held.
func (r *Relay) tryLock() error {
	if err := r.line.Set(false); err != nil {
		r.state = Fault
		r.err = hint.Wrap(fmt.Errorf("gpio: lock %v: %w", r.line, err),
			"The door may be open. Lock it by hand, then check the wiring of %v; facegate keeps trying.", r.line)
		return r.err
	}
	r.state = Locked
	if r.done != nil {
		close(r.done)
		r.done = nil
	}
	return nil
}

// retry drives the line inactive, trying again until it succeeds or ctx ends. It returns the last error.
func (r *Relay) retry(ctx context.Context) error {
	ticker := time.NewTicker(retryEvery)
	defer ticker.Stop()
	for {
		r.mu.Lock()
		err := r.tryLock()
		r.mu.Unlock()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-ticker.C:
		}
	}
}

// stop takes the relay out of service with the line inactive.
func (r *Relay) stop() error {
	r.mu.Lock()
	r.running = false
	r.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), stopFor)
	defer cancel()
	return r.retry(ctx)
}
