// Package natstest runs nats-server, a broker of one or several machines, for tests and for scripts/fleet.
package natstest

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"syscall"
	"testing"
	"time"

	"facegate/pipeline/publish/childtest"
	"facegate/pipeline/publish/contracttest"
	"facegate/pipeline/publish/loopback"
)

// Env names the program: scripts/nats.sh builds it, and make test and make fleet set it.
const Env = "FACEGATE_NATS"

// Lookup returns the program, or says how to get it.
func Lookup() (string, error) {
	path := os.Getenv(Env)
	if path == "" {
		return "", errors.New(Env + " does not name nats-server; make test sets it")
	}
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("nats-server is not there: scripts/nats.sh builds it: %w", err)
	}
	return path, nil
}

// A Node is a server that can be stopped, or killed, and started again with what it has kept. The kernel chooses its ports, other
// ones at each start.
type Node struct {
	Binary string
	Dir    string // for its configuration and its log

	process *os.Process
	ended   chan error // has why the process has ended

	mu   sync.Mutex // guards what follows
	said []byte     // since its start, as far as it was read; nil where it does not run
}

// How long a Node may take to listen, and to end.
const patience = 30 * time.Second

// Start starts a Node with a configuration, in which every port is -1, and returns when it listens for MQTT and for whatever else is
// wanted (Clients, Routes).
func (n *Node) Start(config string, wanted ...Listener) error {
	if err := n.configure(config); err != nil {
		return err
	}
	out, err := os.Create(n.saidFile())
	if err != nil {
		return err
	}
	defer out.Close()
	cmd := exec.Command(n.Binary, "-c", n.configFile())
	cmd.Stdout, cmd.Stderr = out, out
	if err := childtest.Start(cmd); err != nil {
		return err
	}
	n.process, n.ended = cmd.Process, make(chan error, 1)
	go func() { n.ended <- cmd.Wait() }()
	for _, l := range append(wanted, MQTT) {
		if err := n.await(l); err != nil {
			n.Kill()
			return err
		}
	}
	return nil
}

func (n *Node) configure(config string) error {
	return os.WriteFile(n.configFile(), []byte(config), 0o600)
}
func (n *Node) configFile() string { return filepath.Join(n.Dir, "nats.conf") }
func (n *Node) saidFile() string   { return filepath.Join(n.Dir, "nats.log") }

// A Listener is what a Node listens for. Its text is how it says so, with the address.
type Listener string

// The listeners.
const (
	MQTT    Listener = `Listening for MQTT clients on [a-z]+://(\S+)`
	Clients Listener = `Listening for client connections on (\S+)`
	Routes  Listener = `Listening for route connections on (\S+)`
	Monitor Listener = `Starting http monitor on (\S+)`
)

// Address returns where a Node listens, "host:port", and "" where it does not.
func (n *Node) Address(l Listener) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if found := regexp.MustCompile(string(l)).FindSubmatch(n.said); found != nil {
		return string(found[1])
	}
	return ""
}

func (n *Node) hear(said []byte) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.said = said
}

