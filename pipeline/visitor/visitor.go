// Package visitor writes and reads the pass of a visitor, which a gate needs no list for. An office signs when and where it
// opens, and whoever has the public key of the office can check that, without a network and without the office.
//
// The text of a pass is the base32 of a body of 22 bytes and an Ed25519 signature (RFC 8032). Every field has its place and
// every pass the same length, so that there is nothing to parse: no pass has two texts.
//
//	bytes  field
//	1      Version
//	4      id of the key that signs
//	2      id of the door
//	4      from when it opens, in minutes since 1970-01-01 00:00 UTC
//	2      for how many minutes
//	1      how often, 0 for any number of times; the upper half is zero
//	8      serial
//
// The id of a door is short, and two doors may share one. So the signature is of a domain string, the whole name of the door and
// the body: a pass opens the door of its name and no other, whatever the ids are.
//
// A pass names nobody. It can be copied: whoever has the text has the pass.
//
// The package is pure: it has no clock and keeps nothing.
package visitor

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"time"
)

// What is refused.
var (
	ErrText      = errors.New("not a visitor's pass")
	ErrDoor      = errors.New("the visitor's pass is for another door")
	ErrSignature = errors.New("the signature of the visitor's pass is not right")
	ErrTerms     = errors.New("a visitor's pass cannot have these terms")
)

const (
	// Version is the first byte of a pass. Its upper bit has the text begin with Q, where that of a resident's token begins with A.
	Version = 0x81

	bodySize = 22

	// TextSize is the length of the text: the base32 of body and signature, without padding.
	TextSize = ((bodySize+ed25519.SignatureSize)*8 + 4) / 5

	// MaxUses is how often a pass opens at most that does not open any number of times.
	MaxUses = 0x0f

	// MaxLength is for how long a pass opens at most: 45 days and a half.
	MaxLength = math.MaxUint16 * time.Minute

	// MaxAhead is how long before it begins a pass is issued at most. It does not stand in the pass: who issues keeps to it.
	MaxAhead = 90 * 24 * time.Hour

	// maxMinute is when the last pass ends: an ID has 28 bits for it, which last until 2480.
	maxMinute = 1<<28 - 1
)

// domain is what every signature begins with, so that nothing else that an office signs passes for a pass.
const domain = "facegate visitor pass 1\x00"

// A KeyID tells the keys of offices apart, and is no proof of any: the first bytes of the SHA-256 of the public key.
type KeyID [4]byte

// KeyOf returns the id of a public key.
func KeyOf(public ed25519.PublicKey) KeyID {
	sum := sha256.Sum256(append([]byte("facegate office key 1\x00"), public...))
	return KeyID(sum[:])
}

// A Serial tells the passes of an office apart. It is random.
type Serial [8]byte

// A Pass is what an office says about one visitor.
type Pass struct {
	Key    KeyID         // of the office
	Place  uint16        // see Door.Place
	From   time.Time     // from when it opens, in whole minutes
	Length time.Duration // for how long, in whole minutes up to MaxLength
	Uses   int           // how often, up to MaxUses; 0 for any number of times
	Serial Serial
}

// Until returns when p ends: from then on it opens nothing.
func (p Pass) Until() time.Time { return p.From.Add(p.Length) }

// LastEnd returns when the last pass has ended that can have been issued up to t.
func LastEnd(t time.Time) time.Time { return t.Add(MaxAhead + MaxLength) }

// NewSerial draws a Serial from rand.
func NewSerial(rand io.Reader) (s Serial, err error) {
	if _, err := io.ReadFull(rand, s[:]); err != nil {
		return Serial{}, fmt.Errorf("no randomness: %w", err)
	}
	return s, nil
}

