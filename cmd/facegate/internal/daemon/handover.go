package daemon

import (
	"context"
	"errors"
	"os"
	"sync/atomic"
	"time"

	"facegate/cmd/facegate/internal/cosigning"
	"facegate/gpio"
	"facegate/gpio/door"
)

// ErrHandover is the end of a Daemon that is to be followed by a fresh process, which takes over what Leave returns.
//
// The memory of a process cannot be cleared of what passed through it: the runtime and the libraries copy names, letters
// and templates as they like, and free what they have copied without overwriting it. So a process ends that has held
// somebody who was erased. The kernel gives the memory of a process that ended to nobody before it is overwritten.
var ErrHandover = errors.New("something was destroyed: a fresh process is to go on, in whose memory it never was")

// Left is what a process leaves open to the one that takes its place.
type Left struct {
	Socket  *os.File        // the control socket: whoever connects to it waits for the next process
	Line    *os.File        // what holds the line of the relay, whose level stays as it is; nil for a line that is to be opened anew
	Door    *door.Left      // what lasts at the door; nil for nothing
	Hold    *Hold           // who holds it; nil for nobody
	Silent  bool            // the broker was told to forget the gate, which says nothing that is retained
	Witness *cosigning.Left // when witnesses are asked next; nil for at once
	Stands  bool            // somebody who was just captured may stand at the door, whom it is not to open for
}

const (
	// handoverPatience is for how long a handover waits for an enrolment or a pulse that is under way.
	handoverPatience = 90 * time.Second

	// quietEvery is how often it looks whether they are.
	quietEvery = 20 * time.Millisecond
)

// A handover is the task that ends the Daemon after something was destroyed, as soon as nobody is being captured or let in. Under
// a fire alarm it waits for its end, since no process hears the exit button for a moment.
type handover struct {
	enabled bool        // whoever runs the Daemon starts another
	process string      // the name of this process
	due     atomic.Bool // something was destroyed
	leaving atomic.Bool // Run returns ErrHandover
	quiet   func() bool
	fire    func() bool              // there is a fire alarm, under which the door stays open
	leave   func() (*os.File, error) // lets go of the control socket
	asked   chan struct{}
	ready   chan struct{}
	socket  *os.File // once Run has returned ErrHandover
}

func (h *handover) String() string         { return "handover" }
func (h *handover) Ready() <-chan struct{} { return h.ready }

// ask says that something was destroyed.
func (h *handover) ask() {
	if h.enabled && !h.due.Swap(true) {
		close(h.asked)
	}
}

// Run returns ErrHandover when it is time to, and nil if ctx is cancelled before.
func (h *handover) Run(ctx context.Context) (err error) {
	close(h.ready)
	select {
	case <-h.asked:
	case <-ctx.Done():
		return nil
	}
	late := time.After(handoverPatience)
	look := time.NewTicker(quietEvery)
	defer look.Stop()
	for !h.quiet() {
		select {
		case <-look.C:
			continue
		case <-late:
			if h.fire() {
				late = time.After(quietEvery)
				continue
			}
		case <-ctx.Done():
			return nil
		}
		break
	}
	if h.socket, err = h.leave(); err != nil {
		return err
	}
	h.leaving.Store(true)
	return ErrHandover
}

// Process implements control.Host.
func (d *Daemon) Process() (name string, ends bool) { return d.handover.process, d.handover.due.Load() }

// Leave returns what the next process takes over, after Run has returned ErrHandover. The relay does not notice: one that
// holds a door shut goes on doing so, and so does one that leaves it open by a hold or by its schedule.
func (d *Daemon) Leave() (left Left, err error) {
	left.Socket, left.Door, left.Hold = d.handover.socket, d.door.Left(), d.holding.left(time.Now())
	left.Silent, left.Stands, left.Witness = d.publisher.Silent(), d.camera.Lingers(), d.cosigning.Left()
	if lasting, can := d.line.(gpio.Lasting); can {
		left.Line, err = lasting.Leave()
	} else {
		err = d.closeLine()
	}
	if err != nil {
		return Left{}, errors.Join(err, left.Socket.Close())
	}
	return left, nil
}

// Release closes what Leave would leave, after Run has returned ErrHandover, if no process is to go on.
func (d *Daemon) Release() error { return errors.Join(d.handover.socket.Close(), d.closeLine()) }

// quiet reports whether nobody is being captured, and nobody is passing. What is open for hours is not waited for, since the memory
// is to be gone: the next process goes on with it.
func (d *Daemon) quiet() bool {
	s := d.door.Status()
	return !d.camera.Enrolling() && !passing(s) && s.Why != door.Fire
}

// fire reports whether there is a fire alarm.
func (d *Daemon) fire() bool { return d.door.Status().Why == door.Fire }

// handsOver reports whether a fresh process is to go on.
func (d *Daemon) handsOver() bool { return d.handover != nil && d.handover.leaving.Load() }
