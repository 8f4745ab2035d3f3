package store

import (
	"path/filepath"
	"testing"
	"time"

	"facegate/store/audit"
	"facegate/store/durable/durabletest"
)

// A message is added while an erasure waits for the disk under faces.db, for as long as that takes.
func TestOutboxWaitsForNoErasure(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	defer s.Close()
	for n := range 3 {
		_, err := s.Enrol(current(s, testEnrolment(n)))
		must(t, err)
	}
	o, err := s.Outbox(100)
	must(t, err)
	reached, goOn, erased := make(chan bool), make(chan bool), make(chan error, 1)
	held := false
	s.disk.(*durabletest.Watched).Before = func(path string) error {
		if !held && filepath.Base(path) == "faces.db.tmp" {
			held = true
			reached <- true
			<-goOn
		}
		return nil
	}
	go func() {
		_, err := s.Erase(ByLabel("person 1"), audit.Requested, 1000)
		erased <- err
	}()
	<-reached
	for began := time.Now(); time.Since(began) < 2*time.Second; time.Sleep(50 * time.Millisecond) {
		must(t, o.Append([]byte("somebody came in"), nil))
	}
	added, _ := o.Stats()
	n, _, ok := o.Next()
	if !ok || added < 5 {
		t.Errorf("%d messages", added)
	}
	must(t, o.Ack(n))
	select {
	case err := <-erased:
		t.Fatalf("the erasure did not wait: %v", err)
	default:
	}
	close(goOn)
	must(t, <-erased)
	if queued, _ := o.Stats(); queued != added-1 {
		t.Errorf("%d messages, of %d", queued, added)
	}
	l, err := s.Log().Read()
	must(t, err)
	must(t, l.Verify())
}

// A disk that hangs keeps nobody waiting but whoever writes to it: how many messages wait can be asked all the same.
func TestOutboxOnADiskThatHangs(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	defer s.Close()
	o, err := s.Outbox(2)
	must(t, err)
	must(t, o.Append([]byte("one"), nil))
	reached, goOn, changed := make(chan bool), make(chan bool), make(chan error, 1)
	s.disk.(*durabletest.Watched).Before = func(path string) error {
		if filepath.Base(path) == "journal.db" {
			reached <- true
			<-goOn
		}
		return nil
	}
	for _, change := range []func() error{
		func() error { return o.Append([]byte("two"), nil) },
		func() error { return o.Append([]byte("three"), nil) }, // in the place of the oldest
		func() error { return o.Ack(2) },
	} {
		before, _, _ := o.Next()
		queued, dropped := o.Stats()
		last := o.Last()
		go func() { changed <- change() }()
		<-reached
		n, _, ok := o.Next()
		if q, d := o.Stats(); !ok || n != before || q != queued || d != dropped || o.Last() != last {
			t.Errorf("message %d of %d, %d dropped, before the disk has it", n, q, d)
		}
		goOn <- true
		must(t, <-changed)
	}
	n, text, _ := o.Next()
	if queued, dropped := o.Stats(); n != 3 || string(text) != "three" || queued != 1 || dropped != 1 || o.Last() != 3 {
		t.Errorf("%q is message %d of %d, %d dropped", text, n, queued, dropped)
	}
	s.disk.(*durabletest.Watched).Before = nil
}