// Sign returns the text of a pass for a door. Key and Place are those of the key and the door, whatever p says. It refuses with
// ErrTerms.
func Sign(key ed25519.PrivateKey, d Door, p Pass) (string, error) {
	p.Key, p.Place = KeyOf(key.Public().(ed25519.PublicKey)), d.Place()
	if err := p.check(); err != nil {
		return "", err
	}
	body := p.encode()
	return text.EncodeToString(append(body[:], ed25519.Sign(key, message(d, body))...)), nil
}

func (p Pass) check() error {
	minutes := p.From.Unix() / 60
	switch {
	case p.Length < time.Minute || p.Length > MaxLength || p.Length%time.Minute != 0:
		return fmt.Errorf("%w: it is for a whole number of minutes, and %d days at most", ErrTerms, MaxLength/(24*time.Hour))
	case !p.From.Equal(time.Unix(minutes*60, 0)) || minutes < 0 || minutes+int64(p.Length/time.Minute) > maxMinute:
		return fmt.Errorf("%w: it begins with a whole minute, between 1970 and 2480", ErrTerms)
	case p.Uses < 0 || p.Uses > MaxUses:
		return fmt.Errorf("%w: it is for 1 to %d times, or for any number", ErrTerms, MaxUses)
	}
	return nil
}

func (p Pass) encode() (body [bodySize]byte) {
	body[0] = Version
	copy(body[1:5], p.Key[:])
	binary.BigEndian.PutUint16(body[5:7], p.Place)
	binary.BigEndian.PutUint32(body[7:11], uint32(p.From.Unix()/60))
	binary.BigEndian.PutUint16(body[11:13], uint16(p.Length/time.Minute))
	body[13] = uint8(p.Uses)
	copy(body[14:22], p.Serial[:])
	return body
}

// message is what is signed. It is the same for no two doors, or bodies: the first and the last part have a fixed length.
func message(d Door, body [bodySize]byte) []byte {
	return append([]byte(domain+d.name), body[:]...)
}

// A Signed is a pass whose signature nobody has looked at yet.
type Signed struct {
	Pass
	body      [bodySize]byte
	signature [ed25519.SignatureSize]byte
}

// Is reports whether a text can be that of a visitor's pass, by its length and first letter alone.
func Is(t string) bool { return len(t) == TextSize && t[0] == 'Q' }

// Parse reads what Sign wrote, and nothing else. It refuses with ErrText.
func Parse(t string) (Signed, error) {
	if !Is(t) {
		return Signed{}, ErrText
	}
	raw, err := text.DecodeString(t)
	if err != nil || text.EncodeToString(raw) != t { // or the last letter could be another one, or a line break stand between two
		return Signed{}, ErrText
	}
	body := [bodySize]byte(raw)
	p := decode(body)
	if body[0] != Version || p.check() != nil {
		return Signed{}, ErrText
	}
	return Signed{Pass: p, body: body, signature: [ed25519.SignatureSize]byte(raw[bodySize:])}, nil
}

func decode(body [bodySize]byte) Pass {
	return Pass{
		Key: KeyID(body[1:5]), Place: binary.BigEndian.Uint16(body[5:7]),
		From:   time.Unix(int64(binary.BigEndian.Uint32(body[7:11]))*60, 0).UTC(),
		Length: time.Duration(binary.BigEndian.Uint16(body[11:13])) * time.Minute,
		Uses:   int(body[13]), Serial: Serial(body[14:22]),
	}
}

// Verify returns which of doors the pass is for, if the office with the key has signed it. It refuses with ErrDoor or ErrSignature.
func (s Signed) Verify(public ed25519.PublicKey, doors []Door) (Door, error) {
	err := ErrDoor
	for _, d := range doors {
		if d.Place() != s.Place {
			continue
		}
		if ed25519.Verify(public, message(d, s.body), s.signature[:]) {
			return d, nil
		}
		err = ErrSignature
	}
	return Door{}, err
}

// text is RFC 4648 base32 without padding, as that of a resident's token.
var text = base32.StdEncoding.WithPadding(base32.NoPadding)
