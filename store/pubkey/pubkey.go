// Package pubkey verifies Ed25519 signatures by public keys that come from outside.
//
// Under a public key of small order signatures verify that nobody has made, because the key takes next to no part in the
// equation (Chalkias, Garillot, Nikolaenko: Taming the many EdDSAs, 2020). crypto/ed25519 takes such keys. No device has
// one.
package pubkey

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"filippo.io/edwards25519"
)

// ErrKey means that no device has this public key.
var ErrKey = errors.New("this is not the public key of a device")

// Check returns ErrKey for what is not a point of the curve in its canonical form, or is one of small order.
func Check(public ed25519.PublicKey) error {
	p, err := new(edwards25519.Point).SetBytes(public)
	switch {
	case err != nil || !bytes.Equal(p.Bytes(), public):
		return fmt.Errorf("pubkey: %w: not a point of the curve", ErrKey)
	case new(edwards25519.Point).MultByCofactor(p).Equal(edwards25519.NewIdentityPoint()) == 1:
		return fmt.Errorf("pubkey: %w: everything verifies under a key of small order", ErrKey)
	}
	return nil
}

// Parse returns the key that is written as 64 hexadecimal digits, or ErrKey.
func Parse(text string) (ed25519.PublicKey, error) {
	key, err := hex.DecodeString(strings.TrimSpace(text))
	if err != nil || len(key) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("%w, which has 64 hexadecimal digits", ErrKey)
	}
	return key, Check(key)
}

// Verify reports whether signature is one of message by the device with the key public.
func Verify(public ed25519.PublicKey, message, signature []byte) bool {
	return len(public) == ed25519.PublicKeySize && Check(public) == nil && ed25519.Verify(public, message, signature)
}

// Fingerprint returns the short name of a device's public key: its SHA-256.
func Fingerprint(public ed25519.PublicKey) [32]byte { return sha256.Sum256(public) }
