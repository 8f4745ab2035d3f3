package daemon

import (
	"context"
	"errors"
	"os"
	"time"
)

// mendedEvery is how often is looked whether something is mended that was broken at the start.
const mendedEvery = 5 * time.Second

// A mendedWatch is the task that waits until something is mended, and says so once.
type mendedWatch struct {
	mended func() bool
	then   func() error // Run returns its error
	every  time.Duration
	ready  chan struct{}
}

func newMendedWatch(every time.Duration, mended func() bool, then func() error) *mendedWatch {
	return &mendedWatch{mended, then, every, make(chan struct{})}
}

func (w *mendedWatch) String() string         { return "watch of what is broken" }
func (w *mendedWatch) Ready() <-chan struct{} { return w.ready }

// Run implements task.
func (w *mendedWatch) Run(ctx context.Context) error {
	close(w.ready)
	tick := time.NewTicker(w.every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if w.mended() {
			return w.then()
		}
	}
}

// mending are the tasks that have a fresh process take over once something is mended without which the gate has started.
func (d *Daemon) mending() (tasks []task) {
	again := func(what string) func() error {
		return func() error {
			d.log.Info(what)
			d.handover.ask()
			return nil
		}
	}
	if d.unseen != nil {
		tasks = append(tasks, newMendedWatch(mendedEvery, d.networksMended(), again("the networks can be used")))
	}
	if d.store.ReadOnly() {
		c := d.config
		mended := func() bool { return writable(c.StateDir, c.KeysDir, c.AnchorDir) }
		tasks = append(tasks, newMendedWatch(mendedEvery, mended, again("the disk can be written to again")))
	}
	return tasks
}

// enough is what has to fit on a disk before it is tried again: a store that is made needs half of it.
const enough = 1 << 20

// writable writes into each folder, which may have to be made first, and removes it again.
func writable(dirs ...string) bool {
	for _, dir := range dirs {
		if os.MkdirAll(dir, 0o700) != nil || !fits(dir) {
			return false
		}
	}
	return true
}

func fits(dir string) bool {
	f, err := os.CreateTemp(dir, ".room-*")
	if err != nil {
		return false
	}
	defer os.Remove(f.Name())
	_, err = f.Write(make([]byte, enough))
	return errors.Join(err, f.Sync(), f.Close()) == nil
}
