// Package audit is a log in which no entry can be removed, edited or moved without a trace, nor the end cut off where somebody
// has seen it.
//
// An entry says what was done, when and by whom, in numbers alone: it has no room for a name, a score or anything that
// comes from a face. Whom it was done to is a Subject, a random id that the store keeps beside the person's label and
// destroys with it. From then on the entries of that person lead nowhere. (A keyed hash of the person's id would do the
// same, and its key would need the same care.)
//
// # The chain
//
// Every entry is chained to the one before: link(n) = SHA-256("facegate audit 2" ‖ link(n−1) ‖ SHA-256(body(n))) (after Schneier
// and Kelsey, Secure Audit Logs to Support Computer Forensics, 1999). The body of an old entry can be replaced by its hash without
// breaking it. The body has a random salt, so that the hash cannot be turned back by trying.
//
// The chain has the entries of visits too. The databases of a store are told apart in age by it. No place of it ever leaves the
// device: its numbers count the people who come in.
//
// # The tree
//
// The entries that say what was done with the store and with people's data (Kind.Shown) are the leaves of a Merkle tree as well, that
// of RFC 6962. Its size and root are what others are shown (package checkpoint): whoever has seen them can be proved that an entry is
// among the leaves, and that the tree has only grown since. Nothing of visits is in it. A leaf is Entry.Leaf, and the hashes of
// leaves stay when bodies are dropped, so that every place of the tree can be proved for ever.
//
// The package is pure: it reads no clock and no file.
package audit

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"golang.org/x/mod/sumdb/tlog"
)

// What Verify may find.
var (
	ErrRemoved   = errors.New("an entry was removed")
	ErrReordered = errors.New("an entry is not in its place")
	ErrEdited    = errors.New("an entry was edited")
	ErrTruncated = errors.New("the end of the log was cut off")
	ErrOlder     = errors.New("this log ends before an entry that was seen: it was put back, or begun anew")
	ErrAnother   = errors.New("this is another log than the one that was seen")
	ErrOrder     = errors.New("an entry is older than the one before, and does not say that the clock was set back")
)

// A Kind says what was done.
type Kind uint8

