// Package receipt is the signed proof that a device has erased somebody, or everything.
//
// A receipt names nobody. It commits to the sealed records that were erased by salted hashes: whoever holds an old copy
// of a record can tell that it was meant, and nobody else learns anything. Verify needs the receipt and the public key
// of the device, and nothing else. What it proves is that the device with this key has said so; what makes the old
// copies unreadable is the destruction of the key that they were sealed with.
//
// A receipt is one line of JSON in a canonical form: fixed fields in a fixed order, no space, numbers without a sign,
// bytes in lower-case hexadecimal. No other spelling of the same content is accepted.
package receipt

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Schema is the version of the form of a receipt.
const Schema = "facegate.receipt.2"

// MaxSize is the greatest length of a receipt in bytes: one of 100,000 people.
const MaxSize = 16 << 20

// Why Verify refuses.
var (
	ErrForm      = errors.New("this is not a receipt in its canonical form")
	ErrSignature = errors.New("the receipt was changed, or was not signed by this device")
)

// What a receipt is for.
const (
	Erasure = "erasure" // of the people whose records are listed
	Wipe    = "wipe"    // of the entire store
)

// A Receipt says what was erased. Whatever a store destroys for good has the next Number: erasures and the wipe, which have
// receipts, and lockdowns and ends of epochs, which have none. Whoever holds the highest number can tell whether a copy of
// a store is older than an erasure.
type Receipt struct {
	Schema      string      `json:"schema"`
	ID          Bytes       `json:"id"`     // random, 16 bytes
	Number      uint64      `json:"number"` // of the destruction among all of this store, from 1
	Kind        string      `json:"kind"`   // Erasure or Wipe
	Reason      string      `json:"reason"` // of an erasure, as in the audit log
	Time        string      `json:"time"`   // RFC 3339, UTC
	Erased      Counts      `json:"erased"`
	Records     []Record    `json:"records"` // the sealed records that were erased; none in a Wipe
	Generations Generations `json:"generations"`
	Audit       Audit       `json:"audit"`
	KeyStore    string      `json:"key_store"` // how the device key is kept: "file", "credential"
	Device      Bytes       `json:"device"`    // Fingerprint of the public key
}

// Counts says how many of each kind of thing are gone.
type Counts struct {
	People    uint32 `json:"people"`    // label, link and all else in people.db
	Templates uint32 `json:"templates"` // sealed codes
	Guardians uint32 `json:"guardians"` // names of guardians; the rest of a consent is kept, without a name, as a record
}

// A Record is the commitment to one sealed record: SHA-256 of the salt and the sealed bytes.
type Record struct {
	Salt       Bytes `json:"salt"` // random, 16 bytes
	Commitment Bytes `json:"commitment"`
}

// Commit returns the commitment to a sealed record.
func Commit(salt [16]byte, sealed []byte) Record {
	sum := sha256.Sum256(append(salt[:], sealed...))
	return Record{Salt: salt[:], Commitment: sum[:]}
}

// Generations are the numbers of the store keys that replaced the destroyed ones; 0 if none did.
type Generations struct {
	People uint64 `json:"people"`
	Faces  uint64 `json:"faces"`
}

// An Audit is the entry of the erasure in the audit log, and the link of the chain after it.
type Audit struct {
	Seq  uint64 `json:"seq"`
	Link Bytes  `json:"link"`
}

// Bytes are written in lower-case hexadecimal.
type Bytes []byte

// MarshalText implements encoding.TextMarshaler.
func (b Bytes) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(b)), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (b *Bytes) UnmarshalText(text []byte) (err error) {
	*b, err = hex.DecodeString(string(text))
	return err
}

// An envelope is the form of a receipt outside the device.
type envelope struct {
	Receipt   json.RawMessage `json:"receipt"`
	Signature Bytes           `json:"signature"`
}

// domain keeps the signature of a receipt from passing for one of anything else.
const domain = "facegate receipt 1\n"

// Fingerprint returns the short name of a device's public key: its SHA-256.
func Fingerprint(public ed25519.PublicKey) Bytes {
	sum := sha256.Sum256(public)
	return sum[:]
}

// Sign returns r, with Schema and Device filled in, in its canonical form.
func Sign(r Receipt, key ed25519.PrivateKey) ([]byte, error) {
	r.Schema, r.Device = Schema, Fingerprint(key.Public().(ed25519.PublicKey))
	if err := r.check(); err != nil {
		return nil, err
	}
	body, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("receipt: %w", err)
	}
	data, err := json.Marshal(envelope{body, ed25519.Sign(key, append([]byte(domain), body...))})
	if err != nil {
		return nil, fmt.Errorf("receipt: %w", err)
	}
	return append(data, '\n'), nil
}

// Verify returns what the device with the key public has signed, or ErrForm or ErrSignature.
func Verify(data []byte, public ed25519.PublicKey) (Receipt, error) {
	if len(data) > MaxSize {
		return Receipt{}, fmt.Errorf("receipt: %w: %d bytes", ErrForm, len(data))
	}
	var e envelope
	var r Receipt
	if err := errors.Join(json.Unmarshal(data, &e), json.Unmarshal(e.Receipt, &r)); err != nil {
		return Receipt{}, fmt.Errorf("receipt: %w: %w", ErrForm, err)
	}
	if err := r.check(); err != nil {
		return Receipt{}, err
	}
	// What was read is written again: only the canonical form survives that unchanged.
	body, err := json.Marshal(r)
	if err != nil {
		return Receipt{}, fmt.Errorf("receipt: %w: %w", ErrForm, err)
	}
	canonical, err := json.Marshal(envelope{body, e.Signature})
	if err != nil || !bytes.Equal(append(canonical, '\n'), data) {
		return Receipt{}, fmt.Errorf("receipt: %w", ErrForm)
	}
	if len(public) != ed25519.PublicKeySize || !ed25519.Verify(public, append([]byte(domain), body...), e.Signature) ||
		!bytes.Equal(r.Device, Fingerprint(public)) {
		return Receipt{}, fmt.Errorf("receipt: %w", ErrSignature)
	}
	return r, nil
}

func (r Receipt) check() error {
	at, err := time.Parse(time.RFC3339, r.Time)
	ok := err == nil && at.UTC().Format(time.RFC3339) == r.Time && r.Schema == Schema &&
		(r.Kind == Erasure || r.Kind == Wipe) && r.Number > 0 && word(r.Reason) && word(r.KeyStore) &&
		len(r.ID) == 16 && len(r.Device) == 32 && len(r.Audit.Link) == 32 && r.Records != nil
	for _, record := range r.Records {
		ok = ok && len(record.Salt) == 16 && len(record.Commitment) == 32
	}
	if !ok {
		return fmt.Errorf("receipt: %w", ErrForm)
	}
	return nil
}

// word reports whether s is at most 32 lower-case letters, digits and hyphens, which JSON writes as they are.
func word(s string) bool {
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return len(s) <= 32
}
