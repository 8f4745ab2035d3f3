package daemon

import (
	"os"
	"testing"

	"facegate/pipeline/publish"
	"facegate/pipeline/publish/outboxtest"
	"facegate/store"
	"facegate/store/storetest"
)

func TestOutbox(t *testing.T) {
	dir := t.TempDir()
	var s *store.Store
	var size int
	reopen := func() publish.Outbox {
		if s != nil {
			s.Close()
		}
		s = storetest.Open(t, dir)
		kept, err := s.Outbox(size)
		if err != nil {
			t.Fatal(err)
		}
		return &outbox{kept: kept}
	}
	outboxtest.Test(t, func(capacity int) publish.Outbox {
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

// TestOutboxOfAnotherVersion checks that what is no event keeps no event waiting.
func TestOutboxOfAnotherVersion(t *testing.T) {
	kept, err := storetest.Open(t, t.TempDir()).Outbox(10)
	if err != nil {
		t.Fatal(err)
	}
	if err := kept.Append([]byte(`{"seq":"one"}`)); err != nil {
		t.Fatal(err)
	}
	o := &outbox{kept: kept}
	if err := o.Append(publish.Event{Seq: 2}); err != nil {
		t.Fatal(err)
	}
	if e, ok := o.Next(); !ok || e.Seq != 2 {
		t.Errorf("the oldest event is %+v, %t", e, ok)
	}
}
