package states_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"facegate/pipeline/publish/states"
)

var errCut = errors.New("the connection was cut")

// A broker retains values, and hears each.
type broker struct {
	retained map[string]string
	heard    []string
}

func (b *broker) take(topic string, value []byte) {
	b.retained[topic] = string(value)
	b.heard = append(b.heard, topic+" "+string(value))
}

// TestStates compares what a broker retains with a plain map, while connections are cut before and after a value arrives, and
// the broker loses what it had.
func TestStates(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &model{
			states: states.New(), broker: broker{retained: map[string]string{}},
			want: map[string]string{}, arrived: map[string]string{},
		}
		t.Repeat(map[string]func(*rapid.T){"set": m.set, "flush": m.flush, "begin": m.begin})
	})
}

// A model is States and what they should come to.
type model struct {
	states  *states.States
	broker  broker
	want    map[string]string
	arrived map[string]string // by the acknowledgements of this connection
}

func (m *model) set(t *rapid.T) {
	topic := rapid.SampledFrom([]string{"lock", "door", "mode"}).Draw(t, "topic")
	value := fmt.Sprint(rapid.IntRange(0, 2).Draw(t, "value"))
	buffer := []byte(value)
	m.states.Set(topic, buffer)
	buffer[0] = 'x' // the states have a copy
	m.want[topic] = value
}

func (m *model) flush(t *rapid.T) {
	left := rapid.IntRange(0, 4).Draw(t, "values that arrive")
	unknown := rapid.Bool().Draw(t, "the next arrives and is not acknowledged")
	err := m.states.Flush(t.Context(), func(_ context.Context, topic string, value []byte) error {
		if left--; left >= 0 || unknown {
			m.broker.take(topic, value)
		}
		if left < 0 {
			delete(m.arrived, topic)
			return errCut
		}
		if m.arrived[topic] == string(value) {
			t.Fatalf("%s is told a second time", topic)
		}
		m.arrived[topic] = string(value)
		return nil
	})
	if err != nil && !errors.Is(err, errCut) {
		t.Fatal(err)
	}
	if diff := cmp.Diff(m.want, m.broker.retained); err == nil && diff != "" {
		t.Fatalf("retained (-want +got):\n%s", diff)
	}
}

// begin connects to a broker that has lost what it retained.
func (m *model) begin(*rapid.T) {
	m.states.Begin()
	m.broker.retained, m.arrived = map[string]string{}, map[string]string{}
}

// TestSetWhileSending sets a topic anew while its value is on its way. The later value is told, the one in between is not.
func TestSetWhileSending(t *testing.T) {
	s, b := states.New(), &broker{retained: map[string]string{}}
	s.Set("lock", []byte("LOCKED"))
	s.Set("door", []byte("CLOSED"))
	err := s.Flush(t.Context(), func(_ context.Context, topic string, value []byte) error {
		if string(value) == "LOCKED" && len(b.heard) == 0 {
			s.Set("lock", []byte("UNLOCKED"))
			s.Set("lock", []byte("JAMMED"))
		}
		b.take(topic, value)
		return nil
	})
	if diff := cmp.Diff([]string{"lock LOCKED", "lock JAMMED", "door CLOSED"}, b.heard); diff != "" || err != nil {
		t.Errorf("heard (-want +got), error %v:\n%s", err, diff)
	}
}

// TestMissed has one topic that nobody gets for a while. The others are told meanwhile, and it is when somebody does.
func TestMissed(t *testing.T) {
	s, b := states.New(), &broker{retained: map[string]string{}}
	for _, topic := range []string{"forbidden", "lock", "door"} {
		s.Set(topic, []byte("one"))
	}
	forbidden := true
	send := func(_ context.Context, topic string, value []byte) error {
		if topic == "forbidden" && forbidden {
			return fmt.Errorf("%w: %s", states.ErrMissed, topic)
		}
		b.take(topic, value)
		return nil
	}
	for range 2 {
		if err := s.Flush(t.Context(), send); !errors.Is(err, states.ErrMissed) {
			t.Errorf("Flush = %v, want what was missed", err)
		}
		s.Set("door", []byte("two"))
	}
	forbidden = false
	if err := s.Flush(t.Context(), send); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"lock one", "door one", "door two", "forbidden one"}, b.heard); diff != "" {
		t.Errorf("heard (-want +got):\n%s", diff)
	}
}

