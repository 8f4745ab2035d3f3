package publish

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"facegate/pipeline/publish/feed"
	"facegate/pipeline/publish/orders"
	"facegate/pipeline/publish/states"
)

// The topics of a gate, below facegate/<site>/<gate>/.
const (
	availability = "availability"
	pass         = "pass"
	command      = "cmd/open"
	reply        = "cmd/reply"
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

// ErrMethod is returned for an Event whose Method is no means and not Manual.
var ErrMethod = errors.New("there is no such method of passage")

// A Status is what a Publisher tells about itself.
type Status struct {
	Connected bool   `json:"connected"`
	Queued    int    `json:"queued"`  // events that wait for their acknowledgement
	Dropped   uint64 `json:"dropped"` // events that the outbox gave up
	Fault     string `json:"fault"`   // Fault.Kind of what is wrong, "" if nothing is; connections that do not last are a fault
	Err       string `json:"error"`   // what is wrong, in a sentence
	Hint      string `json:"hint"`    // what to do about it
}

// A Publisher is the task that tells what happens at one gate. It says on facegate/<site>/<gate>/availability (retained)
// whether the gate is online, stopped or offline, and publishes events on facegate/<site>/<gate>/pass, at QoS 1 and not
// retained.
//
// An event that was sent before, or that waited for a connection, is marked as replayed. It has the same boot and seq; by those
// a consumer drops duplicates.
type Publisher struct {
	cfg    Config
	host   string // of the broker
	tls    bool
	dial   func(context.Context) (net.Conn, error)
	feed   *feed.Feed
	states *states.States
	orders *orders.Desk // nil if none are taken
	boot   string
	log    *slog.Logger
	ready  chan struct{}

	telling sync.Mutex // guards seq, and keeps the outbox in its order; a disk is waited for under it
	seq     uint64     // of the newest event

	mu        sync.Mutex // guards what follows; nobody waits for a disk under it
	connected bool
	fault     *Fault // nil if all is well
	told      string // Kind of the fault that the log was told last, and not yet that it has ended
	short     int    // connections in a row that were not steady
	leaving   bool   // see HandOver
}

// Parts are what a Publisher works with.
type Parts struct {
	Outbox feed.Outbox
	Orders *orders.Desk // nil takes no orders, and subscribes to nothing
	Rand   io.Reader    // draws the boot id
}

// New returns a Publisher of what is in the outbox and what is added by Tell. It reads the CA file. An error wraps ErrConfig, or
// is that of Rand.
func New(cfg Config, parts Parts, log *slog.Logger) (*Publisher, error) {
	e, err := cfg.endpoint()
	if err != nil {
		return nil, err
	}
	boot, err := newBoot(parts.Rand)
	if err != nil {
		return nil, err
	}
	return &Publisher{
		cfg:    cfg,
		host:   e.host,
		tls:    e.tls != nil,
		dial:   e.dial,
		feed:   feed.New(parts.Outbox, log),
		states: states.New(),
		orders: parts.Orders,
		boot:   boot,
		log:    log,
		ready:  make(chan struct{}),
	}, nil
}

// Tell adds an event, and gives it its place: boot and seq. It does not wait for the network. It returns ErrMethod or the
// outbox's error; then the event is lost, and its seq is missing for the consumers to see.
func (p *Publisher) Tell(e Event) error {
	if !isMethod(e.Method) {
		return ErrMethod
	}
	p.telling.Lock()
	defer p.telling.Unlock()
	p.seq++
	e.Boot, e.Seq = p.boot, p.seq
	msg, err := encode(pass, e)
	if err == nil {
		err = p.feed.Append(msg)
	}
	if err != nil {
		return fmt.Errorf("keep event %d: %w", e.Seq, err)
	}
	return nil
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
	if queued, _ := p.feed.Stats(); queued > 0 {
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
	s.Queued, s.Dropped = p.feed.Stats()
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
	lingering, cancel := linger(ctx, c.alive, farewell)
	defer cancel()
	p.states.Begin()
	if err := p.announce(lingering, c, online); err != nil {
		return time.Time{}, err
	}
	if err := p.listen(lingering, c); err != nil {
		return time.Time{}, err
	}
	since = time.Now()
	if err := p.serve(lingering, ctx.Done(), c, p.noteUp()); err != nil {
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

// serve does what is done as long as a connection lasts, until stop is closed and nothing is left to send.
func (p *Publisher) serve(ctx context.Context, stop <-chan struct{}, c *conn, backlog uint64) error {
	duties, ctx := errgroup.WithContext(ctx)
	duties.Go(func() error { return p.settle(ctx, stop) })
	if p.orders != nil {
		duties.Go(func() error { return p.orders.Serve(ctx, stop, p.sendAnswer(c)) })
	}
	duties.Go(func() error { return p.states.Serve(ctx, stop, p.sendState(c)) })
	duties.Go(func() error { return p.feed.Serve(ctx, stop, backlog, p.sendMessage(c)) })
	return duties.Wait()
}

// settle notes when the connection has lasted long enough to be trusted.
func (p *Publisher) settle(ctx context.Context, stop <-chan struct{}) error {
	lasts := time.NewTimer(steady)
	defer lasts.Stop()
	select {
	case <-lasts.C:
		p.noteSteady()
	case <-ctx.Done():
	case <-stop:
	}
	return nil
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

// announce publishes the availability, and before it is served every other state.
func (p *Publisher) announce(ctx context.Context, c *conn, what string) error {
	p.states.Set(availability, []byte(what))
	if err := p.states.Flush(ctx, p.sendState(c)); err != nil {
		return p.explain(announcing, err)
	}
	return nil
}

// listen has orders taken. Where the broker forbids that, what happens is told all the same.
func (p *Publisher) listen(ctx context.Context, c *conn) error {
	if p.orders == nil {
		return nil
	}
	p.orders.Begin()
	err := c.subscribe(ctx, p.cfg.topic(command), p.orders.Take)
	if errors.Is(err, errUnheard) {
		p.log.Warn("no orders over the network can be taken", "error", err,
			"hint", "let this gate's user read "+p.cfg.topic(command)+" on the broker")
		return nil
	}
	if err != nil {
		return p.explain(announcing, err)
	}
	return nil
}

// sendAnswer sends the answer to an order over c.
func (p *Publisher) sendAnswer(c *conn) orders.Answer {
	return func(ctx context.Context, answer []byte) error {
		return c.publish(ctx, p.cfg.topic(reply), false, answer)
	}
}

// sendState sends the value of a topic of this gate over c, to be retained.
func (p *Publisher) sendState(c *conn) states.Send {
	return func(ctx context.Context, topic string, value []byte) error {
		return c.publish(ctx, p.cfg.topic(topic), true, value)
	}
}

// sendMessage sends a message of the feed over c, with the mark that it is replayed if it is.
func (p *Publisher) sendMessage(c *conn) feed.Send {
	return func(ctx context.Context, msg []byte, replayed bool) error {
		topic, payload, err := onWire(msg, replayed)
		if err != nil {
			return fmt.Errorf("%w: %w", feed.ErrForeign, err)
		}
		return c.publish(ctx, p.cfg.topic(topic), false, payload)
	}
}

// noteUp notes that there is a connection, and returns the number of the newest message that was waiting for it. After connections that did
// not last this one has to last before all is called well, and the log is told.
func (p *Publisher) noteUp() (backlog uint64) {
	queued, _ := p.feed.Stats()
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
	return p.feed.Begin()
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

// linger returns a context that ends with alive, or d after ctx does.
func linger(ctx, alive context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	lingering, cancel := context.WithCancel(alive)
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
