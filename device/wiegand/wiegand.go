package wiegand

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"facegate/configs/hint"
	"facegate/device/keypad"
	"facegate/device/reader"
	"facegate/device/reader/attach"
)

// Lines are the data lines of a reader, as gpio.Pair says.
type Lines interface {
	Watch(ctx context.Context, fell func(line int, at time.Duration, seq uint32), rests func(at time.Duration, low [2]bool)) error
	Close() error
	String() string
}

// A Config says what a reader sends.
type Config struct {
	Name   string // in the configuration
	Format int    // bits of a card; 0 if it sends none
	Keys   bool   // it has keys, of four bits each
	Secure bool   // it tells of a card only what the card has proved a key for
	Twice  bool   // a card counts when it was read twice
}

// ErrStuck says that a data line does not come back to rest.
var ErrStuck = errors.New("a data line stays low")

// stuckAfter is for how long a line may be low at the most. A pulse is 100 µs long.
const stuckAfter = 2 * time.Second

// retry is how often lines are tried that cannot be had.
const retry = time.Second

// A Reader is a Wiegand reader.
type Reader struct {
	cfg   Config
	lines *attach.Point[Lines]

	// Read alone has these.
	decoder  *Decoder
	begun    bool // the decoder knows when the edges began
	pad      keypad.Pad
	spoilt   bool // a key was missed of what is being typed
	pending  []result
	zero     time.Time    // that is zero to the edges
	lowSince [2]time.Time // of a line; zero if it is at rest

	mu    sync.Mutex // guards stuck
	stuck [2]error   // why a line cannot be read
}

// A result is what Read has to return.
type result struct {
	scan reader.Scan
	err  error
}

// New returns the reader on the lines that open opens; they are opened by Read. It refuses with ErrFormat.
func New(cfg Config, open func() (Lines, error)) (*Reader, error) {
	var f Format
	if cfg.Format != 0 || !cfg.Keys {
		var err error
		if f, err = FormatOf(cfg.Format); err != nil {
			return nil, err
		}
	}
	r := &Reader{cfg: cfg, lines: attach.New(open, func(ctx context.Context) { reader.Rest(ctx, retry) })}
	r.decoder = NewDecoder(f, cfg.Keys, cfg.Twice, r.take)
	return r, nil
}

var _ reader.Attached = (*Reader)(nil)

func (r *Reader) String() string { return "Wiegand reader " + r.cfg.Name }

// Close implements reader.Source.
func (r *Reader) Close() error { return r.lines.Close() }

// Fault implements reader.Attached.
func (r *Reader) Fault() error {
	if err := r.lines.Fault(); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return cmp.Or(r.stuck[0], r.stuck[1])
}

// Read implements reader.Source.
func (r *Reader) Read(ctx context.Context) (reader.Scan, error) {
	for ctx.Err() == nil {
		if len(r.pending) > 0 {
			next := r.pending[0]
			r.pending = r.pending[1:]
			return next.scan, next.err
		}
		lines, err := r.lines.Get(ctx)
		if err != nil {
			return reader.Scan{}, err
		}
		if err := r.watch(ctx, lines); err != nil {
			r.begun = false
			return reader.Scan{}, r.lines.Lost(fmt.Errorf("%v: %w", r, err))
		}
	}
	return reader.Scan{}, ctx.Err()
}

// watch watches the lines until there is something to return.
func (r *Reader) watch(ctx context.Context, lines Lines) error {
	ctx, enough := context.WithCancel(ctx)
	defer enough()
	return lines.Watch(ctx,
		func(line int, at time.Duration, seq uint32) {
			r.begin(at)
			r.decoder.Edge(Edge{line, at, seq})
		},
		func(at time.Duration, low [2]bool) {
			r.begin(at)
			now := time.Now()
			r.zero = now.Add(-at)
			r.decoder.Rest(at, low[0] && low[1])
			for line, is := range low {
				r.level(line, is, now)
			}
			if r.pad.Lapse(now); r.pad.Due().IsZero() {
				r.spoilt = false
			}
			if len(r.pending) > 0 {
				enough()
			}
		})
}

// begin tells the decoder that the edges begin now, once. What was before nobody knows.
func (r *Reader) begin(now time.Duration) {
	if r.begun {
		return
	}
	r.begun, r.zero, r.spoilt = true, time.Now().Add(-now), false
	r.decoder.Begin(now)
}

// take makes a scan of what the decoder has read.
func (r *Reader) take(read Read, err error) {
	at := r.zero.Add(read.At)
	switch {
	case err != nil && !r.pad.Due().IsZero():
		r.spoilt = true // it is told once the rest was typed
	case err != nil:
		r.fail(err)
	case read.Key != 0:
		r.press(read.Key, at)
	case r.cfg.Secure:
		r.add(reader.SecureCard, read.Card, at)
	default:
		r.add(reader.Card, read.Card, at)
	}
}

// press takes a key of a keypad.
func (r *Reader) press(key byte, at time.Time) {
	typed := r.pad.Press(key, at)
	switch {
	case typed == nil:
	case r.spoilt:
		clear(typed)
		r.spoilt = false
		r.fail(ErrKey)
	default:
		r.add(reader.Keys, typed, at)
	}
}

func (r *Reader) add(kind reader.Kind, value []byte, at time.Time) {
	r.pending = append(r.pending, result{scan: reader.Scan{Reader: r.cfg.Name, Kind: kind, Value: value, At: at}})
}

func (r *Reader) fail(err error) {
	r.pending = append(r.pending, result{err: hint.Wrap(fmt.Errorf("%v: %w", r, err),
		"Show the card again, or type again. If that happens often, look at the cable of the reader: docs/readers.md.")})
}

// level notes since when a line is low, and says so if it does not come back.
func (r *Reader) level(line int, low bool, now time.Time) {
	was := r.lowSince[line]
	switch {
	case !low:
		r.lowSince[line] = time.Time{}
		r.setStuck(line, nil)
	case was.IsZero():
		r.lowSince[line] = now
	case now.Sub(was) >= stuckAfter:
		err := hint.Wrap(fmt.Errorf("%v: %w: D%d", r, ErrStuck, line),
			"Check that the reader has power, and that D%d is not shorted to ground.", line)
		if r.setStuck(line, err) {
			r.pending = append(r.pending, result{err: err})
		}
	}
}

// setStuck says why a line is stuck, or that it is not. It reports whether that is news.
func (r *Reader) setStuck(line int, err error) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	news := (r.stuck[line] == nil) != (err == nil)
	if news {
		r.stuck[line] = err
	}
	return news
}
