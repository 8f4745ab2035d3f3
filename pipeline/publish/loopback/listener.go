package loopback

import (
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/mochi-mqtt/server/v2/listeners"
)

const (
	connectTimeout = 5 * time.Second // the broker itself waits for CONNECT without end
	acceptPause    = 100 * time.Millisecond
)

// listener is the way in to the broker. Unlike the broker's own it bounds how long a client may take to introduce
// itself, outlives a lack of file descriptors, and leaves no client behind when it closes.
type listener struct {
	net.Listener
	log *slog.Logger
	wg  sync.WaitGroup // of the clients

	mu     sync.Mutex // guards what follows
	closed bool
	conns  map[net.Conn]bool
}

var _ listeners.Listener = (*listener)(nil)

func (*listener) ID() string        { return "loopback" }
func (*listener) Protocol() string  { return "tcp" }
func (l *listener) Address() string { return l.Addr().String() }
func (l *listener) Init(log *slog.Logger) error {
	l.log = log
	return nil
}

// Serve accepts clients until Close.
func (l *listener) Serve(establish listeners.EstablishFn) {
	for {
		conn, err := l.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			time.Sleep(acceptPause)
		default:
			l.admit(conn, establish)
		}
	}
}

// admit serves one client.
func (l *listener) admit(conn net.Conn, establish listeners.EstablishFn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		conn.Close()
		return
	}
	l.conns[conn] = true
	l.wg.Go(func() {
		conn.SetDeadline(time.Now().Add(connectTimeout)) // the broker moves it on with each packet
		if err := establish(l.ID(), conn); err != nil {
			l.log.Debug("client left", "error", err)
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.conns, conn)
	})
}

// Close ends the clients and waits for them.
func (l *listener) Close(end listeners.CloseFn) {
	l.Listener.Close()
	end(l.ID())
	l.mu.Lock()
	l.closed = true
	for conn := range l.conns {
		conn.Close()
	}
	l.mu.Unlock()
	l.wg.Wait()
}
