package daemon

import (
	"context"
	"time"

	"facegate/gpio"
	"facegate/gpio/door"
)

// A keeper is the task of the door. It begins before all others, and before Run: exit button and fire alarm work while networks
// are loaded, and while a disk hangs.
type keeper struct {
	*door.Controller
	leaves func() bool // a fresh process is to take the line over
	cancel context.CancelFunc
	ended  chan error // gets one value when the door is kept no more, and is closed
}

// keep has a door kept until stop, or until a Run that follows ends. If that panics, the relay is released on the way.
func keep(c *door.Controller, line gpio.Line, leaves func() bool) *keeper {
	ctx, cancel := context.WithCancel(context.Background())
	k := &keeper{Controller: c, leaves: leaves, cancel: cancel, ended: make(chan error, 1)}
	go func() {
		defer close(k.ended)
		gpio.Guard(line, func() { k.ended <- c.Run(ctx) })
	}()
	return k
}

// Run waits until ctx is cancelled, and then ends the keeping. The relay is released at once: what else has to end may take long, and
// nobody is to be shut in meanwhile. If a fresh process takes over, the door is kept until stop.
func (k *keeper) Run(ctx context.Context) error {
	select {
	case <-ctx.Done():
		if k.leaves() {
			return nil
		}
		k.Free()
		return k.stop()
	case err := <-k.ended:
		return err
	}
}

// stop ends the keeping, and returns once the door is locked, or left open to a fresh process by what lasts. It returns what came of it
// once.
func (k *keeper) stop() error {
	if k.leaves() {
		k.rest()
		k.Leave()
	}
	k.cancel()
	return <-k.ended
}

// rest waits until nobody passes the door, for as long as a pulse can take.
func (k *keeper) rest() {
	for end := time.Now().Add(gpio.MaxLease); passing(k.Status()) && time.Now().Before(end); {
		time.Sleep(quietEvery)
	}
}

// passing reports whether a door is unlocked for somebody, and not by what lasts.
func passing(s door.Status) bool {
	lasts := s.Why == door.Hold || s.Why == door.Schedule || s.Why == door.Fire
	return s.State == gpio.Unlocked && !lasts
}
