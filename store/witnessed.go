package store

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"facegate/configs/hint"
	"facegate/store/audit"
	"facegate/store/checkpoint"
	"facegate/store/vault"
)

// Why Witnessed refuses, besides checkpoint.ErrForm and checkpoint.ErrSignature.
var (
	ErrCosignature = errors.New("this witness has not signed the checkpoint")
	ErrRolledBack  = errors.New("a witness has seen more of the audit log than is here, or another one")
)

// A witnessed is what is known of witnesses, in the state of journal.db. By witness it is by checkpoint.ID.
type witnessed struct {
	Trees []cosigned // the smaller before the larger; of each witness the largest that it has signed, and no other

	// Has is, by witness, the size of the tree that it has said last that it has. A witness that was given an older copy of its own
	// file has less than it has signed.
	Has map[string]int64

	// Ahead is, by witness, the first checkpoint from it that is not of this log.
	Ahead map[string][]byte
}

// A cosigned is a tree of the log, and what witnesses have signed of it.
type cosigned struct {
	Tree tlog.Tree
	Sigs []note.Signature
}

// by returns the place among the signatures of c of a witness, -1 if it has not signed.
func (c cosigned) by(sig note.Signature) int {
	return slices.IndexFunc(c.Sigs, func(s note.Signature) bool { return s.Name == sig.Name && s.Hash == sig.Hash })
}

// of returns what witnesses have signed of tree.
func (w witnessed) of(tree tlog.Tree) cosigned {
	for _, c := range w.Trees {
		if c.Tree == tree {
			return c
		}
	}
	return cosigned{Tree: tree}
}

// best returns the tree with the leaf n that most witnesses have signed, the largest of those, or without any the one of now.
func (w witnessed) best(n int64, now cosigned) cosigned {
	best := now
	for _, c := range w.Trees {
		if c.Tree.N > n && len(c.Sigs) >= max(1, len(best.Sigs)) {
			best = c
		}
	}
	return best
}

// with returns w with what a witness has signed of tree: of two signatures of one tree the later, in whatever order they come.
func (w witnessed) with(tree tlog.Tree, sig note.Signature) witnessed {
	c := w.of(tree)
	c.Sigs = slices.Clone(c.Sigs)
	if i := c.by(sig); i >= 0 {
		if signedBefore(c.Sigs[i], sig) {
			c.Sigs[i] = sig
		}
	} else {
		c.Sigs = append(c.Sigs, sig)
	}
	trees := append(slices.DeleteFunc(slices.Clone(w.Trees), func(o cosigned) bool { return o.Tree == tree }), c)
	slices.SortFunc(trees, func(a, b cosigned) int { return cmp.Compare(b.Tree.N, a.Tree.N) })
	w.Trees = nil
	for _, c := range trees {
		newest := func(s note.Signature) bool {
			return !slices.ContainsFunc(w.Trees, func(larger cosigned) bool { return larger.by(s) >= 0 })
		}
		if slices.ContainsFunc(c.Sigs, newest) {
			w.Trees = append(w.Trees, c)
		}
	}
	slices.Reverse(w.Trees)
	return w
}

// signedBefore reports whether a was made before b. What has no time was made before what has one.
func signedBefore(a, b note.Signature) bool {
	first, _ := checkpoint.CosignedAt(a)
	second, _ := checkpoint.CosignedAt(b)
	return first.Before(second)
}

// has returns w when a witness has said that it has a tree of n leaves, of this log.
func (w witnessed) has(id string, n int64) witnessed {
	w.Has, w.Ahead = maps.Clone(w.Has), maps.Clone(w.Ahead)
	if w.Has == nil {
		w.Has = make(map[string]int64)
	}
	w.Has[id] = n
	delete(w.Ahead, id)
	return w
}

// ahead returns w when a witness has shown a checkpoint that is not of this log.
func (w witnessed) ahead(id string, signed []byte) witnessed {
	w.Ahead = maps.Clone(w.Ahead)
	if w.Ahead == nil {
		w.Ahead = make(map[string][]byte)
	}
	w.Ahead[id] = signed
	return w
}

