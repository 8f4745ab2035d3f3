// Package mosquittotest runs mosquitto, the broker that many building systems run, for tests.
package mosquittotest

import (
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"facegate/pipeline/publish/childtest"
	"facegate/pipeline/publish/contracttest"
	"facegate/pipeline/publish/loopback"
)

// A Broker can be stopped and started again in the same place. It remembers its sessions.
//
// The place is a socket file in a folder of the test. mosquitto cannot tell which port it was given, and no port stays free
// between the moment in which a test finds it so and the one in which mosquitto binds to it.
type Broker struct {
	socket  string
	binary  string
	conf    string
	account loopback.Account
	cmd     *exec.Cmd

	watcher loopback.Account // of the watch
	watches bool             // what it hands out is held to the contract
	watch   *contracttest.Watch
}

// New returns a Broker, not started, that asks for account; for the zero Account it asks for none. It is killed when the test
// is over, if it was not stopped. New skips the test where mosquitto is not installed. What the Broker hands out has to keep the
// contract.
func New(t testing.TB, account loopback.Account) *Broker {
	t.Helper()
	b := newBroker(t)
	b.watches = true
	dir := filepath.Dir(b.socket)
	b.conf = filepath.Join(dir, "mosquitto.conf")
	if account != (loopback.Account{}) {
		b.watcher = loopback.Account{Username: contracttest.Username, Password: rand.Text()}
	}
	conf := fmt.Sprintf("listener 0 %s\n%s\n%spersistence true\npersistence_location %s/\nmax_inflight_messages 1\nlog_dest none\n",
		b.socket, access(t, dir, account, b.watcher), user(), dir)
	if err := os.WriteFile(b.conf, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	return b
}

// NewGuarded returns a Broker as New does, whose access list has these lines for account ("topic read facegate/#").
func NewGuarded(t testing.TB, account loopback.Account, lines ...string) *Broker {
	t.Helper()
	b := New(t, account)
	b.account = account
	conf, err := os.OpenFile(b.conf, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer conf.Close()
	if _, err := fmt.Fprintln(conf, "acl_file", b.list()); err != nil {
		t.Fatal(err)
	}
	b.Allow(t, lines...)
	return b
}

// Unwatched has b hand out what is outside of the contract too, as strangers say it. It is to be called before b is started, and returns b.
func (b *Broker) Unwatched() *Broker {
	b.watches = false
	return b
}

// list returns the name of the access list.
func (b *Broker) list() string { return filepath.Join(filepath.Dir(b.conf), "list") }

// Allow gives the access list of a guarded Broker other lines, also while it runs. It has read them soon after.
func (b *Broker) Allow(t testing.TB, lines ...string) {
	t.Helper()
	text := fmt.Sprintf("user %s\n%s\nuser %s\ntopic readwrite #\n", b.account.Username, strings.Join(lines, "\n"), b.watcher.Username)
	if err := os.WriteFile(b.list(), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if b.cmd != nil {
		b.cmd.Process.Signal(syscall.SIGHUP)
	}
}

// newBroker returns a Broker, without a configuration, with a folder of its own.
func newBroker(t testing.TB) *Broker {
	t.Helper()
	binary := lookUp(t, "mosquitto")
	dir, err := os.MkdirTemp("", "mosquitto-") // t.TempDir may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	b := &Broker{socket: filepath.Join(dir, "socket"), binary: binary}
	t.Cleanup(func() {
		b.unwatch()
		if b.cmd != nil {
			b.cmd.Process.Kill() // does nothing to one that was stopped
			b.cmd.Wait()
		}
		os.RemoveAll(dir)
	})
	return b
}

// user returns the line of a configuration that keeps mosquitto from dropping to a user who cannot use the test's files.
func user() string {
	if os.Getuid() == 0 {
		return "user root\n"
	}
	return ""
}

// access returns the configuration of who may connect.
func access(t testing.TB, dir string, accounts ...loopback.Account) string {
	t.Helper()
	if accounts[0] == (loopback.Account{}) {
		return "allow_anonymous true"
	}
	users, lines := filepath.Join(dir, "users"), ""
	for _, a := range accounts {
		lines += password(t, a)
	}
	if err := os.WriteFile(users, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	return "allow_anonymous false\npassword_file " + users
}

// password returns the line of account in a file of passwords, as mosquitto_passwd writes it. That program itself works in
// /tmp, whatever folder it is told to use.
func password(t testing.TB, account loopback.Account) string {
	t.Helper()
	const rounds, size = 101, 64
	salt := make([]byte, 12)
	rand.Read(salt)
	hash, err := pbkdf2.Key(sha512.New, account.Password, salt, rounds, size)
	if err != nil {
		t.Fatal(err)
	}
	text := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("%s:$7$%d$%s$%s\n", account.Username, rounds, text(salt), text(hash))
}

func lookUp(t testing.TB, name string) string {
	t.Helper()
	for _, path := range []string{name, "/usr/sbin/" + name} { // Debian keeps daemons out of a user's PATH
		if found, err := exec.LookPath(path); err == nil {
			return found
		}
	}
	t.Skipf("%s is not installed (apt-get install mosquitto)", name)
	return ""
}

// URL returns the address that b listens on, "unix:///path".
func (b *Broker) URL() string { return "unix://" + b.socket }

// Start returns when b answers. It listens before it knows what to do about a signal, and would be ended by one as if it had failed.
func (b *Broker) Start(t testing.TB) {
	t.Helper()
	b.cmd = exec.Command(b.binary, "-c", b.conf)
	if err := childtest.Start(b.cmd); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(15 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		err := b.answers()
		if err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("mosquitto does not answer: %v", err)
		}
	}
	if b.watches {
		b.watch = contracttest.NewWatch(t, b.URL(), b.watcher)
	}
}

// answers asks b for a connection, which it may refuse.
func (b *Broker) answers() error {
	conn, err := net.DialTimeout("unix", b.socket, time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return err
	}
	if _, err := io.WriteString(conn, "\x10\x10\x00\x04MQTT\x04\x02\x00\x3c\x00\x04asks"); err != nil { // CONNECT
		return err
	}
	var connack [4]byte
	_, err = io.ReadFull(conn, connack[:])
	return err
}

// unwatch ends the watch, which has seen everything then.
func (b *Broker) unwatch() {
	if b.watch != nil {
		b.watch.Close()
		b.watch = nil
	}
}

// Kill ends b with no time to write anything.
func (b *Broker) Kill(t testing.TB) {
	t.Helper()
	if err := b.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	b.cmd.Wait()
}

// Stop ends b as a service manager does.
func (b *Broker) Stop(t testing.TB) {
	t.Helper()
	b.unwatch()
	b.cmd.Process.Signal(syscall.SIGTERM)
	if err := b.cmd.Wait(); err != nil {
		t.Errorf("mosquitto: %v", err)
	}
}

// Configure adds lines to the configuration of b, which is not started yet. What it hands out is not held to the contract any more, which
// counts on what every broker has.
func (b *Broker) Configure(t testing.TB, lines ...string) {
	t.Helper()
	b.watches = false
	conf, err := os.OpenFile(b.conf, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer conf.Close()
	if _, err := fmt.Fprintln(conf, strings.Join(lines, "\n")); err != nil {
		t.Fatal(err)
	}
}
