package publish

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"facegate/configs/address"
	"facegate/pipeline/attempt"
	"facegate/pipeline/publish/feed"
	"facegate/pipeline/publish/orders"
	"facegate/pipeline/publish/states"
)

const (
	backoffMin = 250 * time.Millisecond // before the first attempt to reconnect; it doubles up to backoffMax
	backoffMax = 10 * time.Second
	farewell   = 2 * time.Second // how long a stopping Publisher may take to send what is queued, and "stopped"
)

// ErrMethod is returned for an Event whose Method is none of Methods.
var ErrMethod = errors.New("there is no such method of passage")

// A Status is what a Publisher tells about itself.
type Status struct {
	Broker     string   `json:"broker"` // the address of the one that there is a connection to, or that Err is about
	TLS        bool     `json:"tls"`    // what is said to it is encrypted
	Connected  bool     `json:"connected"`
	ConnectedS int      `json:"connected_s"`        // seconds for which it has been, whatever was done to the clock
	Withheld   []string `json:"withheld,omitempty"` // topics on which the broker gives nothing back
	Queued     int      `json:"queued"`             // events that wait until the broker has given them back
	Dropped    uint64   `json:"dropped"`            // events that the outbox gave up
	Store      string   `json:"store"`              // that of the events
	Seq        uint64   `json:"seq"`                // of the newest event of the store, 0 if it has none
	Delivered  uint64   `json:"delivered"`          // seq of the event that the broker has given back last, since the start; 0 for none
	Fault      string   `json:"fault"`              // Fault.Kind of what is wrong, "" if nothing is; connections that do not last are a fault
	Err        string   `json:"error"`              // what is wrong, in a sentence
	Hint       string   `json:"hint"`               // what to do about it
	Forgotten  bool     `json:"forgotten"`          // nothing is retained, since the broker was told to forget the gate
	Unsigned   bool     `json:"unsigned_orders"`    // whoever may write there may open the door: orders of Home Assistant are taken
	Others     []Other  `json:"others,omitempty"`   // the other brokers, in the order in which they are tried
}

// Other is how it was with another broker when it was tried last.
type Other struct {
	Broker string    `json:"broker"`
	Fault  string    `json:"fault"` // as in Status, "" if nothing was wrong, or nobody knows
	Err    string    `json:"error"`
	Hint   string    `json:"hint"`
	Tried  time.Time `json:"tried,omitzero"` // of a fault
}

// A Publisher is the task that tells what happens at one gate. Topics says on which topics it speaks, and how. It says on
// facegate/<site>/<gate>/availability (retained) whether the gate is online, stopped or offline, and beside it how lock, door and gate
// are, on every connection and whenever a building system begins anew. It publishes events on facegate/<site>/<gate>/pass, and alarms
// on facegate/<site>/<gate>/alarm/duress, at QoS 1 and not retained. While it is connected it tells each event on
// facegate/<site>/<gate>/pass/live as well, at QoS 0 and once, for whoever wants to know it now or not at all.
//
// What is published at QoS 1 counts as told when the broker has given it back, since one whose access list forbids a topic acknowledges
// all the same. Until it does so with what is published on facegate/<site>/<gate>/echo, and with each event, no event leaves the outbox.
//
// An event that was sent before, or that waited for a connection, is marked as replayed. It has the same seq, and by that a
// consumer drops duplicates: no two events of a store have one seq.
type Publisher struct {
	cfg     Config
	brokers []address.Address // in the order in which they are tried
	dial    func(context.Context, endpoint) (net.Conn, error)
	clock   func() Moment
	feed    *feed.Feed
	live    live
	states  *states.States
	orders  *orders.Desk // nil if none are taken
	home    home
	link    link

	hearWitness func(witness string, signed []byte) // see Parts.Cosigned
	trials      []trial                             // of the brokers
	boot        string
	store       string // that of the numbers
	birth       string
	born        chan struct{} // holds a token if a building system has begun anew
	log         *slog.Logger
	ready       chan struct{}
	topics      []Topic

	mu      sync.Mutex // guards what follows, and keeps the outbox in its order; a disk is waited for under it
	numbers numbers

	quiet bool // it says nothing that is retained, not even by a will
	ends  bool // its session at the broker ends with its connection

	told      tally
	newest    atomic.Uint64 // seq of the newest event, for who must not wait for a disk
	delivered atomic.Uint64 // seq of the event that was given back last
	dropped   atomic.Uint64 // events that a full outbox has given up
	handsOver atomic.Bool   // see HandOver

	silent      atomic.Bool     // nothing is to be retained
	forgettings chan forgetting // orders to forget
	ordered     forgetting      // the order that is being followed, nil for none
}

