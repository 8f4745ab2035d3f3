package doortrial

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"facegate/cmd/facegate/internal/status"
)

// A watch gathers what a door does.
type watch struct {
	stop  context.CancelFunc
	ended chan struct{} // closed when no more comes
	news  chan struct{} // has a token when something has come

	mu      sync.Mutex // guards what follows
	moments []status.DoorMoment
	came    time.Time // when the last of them did
	err     error     // why no more comes
}

// errUnseen is for a watch that ends before it has begun.
var errUnseen = errors.New("the gate does not tell what the door does")

// newWatch begins to gather. The caller closes the watch.
func newWatch(ctx context.Context, follow func(context.Context, func(status.DoorMoment)) error) *watch {
	ctx, stop := context.WithCancel(ctx)
	w := &watch{stop: stop, ended: make(chan struct{}), news: make(chan struct{}, 1)}
	go func() {
		defer close(w.ended)
		w.end(follow(ctx, w.add))
	}()
	return w
}

// noWatch is a watch of nothing.
func noWatch() *watch {
	ended := make(chan struct{})
	close(ended)
	return &watch{stop: func() {}, ended: ended}
}

// close ends the watch, and waits for it.
func (w *watch) close() {
	w.stop()
	<-w.ended
}

func (w *watch) add(m status.DoorMoment) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.moments, w.came = append(w.moments, m), time.Now()
	select {
	case w.news <- struct{}{}:
	default:
	}
}

func (w *watch) end(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.err = err
}

// over reports whether no more comes.
func (w *watch) over() bool {
	select {
	case <-w.ended:
		return true
	default:
		return false
	}
}

// begun waits for the first moment, and returns why none comes.
func (w *watch) begun(ctx context.Context) error {
	if err := w.await(ctx, 10*time.Second, func() bool { return w.mark() > 0 }); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.moments) > 0 {
		return nil
	}
	if w.err != nil {
		return w.err
	}
	return errUnseen
}

// await waits until ok, for a time at most, or until no more comes. Its error is that of ctx.
func (w *watch) await(ctx context.Context, limit time.Duration, ok func() bool) error {
	late := time.NewTimer(limit)
	defer late.Stop()
	for !ok() {
		select {
		case <-w.news:
		case <-w.ended:
			return ctx.Err()
		case <-late.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// settle waits until nothing has come for a moment.
func (w *watch) settle(ctx context.Context) error {
	n := -1
	for n != w.mark() {
		n = w.mark()
		if err := w.await(ctx, quietTime, func() bool { return w.mark() > n }); err != nil {
			return err
		}
	}
	return nil
}

// mark returns the place behind what has come so far.
func (w *watch) mark() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.moments)
}

// since returns what has come since a mark.
func (w *watch) since(mark int) []status.DoorMoment {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.moments[mark:])
}

// first returns the first moment of a kind since a mark.
func (w *watch) first(mark int, of func(status.DoorMoment) bool) (m status.DoorMoment, ok bool) {
	all := w.since(mark)
	if i := slices.IndexFunc(all, of); i >= 0 {
		return all[i], true
	}
	return m, false
}

// now returns about the present moment, as in status.DoorMoment.Up.
func (w *watch) now() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.moments) == 0 {
		return 0
	}
	return w.moments[len(w.moments)-1].Up + time.Since(w.came)
}
