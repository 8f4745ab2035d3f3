package watchdog_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"facegate/cmd/facegate/internal/watchdog"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// busy is a part that is at one thing for that long.
func busy(name string, d, limit time.Duration) watchdog.Part {
	return watchdog.Part{Name: name, Busy: func() time.Duration { return d }, Limit: limit}
}

func TestJudge(t *testing.T) {
	for name, test := range map[string]struct {
		parts []watchdog.Part
		want  string
	}{
		"no parts":      {nil, ""},
		"one waits":     {[]watchdog.Part{busy("eyes", 0, time.Second)}, ""},
		"at the limit":  {[]watchdog.Part{busy("eyes", time.Second, time.Second)}, ""},
		"over it":       {[]watchdog.Part{busy("eyes", 31*time.Second, 30*time.Second)}, "eyes does not go on: it has been at one thing for 31s"},
		"the second is": {[]watchdog.Part{busy("eyes", 0, time.Second), busy("entry", time.Minute, time.Second)}, "entry does not go on: it has been at one thing for 1m0s"},
	} {
		err := watchdog.Judge(test.parts)
		if test.want == "" && err != nil || test.want != "" && (!errors.Is(err, watchdog.ErrHangs) || err.Error() != test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

// A bench is a watchdog whose door task goes round once a second as long as it does not hang.
type bench struct {
	fed      atomic.Int64
	door     atomic.Bool  // hangs
	eyes     atomic.Int64 // when they began to hang, in nanoseconds of Unix; 0 while they do not
	nobody   atomic.Bool  // is to be fed
	log      bytes.Buffer // is the watchdog's until it has ended
	watchdog *watchdog.Watchdog
	stop     func()
}

// start runs the bench in a bubble, and ends it with the test.
func start(t *testing.T) *bench {
	b := new(bench)
	parts := []watchdog.Part{{Name: "eyes", Limit: 10 * time.Second, Busy: func() time.Duration {
		if since := b.eyes.Load(); since > 0 {
			return time.Since(time.Unix(0, since))
		}
		return 0
	}}}
	feed := func() error {
		b.fed.Add(1)
		if b.nobody.Load() {
			return errors.New("nobody there")
		}
		return nil
	}
	b.watchdog = watchdog.New(parts, feed, slog.New(slog.NewTextHandler(&b.log, nil)))
	ctx, cancel := context.WithCancel(t.Context())
	var tasks sync.WaitGroup
	tasks.Go(func() {
		if err := b.watchdog.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	tasks.Go(func() {
		for time.Sleep(time.Second); ctx.Err() == nil; time.Sleep(time.Second) {
			if !b.door.Load() {
				b.watchdog.Round()
			}
		}
	})
	b.stop = func() { cancel(); tasks.Wait() }
	t.Cleanup(b.stop)
	if <-b.watchdog.Ready(); b.fed.Load() > 0 {
		t.Error("it is fed before there is a round")
	}
	return b
}

// wait lets d pass, and returns how often the watchdog was fed meanwhile.
func (b *bench) wait(d time.Duration) int64 {
	before := b.fed.Load()
	time.Sleep(d)
	synctest.Wait()
	return b.fed.Load() - before
}

// TestFed feeds after each round, stops while the door or the eyes hang, and not while the eyes take long.
func TestFed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t)
		if n := b.wait(10 * time.Second); n < 9 || n > 10 || b.watchdog.Hung() != nil {
			t.Errorf("in ten rounds it was fed %d times; %v", n, b.watchdog.Hung())
		}
		b.door.Store(true)
		if b.wait(time.Second); b.wait(time.Minute) != 0 {
			t.Error("it is fed without a round of the door")
		}
		b.door.Store(false)
		b.eyes.Store(time.Now().UnixNano())
		if n := b.wait(9 * time.Second); n < 8 {
			t.Errorf("while a frame takes nine seconds it was fed %d times", n)
		}
		if b.wait(2 * time.Second); b.wait(time.Minute) != 0 || !errors.Is(b.watchdog.Hung(), watchdog.ErrHangs) {
			t.Errorf("it is fed while the eyes hang; %v", b.watchdog.Hung())
		}
		b.eyes.Store(0)
		if n := b.wait(5 * time.Second); n < 4 || b.watchdog.Hung() != nil {
			t.Errorf("after that it was fed %d times in five rounds; %v", n, b.watchdog.Hung())
		}
		b.stop()
		if log := b.log.String(); strings.Count(log, "not fed") != 1 || strings.Count(log, "fed again") != 1 {
			t.Errorf("the log:\n%s", log)
		}
	})
}

// TestRoundsAtOnce goes round a thousand times a second.
func TestRoundsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t)
		for range 4000 {
			b.watchdog.Round()
			time.Sleep(time.Millisecond)
		}
		if n := b.fed.Load(); n < 12 || n > 17 {
			t.Errorf("in four seconds it was fed %d times", n)
		}
	})
}

// TestCannotFeed goes on where nobody is to be fed.
func TestCannotFeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t)
		b.nobody.Store(true)
		n := b.wait(10 * time.Second)
		b.stop()
		if n < 9 || strings.Count(b.log.String(), "nobody there") != 1 {
			t.Errorf("fed %d times; the log:\n%s", n, &b.log)
		}
	})
}
