package template

import (
	"bytes"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// ErrToken refuses a text that is no token, or a Token that has been cleared.
var ErrToken = errors.New("not a valid token")

const (
	tokenSize     = 16
	tokenVersion  = 1
	tokenChecksum = 3
	tokenRawSize  = 1 + tokenSize + tokenChecksum // of version, secret and checksum

	// TokenTextSize is the length of the text of a Token: version, secret and checksum are 20 bytes, which base32 writes
	// without padding, in letters that a QR code packs at 5.5 bits each.
	TokenTextSize = 32
)

// A Token is the 128-bit secret of scheme S2, which is on the pass of one person and never on the device. Copies share
// the secret, so that Clear reaches all of them. The zero Token is no token.
//
// A Token cannot be printed by accident: it formats as a fixed word, and it marshals to nothing.
type Token struct {
	// The secret is two pointers away. Where a Token is in an unexported field, fmt does not call Format, and follows one
	// pointer if the verb is wrong.
	secret **[tokenSize]byte
}

func tokenOf(secret [tokenSize]byte) Token {
	p := &secret
	return Token{&p}
}

// NewToken draws a Token from rand.
func NewToken(rand io.Reader) (Token, error) {
	t := tokenOf([tokenSize]byte{})
	if _, err := io.ReadFull(rand, t.bytes()); err != nil {
		return Token{}, fmt.Errorf("template: no randomness: %w", err)
	}
	if !t.valid() {
		return Token{}, fmt.Errorf("template: the source of randomness gives zeros: %w", ErrToken)
	}
	return t, nil
}

// ParseToken reads what Text wrote, and nothing else: no Token has two texts.
func ParseToken(text string) (Token, error) {
	var raw [tokenRawSize]byte
	defer clear(raw[:])
	if !decodeToken(&raw, text) || raw[0] != tokenVersion {
		return Token{}, ErrToken
	}
	sum := sha256.Sum256(raw[:1+tokenSize])
	t := tokenOf([tokenSize]byte(raw[1:]))
	if !t.valid() || !bytes.Equal(sum[:tokenChecksum], raw[1+tokenSize:]) {
		t.Clear()
		return Token{}, ErrToken
	}
	return t, nil
}

// decodeToken reads the letters of a token, eight for five bytes. The decoder of the standard library would leave copies of them in
// memory.
func decodeToken(raw *[tokenRawSize]byte, text string) bool {
	if len(text) != TokenTextSize {
		return false
	}
	var bits uint64
	for i := range len(text) {
		letter := strings.IndexByte(tokenLetters, text[i])
		if letter < 0 {
			return false
		}
		if bits = bits<<5 | uint64(letter); i%8 == 7 {
			for k := range 5 {
				raw[i/8*5+k] = byte(bits >> (32 - 8*k))
			}
			bits = 0
		}
	}
	return true
}

// Text returns t as it stands in the QR code of a pass: the base32 of version ‖ secret ‖ SHA-256(version ‖ secret)[:3].
// It is the secret itself. It is "" for a Token that has been cleared.
func (t Token) Text() string {
	if !t.valid() {
		return ""
	}
	raw := append([]byte{tokenVersion}, t.bytes()...)
	sum := sha256.Sum256(raw)
	raw = append(raw, sum[:tokenChecksum]...)
	defer clear(raw)
	return tokenText.EncodeToString(raw)
}

// Clear overwrites the secret, in every copy of t.
func (t Token) Clear() { clear(t.bytes()) }

// Format implements fmt.Formatter: whatever the verb, the secret is not shown.
func (Token) Format(f fmt.State, _ rune) { io.WriteString(f, "(token)") }

// valid reports whether t holds a secret. Zeros are not one: they are what Clear leaves, and whoever has the device key
// would have the keys too.
func (t Token) valid() bool { return t.secret != nil && **t.secret != [tokenSize]byte{} }

// bytes returns the secret itself, not a copy.
func (t Token) bytes() []byte {
	if t.secret == nil {
		return nil
	}
	return (*t.secret)[:]
}

// tokenLetters are those of RFC 4648 base32.
const tokenLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"

// tokenText is RFC 4648 base32 without padding.
var tokenText = base32.NewEncoding(tokenLetters).WithPadding(base32.NoPadding)

// A TokenID finds the record of a Token. It tells nothing of the Token, even with the device key.
type TokenID [16]byte

// TokenKind is the kind of a Token among all that Index finds people by. The other kinds are the store's.
const TokenKind = 1

// Index returns the number by which a device finds what is shown to it: a token, the number of a card. It is
// HMAC-SHA256(K_idx, kind ‖ value)[:16], under a key that comes from the device key. Without the device key it leads back to no
// value, even a short one. No value of one kind passes for a value of another kind.
func Index(device [32]byte, kind uint8, value []byte) [16]byte {
	index := derive(device[:], "facegate idx 2")
	defer clear(index[:])
	message := append([]byte{kind}, value...)
	defer clear(message)
	sum := authenticate(index[:], message)
	return [16]byte(sum[:])
}

// TokenKeys is all that comes from a device key and a Token together. Rotation and seal need both, so that neither the
// device with all it stores nor the pass alone gives anything away.
type TokenKeys struct {
	ID       TokenID // see Index
	rotation [32]byte
	seal     [32]byte
}

// NewTokenKeys derives the keys of t on one device, or returns ErrToken if t has been cleared.
func NewTokenKeys(device [32]byte, t Token) (*TokenKeys, error) {
	if !t.valid() {
		return nil, ErrToken
	}
	secret := slices.Concat(device[:], t.bytes())
	defer clear(secret)
	// HKDF-Extract without a salt, by RFC 5869 the same as with one of zeros.
	key := authenticate(make([]byte, sha256.Size), secret)
	defer clear(key[:])
	return &TokenKeys{
		ID:       Index(device, TokenKind, t.bytes()),
		rotation: expand(key, "facegate token proj 1"),
		seal:     expand(key, "facegate token seal 1"),
	}, nil
}

// authenticate returns HMAC-SHA256(key, message). A hash keeps the last that it was given until there is more, so that
// authenticate gives it zeros afterwards.
func authenticate(key, message []byte) [sha256.Size]byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(message)
	sum := [sha256.Size]byte(mac.Sum(nil))
	mac.Write(make([]byte, 2*sha256.BlockSize))
	return sum
}

