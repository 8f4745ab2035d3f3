// Package evdev reads card readers and keypads that type like a keyboard on USB. It takes them for itself, so that no number of a
// card is typed into a console, and finds them again when they were unplugged.
package evdev

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"facegate/configs/hint"
	"facegate/device/arrival"
	"facegate/device/keypad"
	"facegate/device/reader"
	"facegate/device/reader/attach"
)

// A Config says which device to read, and what it types.
type Config struct {
	Name   string // in the configuration
	Device string // its file, best in /dev/input/by-id, where a reader keeps its name when it is plugged in again
	Keypad bool   // people type on it; else it types cards, each ended by Enter
	Secure bool   // it tells of a card only what the card has proved a key for
}

// A Reader is one reader or keypad.
type Reader struct {
	cfg   Config
	point *attach.Point[*device]

	// Read alone has these.
	typist  typist
	buffer  [64 * 24]byte
	first   *identity // when it was opened first
	arrival *arrival.Watch
	pending []result
}

// A result is what Read has to return.
type result struct {
	scan reader.Scan
	err  error
}

var _ reader.Attached = (*Reader)(nil)

// New returns the reader that cfg names. It is opened by Read.
func New(cfg Config) *Reader {
	r := &Reader{cfg: cfg}
	r.typist.emit = r.take
	if cfg.Keypad {
		r.typist.pad = new(keypad.Pad)
	}
	r.point = attach.New(r.open, r.wait)
	return r
}

func (r *Reader) String() string {
	if r.cfg.Keypad {
		return "keypad " + r.cfg.Name + ", " + r.cfg.Device
	}
	return "USB reader " + r.cfg.Name + ", " + r.cfg.Device
}

// Close implements reader.Source.
func (r *Reader) Close() error { return r.point.Close() }

// Fault implements reader.Attached.
func (r *Reader) Fault() error { return r.point.Fault() }

// open opens the device, if it is the one that was there before.
func (r *Reader) open() (*device, error) {
	d, err := openDevice(r.cfg.Device)
	if err == nil && r.first != nil && *r.first != d.is {
		err = errors.Join(fmt.Errorf("%w: %q, which was %q", ErrOther, d.is.name, r.first.name), d.Close())
	}
	if err != nil {
		return nil, fmt.Errorf("%v: %w", r, advise(err, r.cfg.Device))
	}
	if r.first == nil {
		r.first = &d.is
	}
	if r.arrival != nil {
		r.arrival.Close()
		r.arrival = nil
	}
	return d, nil
}

// lookEvery is how often a device that is not there is looked for, where nothing tells that it may be back.
const lookEvery = 2 * time.Second

// wait returns when it may be worth it to open the device. What has happened before it began to watch nobody has seen.
func (r *Reader) wait(ctx context.Context) {
	if r.arrival != nil {
		r.arrival.Wait(ctx, lookEvery)
		return
	}
	var err error
	if r.arrival, err = arrival.New(r.cfg.Device); err != nil {
		r.arrival = nil
		timer := time.NewTimer(lookEvery)
		defer timer.Stop()
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
	}
}

// Read implements reader.Source.
func (r *Reader) Read(ctx context.Context) (reader.Scan, error) {
	for {
		if ctx.Err() != nil {
			return reader.Scan{}, ctx.Err()
		}
		if len(r.pending) > 0 {
			next := r.pending[0]
			r.pending = r.pending[1:]
			return next.scan, next.err
		}
		d, err := r.point.Get(ctx)
		if err != nil {
			return reader.Scan{}, err
		}
		if err := r.listen(ctx, d); err != nil {
			r.typist.reset()
			return reader.Scan{}, r.point.Lost(fmt.Errorf("%v: %w", r, advise(err, r.cfg.Device)))
		}
	}
}

// listen follows what is typed until there is something to return, or ctx is done.
func (r *Reader) listen(ctx context.Context, d *device) error {
	stop := context.AfterFunc(ctx, func() { _ = d.file.SetReadDeadline(time.Unix(1, 0)) }) // it fails once the file is closed
	defer stop()
	for len(r.pending) == 0 {
		if err := d.file.SetReadDeadline(r.typist.due()); err != nil {
			return err
		}
		if ctx.Err() != nil { // the deadline of the end may have come before this one
			return nil
		}
		events, err := d.read(r.buffer[:])
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
		for _, e := range events {
			r.typist.see(e)
		}
		if err != nil {
			r.typist.lapse(time.Now())
		}
	}
	return nil
}

// take makes a scan of what was typed.
func (r *Reader) take(value []byte, at time.Time, err error) {
	if err != nil {
		r.pending = append(r.pending, result{err: hint.Wrap(fmt.Errorf("%v: %w", r, err),
			"Show the card again, or type again. If that happens often, set the reader to end each number with Enter: docs/readers.md.")})
		return
	}
	kind := reader.Card
	switch {
	case r.cfg.Keypad:
		kind = reader.Keys
	case r.cfg.Secure:
		kind = reader.SecureCard
	}
	r.pending = append(r.pending, result{scan: reader.Scan{Reader: r.cfg.Name, Kind: kind, Value: value, At: at}})
}
