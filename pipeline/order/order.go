// Package order writes and reads the order to open a door from afar, and what a gate answers. An operator signs it for one gate, and
// whoever has the operator's public key can check that.
//
// An order is a JSON object of eight texts, each of which is there once. Every text has one form, so that no order has two readings:
//
//	schema     Schema
//	gate       site and gate of the configuration of the gate, with a slash between them
//	device     Gate.ID: which gate of that name
//	key        KeyID of the operator's public key
//	issued     when it was given, and
//	expires    from when it opens nothing, MaxLife later at most, both as Timestamp
//	nonce      random, another one in each order
//	signature  Ed25519 (RFC 8032)
//
// The numbers are lower-case hexadecimal. The signature is not of the JSON but of a domain string, the whole public key of the device,
// the key, both times in milliseconds, the nonce, and the name of the gate: all but the last have a fixed length. So an order for one
// gate opens no other that has its name, and nothing else that an operator signs is an order.
//
// The package is pure: it has no clock and keeps nothing.
package order

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// What is refused.
var (
	ErrForm      = errors.New("not an order to open a door")
	ErrGate      = errors.New("the order is for another gate")
	ErrSignature = errors.New("the signature of the order is not right")
	ErrTerms     = errors.New("an order cannot have these terms")
)

const (
	// Schema names the version of Open.
	Schema = "open/1"

	// MaxLife is how long after it was given an order opens a door at most.
	MaxLife = 10 * time.Second

	// MaxSize bounds an order, in bytes.
	MaxSize = 1024

	// Timestamp is the layout of times: RFC 3339 in UTC with milliseconds.
	Timestamp = "2006-01-02T15:04:05.000Z"
)

// domain is what every signature begins with.
const domain = "facegate open order 1\x00"

// A KeyID tells the keys of operators apart, and is no proof of any: the first bytes of the SHA-256 of the public key.
type KeyID [8]byte

// KeyOf returns the id of a public key.
func KeyOf(public ed25519.PublicKey) KeyID {
	sum := sha256.Sum256(public)
	return KeyID(sum[:])
}

// String returns the id in hexadecimal.
func (k KeyID) String() string { return hex.EncodeToString(k[:]) }

// A Nonce tells the orders of an operator apart. It is random.
type Nonce [8]byte

// String returns the nonce in hexadecimal.
func (n Nonce) String() string { return hex.EncodeToString(n[:]) }

// NewNonce draws a Nonce from rand.
func NewNonce(rand io.Reader) (n Nonce, err error) {
	if _, err := io.ReadFull(rand, n[:]); err != nil {
		return Nonce{}, fmt.Errorf("no randomness: %w", err)
	}
	return n, nil
}

// A Gate is the one that an order is for.
type Gate struct {
	Site, Name string            // of its configuration; neither has a slash in it
	Device     ed25519.PublicKey // of the device: facegate device pubkey prints it
}

// String returns site and gate.
func (g Gate) String() string { return g.Site + "/" + g.Name }

// ID returns what tells the gate from others of its name, in hexadecimal: the first bytes of the SHA-256 of the device's public key.
func (g Gate) ID() string {
	sum := sha256.Sum256(g.Device)
	return hex.EncodeToString(sum[:8])
}

// An Order is what an operator says to one gate.
type Order struct {
	Key     KeyID
	Issued  time.Time // in whole milliseconds
	Expires time.Time // likewise, after Issued and up to MaxLife later
	Nonce   Nonce
}

// An ID tells an order from all others, of whatever operator.
type ID [16]byte

// ID returns the id of o.
func (o Order) ID() (id ID) {
	copy(id[:8], o.Key[:])
	copy(id[8:], o.Nonce[:])
	return id
}

// Key returns that of the operator.
func (id ID) Key() KeyID { return KeyID(id[:8]) }

func (o Order) check() error {
	for _, t := range []time.Time{o.Issued, o.Expires} {
		if !t.Equal(t.Truncate(time.Millisecond)) || t.Year() < 1970 || t.Year() > 9999 {
			return fmt.Errorf("%w: its times are whole milliseconds, from 1970 on", ErrTerms)
		}
	}
	if life := o.Expires.Sub(o.Issued); life <= 0 || life > MaxLife {
		return fmt.Errorf("%w: it expires within %v after it was given", ErrTerms, MaxLife)
	}
	return nil
}

