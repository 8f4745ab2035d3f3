package fleet_test

import (
	"bufio"
	"crypto/tls"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"facegate/pipeline/publish/natstest"
)

// TestNoGateIsANode shows a node the certificate that a gate has, and that of its own users, where nodes speak to each other. It greets
// none but another node.
func TestNoGateIsANode(t *testing.T) {
	t.Parallel()
	c := unstarted(t, `users: [ { user: "CN=hq-north" } ]`, func(shipped string) string { return shipped })
	c.start(0)
	c.pki.issue(t, "hq-north")
	for _, test := range []struct {
		name string
		node bool
	}{{"cluster", true}, {"hq-north", false}, {"node", false}} {
		said, err := c.joins(test.name)
		if greets := strings.HasPrefix(said, "INFO "); greets != test.node {
			t.Errorf("%s: %q, %v", test.name, said, err)
		}
	}
}

// joins connects to the first node as another one does, with a certificate, and returns what it says first.
func (c *cluster) joins(name string) (said string, err error) {
	c.t.Helper()
	file := filepath.Join(c.dir, name)
	pair, err := tls.LoadX509KeyPair(file+".crt", file+".key")
	must(c.t, err)
	show := func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil } // whomever the node asks for
	conn, err := tls.Dial("tcp", c.nodes[0].Address(natstest.Routes), &tls.Config{GetClientCertificate: show, InsecureSkipVerify: true})
	if err != nil {
		return "", err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	return bufio.NewReader(conn).ReadString('\n')
}
