// Package receipt is the signed proof that a device has erased somebody, or everything.
//
// A receipt names nobody. It commits to the people whom it is about by salted hashes of the numbers of their forms: whoever
// has the receipt and the form can tell that they belong together (Receipt.About), and one person's receipt does not pass
// for that of another. Numbers of forms are short. Whoever has the receipt can therefore try all of them, and learn which
// form it is about; a receipt is for the person and whoever has to answer for the erasure, and not to be published.
//
// It commits to the sealed records that were erased by salted hashes too: whoever holds an old copy of a record can tell
// that it was meant, and nobody else learns anything. Verify needs the receipt and the public key of the device, and
// nothing else. What it proves is that the device with this key has said so; what makes the old copies unreadable is the
// destruction of the key that they were sealed with.
//
// A receipt is one line of JSON in a canonical form: fixed fields in a fixed order, no space, numbers without a sign,
// bytes in lower-case hexadecimal. No other spelling of the same content is accepted.
//
// The file of a receipt has the proof after that line that the audit log of the device holds the receipt (Split). Room
// receipt/proof checks the proof. Everything here takes the file as well as the line alone.
package receipt

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"facegate/configs/hint"
	"facegate/store/pubkey"
)

// Schema is the version of the form of a receipt.
const Schema = "facegate.receipt.6"

// schemas begins the version of every form.
const schemas = "facegate.receipt."

// MaxSize is the greatest length of a file in bytes: the receipt of 100,000 people.
const MaxSize = 16 << 20

// Why Verify refuses.
var (
	ErrForm      = errors.New("this is not a receipt in its canonical form")
	ErrVersion   = errors.New("this is a receipt in the form of another version of facegate")
	ErrSignature = errors.New("the receipt was changed, or was not signed by this device")
)

// What a receipt is for.
const (
	Erasure = "erasure" // of the people whose records are listed
	Wipe    = "wipe"    // of the entire store
)

// Unopened is the reason of a Wipe that has destroyed a store without opening it: how much there was, and its number and
// place in the audit log, are not known.
const Unopened = "unopened"

// A Receipt says what was erased. Whatever a store destroys for good has the next Number: erasures and the wipe, which have
// receipts, and lockdowns and ends of epochs, which have none. Whoever holds the highest number can tell whether a copy of
// a store is older than an erasure.
type Receipt struct {
	Schema      string      `json:"schema"`
	ID          Bytes       `json:"id"`     // random, 16 bytes
	Number      uint64      `json:"number"` // of the destruction among all of this store, from 1
	Kind        string      `json:"kind"`   // Erasure or Wipe
	Reason      string      `json:"reason"` // of an erasure, as in the audit log; of a wipe, Unopened or ""
	Time        string      `json:"time"`   // RFC 3339, UTC
	Clock       string      `json:"clock"`  // "doubted" or "set-back", as the marks of the entry in the audit log; "" for right
	Erased      Counts      `json:"erased"`
	Forms       []Salted    `json:"persons"` // the people, by CommitForm, in the order of the commitments; none in a Wipe
	Records     []Salted    `json:"records"` // the sealed records that were erased, likewise by Commit
	Generations Generations `json:"generations"`
	Audit       Audit       `json:"audit"`
	Language    string      `json:"language"`  // to print it in (BCP 47), "" if that is not known
	KeyStore    string      `json:"key_store"` // how the device key is kept: "file", "credential"
	Device      Bytes       `json:"device"`    // Fingerprint of the public key
}

// Counts says how many of each kind of thing are gone.
type Counts struct {
	People    uint32 `json:"people"`    // label, terms and all else in people.db
	Templates uint32 `json:"templates"` // sealed codes
	Consents  uint32 `json:"consents"`  // that ended; each is kept, without a name, as a record
	Guardians uint32 `json:"guardians"` // names of guardians, which leave their consents
	Passes    uint32 `json:"passes"`    // numbers by which passes were found, visitors' among them
	Cards     uint32 `json:"cards"`     // likewise of cards
	PINs      uint32 `json:"pins"`      // salts and hashes of PINs
}

// A Salted is a commitment: SHA-256 of what it is for, of the salt, and of what it commits to.
type Salted struct {
	Salt       Bytes `json:"salt"` // random, 16 bytes
	Commitment Bytes `json:"commitment"`
}

// What a commitment is for, so that one of a form is never one of a record.
const (
	formDomain   = "facegate form 1\n"
	recordDomain = "facegate record 1\n"
)

// Commit returns the commitment to a sealed record.
func Commit(salt [16]byte, sealed []byte) Salted { return commit(recordDomain, salt, sealed) }

// CommitForm returns the commitment to the person whose consent or contract has this form number, or other reference.
func CommitForm(salt [16]byte, form string) Salted { return commit(formDomain, salt, []byte(form)) }

func commit(domain string, salt [16]byte, to []byte) Salted {
	h := sha256.New()
	for _, part := range [][]byte{[]byte(domain), salt[:], to} {
		h.Write(part)
	}
	return Salted{Salt: salt[:], Commitment: h.Sum(nil)}
}

