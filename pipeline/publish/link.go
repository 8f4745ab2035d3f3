package publish

import (
	"log/slog"
	"slices"
	"sync"
	"time"
)

// steady is how long a connection has to last to be trusted. Two clients of one id throw each other out in less: each comes
// back within backoffMax.
const steady = time.Minute

// flapping is how many connections in a row that were not steady are more than a coincidence.
const flapping = 3

// A link is how the connection to the broker has been, and what the log was told of that. Its methods may be called from
// several goroutines.
type link struct {
	broker   string                       // its address
	again    func(last *Fault) *Fault     // explains connections that do not last
	withheld func(topics []string) *Fault // explains what does not come back
	log      *slog.Logger

	mu        sync.Mutex // guards what follows
	connected bool
	since     time.Time // when the connection began, if there is one
	fault     *Fault    // nil if all is well
	told      string    // Kind of the fault that the log was told last, and not yet that it has ended
	short     int       // connections in a row that were not steady
	unseen    []string  // topics of the gate on which what was published last has not come back, in their order
}

// status returns what a Status has of the connection, and what is wrong, nil if nothing is.
func (l *link) status() (s Status, fault *Fault) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s.Connected, s.Withheld = l.connected, slices.Clone(l.unseen)
	if l.connected {
		s.ConnectedS = int(time.Since(l.since).Seconds())
	}
	if l.fault == nil && len(l.unseen) > 0 {
		return s, l.withheld(l.unseen)
	}
	return s, l.fault
}

// seen notes whether what was published on a topic has come back. The log is told of each change.
func (l *link) seen(topic string, came bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at, known := slices.BinarySearch(l.unseen, topic)
	switch {
	case came && known:
		l.unseen = slices.Delete(l.unseen, at, at+1)
		l.log.Info("what this gate tells comes back", "topic", topic)
	case !came && !known:
		l.unseen = slices.Insert(l.unseen, at, topic)
		f := l.withheld(l.unseen)
		l.log.Warn("the broker keeps what this gate tells", "error", f.Error(), "hint", f.Hint)
	}
}

// up notes that there is a connection, with so many messages that wait for it. After connections that did not last this one has
// to last before all is called well, and the log is told.
func (l *link) up(queued int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.connected, l.since = true, time.Now()
	if l.short < flapping {
		l.fault = nil
	}
	if l.short == 0 {
		l.told = ""
	}
	if l.short < 2 {
		l.log.Info("connected to the broker", "broker", l.broker, "queued", queued)
	}
}

// steady notes that the connection lasts.
func (l *link) steady() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.short >= flapping {
		l.log.Info("the connection to the broker lasts again", "broker", l.broker)
	}
	l.fault, l.told, l.short = nil, "", 0
}

// down notes why there is no connection. Since is when there was one, zero if there was none. The log is told of a fault once,
// until there is another, or it ends.
func (l *link) down(f *Fault, since time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case since.IsZero():
		l.short = 0
	case time.Since(since) < steady:
		l.short++
	default:
		l.short = 1
	}
	if l.short >= flapping {
		f = l.again(f)
	}
	if f.Kind != l.told {
		l.log.Warn("no connection to the broker, trying again", "error", f.Error(), "hint", f.Hint)
	}
	l.connected, l.fault, l.told, l.unseen = false, f, f.Kind, nil
}

// stopped notes that there is no connection, on purpose.
func (l *link) stopped() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.connected, l.fault, l.unseen = false, nil, nil
}