// message is what is signed. It is the same for no two orders, or gates.
func (o Order) message(g Gate) []byte {
	m := append([]byte(domain), g.Device...)
	m = append(m, o.Key[:]...)
	m = binary.BigEndian.AppendUint64(m, uint64(o.Issued.UnixMilli()))
	m = binary.BigEndian.AppendUint64(m, uint64(o.Expires.UnixMilli()))
	m = append(m, o.Nonce[:]...)
	return append(m, g.String()...)
}

// Open is an order as it goes on the wire.
type Open struct {
	Schema    string `json:"schema" jsonschema:"enum=open/1"`
	Gate      string `json:"gate" jsonschema:"maxLength=257,pattern=^[^\\x00-\\x1f/+#]+/[^\\x00-\\x1f/+#]+$"` // site and gate
	Device    string `json:"device" jsonschema:"pattern=^[0-9a-f]{16}$"`                                      // 16 hexadecimal digits: which gate of that name
	Key       string `json:"key" jsonschema:"pattern=^[0-9a-f]{16}$"`                                         // 16 hexadecimal digits: which operator's key has signed
	Issued    string `json:"issued" jsonschema:"format=date-time,pattern=\\.[0-9]{3}Z$"`                      // when it was given, as Timestamp
	Expires   string `json:"expires" jsonschema:"format=date-time,pattern=\\.[0-9]{3}Z$"`                     // from when it opens nothing, as Timestamp
	Nonce     string `json:"nonce" jsonschema:"pattern=^[0-9a-f]{16}$"`                                       // 16 hexadecimal digits, others in each order
	Signature string `json:"signature" jsonschema:"pattern=^[0-9a-f]{128}$"`                                  // 128 hexadecimal digits
}

// Sign returns an order for a gate. Key is that of the key, whatever o says. It refuses with ErrTerms.
func Sign(key ed25519.PrivateKey, g Gate, o Order) ([]byte, error) {
	o.Key = KeyOf(key.Public().(ed25519.PublicKey))
	if err := o.check(); err != nil {
		return nil, err
	}
	if len(g.Device) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("%w: it names no device", ErrTerms)
	}
	return json.Marshal(Open{
		Schema: Schema, Gate: g.String(), Device: g.ID(), Key: o.Key.String(),
		Issued: o.Issued.UTC().Format(Timestamp), Expires: o.Expires.UTC().Format(Timestamp), Nonce: o.Nonce.String(),
		Signature: hex.EncodeToString(ed25519.Sign(key, o.message(g))),
	})
}

// A Signed is an order whose signature nobody has looked at yet.
type Signed struct {
	Order
	gate, device string
	signature    [ed25519.SignatureSize]byte
}

// Parse reads an order, and nothing else. It refuses with ErrForm.
func Parse(payload []byte) (Signed, error) {
	var w Open
	if err := texts(payload, map[string]*string{
		"schema": &w.Schema, "gate": &w.Gate, "device": &w.Device, "key": &w.Key,
		"issued": &w.Issued, "expires": &w.Expires, "nonce": &w.Nonce, "signature": &w.Signature,
	}); err != nil {
		return Signed{}, fmt.Errorf("%w: %w", ErrForm, err)
	}
	s := Signed{gate: w.Gate, device: w.Device}
	err := errors.Join(
		moment(&s.Issued, w.Issued), moment(&s.Expires, w.Expires),
		number(s.Key[:], w.Key), number(s.Nonce[:], w.Nonce), number(s.signature[:], w.Signature),
	)
	if w.Schema != Schema {
		err = fmt.Errorf("its schema is not %s", Schema)
	}
	if err == nil {
		err = s.check()
	}
	if err != nil {
		return Signed{}, fmt.Errorf("%w: %w", ErrForm, err)
	}
	return s, nil
}

// Verify says why an operator with the key has not signed the order for a gate: with ErrGate or ErrSignature.
func (s Signed) Verify(public ed25519.PublicKey, g Gate) error {
	switch {
	case s.gate != g.String() || s.device != g.ID():
		return ErrGate
	case len(public) != ed25519.PublicKeySize || !ed25519.Verify(public, s.message(g), s.signature[:]):
		return ErrSignature
	}
	return nil
}
