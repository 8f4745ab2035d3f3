package publish

import (
	"errors"
	"fmt"
	"net"
)

// maxPacket bounds what a broker may send, in bytes after the fixed header. An acknowledgement has two bytes, an order and what the
// gate has said itself some hundreds, but for what it tells Home Assistant: some thousands, and more where the names of site and gate are
// of signs that JSON has longer words for. The rest is room for a session that another client has left under the same client id.
const maxPacket = 16 << 10

// What a guard ends a connection for.
var (
	errNoBroker = errors.New("what answers does not speak MQTT 3.1.1")
	errTLSPort  = errors.New("what answers speaks TLS")
	errTooBig   = fmt.Errorf("a packet of more than %d bytes is announced", maxPacket)
)

// A guard is a connection that ends before a packet is read that no broker has a reason to send. The MQTT library makes
// room for whatever length a broker announces, up to 256 MB.
type guard struct {
	net.Conn
	greeted bool   // the CONNACK has come
	header  []byte // of the packet that is coming, as far as it has come
	left    int    // bytes of that packet that are still to come
}

// Read implements net.Conn. Of what the guard refuses nothing is handed on.
func (g *guard) Read(b []byte) (int, error) {
	n, err := g.Conn.Read(b)
	for rest := b[:n]; len(rest) > 0; {
		if g.left > 0 {
			skip := min(g.left, len(rest))
			g.left, rest = g.left-skip, rest[skip:]
			continue
		}
		g.header, rest = append(g.header, rest[0]), rest[1:]
		if err := g.inspect(); err != nil {
			return 0, err
		}
	}
	return n, err
}

// inspect looks at the header of a packet after each byte of it.
func (g *guard) inspect() error {
	if !g.greeted {
		return g.greeting()
	}
	if len(g.header) < 2 || g.header[len(g.header)-1] >= 0x80 && len(g.header) < 5 {
		return nil // more of the length is coming (MQTT 3.1.1, section 2.2.3)
	}
	for i := len(g.header) - 1; i > 0; i-- {
		g.left = g.left<<7 | int(g.header[i]&0x7f)
	}
	g.header = g.header[:0]
	if g.left > maxPacket {
		return errTooBig
	}
	return nil
}

// greeting demands that the first packet is a CONNACK of MQTT 3.1.1: four bytes, of which the last one is 0 or a reason to
// refuse that is known. The library takes others for a success.
func (g *guard) greeting() error {
	h := g.header
	switch last := h[len(h)-1]; {
	case len(h) == 1 && (last == 0x15 || last == 0x16): // an alert or a handshake (RFC 8446, section 5.1)
		return errTLSPort
	case len(h) == 1 && last != 0x20, len(h) == 2 && last != 2, len(h) == 3 && last > 1, len(h) == 4 && last > 5:
		return errNoBroker
	case len(h) == 4:
		g.greeted, g.header = true, h[:0]
	}
	return nil
}
