package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"facegate/configs/hint"
	"facegate/pipeline/template"
	"facegate/store/audit"
	"facegate/store/seal"
	"facegate/store/vault"
)

// The reasons for which a backup is not made, or not restored.
var (
	ErrBackup    = errors.New("this is not a backup of this device")
	ErrDates     = errors.New("people were enrolled by a clock that is not known to be right")
	ErrReceipts  = errors.New("nobody can tell whom the gate has erased since the backup")
	ErrForeign   = errors.New("the backup is of another store of this device")
	ErrDestroyed = errors.New("everything was destroyed after the backup")
	ErrRemains   = errors.New("what is left of the damaged store has to make way")
	ErrKeys      = errors.New("nobody can tell which passes, cards, PINs, offices and operators the gate has had revoked since the backup")
)

// MaxBackup is the greatest length of a backup in bytes: one of 400,000 people.
const MaxBackup = 1 << 30

const (
	// backupMagic begins a backup and names its version. The rest is sealed.
	backupMagic = backupAny + "7\n"

	// backupAny begins a backup of any version.
	backupAny = "facegate backup "

	backupLabel = "facegate backup"
)

// A backup is what a copy of the store for Restore holds: people, consents, credentials, templates as they are sealed, and what is
// kept of visitors' passes; and no key. It is sealed under the device key alone, because it is for the day on which the keyrings are
// lost.
type backup struct {
	Store     [16]byte
	Number    uint64 // of the last destruction before it
	Time      int64  // Unix time in seconds
	Locked    bool
	Filing    int64
	Epoch     uint32
	Ended     uint32
	Model     [32]byte
	Lanes     [template.Lanes]uint64
	People    []backupPerson
	Ends      []backupRow // the consents that have ended
	Entries   uint64      // of the audit log, which is not in it
	List      [16]byte    // see tombstones
	Offices   []Office
	Operators []Operator
	Visits    [][]byte // what is kept of visitors' passes; see KnownVisit.encode
}

// A backupRow is a row of people.db, unsealed.
type backupRow struct {
	ID    [16]byte
	Plain []byte
}

// A backupPerson is what a backup holds of a person. Credentials that open so many times only are not in it: nobody can tell at the
// restore how often they were used since.
type backupPerson struct {
	Person   backupRow
	Template []byte      // the row; nil of somebody who gives no face
	Record   []byte      // with the inner seal alone; nil if there is none
	Pass     backupRow   // that the template opens with, of scheme S2
	Keys     []backupRow // the other credentials
	Counted  int         // credentials that are not in it
}

// A BackedUp is a backup that was just made.
type BackedUp struct {
	Data   []byte
	People int
	Number uint64 // of the last destruction before it; see receipt.Receipt
}

// Backup makes a copy of people, consents, credentials and templates, and of what is kept of visitors' passes, for Restore, without
// those whose erasure is owed. It holds no key. Whoever has it and the device key can read it, those among the people who are erased later
// included: each erasure calls for a new backup and the end of the old. It refuses with ErrDates while somebody's dates are
// not known.
func (s *Store) Backup(by audit.Actor) (BackedUp, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ready(); err != nil {
		return BackedUp{}, err
	}
	var b backup
	err := s.faces.Mending(func() (err error) {
		b, err = s.copyOut()
		return err
	})
	if err != nil {
		return BackedUp{}, err
	}
	plain, err := json.Marshal(b)
	if err != nil {
		return BackedUp{}, fmt.Errorf("store: %w", err)
	}
	defer clear(plain)
	key := backupKey(s.device)
	defer clear(key[:])
	sealed, err := seal.Value(key, s.rand, backupLabel, plain)
	if err != nil {
		return BackedUp{}, fmt.Errorf("store: %w", err)
	}
	data := append([]byte(backupMagic), sealed...)
	entry := audit.Entry{Kind: audit.BackedUp, Actor: by, Count: uint32(len(b.People)), Digest: sha256.Sum256(data)}
	return BackedUp{data, len(b.People), b.Number}, s.note(s.now(), s.state, entry)
}

// backupKey returns the key that backups are sealed with.
func backupKey(device [32]byte) [32]byte { return seal.Derive(device, "facegate backup 1") }

