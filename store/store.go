// Package store keeps the people of one door in three databases (package vault) under keys of their own: sealed Codes in
// faces.db, people, consents and credentials in people.db, the audit log, the outbox and what is under way in journal.db.
// faces.db names nobody, people.db holds nothing biometric, journal.db neither; none holds an id that can be read in
// another, so that a file, even opened, leads to no other without the device key. (An intent does: it holds the ids of whom
// it erases from people.db, and its bytes stay in free pages of journal.db, sealed, until Prune writes that anew.)
//
// # Keys
//
// Every key comes from the device key (KeySource) or is wrapped by a key that does. The rotations, the device id, the key
// that signs, the inner one of the two seals of a Code and the wrapping keys of the keyrings are derived from it. Whoever has
// one database without its keyring, or all without the device key, has nothing.
//
// # People, templates and credentials
//
// Three kinds of rows are about people. A Person has a label, groups and terms. A Template is the consent of a person to biometrics,
// and the way to the Code in faces.db. A Credential is a pass, a card or a PIN. Whoever declines the face is a person with
// credentials and no template, and no consent to one (Join): listed, shown, retained and erased like everybody else. A
// lockdown destroys templates, and leaves people and credentials. A visitor is none of them: their pass is signed by an office, and
// of it there is a row in journal.db for as long as it is valid, if it was revoked or opens so many times only (Visits).
//
// Of a pass or a card there is a number that comes from the device key, the kind and what is shown (template.Index). Of a PIN
// there is an Argon2id hash under a salt that is the person's and a key of the device. Neither says anything of a body, so that people.db
// holds nothing biometric.
//
// # Passes
//
// A pass carries a 128-bit token, which is not kept: people.db has an id that comes from the token and the device key,
// and leads back to neither. To a record of scheme S1 the pass is a name. A record of scheme S2 is made and sealed with
// it, so that nothing on the device opens it.
//
// # Erasure
//
// An erasure writes people.db and faces.db anew (vault.Rewrite), which makes every older copy of them unreadable. Other copies
// of the keyring are the exception: who copied the database and its keyring before the erasure, and has the device key, can
// read the copy, and put back both bring the person back. Keep the device key off the disk, and keyrings out of every
// copy: Backup makes one that holds none.
//
// What an erasure is going to do, to the byte of its receipt, is on disk in journal.db before anything else happens.
// From then on it is done: cut off at any point, it is finished at the next Open or the next change.
//
// Where the disk is full even for that, a mark goes to the reserve, a sealed file of fixed length beside the databases that is
// overwritten in place (OwedError). Whoever an intent or a mark is about does not match, after a restart neither, and
// Retention.EraseOwed carries out what is owed as soon as there is room. A disk that cannot be written to takes no mark: it
// is remembered until the program ends. Who puts an older copy of the reserve in its place, or takes it away, has the marks
// forgotten.
//
// Lockdown.Begin and Wipe destroy the keyrings first, and need no room. ForceLockdown and ForceWipe do it to a store that
// does not open. What they leave in the place of a keyring tells the next Open.
//
// # Epochs
//
// Codes are made with the rotations of an epoch. When another one begins, records are moved there one by one as their people
// pass (Epochs.Renew), in place; Epochs.End destroys the rest, and the bytes of what was renewed, as an erasure does. The
// record of one person is replaced by Recapture, which erases the former one.
//
// # Backups
//
// In the anchor is a list of what was destroyed, the tombstones: ids and no names. Backup makes a copy of people,
// consents, credentials and templates for the day on which the databases are damaged or lost, sealed under the device key alone.
// Restore leaves out whoever the tombstones or, where they are lost as well, the receipts say was erased since, and whatever
// credentials the tombstones say were revoked.
//
// # Order
//
// A commit is on disk before it is acknowledged. A change that is worth an audit entry is written to faces.db, to
// people.db with the entry, and to the audit log in journal.db, in this order. people.db decides: a record in faces.db
// that no person is linked to was being enrolled or renewed when the power went, and is removed at the next Open; entries
// that people.db has and journal.db lacks are added. With the entries of a recapture comes what it leaves to be done: the
// former record to be erased from faces.db, and the receipt to be written to journal.db.
//
// # Time
//
// Whatever destroys by the date asks package clock, and goes by a time that has certainly come. Who has expired by any of the
// times that it may be is not among Records. What comes while no clock is known to be right is kept with the time that was
// counted, and Tick sets its dates when there is one. Who has been seen is in memory for up to four hours, which a power
// cut costs, and is then written by a rewrite for everybody at once.
//
// # Damage and rollback
//
// Each database and each keyring is on disk twice: faces.db and faces.copy.db, faces.key and faces.copy.key. One that is
// damaged is made anew from the other, at Open or when Records, Audit or an erasure comes upon it. That is logged, noted in
// the audit log and told by Mended: it means that the disk is failing.
//
// Everything else that does not fit, does not open or is not there is ErrDamaged, such as when both copies are damaged.
// Nothing is then changed, made anew or skipped: the door stays locked. That includes older files: each database is stamped
// with the number of the audit entry that it was last changed for, people.db knows the stamp of faces.db, and people.db and
// journal.db know each other's end of the chain. A database that is older than the others together with its copy, or
// alone where its copy is damaged, is refused, with or without its keyrings.
//
// # An older copy put back
//
// All three databases put back together, with their keyrings, look like what they were. What tells is the anchor (package anchor): a list
// of what was destroyed, in a folder that no copy of them reaches, and a count besides where there is a TPM. The databases name the last
// change of the list that they know of. Where the list knows of later ones, or is gone, or is itself behind the count, Open opens the
// store as an older copy (Older): no face is looked at, what the list says was destroyed is destroyed again before anything can match or
// open, and numbers go on after all that may have been given. People, cards and PINs that the list says nothing of go on. Credentials
// that open so many times only are taken away, and visitors' passes that began before are refused: nobody can tell how often they were
// used since, nor which were revoked. Restore is the way back. A device key that was used, with empty folders, is ErrDamaged.
//
// Three rollbacks are not noticed. Databases, keyrings and the folder of the anchor put back together look like what they were, where
// nothing but that folder remembers; with a TPM, or a witness who is asked, they do not.
// people.db and journal.db put back together to just before the last change of faces.db, or to any time since, look like a
// power cut in that change, if nothing was destroyed in it. And what neither destroys nor needs an audit entry (the day somebody was last
// seen, a receipt that was fetched, a message of the outbox) goes back with the files that it is in as far as the last change of the
// anchor, and in journal.db, to which people.db gives back what it lacks, as far as before that of the last change without an intent; with
// it the failures that were counted since. Likewise an enrolment, until something is destroyed after it: who is missing is not in the list.
package store

