package publish

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
	"golang.org/x/sys/unix"

	"facegate/pipeline/publish/feed"
)

// An authority signs the certificates of brokers.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string // PEM
}

func newAuthority(t *testing.T, edit func(*x509.Certificate)) *authority {
	t.Helper()
	a := &authority{t: t, key: newKey(t), file: filepath.Join(t.TempDir(), "ca.pem")}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	edit(template)
	der, err := x509.CreateCertificate(rand.Reader, template, template, a.key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(a.file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// sign returns a certificate for a broker at 127.0.0.1.
func (a *authority) sign(edit func(*x509.Certificate)) tls.Certificate {
	a.t.Helper()
	key := newKey(a.t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "127.0.0.1"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	edit(template)
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func as(*x509.Certificate) {}

// serveEach answers each connection to a port of its own by f, and returns its address.
func serveEach(t *testing.T, f func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			f(conn)
			conn.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().String()
}

// answer reads CONNECT and sends what is given. It reads on, so that the answer is not lost to a reset.
func answer(b ...byte) func(net.Conn) {
	return func(conn net.Conn) {
		packets.ReadPacket(conn)
		conn.Write(b)
		conn.SetReadDeadline(time.Now().Add(time.Second))
		io.Copy(io.Discard, conn)
	}
}

func overTLS(settings *tls.Config, f func(net.Conn)) func(net.Conn) {
	return func(conn net.Conn) {
		secure := tls.Server(conn, settings)
		f(secure)
		secure.Close()
	}
}

// rude resets the connection after the TLS handshake.
func rude(settings *tls.Config) func(net.Conn) {
	return func(conn net.Conn) {
		tls.Server(conn, settings).Handshake()
		conn.(*net.TCPConn).SetLinger(0)
	}
}

// fail returns the fault of one attempt to connect.
func fail(t *testing.T, cfg Config, dial func(context.Context, endpoint) (net.Conn, error)) *Fault {
	t.Helper()
	p, err := New(cfg, Parts{Outbox: feed.NewMemory(1), Rand: rand.Reader}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if dial != nil {
		p.dial = dial
	}
	_, err = p.connect(t.Context(), p.brokers[0], 0)
	f := new(Fault)
	if !errors.As(err, &f) {
		t.Fatalf("connect = %v, want a fault", err)
	}
	t.Logf("%s: %v\nto do: %s", f.Kind, f, f.Hint)
	for _, foreign := range []string{"tls:", "x509:", "dial ", "read tcp", "connect:", "EOF"} {
		if strings.Contains(f.Error()+f.Hint, foreign) {
			t.Errorf("%q, %q are the words of a library", f, f.Hint)
		}
	}
	return f
}

func TestFaultsOfTheNetwork(t *testing.T) {
	system := func(e error) error {
		return &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", e)}
	}
	for _, test := range []struct {
		err    error
		kind   string
		advice string
	}{
		{system(unix.ECONNREFUSED), "refused", "Start the broker"},
		{system(unix.ENETUNREACH), "no-network", "gateway"},
		{system(unix.ENETDOWN), "network-down", "cable"},
		{system(unix.EHOSTUNREACH), "no-machine", "switched on"},
		{system(unix.ETIMEDOUT), "silent", "IPAddressAllow="},
		{context.DeadlineExceeded, "silent", "switched on"},
		{system(unix.EPERM), "forbidden", "IPAddressAllow="},
		{system(unix.EACCES), "forbidden", "firewall"},
		{&net.OpError{Op: "dial", Err: os.NewSyscallError("socket", unix.EAFNOSUPPORT)}, "family", "RestrictAddressFamilies="},
		{&net.DNSError{Err: "no such host", Name: "broker", IsNotFound: true}, "name-unknown", "spelling"},
		{&net.DNSError{Err: "i/o timeout", Name: "broker", IsTimeout: true}, "name-silent", "resolv.conf"},
		{
			&net.DNSError{Err: "write udp 10.0.0.1:5->10.0.0.2:53: write: operation not permitted", Name: "broker"},
			"name-forbidden", "IPAddressAllow=",
		},
		{system(unix.EMFILE), "other", "log"},
	} {
		t.Run(test.err.Error(), func(t *testing.T) {
			cfg := goodConfig()
			cfg.Brokers, cfg.Plaintext = brokers("tcp://broker.example:1883"), true
			f := fail(t, cfg, func(context.Context, endpoint) (net.Conn, error) { return nil, test.err })
			if f.Kind != test.kind || !strings.Contains(f.Hint, test.advice) || !errors.Is(f, test.err) {
				t.Errorf("%s, advice %q; want %s, with %q", f.Kind, f.Hint, test.kind, test.advice)
			}
		})
	}
}

func TestFaultsOfTLS(t *testing.T) {
	ca, other := newAuthority(t, as), newAuthority(t, as)
	stale := newAuthority(t, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })
	good := ca.sign(as)
	clients := x509.NewCertPool()
	clients.AddCert(ca.cert)
	with := func(c tls.Certificate, edit ...func(*tls.Config)) func(net.Conn) {
		settings := &tls.Config{Certificates: []tls.Certificate{c}}
		for _, e := range edit {
			e(settings)
		}
		return overTLS(settings, answer(0x20, 2, 0, 0))
	}
	until := func(version uint16) func(*tls.Config) {
		return func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, version }
	}
	mutual := func(c *tls.Config) { c.ClientAuth, c.ClientCAs = tls.RequireAndVerifyClientCert, clients }
	day := 24 * time.Hour
	for _, test := range []struct {
		name   string
		serve  func(net.Conn)
		edit   func(*Config)
		kind   string
		advice []string
	}{
		{
			"expired", with(ca.sign(func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })), nil,
			"expired",
			[]string{"Renew", "clock"},
		},
		{
			"not yet valid", with(ca.sign(func(c *x509.Certificate) {
				c.NotBefore, c.NotAfter = time.Now().Add(day), time.Now().Add(2*day)
			})), nil, "not-yet-valid", []string{"Set this machine's clock"},
		},
		{
			"the authority has expired", with(stale.sign(as)), func(c *Config) { c.CAFile = stale.file },
			"expired",
			[]string{"Renew"},
		},
		{"another authority", with(good), func(c *Config) { c.CAFile = other.file }, "other-authority", []string{other.file}},
		{"no authority", with(good), func(c *Config) { c.CAFile = "" }, "unknown-authority", []string{"mqtt.ca_file"}},
		{
			"another name", with(ca.sign(func(c *x509.Certificate) { c.IPAddresses, c.DNSNames = nil, []string{"mqtt.site"} })), nil,
			"other-name",
			[]string{"one of its names"},
		},
		{
			"no name", with(ca.sign(func(c *x509.Certificate) { c.IPAddresses = nil })), nil, "no-name", []string{"subjectAltName"},
		},
		{
			"a client's certificate", with(ca.sign(func(c *x509.Certificate) {
				c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
			})), nil, "no-server-certificate", []string{"serverAuth"},
		},
		{"a certificate is wanted", with(good, mutual), nil, "client-certificate", []string{"let the broker do without", "mqtt.cert_file"}},
		{"a certificate is wanted, TLS 1.2", with(good, mutual, until(tls.VersionTLS12)), nil, "client-certificate", []string{"do without"}},
		{"a certificate is wanted, closed before CONNECT", rude(&tls.Config{
			Certificates: []tls.Certificate{good}, ClientAuth: tls.RequestClientCert, ClientCAs: clients,
		}), nil, "client-certificate", []string{"do without"}},
		{"an old version", with(good, until(tls.VersionTLS11)), nil, "tls-version", []string{"TLS 1.2"}},
		{
			"no cipher in common", with(good, until(tls.VersionTLS12), func(c *tls.Config) {
				c.CipherSuites = []uint16{tls.TLS_ECDHE_ECDSA_WITH_RC4_128_SHA}
			}), nil, "cipher", []string{"ciphers"},
		},
		{"no TLS, closed", func(net.Conn) {}, nil, "tls-closed", []string{"tcp://"}},
		{"no TLS, words", func(conn net.Conn) { io.WriteString(conn, "what do you want?\r\n"); io.Copy(io.Discard, conn) }, nil, "plain-port", []string{"tcp://"}},
		{"TLS at a tcp:// address", with(good), func(c *Config) { c.Brokers[0].TLS, c.CAFile = false, "" }, "closed", []string{"ssl://"}},
		{"closed at a tcp:// address", func(net.Conn) {}, func(c *Config) { c.Brokers[0].TLS, c.CAFile = false, "" }, "closed", []string{"ssl://"}},
		{"closed after TLS", overTLS(&tls.Config{Certificates: []tls.Certificate{good}}, answer()), nil, "closed", []string{"log"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			cfg := goodConfig()
			cfg.Brokers, cfg.CAFile = brokers("ssl://"+serveEach(t, test.serve)), ca.file
			if test.edit != nil {
				test.edit(&cfg)
			}
			f := fail(t, cfg, nil)
			if f.Kind != test.kind {
				t.Errorf("fault %s, want %s: %v", f.Kind, test.kind, f.Unwrap())
			}
			for _, want := range test.advice {
				if !strings.Contains(f.Hint, want) {
					t.Errorf("advice %q, want %q in it", f.Hint, want)
				}
			}
		})
	}
}

func TestFaultsOfTheBroker(t *testing.T) {
	for _, test := range []struct {
		name   string
		serve  func(net.Conn)
		user   string
		kind   string
		advice string
	}{
		{"version", answer(0x20, 2, 0, 1), "", "no-broker", "MQTT 3.1.1"},
		{"client id", answer(0x20, 2, 0, 2), "", "client-id", "mqtt.client_id"},
		{"unavailable", answer(0x20, 2, 0, 3), "", "unavailable", "log"},
		{"no user", answer(0x20, 2, 0, 5), "", "no-user", "mqtt.username"},
		{"password", answer(0x20, 2, 0, 4), "gate", "password", "password"},
		{"not authorised", answer(0x20, 2, 0, 5), "gate", "not-authorised", "password"},
		{"an answer of no version", answer(0x20, 2, 0, 6), "", "no-broker", "1883"},
		{"an answer of MQTT 5", answer(0x20, 3, 0, 0x84, 0), "", "no-broker", "1883"},
		{"a web server", answer([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")...), "", "no-broker", "1883"},
		{"another packet", answer(0x30, 2, 0, 0), "", "no-broker", "1883"},
		{"a giant", answer(0x20, 0xff, 0xff, 0xff, 0x7f), "", "no-broker", "1883"},
		{"an alert of TLS", answer(0x15, 3, 3, 0, 2, 2, 40), "", "tls-port", "ssl://"},
		{"silence", answer(), "", "closed", "ssl://"},
	} {
		t.Run(test.name, func(t *testing.T) {
			cfg := goodConfig()
			cfg.Brokers, cfg.Username = brokers("tcp://"+serveEach(t, test.serve)), test.user
			if f := fail(t, cfg, nil); f.Kind != test.kind || !strings.Contains(f.Hint, test.advice) {
				t.Errorf("%s, advice %q; want %s, with %q", f.Kind, f.Hint, test.kind, test.advice)
			}
		})
	}
}

// TestGiantPackets has a broker announce as much as the protocol can, in the place of CONNACK and after it.
func TestGiantPackets(t *testing.T) {
	giant := func(kind byte) []byte { return []byte{kind, 0xff, 0xff, 0xff, 0x7f} }
	for _, test := range []struct {
		name string
		send []byte
		want error
	}{
		{"in the place of CONNACK", giant(0x20), errNoBroker},
		{"a message", append([]byte{0x20, 2, 0, 0}, giant(0x30)...), errTooBig},
		{"an acknowledgement", append([]byte{0x20, 2, 0, 0, 0x40, 2, 0, 1}, giant(0x40)...), errTooBig},
		{"a length that does not end", append([]byte{0x20, 2, 0, 0}, 0x30, 0xff, 0xff, 0xff, 0xff, 0xff), errTooBig},
		{"one byte too many", append([]byte{0x20, 2, 0, 0}, 0x30, 0x81, 0x80, 0x01), errTooBig},
		{"as much as may be", append([]byte{0x20, 2, 0, 0}, 0x30, 0x80, 0x80, 0x01), io.EOF},
	} {
		for _, chunk := range []int{1, 3, 4096} {
			t.Run(fmt.Sprintf("%s, %d at a time", test.name, chunk), func(t *testing.T) {
				g := &guard{Conn: chunked{bytes.NewReader(test.send), chunk}}
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				var err error
				for err == nil {
					_, err = packets.ReadPacket(g)
				}
				runtime.ReadMemStats(&after)
				if !errors.Is(err, test.want) {
					t.Errorf("ReadPacket = %v, want %v", err, test.want)
				}
				if grown := after.TotalAlloc - before.TotalAlloc; grown > 1<<20 {
					t.Errorf("%d bytes were made room for", grown)
				}
			})
		}
	}
}

// chunked is a connection whose bytes come a few at a time.
type chunked struct {
	*bytes.Reader
	n int
}

func (c chunked) Read(b []byte) (int, error)       { return c.Reader.Read(b[:min(len(b), c.n)]) }
func (chunked) Write([]byte) (int, error)          { return 0, errors.ErrUnsupported }
func (chunked) Close() error                       { return nil }
func (chunked) LocalAddr() net.Addr                { return nil }
func (chunked) RemoteAddr() net.Addr               { return nil }
func (chunked) SetDeadline(time.Time) error        { return nil }
func (chunked) SetReadDeadline(t time.Time) error  { return nil }
func (chunked) SetWriteDeadline(t time.Time) error { return nil }

// TestOneFaultIsLoggedOnce tries again for minutes, from ports and at times that the library's own words name.
func TestOneFaultIsLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{refuse: func(attempt int) error {
			if attempt == 20 {
				return nil
			}
			return &net.OpError{
				Op: "dial", Net: "tcp", Source: &net.TCPAddr{Port: 30000 + attempt}, Err: os.NewSyscallError("connect", unix.ECONNREFUSED),
			}
		}}
		s.leave = func(attempt int) bool { return attempt == 20 }
		g := play(t, s, feed.NewMemory(1))
		time.Sleep(10 * time.Minute)
		g.stop()
		wantLogged(t, g, "no connection", "connected to", "no connection", "no connection")
	})
}

// wantLogged compares what the log begins its messages with.
func wantLogged(t *testing.T, g *stage, want ...string) {
	t.Helper()
	var got []string
	for lines := bufio.NewScanner(&g.log); lines.Scan(); {
		_, text, _ := strings.Cut(lines.Text(), `msg="`)
		got = append(got, text)
	}
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || !strings.HasPrefix(got[i], want[i]) {
			t.Fatalf("logged:\n%s\nwant %q", strings.Join(got, "\n"), want)
		}
	}
}

// TestTwoGatesOfOneName has another client take the connection over, again and again, until it is given a name of its own.
func TestTwoGatesOfOneName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const clashes = 40
		s := &script{leave: func(attempt int) bool { return attempt <= clashes }}
		g := play(t, s, feed.NewMemory(10))
		time.Sleep(time.Minute)
		if st := g.Status(); st.Fault != "same-client-id" || !strings.Contains(st.Err, goodConfig().ClientID) || st.Hint == "" {
			t.Errorf("status is %+v", st)
		}
		time.Sleep(10 * time.Minute)
		if st := g.Status(); st.Fault != "" || st.Err != "" || !st.Connected {
			t.Errorf("status is %+v after it has ended", st)
		}
		g.stop()
		wantLogged(t, g, "connected to", "no connection", "connected to", "no connection", "the connection to the broker lasts again")
	})
}