// copyOut returns what a backup holds.
func (s *Store) copyOut() (backup, error) {
	b := backup{
		Store: s.state.Store, Number: s.state.Number, Time: s.now().Unix(), Locked: s.state.Locked, Filing: s.state.Filing,
		Epoch: s.state.Epoch, Ended: s.state.Ended, Model: s.state.Model, Lanes: s.state.Lanes, Entries: s.head.Seq,
		List: s.gone.List, Offices: s.state.Offices, Operators: s.state.Operators,
	}
	for _, k := range (Visits{s}).List() {
		b.Visits = append(b.Visits, k.encode())
	}
	if o := s.state.Older; o != nil && o.Unknown {
		b.Number = o.From // what was destroyed since is in receipts alone, and to be held against it
	}
	v := s.look()
	for _, p := range s.register.byID {
		if !s.owedSince(p).IsZero() {
			continue
		}
		copied, err := s.copyPerson(p.shown(v))
		if err != nil {
			return backup{}, err
		}
		b.People = append(b.People, copied)
	}
	ended, err := s.endedConsents()
	if err != nil {
		return backup{}, err
	}
	for _, c := range ended {
		if c.GivenCount|c.EndedCount != 0 { // which mean nothing to another clock
			if !v.Right() {
				return backup{}, noDates()
			}
			c = c.dated(v)
		}
		plain, err := c.encode()
		if err != nil {
			return backup{}, err
		}
		b.Ends = append(b.Ends, backupRow{c.ID, plain})
	}
	return b, nil
}

func noDates() error {
	return hint.Wrap(fmt.Errorf("store: %w", ErrDates), "set the clock, or vouch for it with: facegate clock confirm")
}

func (s *Store) copyPerson(p Person) (b backupPerson, err error) {
	if p.Provisional {
		return b, noDates()
	}
	p.seen = 0
	b = backupPerson{Person: backupRow{ID: p.ID}}
	if b.Person.Plain, err = p.encode(); err != nil {
		return b, err
	}
	for _, c := range p.Credentials {
		row := backupRow{ID: c.ID}
		if row.Plain, err = c.encode(p.ID); err != nil {
			return b, err
		}
		switch {
		case p.opensWith(c):
			b.Pass = row
		case c.Uses != 0:
			b.Counted++
		default:
			b.Keys = append(b.Keys, row)
		}
	}
	if !p.Consented() {
		return b, nil
	}
	if b.Template, err = p.Template.encode(); err != nil {
		return b, err
	}
	if p.Record != (template.RecordID{}) {
		b.Record, err = s.faces.GetValue(vault.At(recordsTable, p.Record))
	}
	return b, err
}

// opensWith reports whether p's template opens with c alone.
func (p Person) opensWith(c Credential) bool {
	own, ok := p.ownPass()
	return ok && own.ID == c.ID && p.Consented() && p.Scheme == template.SchemeS2
}

// readBackup opens a backup of this device.
func (s *Store) readBackup(data []byte) (b backup, err error) {
	refused := func(why string) error {
		return hint.Wrap(fmt.Errorf("store: %w: %s", ErrBackup, why),
			"name the file that facegate backup create has written, on the device whose key it was made under")
	}
	sealed, ok := bytes.CutPrefix(data, []byte(backupMagic))
	if !ok && bytes.HasPrefix(data, []byte(backupAny)) {
		return backup{}, hint.Wrap(fmt.Errorf("store: %w, as this version of facegate makes one", ErrBackup),
			"restore it by the version that has made it, and make a new one by this version")
	}
	if !ok {
		return backup{}, refused("it is no backup that this version knows")
	}
	key := backupKey(s.device)
	defer clear(key[:])
	plain, err := seal.Open(key, backupLabel, sealed)
	if err != nil {
		return backup{}, refused("it was changed, or made under another device key")
	}
	defer clear(plain)
	if err := json.Unmarshal(plain, &b); err != nil {
		return backup{}, refused("it is not in the form of this version")
	}
	return b, nil
}

// at returns when b was made.
func (b backup) at() time.Time { return time.Unix(b.Time, 0).UTC() }
