// Package proof checks that the audit log of a device holds a receipt, and says which witnesses have seen that, and when.
//
// A proof is that of C2SP (https://c2sp.org/tlog-proof): the place of an entry in the Merkle tree of the log, the path from there to
// the root, and a checkpoint that has the root, signed by the device and cosigned by witnesses. Its extra data is the entry, and the
// entry has the SHA-256 of the receipt. So nobody needs the log, the gate or this program to check it.
//
// A cosignature (https://c2sp.org/tlog-cosignature) says when the witness saw the checkpoint, and that no other history of this log
// was shown to the witness before. It does not say that the device has done what it writes down.
//
// As of a receipt there is one spelling of a proof. Signatures of witnesses whose keys nobody has named are not checked.
package proof

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"facegate/store/audit"
	"facegate/store/checkpoint"
)

// Why Read and Verify refuse. Verify refuses with the errors of checkpoint.Open besides.
var (
	ErrForm      = errors.New("this is not a proof in its canonical form")
	ErrAnother   = errors.New("the proof is not that of this receipt")
	ErrPath      = errors.New("the proof does not lead to the root of the audit log: it was changed, or the log does not hold the receipt")
	ErrWitnesses = errors.New("the audit log with this receipt was not witnessed by all that were named")
)

// A Proof says where the audit log holds a receipt.
type Proof struct {
	Index    int64       // of the entry in the tree, from 0
	Entry    audit.Entry // that the receipt was issued; its Seq is not told outside, and 0
	Tree     tlog.Tree   // of the checkpoint
	Cosigned []Cosignature
}

// A Cosignature is that of a witness.
type Cosignature struct {
	Name    string
	Key     string    // checkpoint.KeyID
	At      time.Time // in UTC, by the clock of the witness, when it signed last that the tree goes on from what it saw
	Checked bool      // with the key of the witness
}

// Witnessed reports whether the cosignature of a witness was checked.
func (p Proof) Witnessed() bool {
	for _, c := range p.Cosigned {
		if c.Checked {
			return true
		}
	}
	return false
}

// Read returns what the proof of a receipt says, whoever has signed it, or ErrForm or ErrAnother. The path is not climbed.
func Read(line, proof []byte) (Proof, error) {
	p, _, _, err := read(line, proof)
	return p, err
}

// Verify returns where the audit log of the device with the key public holds a receipt, as all witnesses have seen it. It refuses with
// ErrForm, ErrAnother, ErrPath and the errors of checkpoint.Open. The error is ErrWitnesses if all is right but that some of witnesses
// have not cosigned.
func Verify(line, proof []byte, public ed25519.PublicKey, witnesses ...note.Verifier) (Proof, error) {
	p, path, signed, err := read(line, proof)
	if err != nil {
		return Proof{}, err
	}
	witnesses = distinct(witnesses)
	tree, n, err := checkpoint.Open(signed, public, witnesses...)
	if err != nil {
		return Proof{}, err
	}
	if err := tlog.CheckRecord(path, tree.N, tree.Hash, p.Index, tlog.RecordHash(p.Entry.Leaf())); err != nil {
		return Proof{}, ErrPath
	}
	var missing []string
	for _, w := range witnesses {
		if !checkpoint.SignedBy(n, w) {
			missing = append(missing, w.Name())
		}
	}
	for i, c := range p.Cosigned {
		p.Cosigned[i].Checked = slices.ContainsFunc(witnesses, func(w note.Verifier) bool { return checkpoint.ID(w) == c.Name+"+"+c.Key })
	}
	if missing != nil {
		return p, fmt.Errorf("%w: no cosignature of %s", ErrWitnesses, strings.Join(missing, ", "))
	}
	return p, nil
}

// distinct returns verifiers without those that are named again.
func distinct(all []note.Verifier) (some []note.Verifier) {
	seen := map[string]bool{}
	for _, v := range all {
		if id := checkpoint.ID(v); !seen[id] {
			seen[id] = true
			some = append(some, v)
		}
	}
	return some
}

// read takes a proof apart. What was read is written again: only the canonical form survives that unchanged.
func read(line, proof []byte) (p Proof, path tlog.RecordProof, signed []byte, err error) {
	head, signed, found := bytes.Cut(proof, []byte("\n\n"))
	lines := strings.Split(string(head), "\n")
	if !found || len(lines) < 3 || len(proof) > checkpoint.MaxSize {
		return Proof{}, nil, nil, ErrForm
	}
	extra, extraErr := torchwood.ProofExtraData(proof)
	index, indexErr := strconv.ParseInt(strings.TrimPrefix(lines[2], "index "), 10, 64)
	err = errors.Join(extraErr, indexErr)
	for _, text := range lines[3:] {
		hash, hashErr := tlog.ParseHash(text)
		path, err = append(path, hash), errors.Join(err, hashErr)
	}
	switch {
	case err != nil:
		return Proof{}, nil, nil, fmt.Errorf("%w: %w", ErrForm, err)
	case index < 0, len(extra) != audit.LeafSize, !bytes.Equal(torchwood.FormatProofWithExtraData(index, extra, path, signed), proof):
		return Proof{}, nil, nil, ErrForm
	}
	p.Index = index
	if p.Entry, err = audit.EntryOf(extra); err != nil {
		return Proof{}, nil, nil, fmt.Errorf("%w: %w", ErrForm, err)
	}
	if p.Entry.Kind != audit.ReceiptIssued || p.Entry.Digest != sha256.Sum256(line) {
		return Proof{}, nil, nil, ErrAnother
	}
	if p.Tree, p.Cosigned, err = readNote(signed); err != nil {
		return Proof{}, nil, nil, err
	}
	return p, path, signed, nil
}

// readNote returns the tree of a checkpoint, and its cosignatures, whoever has signed it.
func readNote(signed []byte) (tlog.Tree, []Cosignature, error) {
	_, err := note.Open(signed, note.VerifierList())
	var unverified *note.UnverifiedNoteError
	if !errors.As(err, &unverified) {
		return tlog.Tree{}, nil, fmt.Errorf("%w: %w", ErrForm, err)
	}
	c, err := torchwood.ParseCheckpoint(unverified.Note.Text)
	if err != nil {
		return tlog.Tree{}, nil, fmt.Errorf("%w: %w", ErrForm, err)
	}
	var all []Cosignature
	keys := make(map[string]bool)
	for _, s := range unverified.Note.UnverifiedSigs {
		// Of two signatures of one key the first alone would be verified, and the other could say that it was at any time.
		key := fmt.Sprintf("%s+%08x", s.Name, s.Hash)
		if keys[key] {
			return tlog.Tree{}, nil, fmt.Errorf("%w: two signatures of %s", ErrForm, s.Name)
		}
		keys[key] = true
		signature, err := base64.StdEncoding.DecodeString(s.Base64)
		if err != nil || base64.StdEncoding.EncodeToString(signature) != s.Base64 {
			return tlog.Tree{}, nil, fmt.Errorf("%w: the signature of %s", ErrForm, s.Name)
		}
		if len(signature) != cosignatureSize {
			continue
		}
		at, err := checkpoint.CosignedAt(s)
		if err != nil {
			return tlog.Tree{}, nil, fmt.Errorf("%w: %w", ErrForm, err)
		}
		all = append(all, Cosignature{Name: s.Name, Key: fmt.Sprintf("%08x", s.Hash), At: at})
	}
	return c.Tree, all, nil
}

// cosignatureSize is the length of a cosignature in bytes: id of the key, time, Ed25519 signature.
const cosignatureSize = 4 + 8 + ed25519.SignatureSize
