package audit

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// A Leaf is what is kept of an entry for the tree.
type Leaf struct {
	Seq    uint64      // of the entry
	Hashes []tlog.Hash // of the leaf, and of each subtree that is complete with it, the smaller before the larger
}

// Append appends the encoding of l to b: Seq in big-endian order, and the hashes.
func (l Leaf) Append(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, l.Seq)
	for _, h := range l.Hashes {
		b = append(b, h[:]...)
	}
	return b
}

// DecodeLeaf reads what Append has written. Whether it fits into a tree is for Verify to say.
func DecodeLeaf(b []byte) (Leaf, error) {
	if len(b) < seqSize+tlog.HashSize || (len(b)-seqSize)%tlog.HashSize != 0 {
		return Leaf{}, fmt.Errorf("audit: a leaf of %d bytes", len(b))
	}
	l := Leaf{Seq: binary.BigEndian.Uint64(b)}
	for h := range slices.Chunk(b[seqSize:], tlog.HashSize) {
		l.Hashes = append(l.Hashes, tlog.Hash(h))
	}
	return l, nil
}

// A LeafReader returns the leaf with a number, from 0. It is a tlog.HashReader.
type LeafReader func(n int64) (Leaf, error)

// ReadHashes implements tlog.HashReader.
func (read LeafReader) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		level, n := tlog.SplitStoredHashIndex(index)
		last := (n+1)<<level - 1 // the leaf with which the subtree is complete
		l, err := read(last)
		if err != nil {
			return nil, err
		}
		if level >= len(l.Hashes) {
			return nil, fmt.Errorf("audit: leaf %d: %w", last, ErrEdited)
		}
		hashes[i] = l.Hashes[level]
	}
	return hashes, nil
}

// EmptyTree returns the tree of a log without entries.
func EmptyTree() tlog.Tree { return tlog.Tree{Hash: sha256.Sum256(nil)} } // RFC 6962, 2.1

// Grow returns the leaves that entries add to a tree, of which read returns what it has, and the tree with them.
func Grow(tree tlog.Tree, read LeafReader, entries []Entry) ([]Leaf, tlog.Tree, error) {
	var added Leaves
	all := LeafReader(func(n int64) (Leaf, error) {
		if n >= tree.N {
			return added.read(n - tree.N)
		}
		return read(n)
	})
	for _, e := range entries {
		if !e.Kind.Shown() {
			continue
		}
		hashes, err := tlog.StoredHashesForRecordHash(tree.N+int64(len(added)), tlog.RecordHash(e.Leaf()), all)
		if err != nil {
			return nil, tlog.Tree{}, err
		}
		added = append(added, Leaf{e.Seq, hashes})
	}
	if len(added) == 0 {
		return nil, tree, nil
	}
	n := tree.N + int64(len(added))
	root, err := tlog.TreeHash(n, all)
	return added, tlog.Tree{N: n, Hash: root}, err
}

// Leaves are the leaves of a tree, from the first one on.
type Leaves []Leaf

func (l Leaves) read(n int64) (Leaf, error) {
	if n < 0 || n >= int64(len(l)) {
		return Leaf{}, fmt.Errorf("audit: leaf %d of %d: %w", n, len(l), ErrRemoved)
	}
	return l[n], nil
}

// Holds holds l, which has been verified, against a tree of it that was seen before.
func (l Log) Holds(seen tlog.Tree) error {
	if seen.N > l.Tree.N {
		return fmt.Errorf("audit: %d leaves of %d: %w", seen.N, l.Tree.N, ErrOlder)
	}
	if seen.N < 1 {
		return fmt.Errorf("audit: %d leaves: %w", seen.N, ErrAnother)
	}
	root, err := tlog.TreeHash(seen.N, LeafReader(l.Leaves.read))
	if err == nil && root != seen.Hash {
		err = fmt.Errorf("audit: %d leaves: %w", seen.N, ErrAnother)
	}
	return err
}

// verifyTree reports the first leaf that is not that of its entry, and the first hash that is not that of what is below it.
func (l Log) verifyTree() error {
	if err := l.verifyLeaves(); err != nil {
		return err
	}
	read := LeafReader(l.Leaves.read)
	for n, leaf := range l.Leaves {
		hashes, err := tlog.StoredHashesForRecordHash(int64(n), leaf.Hashes[0], read)
		if err != nil {
			return err
		}
		if !slices.Equal(hashes, leaf.Hashes) {
			return fmt.Errorf("audit: leaf %d: %w", n, ErrEdited)
		}
	}
	n := int64(len(l.Leaves))
	root, err := tlog.TreeHash(n, read)
	switch {
	case err != nil:
		return err
	case n < l.Tree.N:
		return fmt.Errorf("audit: after leaf %d of %d: %w", n, l.Tree.N, ErrTruncated)
	case n > l.Tree.N || root != l.Tree.Hash:
		return fmt.Errorf("audit: the root of %d leaves: %w", n, ErrEdited)
	}
	return nil
}

// verifyLeaves holds the leaves against the entries whose bodies are there.
func (l Log) verifyLeaves() error {
	last := uint64(0)
	for n, leaf := range l.Leaves {
		switch {
		case leaf.Seq <= last || leaf.Seq > l.End.Seq:
			return fmt.Errorf("audit: leaf %d: %w", n, ErrReordered)
		case len(leaf.Hashes) == 0:
			return fmt.Errorf("audit: leaf %d: %w", n, ErrEdited)
		}
		last = leaf.Seq
	}
	bySeq := func(leaf Leaf, seq uint64) int { return cmp.Compare(leaf.Seq, seq) }
	for _, r := range l.Records {
		if r.Entry == nil {
			continue
		}
		n, there := slices.BinarySearchFunc(l.Leaves, r.Seq, bySeq)
		switch {
		case !there && r.Entry.Kind.Shown():
			return fmt.Errorf("audit: the leaf of entry %d: %w", r.Seq, ErrRemoved)
		case there && (!r.Entry.Kind.Shown() || l.Leaves[n].Hashes[0] != tlog.RecordHash(r.Entry.Leaf())):
			return fmt.Errorf("audit: the leaf of entry %d: %w", r.Seq, ErrEdited)
		}
	}
	return nil
}
