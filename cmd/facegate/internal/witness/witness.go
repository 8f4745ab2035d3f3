// Package witness remembers how far the audit logs of others have come, and signs what only goes on from there.
//
// A log shows its checkpoint: size and root of its Merkle tree, signed by the device. The witness signs it too ("cosigns" it) if the log
// proves that all that the witness has signed before is still in it, unchanged. So whoever trusts the witness knows that a log has not
// shown one history to them and another to somebody else, and that nothing was taken out of it.
//
// Everything that a Witness knows is in one file: its key, the logs that it follows, and for each the newest checkpoint that it has
// cosigned. That checkpoint is on disk before the cosignature leaves. A Witness has its file to itself: two that do not know of each other
// what they have signed would sign two histories.
//
// The protocol is that of C2SP, and nothing in it is of facegate: a Witness serves other logs too, and gates take other witnesses.
//
// Sources: https://c2sp.org/tlog-witness, https://c2sp.org/tlog-cosignature, https://c2sp.org/signed-note.
package witness

import (
	"errors"
	"fmt"
	"sync/atomic"

	"filippo.io/torchwood"
	bolt "go.etcd.io/bbolt"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"facegate/store/checkpoint"
)

// Why a request is not answered with a cosignature.
var (
	ErrMalformed  = errors.New("this is no request to a witness")
	ErrUnknownLog = errors.New("this witness does not follow the log")
	ErrSignature  = errors.New("the checkpoint is not signed by the log")
	ErrConflict   = errors.New("the request does not go on from what this witness has cosigned")
	ErrFork       = errors.New("the log has another tree than the one of this size that this witness has cosigned")
	ErrProof      = errors.New("nothing proves that the log still holds what this witness has cosigned")
	ErrBroken     = errors.New("the file of the witness could not be written to")
)

// A Refusal is why a checkpoint is not cosigned though the log has signed it: ErrConflict, ErrFork or ErrProof.
type Refusal struct {
	Reason error
	Size   int64  // of the newest tree that was cosigned, 0 for none
	Note   []byte // its checkpoint, with the signatures of log and witness; nil for none
}

func (r *Refusal) Error() string { return fmt.Sprintf("%v: that has size %d", r.Reason, r.Size) }

// Unwrap returns the reason.
func (r *Refusal) Unwrap() error { return r.Reason }

// A Witness cosigns checkpoints. Its methods may be called from several goroutines.
type Witness struct {
	db     *bolt.DB
	signer *torchwood.CosignatureSigner
	broken atomic.Bool   // a commit has failed: what is on disk and what is read may differ, and nothing more is cosigned
	down   chan struct{} // closed then
}

// Verifier verifies the cosignatures of the witness. Its String is the verifier key ("vkey") that others are told.
func (w *Witness) Verifier() *torchwood.CosignatureVerifier { return w.signer.Verifier() }

// KeyID returns the short name of the key of the witness, 8 hexadecimal digits, in which the topics end that it reads and writes.
func (w *Witness) KeyID() string { return checkpoint.KeyID(w.Verifier()) }

// Broken is closed when the file could not be written to. Nothing more is cosigned until it is opened anew.
func (w *Witness) Broken() <-chan struct{} { return w.down }

// AddCheckpoint cosigns the checkpoint of a request (add-checkpoint of C2SP), and returns it with the signatures of the log and of the
// witness. An error is one of those above, a *Refusal among them. The first fork that a log shows is kept in the file: the log has signed
// both trees, which proves it to everybody.
func (w *Witness) AddCheckpoint(body []byte) (cosigned []byte, err error) {
	r, err := parse(body)
	if err != nil {
		return nil, err
	}
	key, err := w.key(r.origin)
	if err != nil {
		return nil, err
	}
	n, tree, err := r.open(key)
	if err != nil {
		return nil, err
	}
	err = w.update(r.origin, func(e *entry) (changed bool, err error) {
		if err := e.extendedBy(r, tree); err != nil {
			return errors.Is(err, ErrFork) && e.keepFork(n), err
		}
		if cosigned, err = note.Sign(n, w.signer); err != nil {
			return false, fmt.Errorf("cosign: %w", err)
		}
		e.Note = string(cosigned)
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	return cosigned, nil
}

// Answer is AddCheckpoint for whoever asks without waiting. The answer is a whole note: the checkpoint cosigned or, with a *Refusal, the
// newest that was cosigned, which shows a log that was set back how far it had come. It is empty where none was. ok is false where there is
// no answer, because no log that is followed has signed the request. A request that comes again is answered again.
func (w *Witness) Answer(request []byte) (answer []byte, ok bool, err error) {
	answer, err = w.AddCheckpoint(request)
	if refused := (*Refusal)(nil); errors.As(err, &refused) {
		return refused.Note, true, err
	}
	return answer, err == nil, err
}

// extendedBy returns nil if what was cosigned of a log is proved to be in the tree of a request, and otherwise a *Refusal.
func (e *entry) extendedBy(r request, tree tlog.Tree) error {
	known, err := e.tree()
	if err != nil {
		return err
	}
	var reason error
	switch {
	case tree.N == known.N && tree.Hash != known.Hash:
		reason = ErrFork
	case r.old != known.N:
		reason = ErrConflict
	case (known.N == 0 || known.N == tree.N) && len(r.proof) > 0:
		reason = ErrProof
	case known.N > 0 && tlog.CheckTree(r.proof, tree.N, tree.Hash, known.N, known.Hash) != nil:
		reason = ErrProof
	default:
		return nil
	}
	refusal := &Refusal{Reason: reason, Size: known.N}
	if e.Note != "" {
		refusal.Note = []byte(e.Note)
	}
	return refusal
}

// keepFork keeps a checkpoint of another tree than the one of its size that was cosigned, and reports whether it is the first.
func (e *entry) keepFork(n *note.Note) bool {
	text, err := note.Sign(n) // by nobody else
	if err != nil || e.Fork != "" || e.Note == "" {
		return false
	}
	e.Fork = string(text)
	return true
}
