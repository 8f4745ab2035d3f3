package record_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"facegate/cmd/facegate/internal/record"
	"facegate/pipeline/attempt"
	"facegate/pipeline/embed"
	"facegate/pipeline/template"
	"facegate/store/audit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var anna = template.PersonID{'a'}

// A book keeps what it is told, and takes as long as a disk that holds it up.
type book struct {
	disk    chan struct{} // holds a token while the disk does not answer
	mu      sync.Mutex    // guards what follows
	written []string
	counts  []attempt.Count
	closed  int
	err     error
}

func newBook() *book { return &book{disk: make(chan struct{}, 1)} }

// hang keeps the disk from answering until answer.
func (b *book) hang()   { b.disk <- struct{}{} }
func (b *book) answer() { <-b.disk }

func (b *book) write(what string) error {
	b.hang()
	b.answer()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.written = append(b.written, what)
	return b.err
}

func (b *book) Passed(attempt.Attempt, time.Time) error { return b.write("passed") }
func (b *book) Use(attempt.Attempt) error               { return b.write("used") }

func (b *book) Count(f attempt.Fact) error {
	err := b.write("counted")
	b.mu.Lock()
	defer b.mu.Unlock()
	b.counts = append(b.counts, f.Counts...)
	if f.Closed {
		b.closed++
	}
	return err
}

// times returns how often something was written.
func (b *book) times(what string) (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, w := range b.written {
		if w == what {
			n++
		}
	}
	return n
}

// A bench is a record under way, in a bubble of time.
type bench struct {
	*record.Record
	book *book
	log  bytes.Buffer
	stop func()
}

func start(t *testing.T) *bench {
	t.Helper()
	b := &bench{book: newBook()}
	b.Record = record.New(record.Parts{
		Book: b.book, Log: slog.New(slog.NewTextHandler(&b.log, nil)),
		Tell:   func(attempt.Fact) error { return b.book.write("told") },
		Opened: func(_ time.Time, by string) error { return b.book.write("told by " + by) },
		Alarm:  func(_ time.Time, k audit.Kind) error { return b.book.write("alarm " + k.String()) },
		Renew:  func(template.PersonID, embed.Vector) error { return b.book.write("renewed") },
	})
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := b.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	b.stop = sync.OnceFunc(func() {
		cancel()
		wg.Wait()
	})
	t.Cleanup(b.stop)
	return b
}

func passage() attempt.Fact {
	return attempt.Fact{Attempt: attempt.Attempt{Means: attempt.Face, Person: anna, Finding: attempt.Matched}, Opened: time.Now()}
}

func failure(n uint32) attempt.Fact {
	return attempt.Fact{Counts: []attempt.Count{{Means: attempt.Card, Person: anna, Failures: n}}, Closed: n == 2}
}

// TestForced checks that somebody who is forced is told of and noted, whether or not the door opens and however much waits, and that
// the log says nothing of it.
func TestForced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t)
		opened := passage()
		opened.Attempt.Duress = true
		shut := opened
		shut.Opened = time.Time{}
		b.Put(opened)
		b.Put(shut)
		b.Put(attempt.Fact{Attempt: opened.Attempt, Counts: failure(1).Counts})
		synctest.Wait()
		want := []string{"told", "passed", "alarm duress", "told", "alarm duress", "told", "counted", "alarm duress"}
		if b.book.times("told"); !slices.Equal(slices.Sorted(slices.Values(b.book.written)), slices.Sorted(slices.Values(want))) {
			t.Errorf("written: %q, want %q", b.book.written, want)
		}
		b.book.hang()
		for !b.Full() {
			b.Put(passage())
		}
		b.Put(shut)
		b.book.answer()
		synctest.Wait()
		if n := b.book.times("alarm duress"); n != 4 || b.log.Len() > 0 {
			t.Errorf("%d alarms, and the log says %s", n, &b.log)
		}
		b.stop()
	})
}

func TestFacts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t)
		f := passage()
		f.Counts = []attempt.Count{{Means: attempt.Face, Person: anna}}
		b.Put(f)
		b.Put(failure(1))
		b.PutOpening(time.Now(), "hand")
		synctest.Wait()
		want := []string{"told", "passed", "counted", "counted", "told by hand"}
		if !slices.Equal(b.book.written, want) || b.Waiting() != 0 {
			t.Errorf("written is %q, and %d wait", b.book.written, b.Waiting())
		}
	})
}

