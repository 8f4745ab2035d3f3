// Package logsink takes log lines from a program that must never wait for whoever reads its log, or end because nobody
// does: a pipe whose reader is stuck blocks its writer, and one without a reader fails it.
package logsink

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// room is how many bytes of lines wait for a reader. It is what a gate logs in hours.
const room = 1 << 20

// A Sink hands lines to a writer, in order and one by one, from a goroutine of its own. When too much waits, the newest
// lines are lost, and are counted.
type Sink struct {
	out    io.Writer
	wake   chan struct{} // has a token when there is something to do
	closed chan struct{} // closed when all is written that came before Close

	mu     sync.Mutex // guards what follows
	lines  [][]byte
	bytes  int
	lost   uint64 // ever
	untold uint64 // of them, those since the last line that went through
	ending bool
}

// New returns a Sink of out. Close has to be called.
func New(out io.Writer) *Sink {
	s := &Sink{out: out, wake: make(chan struct{}, 1), closed: make(chan struct{})}
	go s.write()
	return s
}

// Write takes one line. It never blocks and never fails.
func (s *Sink) Write(line []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ending || s.bytes+len(line) > room {
		s.lose()
		return len(line), nil
	}
	s.lines = append(s.lines, append([]byte(nil), line...))
	s.bytes += len(line)
	s.rouse()
	return len(line), nil
}

// Lost returns how many lines were lost.
func (s *Sink) Lost() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lost
}

// Close takes no more lines, and waits until those taken are written, but not longer than patience: a writer that is
// stuck stays so until the process ends.
func (s *Sink) Close(patience time.Duration) {
	s.mu.Lock()
	s.ending = true
	s.rouse()
	s.mu.Unlock()
	select {
	case <-s.closed:
	case <-time.After(patience):
	}
}

// rouse wakes the goroutine. s.mu must be held.
func (s *Sink) rouse() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// lose counts a line. s.mu must be held.
func (s *Sink) lose() {
	s.lost++
	s.untold++
}

func (s *Sink) write() {
	defer close(s.closed)
	for range s.wake {
		for line, ok := s.next(); ok; line, ok = s.next() {
			_, err := s.out.Write(line)
			s.wrote(err)
		}
		if s.over() {
			return
		}
	}
}

// next takes the oldest line or, where lines were lost before it, one that says so.
func (s *Sink) next() (line []byte, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.lines) == 0 {
		return nil, false
	}
	line = s.lines[0]
	s.lines, s.bytes = s.lines[1:], s.bytes-len(line)
	if s.untold > 0 {
		line = append(fmt.Appendf(nil, "level=WARN msg=\"lines of this log were lost, because nobody read it\" lines=%d\n", s.untold), line...)
		s.untold = 0
	}
	return line, true
}

func (s *Sink) wrote(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.lose()
	}
}

func (s *Sink) over() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ending && len(s.lines) == 0
}
