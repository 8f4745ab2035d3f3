package publish

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"
)

// The topics of a gate, below facegate/<site>/<gate>/.
const (
	availability = "availability"
	pass         = "pass"
)

// The payloads of availability.
const (
	online  = "online"
	stopped = "stopped" // ended on purpose
	offline = "offline" // lost: the broker says it for us
)

const (
	backoffMin = 250 * time.Millisecond // before the first attempt to reconnect; it doubles up to backoffMax
	backoffMax = 10 * time.Second
	farewell   = 2 * time.Second // how long a stopping Publisher may take to send what is queued, and "stopped"
)

const adviceLost = "Look into the broker's log: it may have been restarted, or another client has this client id. " +
	"No event is lost by this."

// steady is how long a connection has to last to be trusted. Two clients of one id throw each other out in less: each comes
// back within backoffMax.
const steady = time.Minute

// flapping is how many connections in a row that were not steady are more than a coincidence.
const flapping = 3

// errKept means that a delivered event could not be removed from the outbox. It will be delivered again.
var errKept = errors.New("a delivered event could not be removed")

// ErrMethod is returned for a Method that is none of the constants.
var ErrMethod = errors.New("publish: there is no such method of passage")

// A Status is what a Publisher tells about itself.
type Status struct {
	Connected bool   `json:"connected"`
	Queued    int    `json:"queued"`  // events that wait for their acknowledgement
	Dropped   uint64 `json:"dropped"` // events that the outbox gave up
	Fault     string `json:"fault"`   // Fault.Kind of what is wrong, "" if nothing is; connections that do not last are a fault
	Err       string `json:"error"`   // what is wrong, in a sentence
	Hint      string `json:"hint"`    // what to do about it
}

// A Publisher is the task that delivers the events of one gate, on the topic facegate/<site>/<gate>/pass, at QoS 1 and
// not retained, and says on facegate/<site>/<gate>/availability (retained) whether the gate is online, stopped or
// offline.
//
// One event is on its way at a time, and leaves the outbox when the broker has acknowledged it. What was not is sent
// again on the next connection, with the same boot and seq and marked as replayed; by those a consumer drops
// duplicates.
type Publisher struct {
	cfg    Config
	host   string // of the broker
	tls    bool
	dial   func(context.Context) (net.Conn, error)
	outbox Outbox
	clock  func() Clock
	boot   string
	log    *slog.Logger
	ready  chan struct{}
	wake   chan struct{} // tells that the outbox has a new event

	mu        sync.Mutex // guards what follows, and keeps the outbox in order of seq
	seq       uint64     // of the newest event
	connected bool
	fault     *Fault // nil if all is well
	told      string // Kind of the fault that the log was told last, and not yet that it has ended
	short     int    // connections in a row that were not steady
	leaving   bool   // see HandOver
}

// New returns a Publisher of what is in outbox and what is added by Grant. It reads the CA file and draws the boot id
// from rand; clock is asked at every event. An error wraps ErrConfig, or is that of rand.
func New(cfg Config, outbox Outbox, clock func() Clock, rand io.Reader, log *slog.Logger) (*Publisher, error) {
	e, err := cfg.endpoint()
	if err != nil {
		return nil, err
	}
	boot, err := newBoot(rand)
	if err != nil {
		return nil, err
	}
	return &Publisher{
		cfg:    cfg,
		host:   e.host,
		tls:    e.tls != nil,
		dial:   e.dial,
		outbox: outbox,
		clock:  clock,
		boot:   boot,
		log:    log,
		ready:  make(chan struct{}),
		wake:   make(chan struct{}, 1),
	}, nil
}

// Grant adds the event that the door was opened at the given time, by the given method, with the given latency from
// frame to relay. It does not wait for the network. It returns ErrMethod or the outbox's error; then the event is lost,
// and its seq is missing for the consumers to see.
func (p *Publisher) Grant(at time.Time, method Method, latency time.Duration) error {
	if !method.valid() {
		return ErrMethod
	}
	return p.tell(Granted, at, method, latency)
}

// Open adds the event that the door was opened by hand at the given time. It is otherwise like Grant.
func (p *Publisher) Open(at time.Time) error { return p.tell(Opened, at, Manual, 0) }

func (p *Publisher) tell(what EventType, at time.Time, method Method, latency time.Duration) error {
	e := Event{
		Schema:    Schema,
		Type:      what,
		Boot:      p.boot,
		Time:      timestamp(at),
		Clock:     p.clock(),
		Door:      p.cfg.Door,
		Direction: p.cfg.Direction,
		Method:    method,
		LatencyMS: latency.Milliseconds(),
	}
	if err := p.append(e); err != nil {
		return fmt.Errorf("publish: keep an event: %w", err)
	}
	select {
	case p.wake <- struct{}{}:
	default:
	}
	return nil
}

// append gives e its seq and puts it into the outbox.
func (p *Publisher) append(e Event) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seq++
	e.Seq = p.seq
	return p.outbox.Append(e)
}

