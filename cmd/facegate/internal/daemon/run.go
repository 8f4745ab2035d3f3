package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"

	sd "github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"facegate/cmd/facegate/internal/crashes"
	"facegate/configs/hint"
	"facegate/device"
	"facegate/gpio"
)

// A task is anything that runs for as long as the daemon does. Its Run returns nil when ctx is cancelled.
type task interface {
	fmt.Stringer
	Run(ctx context.Context) error
	Ready() <-chan struct{}
}

// Run runs every task until ctx is cancelled or a recording has ended, which both return nil, or a task fails. It may be
// called once. When it returns, everything that New opened is closed, but for what is left after ErrHandover.
func (d *Daemon) Run(ctx context.Context) error {
	ctx, abort := context.WithCancel(ctx)
	defer abort()
	// The record outlasts the door, and the publisher the record: no grant goes unwritten, or untold. The door does not: it ends
	// the pulse under way and takes no other as soon as anything ends, however long the rest of the gate takes.
	stopRecord := d.runLasting(ctx, abort, d.record)
	stopPublisher := func() error { return nil }
	if d.speaks() {
		stopPublisher = d.runLasting(ctx, abort, d.publisher)
	}
	asked := d.runTasks(ctx, append(slices.Concat(d.codeTasks(), d.deskTasks(), d.guiding(), d.sight(), d.mending(), d.monitored()),
		d.door, d.events, d.plan, d.camera, d.prompt, d.entry, d.glance, d.bulletin, d.cosigning, d.control,
		newSweeper(d.register, d.store, d.handover.ask, d.log),
		d.watchdog, d.notifier, d.handover)...)
	recorded := stopRecord()
	if d.handover.socket != nil {
		d.log.Info("handing over to a fresh process")
		d.publisher.HandOver()
	}
	err := errors.Join(asked, recorded, stopPublisher(), d.closeParts())
	if err == nil && d.handover.socket != nil {
		return ErrHandover
	}
	if err = errors.Join(err, d.closeLine()); err != nil {
		return err
	}
	d.log.Info("stopped, with the door line at its safe level", "line", d.line.String())
	return nil
}

// sight are the tasks that bring frames, or bring faces back.
func (d *Daemon) sight() (tasks []task) {
	if d.opensCamera() {
		tasks = append(tasks, d.capture)
	}
	if d.lesser != nil {
		tasks = append(tasks, newRecovery(crashes.Steady, d.tryAll))
	}
	return tasks
}

// runLasting runs t until stop is called, which returns what came of it, also after ctx has ended. If t ends before, it aborts the
// others.
func (d *Daemon) runLasting(ctx context.Context, abort context.CancelFunc, t task) (stop func() error) {
	lasting, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() {
		defer abort()
		ended <- d.runTasks(lasting, t)
	}()
	return func() error {
		cancel()
		return <-ended
	}
}

// runTasks runs tasks side by side until all have returned. The first that fails, or the end of a recording, stops the
// others, and so does a handover; every failure counts.
func (d *Daemon) runTasks(ctx context.Context, tasks ...task) error {
	group, ctx := errgroup.WithContext(ctx)
	errs := make([]error, len(tasks))
	for i, t := range tasks {
		group.Go(func() error {
			err := d.runTask(ctx, t)
			if err != nil && !errors.Is(err, device.ErrEnd) && !errors.Is(err, ErrHandover) && !errors.Is(err, ErrMended) {
				errs[i] = fmt.Errorf("%s: %w", t, err)
			}
			return err
		})
	}
	if errors.Is(group.Wait(), device.ErrEnd) {
		d.log.Info("the recording has ended")
	}
	return errors.Join(errs...)
}

// runTask runs t. A panic ends the process at once, and no other goroutine does anything any more: the one that panics
// releases the relay on its way. After what else may end a process at once, it is for the command that the service manager runs
// after every stop (facegate door safe).
func (d *Daemon) runTask(ctx context.Context, t task) (err error) {
	gpio.Guard(d.line, func() { err = t.Run(ctx) })
	return err
}

// Ready is closed when the gate is in service.
func (d *Daemon) Ready() <-chan struct{} { return d.notifier.Ready() }

// close releases what is open. The line goes last, driven to its safe level.
func (d *Daemon) close() error { return errors.Join(d.closeParts(), d.closeLine()) }

// closeParts releases all but the line, which nobody drives any more.
func (d *Daemon) closeParts() error {
	var errs []error
	if d.store != nil {
		errs = append(errs, d.store.Close())
	}
	if d.claim != nil {
		d.claim.Close()
	}
	for _, r := range d.readers {
		errs = append(errs, r.Close())
	}
	if d.door != nil { // exit button and fire alarm are heard until all else has ended
		errs = append(errs, d.door.stop())
	}
	errs = append(errs, d.wires.closeOthers()...)
	for _, l := range []gpio.Line{d.lights.Left, d.lights.Right} {
		if l != nil {
			errs = append(errs, l.Close())
		}
	}
	return errors.Join(errs...)
}

func (d *Daemon) closeLine() error {
	if d.line == nil {
		return nil
	}
	return hint.Wrap(d.line.Close(), "the door may be open: run facegate door safe, and check the wiring")
}

// A notifier is the task that tells systemd and the log when the gate is in service. The camera and the broker are not
// waited for: a gate that has lost one of them serves its technicians, and says so in its status.
type notifier struct {
	d     *Daemon
	ready chan struct{}
}

func newNotifier(d *Daemon) *notifier { return &notifier{d, make(chan struct{})} }

func (n *notifier) String() string         { return "notifier" }
func (n *notifier) Ready() <-chan struct{} { return n.ready }

func (n *notifier) Run(ctx context.Context) error {
	for _, t := range []task{n.d.door, n.d.camera, n.d.entry, n.d.record, n.d.control} {
		select {
		case <-t.Ready():
		case <-ctx.Done():
			return nil
		}
	}
	close(n.ready)
	if begun := n.d.outside.InService; begun != nil {
		begun()
	}
	c := n.d.config
	n.d.log.Info("in service", "site", c.Site, "gate", c.Gate, "people", n.d.register.Len(), "socket", c.Control.Socket)
	if _, err := sd.SdNotify(false, sd.SdNotifyReady+watchdogIn(0)); err != nil {
		return hint.Wrap(fmt.Errorf("tell systemd: %w", err), "check NOTIFY_SOCKET, or start facegate without it")
	}
	<-ctx.Done()
	_, err := sd.SdNotify(false, n.farewell())
	return err
}

// farewell tells systemd that the gate stops, or is not ready until the fresh process says so (sd_notify(3)).
func (n *notifier) farewell() string {
	if !n.d.handover.due.Load() {
		return sd.SdNotifyStopping
	}
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return sd.SdNotifyReloading + watchdogIn(startLimit)
	}
	return fmt.Sprintf("%s\nMONOTONIC_USEC=%d%s", sd.SdNotifyReloading, now.Nano()/1000, watchdogIn(startLimit))
}
