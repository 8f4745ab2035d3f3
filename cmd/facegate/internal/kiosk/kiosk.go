// Package kiosk serves the page of a screen at the door to a browser on the same machine: what to do next, the other ways in,
// and the notice. It knows the steps of package guide, and neither pictures nor people.
//
// The page is plain HTML that follows one stream of server-sent events. An event is the name of a step, and nothing else but, of a
// door that is shut to all, until when. Every connection begins with the step that is shown, so that a screen that was away needs no
// history, and there is none.
package kiosk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"facegate/cmd/facegate/internal/guide"
	"facegate/configs/hint"
	"facegate/configs/notice"
	"facegate/configs/passage"
)

var (
	// ErrListen says that the page cannot be served for now.
	ErrListen = errors.New("the page of the screen cannot be served")

	// ErrReachable says that the page would be seen on other machines.
	ErrReachable = errors.New("the page of the screen would be seen on other machines")
)

const (
	maxScreens     = 4                // that follow at a time
	maxConnections = 16               // a browser has six, and no other program of this machine is to use up the files of the gate
	aliveEvery     = 15 * time.Second // after which a comment says that the stream is still there
	slow           = 5 * time.Second  // in which a screen takes what is sent, or it is dropped
	againEvery     = 5 * time.Second  // between attempts to listen
)

// Parts are what a Kiosk works with.
type Parts struct {
	Network, Address string        // where it listens: "tcp" or "unix"
	Notices          []notice.Text // in the languages of the screen, the first one first; at least one
	Ways             []passage.Way // the other ways in
	Log              *slog.Logger

	Listen func(ctx context.Context, network, address string) (net.Listener, error) // of the machine if it is nil
}

// A Kiosk is the task. Its methods may be called from several goroutines.
type Kiosk struct {
	parts Parts
	pages map[string]page
	ready chan struct{}

	mu      sync.Mutex // guards what follows
	shown   event
	screens map[screen]struct{}
	open    int      // connections
	at      net.Addr // where it listens; nil if it does not
	err     error    // why it does not
}

// An event is what a screen is sent: a step, and of guide.Shut a space and until when, where that is known: a time of day of today, such
// as 18:00, or a date and a time, such as 2026-12-28T08:00, by the clock on the wall of the door.
type event string

// A screen is a page that follows. It holds the newest event that was not sent yet.
type screen chan event

// New returns a Kiosk, which shows Wait until it is told more.
func New(p Parts) (*Kiosk, error) {
	if p.Listen == nil {
		p.Listen = listen
	}
	all, err := pages(p.Notices, p.Ways)
	if err != nil {
		return nil, err
	}
	return &Kiosk{parts: p, pages: all, ready: make(chan struct{}), shown: event(guide.Wait), screens: make(map[screen]struct{})}, nil
}

func (k *Kiosk) String() string { return "screen at the door" }

// Ready is closed when Run has begun. No gate waits for its screen.
func (k *Kiosk) Ready() <-chan struct{} { return k.ready }

// Show has every screen show a step. It waits for none of them.
func (k *Kiosk) Show(s guide.Step) { k.send(event(s)) }

// ShowShut has every screen show, at now, that the door is shut to all until a time in the zone of the door; zero for nobody knows.
func (k *Kiosk) ShowShut(until, now time.Time) {
	e := event(guide.Shut)
	switch now = now.In(until.Location()); {
	case until.IsZero():
	case until.YearDay() == now.YearDay() && until.Year() == now.Year():
		e += event(until.Format(" 15:04"))
	default:
		e += event(until.Format(" 2006-01-02T15:04"))
	}
	k.send(e)
}

func (k *Kiosk) send(e event) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if e == k.shown {
		return
	}
	k.shown = e
	for c := range k.screens {
		c.put(e)
	}
}

// put replaces what was not sent yet. It is called with the mutex of the Kiosk.
func (s screen) put(e event) {
	select {
	case <-s:
	default:
	}
	s <- e
}