// TestFull holds up the disk: nothing that is handed over waits for it, the queue is full after as many facts as it is for, and what
// it has is written when the disk answers.
func TestFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t)
		b.book.hang()
		for i := range record.Size {
			if b.Full() {
				t.Fatalf("it is full with %d", i)
			}
			b.Put(passage())
		}
		if !b.Full() || b.Waiting() != record.Size {
			t.Errorf("with %d it is not full", b.Waiting())
		}
		for n := range 100_000 { // failures go on
			b.Put(failure(uint32(n + 1)))
		}
		b.Renew(anna, embed.Vector{1})
		if b.Waiting() != record.Size {
			t.Errorf("%d wait", b.Waiting())
		}
		b.book.answer()
		synctest.Wait()
		if b.Full() || b.Waiting() != 0 || b.book.times("passed") != record.Size || b.book.times("renewed") != 0 {
			t.Errorf("%d wait, %d are written, %d renewed", b.Waiting(), b.book.times("passed"), b.book.times("renewed"))
		}
		if n := len(b.book.counts); n != 1 || b.book.counts[0].Failures != 100_000 || b.book.closed != 1 {
			t.Errorf("%d counts, the first %+v, %d closed", n, b.book.counts[0], b.book.closed)
		}
	})
}

// TestNothingIsLost stops a record whose disk does not answer: it ends when all is written, and not before.
func TestNothingIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t)
		b.book.hang()
		for range 100 {
			b.Put(passage())
		}
		ended := make(chan struct{})
		go func() {
			b.stop()
			close(ended)
		}()
		synctest.Wait()
		select {
		case <-ended:
			t.Fatal("it has ended before all was written")
		default:
		}
		b.book.answer()
		<-ended
		if n := b.book.times("passed"); n != 100 {
			t.Errorf("%d of 100 are written", n)
		}
	})
}

func TestConfirm(t *testing.T) {
	for _, want := range []error{nil, errors.New("no room")} {
		synctest.Test(t, func(t *testing.T) {
			b := start(t)
			b.book.err = want
			f := failure(1)
			f.Attempt.Credential = attempt.Credential{1}
			done := make(chan error, 1)
			b.book.hang()
			b.Confirm(f, func(err error) { done <- err })
			synctest.Wait()
			if len(done) > 0 {
				t.Error("it is confirmed before it is written")
			}
			b.book.answer()
			if err := <-done; !errors.Is(err, want) {
				t.Errorf("confirmed with %v", err)
			}
			if n := b.book.times("counted"); b.book.times("used") != 1 || (n == 1) != (want == nil) {
				t.Errorf("written is %q", b.book.written)
			}
		})
	}
}

// TestErrors checks that what cannot be written is told in the log, and holds up nothing else.
func TestErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t)
		b.book.err = errors.New("the outbox is on fire")
		b.Put(passage())
		b.Put(passage())
		synctest.Wait()
		b.stop()
		if n := b.book.times("passed"); n != 2 || strings.Count(b.log.String(), "\n") != 2 || !strings.Contains(b.log.String(), "on fire") {
			t.Errorf("%d are written, the log is:\n%s", n, &b.log)
		}
	})
}

// TestRenewal checks that one face waits at a time, a copy, and that nothing is left of it.
func TestRenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []embed.Vector
		hold := make(chan struct{})
		r := record.New(record.Parts{Book: newBook(), Log: slog.New(slog.DiscardHandler), Renew: func(_ template.PersonID, v embed.Vector) error {
			got = append(got, v)
			if v[0] != 1 {
				t.Errorf("the face is %v", v)
			}
			<-hold
			return nil
		}})
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { r.Run(ctx) })
		face := embed.Vector{1, 2}
		r.Renew(anna, face)
		face[0] = 1
		synctest.Wait()
		for range 10 {
			r.Renew(anna, face) // while the first is not done
		}
		clear(face)
		close(hold)
		synctest.Wait()
		if len(got) != 1 || r.Waiting() != 0 {
			t.Errorf("%d faces, %d wait", len(got), r.Waiting())
		}
		for _, v := range got {
			if slices.ContainsFunc(v, func(x float32) bool { return x != 0 }) {
				t.Errorf("left is %v", v)
			}
		}
		cancel()
		wg.Wait()
	})
}
