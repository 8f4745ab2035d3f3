// Package checkpoint is the form in which a device shows how far its audit log has come: the size and the root of the log's
// Merkle tree (RFC 6962), signed.
//
// A checkpoint is that of C2SP, a signed note whose text has three lines: the origin, the size, the root. Whoever reads such notes
// can read and verify ours, without a line of this program. The origin is the fingerprint of the device's public key, which is also
// the name of the key. It says nothing of people, and nothing of the place.
//
// Sources: https://c2sp.org/tlog-checkpoint, https://c2sp.org/signed-note.
package checkpoint

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"facegate/store/pubkey"
)

// Why Open refuses.
var (
	ErrForm      = errors.New("this is no checkpoint")
	ErrSignature = errors.New("the checkpoint was changed, or was not signed by this device")
	ErrWitness   = errors.New("this is not the verifier key of a witness")
)

// MaxSize is the greatest length of a signed checkpoint in bytes, with the signatures of a hundred witnesses.
const MaxSize = 64 << 10

// Origin returns the name of the log of the device with the key public: its fingerprint, 64 hexadecimal digits.
func Origin(public ed25519.PublicKey) string {
	name := pubkey.Fingerprint(public)
	return hex.EncodeToString(name[:])
}

// Key returns public as a verifier key of C2SP ("vkey"): what a witness is told of a log. It refuses with pubkey.ErrKey.
func Key(public ed25519.PublicKey) (string, error) {
	if err := pubkey.Check(public); err != nil {
		return "", err
	}
	key, err := note.NewEd25519VerifierKey(Origin(public), public)
	if err != nil {
		return "", fmt.Errorf("checkpoint: %w", err)
	}
	return key, nil
}

// Verifier returns what verifies the signature of the device with the key public.
func Verifier(public ed25519.PublicKey) (note.Verifier, error) {
	key, err := Key(public)
	if err != nil {
		return nil, err
	}
	v, err := note.NewVerifier(key)
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	return v, nil
}

// signer signs notes with the key of the device.
type signer struct {
	note.Verifier
	key ed25519.PrivateKey
}

// Sign implements note.Signer.
func (s signer) Sign(text []byte) ([]byte, error) { return ed25519.Sign(s.key, text), nil }

// Sign returns the checkpoint of tree, signed by the device with key.
func Sign(tree tlog.Tree, key ed25519.PrivateKey) ([]byte, error) {
	public := key.Public().(ed25519.PublicKey)
	v, err := Verifier(public)
	if err != nil {
		return nil, err
	}
	text := torchwood.Checkpoint{Origin: Origin(public), Tree: tree}.String()
	signed, err := note.Sign(&note.Note{Text: text}, signer{v, key})
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	return signed, nil
}

// Open returns the tree of a signed checkpoint of the device with the key public, and the note with the signatures that were
// verified: the device's, and those of the witnesses that signed, each in the one form that base64 has of it. The errors are ErrForm and
// ErrSignature.
func Open(signed []byte, public ed25519.PublicKey, witnesses ...note.Verifier) (tlog.Tree, *note.Note, error) {
	device, err := Verifier(public)
	if err != nil {
		return tlog.Tree{}, nil, err
	}
	n, err := note.Open(signed, note.VerifierList(append([]note.Verifier{device}, witnesses...)...))
	var unverified *note.UnverifiedNoteError
	switch {
	case errors.As(err, &unverified), errors.As(err, new(*note.InvalidSignatureError)):
		return tlog.Tree{}, nil, fmt.Errorf("checkpoint: %w", ErrSignature)
	case err != nil:
		return tlog.Tree{}, nil, fmt.Errorf("checkpoint: %w: %w", ErrForm, err)
	case !SignedBy(n, device):
		return tlog.Tree{}, nil, fmt.Errorf("checkpoint: %w", ErrSignature)
	}
	c, err := torchwood.ParseCheckpoint(n.Text)
	switch {
	case err != nil:
		return tlog.Tree{}, nil, fmt.Errorf("checkpoint: %w: %w", ErrForm, err)
	case c.Origin != device.Name():
		return tlog.Tree{}, nil, fmt.Errorf("checkpoint: %w", ErrSignature)
	case c.Extension != "":
		return tlog.Tree{}, nil, fmt.Errorf("checkpoint: %w: more than three lines", ErrForm)
	}
	for i, sig := range n.Sigs { // a decoder passes over the last bits, and whoever carries the note may have changed them
		raw, err := base64.StdEncoding.DecodeString(sig.Base64)
		if err != nil {
			return tlog.Tree{}, nil, fmt.Errorf("checkpoint: %w: %w", ErrForm, err)
		}
		n.Sigs[i].Base64 = base64.StdEncoding.EncodeToString(raw)
	}
	return c.Tree, n, nil
}

// latest is the last time, Unix time in seconds, that a witness may say: that of the year 9999, behind which nothing writes down a date.
const latest = 253402300799

// CosignedAt returns when a witness has made a cosignature, by its own clock, in UTC. It refuses with ErrForm what is none, and a time
// that no clock shows.
func CosignedAt(sig note.Signature) (time.Time, error) {
	at, err := torchwood.CosignatureTimestamp(sig)
	if err == nil && at > latest {
		err = errors.New("the time is beyond the year 9999")
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("checkpoint: %w: %w", ErrForm, err)
	}
	return time.Unix(at, 0).UTC(), nil
}

// SignatureOf returns the verified signature of n that is v's; ok is false if v has not signed.
func SignatureOf(n *note.Note, v note.Verifier) (sig note.Signature, ok bool) {
	for _, s := range n.Sigs {
		if s.Name == v.Name() && s.Hash == v.KeyHash() {
			return s, true
		}
	}
	return note.Signature{}, false
}

// SignedBy reports whether a verified signature of n is v's.
func SignedBy(n *note.Note, v note.Verifier) bool {
	_, ok := SignatureOf(n, v)
	return ok
}

// Witness returns what verifies the cosignatures (https://c2sp.org/tlog-cosignature) of the witness with a verifier key, or
// ErrWitness.
func Witness(vkey string) (*torchwood.CosignatureVerifier, error) {
	v, err := torchwood.NewCosignatureVerifier(vkey)
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w: %w", ErrWitness, err)
	}
	key, err := base64.StdEncoding.DecodeString(vkey[len(ID(v)+"+"):])
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w: %w", ErrWitness, err)
	}
	if err := pubkey.Check(key[1:]); err != nil { // the first byte names the algorithm
		return nil, fmt.Errorf("checkpoint: %w: %w", ErrWitness, err)
	}
	return v, nil
}

// ID returns the name of a key among those of everybody, as its verifier key begins: the name of whose it is, a plus sign, and KeyID.
func ID(v note.Verifier) string { return v.Name() + "+" + KeyID(v) }

// KeyID returns the short name of a key, 8 hexadecimal digits, as it stands in its verifier key.
func KeyID(v note.Verifier) string { return fmt.Sprintf("%08x", v.KeyHash()) }
