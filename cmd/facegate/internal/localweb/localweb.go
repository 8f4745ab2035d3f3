// Package localweb serves something over HTTP to programs of this machine alone, such as the browser of a screen.
package localweb

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"

	"facegate/configs/hint"
)

var (
	// ErrListen says that something cannot be served for now.
	ErrListen = errors.New("cannot be served")

	// ErrReachable says that something would be served to other machines.
	ErrReachable = errors.New("would be served to other machines")
)

// Slow is within how long somebody takes what is sent, or is dropped.
const Slow = 5 * time.Second

const (
	maxConnections = 16              // a browser has six, and no other program of this machine is to use up the files of the gate
	againEvery     = 5 * time.Second // between attempts to listen
)

// Parts are what a Site works with.
type Parts struct {
	What             string // is served, such as "the page of the screen"
	Key, Usual       string // the key of the configuration that says where, and a value of it that will do
	Network, Address string // where: "tcp" or "unix"
	Handler          http.Handler
	Log              *slog.Logger

	Listen func(ctx context.Context, network, address string) (net.Listener, error) // of the machine if it is nil
}

// A Site is the task that serves. Its methods may be called from several goroutines.
type Site struct {
	parts Parts
	ready chan struct{}

	mu   sync.Mutex // guards what follows
	open int        // connections
	at   net.Addr   // where it listens; nil if it does not
	err  error      // why it does not
}

// New returns a Site that does not listen yet.
func New(p Parts) *Site {
	if p.Listen == nil {
		p.Listen = listen
	}
	return &Site{parts: p, ready: make(chan struct{})}
}

func (s *Site) String() string { return s.parts.What }

// Ready is closed when Run has begun. No gate waits for who looks at it.
func (s *Site) Ready() <-chan struct{} { return s.ready }

// Addr returns where the Site listens, nil if it does not.
func (s *Site) Addr() net.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.at
}

// Err says why nothing is served, with a hint; nil if it is.
func (s *Site) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Run serves until ctx is cancelled. Where it cannot listen it tries again.
func (s *Site) Run(ctx context.Context) error {
	close(s.ready)
	for ctx.Err() == nil {
		l, err := s.listen(ctx)
		s.note(l, err)
		if err == nil {
			err = s.serve(ctx, l)
			s.note(nil, err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(againEvery):
		}
	}
	return nil
}

// note notes where the Site listens, or why it does not. The same trouble is told once.
func (s *Site) note(l net.Listener, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	told := s.err != nil
	s.at, s.err = nil, err
	switch {
	case err != nil && !told:
		s.parts.Log.Error(s.parts.What+" "+ErrListen.Error(), "error", err, "hint", hint.Of(err))
	case l != nil:
		s.at = l.Addr()
		s.parts.Log.Info(s.parts.What+" is served", "at", l.Addr().String())
	}
}

// listen opens the place, and closes it again if other machines could reach it.
func (s *Site) listen(ctx context.Context) (net.Listener, error) {
	l, err := s.parts.Listen(ctx, s.parts.Network, s.parts.Address)
	if err != nil {
		return nil, hint.Wrap(fmt.Errorf("%s %w: %w", s.parts.What, ErrListen, err),
			"see who else listens there (ss -lptn, ss -lpx), or correct %s; it is tried again by itself", s.parts.Key)
	}
	if at, ok := l.Addr().(*net.TCPAddr); ok && !at.IP.IsLoopback() {
		err := fmt.Errorf("%s %w: %v", s.parts.What, ErrReachable, at)
		return nil, hint.Wrap(errors.Join(err, l.Close()), "let %s be %s", s.parts.Key, s.parts.Usual)
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

// serve serves until ctx is cancelled or the listener fails.
func (s *Site) serve(ctx context.Context, l net.Listener) error {
	server := &http.Server{
		Handler: s.parts.Handler, BaseContext: func(net.Listener) context.Context { return ctx }, ConnState: s.count,
		ReadHeaderTimeout: Slow, IdleTimeout: time.Minute, MaxHeaderBytes: 8 << 10, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
	}
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(ended)
		patient, cancel := context.WithTimeout(context.WithoutCancel(ctx), Slow)
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
	return hint.Wrap(errors.Join(fmt.Errorf("%s %w: %w", s.parts.What, ErrListen, err), server.Close()), "it is tried again by itself")
}

// count closes a connection that is one too many.
func (s *Site) count(c net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch state {
	case http.StateNew:
		if s.open++; s.open > maxConnections {
			c.Close()
		}
	case http.StateClosed, http.StateHijacked:
		s.open--
	}
}

// Refuse answers a request that no program of this machine has a reason to make, and reports whether it has. Nothing that is asked
// changes anything, so that only GET is taken, and no parameters. Whoever has looked for another machine was led here by a name that
// somebody has pointed to this one (DNS rebinding); network is where the Site listens.
func Refuse(w http.ResponseWriter, r *http.Request, network string) bool {
	switch {
	case r.Method != http.MethodGet:
		w.Header().Set("Allow", http.MethodGet)
		http.Error(w, "only GET", http.StatusMethodNotAllowed)
	case r.URL.RawQuery != "" || r.URL.ForceQuery || r.ContentLength != 0:
		http.Error(w, "no parameters", http.StatusBadRequest)
	case network == "tcp" && !Here(r):
		http.Error(w, "not here", http.StatusMisdirectedRequest)
	default:
		return false
	}
	return true
}

// Here reports whether somebody has looked for this machine, by its address or as localhost.
func Here(r *http.Request) bool {
	name, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		name = strings.Trim(r.Host, "[]")
	}
	a, err := netip.ParseAddr(name)
	return name == "localhost" || err == nil && a.Unmap().IsLoopback()
}
