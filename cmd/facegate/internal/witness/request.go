package witness

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"facegate/store/checkpoint"
)

// maxProof is how many hashes a proof may have: a tree has no more levels.
const maxProof = 63

// MaxRequest is the greatest length of a request in bytes.
const MaxRequest = maxProof*64 + checkpoint.MaxSize

// A request asks a witness to cosign a checkpoint (add-checkpoint of C2SP).
type request struct {
	old    int64          // size of the tree that was cosigned before, 0 for none
	proof  tlog.TreeProof // that it is in the new one
	origin string         // of the log, by its own word
	signed []byte         // the new checkpoint
}

// parse reads a request. An error wraps ErrMalformed. Each request has one form: what a base64 decoder passes over, such as a carriage
// return, is an error.
func parse(body []byte) (r request, err error) {
	if len(body) > MaxRequest {
		return r, malformed("it is longer than %d bytes", MaxRequest)
	}
	head, signed, ok := bytes.Cut(body, []byte("\n\n"))
	if !ok {
		return r, malformed("no empty line ends the proof")
	}
	lines := strings.Split(string(head), "\n")
	size, ok := strings.CutPrefix(lines[0], "old ")
	if r.old, err = strconv.ParseInt(size, 10, 64); !ok || err != nil || r.old < 0 || strconv.FormatInt(r.old, 10) != size {
		return r, malformed("the first line is not \"old\" and a size")
	}
	if lines = lines[1:]; len(lines) > maxProof {
		return r, malformed("the proof has more than %d hashes", maxProof)
	}
	for _, line := range lines {
		h, err := tlog.ParseHash(line)
		if err != nil || h.String() != line {
			return r, malformed("a line of the proof is not a hash")
		}
		r.proof = append(r.proof, h)
	}
	r.signed = signed
	if r.origin, _, ok = strings.Cut(string(signed), "\n"); !ok || r.origin == "" {
		return r, malformed("there is no checkpoint behind the proof")
	}
	return r, nil
}

// open verifies the signature of the log under its key, and returns the checkpoint with that signature alone, and its tree. An error wraps
// ErrMalformed or ErrSignature.
func (r request) open(key note.Verifier) (*note.Note, tlog.Tree, error) {
	n, err := note.Open(r.signed, note.VerifierList(key))
	var unverified *note.UnverifiedNoteError
	switch {
	case errors.As(err, &unverified), errors.As(err, new(*note.InvalidSignatureError)):
		return nil, tlog.Tree{}, ErrSignature
	case err != nil:
		return nil, tlog.Tree{}, malformed("%v", err)
	}
	c, err := torchwood.ParseCheckpoint(n.Text)
	switch {
	case err != nil:
		return nil, tlog.Tree{}, malformed("%v", err)
	case c.String() != n.Text:
		return nil, tlog.Tree{}, malformed("the checkpoint is not in its one form")
	case c.N < r.old:
		return nil, tlog.Tree{}, malformed("the checkpoint is smaller than the tree before it")
	}
	return &note.Note{Text: n.Text, Sigs: n.Sigs}, c.Tree, nil
}

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, args...))
}