// expand is HKDF-Expand (RFC 5869) to one hash.
func expand(key [sha256.Size]byte, info string) [32]byte {
	out, err := hkdf.Expand(sha256.New, key[:], info, 32)
	if err != nil {
		panic(err) // RFC 5869 knows one error, an output of more than 255 hashes
	}
	defer clear(out)
	return [32]byte(out)
}

// Clear overwrites k with zeros. A PersonProjector made from k has a Clear of its own.
func (k *TokenKeys) Clear() { *k = TokenKeys{} }

// Format implements fmt.Formatter: whatever the verb, no key is shown.
func (TokenKeys) Format(f fmt.State, _ rune) { io.WriteString(f, "(token keys)") }

// derive returns the key that info names among those that come from secret (HKDF-SHA256, RFC 5869).
func derive(secret []byte, info string) [32]byte {
	key, err := hkdf.Key(sha256.New, secret, nil, info, 32)
	if err != nil {
		panic(err) // RFC 5869 knows one error, an output of more than 255 hashes
	}
	defer clear(key)
	return [32]byte(key)
}

// SealToken is Seal for scheme S2: the record opens with the same device key and Token. Both outlive every store key. A store
// has to seal the record once more, under a key that it can destroy on erasure.
func SealToken(k *TokenKeys, rand io.Reader, h Header, c Code) ([]byte, error) {
	return seal(SchemeS2, k.seal, rand, h, c)
}

// OpenToken returns what SealToken sealed under the same keys, or ErrSealed.
func OpenToken(k *TokenKeys, record []byte) (Header, Code, error) {
	return open(SchemeS2, k.seal, record)
}