func (n *Node) await(l Listener) error {
	late := time.After(patience)
	for {
		said, err := os.ReadFile(n.saidFile())
		if err != nil {
			return err
		}
		n.hear(said)
		if n.Address(l) != "" {
			return nil
		}
		select {
		case err := <-n.ended:
			n.ended <- err
			return fmt.Errorf("nats-server has ended: %w\n%s", err, said)
		case <-late:
			return fmt.Errorf("nats-server does not listen:\n%s", said)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// Reload has a Node read another configuration while it runs. It has done so soon after.
func (n *Node) Reload(config string) error {
	if err := n.configure(config); err != nil {
		return err
	}
	return n.process.Signal(syscall.SIGHUP)
}

// Kill ends a Node as a power cut ends the program. It does nothing to one that does not run.
func (n *Node) Kill() {
	if n.process != nil {
		n.process.Kill()
		<-n.ended
	}
	n.process = nil
	n.hear(nil)
}

// Stop ends a Node as a service manager does.
func (n *Node) Stop() error {
	n.process.Signal(syscall.SIGTERM)
	late := time.AfterFunc(patience, func() { n.process.Kill() })
	err := <-n.ended
	late.Stop()
	n.process = nil
	n.hear(nil)
	if exit := new(exec.ExitError); errors.As(err, &exit) && exit.ExitCode() == 1 { // so it ends on SIGTERM
		return nil
	}
	return err
}

// A Broker is a Node by itself, with one user and one who watches, as a broker in a test. What it hands out has to keep the contract.
type Broker struct {
	node        Node
	user        loopback.Account
	permissions string

	watcher loopback.Account // of the watch
	watches bool             // what it hands out is held to the contract
	watch   *contracttest.Watch
}

// New returns a Broker, not started, whose user may do what permissions say ("publish: ..." in the words of nats-server), and
// everything with "". It is killed when the test is over. New skips the test where nats-server was not built.
func New(t testing.TB, user loopback.Account, permissions string) *Broker {
	t.Helper()
	binary, err := Lookup()
	if err != nil {
		t.Skip(err)
	}
	b := &Broker{
		node: Node{Binary: binary, Dir: t.TempDir()}, user: user, permissions: permissions,
		watches: true, watcher: loopback.Account{Username: contracttest.Username, Password: rand.Text()},
	}
	t.Cleanup(b.Kill)
	return b
}

// Unwatched has b hand out what is outside of the contract too, as strangers say it. It is to be called before b is started, and returns b.
func (b *Broker) Unwatched() *Broker {
	b.watches = false
	return b
}

func (b *Broker) config() string {
	return fmt.Sprintf(`server_name: one
host: 127.0.0.1
port: -1
jetstream { store_dir: %q }
mqtt { host: 127.0.0.1, port: -1 }
accounts { FACEGATE { jetstream: enabled, users: [
  { user: %q, password: %q, permissions: { %s } }
  { user: %q, password: %q }
] } }
`, filepath.Join(b.node.Dir, "streams"), b.user.Username, b.user.Password, b.permissions, b.watcher.Username, b.watcher.Password)
}

// URL returns the address for MQTT of a Broker that runs, "tcp://127.0.0.1:port", and "" of another one.
func (b *Broker) URL() string {
	if address := b.node.Address(MQTT); address != "" {
		return "tcp://" + address
	}
	return ""
}

// Clients returns where a Broker that runs speaks its own protocol, "tcp://127.0.0.1:port", and "" of another one.
func (b *Broker) Clients() string {
	if address := b.node.Address(Clients); address != "" {
		return "tcp://" + address
	}
	return ""
}

// Start returns when b takes connections.
func (b *Broker) Start(t testing.TB) {
	t.Helper()
	if err := b.node.Start(b.config(), Clients); err != nil {
		t.Fatal(err)
	}
	if b.watches {
		b.watch = contracttest.NewWatch(t, b.URL(), b.watcher)
	}
}

// unwatch ends the watch, which has seen everything then.
func (b *Broker) unwatch() {
	if b.watch != nil {
		b.watch.Close()
		b.watch = nil
	}
}

// Allow gives the user of b other permissions, also while it runs.
func (b *Broker) Allow(t testing.TB, permissions string) {
	t.Helper()
	b.permissions = permissions
	if b.node.process == nil {
		return
	}
	if err := b.node.Reload(b.config()); err != nil {
		t.Fatal(err)
	}
}

// Kill ends b with no time to write anything, after the watch has seen what was published.
func (b *Broker) Kill() {
	b.unwatch()
	b.node.Kill()
}

// Stop ends b as a service manager does.
func (b *Broker) Stop(t testing.TB) {
	t.Helper()
	b.unwatch()
	if err := b.node.Stop(); err != nil {
		t.Errorf("nats-server: %v", err)
	}
}