// Run delivers events until ctx is cancelled; it connects again, with growing pauses, as long as it takes. On cancel it
// spends up to 2 s on what is queued and on saying "stopped", and returns nil. It may be called once.
func (p *Publisher) Run(ctx context.Context) error {
	close(p.ready)
	for pause := backoffMin; ctx.Err() == nil; pause = min(2*pause, backoffMax) {
		since, err := p.session(ctx)
		if ctx.Err() != nil {
			break
		}
		p.noteDown(p.explain(serving, err), since)
		if !since.IsZero() && time.Since(since) > backoffMax {
			pause = backoffMin
		}
		sleep(ctx, pause)
	}
	p.noteStopped()
	if queued, _ := p.outbox.Stats(); queued > 0 {
		p.log.Warn("stopped with events unsent", "queued", queued)
	}
	return nil
}

// Ready is closed once the Publisher tries to connect: a door works without its broker.
func (p *Publisher) Ready() <-chan struct{} { return p.ready }

func (p *Publisher) String() string { return "publisher to " + p.cfg.Broker }

// Status returns the state of the connection and of the outbox.
func (p *Publisher) Status() Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := Status{Connected: p.connected}
	s.Queued, s.Dropped = p.outbox.Stats()
	if f := p.fault; f != nil {
		s.Fault, s.Err, s.Hint = f.Kind, f.Error(), f.Hint
	}
	return s
}

// session is one connection, from its opening to its end. It tells since when the gate was online, the zero time for never.
func (p *Publisher) session(ctx context.Context) (since time.Time, err error) {
	c, err := p.connect(ctx)
	if err != nil {
		return time.Time{}, err
	}
	defer func() {
		if err != nil {
			c.abandon()
		}
	}()
	lingering, cancel := linger(ctx, farewell)
	defer cancel()
	if err := p.announce(lingering, c, online); err != nil {
		return time.Time{}, err
	}
	since = time.Now()
	backlog := p.noteUp()
	if err := p.forward(lingering, ctx.Done(), c, backlog); err != nil {
		return since, err
	}
	if !p.handsOver() {
		if err := p.announce(lingering, c, stopped); err != nil {
			return since, err
		}
	}
	c.close()
	return since, nil
}

// HandOver says that another process goes on after Run, and the gate is not to be called stopped in between.
func (p *Publisher) HandOver() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.leaving = true
}

func (p *Publisher) handsOver() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.leaving
}

// announce publishes the availability.
func (p *Publisher) announce(ctx context.Context, c *conn, what string) error {
	if err := c.publish(ctx, p.cfg.topic(availability), true, []byte(what)); err != nil {
		return p.explain(announcing, err)
	}
	return nil
}

// forward sends what is in the outbox and what is added to it, until stop is closed and nothing is left to send.
// Events of this boot up to the seq backlog, and all of earlier boots, waited for this connection: they are replayed.
func (p *Publisher) forward(ctx context.Context, stop <-chan struct{}, c *conn, backlog uint64) error {
	lasts := time.NewTimer(steady)
	defer lasts.Stop()
	for {
		e, ok := p.outbox.Next()
		if ok {
			e.Replayed = e.Boot != p.boot || e.Seq <= backlog
			if err := p.deliver(ctx, c, e); err != nil {
				return err
			}
			continue
		}
		select {
		case <-p.wake:
		case <-lasts.C:
			p.noteSteady()
		case <-c.lost:
			return c.lostError()
		case <-stop:
			return nil
		}
	}
}

// deliver sends e and removes it from the outbox once the broker has it.
func (p *Publisher) deliver(ctx context.Context, c *conn, e Event) error {
	payload, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("publish: encode event %d: %w", e.Seq, err)
	}
	if err := c.publish(ctx, p.cfg.topic(pass), false, payload); err != nil {
		return fmt.Errorf("publish: event %d: %w", e.Seq, err)
	}
	if err := p.outbox.Ack(e); err != nil {
		return fmt.Errorf("%w: %w", errKept, err)
	}
	return nil
}

// noteUp notes that there is a connection, and returns the newest seq that was waiting for it. After connections that did
// not last this one has to last before all is called well, and the log is told.
func (p *Publisher) noteUp() (backlog uint64) {
	queued, _ := p.outbox.Stats()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.connected = true
	if p.short < flapping {
		p.fault = nil
	}
	if p.short == 0 {
		p.told = ""
	}
	if p.short < 2 {
		p.log.Info("connected to the broker", "broker", p.cfg.Broker, "queued", queued)
	}
	return p.seq
}

// noteSteady notes that the connection lasts.
func (p *Publisher) noteSteady() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.short >= flapping {
		p.log.Info("the connection to the broker lasts again", "broker", p.cfg.Broker)
	}
	p.fault, p.told, p.short = nil, "", 0
}

// noteDown notes why there is no connection, after one since the given time, or none. The log is told of a fault once, until
// there is another, or it ends.
func (p *Publisher) noteDown(f *Fault, since time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case since.IsZero():
		p.short = 0
	case time.Since(since) < steady:
		p.short++
	default:
		p.short = 1
	}
	if p.short >= flapping {
		f = p.explainer().again(f)
	}
	if f.Kind != p.told {
		p.log.Warn("no connection to the broker, trying again", "error", f.Error(), "hint", f.Hint)
	}
	p.connected, p.fault, p.told = false, f, f.Kind
}

// noteStopped notes that there is no connection, on purpose.
func (p *Publisher) noteStopped() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.connected, p.fault = false, nil
}

// linger returns a context that ends d after ctx does.
func linger(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	lingering, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(d, cancel) })
	return lingering, func() { stop(); cancel() }
}

// sleep waits for d or the end of ctx.
func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
