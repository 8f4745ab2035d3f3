package publish

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"facegate/configs/address"
)

var (
	errHandshake = errors.New("the TLS handshake failed")

	// errElsewhere means that what can only be this machine by its name is another one by its number.
	errElsewhere = errors.New("the name is that of another machine")
)

// An endpoint is where and how to connect to a broker.
type endpoint struct {
	address.Address
	papers
	plaintext bool // without TLS it may be another machine
	moment    Moment
}

// dial opens the network connection, and secures it where the address wants that.
func (e endpoint) dial(ctx context.Context) (net.Conn, error) {
	numbers, err := e.lookUp(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	raw, err := e.reach(ctx, numbers)
	if err != nil || !e.TLS {
		return raw, err
	}
	return e.secure(ctx, raw)
}

// maxNumbers is how many numbers of one name are tried.
const maxNumbers = 4

// lookUp returns the numbers of the host. What goes unencrypted goes to this machine alone, unless it may leave it, whatever a name server
// or a file of names says of localhost.
func (e endpoint) lookUp(ctx context.Context) ([]netip.Addr, error) {
	numbers := make([]netip.Addr, 1)
	var err error
	if numbers[0], err = netip.ParseAddr(e.Host); err != nil {
		ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
		defer cancel()
		if numbers, err = net.DefaultResolver.LookupNetIP(ctx, "ip", e.Host); err != nil {
			return nil, err
		}
	}
	for _, n := range numbers {
		if !e.TLS && !e.plaintext && !n.Unmap().IsLoopback() {
			return nil, fmt.Errorf("%w: %s", errElsewhere, n)
		}
	}
	return numbers[:min(len(numbers), maxNumbers)], nil
}

// reach connects to the first of some numbers that answers, each of which has its share of the time.
func (e endpoint) reach(ctx context.Context, numbers []netip.Addr) (net.Conn, error) {
	var first error
	for i, n := range numbers {
		raw, err := reachOne(ctx, netip.AddrPortFrom(n.Unmap(), e.Port), len(numbers)-i)
		if err == nil {
			return raw, nil
		}
		if first == nil {
			first = err
		}
	}
	return nil, first
}

func reachOne(ctx context.Context, to netip.AddrPort, left int) (net.Conn, error) {
	if end, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(end)/time.Duration(left))
		defer cancel()
	}
	raw, err := new(net.Dialer).DialContext(ctx, "tcp", to.String())
	if tcp, ok := raw.(*net.TCPConn); ok && err == nil {
		return prompt{tcp}, nil
	}
	return raw, err
}

// secure has TLS spoken over raw. The library's own check of the broker's certificate knows one time; trust does what it does, and knows
// what is to be said of the clock.
func (e endpoint) secure(ctx context.Context, raw net.Conn) (net.Conn, error) {
	s := new(secured)
	s.Conn = tls.Client(raw, &tls.Config{
		ServerName: e.Host, MinVersion: tls.VersionTLS12, InsecureSkipVerify: true,
		VerifyConnection: func(seen tls.ConnectionState) (err error) {
			s.chain = seen.PeerCertificates
			s.early, err = e.trust().judge(s.chain)
			return err
		},
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			s.asked = true
			if e.own == nil {
				return new(tls.Certificate), nil
			}
			return e.own, nil
		},
	})
	if err := s.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %w", errHandshake, s.told(err)), raw.Close())
	}
	return s, nil
}

func (e endpoint) trust() trust { return trust{host: e.Host, anchors: e.anchors, moment: e.moment} }

// A prompt connection acknowledges at once what comes (tcp(7), TCP_QUICKACK). A broker that does without TCP_NODELAY, as mosquitto by
// default, holds the second of two packets back until the first is acknowledged, for 40 ms: here that is the acknowledgement of each
// message, behind the message that comes back.
type prompt struct{ *net.TCPConn }

// Read implements net.Conn. The kernel forgets the option after a while, and what it cannot do costs only time.
func (p prompt) Read(b []byte) (int, error) {
	n, err := p.TCPConn.Read(b)
	if raw, failed := p.SyscallConn(); failed == nil {
		raw.Control(func(fd uintptr) { unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1) })
	}
	return n, err
}

// A secured is a TLS connection that knows what the broker has shown, and whether it has asked for a client certificate. By TLS 1.3 a
// broker ends the connection for want of one after the handshake.
type secured struct {
	*tls.Conn
	asked bool
	chain []*x509.Certificate // of the broker
	early time.Time           // when the chain begins to be valid, if that is later than the clock says; otherwise zero
}

// Read implements net.Conn.
func (s *secured) Read(b []byte) (int, error) {
	n, err := s.Conn.Read(b)
	return n, s.told(err)
}

// Write implements net.Conn. It fails where the broker has ended the connection before CONNECT was sent.
func (s *secured) Write(b []byte) (int, error) {
	n, err := s.Conn.Write(b)
	return n, s.told(err)
}

func (s *secured) told(err error) error {
	if err != nil && s.asked {
		return fmt.Errorf("%w: %w", errAsked, err)
	}
	return err
}
