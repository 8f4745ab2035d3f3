package desk

import (
	"context"
	"errors"
	"time"

	"facegate/configs/hint"
	"facegate/device/reader"
)

// pause is how long a reader is left alone that cannot be read.
const pause = time.Second

// A Listener is the task that serves one reader.
type Listener struct {
	desk   *Desk
	source reader.Source
	ready  chan struct{}
}

// Listen returns the task that serves a reader. It closes the reader when it ends.
func (d *Desk) Listen(s reader.Source) *Listener { return &Listener{d, s, make(chan struct{})} }

func (l *Listener) String() string { return "reader " + l.source.String() }

// Ready is closed when the reader is listened to.
func (l *Listener) Ready() <-chan struct{} { return l.ready }

// Run serves the reader until ctx is cancelled, and returns nil. A reader that cannot be read is tried again: the others, the faces
// and the door go on.
func (l *Listener) Run(ctx context.Context) error {
	defer l.source.Close()
	close(l.ready)
	for {
		s, err := l.source.Read(ctx)
		switch {
		case ctx.Err() != nil:
			s.Clear()
			return nil
		case err == nil:
			l.desk.well(l.source)
			l.desk.serve(s)
		case errors.Is(err, reader.ErrUnread):
			l.desk.parts.Said(Said{Reader: l.source.String(), Unread: true})
		case errors.Is(err, reader.ErrClosed):
			<-ctx.Done() // there is no more to come
			return nil
		default:
			l.desk.ill(l.source, err)
			reader.Rest(ctx, pause)
		}
	}
}

// ill notes that a reader cannot be read, and says it once.
func (d *Desk) ill(s reader.Source, err error) {
	name := s.String()
	d.mu.Lock()
	before := d.faults[name]
	d.faults[name] = err
	d.mu.Unlock()
	if before == nil || before.Error() != err.Error() {
		d.parts.Log.Error("a reader cannot be read; the other ways in work", "reader", name, "error", err, "hint", hint.Of(err))
	}
}

// well notes that a reader can be read.
func (d *Desk) well(s reader.Source) {
	name := s.String()
	d.mu.Lock()
	before := d.faults[name]
	delete(d.faults, name)
	d.mu.Unlock()
	if before != nil {
		d.parts.Log.Info("a reader can be read again", "reader", name)
	}
}
