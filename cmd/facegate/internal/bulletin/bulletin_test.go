package bulletin_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"facegate/cmd/facegate/internal/bulletin"
	"facegate/pipeline/publish"
)

// A site is a gate that can be changed, and the building that is told of it.
type site struct {
	stirred chan struct{}
	start   time.Time

	mu    sync.Mutex // guards what follows
	door  publish.Door
	gate  bulletin.Gate
	slow  time.Duration // for which a look at the gate takes
	told  []string      // of the door, as it differed from before
	beats []time.Duration
	modes int
}

func (s *site) SetDoor(d publish.Door) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := string(d.Lock) + " " + string(d.Leaf)
	if len(s.told) == 0 || s.told[len(s.told)-1] != text {
		s.told = append(s.told, text)
	}
}

func (s *site) SetHealth(h publish.Health) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, err := time.Parse(publish.Timestamp, h.Time)
	if err != nil || !at.Equal(time.Now()) {
		return err
	}
	s.beats = append(s.beats, time.Since(s.start))
	return nil
}

func (s *site) SetMode(publish.Mode) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.modes++
	return nil
}

func (s *site) change(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// run has a bulletin told of a site in a bubble, in which test changes it.
func run(t *testing.T, s *site, test func()) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s.start, s.stirred = time.Now(), make(chan struct{}, 1)
		b := bulletin.New(bulletin.Parts{
			At:      publish.At,
			Stirred: s.stirred, Tell: s, Log: slog.New(slog.DiscardHandler),
			Door: func() publish.Door {
				s.mu.Lock()
				defer s.mu.Unlock()
				return s.door
			},
			Gate: func(context.Context) bulletin.Gate {
				s.mu.Lock()
				slow, g := s.slow, s.gate
				s.mu.Unlock()
				time.Sleep(slow)
				return g
			},
		})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- b.Run(ctx) }()
		<-b.Ready()
		test()
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
}

// TestHeartbeat checks that the health of a gate that stays as it is comes every minute at least, and that of one that changes at once.
func TestHeartbeat(t *testing.T) {
	s := &site{gate: bulletin.Gate{Health: publish.Health{State: "ok"}}}
	run(t, s, func() {
		time.Sleep(10*time.Minute + time.Second)
		synctest.Wait()
		if n := len(s.beats); n < 10 || n > 12 {
			t.Errorf("%d heartbeats in ten minutes", n)
		}
		for i, at := range s.beats[1:] {
			if d := at - s.beats[i]; d > time.Minute {
				t.Errorf("%v without a heartbeat", d)
			}
		}
		s.change(func() { s.gate.Health.State, s.beats = "down", nil })
		s.stirred <- struct{}{}
		synctest.Wait()
		if len(s.beats) != 1 {
			t.Errorf("a change at the door was told %d times at once", len(s.beats))
		}
		s.change(func() { s.gate.Mode.Faces, s.modes = true, 0 })
		time.Sleep(3 * time.Second) // no event tells that somebody has turned faces on
		synctest.Wait()
		if s.modes != 1 {
			t.Errorf("another change was told %d times within seconds", s.modes)
		}
	})
}

// TestDoor checks that what happens at the door is told while a look at the gate hangs, and that lines which are about to be read are not
// called unknown, while those that cannot be are.
func TestDoor(t *testing.T) {
	s := &site{slow: time.Hour, door: publish.Door{Lock: publish.Locked, Leaf: publish.LeafUnknown}}
	run(t, s, func() {
		time.Sleep(100 * time.Millisecond)
		s.change(func() { s.door.Leaf = publish.Closed })
		time.Sleep(100 * time.Millisecond)
		for _, d := range []publish.Door{
			{Lock: publish.Unlocked, Leaf: publish.Closed}, {Lock: publish.Unlocked, Leaf: publish.Open}, {Lock: publish.Locked, Leaf: publish.LeafUnknown},
		} {
			s.change(func() { s.door = d })
			s.stirred <- struct{}{}
			synctest.Wait()
		}
		s.change(func() { s.door.Lock = publish.Jammed }) // of which there is no event
		time.Sleep(2 * time.Second)
		s.change(func() { s.slow = 0 })
		time.Sleep(time.Hour)
	})
	want := []string{"LOCKED CLOSED", "UNLOCKED CLOSED", "UNLOCKED OPEN", "LOCKED UNKNOWN", "JAMMED UNKNOWN"}
	if diff := cmp.Diff(want, s.told); diff != "" {
		t.Errorf("of the door is told (-want +got):\n%s", diff)
	}
}

// TestUnreadLine checks that a line that cannot be read from the start on is told to be unknown.
func TestUnreadLine(t *testing.T) {
	s := &site{door: publish.Door{Lock: publish.Locked, Leaf: publish.LeafUnknown}}
	run(t, s, func() {
		time.Sleep(900 * time.Millisecond)
		s.change(func() {
			if len(s.told) > 0 {
				t.Errorf("before it could be read is told %v", s.told)
			}
		})
		time.Sleep(time.Second)
	})
	if diff := cmp.Diff([]string{"LOCKED UNKNOWN"}, s.told); diff != "" {
		t.Errorf("of the door is told (-want +got):\n%s", diff)
	}
}
