// Package states tells what is so now: on each topic the latest value, which the broker retains for whoever asks later.
//
//  1. Set gives a topic its value. A value that nobody was told of yet is forgotten for a later one. Say does so and has the value told,
//     though it may be the one that was told last.
//  2. Begin says that a connection is new. Every value is due then, for a broker may have lost what it retained, or have put a
//     will in its place. Again says that somebody asks for all of them on the same connection.
//  3. Flush tells what is due, in the order in which the topics were set first. Serve does so whenever a topic is set.
package states

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// A Send delivers the value of a topic, and returns nil once it has arrived. It does not change value. An error that wraps ErrMissed is
// about this topic alone.
type Send func(ctx context.Context, topic string, value []byte) error

// ErrMissed means that a value does not arrive now, and may later, while those of other topics do.
var ErrMissed = errors.New("the value has not arrived")

// States are the states of a gate. They may be set from several goroutines.
type States struct {
	wake chan struct{} // tells that there is a new value

	mu    sync.Mutex // guards what follows
	list  []state    // in the order in which they were set first
	round uint64     // how often every value has become due
}

type state struct {
	topic string
	value []byte // like told it is not changed, but replaced
	told  []byte // the value that has arrived on this connection; nil if that is not known of any

	missed bool   // it was sent, and is not to be sent again yet
	round  uint64 // in which it was sent last
	said   uint64 // how often it was to be told whatever it was before
}

// due reports whether the value is to be told.
func (e state) due() bool { return e.told == nil || !bytes.Equal(e.told, e.value) }

// New returns States of no topic.
func New() *States { return &States{wake: make(chan struct{}, 1)} }

// Set gives a topic its value, of which it keeps a copy. It waits for nobody. A value that was told already is not told again.
func (s *States) Set(topic string, value []byte) {
	s.replace(topic, append([]byte{}, value...))
	s.rouse()
}

// Say is Set, but the value is told though it was told already: that it comes again is part of what is said.
func (s *States) Say(topic string, value []byte) {
	s.replace(topic, append([]byte{}, value...))
	s.mu.Lock()
	e := &s.list[s.find(topic)]
	e.told, e.said = nil, e.said+1
	s.mu.Unlock()
	s.rouse()
}

func (s *States) rouse() {
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
	s.round++
	for i := range s.list {
		s.list[i].told = nil
	}
}

// Again makes every value due, though it was told, and has Serve tell it.
func (s *States) Again() {
	s.Begin()
	s.rouse()
}

// Flush sends every value that is due. It must not run twice at a time. What is missed is tried once, and stays due: the error is that of
// the first of them.
func (s *States) Flush(ctx context.Context, send Send) error {
	s.retry()
	return s.flush(ctx, send)
}

// flush sends every value that is due and was not missed.
func (s *States) flush(ctx context.Context, send Send) (missed error) {
	for {
		next, ok := s.next()
		if !ok {
			return missed
		}
		err := send(ctx, next.topic, next.value)
		if err != nil && !errors.Is(err, ErrMissed) {
			return fmt.Errorf("state %s: %w", next.topic, err)
		}
		if err != nil {
			missed = cmp.Or(missed, fmt.Errorf("state %s: %w", next.topic, err))
		}
		s.sent(next, err == nil)
	}
}

// Serve sends each value that is set, until stop is closed, and what was missed once after every pause. It returns nil then, or the error
// of send, or why ctx has ended.
func (s *States) Serve(ctx context.Context, stop <-chan struct{}, pause time.Duration, send Send) error {
	for {
		if err := s.Flush(ctx, send); err != nil && !errors.Is(err, ErrMissed) {
			return err
		}
		if ended, err := s.serve(ctx, stop, time.After(pause), send); ended {
			return err
		}
	}
}

// serve sends each value that is set, until again fires, and reports whether anything else has ended it.
func (s *States) serve(ctx context.Context, stop <-chan struct{}, again <-chan time.Time, send Send) (ended bool, err error) {
	for {
		select {
		case <-s.wake:
			if err := s.flush(ctx, send); err != nil && !errors.Is(err, ErrMissed) {
				return true, err
			}
		case <-again:
			return false, nil
		case <-ctx.Done():
			return true, context.Cause(ctx)
		case <-stop:
			return true, s.Flush(ctx, send)
		}
	}
}

// next returns the first state that is due and was not missed. Until it has arrived nobody knows what the broker has.
func (s *States) next() (state, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.list, func(e state) bool { return e.due() && !e.missed })
	if i < 0 {
		return state{}, false
	}
	s.list[i].told, s.list[i].round = nil, s.round
	return s.list[i], true
}

// retry has what was missed sent again.
func (s *States) retry() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.list {
		s.list[i].missed = false
	}
}

// sent notes whether a state has arrived, though it may have another value by now, or be due once more.
func (s *States) sent(e state, arrived bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := &s.list[s.find(e.topic)]
	if now.missed = !arrived; arrived && e.round == s.round && e.said == now.said {
		now.told = e.value
	}
}
