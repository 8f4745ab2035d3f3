package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"facegate/pipeline/publish/feed"
	"facegate/pipeline/publish/feed/outboxtest"
	"facegate/store"
	"facegate/store/durable/durabletest"
	"facegate/store/storetest"
)

// The store's outbox is one of the feed as it is, and neither imports the other.
var _ feed.Outbox = (*store.Outbox)(nil)

func TestOutbox(t *testing.T) {
	dir := t.TempDir()
	var s *store.Store
	var size int
	reopen := func() feed.Outbox {
		if s != nil {
			s.Close()
		}
		s = storetest.Open(t, dir)
		kept, err := s.Outbox(size)
		if err != nil {
			t.Fatal(err)
		}
		return kept
	}
	outboxtest.Test(t, func(capacity int) feed.Outbox {
		if s != nil {
			s.Close()
			s = nil
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		size = capacity
		return reopen()
	}, reopen)
}

// TestFeedOutlivesPowerCuts delivers from the store's outbox, and cuts the power before each sync of its disk in turn. Every
// message that was held arrives, in order, and a second time only if it says so.
func TestFeedOutlivesPowerCuts(t *testing.T) {
	cuts := 0
	for cutAt(t, cuts+1) {
		cuts++
	}
	if cuts < 6 { // three messages are written, and removed
		t.Errorf("the power was cut %d times", cuts)
	}
}

// cutAt cuts the power before a sync, from 1, and reports whether there are so many.
func cutAt(t *testing.T, sync int) bool {
	o := storetest.Options(t.TempDir())
	disk := new(durabletest.Watched)
	o.Disk = disk
	s, err := store.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	var held, heldThen []string
	var c, then consumer
	image, syncs := t.TempDir(), 0
	disk.Before = func(string) error {
		if syncs++; syncs == sync {
			copyFiles(t, image, o.Dir)
			heldThen, then = slices.Clone(held), consumer{slices.Clone(c.heard)}
		}
		return nil
	}
	f := newFeed(t, s)
	for _, msg := range []string{"1", "2", "", "3", ""} {
		if msg == "" {
			c.serve(t, f)
		} else if err := f.Append([]byte(msg), nil); err != nil {
			t.Fatal(err)
		} else {
			held = append(held, msg)
		}
	}
	disk.Before = nil
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if syncs < sync {
		return false
	}
	then.serve(t, newFeed(t, storetest.Open(t, image)))
	for i, msg := range heldThen {
		if i >= len(then.heard) || then.heard[i] != msg {
			t.Errorf("cut before sync %d: %q were held, and %q arrived", sync, heldThen, then.heard)
			break
		}
	}
	return true
}

func newFeed(t *testing.T, s *store.Store) *feed.Feed {
	t.Helper()
	o, err := s.Outbox(100)
	if err != nil {
		t.Fatal(err)
	}
	return feed.New(o, slog.New(slog.DiscardHandler))
}

// A consumer knows what it has heard, without repeats.
type consumer struct{ heard []string }

// serve lets the consumer hear all that is in a feed.
func (c *consumer) serve(t *testing.T, f *feed.Feed) {
	t.Helper()
	stop := make(chan struct{})
	close(stop)
	f.Begin()
	err := f.Serve(t.Context(), stop, func(_ context.Context, msg []byte, replayed bool) error {
		if !slices.Contains(c.heard, string(msg)) {
			c.heard = append(c.heard, string(msg))
		} else if !replayed {
			return fmt.Errorf("%q comes a second time and does not say so", msg)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// copyFiles makes the files of one folder, as they are, those of another.
func copyFiles(t *testing.T, to, from string) {
	t.Helper()
	files, err := os.ReadDir(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		data, err := os.ReadFile(filepath.Join(from, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, f.Name()), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