import (
	"cmp"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"facegate/configs/hint"
	"facegate/configs/text/lookalike"
	"facegate/pipeline/template"
	"facegate/store/anchor"
	"facegate/store/audit"
	"facegate/store/clock"
	"facegate/store/durable"
	"facegate/store/seal"
	"facegate/store/vault"
)

// The reasons for which the store refuses.
var (
	ErrDamaged   = vault.ErrDamaged
	ErrInUse     = vault.ErrInUse
	ErrLabel     = errors.New("a label is 1 to 64 bytes of printable text")
	ErrExists    = errors.New("somebody is enrolled under this label")
	ErrAlike     = errors.New("the label can be taken for somebody else's")
	ErrUnknown   = errors.New("nobody is enrolled under this label")
	ErrNoConsent = errors.New("the record of the person's consent is not complete")
	ErrGuardian  = errors.New("a child needs the consent of a guardian")
	ErrStale     = errors.New("the consent was given to a notice that is no longer in force")
	ErrExpiry    = errors.New("an enrolment needs an expiry in the future")
	ErrReference = errors.New("what was agreed with the person is kept nowhere")
	ErrLockdown  = errors.New("all templates were destroyed, and nobody can be captured")
	ErrOptions   = errors.New("the store cannot be opened this way")
	ErrFolder    = vault.ErrFolder
	ErrVersion   = vault.ErrVersion
)

