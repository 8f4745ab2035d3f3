// Package logtest makes logs for tests of witnesses: of any history, with requests that are right, and what they are made of.
package logtest

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"testing"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"facegate/store/checkpoint"
)

// A Log is that of a device: the stored hashes of a tree, of which every size can be shown.
type Log struct {
	Device ed25519.PrivateKey
	stored tlog.HashReaderFunc
	hashes *[]tlog.Hash
	Size   int64 // in entries
}

// device returns the key of the device of a number.
func device(number int) ed25519.PrivateKey {
	seed := sha256.Sum256(fmt.Append(nil, "device ", number))
	return ed25519.NewKeyFromSeed(seed[:])
}

// New returns the log of the device of a number, with these entries.
func New(tb testing.TB, number int, entries ...string) *Log {
	tb.Helper()
	l := &Log{Device: device(number), hashes: new([]tlog.Hash)}
	l.stored = func(at []int64) ([]tlog.Hash, error) {
		all := make([]tlog.Hash, len(at))
		for i, n := range at {
			all[i] = (*l.hashes)[n]
		}
		return all, nil
	}
	for _, e := range entries {
		l.Append(tb, e)
	}
	return l
}

// Numbered returns the log of the device of a number, with n entries that begin with what name says. Two names are two histories.
func Numbered(tb testing.TB, number int, name string, n int) *Log {
	tb.Helper()
	l := New(tb, number)
	for i := range n {
		l.Append(tb, fmt.Sprintf("%s %d", name, i))
	}
	return l
}

// Append adds an entry.
func (l *Log) Append(tb testing.TB, entry string) {
	tb.Helper()
	more, err := tlog.StoredHashes(l.Size, []byte(entry), l.stored)
	must(tb, err)
	*l.hashes = append(*l.hashes, more...)
	l.Size++
}

// Key returns the verifier key of the log.
func (l *Log) Key(tb testing.TB) string {
	tb.Helper()
	key, err := checkpoint.Key(l.Device.Public().(ed25519.PublicKey))
	must(tb, err)
	return key
}

// Origin returns the origin of the log.
func (l *Log) Origin() string { return checkpoint.Origin(l.Device.Public().(ed25519.PublicKey)) }

// Tree returns the tree of the first n entries.
func (l *Log) Tree(tb testing.TB, n int64) tlog.Tree {
	tb.Helper()
	root, err := tlog.TreeHash(n, l.stored)
	must(tb, err)
	return tlog.Tree{N: n, Hash: root}
}

// Checkpoint returns the signed checkpoint of the first n entries.
func (l *Log) Checkpoint(tb testing.TB, n int64) []byte {
	tb.Helper()
	signed, err := checkpoint.Sign(l.Tree(tb, n), l.Device)
	must(tb, err)
	return signed
}

// Proof returns the consistency proof of two sizes.
func (l *Log) Proof(tb testing.TB, old, n int64) tlog.TreeProof {
	tb.Helper()
	if old == 0 || old >= n {
		return nil
	}
	p, err := tlog.ProveTree(n, old, l.stored)
	must(tb, err)
	return p
}

// Request returns the request to cosign n entries after old.
func (l *Log) Request(tb testing.TB, old, n int64) []byte {
	tb.Helper()
	return Body(old, l.Proof(tb, old, n), l.Checkpoint(tb, n))
}

// Body returns a request.
func Body(old int64, proof tlog.TreeProof, signed []byte) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "old %d\n", old)
	for _, hash := range proof {
		fmt.Fprintln(&b, hash)
	}
	b.WriteByte('\n')
	b.Write(signed)
	return b.Bytes()
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// Cosigned returns the tree of a note that the device of l and w have signed, by a policy of others.
func Cosigned(tb testing.TB, l *Log, w note.Verifier, signed []byte) tlog.Tree {
	tb.Helper()
	device, err := note.NewVerifier(l.Key(tb))
	must(tb, err)
	c, _, err := torchwood.VerifyCheckpoint(signed, torchwood.ThresholdPolicy(3, torchwood.OriginPolicy(l.Origin()),
		torchwood.SingleVerifierPolicy(device), torchwood.SingleVerifierPolicy(w)))
	if err != nil {
		tb.Fatalf("%v in:\n%s", err, signed)
	}
	return c.Tree
}
