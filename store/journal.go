package store

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"facegate/pipeline/template"
	"facegate/store/audit"
	"facegate/store/vault"
)

// The tables of journal.db, besides stateTable, and of faces.db.
const (
	entriesTable  = "entries"  // number of the entry → audit.Record
	treeTable     = "tree"     // number of the leaf → audit.Leaf
	receiptsTable = "receipts" // id → signed receipt
	outboxTable   = "outbox"   // number of the message → message
	visitsTable   = "visits"   // template.Index of a visitor's pass → KnownVisit
	ordersTable   = "orders"   // template.Index of an order → givenRow
	recordsTable  = "records"  // record id → template.Seal or template.SealToken
)

// The rows of the state tables.
const (
	peopleRow   = "people"   // of people.db: state
	headRow     = "head"     // of journal.db: logEnd
	startRow    = "start"    // of journal.db: audit.Head, where the log begins since entries were dropped
	intentRow   = "intent"   // of journal.db: intent
	failuresRow = "lockouts" // of journal.db: failures
	clockRow    = "clock"    // of journal.db: clock.Memory

	witnessedRow = "witnessed" // of journal.db: witnessed
)

func stateRow(name string) vault.Row {
	row := vault.Row{Table: stateTable}
	copy(row.ID[:], name)
	return row
}

// entryRow returns the name of an entry's row. The rows are in the order of the entries.
func entryRow(seq uint64) vault.Row {
	row := vault.Row{Table: entriesTable}
	binary.BigEndian.PutUint64(row.ID[8:], seq)
	return row
}

// leafRow returns the name of the row of a leaf of the tree, in the order of the leaves.
func leafRow(n int64) vault.Row {
	row := vault.Row{Table: treeTable}
	binary.BigEndian.PutUint64(row.ID[8:], uint64(n))
	return row
}

// A logEnd is where the log ends that is in journal.db.
type logEnd struct {
	Head audit.Head
	Tree tlog.Tree
}

// A state is what people.db holds besides people and consents.
type state struct {
	Faces   uint64                 // the stamp that faces.db has at the least
	Head    audit.Head             // of the audit log before Entries
	Entries []audit.Entry          // the last, which journal.db may lack
	Locked  bool                   // since a lockdown
	Off     *FacesOff              // nil unless no face is looked at
	Lanes   [template.Lanes]uint64 // the audit entry of the last erasure from each lane of the epoch
	Epoch   uint32                 // the current one
	Ended   uint32                 // the last epoch that was ended
	Model   [32]byte               // SHA-256 of the embedder of the epoch; zeros until there is one
	Debt    *debt                  // that came with Entries
	Burial  *burial                // likewise
	Older   *Older                 // nil unless it was put back
	Store   [16]byte               // random; of the store and those that were restored from its backups
	Number  uint64                 // of the last destruction; see receipt.Receipt
	At      anchored               // the last change of the tombstones
	Filing  int64                  // the day on which FilingAt was reached, Unix time in seconds; 0 if it was not
	Offices []Office               // that issue visitors' passes, by name
	Visits  moment                 // of a restore, or of a store in the place of a damaged one: visits are known since; zero for always
	Awaits  bool                   // it was made in the place of a damaged store, and nothing was restored yet

	Operators []Operator // who open the door from afar, by name

	Assessment Assessment // the last that was named
	Covered    [32]byte   // what was in use when it was
	Uncovered  [32]byte   // what was last found in use and is not Covered; zeros if nothing is
}

// end returns the end of the audit log that has Entries.
func (s state) end() audit.Head {
	h := s.Head
	for _, e := range s.Entries {
		h = h.Next(e.Hash())
	}
	return h
}

func (s *Store) putState(st state) (vault.Put, error) {
	plain, err := json.Marshal(st)
	return s.people.Value(stateRow(peopleRow), plain), err
}

// putJournal returns the put of a row of the state of journal.db.
func (s *Store) putJournal(row string, v any) (vault.Put, error) {
	plain, err := json.Marshal(v)
	return s.journal.Value(stateRow(row), plain), err
}

// getJournal reads a row of the state of journal.db into v, which it leaves alone if there is none.
func (s *Store) getJournal(row string, v any) error {
	plain, err := s.journal.GetValue(stateRow(row))
	if plain == nil || err != nil {
		return err
	}
	if err := json.Unmarshal(plain, v); err != nil {
		return s.journal.Damaged(err)
	}
	return nil
}

// number makes entries the next ones of the log.
func (s *Store) number(now time.Time, entries ...audit.Entry) ([]audit.Entry, error) {
	at, marks := s.stamp(now)
	for i := range entries {
		e := &entries[i]
		e.Seq, e.Time, e.Marks = s.head.Seq+1+uint64(i), at, marks
		marks &^= audit.SetBack
		if _, err := io.ReadFull(s.rand, e.Salt[:]); err != nil {
			return nil, fmt.Errorf("store: no randomness: %w", err)
		}
	}
	return entries, nil
}