// Parts are what a Publisher works with.
type Parts struct {
	Outbox feed.Outbox
	Orders *orders.Desk // nil takes no orders, and subscribes to nothing
	Home   *orders.Desk // of orders of a Home Assistant, which nobody has signed; likewise. No answer of it is sent
	Rand   io.Reader    // draws the ids of this start and, at the first, of the store; for Home that of each connection
	Birth  string       // a topic on which a building system says "online" when it begins anew; "" for none
	Silent bool         // the process before this one was told to have the broker forget the gate

	// Cosigned is handed what is said for a witness, of which the id of its key is given. Nothing of it was verified, and it is none of the
	// caller's to keep or change. Cosigned does not wait. It is nil where Config names no witnesses.
	Cosigned func(witness string, signed []byte)

	// Clock says by what time certificates are judged. Nil is the clock of this machine, which is believed.
	Clock func() Moment
}

// New returns a Publisher of what is in the outbox and what is added by Tell. It reads no file. An error wraps ErrConfig, or is that of
// Rand.
func New(cfg Config, parts Parts, log *slog.Logger) (*Publisher, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	boot, err := newID(parts.Rand)
	if err != nil {
		return nil, err
	}
	n, err := resume(parts.Outbox.Mark(), parts.Rand)
	if err != nil {
		return nil, err
	}
	p := &Publisher{
		cfg:     cfg,
		brokers: cfg.inTurn(),
		dial:    dial,
		clock:   parts.Clock,
		feed:    feed.New(parts.Outbox, log),
		live:    make(live, mostLive),
		states:  states.New(),
		orders:  parts.Orders,
		home:    home{desk: parts.Home, rand: parts.Rand},
		trials:  make([]trial, len(cfg.Brokers)),
		boot:    boot,
		store:   n.Store,
		birth:   parts.Birth,
		born:    make(chan struct{}, 1),
		told:    newTally(),
		numbers: n,
		topics:  slices.Concat(Topics(), HomeAssistantTopics()),
		log:     log,
		ready:   make(chan struct{}),

		hearWitness: parts.Cosigned,
		forgettings: make(chan forgetting),
	}
	if p.clock == nil {
		p.clock = believed
	}
	p.link.log = log
	for _, b := range p.brokers {
		p.link.brokers = append(p.link.brokers, standing{Address: b})
	}
	p.newest.Store(n.Events)
	p.silent.Store(parts.Silent)
	p.states.Set(availability, []byte(Online)) // the first state, and so the first that is told
	return p, nil
}

func dial(ctx context.Context, e endpoint) (net.Conn, error) { return e.dial(ctx) }

// believed is the clock of this machine.
func believed() Moment { return Moment{Now: time.Now(), Clock: Synced} }

// Tell adds an event, and gives it its place: store, boot and seq. It does not wait for the network. It returns ErrMethod or the
// outbox's error; then the event is lost, and its seq is missing for the consumers to see, unless the process ends before another
// event is kept.
func (p *Publisher) Tell(e Event) error {
	return p.tell(&e, nil)
}

// TellFact tells that the door of s was opened for somebody, or that somebody was forced to ask for it, or both. Both are one message
// of the outbox, so that no count of those tells who was forced from anybody else.
func (p *Publisher) TellFact(s Source, f attempt.Fact) error {
	var e *Event
	if !f.Opened.IsZero() {
		granted := s.Granted(f.Opened, f.Attempt.Means, f.Opened.Sub(f.Attempt.Asked))
		e = &granted
	}
	var a *Alarm
	if f.Attempt.Duress {
		forced := s.Duress(f.Attempt.Asked)
		a = &forced
	}
	if e == nil && a == nil {
		return nil
	}
	return p.tell(e, a)
}

