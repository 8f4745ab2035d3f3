package publish

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"facegate/pipeline/publish/feed"
)

// The times of the table, around a floor of which everybody knows that it has passed.
var (
	floor    = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	days     = func(n int) time.Time { return floor.AddDate(0, 0, n) }
	lifetime = func(from, to int) func(*x509.Certificate) {
		return func(c *x509.Certificate) { c.NotBefore, c.NotAfter = days(from), days(to) }
	}
)

// A shown certificate is one that a broker has.
type shown struct {
	name string
	edit func(*x509.Certificate)
	want func(clock Moment, pinned bool) string // the Kind of what is wrong, "" if the gate connects
}

// TestClocksAndCertificates holds every clock against every certificate, over real TLS. What is no matter of time is refused by every
// clock.
func TestClocksAndCertificates(t *testing.T) {
	t.Parallel()
	long := newAuthority(t, lifetime(-4000, 4000))
	clocks := []Moment{
		{days(100), floor, Synced},
		{days(100), floor, RTC},
		{days(100), floor, Guess},
		{days(-20000), floor, Bad},
		{days(1), floor, Guess},
		{days(9000), floor, Guess},
		{days(-20000), floor, Synced},
	}
	// byTime is what a certificate with these days leads to, whoever has signed it.
	byTime := func(from, to int) func(Moment, bool) string {
		return func(m Moment, pinned bool) string {
			switch now := m.at(); {
			case now.After(days(4000)) || now.After(days(to)):
				return "expired"
			case now.Before(days(from)) && !(pinned && m.doubted()):
				return "not-yet-valid"
			case now.Before(days(from)):
				return "early-certificate"
			}
			return ""
		}
	}
	always := func(kind string) func(Moment, bool) string {
		return func(m Moment, _ bool) string {
			if m.at().After(days(4000)) {
				return "expired"
			}
			return kind
		}
	}
	for _, c := range []shown{
		{"valid", lifetime(-10, 2000), byTime(-10, 2000)},
		{"made after the machine", lifetime(300, 2000), byTime(300, 2000)},
		{"expired before all that has passed", lifetime(-10, -1), byTime(-10, -1)},
		{"expired since", lifetime(-10, 50), byTime(-10, 50)},
		{"another name, early", func(c *x509.Certificate) {
			lifetime(300, 2000)(c)
			c.IPAddresses, c.DNSNames = nil, []string{"mqtt.site"}
		}, func(m Moment, pinned bool) string {
			if by := byTime(300, 2000)(m, pinned); by != "early-certificate" {
				return by
			}
			return "not-yet-valid" // what is wrong besides shows when the time is right
		}},
		{"another name", func(c *x509.Certificate) {
			lifetime(-10, 4000)(c)
			c.IPAddresses, c.DNSNames = nil, []string{"mqtt.site"}
		}, always("other-name")},
		{"a client's", func(c *x509.Certificate) {
			lifetime(-10, 4000)(c)
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
		}, always("no-server-certificate")},
	} {
		settings := &tls.Config{Certificates: []tls.Certificate{long.sign(c.edit)}}
		address := serveEach(t, overTLS(settings, answer(0x20, 2, 0, 0)))
		for _, m := range clocks {
			cfg := goodConfig()
			cfg.Brokers, cfg.CAFile = brokers("ssl://"+address), long.file
			if got, want := kindAt(t, cfg, m), c.want(m, true); got != want {
				t.Errorf("%s, by %s of %v: %q, want %q", c.name, m.Clock, m.Now.Format(time.DateOnly), got, want)
			}
		}
	}
}