// TestServe checks that a value is sent when it is set, once, and that one set just before the end is not forgotten.
func TestServe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, b := states.New(), &broker{retained: map[string]string{}}
		stop, ended := make(chan struct{}), make(chan error, 1)
		go func() {
			ended <- s.Serve(t.Context(), stop, time.Hour, func(_ context.Context, topic string, value []byte) error {
				b.take(topic, value)
				return nil
			})
		}()
		for _, value := range []string{"CLOSED", "OPEN", "OPEN", "CLOSED"} {
			s.Set("door", []byte(value))
			synctest.Wait()
		}
		s.Set("door", []byte("OPEN"))
		close(stop)
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff([]string{"door CLOSED", "door OPEN", "door CLOSED", "door OPEN"}, b.heard); diff != "" {
			t.Errorf("heard (-want +got):\n%s", diff)
		}
	})
}

// TestServeMissed sets a topic while another is missed: it is told at once, and the other one as soon as it is let.
func TestServeMissed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, b := states.New(), &broker{retained: map[string]string{}}
		ctx, cancel := context.WithCancel(t.Context())
		var mu sync.Mutex // guards b and what follows: the clock of a bubble orders nothing
		tries, forbidden := 0, true
		ended := make(chan error, 1)
		s.Set("forbidden", nil)
		go func() {
			ended <- s.Serve(ctx, nil, time.Second, func(_ context.Context, topic string, value []byte) error {
				mu.Lock()
				defer mu.Unlock()
				if topic == "forbidden" && forbidden {
					tries++
					return states.ErrMissed
				}
				b.take(topic, value)
				return nil
			})
		}()
		time.Sleep(2500 * time.Millisecond)
		s.Set("door", []byte("OPEN")) // does not have the other tried again
		synctest.Wait()
		mu.Lock()
		if diff := cmp.Diff([]string{"door OPEN"}, b.heard); diff != "" || tries != 3 {
			t.Errorf("after %d tries heard (-want +got):\n%s", tries, diff)
		}
		forbidden = false
		mu.Unlock()
		time.Sleep(time.Minute)
		synctest.Wait()
		if diff := cmp.Diff([]string{"door OPEN", "forbidden "}, b.heard); diff != "" {
			t.Errorf("heard (-want +got):\n%s", diff)
		}
		cancel()
		<-ended
	})
}

func TestServeEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errCut)
	err := states.New().Serve(ctx, nil, time.Hour, nil)
	if !errors.Is(err, errCut) {
		t.Errorf("Serve = %v, want the cause", err)
	}
}

// TestAgainMeanwhile makes every value due while one is being sent. It is sent once more.
func TestAgainMeanwhile(t *testing.T) {
	s := states.New()
	s.Set("a", []byte("1"))
	sent := 0
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(s.Flush(t.Context(), func(context.Context, string, []byte) error {
		if sent++; sent == 1 {
			s.Again()
		}
		return nil
	}))
	must(s.Flush(t.Context(), func(context.Context, string, []byte) error { sent++; return nil }))
	if sent != 2 {
		t.Errorf("it was sent %d times", sent)
	}
}

// TestSay has the same value told again each time, also where it is said while it is on its way.
func TestSay(t *testing.T) {
	s, told := states.New(), 0
	flush := func(again bool) {
		t.Helper()
		err := s.Flush(t.Context(), func(_ context.Context, _ string, value []byte) error {
			if told++; again && told == 3 {
				s.Say("audit", value)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		s.Say("audit", []byte("5"))
		flush(false)
		s.Set("audit", []byte("5"))
		flush(false)
	}
	if told != 2 {
		t.Errorf("said twice, and told %d times", told)
	}
	s.Say("audit", []byte("5"))
	if flush(true); told != 4 {
		t.Errorf("said twice more, and told %d times in all", told)
	}
}