// version is that of the rows in all databases: 3 has the ages that a template is judged by, and the mark of who is near to
// somebody else; 4 has what is kept of visitors' passes; 5 has the numbers of people, and PINs for duress; 6
// has whether a card has proved a key; 7 has which visitors' passes were revoked by their number alone; 8 has the
// groups of people; 9 has the operators who open the door from afar, which orders were
// given, and the mark of the outbox behind its messages; 10 has the tree of the audit log.
const version = 10

// Options say where a store is and what it depends on. All are required but those that say otherwise.
type Options struct {
	Dir    string // of the databases; made if it is missing
	KeyDir string // of the keyrings, likewise; empty for Dir, where every copy of the databases opens as they do

	// AnchorDir is the folder of the list of what was destroyed (package anchor), where no copy of Dir and KeyDir is to reach; made if
	// it is missing; empty for KeyDir. Anchors are further places, which hold at least how far it has come.
	AnchorDir string
	Anchors   []anchor.Place

	Keys KeySource
	Rand io.Reader // of cryptographic quality
	Log  *slog.Logger

	// Disk does every sync of what the store writes; nil for that of the operating system. A test hands down a
	// durabletest.Watched, which has each sync wait, fail or be looked at.
	Disk durable.Disk

	Clock clock.Source // of this machine

	// Notices are the SHA-256 of the notices in force, one a language. A consent to any other is stale: nobody can be
	// captured on it, and who was captured on it before still matches. With none in force nobody can be captured.
	Notices [][32]byte

	// Languages are those of the Notices, in their order, and what receipts are printed in. Without them receipts name none.
	Languages []string

	// Profile names the rules under which people consent, in at most MaxText bytes. Who has consented under another one does
	// not match.
	Profile string

	Retention RetentionPolicy

	// Wiped is handed the certificate of a wipe that was cut off, before the last of the store goes: it is to be on disk
	// somewhere else when Wiped returns. If that fails, the next Open hands it over again. Without it, a WipedError has the
	// certificate, and nothing else.
	Wiped func(certificate []byte) error

	// MinPIN is the least number of digits of a new PIN, MinPIN to MaxPIN; 0 for MinPIN. Those of before stay.
	MinPIN int

	// FilingAt is the number of people from which on the operator has to file with an authority (Measures for the Security
	// Management of the Application of Face Recognition Technology, Art. 15); 0 where there is no such duty.
	FilingAt int
}

func (o Options) check() error {
	r := o.Retention
	if r.Idle <= 0 || r.Access <= 0 || r.Records <= 0 {
		return fmt.Errorf("store: %w: a retention time is missing", ErrOptions)
	}
	if o.MinPIN != 0 && (o.MinPIN < MinPIN || o.MinPIN > MaxPIN) {
		return fmt.Errorf("store: %w: a PIN has %d to %d digits", ErrOptions, MinPIN, MaxPIN)
	}
	return nil
}

