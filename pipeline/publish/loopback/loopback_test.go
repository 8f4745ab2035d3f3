package loopback_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/eclipse/paho.mqtt.golang/packets"

	"facegate/pipeline/publish/loopback"
)

func start(t *testing.T, account loopback.Account) *loopback.Broker {
	t.Helper()
	b, err := loopback.Start("127.0.0.1:0", account, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return b
}

// connect returns a client that shows the account, and the error of its connection.
func connect(t *testing.T, b *loopback.Broker, account loopback.Account) (mqtt.Client, error) {
	t.Helper()
	client := mqtt.NewClient(mqtt.NewClientOptions().AddBroker(b.URL()).SetClientID(t.Name()).SetAutoReconnect(false).
		SetProtocolVersion(4).SetUsername(account.Username).SetPassword(account.Password))
	token := client.Connect()
	if !token.WaitTimeout(10 * time.Second) {
		t.Fatal("no answer to CONNECT")
	}
	t.Cleanup(func() { client.Disconnect(100) })
	return client, token.Error()
}

func TestOnlyTheAccountConnects(t *testing.T) {
	account := loopback.NewAccount()
	b := start(t, account)
	for _, test := range []struct {
		name    string
		account loopback.Account
		ok      bool
	}{
		{"the account", account, true},
		{"anonymous", loopback.Account{}, false},
		{"no password", loopback.Account{Username: account.Username}, false},
		{"wrong password", loopback.Account{Username: account.Username, Password: account.Password + "x"}, false},
		{"another account", loopback.NewAccount(), false},
		{"wrong user", loopback.Account{Username: "admin", Password: account.Password}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := connect(t, b, test.account)
			if test.ok != (err == nil) {
				t.Errorf("connect = %v, want ok = %t", err, test.ok)
			}
			if err != nil && !errors.Is(err, packets.ErrorRefusedNotAuthorised) {
				t.Errorf("refused with %v", err)
			}
		})
	}
}

func TestAccountsDiffer(t *testing.T) {
	a, b := loopback.NewAccount(), loopback.NewAccount()
	if a.Password == b.Password || len(a.Password) < 20 {
		t.Errorf("passwords %q and %q", a.Password, b.Password)
	}
}

func TestOnlyLoopback(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:0", "[::]:0", ":0", "192.0.2.1:1883", "localhost:0", "127.0.0.1", ""} {
		_, err := loopback.Start(addr, loopback.NewAccount(), slog.New(slog.DiscardHandler))
		if !errors.Is(err, loopback.ErrNotLoopback) {
			t.Errorf("Start(%q) = %v, want ErrNotLoopback", addr, err)
		}
	}
}

func TestPortInUse(t *testing.T) {
	b := start(t, loopback.NewAccount())
	addr := strings.TrimPrefix(b.URL(), "tcp://")
	if _, err := loopback.Start(addr, loopback.NewAccount(), slog.New(slog.DiscardHandler)); err == nil {
		t.Error("two brokers on one port")
	}
}

func TestPacketSizeIsBounded(t *testing.T) {
	account := loopback.NewAccount()
	client, err := connect(t, start(t, account), account)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		size int
		ok   bool
		wait time.Duration
	}{{1 << 10, true, 10 * time.Second}, {1 << 20, false, 500 * time.Millisecond}} {
		token := client.Publish("facegate/x", 1, false, make([]byte, test.size))
		if got := token.WaitTimeout(test.wait) && token.Error() == nil; got != test.ok {
			t.Errorf("%d bytes: acknowledged = %t, want %t", test.size, got, test.ok)
		}
	}
}

// dial connects and says nothing.
func dial(t *testing.T, b *loopback.Broker) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(b.URL(), "tcp://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(8 * time.Second))
	return conn
}

func TestSilentClientIsSentAway(t *testing.T) {
	t.Parallel()
	conn := dial(t, start(t, loopback.NewAccount()))
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("read = %v, want the broker to hang up", err)
	}
}

func TestCloseEndsClients(t *testing.T) {
	account := loopback.NewAccount()
	b, err := loopback.Start("127.0.0.1:0", account, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	silent := dial(t, b)
	client, err := connect(t, b, account)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := b.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("Close took %v", took)
	}
	if _, err := silent.Read(make([]byte, 1)); err == nil {
		t.Error("the silent client is still connected")
	}
	for deadline := time.Now().Add(5 * time.Second); client.IsConnectionOpen(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the client is still connected")
		}
	}
}

// TestRetainedWhileSomebodySubscribes retains messages and wills on many topics while others subscribe to all of them, which the race
// detector is to find nothing in.
func TestRetainedWhileSomebodySubscribes(t *testing.T) {
	account := loopback.NewAccount()
	b := start(t, account)
	const clients, rounds = 4, 20
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() {
			for round := range rounds {
				topic := fmt.Sprintf("facegate/%d/%d", i, round)
				var conn net.Conn
				c := mqtt.NewClient(mqtt.NewClientOptions().AddBroker(b.URL()).SetClientID(fmt.Sprint("client", i)).SetAutoReconnect(false).
					SetUsername(account.Username).SetPassword(account.Password).SetWill(topic+"/will", "gone", 1, true).
					SetCustomOpenConnectionFn(func(at *url.URL, _ mqtt.ClientOptions) (_ net.Conn, err error) {
						conn, err = net.Dial("tcp", at.Host)
						return conn, err
					}))
				for _, do := range []func() mqtt.Token{
					c.Connect,
					func() mqtt.Token { return c.Publish(topic, 1, true, "kept") },
					func() mqtt.Token { return c.Subscribe("facegate/#", 1, nil) },
					func() mqtt.Token { return c.Publish(topic, 1, true, "") },
				} {
					if token := do(); !token.WaitTimeout(10*time.Second) || token.Error() != nil {
						t.Errorf("client %d, round %d: %v", i, round, token.Error())
						return
					}
				}
				if round%2 > 0 {
					conn.Close() // the will is published
				}
				c.Disconnect(0)
			}
		})
	}
	all.Wait()
}
