package publish_test

import (
	"crypto/x509"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"facegate/pipeline/publish"
	"facegate/pipeline/publish/feed"
	"facegate/pipeline/publish/mosquittotest"
)

// TestClocksAtMosquitto has gates with different clocks come to mosquitto, whose certificate begins to be valid in a month. Only one whose
// clock is not known to be right is served, and only with the authority named; it says so meanwhile.
func TestClocksAtMosquitto(t *testing.T) {
	t.Parallel()
	now := time.Now()
	broker, ca := certificate(t, &x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: now.Add(-time.Hour)})
	b := mosquittotest.Installed(t, "../../configs/mosquitto.conf", account, building)
	at := b.Secure(t, inPEM("CERTIFICATE", broker.Certificate[0]), keyInPEM(t, broker.PrivateKey))
	b.Start(t)
	t.Cleanup(func() { b.Stop(t) })
	past := now.AddDate(0, -1, 0) // what a board says that was off for a month
	for _, test := range []struct {
		moment publish.Moment
		pinned bool
		kind   string
		served bool
	}{
		{publish.Moment{Now: now, Clock: publish.Synced}, true, "", true},
		{publish.Moment{Now: past, Clock: publish.Synced}, true, "not-yet-valid", false},
		{publish.Moment{Now: past, Clock: publish.RTC}, true, "not-yet-valid", false},
		{publish.Moment{Now: past, Clock: publish.Guess}, true, "early-certificate", true},
		{publish.Moment{Now: time.Unix(0, 0), Floor: past, Clock: publish.Bad}, true, "early-certificate", true},
		{publish.Moment{Now: past, Clock: publish.Guess}, false, "not-yet-valid", false},
		{publish.Moment{Now: past, Floor: now.Add(2 * time.Hour), Clock: publish.Guess}, true, "expired", false},
	} {
		r := &rig{t: t, cable: (&cable{t: t, listener: listen(t), url: func() string { return at }, ca: ca}).lay(t)}
		cfg := gate("ssl", r.cable)
		if !test.pinned {
			cfg.CAFile = ""
		}
		var err error
		r.publisher, err = publish.New(cfg, publish.Parts{
			Outbox: feed.NewMemory(10), Rand: strings.NewReader(strings.Repeat("x", 64)), Clock: func() publish.Moment { return test.moment },
		}, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		r.run()
		eventually(t, "it is settled", func() bool { s := r.publisher.Status(); return s.Connected || s.Fault != "" && !test.served })
		if s := r.publisher.Status(); s.Fault != test.kind || s.Connected != test.served || (s.Hint == "") != (test.kind == "") {
			t.Errorf("%s of %v: %+v, want %q", test.moment.Clock, test.moment.Now, s, test.kind)
		}
		r.halt()
	}
}
