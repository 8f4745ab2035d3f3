package publish_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"facegate/pipeline/publish/mosquittotest"
)

// issue has an authority sign a certificate for a user, and writes it and its key where a gate reads them.
func issue(t *testing.T, authority tls.Certificate, user string) (cert, key string) {
	t.Helper()
	parent, err := x509.ParseCertificate(authority.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: user}, NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, parent, &own.PublicKey, authority.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(t.TempDir(), "gate.crt"), filepath.Join(t.TempDir(), "gate.key")
	for name, text := range map[string]string{cert: inPEM("CERTIFICATE", der), key: keyInPEM(t, own)} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

func inPEM(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func keyInPEM(t *testing.T, key any) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return inPEM("PRIVATE KEY", der)
}

// TestShippedTLS has gates with and without a certificate of the site come to mosquitto as the shipped files configure it, and a gate have
// its certificate changed while it goes on.
func TestShippedTLS(t *testing.T) {
	t.Parallel()
	broker, ca := certificate(t, &x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}})
	other, _ := certificate(t, &x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}})
	b := mosquittotest.Installed(t, "../../configs/mosquitto.conf", account, building)
	site := inPEM("CERTIFICATE", broker.Certificate[0])
	at := b.Example(t, "../../configs/mosquitto-tls.conf", map[string]string{
		"site-ca.crt": site, "broker.crt": site, "broker.key": keyInPEM(t, broker.PrivateKey),
	})
	b.Start(t)
	t.Cleanup(func() { b.Stop(t) })
	r := &rig{t: t, cable: (&cable{t: t, listener: listen(t), url: func() string { return at }, ca: ca}).lay(t)}
	r.observer = observe(t, b)
	cfg := gate("ssl", r.cable)
	cfg.Username, cfg.PasswordFile = "", ""
	faulty := func(kind string) {
		t.Helper()
		r.build(cfg)
		r.run()
		eventually(t, "it is "+kind, func() bool { return r.publisher.Status().Fault == kind })
	}
	faulty("client-certificate")
	r.halt()
	cfg.CertFile, cfg.KeyFile = issue(t, other, account.Username)
	faulty("client-refused")

	renewed, key := issue(t, broker, account.Username)
	for from, to := range map[string]string{renewed: cfg.CertFile, key: cfg.KeyFile} {
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	r.connected()
	r.grant(3)
	wantEvents(t, r.observer.awaitEvents(3), 1, false)
	if s := r.publisher.Status(); s.Fault != "" || !s.TLS {
		t.Errorf("the status is %+v", s)
	}
}