// The kinds of entries. The numbers are written to disk.
const (
	Created       Kind = 1  // the store was made
	Enrolled      Kind = 2  // Digest: of the notice that the consent was given to
	Relabelled    Kind = 3  // a label was corrected
	Erased        Kind = 4  // Reason, Count: of people or, if they stay on the list, of Codes
	ReceiptIssued Kind = 5  // Digest: SHA-256 of the receipt
	Pruned        Kind = 6  // Count: of entries whose body was dropped, of consents that were kept long enough, and of credentials that were over
	Access        Kind = 7  // somebody was let in; who is not recorded
	SlowedDown    Kind = 8  // Count: of failures in a row, Digest: the store.Means that they closed, in its first byte
	SwitchedOff   Kind = 9  // likewise
	Reset         Kind = 10 // a technician let the face path work again
	LockedDown    Kind = 11 // Count: of Codes destroyed
	Reopened      Kind = 12 // the end of a lockdown
	PassIssued    Kind = 13 // a person was given a pass
	PassReplaced  Kind = 14 // a person was given a new pass, and the old one is dead

	EpochBegun      Kind = 17 // Count: the number of the epoch, Digest: SHA-256 of its embedder
	Renewed         Kind = 18 // a Code was replaced by one of the current epoch; whose is not recorded
	EpochEnded      Kind = 19 // Count: of Codes of earlier epochs destroyed
	ReassessmentDue Kind = 20 // Digest: of what is in use, and not covered by the assessment
	Assessed        Kind = 21 // Digest: of what is in use, and covered by the assessment
	FilingReached   Kind = 22 // Count: of people, who oblige the operator to file
	Mended          Kind = 23 // Count: of files of the store that were damaged and restored from their copies
	FacesOff        Kind = 24 // no face is looked at any more
	FacesOn         Kind = 25 // faces are looked at again
	ClockConfirmed  Kind = 26 // a technician vouched for the date
	ClockRight      Kind = 27 // the clock was found right after it was doubted; Count: of people who were given dates by it
	OpenedByHand    Kind = 28 // the door was opened for Actor
	FaceChanged     Kind = 29 // somebody was captured again without a comparison, because Actor said that their face had changed
	Aimed           Kind = 30 // Actor was shown what the camera sees
	BackedUp        Kind = 31 // Count: of people in the backup, Digest: SHA-256 of it
	Restored        Kind = 32 // Count: of people who are back from a backup, Digest: SHA-256 of it

	Joined            Kind = 33 // somebody was put on the list who gives no face
	CredentialIssued  Kind = 34 // a person was given a card, a PIN, or a pass for a visitor; Count: its store.Kind
	CredentialRevoked Kind = 35 // it was taken from the person; Count: its store.Kind
	CredentialUsedUp  Kind = 36 // somebody was let in by it for the last time; whose it was is not recorded. Count: its store.Kind
	Regrouped         Kind = 37 // somebody was put into groups of the house, or taken out; which is not recorded

	Calibrated  Kind = 40 // camera and light were measured for Actor
	DoorWatched Kind = 50 // Actor was shown what the door does

	DoorHeld     Kind = 41 // Actor holds the door open; Count: for how many seconds at most
	DoorReleased Kind = 42 // Actor ends a hold before its time
	DoorForced   Kind = 43 // the door was opened without a cause
	Tampered     Kind = 44 // the housing was opened
	FireAlarm    Kind = 45 // the fire alarm has unlocked the door
	Duress       Kind = 46 // somebody was forced to ask for the door; who is not recorded

	OfficeAdded   Kind = 60 // an office was registered whose visitors' passes open the door; Digest: SHA-256 of its public key
	OfficeRemoved Kind = 61 // and none of its passes opens the door any more; likewise
	VisitRevoked  Kind = 62 // a visitor's pass was revoked; which one is not recorded

	OperatorAdded   Kind = 63 // an operator's key was registered, whose orders open the door; Digest: SHA-256 of the public key
	OperatorRemoved Kind = 64 // and no order that it has signed opens the door any more; likewise
	OpenedByOrder   Kind = 65 // the door was opened by an order from afar; Digest: likewise, or its first 8 bytes if the key was removed just then
	OpenedUnsigned  Kind = 66 // the door was opened by an order from afar that nobody had signed

	FoundOlder   Kind = 67 // an older copy of the store was put back; Count: of the destructions that it did not know of, so far as is known
	Reapplied    Kind = 68 // and lost again what was destroyed since; Count: of people, Codes, credentials, offices and operators
	RollbackSeen Kind = 69 // a witness has seen more of this log, or another, than is here; Digest: SHA-256 of the checkpoint that it signed
)

var kinds = [...]string{
	Created: "created", Enrolled: "enrolled", Relabelled: "relabelled", Erased: "erased",
	ReceiptIssued: "receipt-issued", Pruned: "pruned", Access: "access", SlowedDown: "slowed-down",
	SwitchedOff: "switched-off", Reset: "reset", LockedDown: "templates-destroyed", Reopened: "reopened",
	PassIssued: "pass-issued", PassReplaced: "pass-replaced",
	EpochBegun: "epoch-begun", Renewed: "renewed", EpochEnded: "epoch-ended",
	ReassessmentDue: "reassessment-due", Assessed: "assessed", FilingReached: "filing-reached", Mended: "mended",
	FacesOff: "faces-off", FacesOn: "faces-on",
	ClockConfirmed: "clock-confirmed", ClockRight: "clock-right",
	OpenedByHand: "opened-by-hand", FaceChanged: "face-changed", Aimed: "aimed",
	BackedUp: "backed-up", Restored: "restored",
	Joined: "joined", CredentialIssued: "credential-issued", CredentialRevoked: "credential-revoked",
	CredentialUsedUp: "credential-used-up", Regrouped: "regrouped", Calibrated: "camera-calibrated",
	DoorWatched: "door-watched",
	DoorHeld:    "door-held", DoorReleased: "door-released", DoorForced: "door-forced", Tampered: "tampered", FireAlarm: "fire-alarm",
	OfficeAdded: "office-added", OfficeRemoved: "office-removed", VisitRevoked: "visitor-pass-revoked", Duress: "duress",
	OperatorAdded: "operator-added", OperatorRemoved: "operator-removed", OpenedByOrder: "opened-by-order",
	OpenedUnsigned: "opened-by-unsigned-order",
	FoundOlder:     "older-copy-found", Reapplied: "destroyed-again", RollbackSeen: "rollback-seen",
}

