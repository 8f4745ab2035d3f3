package pubkey_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"testing"

	"filippo.io/edwards25519"

	"facegate/store/pubkey"
)

// smallOrder returns the eight points of small order, by adding one of order 8 to itself.
func smallOrder(t *testing.T) (keys []ed25519.PublicKey) {
	t.Helper()
	text, err := hex.DecodeString("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")
	if err != nil {
		t.Fatal(err)
	}
	generator, err := new(edwards25519.Point).SetBytes(text)
	if err != nil {
		t.Fatal(err)
	}
	p := edwards25519.NewIdentityPoint()
	for range 8 {
		keys = append(keys, p.Bytes())
		p = new(edwards25519.Point).Add(p, generator)
	}
	if p.Equal(edwards25519.NewIdentityPoint()) != 1 {
		t.Fatal("the generator is not of order 8")
	}
	return keys
}

// forge returns a signature of message that crypto/ed25519 accepts under a key of small order: R is a point of small order
// too and S is 0, and one of a few messages fits.
func forge(t *testing.T, public ed25519.PublicKey) (message, signature []byte) {
	t.Helper()
	for n := range 200 {
		for _, r := range smallOrder(t) {
			message, signature = []byte{byte(n)}, append(bytes.Clone(r), make([]byte, 32)...)
			if ed25519.Verify(public, message, signature) {
				return message, signature
			}
		}
	}
	t.Fatalf("no forgery under %x", public)
	return nil, nil
}

func TestSmallOrder(t *testing.T) {
	for _, key := range smallOrder(t) {
		message, signature := forge(t, key)
		if pubkey.Verify(key, message, signature) {
			t.Errorf("a forgery verifies under %x", key)
		}
		if err := pubkey.Check(key); !errors.Is(err, pubkey.ErrKey) {
			t.Errorf("%x: %v", key, err)
		}
		if _, err := pubkey.Parse(hex.EncodeToString(key)); !errors.Is(err, pubkey.ErrKey) {
			t.Errorf("%x: parsed with %v", key, err)
		}
	}
}

// TestNotCanonical tries the identity as y = p+1, and as y = 1 with the sign of an x that is 0.
func TestNotCanonical(t *testing.T) {
	for _, text := range []string{
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"0100000000000000000000000000000000000000000000000000000000000080",
		"", "00", "zz",
	} {
		if _, err := pubkey.Parse(text); !errors.Is(err, pubkey.ErrKey) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestDevice(t *testing.T) {
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{9}, 32))
	public := key.Public().(ed25519.PublicKey)
	if got, err := pubkey.Parse(" " + hex.EncodeToString(public) + "\n"); err != nil || !got.Equal(public) {
		t.Errorf("%x, %v", got, err)
	}
	message := []byte("erased")
	signature := ed25519.Sign(key, message)
	if !pubkey.Verify(public, message, signature) {
		t.Error("a signature does not verify")
	}
	if pubkey.Verify(public, []byte("kept"), signature) || pubkey.Verify(nil, message, signature) {
		t.Error("a signature verifies of something else, or under no key")
	}
}
