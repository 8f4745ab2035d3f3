package feed_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"facegate/pipeline/publish/feed"
)

var (
	errCut  = errors.New("the connection was cut")
	errFull = errors.New("the disk is full")
)

// A disk is an Outbox that outlives the process, and on which acknowledgements fail as long as it is full.
type disk struct {
	*feed.Memory
	full bool
}

func (d *disk) Ack(n uint64) error {
	if d.full {
		return errFull
	}
	return d.Memory.Ack(n)
}

// TestFeed cuts the power and the connection at any step between the appending of a message and its acknowledgement. No message
// is ever lost, or overtaken, or comes twice without saying so.
func TestFeed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &model{disk: &disk{Memory: feed.NewMemory(1000)}, seen: map[string]bool{}}
		m.start()
		t.Repeat(map[string]func(*rapid.T){
			"append": m.append, "serve": m.serve, "power cut": func(*rapid.T) { m.start() }, "": m.check,
		})
		m.disk.full = false
		if err := m.connect(t, m.made, false); err != nil {
			t.Fatal(err)
		}
		m.check(t)
		if len(m.seen) != m.made {
			t.Fatalf("%d messages arrived of %d", len(m.seen), m.made)
		}
	})
}

// A model is a feed and a consumer.
type model struct {
	disk    *disk
	feed    *feed.Feed
	made    int
	arrived []string
	seen    map[string]bool
}

func (m *model) start() { m.feed = feed.New(m.disk, slog.New(slog.DiscardHandler)) }

func (m *model) append(t *rapid.T) {
	m.made++
	if err := m.feed.Append(fmt.Appendf(nil, "%04d", m.made), nil); err != nil {
		t.Fatal(err)
	}
}

// serve is one connection, that ends after some messages, for one of several reasons.
func (m *model) serve(t *rapid.T) {
	m.disk.full = rapid.Bool().Draw(t, "the disk is full")
	lasts := rapid.IntRange(0, 5).Draw(t, "messages that are acknowledged")
	err := m.connect(t, lasts, rapid.Bool().Draw(t, "the next one arrives too"))
	if err != nil && !errors.Is(err, errCut) && !errors.Is(err, feed.ErrKept) {
		t.Fatal(err)
	}
}

func (m *model) connect(t *rapid.T, lasts int, unknown bool) error {
	stop := make(chan struct{})
	close(stop)
	m.feed.Begin()
	return m.feed.Serve(t.Context(), stop, func(_ context.Context, msg []byte, replayed bool) error {
		if lasts--; lasts >= 0 || unknown {
			m.take(t, string(msg), replayed)
		}
		if lasts < 0 {
			return errCut
		}
		return nil
	})
}

func (m *model) take(t *rapid.T, msg string, replayed bool) {
	if m.seen[msg] && !replayed {
		t.Fatalf("message %s comes a second time and does not say so", msg)
	}
	if !m.seen[msg] {
		m.arrived = append(m.arrived, msg)
	}
	m.seen[msg] = true
}

// check demands that what has arrived for the first time is a beginning of what was made.
func (m *model) check(t *rapid.T) {
	for i, msg := range m.arrived {
		if want := fmt.Sprintf("%04d", i+1); msg != want {
			t.Fatalf("message %s has overtaken message %s", msg, want)
		}
	}
}

// TestServe checks that a message that is added while the connection lasts is not called replayed, and is sent at once.
func TestServe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := feed.New(feed.NewMemory(10), slog.New(slog.DiscardHandler))
		add(t, f, "early")
		var heard []string
		stop, ended := make(chan struct{}), make(chan error, 1)
		f.Begin()
		go func() {
			ended <- f.Serve(t.Context(), stop, func(_ context.Context, msg []byte, replayed bool) error {
				heard = append(heard, fmt.Sprint(string(msg), " ", replayed))
				return nil
			})
		}()
		synctest.Wait()
		add(t, f, "one", "two")
		synctest.Wait()
		add(t, f, "last")
		close(stop)
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff([]string{"early true", "one false", "two false", "last false"}, heard); diff != "" {
			t.Errorf("heard (-want +got):\n%s", diff)
		}
	})
}

func TestServeEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errCut)
	f := feed.New(feed.NewMemory(1), slog.New(slog.DiscardHandler))
	if err := f.Serve(ctx, nil, nil); !errors.Is(err, errCut) {
		t.Errorf("Serve = %v, want the cause", err)
	}
}

// TestForeign checks that what nobody can read keeps no message waiting, and is told to the log.
func TestForeign(t *testing.T) {
	var log strings.Builder
	f := feed.New(feed.NewMemory(10), slog.New(slog.NewTextHandler(&log, nil)))
	add(t, f, "?", "one")
	var heard []string
	stop := make(chan struct{})
	close(stop)
	f.Begin()
	err := f.Serve(t.Context(), stop, func(_ context.Context, msg []byte, _ bool) error {
		if string(msg) == "?" {
			return fmt.Errorf("%w: no letter", feed.ErrForeign)
		}
		heard = append(heard, string(msg))
		return nil
	})
	if queued, _ := f.Stats(); err != nil || len(heard) != 1 || queued != 0 || !strings.Contains(log.String(), "no letter") {
		t.Errorf("heard %q, %d are queued, error %v, log:\n%s", heard, queued, err, &log)
	}
}

func add(t *testing.T, f *feed.Feed, messages ...string) {
	t.Helper()
	for _, msg := range messages {
		if err := f.Append([]byte(msg), nil); err != nil {
			t.Fatal(err)
		}
	}
}
