package control

import (
	"context"
	"net"
	"slices"
	"sync"
)

// maxGuests is how many connections are open at once.
const maxGuests = 32

// guests are the connections of a Server. Whoever has not said what they want, or not to the end, makes room for somebody
// new, the one who has been here for longest first: so nobody can keep others out by opening connections and saying nothing.
type guests struct {
	mu   sync.Mutex // guards what follows
	here []*guest   // in the order in which they came
	wg   sync.WaitGroup
}

type guest struct {
	conn   net.Conn
	of     *guests
	served bool // a request of theirs is whole, and is being answered
}

type guestKey struct{}

// enter takes note of a new connection, in ctx too. Where there is no room it closes one that waits or, if all are being
// answered, this one.
func (g *guests) enter(ctx context.Context, c net.Conn) context.Context {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.wg.Add(1)
	if len(g.here) >= maxGuests {
		if i := slices.IndexFunc(g.here, func(x *guest) bool { return !x.served }); i >= 0 {
			g.here[i].conn.Close()
			g.here = slices.Delete(g.here, i, i+1)
		} else {
			c.Close()
		}
	}
	n := &guest{conn: c, of: g}
	g.here = append(g.here, n)
	return context.WithValue(ctx, guestKey{}, n)
}

// leave takes note that a connection is closed.
func (g *guests) leave(c net.Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.here = slices.DeleteFunc(g.here, func(x *guest) bool { return x.conn == c })
	g.wg.Done()
}

// wait returns when every connection is closed.
func (g *guests) wait() { g.wg.Wait() }

// serve takes note that a request of the guest is being answered, until done is called.
func (x *guest) serve() (done func()) {
	set := func(served bool) {
		x.of.mu.Lock()
		defer x.of.mu.Unlock()
		x.served = served
	}
	set(true)
	return func() { set(false) }
}
