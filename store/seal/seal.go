// Package seal derives keys and seals values under them. A sealed value is bound to a label, so that no value can stand in
// for another.
package seal

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"golang.org/x/crypto/chacha20poly1305"
)

// ErrSealed means that a value was changed, or that it has another key or label.
var ErrSealed = errors.New("a sealed value does not open: it was changed or has another key")

// Derive returns the key that info names among those that come from secret (HKDF-SHA256, RFC 5869).
func Derive(secret [32]byte, info string) [32]byte {
	key, err := hkdf.Key(sha256.New, secret[:], nil, info, 32)
	if err != nil {
		panic(err) // RFC 5869 knows one error, an output of more than 255 hashes
	}
	defer clear(key)
	return [32]byte(key)
}

// Value encrypts plain under a key derived from key, bound to label: nonce ‖ ciphertext (XChaCha20-Poly1305).
func Value(key [32]byte, rand io.Reader, label string, plain []byte) ([]byte, error) {
	c, err := New(key)
	if err != nil {
		return nil, err
	}
	return c.Seal(rand, label, plain)
}

// Open returns what Value sealed under the same key and label. It refuses with ErrSealed.
func Open(key [32]byte, label string, sealed []byte) ([]byte, error) {
	c, err := New(key)
	if err != nil {
		return nil, err
	}
	return c.Open(label, sealed)
}

// A Cipher seals values under one key.
type Cipher struct{ aead cipher.AEAD }

// New returns the cipher of the values sealed under key. To make one takes longer than to seal a value.
func New(key [32]byte) (Cipher, error) {
	k := Derive(key, "facegate value 1")
	defer clear(k[:])
	aead, err := chacha20poly1305.NewX(k[:])
	return Cipher{aead}, err
}

// Seal is Value under the key of c.
func (c Cipher) Seal(rand io.Reader, label string, plain []byte) ([]byte, error) {
	nonce := make([]byte, c.aead.NonceSize(), c.aead.NonceSize()+len(plain)+c.aead.Overhead())
	if _, err := io.ReadFull(rand, nonce); err != nil {
		return nil, fmt.Errorf("no randomness: %w", err)
	}
	return c.aead.Seal(nonce, nonce, plain, []byte(label)), nil
}

// Open is the function Open under the key of c.
func (c Cipher) Open(label string, sealed []byte) ([]byte, error) {
	if len(sealed) < c.aead.NonceSize() {
		return nil, ErrSealed
	}
	plain, err := c.aead.Open(nil, sealed[:c.aead.NonceSize()], sealed[c.aead.NonceSize():], []byte(label))
	if err != nil {
		return nil, ErrSealed
	}
	return plain, nil
}