// kindAt returns the Kind of what is wrong with a connection at a time, "" for nothing.
func kindAt(t *testing.T, cfg Config, m Moment) string {
	t.Helper()
	p, err := New(cfg, Parts{Outbox: feed.NewMemory(1), Rand: draws(), Clock: func() Moment { return m }}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	c, err := p.connect(t.Context(), p.brokers[0], 0)
	if f := new(Fault); errors.As(err, &f) {
		return f.Kind
	}
	if err != nil {
		t.Fatal(err)
	}
	defer c.abandon()
	if f := c.caveat(c.secure); f != nil {
		if f.Hint == "" {
			t.Errorf("%v: nothing is said to do", f)
		}
		return f.Kind
	}
	return ""
}

// TestUnpinnedIsNeverEarly judges a chain to an authority that is not named by a CA file: no clock lets it be taken before its time. The
// authorities of a system are not for a test to change, and so the rule is asked alone.
func TestUnpinnedIsNeverEarly(t *testing.T) {
	a := newAuthority(t, lifetime(300, 4000))
	leaf, err := x509.ParseCertificate(a.sign(lifetime(300, 2000)).Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, clock := range []Clock{Synced, RTC, Guess, Bad} {
		m := Moment{days(1), floor, clock}
		if early, err := (trust{"127.0.0.1", nil, m}).judge([]*x509.Certificate{leaf}); err == nil || !early.IsZero() {
			t.Errorf("%s: taken from %v on", clock, early)
		}
		early, err := trust{"127.0.0.1", []*x509.Certificate{a.cert}, m}.judge([]*x509.Certificate{leaf})
		if taken := err == nil; taken != m.doubted() || taken && !early.Equal(days(300)) {
			t.Errorf("%s, pinned: %v, from %v on", clock, err, early)
		}
	}
}

// TestOnlyThePinnedCounts refuses a broker whose authority the system knows where a CA file names another.
func TestOnlyThePinnedCounts(t *testing.T) {
	known, pinned := newAuthority(t, as), newAuthority(t, as)
	t.Setenv("SSL_CERT_FILE", known.file) // where the system's are looked for, if nobody has looked before
	address := serveEach(t, overTLS(&tls.Config{Certificates: []tls.Certificate{known.sign(as)}}, answer(0x20, 2, 0, 0)))
	cfg := goodConfig()
	cfg.Brokers, cfg.CAFile = brokers("ssl://"+address), pinned.file
	if f := fail(t, cfg, nil); f.Kind != "other-authority" {
		t.Errorf("it is %s", f.Kind)
	}
}

// TestClockComesRight connects by a clock that nobody vouches for, and has the clock come right: the connection stays where the broker's
// certificate is valid then, and ends where it is not, whether or not it seemed to be valid before.
func TestClockComesRight(t *testing.T) {
	a := newAuthority(t, lifetime(-10, 4000))
	early, soon := lifetime(300, 2000), lifetime(-10, 50)
	for name, test := range map[string]struct {
		has   func(*x509.Certificate)
		since time.Time // when it begins to be valid, where it is taken before
		by    Clock     // by which it is taken
		right time.Time
		kind  string
	}{
		"valid":                 {early, days(300), Guess, days(301), ""},
		"not valid":             {early, days(300), Guess, days(200), "not-yet-valid"},
		"valid all along":       {soon, time.Time{}, Guess, days(40), ""},
		"expired since":         {soon, time.Time{}, Guess, days(200), "expired"},
		"expired since, by bad": {soon, time.Time{}, Bad, days(200), "expired"},
		"expired since, by rtc": {soon, time.Time{}, RTC, days(200), "expired"},
	} {
		t.Run(name, func(t *testing.T) {
			leaf, err := x509.ParseCertificate(a.sign(test.has).Certificate[0])
			if err != nil {
				t.Fatal(err)
			}
			synctest.Test(t, func(t *testing.T) {
				var now atomic.Pointer[Moment]
				now.Store(&Moment{days(1), floor, test.by})
				p := &Publisher{cfg: goodConfig(), clock: func() Moment { return *now.Load() }}
				p.link.caveat = new(Fault)
				c := &conn{
					explainer: explainer{cfg: p.cfg, to: brokers("ssl://127.0.0.1:8883")[0]},
					trust:     trust{"127.0.0.1", []*x509.Certificate{a.cert}, *now.Load()}, secure: &secured{chain: []*x509.Certificate{leaf}, early: test.since},
				}
				ended := make(chan error, 1)
				go func() { ended <- p.believing(c).serve(t.Context(), nil) }()
				time.Sleep(10 * time.Minute)
				synctest.Wait()
				if len(ended) > 0 {
					t.Fatalf("before the clock is right: %v", <-ended)
				}
				now.Store(&Moment{test.right, floor, Synced})
				f := new(Fault)
				if err := <-ended; errors.As(err, &f) != (test.kind != "") || f.Kind != test.kind {
					t.Errorf("%v, want %q", err, test.kind)
				}
				if still := p.link.caveat != nil; still != (test.kind != "" || test.since.IsZero()) {
					t.Errorf("what was said of it before is told still: %v", still)
				}
			})
		})
	}
}

// pair writes a certificate of a for a gate, and its key, to files.
func (a *authority) pair(name string, edit func(*x509.Certificate)) (cert, key string) {
	a.t.Helper()
	signed := a.sign(func(c *x509.Certificate) {
		c.ExtKeyUsage, c.Subject = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, pkix.Name{CommonName: name}
		edit(c)
	})
	der, err := x509.MarshalPKCS8PrivateKey(signed.PrivateKey)
	if err != nil {
		a.t.Fatal(err)
	}
	dir := a.t.TempDir()
	cert, key = filepath.Join(dir, name+".crt"), filepath.Join(dir, name+".key")
	write(a.t, cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed.Certificate[0]}), 0o644)
	write(a.t, key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600)
	return cert, key
}

