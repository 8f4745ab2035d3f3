package daemon

import (
	"context"
	"log/slog"
	"time"

	"facegate/cmd/facegate/internal/people"
	"facegate/configs/hint"
	"facegate/store"
	"facegate/store/clock"
)

const (
	// sweepEvery is how long a record may outlive its term.
	sweepEvery = time.Minute

	// lookEvery is how often the clock is looked at: for so long somebody may match who has expired, after it was set.
	lookEvery = time.Second
)

// A sweeper is the task that erases enrolments when they expire or idle, and drops records that were kept long enough. It
// watches the clock, without which it knows of neither.
type sweeper struct {
	register *people.Register
	store    *store.Store
	erased   func() // is called when somebody was
	log      *slog.Logger
	ready    chan struct{}

	last clock.Verdict     // what was known at the last sweep
	said map[string]string // what could not be done at the last sweep, and why
}

func newSweeper(g *people.Register, s *store.Store, erased func(), log *slog.Logger) *sweeper {
	return &sweeper{register: g, store: s, erased: erased, log: log, ready: make(chan struct{}), said: make(map[string]string)}
}

func (s *sweeper) String() string         { return "expiry sweeper" }
func (s *sweeper) Ready() <-chan struct{} { return s.ready }

// Run sweeps until ctx is cancelled: every minute, and as soon as the clock was set or confirmed.
func (s *sweeper) Run(ctx context.Context) error {
	close(s.ready)
	s.tell(s.store.Clock().Verdict())
	s.sweep()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
		v := s.store.Clock().Verdict()
		set := v.Since != s.last.Since || v.Doubt != s.last.Doubt
		if set {
			s.tell(v)
		}
		if set || v.Settled != s.last.Settled || v.Passed(s.last.Count) >= sweepEvery {
			s.sweep()
		}
	}
}

// tell says in the log whether the clock is believed.
func (s *sweeper) tell(v clock.Verdict) {
	if v.Right() {
		s.log.Info("the clock is believed", "says", v.Wall.Format(time.RFC3339), "time_server", v.Synced)
		return
	}
	reason, todo := people.Doubt(v)
	s.log.Warn("the clock is not believed, and nothing is erased by it", "reason", reason, "says", v.Wall.Format(time.RFC3339),
		"hint", todo)
}

// sweep does what is due. It never erases people and drops records in one go: whatever was wrong with the one can be seen
// before the other.
func (s *sweeper) sweep() {
	s.last = s.store.Clock().Verdict()
	if s.payOwed() {
		return
	}
	s.failed("the records could not be kept up to date", s.store.Clock().Tick())
	n, err := s.register.EraseDue()
	if s.failed("enrolments that are due could not be erased", err) {
		return
	}
	if n > 0 {
		s.log.Info("expired and idle enrolments erased", "people", n)
		s.erased()
		return
	}
	_, err = s.store.Retention().Prune()
	s.failed("records that were kept long enough could not be dropped", err)
}

// payOwed carries out the erasures that were asked for and found no room, and reports whether anything was destroyed.
func (s *sweeper) payOwed() bool {
	if !s.store.Retention().Owed().Any() {
		return false
	}
	n, err := s.register.EraseOwed()
	if s.failed("what is owed could not be destroyed", err) {
		return false
	}
	s.log.Info("what was owed is destroyed", "people", n)
	s.erased()
	return true
}

// failed reports whether err is one, and says it once for as long as it stays the same.
func (s *sweeper) failed(what string, err error) bool {
	if err == nil {
		delete(s.said, what)
		return false
	}
	if s.said[what] != err.Error() {
		s.log.Error(what, "error", err, "hint", hint.Of(err))
	}
	s.said[what] = err.Error()
	return true
}
