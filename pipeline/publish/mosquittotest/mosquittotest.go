// Package mosquittotest runs mosquitto, the broker that many building systems run, for tests.
package mosquittotest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"facegate/pipeline/publish/loopback"
)

// A Broker can be stopped and started again on the same port. It remembers its sessions.
type Broker struct {
	address string
	binary  string
	conf    string
	cmd     *exec.Cmd
}

// New returns a Broker, not started, that asks for account; for the zero Account it asks for none. It is killed when the test
// is over, if it was not stopped. New skips the test where mosquitto is not installed.
func New(t testing.TB, account loopback.Account) *Broker {
	t.Helper()
	dir := t.TempDir()
	b := &Broker{address: FreeAddr(t), binary: lookUp(t, "mosquitto"), conf: filepath.Join(dir, "mosquitto.conf")}
	host, port, err := net.SplitHostPort(b.address)
	if err != nil {
		t.Fatal(err)
	}
	conf := fmt.Sprintf("listener %s %s\n%s\npersistence true\npersistence_location %s/\nmax_inflight_messages 1\nlog_dest none\n",
		port, host, access(t, dir, account), dir)
	if os.Getuid() == 0 {
		conf += "user root\n" // or it would drop to a user who cannot use the test's files
	}
	if err := os.WriteFile(b.conf, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if b.cmd != nil {
			b.cmd.Process.Kill() // does nothing to one that was stopped
		}
	})
	return b
}

// access returns the configuration of who may connect.
func access(t testing.TB, dir string, account loopback.Account) string {
	t.Helper()
	if account == (loopback.Account{}) {
		return "allow_anonymous true"
	}
	users := filepath.Join(dir, "users")
	out, err := exec.Command(lookUp(t, "mosquitto_passwd"), "-b", "-c", users, account.Username, account.Password).CombinedOutput()
	if err != nil {
		t.Fatalf("mosquitto_passwd: %v: %s", err, out)
	}
	return "allow_anonymous false\npassword_file " + users
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

// FreeAddr returns an address that was free a moment ago. It is on a loopback address of its own, so that no connection of
// another test can take the port meanwhile.
func FreeAddr(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", fmt.Sprintf("127.%d.%d.%d:0", 1+rand.IntN(254), rand.IntN(256), 1+rand.IntN(254)))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// Addr returns the host and port that b listens on.
func (b *Broker) Addr() string { return b.address }

// Start returns when b takes connections.
func (b *Broker) Start(t testing.TB) {
	t.Helper()
	b.cmd = exec.Command(b.binary, "-c", b.conf)
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(15 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		conn, err := net.Dial("tcp", b.address)
		if err == nil {
			conn.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("mosquitto does not listen: %v", err)
		}
	}
}

// Stop ends b as a service manager does.
func (b *Broker) Stop(t testing.TB) {
	t.Helper()
	b.cmd.Process.Signal(syscall.SIGTERM)
	if err := b.cmd.Wait(); err != nil {
		t.Errorf("mosquitto: %v", err)
	}
}