// A Store is an open store. It is safe for concurrent use.
//
// An exported method, of the store or of one of its duties, takes mu, and calls no other one while it has it. An unexported one is
// called with mu held. The Outbox takes no part in that: it has a lock of its own, and takes the vault's below it.
type Store struct {
	source    clock.Source
	rand      io.Reader
	log       *slog.Logger
	notices   [][32]byte
	languages []string // of notices
	profile   string
	retention RetentionPolicy
	filingAt  int
	wiped     func(certificate []byte) error
	class     string // of the KeySource
	locks     []*os.File
	disk      durable.Disk
	device    [32]byte // the device key
	id        [16]byte // of the device
	join      [32]byte // see across
	inner     [32]byte // of the records of scheme S1; see seal
	graves    [32]byte // of the tombstones
	pepper    [32]byte // of PINs; see keptPIN
	minPIN    int      // the least number of digits of a new one
	signer    ed25519.PrivateKey

	hashing sync.Mutex // is held while a PIN is hashed, and never together with mu

	folder  *anchor.Folder
	anchors []anchor.Place // further places

	people  *vault.Vault
	faces   *vault.Vault
	journal *vault.Vault
	mended  mendings
	visits  visits
	orders  orders
	unread  atomic.Bool // what is in memory may not be what is on disk

	judging sync.Mutex // is held while the clock is judged: guards judge, and is not held for a disk
	judge   *clock.Judge

	counting sync.Mutex // guards failed and attended, also while they are written. Whoever takes mu as well takes that first
	failed   failures   // in journal.db
	attended bool       // attempts are made

	mu       sync.Mutex          // guards all that follows
	register register            // everybody in people.db; see there for what is found without mu
	ended    map[[16]byte]moment // when the consents of people who were erased ended
	state    state               // of people.db
	head     audit.Head          // the end of the audit log in journal.db
	tree     tlog.Tree           // of the log that ends there
	gone     tombstones          // in the anchor
	pending  *intent             // in journal.db
	leaving  []Person            // whom pending erases, if this process began it
	noted    int                 // how many mendings are in the audit log

	reserve *reserve
	owed    []mark // what could not be carried out when it was asked for
	lasting bool   // the reserve holds owed

	lockedBy audit.Actor // who has destroyed all Codes, if that is not written down yet

	remembered clock.Memory                   // of judge, in journal.db
	seen       map[template.PersonID]sighting // that are not in people.db yet
	opened     bool
	written    time.Duration // clock.Verdict.Count when they last were

	unburied bool   // gone is not in every place of the anchor
	older    *Older // what the next state that is written is to say; see isOlder
	stale    bool   // that on disk does not yet
	anew     bool   // takes the place of a damaged store
}