func (p *Publisher) tell(e *Event, a *Alarm) error {
	if e != nil && !slices.Contains(Methods(), e.Method) {
		return ErrMethod
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	m := message{Alarm: a}
	if a != nil {
		p.numbers.Alarms++
		a.Store, a.Boot, a.Seq = p.numbers.Store, p.boot, p.numbers.Alarms
	}
	if e != nil {
		p.numbers.Events++
		e.Store, e.Boot, e.Seq = p.numbers.Store, p.boot, p.numbers.Events
		m.Topic, m.Event = pass, *e
	} else {
		m.After = p.numbers.Events
	}
	msg, err := json.Marshal(m)
	mark, numbered := json.Marshal(p.numbers)
	if err = errors.Join(err, numbered); err == nil {
		err = p.keep(msg, mark)
	}
	if err != nil {
		return fmt.Errorf("keep event %d: %w", p.numbers.Events, err)
	}
	if e != nil { // it is on disk, so that no other event ever has its number
		p.newest.Store(e.Seq)
		p.told.add(e.Method)
		return p.tellLive(*e)
	}
	return nil
}

// keep puts a message into the outbox. An event that leaves a full one for it was given up, and is counted; an alarm by itself is not, as
// in waiting. p.mu must be held.
func (p *Publisher) keep(msg, mark []byte) error {
	oldest, _ := p.feed.Oldest()
	_, before := p.feed.Stats()
	err := p.feed.Append(msg, mark)
	if _, after := p.feed.Stats(); after == before {
		return err
	}
	if m, foreign := decode(oldest); foreign != nil || m.Topic != "" {
		p.dropped.Add(1)
	}
	return err
}

func (p *Publisher) tellLive(e Event) error {
	payload, err := json.Marshal(e)
	if err == nil {
		p.live.offer(payload)
	}
	return err
}

// Run delivers events until ctx is cancelled; it connects again, with growing pauses, as long as it takes. On cancel it
// spends up to 2 s on what is queued and on saying "stopped", and returns nil. It may be called once.
func (p *Publisher) Run(ctx context.Context) error {
	close(p.ready)
	for t := newTurns(len(p.brokers)); ctx.Err() == nil; {
		since, err := p.session(ctx, t.at, t.stay())
		if ctx.Err() != nil {
			break
		}
		if err == nil || errors.Is(err, errProve) { // nil: the broker is to forget the gate
			continue
		}
		f := new(Fault)
		errors.As(err, &f)
		early, granted := f.mayLack()
		p.trials[t.at].ended(since.IsZero() && early, granted)
		p.link.down(t.at, f, since)
		lasted := !since.IsZero() && time.Since(since) > backoffMax && !errors.As(err, new(*unseen))
		sleep(ctx, t.next(lasted))
	}
	p.link.stopped()
	if queued := p.waiting(); queued > 0 {
		p.log.Warn("stopped with events unsent", "queued", queued)
	}
	return nil
}

// Ready is closed once the Publisher tries to connect: a door works without its broker.
func (p *Publisher) Ready() <-chan struct{} { return p.ready }

func (p *Publisher) String() string { return fmt.Sprintf("publisher to %v", p.cfg.Brokers) }

// Status returns the state of the connection and of the outbox. It has no time of an event, and nothing of alarms: whoever asks is
// not to learn when somebody passed, or that somebody was forced.
func (p *Publisher) Status() Status {
	s := p.link.status()
	s.Store, s.Seq, s.Delivered = p.store, p.newest.Load(), p.delivered.Load()
	s.Forgotten, s.Unsigned = p.Silent(), p.home.desk != nil
	for i, name := range s.Withheld {
		s.Withheld[i] = p.cfg.topic(name)
	}
	s.Queued = p.waiting()
	s.Dropped = p.dropped.Load()
	return s
}

// waiting returns how many events wait. An alarm by itself is none: counted beside the events it would say that somebody was forced. So
// events are counted by their numbers, from the one before the oldest message; what has no numbers of this store is counted as it is.
func (p *Publisher) waiting() int {
	queued, _ := p.feed.Stats()
	msg, ok := p.feed.Oldest()
	if !ok {
		return 0
	}
	m, err := decode(msg)
	after, store := m.place()
	if err != nil || store != p.store {
		return queued
	}
	newest := p.newest.Load()
	return int(min(uint64(queued), newest-min(after, newest)))
}

// Told returns how many events were told since the start, by each method that an event may have.
func (p *Publisher) Told() map[string]uint64 { return p.told.counts() }

// HandOver says that another process goes on after Run, and the gate is not to be called stopped in between.
func (p *Publisher) HandOver() { p.handsOver.Store(true) }

// sleep waits for d or the end of ctx.
func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
