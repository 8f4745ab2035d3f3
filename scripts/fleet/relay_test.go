package fleet_test

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"
)

// A relay is an address that stays while the broker behind it is killed, and comes back elsewhere.
type relay struct {
	listener net.Listener
	target   func() string // "network://address" of the broker, "" while it does not run
	wg       sync.WaitGroup

	mu    sync.Mutex // guards conns
	conns map[net.Conn]bool
}

func newRelay(t testing.TB, target func() string) *relay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	r := &relay{listener: l, target: target, conns: map[net.Conn]bool{}}
	r.wg.Go(r.serve)
	t.Cleanup(func() {
		l.Close()
		r.cut()
		r.wg.Wait()
	})
	return r
}

func (r *relay) address() string { return r.listener.Addr().String() }

func (r *relay) serve() {
	for {
		near, err := r.listener.Accept()
		if err != nil {
			return
		}
		r.wg.Go(func() { r.join(near) })
	}
}

// join is one connection, until one of its ends is closed.
func (r *relay) join(near net.Conn) {
	defer near.Close()
	network, address, _ := strings.Cut(r.target(), "://")
	if address == "" {
		return
	}
	far, err := net.Dial(network, address)
	if err != nil {
		return
	}
	defer far.Close()
	r.keep(near, far)
	defer r.forget(near, far)
	there := make(chan struct{})
	go func() {
		defer close(there)
		io.Copy(far, near)
		far.Close()
	}()
	io.Copy(near, far)
	near.Close()
	<-there
}

func (r *relay) keep(conns ...net.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range conns {
		r.conns[c] = true
	}
}

func (r *relay) forget(conns ...net.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range conns {
		delete(r.conns, c)
	}
}

// cut breaks all connections.
func (r *relay) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.conns {
		c.Close()
	}
}