// Watched reports whether a screen follows.
func (k *Kiosk) Watched() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.screens) > 0
}

// Addr returns where the Kiosk listens, nil if it does not.
func (k *Kiosk) Addr() net.Addr {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.at
}

// Err says why no page is served, with a hint; nil if one is.
func (k *Kiosk) Err() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.err
}

// Run serves the page until ctx is cancelled. Where it cannot listen it tries again: a door has other ways in than its screen.
func (k *Kiosk) Run(ctx context.Context) error {
	close(k.ready)
	for ctx.Err() == nil {
		l, err := k.listen(ctx)
		k.note(l, err)
		if err == nil {
			err = k.serve(ctx, l)
			k.note(nil, err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(againEvery):
		}
	}
	return nil
}

// note notes where the Kiosk listens, or why it does not. The same trouble is told once.
func (k *Kiosk) note(l net.Listener, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	told := k.err != nil
	k.at, k.err = nil, err
	switch {
	case err != nil && !told:
		k.parts.Log.Error("the screen at the door has no page", "error", err, "hint", hint.Of(err))
	case l != nil:
		k.at = l.Addr()
		k.parts.Log.Info("the page of the screen at the door is served", "at", l.Addr().String())
	}
}

// listen opens the place of the page, and closes it again if other machines could reach it.
func (k *Kiosk) listen(ctx context.Context) (net.Listener, error) {
	l, err := k.parts.Listen(ctx, k.parts.Network, k.parts.Address)
	if err != nil {
		return nil, hint.Wrap(fmt.Errorf("%w: %w", ErrListen, err),
			"see who else listens there (ss -lptn, ss -lpx), or correct kiosk.listen; it is tried again by itself")
	}
	if at, ok := l.Addr().(*net.TCPAddr); ok && !at.IP.IsLoopback() {
		return nil, hint.Wrap(errors.Join(fmt.Errorf("%w: %v", ErrReachable, at), l.Close()), "let kiosk.listen be 127.0.0.1:8686")
	}
	return l, nil
}

// listen listens at an address, or at a socket that every user of this machine may open, as they may an address. A socket that
// a dead gate has left is replaced.
func listen(ctx context.Context, network, address string) (net.Listener, error) {
	var c net.ListenConfig
	if network != "unix" {
		return c.Listen(ctx, network, address)
	}
	if left, err := os.Lstat(address); err == nil && left.Mode().Type() == os.ModeSocket {
		if conn, err := net.Dial("unix", address); err == nil {
			return nil, errors.Join(fmt.Errorf("%s is in use", address), conn.Close())
		}
		if err := os.Remove(address); err != nil {
			return nil, err
		}
	}
	l, err := c.Listen(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(address, 0o666); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// serve serves the page until ctx is cancelled or the listener fails.
func (k *Kiosk) serve(ctx context.Context, l net.Listener) error {
	server := &http.Server{
		Handler: k, BaseContext: func(net.Listener) context.Context { return ctx }, ConnState: k.count,
		ReadHeaderTimeout: slow, IdleTimeout: time.Minute, MaxHeaderBytes: 8 << 10, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
	}
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(ended)
		patient, cancel := context.WithTimeout(context.WithoutCancel(ctx), slow)
		defer cancel()
		if server.Shutdown(patient) != nil {
			server.Close()
		}
	})
	err := server.Serve(l)
	if !stop() {
		<-ended
		return nil
	}
	return hint.Wrap(errors.Join(fmt.Errorf("%w: %w", ErrListen, err), server.Close()), "it is tried again by itself")
}

// count closes a connection that is one too many.
func (k *Kiosk) count(c net.Conn, s http.ConnState) {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch s {
	case http.StateNew:
		if k.open++; k.open > maxConnections {
			c.Close()
		}
	case http.StateClosed, http.StateHijacked:
		k.open--
	}
}