// Sort puts commitments in the order of their bytes, which is none of the people.
func Sort(list []Salted) {
	slices.SortFunc(list, func(a, b Salted) int { return bytes.Compare(a.Commitment, b.Commitment) })
}

// About reports whether the person whose consent has this form number is one of those whom r is about.
func (r Receipt) About(form string) bool {
	return slices.ContainsFunc(r.Forms, func(s Salted) bool {
		return len(s.Salt) == 16 && bytes.Equal(CommitForm([16]byte(s.Salt), form).Commitment, s.Commitment)
	})
}

// Generations are the numbers of the store keys that replaced the destroyed ones; 0 if none did.
type Generations struct {
	People uint64 `json:"people"`
	Faces  uint64 `json:"faces"`
}

// An Audit is the tree of the audit log when the entry of the erasure is its last leaf; see package audit. The entry that says of
// this receipt that it was issued comes after.
type Audit struct {
	Size uint64 `json:"size"` // in leaves; 0 of a wipe that is Unopened
	Root Bytes  `json:"root"` // RFC 6962; zeros of such a wipe
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
	sum := pubkey.Fingerprint(public)
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

// ID returns the id of a receipt, in hexadecimal, without a look at its signature: a gate is told by it which one is meant.
func ID(data []byte) (string, error) {
	var envelope struct{ Receipt Receipt }
	line, _ := Split(data)
	if err := json.Unmarshal(line, &envelope); err != nil {
		return "", fmt.Errorf("receipt: %w: %w", ErrForm, err)
	}
	return hex.EncodeToString(envelope.Receipt.ID), nil
}

// Verify returns what the device with the key public has signed, or ErrForm, ErrVersion or ErrSignature.
func Verify(data []byte, public ed25519.PublicKey) (Receipt, error) {
	r, signature, err := read(data)
	if err != nil {
		return Receipt{}, err
	}
	body, err := json.Marshal(r)
	if err != nil {
		return Receipt{}, fmt.Errorf("receipt: %w: %w", ErrForm, err)
	}
	if !pubkey.Verify(public, append([]byte(domain), body...), signature) || !bytes.Equal(r.Device, Fingerprint(public)) {
		return Receipt{}, fmt.Errorf("receipt: %w", ErrSignature)
	}
	return r, nil
}

// Read returns what a receipt says, whoever has signed it, or ErrForm or ErrVersion.
func Read(data []byte) (Receipt, error) {
	r, _, err := read(data)
	return r, err
}

func read(data []byte) (r Receipt, signature []byte, err error) {
	if len(data) > MaxSize {
		return Receipt{}, nil, fmt.Errorf("receipt: %w: %d bytes", ErrForm, len(data))
	}
	data, _ = Split(data)
	var e envelope
	var version struct{ Schema string }
	if err := errors.Join(json.Unmarshal(data, &e), json.Unmarshal(e.Receipt, &version)); err != nil {
		return Receipt{}, nil, fmt.Errorf("receipt: %w: %w", ErrForm, err)
	}
	if version.Schema != Schema && strings.HasPrefix(version.Schema, schemas) && word(version.Schema[len(schemas):]) {
		return Receipt{}, nil, hint.Wrap(fmt.Errorf("receipt: %w: %s", ErrVersion, version.Schema),
			"this version reads %s: check the receipt with the facegate of its own version", Schema)
	}
	if err := json.Unmarshal(e.Receipt, &r); err != nil {
		return Receipt{}, nil, fmt.Errorf("receipt: %w: %w", ErrForm, err)
	}
	if err := r.check(); err != nil {
		return Receipt{}, nil, err
	}
	// What was read is written again: only the canonical form survives that unchanged.
	body, err := json.Marshal(r)
	if err != nil {
		return Receipt{}, nil, fmt.Errorf("receipt: %w: %w", ErrForm, err)
	}
	canonical, err := json.Marshal(envelope{body, e.Signature})
	if err != nil || !bytes.Equal(append(canonical, '\n'), data) {
		return Receipt{}, nil, fmt.Errorf("receipt: %w", ErrForm)
	}
	return r, e.Signature, nil
}

func (r Receipt) check() error {
	at, err := time.Parse(time.RFC3339, r.Time)
	ok := err == nil && at.UTC().Format(time.RFC3339) == r.Time && r.Schema == Schema &&
		(r.Kind == Erasure || r.Kind == Wipe) && (r.Number > 0 || r.Kind == Wipe && r.Reason == Unopened) && word(r.Reason) && word(r.Clock) && word(r.KeyStore) && word(r.Language) &&
		len(r.ID) == 16 && len(r.Device) == 32 && len(r.Audit.Root) == 32 && r.Audit.Size <= math.MaxInt64 && checked(r.Forms) && checked(r.Records)
	if !ok {
		return fmt.Errorf("receipt: %w", ErrForm)
	}
	return nil
}

// checked reports whether list is one of commitments, in order.
func checked(list []Salted) bool {
	for _, s := range list {
		if len(s.Salt) != 16 || len(s.Commitment) != 32 {
			return false
		}
	}
	return list != nil && slices.IsSortedFunc(list, func(a, b Salted) int { return bytes.Compare(a.Commitment, b.Commitment) })
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
