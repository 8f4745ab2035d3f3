package control_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"facegate/cmd/facegate/internal/control"
	"facegate/cmd/facegate/internal/people"
)

// TestCrowd opens 500 connections of each kind that says nothing more. Whoever comes after them is answered at once, an
// enrolment that is under way goes on, and of the crowd no more stay than there is room for.
func TestCrowd(t *testing.T) {
	for name, said := range map[string]string{
		"nothing":      "",
		"half a line":  "GET /sta",
		"half a head":  "GET /status HTTP/1.1\r\nHost: gate\r\n",
		"half a body":  "POST /erase HTTP/1.1\r\nHost: gate\r\nContent-Length: 100\r\n\r\n{",
		"and waits on": "GET /status HTTP/1.1\r\nHost: gate\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			g := newTwin(t)
			s := serve(t, g, time.Minute)
			enrolled := enrolSlowly(t, g, s)
			var crowd []net.Conn
			for range 500 {
				c, err := net.Dial("unix", s.socket)
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				io.WriteString(c, said) // fails for those who were shown out already
				crowd = append(crowd, c)
			}
			if strings.HasPrefix(said, "GET") && strings.HasSuffix(said, "\r\n\r\n") {
				for _, c := range crowd {
					heard(t, c) // who is being answered keeps their place until they are
				}
			}
			ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second) // before the first of them is timed out
			defer cancel()
			if _, err := control.NewClient(s.socket).Status(ctx); err != nil {
				t.Fatalf("after them nobody is answered: %v", err)
			}
			stayed := 0
			for _, c := range crowd {
				if open(t, c) {
					stayed++
				}
			}
			if stayed > 32 {
				t.Errorf("%d of them stay", stayed)
			}
			g.appeared <- struct{}{}
			if err := <-enrolled; err != nil {
				t.Errorf("the enrolment: %v", err)
			}
		})
	}
}

// enrolSlowly begins an enrolment that waits for somebody to appear.
func enrolSlowly(t *testing.T, g *twin, s *server) (enrolled <-chan error) {
	t.Helper()
	done, begun := make(chan error, 1), make(chan struct{})
	go func() {
		first := true
		_, err := control.NewClient(s.socket).Enrol(t.Context(), people.EnrolRequest{Label: "Ada", Consent: "form", Age: "adult"},
			func(people.Progress) {
				if first {
					close(begun)
				}
				first = false
			})
		done <- err
	}()
	<-begun
	return done
}

// open reports whether the other end has not closed c, whatever it has answered. It does not wait for c: a deadline, however
// late, may have passed before a busy machine looks.
func open(t *testing.T, c net.Conn) (open bool) {
	t.Helper()
	raw, err := c.(*net.UnixConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 4096)
	if err := raw.Read(func(fd uintptr) bool {
		n := 1
		for n > 0 {
			n, _, err = unix.Recvfrom(int(fd), buf, unix.MSG_DONTWAIT)
		}
		open = errors.Is(err, unix.EAGAIN)
		return true
	}); err != nil {
		t.Fatal(err)
	}
	return open
}

// heard waits until the other end of c has answered, or shown it out.
func heard(t *testing.T, c net.Conn) {
	t.Helper()
	c.SetReadDeadline(time.Now().Add(time.Minute))
	if _, err := c.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal("nobody is answered")
	}
	c.SetReadDeadline(time.Time{})
}

// TestLongAnswer checks that the limits on a request do not end an answer that takes longer.
func TestLongAnswer(t *testing.T) {
	if os.Getenv("FACEGATE_SLOW") == "" {
		t.Skip("takes 6 s; set FACEGATE_SLOW=1")
	}
	g := newTwin(t)
	s := serve(t, g, time.Minute)
	enrolled := enrolSlowly(t, g, s)
	time.Sleep(6 * time.Second)
	g.appeared <- struct{}{}
	if err := <-enrolled; err != nil {
		t.Error(err)
	}
}

// TestDeaf asks again and again on one connection and reads nothing: it is closed, and no request waits for it for ever.
func TestDeaf(t *testing.T) {
	if os.Getenv("FACEGATE_SLOW") == "" {
		t.Skip("takes 10 s; set FACEGATE_SLOW=1")
	}
	s := serve(t, newTwin(t), time.Minute)
	c, err := net.Dial("unix", s.socket)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetWriteDeadline(time.Now().Add(30 * time.Second))
	_, err = io.WriteString(c, strings.Repeat("GET /status HTTP/1.1\r\nHost: gate\r\n\r\n", 100_000))
	if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("after 100,000 requests without reading: %v", err)
	}
}
