package fleet_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"facegate/configs/address"
	"facegate/configs/passage"
	"facegate/pipeline/attempt"
	"facegate/pipeline/publish"
	"facegate/pipeline/publish/childtest"
	"facegate/pipeline/publish/feed"
	"facegate/pipeline/publish/loopback"
	"facegate/store"
	"facegate/store/storetest"
)

// outboxSize is that of the daemon.
const outboxSize = 100_000

// A gate is what tells of a door: the publisher, and its outbox in a store on disk.
type gate struct {
	publisher *publish.Publisher
	outbox    *timedOutbox
	store     *store.Store
	links     *links
	cancel    context.CancelFunc
	ended     chan error
}

// links are when a gate was connected, taken from what it logs.
type links struct {
	slog.Handler
	mu sync.Mutex // guards at
	at []time.Time
}

func (l *links) WithAttrs([]slog.Attr) slog.Handler { return l }
func (l *links) WithGroup(string) slog.Handler      { return l }

func (l *links) Handle(_ context.Context, r slog.Record) error {
	if r.Message == "connected to the broker" {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.at = append(l.at, time.Now())
	}
	return nil
}

// after returns how long after a time the next connection was there, and whether there was one.
func (l *links) after(t time.Time) (time.Duration, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, at := range l.at {
		if at.After(t) {
			return at.Sub(t), true
		}
	}
	return 0, false
}

// openGate opens a gate on what is in dir, with room for so many messages. Nothing is sent before run.
func openGate(dir string, cfg publish.Config, size int) (*gate, error) {
	s, err := store.Open(storetest.Options(dir))
	if err != nil {
		return nil, err
	}
	kept, err := s.Outbox(size)
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	g := &gate{store: s, outbox: &timedOutbox{Outbox: kept}, links: &links{Handler: slog.NewTextHandler(io.Discard, nil)}}
	g.publisher, err = publish.New(cfg, publish.Parts{Outbox: g.outbox, Rand: rand.Reader}, slog.New(g.links))
	return g, err
}

func (g *gate) run() {
	ctx, cancel := context.WithCancel(context.Background())
	g.cancel, g.ended = cancel, make(chan error, 1)
	go func() { g.ended <- g.publisher.Run(ctx) }()
}

// close ends a gate as a service manager does.
func (g *gate) close() error {
	var err error
	if g.cancel != nil {
		g.cancel()
		err = <-g.ended
	}
	return errors.Join(err, g.store.Close())
}

// connected reports whether all gates have a broker.
func connected(gates []*gate) bool {
	return !slices.ContainsFunc(gates, func(g *gate) bool { return !g.publisher.Status().Connected })
}

// pass has somebody pass.
func (g *gate) pass() error {
	return g.publisher.Tell(door().Granted(time.Now(), attempt.Face, 143*time.Millisecond))
}

func door() publish.Source {
	return publish.Source{Door: "main", Direction: passage.In, Clock: func() publish.Clock { return publish.Synced }}
}

// told returns how many passages the gate has told of since it has a store.
func (g *gate) told() (n uint64) {
	var mark struct {
		Events uint64 `json:"events"`
	}
	if json.Unmarshal(g.outbox.Mark(), &mark) != nil {
		return 0
	}
	return mark.Events
}

// A timedOutbox notes how long each message takes from when it is first looked at until it is removed: the time until the broker has
// acknowledged it and given it back, with all that is repeated meanwhile.
type timedOutbox struct {
	feed.Outbox
	mu    sync.Mutex // guards what follows
	n     uint64
	since time.Time
	took  []time.Duration
}

func (o *timedOutbox) Next() (n uint64, msg []byte, ok bool) {
	n, msg, ok = o.Outbox.Next()
	o.mu.Lock()
	defer o.mu.Unlock()
	if ok && n != o.n {
		o.n, o.since = n, time.Now()
	}
	return n, msg, ok
}

func (o *timedOutbox) Ack(n uint64) error {
	o.mu.Lock()
	if n == o.n {
		o.took = append(o.took, time.Since(o.since))
	}
	o.mu.Unlock()
	return o.Outbox.Ack(n)
}

// A childOrders is what a gate in a process of its own is told.
type childOrders struct {
	Dir    string
	Config publish.Config
	Until  uint64        // passages, since the gate has a store; then it ends when all are delivered
	Pause  time.Duration // between two
}

// runChild is the main function of such a process.
func runChild(orders string) error {
	var o childOrders
	if err := json.Unmarshal([]byte(orders), &o); err != nil {
		return err
	}
	g, err := openGate(o.Dir, o.Config, outboxSize)
	if err != nil {
		return err
	}
	g.run()
	for g.told() < o.Until {
		if err := g.pass(); err != nil {
			return err
		}
		time.Sleep(o.Pause)
	}
	for g.publisher.Status().Queued > 0 {
		time.Sleep(10 * time.Millisecond)
	}
	return g.close()
}

// A child is a gate in a process of its own, which can be killed at any moment and started again.
type child struct {
	t      *testing.T
	orders childOrders
	cmd    *exec.Cmd
	ended  chan error
	said   strings.Builder
}

func (c *child) start() {
	c.t.Helper()
	orders, err := json.Marshal(c.orders)
	must(c.t, err)
	c.cmd = exec.Command(os.Args[0])
	c.cmd.Env = append(os.Environ(), childGate+"="+string(orders))
	c.cmd.Stdout, c.cmd.Stderr = &c.said, &c.said
	must(c.t, childtest.Start(c.cmd)) // it waits for its broker for as long as it lives
	c.t.Cleanup(func() { c.cmd.Process.Kill() })
	c.ended = make(chan error, 1)
	go func() { c.ended <- c.cmd.Wait() }()
}

// kill ends the gate in the middle of whatever it does. It reports whether there was one to kill.
func (c *child) kill() bool {
	c.t.Helper()
	c.cmd.Process.Kill()
	err := <-c.ended
	c.ended <- err // for done
	if exit := new(exec.ExitError); errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL {
		return true
	}
	if err != nil {
		c.t.Fatalf("the gate: %v\n%s", err, &c.said)
	}
	return false
}

// done reports whether the gate has told all and ended.
func (c *child) done() bool {
	select {
	case err := <-c.ended:
		c.ended <- err
		if err != nil {
			c.t.Fatalf("the gate: %v\n%s", err, &c.said)
		}
		return true
	default:
		return false
	}
}

// named returns the configuration of a gate at a broker without TLS on this machine.
func named(t testing.TB, name, broker string, as loopback.Account) publish.Config {
	t.Helper()
	password := filepath.Join(t.TempDir(), "password")
	must(t, os.WriteFile(password, []byte(as.Password), 0o600))
	return publish.Config{
		Brokers: []address.Address{addressOf(t, "tcp://"+broker)}, ClientID: "facegate-hq-" + name, Username: as.Username,
		PasswordFile: password, Site: "hq", Gate: name,
	}
}

func addressOf(t testing.TB, url string) address.Address {
	t.Helper()
	a, err := address.Parse(url)
	must(t, err)
	return a
}