func write(t *testing.T, name string, text []byte, mode os.FileMode) {
	t.Helper()
	if err := errors.Join(os.WriteFile(name, text, mode), os.Chmod(name, mode)); err != nil { // whatever the umask is
		t.Fatal(err)
	}
}

// TestCertificateOfTheGate shows certificates to a broker that wants one, and has them renewed while the publisher goes on.
func TestCertificateOfTheGate(t *testing.T) {
	t.Parallel()
	ours, other := newAuthority(t, as), newAuthority(t, as)
	clients := x509.NewCertPool()
	clients.AddCert(ours.cert)
	good, goodKey := ours.pair("good", as)
	foreign, foreignKey := other.pair("foreign", as)
	stale, staleKey := ours.pair("stale", func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })
	early, earlyKey := ours.pair("early", func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) })
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		address := serveEach(t, overTLS(&tls.Config{
			Certificates: []tls.Certificate{ours.sign(as)}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients, MaxVersion: version,
		}, answer(0x20, 2, 0, 0)))
		cfg := goodConfig()
		cfg.Brokers, cfg.CAFile = brokers("ssl://"+address), ours.file
		cfg.CertFile, cfg.KeyFile = filepath.Join(t.TempDir(), "cert"), filepath.Join(t.TempDir(), "key")
		p, err := New(cfg, Parts{Outbox: feed.NewMemory(1), Rand: draws()}, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		for _, step := range []struct {
			name, cert, key string
			edit            func()
			kind, todo      string
		}{
			{"none", "", "", nil, "cert-file", "mqtt.cert_file"},
			{"no certificate in it", staleKey, staleKey, nil, "cert-file", "PEM form"},
			{"everybody may write to it", good, goodKey, func() { os.Chmod(cfg.CertFile, 0o646) }, "cert-file", "chmod o-w"},
			{"no key", good, "", nil, "key-file", "mqtt.key_file"},
			{"a key for all", good, goodKey, func() { os.Chmod(cfg.KeyFile, 0o640) }, "key-file", "chmod 0600"},
			{"no key in it", good, good, nil, "key-file", "PEM form"},
			{"the key of another", good, foreignKey, nil, "key-mismatch", "made for"},
			{"an authority that the broker does not know", foreign, foreignKey, nil, "client-refused", "cafile"},
			{"expired", stale, staleKey, nil, "client-expired", "mqtt.cert_file"},
			{"not yet valid", early, earlyKey, nil, "client-not-yet-valid", "clock"},
			{"renewed", good, goodKey, nil, "", ""},
		} {
			for name, from := range map[string]string{cfg.CertFile: step.cert, cfg.KeyFile: step.key} {
				os.Remove(name)
				if text, err := os.ReadFile(from); err == nil {
					write(t, name, text, 0o600)
				}
			}
			if step.edit != nil {
				step.edit()
			}
			c, err := p.connect(t.Context(), p.brokers[0], 0)
			f := new(Fault)
			if errors.As(err, &f) != (step.kind != "") || f.Kind != step.kind || !strings.Contains(f.Hint, step.todo) {
				t.Errorf("%s, TLS %x: %s: %v, to do %q; want %q, %q", step.name, version, f.Kind, err, f.Hint, step.kind, step.todo)
			}
			if err == nil {
				c.abandon()
			}
		}
	}
}

