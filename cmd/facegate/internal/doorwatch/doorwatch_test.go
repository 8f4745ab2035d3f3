package doorwatch_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"facegate/cmd/facegate/internal/doorwatch"
	"facegate/cmd/facegate/internal/status"
	"facegate/configs/hint"
	"facegate/gpio/door"
)

// A panel is the lines of a door.
type panel struct {
	mu    sync.Mutex
	lines []door.LineStatus
}

func (p *panel) status() door.Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	return door.Status{Lines: slices.Clone(p.lines)}
}

func (p *panel) set(role string, active bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.IndexFunc(p.lines, func(l door.LineStatus) bool { return l.Role == role })
	p.lines[i].Active = active
}

func newPanel() *panel {
	return &panel{lines: []door.LineStatus{{Role: "relay"}, {Role: "contact"}, {Role: "exit"}}}
}

// words are moments as a test reads them.
func words(all []status.DoorMoment) (lines []string) {
	for _, m := range all {
		line := fmt.Sprintf("%v %s", m.Up, m.What)
		if m.What == status.Level {
			line += fmt.Sprintf(" %s %t", m.Line, m.Active)
		}
		if m.Cause != "" {
			line += " " + string(m.Cause)
		}
		if m.Error != "" {
			line += fmt.Sprintf(" %s: %s (%s)", m.Line, m.Error, m.Hint)
		}
		lines = append(lines, line)
	}
	return lines
}

func nothing() error { return nil }

func TestFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPanel()
		w := doorwatch.New(p.status, time.Now().Add(-time.Second))
		w.Emit(door.Event{At: time.Now(), What: door.Locked}) // before anybody watches
		ctx, stop := context.WithCancel(t.Context())
		var seen []status.DoorMoment
		done := make(chan error)
		go func() { done <- w.Follow(ctx, nothing, func(m status.DoorMoment) { seen = append(seen, m) }) }()
		synctest.Wait()

		time.Sleep(5 * time.Millisecond)
		p.set("exit", true) // as the controller does before it tells
		w.Emit(door.Event{At: time.Now(), What: door.ExitAsked})
		w.Emit(door.Event{At: time.Now(), What: door.Unlocked, Cause: door.Exit})
		p.set("relay", true)
		time.Sleep(100 * time.Millisecond)
		p.set("exit", false) // of which there is no event
		time.Sleep(100 * time.Millisecond)
		w.Emit(door.Event{At: time.Now(), What: door.LineFault, Line: "contact", Err: hint.Wrap(errors.New("gone"), "look")})
		time.Sleep(time.Second)
		stop()
		if err := <-done; err != nil {
			t.Errorf("Follow: %v", err)
		}
		want := []string{
			"1s level relay false", "1s level contact false", "1s level exit false",
			"1.005s exit asked", "1.005s unlocked exit", "1.02s level relay true",
			"1.12s level exit false", "1.205s line fault contact: gone (look)",
		}
		if diff := cmp.Diff(want, words(seen)); diff != "" {
			t.Errorf("shown (-want +got):\n%s", diff)
		}
	})
}

// TestFollowIsNoted checks that nothing is shown that was not noted first.
func TestFollowIsNoted(t *testing.T) {
	w := doorwatch.New(newPanel().status, time.Now())
	refusal := errors.New("the disk is full")
	err := w.Follow(t.Context(), func() error { return refusal }, func(status.DoorMoment) { t.Error("something is shown") })
	if !errors.Is(err, refusal) {
		t.Errorf("Follow: %v", err)
	}
}

func TestTooMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := doorwatch.New(newPanel().status, time.Now())
		ctx, stop := context.WithCancel(t.Context())
		var watchers sync.WaitGroup
		for range 4 {
			watchers.Go(func() {
				if err := w.Follow(ctx, nothing, func(status.DoorMoment) {}); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		if err := w.Follow(ctx, nothing, func(status.DoorMoment) {}); !errors.Is(err, doorwatch.ErrWatchers) || hint.Of(err) == "" {
			t.Errorf("a fifth: %v", err)
		}
		stop()
		watchers.Wait()
		again, stop := context.WithCancel(t.Context())
		stop()
		if err := w.Follow(again, nothing, func(status.DoorMoment) {}); err != nil {
			t.Errorf("after they have left: %v", err)
		}
	})
}

// TestSlow checks that somebody who does not read holds up neither the door nor who reads.
func TestSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := doorwatch.New(newPanel().status, time.Now())
		ctx, stop := context.WithCancel(t.Context())
		hold := make(chan struct{})
		slow, quick := make(chan error), make(chan error)
		seen := 0
		go func() { slow <- w.Follow(ctx, nothing, func(status.DoorMoment) { <-hold }) }()
		go func() { quick <- w.Follow(ctx, nothing, func(status.DoorMoment) { seen++ }) }()
		synctest.Wait()
		for range 1000 {
			w.Emit(door.Event{At: time.Now(), What: door.Opened})
			synctest.Wait()
		}
		close(hold)
		if err := <-slow; !errors.Is(err, doorwatch.ErrSlow) || hint.Of(err) == "" {
			t.Errorf("the slow one: %v", err)
		}
		stop()
		if err := <-quick; err != nil || seen != 1003 {
			t.Errorf("the quick one has seen %d: %v", seen, err)
		}
	})
}