// extend adds entries to journal.db, and does c there.
func (s *Store) extend(entries []audit.Entry, c vault.Change) error {
	h := s.head
	for _, e := range entries {
		r := audit.NewRecord(h, e)
		c.Puts = append(c.Puts, s.journal.Value(entryRow(e.Seq), r.Append(nil)))
		h = h.Next(r.Hash)
	}
	leaves, tree, err := audit.Grow(s.tree, s.leaf, entries)
	if err != nil {
		return err
	}
	for i, l := range leaves {
		c.Puts = append(c.Puts, s.journal.Value(leafRow(s.tree.N+int64(i)), l.Append(nil)))
	}
	head, err := s.putJournal(headRow, logEnd{h, tree})
	if err != nil {
		return err
	}
	row, err := s.putJournal(clockRow, s.memory())
	if err != nil {
		return err
	}
	c.Puts, c.Stamp = append(c.Puts, head, row), h.Seq
	if err := s.journal.Commit(c); err != nil {
		return errors.Join(err, s.load())
	}
	s.head, s.tree, s.remembered = h, tree, s.memory()
	return nil
}

// Log is the audit log, for what is not noted together with another change.
type Log struct{ s *Store }

// Log returns the audit log.
func (s *Store) Log() Log { return Log{s} }

// Access notes in the audit log that somebody was let in. Who it was is not noted: the log of a door is not a list of
// comings and goings.
func (l Log) Access(now time.Time) error {
	return l.note(now, audit.Entry{Kind: audit.Access, Actor: audit.Daemon})
}

// note writes an entry of the audit log that changes nothing else.
func (l Log) note(now time.Time, e audit.Entry) error {
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	return l.s.record(now, e)
}

// Opened notes in the audit log that the door is opened by hand, and for whom.
func (l Log) Opened(now time.Time, by audit.Actor) error {
	return l.note(now, audit.Entry{Kind: audit.OpenedByHand, Actor: by})
}

// Held notes in the audit log that somebody holds the door open, and for how long at most.
func (l Log) Held(now time.Time, by audit.Actor, most time.Duration) error {
	return l.note(now, audit.Entry{Kind: audit.DoorHeld, Actor: by, Count: uint32(most.Seconds())})
}

// Released notes in the audit log that somebody ends a hold.
func (l Log) Released(now time.Time, by audit.Actor) error {
	return l.note(now, audit.Entry{Kind: audit.DoorReleased, Actor: by})
}

// Alarm notes in the audit log that something is wrong at the door: audit.DoorForced, Tampered or FireAlarm.
func (l Log) Alarm(at time.Time, k audit.Kind) error {
	return l.note(at, audit.Entry{Kind: k, Actor: audit.Daemon})
}

// Openings returns when the door was opened by hand since a time, oldest first.
func (l Log) Openings(since time.Time) (at []time.Time, err error) {
	return l.when(since, audit.OpenedByHand)
}

// Aimed notes in the audit log that somebody is shown what the camera sees.
func (l Log) Aimed(now time.Time, by audit.Actor) error {
	return l.note(now, audit.Entry{Kind: audit.Aimed, Actor: by})
}

// Aimings returns when somebody was shown that, or had camera and light measured, since a time, oldest first.
func (l Log) Aimings(since time.Time) (at []time.Time, err error) {
	return l.when(since, audit.Aimed, audit.Calibrated)
}

// Calibrated notes in the audit log that camera and light are measured for somebody.
func (l Log) Calibrated(now time.Time, by audit.Actor) error {
	return l.note(now, audit.Entry{Kind: audit.Calibrated, Actor: by})
}

// Watched notes in the audit log that somebody is shown what the door does.
func (l Log) Watched(now time.Time, by audit.Actor) error {
	return l.note(now, audit.Entry{Kind: audit.DoorWatched, Actor: by})
}

// Watchings returns when somebody was shown that since a time, oldest first.
func (l Log) Watchings(since time.Time) (at []time.Time, err error) {
	return l.when(since, audit.DoorWatched)
}

// when returns the times of the entries of some kinds since a time, oldest first.
func (l Log) when(since time.Time, kinds ...audit.Kind) (at []time.Time, err error) {
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	log, err := l.s.entries()
	for _, r := range log.Records {
		if e := r.Entry; e != nil && slices.Contains(kinds, e.Kind) && e.Time >= since.Unix() {
			at = append(at, time.Unix(e.Time, 0))
		}
	}
	return at, err
}

// Read returns the audit log. Its Verify tells whether it holds together.
func (l Log) Read() (log audit.Log, err error) {
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	err = l.s.journal.Mending(func() error {
		if log, err = l.s.readEntries(); err != nil {
			return err
		}
		log.Leaves, err = l.s.readLeaves()
		return err
	})
	return log, err
}

// entries returns the audit log without its leaves.
func (s *Store) entries() (l audit.Log, err error) {
	err = s.journal.Mending(func() error {
		l, err = s.readEntries()
		return err
	})
	return l, err
}

func (s *Store) readEntries() (l audit.Log, err error) {
	var start *audit.Head
	if err := s.getJournal(startRow, &start); err != nil {
		return audit.Log{}, err
	}
	if start != nil {
		l.Start = *start
	}
	if err := s.journal.EachValue(entriesTable, func(id [16]byte, plain []byte) error {
		r, err := audit.DecodeRecord(binary.BigEndian.Uint64(id[8:]), plain)
		if err != nil {
			return s.journal.Damaged(err)
		}
		l.Records = append(l.Records, r)
		return nil
	}); err != nil {
		return audit.Log{}, err
	}
	l.End, l.Tree = s.head, s.tree
	return l, nil
}

func (s *Store) readLeaves() (leaves audit.Leaves, err error) {
	err = s.journal.EachValue(treeTable, func(_ [16]byte, plain []byte) error {
		leaf, err := audit.DecodeLeaf(plain)
		if err != nil {
			return s.journal.Damaged(err)
		}
		leaves = append(leaves, leaf)
		return nil
	})
	return leaves, err
}
