// Package states tells what is so now: on each topic the latest value, which the broker retains for whoever asks later.
//
//  1. Set gives a topic its value. A value that nobody was told of yet is forgotten for a later one.
//  2. Begin says that a connection is new. Every value is due then, for a broker may have lost what it retained, or have put a
//     will in its place.
//  3. Flush tells what is due, in the order in which the topics were set first. Serve does so whenever a topic is set.
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
	value []byte // like told it is not changed, but replaced
	told  []byte // the value that has arrived on this connection; nil if that is not known of any
}

// due reports whether the value is to be told.
func (e state) due() bool { return e.told == nil || !bytes.Equal(e.told, e.value) }

// New returns States of no topic.
func New() *States { return &States{wake: make(chan struct{}, 1)} }

// Set gives a topic its value, of which it keeps a copy. It waits for nobody. A value that was told already is not told again.
func (s *States) Set(topic string, value []byte) {
	s.replace(topic, append([]byte{}, value...))
	select {
	case s.wake <- struct{}{}:
	default: // Serve is told already, and has not looked yet
	}
}

func (s *States) replace(topic string, value []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.find(topic)
	if i < 0 {
		s.list = append(s.list, state{topic: topic, value: value})
		return
	}
	s.list[i].value = value
}

// find returns the place of a topic, negative if it has none. s.mu must be held.
func (s *States) find(topic string) int {
	return slices.IndexFunc(s.list, func(e state) bool { return e.topic == topic })
}

// Begin says that the connection is a new one.
func (s *States) Begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.list {
		s.list[i].told = nil
	}
}

// Flush sends every value that is due. It must not run twice at a time.
func (s *States) Flush(ctx context.Context, send Send) error {
	for {
		next, ok := s.next()
		if !ok {
			return nil
		}
		if err := send(ctx, next.topic, next.value); err != nil {
			return fmt.Errorf("state %s: %w", next.topic, err)
		}
		s.arrived(next)
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

// next returns the first state that is due. Until it has arrived nobody knows what the broker has.
func (s *States) next() (state, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.list, state.due)
	if i < 0 {
		return state{}, false
	}
	s.list[i].told = nil
	return s.list[i], true
}

// arrived notes that a state has arrived, though it may have another value by now.
func (s *States) arrived(e state) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list[s.find(e.topic)].told = e.value
}
