package lab

import (
	"bufio"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// kioskSocket is where the gate serves the page of the screen at the door.
const kioskSocket = "/run/facegate/kiosk.sock"

// A screenText is what the screen at the door has said, as its page hears it.
type screenText struct {
	mu    sync.Mutex
	steps []string // guarded by mu
}

// follow follows the screen until the test is over.
func follow(t *testing.T) *screenText {
	t.Helper()
	conn, err := net.Dial("unix", kioskSocket)
	for deadline := time.Now().Add(patience); err != nil && time.Now().Before(deadline); {
		time.Sleep(100 * time.Millisecond)
		conn, err = net.Dial("unix", kioskSocket)
	}
	if err == nil {
		_, err = io.WriteString(conn, "GET /events HTTP/1.0\r\n\r\n")
	}
	if err != nil {
		t.Fatal(err)
	}
	s := new(screenText)
	var wg sync.WaitGroup
	wg.Go(func() { s.hear(conn) })
	t.Cleanup(func() {
		conn.Close()
		wg.Wait()
	})
	return s
}

func (s *screenText) hear(conn net.Conn) {
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		if step, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			s.mu.Lock()
			s.steps = append(s.steps, step)
			s.mu.Unlock()
		}
	}
}

// count returns how often the screen has said one of some steps.
func (s *screenText) count(steps ...string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, said := range s.steps {
		for _, step := range steps {
			if said == step {
				n++
			}
		}
	}
	return n
}

// asks returns how often the screen has asked for something to be shown or done.
func (s *screenText) asks() int {
	return s.count("show-pass", "show-face", "enter-pin", "look-ahead", "look-left", "look-right", "try-card")
}
