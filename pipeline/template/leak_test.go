package template

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
)

// File and device key: of every key that can be derived without the token, none opens a record of scheme S2.
func TestNothingOpensWithoutTheToken(t *testing.T) {
	device, store, model := sha256.Sum256([]byte("device")), sha256.Sum256([]byte("store")), sha256.Sum256([]byte("model"))
	own, others := namedToken(t, "own"), namedToken(t, "another's")
	keys, err := NewTokenKeys(device, own)
	if err != nil {
		t.Fatal(err)
	}
	record, err := SealToken(keys, rand.NewChaCha8(store), Header{Scheme: SchemeS2, Epoch: 1, ModelID: model}, Code{1, 2, 3})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := open(SchemeS2, keys.seal, record); err != nil {
		t.Fatalf("the right key: %v", err) // or what follows would be blind
	}

	other, err := NewTokenKeys(device, others)
	if err != nil {
		t.Fatal(err)
	}
	leaked := map[string][]byte{
		"device key": device[:], "store key": store[:], "both": slices.Concat(device[:], store[:]), "nothing": make([]byte, 32),
		"device key, empty token": slices.Concat(device[:], make([]byte, tokenSize)),
		"device key, id":          slices.Concat(device[:], keys.ID[:]),
		"device key, record id":   slices.Concat(device[:], record[6:22]),
		"device key, salt":        slices.Concat(device[:], record[headerSize:headerSize+saltSize]),
		"device key, record":      slices.Concat(device[:], record),
		"token alone":             own.bytes(), // the pass without the device
		"id":                      keys.ID[:],
		"seal of another token":   other.seal[:],
		"rotation":                keys.rotation[:],
	}
	infos := []string{
		"", "facegate idx 2", "facegate token proj 1", "facegate token seal 1", "facegate rec 1", "facegate device 1",
		"facegate wrap 1 faces", "facegate wrap 1 people", "facegate wrap 1 journal", "facegate value 1",
		"facegate proj 1" + string([]byte{0, 0, 0, 1, 0}) + string(model[:]),
	}
	tried := 0
	for name, secret := range leaked {
		candidates := [][32]byte{sha256.Sum256(secret), [32]byte(hmac.New(sha256.New, secret).Sum(nil))}
		if len(secret) == 32 {
			candidates = append(candidates, [32]byte(secret))
		}
		for _, info := range infos {
			first := derive(secret, info)
			candidates = append(candidates, first)
			for _, info := range infos {
				candidates = append(candidates, derive(first[:], info))
			}
		}
		for _, key := range candidates {
			for scheme := range uint8(3) {
				tried++
				if _, _, err := open(scheme, key, record); !errors.Is(err, ErrSealed) {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
	}
	t.Logf("%d keys tried", tried)
}

func namedToken(t *testing.T, name string) Token {
	t.Helper()
	sum := sha256.Sum256([]byte(name))
	token, err := NewToken(bytes.NewReader(sum[:]))
	if err != nil {
		t.Fatal(err)
	}
	return token
}