// Open opens the store in o.Dir, or makes one where there is none. It finishes what a crash has interrupted. A store can
// be opened once at a time (ErrInUse). A store that was being wiped is gone afterwards, and Open returns a *WipedError.
func Open(o Options) (*Store, error) {
	s, err := prepare(o)
	if err != nil {
		return nil, err
	}
	if err := s.start(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// start opens what prepare has returned.
func (s *Store) start() error {
	err := s.openAll()
	s.opened = err == nil
	return err
}

// prepare returns the store in o.Dir, locked and not open.
func prepare(o Options) (*Store, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	device, err := o.Keys.DeviceKey()
	if err != nil {
		return nil, err
	}
	o.KeyDir = cmp.Or(o.KeyDir, o.Dir)
	o.AnchorDir = cmp.Or(o.AnchorDir, o.KeyDir)
	if o.Disk == nil {
		o.Disk = durable.OS{}
	}
	locks, err := vault.LockFolders(o.Disk, o.Dir, o.KeyDir)
	if err != nil {
		return nil, err
	}
	s := &Store{
		source: o.Clock, judge: new(clock.Judge), register: newRegister(), seen: make(map[template.PersonID]sighting), rand: o.Rand, log: o.Log,
		notices: o.Notices, languages: o.Languages, profile: o.Profile,
		retention: o.Retention, minPIN: cmp.Or(o.MinPIN, MinPIN), filingAt: o.FilingAt, wiped: o.Wiped, class: o.Keys.Class(), locks: locks, disk: o.Disk, device: device,
		id:   deviceID(device),
		join: seal.Derive(device, "facegate join 1"), inner: seal.Derive(device, "facegate record 1"),
		graves: seal.Derive(device, "facegate tombstones 1"), pepper: seal.Derive(device, "facegate PIN 1"), signer: signingKey(device),
	}
	s.folder, s.anchors = anchor.File(o.Disk, o.AnchorDir), o.Anchors
	s.orders.changed = make(chan struct{})
	s.reserve = newReserve(o.Dir, device, o.Rand, o.Disk)
	s.mended = mendings{source: o.Clock, log: o.Log}
	vaultOf := func(name string, tables ...string) *vault.Vault {
		return vault.New(vault.Options{
			Dir: o.Dir, KeyDir: o.KeyDir, Name: name, Version: version, Tables: tables, Wrap: wrappingKey(device, name), Rand: o.Rand, Disk: o.Disk,
			Mended: s.mended.add, Reopened: func() { s.unread.Store(true) },
		})
	}
	s.people = vaultOf("people", peopleTable, templatesTable, credentialsTable, consentsTable, stateTable)
	s.faces = vaultOf("faces", recordsTable)
	s.journal = vaultOf("journal", entriesTable, treeTable, receiptsTable, outboxTable, visitsTable, ordersTable, stateTable)
	return s, nil
}

// Close closes the databases and forgets the keys.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.putAway()
	if err := s.retire(); err != nil { // as on a full disk, which ends no gate
		s.log.Error("failures are not remembered until the next start", "err", err)
	}
	clear(s.device[:])
	clear(s.join[:])
	clear(s.inner[:])
	clear(s.reserve.key[:])
	clear(s.graves[:])
	clear(s.pepper[:])
	clear(s.signer)
	s.register.empty()
	return errors.Join(s.people.Close(), s.faces.Close(), s.journal.Close(), vault.Unlock(s.locks))
}

// putAway writes what is in memory alone.
func (s *Store) putAway() {
	if !s.opened || s.unread.Load() || s.pending != nil || !s.people.IsOpen() || !s.journal.IsOpen() {
		return
	}
	var err error
	if len(s.seen) > 0 {
		if err = s.ready(); err == nil {
			err = s.writeSeen()
		}
	}
	if err := errors.Join(err, s.remember(time.Minute)); err != nil {
		s.log.Error("who was seen last is not noted", "err", err)
	}
}

func (s *Store) vaults() []*vault.Vault { return []*vault.Vault{s.people, s.faces, s.journal} }

// ReadOnly reports whether the store is open to be read alone, because its disk could not be written to. It is so until it is opened
// anew.
func (s *Store) ReadOnly() bool {
	return slices.ContainsFunc(s.vaults(), func(v *vault.Vault) bool { return v.ReadOnly() })
}

// A Device is what can be said of the device key, from which all of it comes but KeyStore.
type Device struct {
	KeyStore  string            // how the key is kept, in a word; see KeySource
	ID        [16]byte          // that the records of this device carry
	PublicKey ed25519.PublicKey // verifies what this device signs: receipts, and checkpoints of the audit log
}

// Device returns what can be said of the device key.
func (s *Store) Device() Device { return Device{s.class, s.id, s.publicKey()} }

func (s *Store) publicKey() ed25519.PublicKey {
	return slices.Clone(s.signer.Public().(ed25519.PublicKey))
}

// Templates are the Codes of people, opened to be compared with a face.
type Templates struct{ s *Store }

// Templates returns the templates of the store.
func (s *Store) Templates() Templates { return Templates{s} }

// Keys returns the keys of the rotations of an epoch, one a lane, for the embeddings of one model.
func (t Templates) Keys(epoch uint32, modelID [32]byte) [template.Lanes][32]byte {
	return projectionKeys(t.s.device, epoch, modelID)
}

// NextLane returns the lane to enrol label into: at random among the lanes from which the last erasure in this epoch is the
// longest ago, but for the lane that this label is in. Who was erased is not remembered, and still nobody is enrolled
// again into the lane that they were erased from, before all other lanes have seen an erasure since.
func (t Templates) NextLane(label string) (uint8, error) {
	var random [1]byte
	if _, err := io.ReadFull(t.s.rand, random[:]); err != nil {
		return 0, fmt.Errorf("store: no randomness: %w", err)
	}
	t.s.mu.Lock()
	defer t.s.mu.Unlock()
	p, enrolled := t.s.register.labelled(label)
	var lanes []uint8
	for lane, last := range t.s.state.Lanes {
		if enrolled && uint8(lane) == p.Lane {
			continue
		}
		if len(lanes) > 0 && last < t.s.state.Lanes[lanes[0]] {
			lanes = lanes[:0]
		}
		if len(lanes) == 0 || last == t.s.state.Lanes[lanes[0]] {
			lanes = append(lanes, uint8(lane))
		}
	}
	return lanes[int(random[0])%len(lanes)], nil
}

// An Enrolment is what it takes to enrol somebody.
type Enrolment struct {
	template.Made // of the person's face: in the current epoch or, in scheme S2, with the keys of Pass

	Label   string   // not in use, nor like one in use; see LabelLine
	Groups  []string // of somebody new, as CleanGroups returns them. Who is captured again stays in theirs
	Consent Consent
	ModelID [32]byte
	Pass    *template.TokenKeys // of the person's pass, of which the id is kept; nil for none
	Expires time.Time           // kept to the second; the consent's own expiry counts if it is earlier
	By      audit.Actor

	// Term is how long the enrolment lasts at the most, from now on. With one, Expires and both dates of the consent may be
	// zero, and are then those of the term. Without one, Expires is required.
	Term time.Duration

	// Again says that it is for Recapture: who has this label is enrolled already.
	Again bool

	// FaceChanged says that the face of somebody who is captured again was not compared with the former one on purpose.
	FaceChanged bool

	// Near says that the face is too near to that of somebody enrolled to be told from it, and NearTo whose those are. They are
	// marked as well; see Template.Near. Who is near to whom is not kept.
	Near   bool
	NearTo []template.PersonID
}

// from returns e with its dates, if it begins at now.
func (e Enrolment) from(now time.Time) Enrolment {
	if e.Term == 0 {
		return e
	}
	e.Expires = limit(now, e.Term, e.Expires)
	if e.Consent.Given.IsZero() {
		e.Consent.Given = now
	}
	if e.Consent.Expires.IsZero() {
		e.Consent.Expires = e.Expires
	}
	return e
}

// Enrol stores a person, their consent and their record. All are on disk when it returns. It refuses with ErrLabel,
// ErrExists, ErrAlike, ErrGroups, ErrPass, ErrNoConsent, ErrGuardian, ErrStale, ErrExpiry or ErrLockdown. If it fails otherwise, the
// person may or may not be enrolled, and People tells.
func (s *Store) Enrol(e Enrolment) (Person, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	e = e.from(now)
	if err := s.ready(); err != nil {
		return Person{}, err
	}
	if err := s.checkNew(e, now); err != nil {
		return Person{}, err
	}
	p, err := s.newPerson(e, now)
	if err != nil {
		return Person{}, err
	}
	entries, err := s.number(now, p.enrolled(e, Person{})...)
	if err != nil {
		return Person{}, err
	}
	rows, err := s.putAll(p)
	if err != nil {
		return Person{}, err
	}
	near, marks, err := s.markNear(p, e)
	if err != nil {
		return Person{}, err
	}
	if err := s.enlist(p, e, entries, append(rows, marks...)...); err != nil {
		return Person{}, err
	}
	s.register.put(p)
	s.register.putAll(near)
	s.follow()
	s.countForFiling(now)
	return p.shown(s.look()), nil
}

// newPerson returns whom e describes, under ids of their own.
func (s *Store) newPerson(e Enrolment, now time.Time) (Person, error) {
	if err := s.checkMade(e); err != nil {
		return Person{}, err
	}
	p, err := s.newMember(e.Label, e.Consent.Reference, earlier(e.Expires, e.Consent.Expires), e.Term, now)
	if err != nil {
		return Person{}, err
	}
	p.Groups = slices.Clone(e.Groups)
	p.Template = Template{Scheme: e.Scheme, Epoch: e.Epoch, Lane: e.Lane, Consent: e.Consent, model: e.ModelID, sealed: p.Expires.Unix()}
	p.Consent.Given = p.Consent.Given.UTC().Truncate(time.Second)
	p.Consent.Expires = p.Consent.Expires.UTC().Truncate(time.Second)
	p.Consent.Ended, p.Consent.EndedCount, p.Consent.Why, p.Consent.Profile = time.Time{}, 0, 0, s.profile
	p.Consent.GivenCount = p.began
	if _, err := io.ReadFull(s.rand, p.Consent.ID[:]); err != nil {
		return Person{}, fmt.Errorf("store: no randomness: %w", err)
	}
	if e.Near {
		p.Near = always()
	}
	if err := s.relink(&p); err != nil {
		return Person{}, err
	}
	return s.withPass(p, e.Pass)
}

// enrolled returns what the audit log says of the enrolment of p, in the place of old if that is anybody.
func (p Person) enrolled(e Enrolment, old Person) []audit.Entry {
	entries := []audit.Entry{{Kind: audit.Enrolled, Actor: e.By, Subject: p.subject, Digest: p.Consent.Notice.Hash}}
	if e.FaceChanged {
		entries = append(entries, audit.Entry{Kind: audit.FaceChanged, Actor: e.By, Subject: p.subject})
	}
	if e.Pass == nil {
		return entries
	}
	pass := issuing(old, Credential{Kind: Pass})
	pass.Actor, pass.Subject = e.By, p.subject
	return append(entries, pass)
}

// enlist writes p's new record to faces.db and then the rows to people.db. In this order, because a person without a record is
// damage and a record without a person is swept.
func (s *Store) enlist(p Person, e Enrolment, entries []audit.Entry, rows ...vault.Put) error {
	record, err := s.putRecord(p, e)
	if err != nil {
		return err
	}
	next := s.state
	next.Faces = entries[0].Seq
	if err := s.faces.Commit(vault.Change{Puts: []vault.Put{record}, Stamp: next.Faces}); err != nil {
		return err
	}
	return s.apply(s.people.Commit, next, entries, vault.Change{Puts: rows})
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// Check says, before anybody is captured, why Enrol would refuse e or, of somebody who is enrolled already, Recapture. The Code
// and its lane do not count.
func (s *Store) Check(e Enrolment) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if e.Again {
		return s.checkRecapture(e.from(now), now)
	}
	return s.checkNew(e.from(now), now)
}

func (s *Store) checkNew(e Enrolment, now time.Time) error {
	if err := s.free(e.Label, template.PersonID{}); err != nil {
		return err
	}
	if err := checkGroups(e.Groups); err != nil {
		return err
	}
	return s.permits(e, now)
}

// permits says why nobody can be captured on the terms of e.
func (s *Store) permits(e Enrolment, now time.Time) error {
	if err := s.checkPass(e); err != nil {
		return err
	}
	if err := s.checkExpiry(e.Expires, now); err != nil {
		return err
	}
	if err := e.Consent.check(now, s.notices); err != nil {
		return err
	}
	if s.lockedDown() {
		return hint.Wrap(fmt.Errorf("store: %w", ErrLockdown), "let people be captured again first: facegate destroy-templates --end")
	}
	return nil
}

// checkExpiry says why nobody's right to the door can end at expires.
func (s *Store) checkExpiry(expires, now time.Time) error {
	if expires.Truncate(time.Second).After(now) {
		return nil
	}
	advice := "give the day on which the person's right to the door ends"
	if !s.look().Right() {
		advice = "set the clock, which says " + now.Format(time.DateOnly) + " and is not known to be right: facegate clock"
	}
	return hint.Wrap(fmt.Errorf("store: %w", ErrExpiry), "%s", advice)
}

// free says why nobody can be given label, but for self, whose own label may change into one that looks like it.
func (s *Store) free(label string, self template.PersonID) error {
	if label == "" {
		return hint.Wrap(fmt.Errorf("store: %w", ErrLabel), "choose a short name or number")
	}
	if err := LabelLine.Check(label); err != nil {
		return badText(ErrLabel, err)
	}
	if _, ok := s.register.labelled(label); ok {
		return hint.Wrap(fmt.Errorf("store: %q: %w", label, ErrExists), "choose another label, or capture this person again with --again")
	}
	if p, ok := s.lookalike(label); ok && p.ID != self {
		return hint.Wrap(fmt.Errorf("store: %q: %w: %s is enrolled, and %s", label, ErrAlike, p.Label, lookalike.Contrast(label, p.Label)),
			"choose a label that nobody can take for another one, such as with a first name or a number more; "+
				"to capture %s again, give that label with --again", p.Label)
	}
	return nil
}

// known returns the person enrolled under label.
func (s *Store) known(label string) (Person, error) {
	p, ok := s.register.labelled(label)
	if ok {
		return p, nil
	}
	if other, ok := s.lookalike(label); ok {
		return Person{}, hint.Wrap(nobodyHas(label), "did you mean %s? (%s)", other.Label, lookalike.Contrast(other.Label, label))
	}
	return Person{}, nobodyHas(label)
}

func nobodyHas(label string) error {
	return hint.Wrap(fmt.Errorf("store: %q: %w", label, ErrUnknown), "list the labels with: facegate people")
}

// header returns what p's record is bound to. Scheme S2 has no epoch: its rotation comes from the pass.
func (s *Store) header(p Person, modelID [32]byte) template.Header {
	return template.Header{
		Scheme: p.Scheme, Lane: p.Lane, Epoch: p.Epoch, RecordID: p.Record, ModelID: modelID,
		DeviceID: s.id, ConsentID: s.across("consent", p.Consent.ID), Expiry: p.sealed,
	}
}

// Person returns the person enrolled under label. It refuses with ErrUnknown.
func (s *Store) Person(label string) (Person, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.known(label)
	if err != nil {
		return Person{}, err
	}
	p.Owed = s.owedSince(p)
	return p.told(s.look()), nil
}

// People returns everybody enrolled, in the order of their labels. Those who have expired are among them until erased.
func (s *Store) People() ([]Person, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.look()
	people := make([]Person, 0, len(s.register.byID))
	for _, p := range s.register.byID {
		p.Owed = s.owedSince(p)
		people = append(people, p.told(v))
	}
	slices.SortFunc(people, func(a, b Person) int { return cmp.Compare(a.Label, b.Label) })
	return people, nil
}

// Records opens the records of scheme S1 made with a model, of whatever epoch, but for those that have expired, are owed an
// erasure, and of people who have to consent again; Bound lists those of scheme S2. A record that does not open, or is not
// the one that its person is linked to, is ErrDamaged.
func (t Templates) Records(modelID [32]byte) (records []template.Record, err error) {
	t.s.mu.Lock()
	defer t.s.mu.Unlock()
	err = t.s.faces.Mending(func() error {
		records, err = t.s.records(modelID)
		return err
	})
	return records, err
}

func (s *Store) records(modelID [32]byte) ([]template.Record, error) {
	owner := make(map[template.RecordID]Person, len(s.register.byID))
	for _, p := range s.register.byID {
		owner[p.Record] = p
	}
	v := s.look()
	records := make([]template.Record, 0, len(owner))
	if s.templatesGone() {
		return records, nil
	}
	err := s.faces.EachValue(recordsTable, func(id [16]byte, sealed []byte) error {
		p, ok := owner[id]
		if !ok || p.Scheme != template.SchemeS1 {
			return nil // nobody's is of an enrolment or erasure that failed half-way, and was not acknowledged
		}
		h, code, err := s.openRecord(p, nil, sealed)
		if err != nil {
			return s.faces.Damaged(err)
		}
		if h.ModelID == modelID && !p.lapsed(v) && !s.needsConsent(p) && !s.barred(p) {
			records = append(records, template.Record{ID: id, Person: p.ID, Epoch: h.Epoch, Lane: h.Lane, Code: code})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return records, nil
}