// String returns the kind in a word.
func (k Kind) String() string { return name(kinds[:], uint8(k)) }

// ShortLived reports whether entries of this kind tell of people at the door, and are therefore to be dropped early,
// rather than of the handling of their data.
func (k Kind) ShortLived() bool {
	return k == Access || k == SlowedDown || k == SwitchedOff || k == Renewed || k == CredentialUsedUp
}

// Shown reports whether entries of this kind are leaves of the tree. Others see how the tree grows. So whatever happens because
// people come to the door is not in it, and neither is what is noted when entries of that are dropped.
func (k Kind) Shown() bool {
	switch k {
	case Access, SlowedDown, SwitchedOff, Reset, Renewed, CredentialUsedUp, Pruned,
		OpenedByHand, OpenedByOrder, OpenedUnsigned, DoorHeld, DoorReleased, DoorForced, DoorWatched, Tampered, FireAlarm, Duress,
		VisitRevoked, Aimed, Calibrated:
		return false
	}
	return true
}

// A Reason says why something was erased.
type Reason uint8

// The reasons for an erasure. The numbers are written to disk.
const (
	Requested Reason = 1 // by the person or the operator
	Withdrawn Reason = 2 // the consent was
	Expired   Reason = 3 // the enrolment had
	Idle      Reason = 4 // the person had not been seen for long

	Recaptured Reason = 5 // the person stays, with a new consent and a new Code

	FaceWithdrawn Reason = 6 // the consent was, and the person stays on the list without a face
)

var reasons = [...]string{
	Requested: "requested", Withdrawn: "withdrawn", Expired: "expired", Idle: "idle",
	Recaptured: "recaptured", FaceWithdrawn: "face-withdrawn",
}

// String returns the reason in a word, "" for none.
func (r Reason) String() string {
	if r == 0 {
		return ""
	}
	return name(reasons[:], uint8(r))
}

func name(names []string, n uint8) string {
	if int(n) < len(names) && names[n] != "" {
		return names[n]
	}
	return fmt.Sprint("unknown-", n)
}

// An Actor is who did it: a user id of this machine, or Daemon.
type Actor uint32

// Daemon is the Actor of what the daemon does by itself. It is the user id that no user has.
const Daemon Actor = math.MaxUint32

// Marks are what an entry says of its own Time, added up.
type Marks uint8

// The marks. The numbers are written to disk.
const (
	Doubted Marks = 1 // the clock was not known to be right: the entry was made after the one before, and that is all
	SetBack Marks = 2 // Time is before that of the entry before, because the clock was set back between the two
)

// String returns the mark that weighs more in a word, "" for none.
func (m Marks) String() string {
	switch {
	case m&Doubted != 0:
		return "doubted"
	case m&SetBack != 0:
		return "set-back"
	}
	return ""
}

// A Subject is a person's random id in the log; zeros stand for nobody.
type Subject [16]byte

// An Entry is one thing that was done.
type Entry struct {
	Seq     uint64 // from 1, without a gap
	Time    int64  // Unix time in seconds
	Marks   Marks  // of Time
	Kind    Kind
	Reason  Reason
	Actor   Actor
	Count   uint32 // see Kind
	Subject Subject
	Digest  [32]byte // see Kind
	Salt    [16]byte // random
}

const (
	// EntrySize is the length of an encoded Entry in bytes.
	EntrySize = seqSize + LeafSize

	// LeafSize is the length of a leaf of the tree in bytes.
	LeafSize = 8 + 1 + 1 + 1 + 4 + 4 + 16 + 32 + 16

	seqSize = 8
)

// Append appends the canonical encoding of e, EntrySize bytes in big-endian order, to b.
func (e Entry) Append(b []byte) []byte {
	b, err := binary.Append(b, binary.BigEndian, e)
	if err != nil {
		panic(err) // all fields are of fixed size
	}
	return b
}

// DecodeEntry reads what Append has written.
func DecodeEntry(b []byte) (e Entry, err error) {
	if n, err := binary.Decode(b, binary.BigEndian, &e); err != nil || n != len(b) {
		return Entry{}, fmt.Errorf("audit: an entry of %d bytes", len(b))
	}
	return e, nil
}

// Leaf returns what stands for e in the tree: all of its encoding but Seq, which counts visits.
func (e Entry) Leaf() []byte { return e.Append(nil)[seqSize:] }

