package fleet_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"facegate/pipeline/publish/natstest"
)

// nodes is how many machines a cluster has.
const nodes = 3

// A cluster is nats-server on three machines, which here are processes, with the shipped configuration.
type cluster struct {
	t      *testing.T
	dir    string
	pki    *authority
	nodes  [nodes]*natstest.Node
	relays [nodes]*relay // addresses for MQTT that stay
	routes [nodes]*relay // and those at which the nodes look for each other
	edit   func(config string) string
}

// newCluster starts a cluster whose gates and others are the users in gates. edit changes what the shipped file says.
func newCluster(t *testing.T, users string, edit func(string) string) *cluster {
	t.Helper()
	c := unstarted(t, users, edit)
	for i := range c.nodes {
		c.start(i)
	}
	for i := range c.nodes {
		c.healthy(i)
	}
	return c
}

// unstarted is a cluster of which no node runs yet.
func unstarted(t *testing.T, users string, edit func(string) string) *cluster {
	t.Helper()
	binary, err := natstest.Lookup()
	if err != nil {
		t.Skip(err)
	}
	c := &cluster{t: t, dir: t.TempDir(), edit: edit}
	c.pki = newAuthority(t, c.dir, "ca")
	must(t, os.WriteFile(filepath.Join(c.dir, "users.conf"), []byte(users), 0o600))
	c.pki.issue(t, "node", net.IPv4(127, 0, 0, 1))
	newAuthority(t, c.dir, "cluster-ca").issue(t, "cluster", net.IPv4(127, 0, 0, 1))
	for i := range c.nodes {
		n := &natstest.Node{Binary: binary, Dir: filepath.Join(c.dir, string(rune('a'+i)))}
		must(t, os.Mkdir(n.Dir, 0o700))
		c.nodes[i] = n
		c.relays[i] = newRelay(t, func() string { return "tcp://" + n.Address(natstest.MQTT) })
		c.routes[i] = newRelay(t, func() string { return "tcp://" + n.Address(natstest.Routes) })
		t.Cleanup(n.Kill) // before the relays wait for what goes through them
	}
	return c
}

// config returns the shipped configuration for a node, with every path in the folder of the test, and every port that of the kernel's
// choice.
func (c *cluster) config(node int) string {
	c.t.Helper()
	shipped, err := os.ReadFile(filepath.Join("..", "..", "configs", "nats.conf"))
	must(c.t, err)
	var routes []string
	for _, r := range c.routes {
		routes = append(routes, fmt.Sprintf("%q", "nats://"+r.address()))
	}
	text := c.edit(string(shipped))
	for _, change := range [][2]string{
		{`/etc/nats/`, c.dir + "/"},
		{`"users.conf"`, fmt.Sprintf("%q", filepath.Join("..", "users.conf"))},
		{`/var/lib/nats`, filepath.Join(c.nodes[node].Dir, "streams")},
		{`0\.0\.0\.0`, "127.0.0.1"},
		{`port: \d+`, "port: -1"},
		{`127.0.0.1:8222`, "127.0.0.1:-1"},
		{`\$NODE`, string(rune('a' + node))},
		{`routes: .*`, "routes: [ " + strings.Join(routes, ", ") + " ]"},
	} {
		text = regexp.MustCompile(change[0]).ReplaceAllString(text, strings.ReplaceAll(change[1], "$", "$$"))
	}
	return text
}

func (c *cluster) start(node int) {
	c.t.Helper()
	must(c.t, c.nodes[node].Start(c.config(node), natstest.Clients, natstest.Routes, natstest.Monitor))
}

// healthy waits until a node has all that the others have.
func (c *cluster) healthy(node int) {
	c.t.Helper()
	eventually(c.t, "node "+string(rune('a'+node))+" is healthy", func() bool {
		answer, err := http.Get("http://" + c.nodes[node].Address(natstest.Monitor) + "/healthz")
		if err != nil {
			return false
		}
		defer answer.Body.Close()
		return answer.StatusCode == http.StatusOK
	})
}

// An authority signs certificates, and keeps them in a folder: name.crt, name.key, and its own by its own name.
type authority struct {
	dir    string
	cert   *x509.Certificate
	key    *ecdsa.PrivateKey
	serial int64
}

func newAuthority(t *testing.T, dir, name string) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	a := &authority{dir: dir, key: key, cert: &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}}
	a.sign(t, name, a.cert, key)
	return a
}

// issue makes a certificate for name, CN=name, and for addresses, which are those of this machine.
func (a *authority) issue(t *testing.T, name string, addresses ...net.IP) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	a.serial++
	var names []string
	if len(addresses) > 0 {
		names = []string{"localhost"} // nats.js looks for a name
	}
	a.sign(t, name, &x509.Certificate{
		SerialNumber: big.NewInt(1 + a.serial), Subject: pkix.Name{CommonName: name}, NotBefore: a.cert.NotBefore, NotAfter: a.cert.NotAfter,
		IPAddresses: addresses, DNSNames: names, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}, private)
	return filepath.Join(a.dir, name+".crt"), filepath.Join(a.dir, name+".key")
}

func (a *authority) sign(t *testing.T, name string, c *x509.Certificate, key *ecdsa.PrivateKey) {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, c, a.cert, &key.PublicKey, a.key)
	must(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	for file, block := range map[string]*pem.Block{
		name + ".crt": {Type: "CERTIFICATE", Bytes: der}, name + ".key": {Type: "PRIVATE KEY", Bytes: private},
	} {
		must(t, os.WriteFile(filepath.Join(a.dir, file), pem.EncodeToMemory(block), 0o600))
	}
}

// ca is the file of the authority's own certificate.
func (a *authority) ca() string { return filepath.Join(a.dir, "ca.crt") }
