// Package feed delivers what happened: every message of an outbox, at least once, in order and one at a time.
//
//  1. Append puts a message into the outbox, and waits for nobody.
//  2. Serve sends the oldest message, on one connection, and waits until it has arrived.
//  3. Only then the message leaves the outbox, and the next one is sent.
//  4. What has not arrived when a connection ends stays the oldest, and is sent again on the next connection.
//
// So a message that was sent before, or that waited for a connection, had a number already when the connection began: it is
// replayed, and says so.
package feed

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
)

// ErrKept means that a message was delivered and could not be removed from the outbox. It will be delivered again.
var ErrKept = errors.New("a delivered message could not be removed")

// ErrForeign is for a Send to say that it can make nothing of a message, which another version of this program may have left.
var ErrForeign = errors.New("the message is of no known kind")

// A Send delivers a message, and returns nil once it has arrived. It does not change msg.
type Send func(ctx context.Context, msg []byte, replayed bool) error

// A Feed is an outbox that is being emptied.
type Feed struct {
	outbox  Outbox
	log     *slog.Logger
	wake    chan struct{} // tells that the outbox has a new message
	backlog uint64        // number of the newest message when the connection began
}

// New returns a Feed of what is in o and what is added to the Feed.
func New(o Outbox, log *slog.Logger) *Feed {
	return &Feed{outbox: o, log: log, wake: make(chan struct{}, 1)}
}

// Append adds a message, with the mark of the Outbox. An error means that it will never be delivered.
func (f *Feed) Append(msg, mark []byte) error {
	if err := f.outbox.Append(msg, mark); err != nil {
		return err
	}
	select {
	case f.wake <- struct{}{}:
	default: // Serve is told already, and has not looked yet
	}
	return nil
}

// Stats returns how many messages wait, and how many were given up.
func (f *Feed) Stats() (queued int, dropped uint64) { return f.outbox.Stats() }

// Oldest returns the oldest message that waits; ok is false if none does. The caller does not change it.
func (f *Feed) Oldest() (msg []byte, ok bool) {
	_, msg, ok = f.outbox.Next()
	return msg, ok
}

// Begin says that the connection is a new one. What is in the outbox by now will be replayed. It must not run beside Serve.
func (f *Feed) Begin() { f.backlog = f.outbox.Last() }

// Serve sends what is in the outbox and what is added to it. It returns nil when stop is closed and nothing is left to send.
// Otherwise it returns the error of send, ErrKept, or why ctx has ended. It must not run twice at a time.
func (f *Feed) Serve(ctx context.Context, stop <-chan struct{}, send Send) error {
	for {
		n, msg, ok := f.outbox.Next()
		if ok {
			if err := f.deliver(ctx, n, msg, send); err != nil {
				return err
			}
			continue
		}
		select {
		case <-f.wake:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-stop:
			if queued, _ := f.outbox.Stats(); queued == 0 { // otherwise one was added just before
				return nil
			}
		}
	}
}

// deliver sends message n and removes it from the outbox. A foreign one is removed unsent: it must not keep the others waiting
// for ever.
func (f *Feed) deliver(ctx context.Context, n uint64, msg []byte, send Send) error {
	err := send(ctx, msg, n <= f.backlog)
	if errors.Is(err, ErrForeign) {
		f.log.Warn("a message of the outbox is dropped unsent", "error", err, "hint", "another version of facegate may have left it")
	} else if err != nil {
		return fmt.Errorf("message %d: %w", n, err)
	}
	if err := f.outbox.Ack(n); err != nil {
		return fmt.Errorf("%w: %w", ErrKept, err)
	}
	return nil
}
