package daemon

import (
	"os"
	"testing"

	"facegate/pipeline/publish/feed"
	"facegate/pipeline/publish/feed/outboxtest"
	"facegate/store"
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
