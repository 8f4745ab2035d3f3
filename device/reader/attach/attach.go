// Package attach keeps a reader open that may be taken away and come back.
package attach

import (
	"context"
	"fmt"
	"io"
	"sync"

	"facegate/configs/hint"
	"facegate/device/reader"
)

// A Point is where one reader is attached. One goroutine at a time may call Get and Lost; Fault and Close may be called from any.
type Point[T io.Closer] struct {
	open func() (T, error)
	wait func(ctx context.Context)

	mu     sync.Mutex // guards what follows
	there  bool
	now    T
	fault  error // why it is not there
	closed bool
}

// New returns the Point of a reader that open opens. Between two attempts wait is called, which returns when the next may be worth
// it.
func New[T io.Closer](open func() (T, error), wait func(ctx context.Context)) *Point[T] {
	return &Point[T]{open: open, wait: wait}
}

// Get returns the reader, which is opened if need be. A reason for which it cannot be is returned once; after that Get waits until
// the reader is there, or there is another reason. Else it returns the error of ctx, or reader.ErrClosed.
func (p *Point[T]) Get(ctx context.Context) (now T, err error) {
	for first := p.Fault() == nil; ; first = false {
		if ctx.Err() != nil {
			return now, ctx.Err()
		}
		if !first {
			p.wait(ctx)
		}
		if now, err, again := p.try(); !again {
			return now, err
		}
	}
}

// try opens the reader once. It reports whether Get has to go on.
func (p *Point[T]) try() (now T, err error, again bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closed:
		return now, closed(), false
	case p.there:
		return p.now, nil, false
	}
	if now, err = p.open(); err == nil {
		p.now, p.there, p.fault = now, true, nil
		return now, nil, false
	}
	known := p.fault != nil && p.fault.Error() == err.Error()
	p.fault = err
	return now, err, known
}

func closed() error {
	return hint.Wrap(reader.ErrClosed, "Restart the gate.")
}

// Lost closes the reader because of an error, which it returns, or reader.ErrClosed if that is why.
func (p *Point[T]) Lost(err error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return closed()
	}
	p.now.Close() // the error tells more
	p.there, p.fault = false, err
	return err
}

// Fault says why the reader is not there, nil if it is or if nobody has looked yet.
func (p *Point[T]) Fault() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fault
}

// Close closes the reader for good. It may be called again.
func (p *Point[T]) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil
	}
	p.closed = true
	if !p.there {
		return nil
	}
	if err := p.now.Close(); err != nil {
		return fmt.Errorf("close the reader: %w", err)
	}
	return nil
}