// Witnessed takes in what a witness has sent: a checkpoint that it has signed, the newest that it has. It is held against the tree, and
// kept for receipts. Nothing at all says that the witness knows nothing of this log, and the next Request begins from there.
//
// A checkpoint of a larger tree, or of another one of the same size, is ErrRolledBack: the log was put back, or begun anew, after the
// witness has signed it. That is noted in the audit log, and the store is an older copy from then on (Faces.Older): once until this
// witness has nothing of the kind any more, or until the store was restored, which is too soon while it has.
func (l Log) Witnessed(now time.Time, signed []byte, witness note.Verifier) error {
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	if err := l.s.ready(); err != nil {
		return err
	}
	w, err := l.s.witnessed()
	if err != nil {
		return err
	}
	id := checkpoint.ID(witness)
	if len(signed) == 0 {
		return l.s.keepWitnessed(w, w.has(id, 0))
	}
	tree, n, err := checkpoint.Open(signed, l.s.publicKey(), witness)
	if err != nil {
		return hint.Wrap(fmt.Errorf("store: %w", err), "give what this witness has made of a checkpoint of this gate, to the byte")
	}
	sig, ok := checkpoint.SignatureOf(n, witness)
	if !ok {
		return hint.Wrap(fmt.Errorf("store: %w", ErrCosignature), "give the witness's answer, and not what was asked of it; the key that is "+
			"configured may be another witness's")
	}
	if _, err := checkpoint.CosignedAt(sig); err != nil { // a receipt with it could not be read
		return hint.Wrap(fmt.Errorf("store: %w", err), "ask the witness to set its clock")
	}
	held, err := l.s.grewFrom(tree)
	if err != nil {
		return err
	}
	if !held {
		return l.s.rolledBack(now, w, id, n)
	}
	return l.s.keepWitnessed(w, w.with(tree, sig).has(id, tree.N))
}

// Cosigned returns how many leaves the largest tree has that a witness has signed, and when it has, by its own clock; 0 and the zero time for
// none. The error is ErrRolledBack while the newest that is known of the witness is not of this log.
func (l Log) Cosigned(witness note.Verifier) (size int64, at time.Time, err error) {
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	w, err := l.s.witnessed()
	if err != nil {
		return 0, at, err
	}
	for _, c := range w.Trees {
		i := c.by(note.Signature{Name: witness.Name(), Hash: witness.KeyHash()})
		if i < 0 {
			continue
		}
		if at, err = checkpoint.CosignedAt(c.Sigs[i]); err != nil { // Witnessed has verified it
			return 0, at, fmt.Errorf("store: %w", err)
		}
		size = c.Tree.N
	}
	if id := checkpoint.ID(witness); w.Ahead[id] != nil {
		return size, at, rolledBack(id)
	}
	return size, at, nil
}

// grewFrom reports whether the tree was this one before.
func (s *Store) grewFrom(tree tlog.Tree) (held bool, err error) {
	if tree.N > s.tree.N {
		return false, nil
	}
	err = s.journal.Mending(func() error {
		root, err := tlog.TreeHash(tree.N, audit.LeafReader(s.leaf))
		held = root == tree.Hash
		return err
	})
	return held, err
}

// rolledBack is ErrRolledBack of a witness, with what to do.
func rolledBack(id string) error {
	return hint.Wrap(fmt.Errorf("store: %w", ErrRolledBack), "older files were put back, or a copy of this gate runs elsewhere: whoever was "+
		"erased since may be back. Find out who has done it. Then have the witness %s begin anew with this gate (facegate witness "+
		"forget), and after that bring people back: facegate backup restore", id)
}

// rolledBack notes that a witness has n, which is not a checkpoint of this log.
func (s *Store) rolledBack(now time.Time, w witnessed, id string, n *note.Note) error {
	refused := rolledBack(id)
	if w.Ahead[id] != nil && s.state.Older != nil {
		return refused
	}
	signed, err := note.Sign(&note.Note{Text: n.Text, Sigs: n.Sigs})
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	next, err := s.suspected()
	if err != nil {
		return errors.Join(refused, err)
	}
	e := audit.Entry{Kind: audit.RollbackSeen, Actor: audit.Daemon, Digest: sha256.Sum256(signed)}
	if err := s.note(now, next, e); err != nil {
		return errors.Join(refused, err)
	}
	return errors.Join(refused, s.keepWitnessed(w, w.ahead(id, signed)))
}

// witnessed reads what is known of witnesses.
func (s *Store) witnessed() (w witnessed, err error) {
	err = s.getJournal(witnessedRow, &w)
	return w, err
}

// keepWitnessed writes what is known of witnesses, if that is not what it was.
func (s *Store) keepWitnessed(old, w witnessed) error {
	before, err := json.Marshal(old)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	after, err := json.Marshal(w)
	if err != nil || string(before) == string(after) {
		return err
	}
	return s.journal.Commit(vault.Change{Puts: []vault.Put{s.journal.Value(stateRow(witnessedRow), after)}})
}
