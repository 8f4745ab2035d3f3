// Package states tells what is so now: on each topic the latest value, which the broker retains for whoever asks later.
//
//  1. Set gives a topic its value. A value that nobody was told of yet is forgotten for a later one.
//  2. Begin says that a connection is new: every value is to be told again, for a broker may have lost what it retained, or
//     have put a will in its place.
//  3. Flush tells what is to be told, in the order in which the topics were set first; Serve does so again and again.
package states

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
)

// A Send delivers the value of a topic, and returns nil once it has arrived. It does not change value.
type Send func(ctx context.Context, topic string, value []byte) error

// States are the states of a gate. They may be set from several goroutines.
type States struct {
	wake chan struct{} // tells that there is a new value

	mu   sync.Mutex // guards what follows
	list []state    // in the order in which they were set first
}

type state struct {
	topic string
	value []byte // not changed, but replaced
	told  bool   // by the connection that there is
}

// New returns States of no topic.
func New() *States { return &States{wake: make(chan struct{}, 1)} }

// Set gives a topic its value, of which it keeps a copy. It waits for nobody. The value that the topic has already is not told
// again.
func (s *States) Set(topic string, value []byte) {
	if !s.replace(topic, value) {
		return
	}
	select {
	case s.wake <- struct{}{}:
	default: // Serve is told already, and has not looked yet
	}
}

// replace reports whether the value is another one than before.
func (s *States) replace(topic string, value []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.list, func(e state) bool { return e.topic == topic })
	if i < 0 {
		s.list = append(s.list, state{topic: topic})
		i = len(s.list) - 1
	} else if bytes.Equal(s.list[i].value, value) {
		return false
	}
	s.list[i].value, s.list[i].told = append([]byte{}, value...), false
	return true
}

// Begin says that the connection is a new one.
func (s *States) Begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.list {
		s.list[i].told = false
	}
}

// Flush sends every value that is to be told. It must not run twice at a time.
func (s *States) Flush(ctx context.Context, send Send) error {
	for {
		next, ok := s.next()
		if !ok {
			return nil
		}
		if err := send(ctx, next.topic, next.value); err != nil {
			return fmt.Errorf("state %s: %w", next.topic, err)
		}
		s.told(next)
	}
}

// Serve sends each value that is set, until stop is closed. It returns nil then, or the error of send, or why ctx has ended.
func (s *States) Serve(ctx context.Context, stop <-chan struct{}, send Send) error {
	for {
		if err := s.Flush(ctx, send); err != nil {
			return err
		}
		select {
		case <-s.wake:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-stop:
			return s.Flush(ctx, send)
		}
	}
}

// next returns the first state that is to be told.
func (s *States) next() (state, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.list, func(e state) bool { return !e.told })
	if i < 0 {
		return state{}, false
	}
	return s.list[i], true
}

// told notes that a state was told, unless it has another value by now.
func (s *States) told(e state) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.list, func(is state) bool { return is.topic == e.topic })
	if bytes.Equal(s.list[i].value, e.value) {
		s.list[i].told = true
	}
}
