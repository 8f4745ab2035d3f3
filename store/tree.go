package store

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"facegate/configs/hint"
	"facegate/store/audit"
	"facegate/store/checkpoint"
	"facegate/store/receipt"
)

// ErrNoEntry means that there is no proof of a receipt.
var ErrNoEntry = errors.New("the audit log has no entry of this receipt")

// leaf reads a leaf of the tree from journal.db.
func (s *Store) leaf(n int64) (audit.Leaf, error) {
	plain, err := s.journal.GetValue(leafRow(n))
	if err != nil {
		return audit.Leaf{}, err
	}
	l, err := audit.DecodeLeaf(plain) // no row is no leaf
	if err != nil {
		return audit.Leaf{}, s.journal.Damaged(fmt.Errorf("leaf %d: %w", n, err))
	}
	return l, nil
}

// inLog returns tree as a receipt names it.
func inLog(tree tlog.Tree) receipt.Audit {
	return receipt.Audit{Size: uint64(tree.N), Root: tree.Hash[:]}
}

// tell has f read the tree for somebody outside, who may hold the gate to it: what f tells is on the disk to stay.
func (l Log) tell(f func(s *Store) ([]byte, error)) (told []byte, err error) {
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	if err := l.s.ready(); err != nil {
		return nil, err
	}
	err = l.s.journal.Mending(func() error {
		told, err = f(l.s)
		return err
	})
	return told, err
}

// Checkpoint returns the checkpoint of the tree as it is (package checkpoint), signed by the device, and by the witnesses that are
// known to have signed exactly this tree.
func (l Log) Checkpoint() (signed []byte, err error) {
	return l.tell(func(s *Store) ([]byte, error) {
		w, err := s.witnessed()
		if err != nil {
			return nil, err
		}
		return s.sign(w.of(s.tree))
	})
}

// Request returns what a witness is asked to sign: the body of an add-checkpoint request (https://c2sp.org/tlog-witness), with the
// proof that the tree goes on from the one that this witness has signed last.
func (l Log) Request(witness note.Verifier) (body []byte, err error) {
	return l.tell(func(s *Store) ([]byte, error) {
		w, err := s.witnessed()
		if err != nil {
			return nil, err
		}
		old := w.Has[checkpoint.ID(witness)]
		body := fmt.Appendf(nil, "old %d\n", old)
		if old > 0 {
			proof, err := tlog.ProveTree(s.tree.N, old, audit.LeafReader(s.leaf))
			if err != nil {
				return nil, fmt.Errorf("store: %w", err)
			}
			for _, h := range proof {
				body = fmt.Appendf(body, "%s\n", h)
			}
		}
		signed, err := s.sign(cosigned{Tree: s.tree})
		return append(append(body, '\n'), signed...), err
	})
}

// Prove returns the proof that the tree has the entry that says of a receipt that it was issued (https://c2sp.org/tlog-proof), for
// whoever has the checkpoint of a witness. Its extra data is the leaf. The checkpoint in it is the one that most witnesses have
// signed, and the newest of those; where none has signed any yet, it is that of the tree as it is. It refuses with ErrNoEntry.
func (l Log) Prove(line []byte) (proof []byte, err error) {
	return l.tell(func(s *Store) ([]byte, error) {
		r, err := receipt.Verify(line, s.publicKey())
		if err != nil {
			return nil, hint.Wrap(err, "give a receipt of this device, to the byte")
		}
		n, e, err := s.issued(r, sha256.Sum256(line))
		if err != nil {
			return nil, err
		}
		w, err := s.witnessed()
		if err != nil {
			return nil, err
		}
		c := w.best(n, cosigned{Tree: s.tree})
		path, err := tlog.ProveRecord(c.Tree.N, n, audit.LeafReader(s.leaf))
		if err != nil {
			return nil, fmt.Errorf("store: %w", err)
		}
		signed, err := s.sign(c)
		return torchwood.FormatProofWithExtraData(n, e.Leaf(), path, signed), err
	})
}

// issued returns the leaf, and the entry, that says that r was issued. That of the erasure is the last of the tree that r names, and
// the next that is about a receipt is about r.
func (s *Store) issued(r receipt.Receipt, digest [32]byte) (int64, audit.Entry, error) {
	for n := int64(r.Audit.Size); n > 0 && n < s.tree.N; n++ {
		e, err := s.entryAt(n)
		switch {
		case err != nil:
			return 0, audit.Entry{}, err
		case e.Kind == audit.ReceiptIssued && e.Digest == digest:
			return n, e, nil
		case e.Kind == audit.ReceiptIssued:
			n = s.tree.N
		}
	}
	return 0, audit.Entry{}, hint.Wrap(fmt.Errorf("store: %w", ErrNoEntry), "entries are kept for the time that retention names, and "+
		"the log begins anew when a backup is restored after damage: the receipt is good without the proof, as facegate receipt verify says")
}

// entryAt returns the entry of a leaf; the zero Entry if its body was dropped.
func (s *Store) entryAt(n int64) (audit.Entry, error) {
	l, err := s.leaf(n)
	if err != nil {
		return audit.Entry{}, err
	}
	plain, err := s.journal.GetValue(entryRow(l.Seq))
	if plain == nil || err != nil {
		return audit.Entry{}, err
	}
	r, err := audit.DecodeRecord(l.Seq, plain)
	switch {
	case err != nil:
		return audit.Entry{}, s.journal.Damaged(err)
	case r.Entry == nil:
		return audit.Entry{}, nil
	}
	return *r.Entry, nil
}

// sign returns the checkpoint of a tree of the log, with what witnesses have signed of it.
func (s *Store) sign(c cosigned) ([]byte, error) {
	signed, err := checkpoint.Sign(c.Tree, s.signer)
	for _, sig := range c.Sigs {
		signed = fmt.Appendf(signed, "— %s %s\n", sig.Name, sig.Base64)
	}
	return signed, err
}
