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

// MaxLease is the longest for which a Relay unlocks the door before it has to be told again.
const MaxLease = 30 * time.Second

const (
	retryEvery = 100 * time.Millisecond // between attempts to lock a door whose line fails
	stopFor    = 5 * time.Second        // how long a stopping Relay tries; then the service manager's safe command has to
)

// The reasons for which the door stays as it is.
var (
	ErrBusy    = errors.New("the door is open already")
	ErrFault   = errors.New("the relay is in fault")
	ErrStopped = errors.New("the relay is not running")
)

// A Fail says what the door does without the gate, because of how it is wired: without power, without a process, and
// whenever the gate has ended, the relay is released.
type Fail string

// The two ways to wire a door.
const (
	Secure Fail = "secure" // locked without the gate: the relay pulls in to open
	Safe   Fail = "safe"   // free without the gate: the relay pulls in to hold the door shut
)

// A State says what the relay does to the door.
type State string

// The states of a Relay.
const (
	Locked   State = "locked"
	Unlocked State = "unlocked" // a lease is under way
	Fault    State = "fault"    // the line could not be driven to the locked level: the door may be open
)

// An Edge is the start of an opening.
type Edge struct {
	At   time.Time       // when the line had the level at which the door is open
	Done <-chan struct{} // closed once the door is locked again
}

// A Status is what a Relay tells about itself.
type Status struct {
	State    State
	Openings uint64 // since the start
	Err      error  // the last one, kept after recovery
}

// A Relay is the task that moves the lock of one door.
//
// The end of a lease is set before its start, by a timer of its own, so that nobody who has the door opened can hold it
// open: not a caller that hangs, and not one that never comes back.
type Relay struct {
	line    Line
	open    bool // the level of the line at which the door is open
	log     *slog.Logger
	ready   chan struct{}
	faulted chan struct{} // wakes Run when the line could not be driven to the locked level

	mu       sync.Mutex // guards what follows, and the order of the calls to line.Set
	running  bool
	released bool // it is not to be moved any more
	state    State
	openings uint64
	err      error
	edge     Edge          // of the opening under way
	done     chan struct{} // closed at its end; nil if there is none
	end      time.Time     // of its lease
	timer    *time.Timer   // that ends it
}

// NewRelay returns a Relay that moves the lock by line. It locks the door before anything else and fails if it cannot. The
// line stays the caller's to close, after Run has returned: that releases the relay, and the door is as its wiring says.
func NewRelay(line Line, fail Fail, log *slog.Logger) (*Relay, error) {
	r := newRelay(line, fail, log)
	if err := r.tryLock(); err != nil {
		return nil, err
	}
	return r, nil
}

// ResumeRelay is NewRelay for a door that the process before this one has left open. It stays open for a lease, which ends
// whether or not Run is called by then, and is to be renewed by Open.
func ResumeRelay(line Line, fail Fail, lease time.Duration, log *slog.Logger) (*Relay, error) {
	r := newRelay(line, fail, log)
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, err := r.start(lease); err != nil {
		return nil, err
	}
	return r, nil
}

func newRelay(line Line, fail Fail, log *slog.Logger) *Relay {
	return &Relay{
		line: line, open: fail == Secure, log: log,
		ready: make(chan struct{}), faulted: make(chan struct{}, 1), state: Locked,
	}
}

// Run keeps the relay in service until ctx is cancelled, and retries as long as the door cannot be locked. On cancel it
// locks the door and returns nil, or an error if it cannot within 5 s. It may be called once.
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
			if r.mend() == nil {
				continue
			}
			r.log.Error("the door cannot be locked, trying again", "line", r.line.String(), "every", retryEvery)
			if r.retry(ctx) == nil {
				r.log.Info("the door is locked again", "line", r.line.String())
			}
		}
	}
}

// Ready is closed once Open can be used.
func (r *Relay) Ready() <-chan struct{} { return r.ready }

func (r *Relay) String() string { return "relay on " + r.line.String() }

