package main

import (
	"errors"
	"log/slog"
	"net"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"facegate/cmd/facegate/internal/crashes"
	"facegate/cmd/facegate/internal/daemon"
	"facegate/cmd/facegate/internal/ended"
	"facegate/cmd/facegate/internal/systime"
	"facegate/configs/hint"
)

// ends keeps account of how processes of one gate end.
type ends struct {
	socket    string
	takesOver bool // this process goes on in the place of another
	log       *slog.Logger
	served    atomic.Bool
	count     atomic.Pointer[crashes.Count] // nil until the door is safe, and where another gate answers
}

func newEnds(socket string, former legacy, log *slog.Logger) *ends {
	return &ends{socket: socket, takesOver: former.Config != nil, log: log}
}

// reason returns of what the process that was started at start has crashed.
func (e *ends) reason(start crashes.Start) string {
	if f, ok := ended.Last(e.socket); ok && !f.At.Before(start.At) {
		return f.Error
	}
	return "it ended without a word, as after kill -9"
}

func (e *ends) complain(err error) {
	if err != nil {
		e.log.Warn("crashes are not counted", "error", err, "hint", hint.Of(err))
	}
}

// begin notes that the process starts, and returns what is to be left out after crashes, nil for nothing. That a start cannot
// be noted keeps no gate from it. A process may begin again, when its disk is back.
func (e *ends) begin() *daemon.Lesser {
	c := e.count.Load()
	if c == nil {
		if !e.takesOver && answers(e.socket) {
			return nil
		}
		var err error
		c, err = crashes.Begin(e.socket, systime.New(), e.takesOver, e.reason)
		e.complain(err)
		e.count.Store(c)
	}
	if c.Level() == crashes.Full {
		return nil
	}
	last, _ := c.Last()
	return &daemon.Lesser{Level: c.Level(), Last: last, Forgive: c.Forgive}
}

// inService takes note that the gate is. What is left of the reason for which it ended before says when it was.
func (e *ends) inService() {
	e.served.Store(true)
	ended.Forget(e.socket)
}

// asked takes note that somebody wants the process to end: however it does, that is no crash.
func (e *ends) asked() {
	if c := e.count.Load(); c != nil {
		e.complain(c.Asked())
	}
}

// end takes note of how the process ends: asked to, because of err, or to leave what is left to the next.
func (e *ends) end(asked bool, err error, left daemon.Left) {
	c := e.count.Load()
	switch {
	case c == nil, !asked && err == nil && left.Socket != nil:
	case asked, err == nil:
		e.complain(c.Asked())
	default:
		e.complain(c.Failed(err, e.served.Load()))
	}
}

// answers reports whether a gate has a socket open. One that is suspended, or hangs, has it too, and takes no more connections
// once enough wait.
func answers(socket string) bool {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return errors.Is(err, unix.EAGAIN)
	}
	conn.Close()
	return true
}