// EntryOf returns the entry of which Entry.Leaf has returned leaf, with no Seq.
func EntryOf(leaf []byte) (Entry, error) { return DecodeEntry(append(make([]byte, seqSize), leaf...)) }

// Hash returns what stands for e in the chain.
func (e Entry) Hash() [32]byte { return sha256.Sum256(e.Append(nil)) }

// A Head is a place in the chain: the number of an entry, and the link that it ends with. The zero Head is the place
// before the first entry.
type Head struct {
	Seq  uint64
	Link [32]byte
}

// Next returns the place after one more entry, of which it needs the hash alone.
func (h Head) Next(entry [32]byte) Head {
	sum := sha256.New()
	sum.Write([]byte("facegate audit 2"))
	sum.Write(h.Link[:])
	sum.Write(entry[:])
	return Head{h.Seq + 1, [32]byte(sum.Sum(nil))}
}

// A Record is an entry as a log keeps it, with the link after it, which tells where a chain breaks.
type Record struct {
	Seq   uint64
	Entry *Entry   // nil if it was pruned
	Hash  [32]byte // of the entry
	Link  [32]byte
}

// NewRecord returns the record of e, which follows h.
func NewRecord(h Head, e Entry) Record {
	return Record{Seq: e.Seq, Entry: &e, Hash: e.Hash(), Link: h.Next(e.Hash()).Link}
}

// Pruned returns r without the body of its entry.
func (r Record) Pruned() Record {
	r.Entry = nil
	return r
}

// Append appends the encoding of r, but for Seq, to b.
func (r Record) Append(b []byte) []byte {
	b = append(b, r.Link[:]...)
	if r.Entry == nil {
		return append(b, r.Hash[:]...)
	}
	return r.Entry.Append(b)
}

// DecodeRecord reads what Append has written for the record seq. Whether it fits into a chain is for Verify to say.
func DecodeRecord(seq uint64, b []byte) (Record, error) {
	if len(b) != 32+32 && len(b) != 32+EntrySize {
		return Record{}, fmt.Errorf("audit: a record of %d bytes", len(b))
	}
	r := Record{Seq: seq, Link: [32]byte(b)}
	if len(b) == 32+32 {
		r.Hash = [32]byte(b[32:])
		return r, nil
	}
	e, err := DecodeEntry(b[32:])
	if err != nil {
		return Record{}, err
	}
	r.Entry, r.Hash = &e, e.Hash()
	return r, nil
}

// A Log is what a verifier needs.
type Log struct {
	Start   Head // what came before was dropped; the zero Head if nothing was
	Records []Record
	End     Head // the place after the last of them
	Leaves  Leaves
	Tree    tlog.Tree // of Leaves
}

// Verify reports the first place where l does not hold together: the chain of its entries, and their tree. Who could write both
// anew is found by what others saw of the tree before (Holds).
func (l Log) Verify() error {
	at := l.Start
	for _, r := range l.Records {
		next := at.Next(r.Hash)
		switch {
		case r.Seq > next.Seq:
			return fmt.Errorf("audit: entry %d: %w", next.Seq, ErrRemoved)
		case r.Seq < next.Seq:
			return fmt.Errorf("audit: entry %d: %w", r.Seq, ErrReordered)
		case r.Link != next.Link, r.Entry != nil && (r.Entry.Seq != r.Seq || r.Entry.Hash() != r.Hash):
			return fmt.Errorf("audit: entry %d: %w", r.Seq, ErrEdited)
		}
		at = next
	}
	switch {
	case at.Seq < l.End.Seq:
		return fmt.Errorf("audit: after entry %d of %d: %w", at.Seq, l.End.Seq, ErrTruncated)
	case at != l.End:
		return fmt.Errorf("audit: entry %d: %w", at.Seq, ErrEdited)
	}
	if err := l.inOrder(); err != nil {
		return err
	}
	return l.verifyTree()
}

// inOrder reports the first entry that is older than the one before without saying so.
func (l Log) inOrder() error {
	last := int64(math.MinInt64)
	for _, r := range l.Records {
		switch {
		case r.Entry == nil: // which may have been the one that said so
			last = math.MinInt64
			continue
		case r.Entry.Time < last && r.Entry.Marks&SetBack == 0:
			return fmt.Errorf("audit: entry %d: %w", r.Seq, ErrOrder)
		}
		last = r.Entry.Time
	}
	return nil
}