// Open unlocks the door until a moment, or for MaxLease if that is sooner. If it is unlocked already, its lease is set to end
// then instead, sooner or later than before. Four things might happen:
//  1. It returns the edge of the opening under way: the door is unlocked, and will lock by itself.
//  2. It returns ErrStopped: the relay is not in service. The line was not touched.
//  3. It returns ErrLate: the moment is past. The line was not touched.
//  4. It returns another error: the door could not be unlocked. It has been locked again, or the relay is in fault.
func (r *Relay) Open(until time.Time) (Edge, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	left := min(time.Until(until), MaxLease)
	switch {
	case !r.running:
		return Edge{}, ErrStopped
	case left <= 0:
		return Edge{}, ErrLate
	case r.done != nil && r.state == Unlocked && time.Now().Before(r.end):
		r.renew(left)
		return r.edge, nil
	case r.done != nil:
		r.lock() // the lease before this one is over: its opening ends first
	}
	return r.start(left)
}

// ErrLate says that an opening would have been over before its start.
var ErrLate = errors.New("the opening is over already")

// start unlocks the door for a lease. r.mu must be held.
func (r *Relay) start(lease time.Duration) (Edge, error) {
	r.renew(lease)
	if err := r.line.Set(r.open); err != nil {
		r.lock()
		err = hint.Wrap(fmt.Errorf("gpio: open %v: %w", r.line, err), "Check the wiring of %v with `facegate door test`.", r.line)
		if r.state != Fault {
			r.err = err
		}
		return Edge{}, err
	}
	if r.state = Unlocked; r.done == nil { // otherwise the door could not be locked after the opening before this one
		r.done = make(chan struct{})
	}
	r.edge = Edge{At: time.Now(), Done: r.done}
	r.openings++
	return r.edge, nil
}

// renew sets the end of the lease. r.mu must be held.
func (r *Relay) renew(lease time.Duration) {
	if r.timer != nil {
		r.timer.Stop()
	}
	end := time.Now().Add(lease)
	r.end = end
	r.timer = time.AfterFunc(lease, func() { r.expire(end) })
}

// expire ends the lease that ends then, unless it was renewed or has ended already.
func (r *Relay) expire(end time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.state == Unlocked && r.end.Equal(end) {
		r.lock()
	}
}

// Lock ends the opening under way. It does nothing if there is none, or if the relay is not in service.
func (r *Relay) Lock() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.running && r.state == Unlocked {
		r.lock()
	}
}

// Release takes the relay out of service, so that Run ends without locking a door that is free without the gate. Any other is
// locked by its wiring, and Run makes sure of that.
func (r *Relay) Release() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.running = false
	if r.open {
		return
	}
	r.released, r.end = true, time.Time{}
	r.line.Set(false) // if it fails, closing the line tries again
}

// Leave takes the relay out of service, so that Run ends without moving the lock: the process that takes the line over finds the door
// as it is. It does nothing while the relay is in fault.
func (r *Relay) Leave() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.state == Fault {
		return
	}
	if r.timer != nil {
		r.timer.Stop()
	}
	r.running, r.released, r.end = false, true, time.Time{}
}

// Status returns the state of the relay.
func (r *Relay) Status() Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	return Status{State: r.state, Openings: r.openings, Err: r.err}
}

// lock drives the line to the locked level. If that fails the relay is in fault, and Run is woken to try again. r.mu must be
// held.
func (r *Relay) lock() {
	if r.timer != nil {
		r.timer.Stop()
	}
	if r.tryLock() == nil {
		return
	}
	select {
	case r.faulted <- struct{}{}:
	default:
	}
}

// tryLock drives the line to the locked level once, and sets the state by the outcome. r.mu must be held.
func (r *Relay) tryLock() error {
	if err := r.line.Set(!r.open); err != nil {
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

// retry locks the door, trying again until it succeeds or ctx ends. It returns the last error.
func (r *Relay) retry(ctx context.Context) error {
	ticker := time.NewTicker(retryEvery)
	defer ticker.Stop()
	for {
		err := r.mend()
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

// mend locks the door if it is in fault.
func (r *Relay) mend() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.state != Fault {
		return nil
	}
	return r.tryLock()
}

// stop takes the relay out of service with the door locked.
func (r *Relay) stop() error {
	r.mu.Lock()
	r.running = false
	if !r.released {
		r.lock()
	}
	released := r.released
	r.mu.Unlock()
	if released {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopFor)
	defer cancel()
	return r.retry(ctx)
}
