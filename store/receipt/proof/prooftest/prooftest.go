// Package prooftest makes proofs of receipts for tests, of logs that hold nothing else. It uses the trees and notes of others alone, so
// that what checks proofs is not tested against itself.
package prooftest

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"testing"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"facegate/store/audit"
	"facegate/store/checkpoint"
)

// A Log has the receipt at one place of many.
type Log struct {
	Size, Index int64
	Entry       audit.Entry // of the receipt
	Device      ed25519.PrivateKey
	Witnesses   []note.Signer
}

// Holding returns a log of the device that holds a receipt.
func Holding(line []byte, size, index int64, device ed25519.PrivateKey, witnesses ...note.Signer) Log {
	e := audit.Entry{Kind: audit.ReceiptIssued, Time: 1772368201, Actor: audit.Daemon, Digest: sha256.Sum256(line), Salt: [16]byte{1}}
	return Log{size, index, e, device, witnesses}
}

// Leaf returns the record of the entry.
func (l Log) Leaf() []byte { return l.Entry.Leaf() }

// Proof returns the proof that the log holds the entry.
func (l Log) Proof(tb testing.TB) []byte {
	tb.Helper()
	var hashes []tlog.Hash
	read := tlog.HashReaderFunc(func(at []int64) (found []tlog.Hash, err error) {
		for _, i := range at {
			found = append(found, hashes[i])
		}
		return found, nil
	})
	for i := range l.Size {
		leaf := tlog.RecordHash(binary.BigEndian.AppendUint64(nil, uint64(i)))
		if i == l.Index {
			leaf = tlog.RecordHash(l.Leaf())
		}
		more, err := tlog.StoredHashesForRecordHash(i, leaf, read)
		if err != nil {
			tb.Fatal(err)
		}
		hashes = append(hashes, more...)
	}
	root, err := tlog.TreeHash(l.Size, read)
	if err != nil {
		tb.Fatal(err)
	}
	path, err := tlog.ProveRecord(l.Size, l.Index, read)
	if err != nil {
		tb.Fatal(err)
	}
	return torchwood.FormatProofWithExtraData(l.Index, l.Leaf(), path, l.signed(tb, tlog.Tree{N: l.Size, Hash: root}))
}

func (l Log) signed(tb testing.TB, tree tlog.Tree) []byte {
	tb.Helper()
	signed, err := checkpoint.Sign(tree, l.Device)
	if err != nil {
		tb.Fatal(err)
	}
	v, err := checkpoint.Verifier(l.Device.Public().(ed25519.PublicKey))
	if err != nil {
		tb.Fatal(err)
	}
	n, err := note.Open(signed, note.VerifierList(v))
	if err != nil {
		tb.Fatal(err)
	}
	if signed, err = note.Sign(n, l.Witnesses...); err != nil {
		tb.Fatal(err)
	}
	return signed
}

// Witness returns a witness of this name, whose key is its name in a hash.
func Witness(tb testing.TB, name string) *torchwood.CosignatureSigner {
	tb.Helper()
	seed := sha256.Sum256([]byte(name))
	w, err := torchwood.NewCosignatureSigner(name, ed25519.NewKeyFromSeed(seed[:]))
	if err != nil {
		tb.Fatal(err)
	}
	return w
}
