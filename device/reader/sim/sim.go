// Package sim is a reader without a device, the twin of those that have one: what is shown at it is for the program to say.
package sim

import (
	"context"
	"sync"
	"time"

	"facegate/device/reader"
)

// A Reader is a reader.Source at which a program shows cards and codes, and types. It is safe for concurrent use.
type Reader struct {
	name  string
	scans chan reader.Scan
	errs  chan error
	shut  chan struct{}
	close sync.Once
}

// New returns a Reader of this name.
func New(name string) *Reader {
	return &Reader{name: name, scans: make(chan reader.Scan), errs: make(chan error), shut: make(chan struct{})}
}

// Show has a value read now. It returns once that is being served.
func (r *Reader) Show(k reader.Kind, value []byte) {
	select {
	case r.scans <- reader.Scan{Reader: r.name, Kind: k, Value: value, At: time.Now()}:
	case <-r.shut:
	}
}

// Fail has the reader fail once.
func (r *Reader) Fail(err error) {
	select {
	case r.errs <- err:
	case <-r.shut:
	}
}

func (r *Reader) String() string { return r.name }

// Read implements reader.Source.
func (r *Reader) Read(ctx context.Context) (reader.Scan, error) {
	select {
	case s := <-r.scans:
		return s, nil
	case err := <-r.errs:
		return reader.Scan{}, err
	case <-ctx.Done():
		return reader.Scan{}, ctx.Err()
	case <-r.shut:
		return reader.Scan{}, reader.ErrClosed
	}
}

// Close implements reader.Source.
func (r *Reader) Close() error {
	r.close.Do(func() { close(r.shut) })
	return nil
}
