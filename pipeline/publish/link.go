package publish

import (
	"cmp"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"facegate/configs/address"
)

// steady is how long a connection has to last to be trusted. Two clients of one id throw each other out in less: each comes
// back within backoffMax.
const steady = time.Minute

// flapping is how many connections in a row that were not steady are more than a coincidence.
const flapping = 3

// stale is when nothing is said any more of a broker that was not tried since.
const stale = time.Hour

// A link is how the connections to the brokers have been, and what the log was told of that. Its methods may be called from
// several goroutines.
type link struct {
	log *slog.Logger

	mu        sync.Mutex // guards what follows
	brokers   []standing
	at        int // the broker that there is a connection to, or was last
	explainer     // of that one
	connected bool
	since     time.Time // when the connection began, if there is one
	caveat    *Fault    // what is to be said of the connection though it serves, nil for nothing
	lack      *Fault    // what the broker lacks, nil for nothing
	rivalry   rivalry
	unseen    []string // topics of the gate on which what was published last has not come back, in their order
}

// A standing is how it has been with one broker.
type standing struct {
	address.Address
	fault *Fault    // nil if all is well, or it was not tried
	tried time.Time // when the fault was seen last
	told  string    // Kind of the fault that the log was told last, and not yet that it has ended
	short int       // connections in a row that were not steady
}

// status says how it is.
func (l *link) status() Status {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := Status{Connected: l.connected, Withheld: slices.Clone(l.unseen)}
	at := l.at
	if l.connected {
		s.ConnectedS = int(time.Since(l.since).Seconds())
	} else {
		at = max(0, slices.IndexFunc(l.brokers, func(b standing) bool { return b.fault != nil }))
	}
	s.Broker, s.TLS = l.brokers[at].String(), l.brokers[at].TLS
	if f := l.fault(at); f != nil {
		s.Fault, s.Err, s.Hint = f.Kind, f.Error(), f.Hint
	}
	for i, b := range l.brokers {
		if i != at {
			s.Others = append(s.Others, b.other())
		}
	}
	return s
}

// fault returns what is wrong as a whole, nil for nothing; at is the broker that it is about.
func (l *link) fault(at int) *Fault {
	f := l.brokers[at].fault
	switch {
	case f == nil && len(l.unseen) > 0:
		return l.withheld(l.unseen)
	case f == nil:
		return cmp.Or(l.caveat, l.lack, l.rivalry.fault(l.explainer))
	case l.connected || len(l.brokers) == 1 || slices.ContainsFunc(l.brokers, func(b standing) bool { return b.fault == nil }):
		return f
	}
	return &Fault{Kind: f.Kind, says: fmt.Sprintf("none of %d brokers serves this gate; %s", len(l.brokers), f.says), Hint: f.Hint, err: f.err}
}

func (b standing) other() Other {
	o := Other{Broker: b.String()}
	if b.fault != nil && time.Since(b.tried) < stale {
		o.Fault, o.Err, o.Hint, o.Tried = b.fault.Kind, b.fault.Error(), b.fault.Hint, b.tried
	}
	return o
}

// reached notes that there is a connection to a broker, over which nothing was told yet, and what is to be said of it.
func (l *link) reached(at int, e explainer, caveat *Fault) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.at, l.explainer, l.caveat, l.lack = at, e, caveat, nil
	l.connected, l.unseen = false, nil // the one before may have ended well
	if caveat != nil {
		l.log.Warn("connected to the broker with a reservation", "error", caveat.Error(), "hint", caveat.Hint)
	}
}

// lacking notes what the broker of the connection lacks. The log is told of it once.
func (l *link) lacking(without lack) {
	l.mu.Lock()
	defer l.mu.Unlock()
	was := l.lack
	if l.lack = l.without(without); l.lack != nil && (was == nil || was.Kind != l.lack.Kind) {
		l.log.Warn("the broker lacks what events and states go by", "error", l.lack.Error(), "hint", l.lack.Hint)
	}
}

// overruled notes that somebody else has spoken on topics after the gate. The log is told when that is no coincidence any more.
func (l *link) overruled(topics []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if was := l.rivalry.fault(l.explainer); l.rivalry.note(topics) && was == nil {
		f := l.rivalry.fault(l.explainer)
		l.log.Warn("somebody else speaks for this gate", "error", f.Error(), "hint", f.Hint)
	}
}

// credible notes that nothing is to be said of the connection any more.
func (l *link) credible() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.caveat = nil
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

// up notes that the connection serves, with so many messages that wait for it. After connections that did not last this one has
// to last before all is called well, and the log is told.
func (l *link) up(queued int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.connected, l.since = true, time.Now()
	b := &l.brokers[l.at]
	if b.short < flapping {
		b.fault = nil
	}
	if b.short == 0 {
		b.told = ""
	}
	if b.short < 2 {
		l.log.Info("connected to the broker", "broker", b.String(), "queued", queued)
	}
}

// steady notes that the connection lasts.
func (l *link) steady() {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := &l.brokers[l.at]
	if b.short >= flapping {
		l.log.Info("the connection to the broker lasts again", "broker", b.String())
	}
	b.fault, b.told, b.short = nil, "", 0
}

// down notes why a broker does not serve. Since is when it did, zero if it did not. The log is told of a fault once, until there is
// another, or it ends.
func (l *link) down(at int, f *Fault, since time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := &l.brokers[at]
	switch {
	case since.IsZero():
		b.short = 0
	case time.Since(since) < steady:
		b.short++
	default:
		b.short = 1
	}
	if b.short >= flapping {
		f = l.again(f)
	}
	if f.Kind != b.told {
		l.log.Warn("no connection to the broker, trying again", "error", f.Error(), "hint", f.Hint)
	}
	b.fault, b.told, b.tried = f, f.Kind, time.Now()
	l.connected, l.caveat, l.lack, l.unseen = false, nil, nil, nil
}

// stopped notes that there is no connection, on purpose.
func (l *link) stopped() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.connected, l.caveat, l.lack, l.unseen, l.rivalry = false, nil, nil, nil, rivalry{}
	for i := range l.brokers {
		l.brokers[i].fault = nil
	}
}

// unreached returns the brokers, but for the one that there is a connection to, that could not be reached when they were tried.
func (l *link) unreached() (all []int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, b := range l.brokers {
		if i != l.at && b.fault != nil && b.fault.at <= securing {
			all = append(all, i)
		}
	}
	return all
}

// sighted notes whether a broker that could not be reached can be reached now; f is nil if it can.
func (l *link) sighted(at int, f *Fault) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := &l.brokers[at]
	b.fault, b.tried = f, time.Now()
	if f == nil {
		b.told = ""
		l.log.Info("a broker can be reached again", "broker", b.String())
	}
}