// TestPassphrase tells what to do about a key that somebody would have to unlock.
func TestPassphrase(t *testing.T) {
	a := newAuthority(t, as)
	cfg := goodConfig()
	cfg.CertFile, cfg.KeyFile = a.pair("gate", as)
	write(t, cfg.KeyFile, pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("sealed")}), 0o600)
	f := new(Fault)
	if err := cfg.CheckCertificate(); !errors.As(err, &f) || f.Kind != "key-file" || !strings.Contains(f.Hint, "openssl pkey -in "+cfg.KeyFile) {
		t.Errorf("%v, to do %q", err, f.Hint)
	}
}

// TestExpiredAndTaken says of a certificate of the gate that it has expired, though the broker takes it.
func TestExpiredAndTaken(t *testing.T) {
	t.Parallel()
	a := newAuthority(t, as)
	cfg := goodConfig()
	cfg.CertFile, cfg.KeyFile = a.pair("stale", func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })
	cfg.CAFile = a.file
	cfg.Brokers = brokers("ssl://" + serveEach(t, overTLS(&tls.Config{
		Certificates: []tls.Certificate{a.sign(as)}, ClientAuth: tls.RequestClientCert,
	}, answer(0x20, 2, 0, 0))))
	if kind := kindAt(t, cfg, Moment{Now: time.Now(), Clock: Synced}); kind != "client-expired" {
		t.Errorf("it is %q", kind)
	}
}

// TestNothingElsewhere looks up what can only be this machine by its name, and is another one.
func TestNothingElsewhere(t *testing.T) {
	for _, test := range []struct {
		address   string
		open      bool
		elsewhere bool
	}{
		{"tcp://10.0.0.7:1883", false, true},
		{"tcp://10.0.0.7:1883", true, false},
		{"ssl://10.0.0.7:8883", false, false},
		{"tcp://127.0.0.1:1883", false, false},
		{"tcp://[::1]:1883", false, false},
		{"tcp://[::ffff:10.0.0.7]:1883", false, true},
	} {
		e := endpoint{Address: brokers(test.address)[0], plaintext: test.open}
		_, err := e.lookUp(t.Context())
		if errors.Is(err, errElsewhere) != test.elsewhere || err != nil && !test.elsewhere {
			t.Errorf("%s: %v", test.address, err)
		}
	}
	cfg := goodConfig()
	cfg.Brokers = brokers("tcp://localhost:1883")
	f := fail(t, cfg, func(ctx context.Context, e endpoint) (net.Conn, error) {
		e.Host = "192.0.2.7" // what a file of names may say of localhost
		return e.dial(ctx)
	})
	if f.Kind != "elsewhere" || !strings.Contains(f.Hint, "127.0.0.1") || !strings.Contains(f.Hint, "mqtt.plaintext: true") {
		t.Errorf("%s, to do %q", f.Kind, f.Hint)
	}
}
