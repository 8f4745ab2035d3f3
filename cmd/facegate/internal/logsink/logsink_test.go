package logsink_test

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"facegate/cmd/facegate/internal/logsink"
)

// A reader of a log that can be stuck, or gone.
type reader struct {
	mu   sync.Mutex // held while it is stuck; guards what follows
	text strings.Builder
	gone bool
}

func (r *reader) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.gone {
		return 0, errors.New("broken pipe")
	}
	return r.text.Write(b)
}

func (r *reader) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

func TestLinesInOrder(t *testing.T) {
	var r reader
	s := logsink.New(&r)
	want := ""
	for n := range 1000 {
		line := fmt.Sprintf("line %d\n", n)
		want += line
		fmt.Fprint(s, line)
	}
	s.Close(time.Minute)
	if got := r.String(); got != want || s.Lost() != 0 {
		t.Errorf("of %d bytes %d came, %d lines were lost", len(want), len(got), s.Lost())
	}
	fmt.Fprint(s, "after the end\n")
	if r.String() != want || s.Lost() != 1 {
		t.Error("a line after the end was written, or is not lost")
	}
}

// TestStuck writes far more than waits for a reader that is stuck: nobody waits, and the reader hears what it missed.
func TestStuck(t *testing.T) {
	var r reader
	r.mu.Lock()
	s := logsink.New(&r)
	line := strings.Repeat("x", 1000) + "\n"
	for range 5000 {
		fmt.Fprint(s, line)
	}
	lost := s.Lost()
	if lost < 3000 {
		t.Errorf("%d lines were lost of 5 MB", lost)
	}
	r.mu.Unlock()
	for len(r.String()) < 100*len(line) {
		time.Sleep(time.Millisecond)
	}
	fmt.Fprint(s, "at last\n")
	s.Close(time.Minute)
	got := r.String()
	var told uint64 // in more than one line, where many were lost before the sink had begun
	for _, found := range regexp.MustCompile(`were lost, because nobody read it" lines=(\d+)`).FindAllStringSubmatch(got, -1) {
		n, err := strconv.ParseUint(found[1], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		told += n
	}
	if told != uint64(lost) || !strings.HasSuffix(got, "at last\n") {
		t.Errorf("%d lines were lost, and the reader hears of %d; the log ends with %q", lost, told, got[len(got)-200:])
	}
}

// TestGone checks that a log without a reader costs nothing but its lines.
func TestGone(t *testing.T) {
	r := reader{gone: true}
	s := logsink.New(&r)
	for range 10 {
		if n, err := fmt.Fprint(s, "line\n"); n != 5 || err != nil {
			t.Errorf("wrote %d, %v", n, err)
		}
	}
	s.Close(time.Minute)
	if s.Lost() != 10 {
		t.Errorf("%d lines were lost", s.Lost())
	}
}

// TestCloseWhileStuck checks that the end waits for a stuck reader as long as it was told to, and no longer.
func TestCloseWhileStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := make(stuckWriter)
		s := logsink.New(stuck)
		fmt.Fprint(s, "line\n")
		began := time.Now()
		s.Close(3 * time.Second)
		if waited := time.Since(began); waited != 3*time.Second {
			t.Errorf("it waited for %v", waited)
		}
		close(stuck)
	})
}

// A stuckWriter takes nothing until it is closed.
type stuckWriter chan struct{}

func (w stuckWriter) Write(b []byte) (int, error) {
	<-w
	return len(b), nil
}
