// Package store keeps the people of one door: sealed Codes in faces.db, labels and consent in people.db, each a bbolt file
// under keys of its own. faces.db names nobody, and people.db holds nothing biometric.
//
// # Keys
//
// Every key comes from the device key (KeySource) or is wrapped by a key that does. The rotations and the device id are
// derived from it. Each database is sealed with a random generation key, kept in a keyring file beside it (faces.key,
// people.key) under a wrapping key. Whoever has one database without its keyring, or both without the device key, has
// nothing.
//
// # Erasure
//
// bbolt leaves deleted values in its file, and files get copied. An erasure therefore writes the database anew under a new
// generation key and destroys the old key, which makes every older copy of the database unreadable. Copies of the
// keyring are the exception: who copied the database and its keyring before the erasure, and has the device key, can
// read the copy. Keep the device key off the disk and keyrings out of backups that outlive an erasure.
//
// # Damage
//
// A commit is on disk before it is acknowledged. people.db decides: a record in faces.db that no person is linked to was
// being enrolled or erased when the power went, and is removed at the next Open. Everything else that does not fit,
// does not open or is not there is ErrDamaged. Nothing is then repaired, made anew or skipped: the door stays locked.
package store

import (
	"cmp"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"facegate/configs/hint"
	"facegate/pipeline/template"
)

// The reasons for which the store refuses.
var (
	ErrDamaged   = errors.New("the store is damaged")
	ErrInUse     = errors.New("the store is in use by another process")
	ErrLabel     = errors.New("a label is 1 to 64 bytes of printable text")
	ErrExists    = errors.New("somebody is enrolled under this label")
	ErrUnknown   = errors.New("nobody is enrolled under this label")
	ErrNoConsent = errors.New("an enrolment needs a reference to the person's consent, 1 to 128 bytes")
	ErrExpiry    = errors.New("an enrolment needs an expiry in the future")
)

// epoch numbers the set of rotations that Codes are made with.
const epoch = 1

// Options say where a store is and what it depends on. All are required.
type Options struct {
	Dir  string // made if it is missing
	Keys KeySource
	Now  func() time.Time
	Rand io.Reader // of cryptographic quality
	Log  *slog.Logger
}

// A Store is an open store. It is safe for concurrent use.
type Store struct {
	now    func() time.Time
	rand   io.Reader
	log    *slog.Logger
	lock   *os.File
	device [32]byte // the device key
	id     [16]byte // of the device

	mu     sync.Mutex // guards all that follows
	people *vault
	faces  *vault
	byName map[string]Person // every row of people.db

	// left remembers the lane of everybody erased by this process, by a hash of the label under a seed of this process:
	// enough to choose another lane should the person be enrolled again, and gone at the next start.
	left map[uint64]uint8
	seed maphash.Seed
}

// Open opens the store in o.Dir, or makes one where there is none. It finishes what a crash has interrupted. A store can
// be opened once at a time (ErrInUse).
func Open(o Options) (*Store, error) {
	device, err := o.Keys.DeviceKey()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, hint.Wrap(fmt.Errorf("store: %w", err), "make the directory, owned by the service's user")
	}
	lock, err := lockDir(o.Dir)
	if err != nil {
		advice := "let the service's user own the directory, and run this as that user"
		if errors.Is(err, ErrInUse) {
			advice = "stop the other facegate, or ask it through its control socket"
		}
		return nil, hint.Wrap(fmt.Errorf("store: %w", err), "%s", advice)
	}
	s := &Store{
		now: o.Now, rand: o.Rand, log: o.Log, lock: lock, device: device, id: deviceID(device),
		people: &vault{dir: o.Dir, name: "people", wrap: wrappingKey(device, "people"), rand: o.Rand, reseal: resealPerson},
		faces:  &vault{dir: o.Dir, name: "faces", wrap: wrappingKey(device, "faces"), rand: o.Rand, reseal: resealRecord},
		byName: make(map[string]Person),
		left:   make(map[uint64]uint8),
		seed:   maphash.MakeSeed(),
	}
	if err := s.open(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Store) open() error {
	people, err := s.people.loadRing()
	if err != nil {
		return err
	}
	faces, err := s.faces.loadRing()
	if err != nil {
		return err
	}
	if !people.inUse() && !faces.inUse() {
		return s.create(people, faces)
	}
	if err := s.people.open(people); err != nil {
		return err
	}
	if err := s.faces.open(faces); err != nil {
		return err
	}
	return s.load()
}

// create makes both databases. No keyring gets a current key before both are complete: as long as none has one, nobody
// was ever enrolled, and a creation that was interrupted can begin again.
func (s *Store) create(people, faces keyring) error {
	for i, ring := range []keyring{people, faces} {
		v := s.vaults()[i]
		if _, err := os.Lstat(v.dbPath()); ring.empty() && !errors.Is(err, os.ErrNotExist) {
			return v.damaged(errors.New("the keyring is missing"))
		}
	}
	for _, v := range s.vaults() {
		if err := v.replace(nil); err != nil {
			return err
		}
	}
	for _, v := range s.vaults() {
		if err := v.settle(); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) vaults() []*vault { return []*vault{s.people, s.faces} }

// load reads people.db and makes faces.db agree with it.
func (s *Store) load() error {
	byName := make(map[string]Person)
	linked := make(map[[16]byte]bool)
	if err := s.people.each(func(id [16]byte, row []byte) error {
		p, err := openPerson(s.people.key, id, row)
		if err != nil {
			return s.people.damaged(err)
		}
		if _, ok := byName[p.Label]; ok || linked[p.Record] {
			return s.people.damaged(errors.New("two people share a label or a record"))
		}
		byName[p.Label], linked[p.Record] = p, true
		return nil
	}); err != nil {
		return err
	}
	s.byName = byName
	found, orphans := 0, 0
	if err := s.faces.each(func(id [16]byte, _ []byte) error {
		if linked[id] {
			found++
		} else {
			orphans++
		}
		return nil
	}); err != nil {
		return err
	}
	if found != len(linked) {
		return s.faces.damaged(fmt.Errorf("%d of %d people have a record", found, len(linked)))
	}
	if orphans == 0 {
		return nil
	}
	s.log.Warn("removing records of an enrolment or erasure that was interrupted", "records", orphans)
	return s.faces.rewrite(func(id [16]byte) bool { return linked[id] })
}

// Close closes the databases and forgets the keys.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.device[:])
	clear(s.byName)
	return errors.Join(s.people.close(), s.faces.close(), s.lock.Close())
}

// DeviceID returns the id that the records of this device carry. It comes from the device key.
func (s *Store) DeviceID() [16]byte { return s.id }

// ProjectionKeys returns the keys of the rotations, one a lane, for the embeddings of one model.
func (s *Store) ProjectionKeys(modelID [32]byte) [template.Lanes][32]byte {
	return projectionKeys(s.device, epoch, modelID)
}

// NextLane returns the lane to enrol label into: at random, but for the lane that this label has now or had, in this
// run of the program, when it was erased. Ask before the erasure if a person is to be enrolled again later.
func (s *Store) NextLane(label string) (uint8, error) {
	var random [1]byte
	if _, err := io.ReadFull(s.rand, random[:]); err != nil {
		return 0, fmt.Errorf("store: no randomness: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	before, ok := s.left[s.hash(label)]
	if p, enrolled := s.byName[label]; enrolled {
		before, ok = p.Lane, true
	}
	if !ok {
		return random[0] % template.Lanes, nil
	}
	return (before + 1 + random[0]%(template.Lanes-1)) % template.Lanes, nil
}

func (s *Store) hash(label string) uint64 { return maphash.String(s.seed, label) }

// An Enrolment is what it takes to enrol somebody.
type Enrolment struct {
	Label      string // not in use; printable, at most MaxLabel bytes
	ConsentRef string // where the site keeps the person's consent; required, at most MaxConsentRef bytes
	ModelID    [32]byte
	Lane       uint8 // that Code was made in
	Code       template.Code
	Expires    time.Time // required; kept to the second
}

// Enrol stores a person and the person's record. Both are on disk when it returns. It refuses with ErrLabel, ErrExists,
// ErrNoConsent or ErrExpiry.
func (s *Store) Enrol(e Enrolment) (Person, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if err := s.check(e, now); err != nil {
		return Person{}, err
	}
	p := Person{
		Lane: e.Lane, Label: e.Label, ConsentRef: e.ConsentRef,
		Enrolled: now.UTC().Truncate(24 * time.Hour), Expires: e.Expires.UTC().Truncate(time.Second),
	}
	for _, id := range [][]byte{p.ID[:], p.Record[:], p.consentID[:]} {
		if _, err := io.ReadFull(s.rand, id); err != nil {
			return Person{}, fmt.Errorf("store: no randomness: %w", err)
		}
	}
	record, err := template.Seal(s.faces.key, s.rand, s.header(p, e.ModelID), e.Code)
	if err != nil {
		return Person{}, err
	}
	row, err := sealPerson(s.people.key, s.rand, p)
	if err != nil {
		return Person{}, fmt.Errorf("store: %w", err)
	}
	// In this order, because a person without a record is damage and a record without a person is swept.
	if err := s.faces.add(p.Record, record); err != nil {
		return Person{}, err
	}
	if err := s.people.add(p.ID, row); err != nil {
		return Person{}, errors.Join(err, s.load()) // what a failed commit has left is for the disk to say
	}
	s.byName[p.Label] = p
	return p, nil
}

// Check says, before anybody is captured, why Enrol would refuse e. The Code and its lane do not count.
func (s *Store) Check(e Enrolment) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.check(e, s.now())
}

func (s *Store) check(e Enrolment, now time.Time) error {
	if !validLabel(e.Label) {
		return hint.Wrap(fmt.Errorf("store: %w", ErrLabel), "choose a short name or number without line breaks")
	}
	if _, ok := s.byName[e.Label]; ok {
		return hint.Wrap(fmt.Errorf("store: %q: %w", e.Label, ErrExists), "choose another label, or erase this one first")
	}
	if strings.TrimSpace(e.ConsentRef) == "" || len(e.ConsentRef) > MaxConsentRef {
		return hint.Wrap(fmt.Errorf("store: %w", ErrNoConsent), "get the person's consent and give its number or place")
	}
	if !e.Expires.Truncate(time.Second).After(now) {
		return hint.Wrap(fmt.Errorf("store: %w", ErrExpiry), "give the day on which the person's right to the door ends")
	}
	return nil
}

// header returns what p's record is bound to.
func (s *Store) header(p Person, modelID [32]byte) template.Header {
	return template.Header{
		Scheme: template.SchemeS1, Lane: p.Lane, Epoch: epoch, RecordID: p.Record, ModelID: modelID,
		DeviceID: s.id, ConsentID: p.consentID, Expiry: p.Expires.Unix(),
	}
}

// People returns everybody enrolled, in the order of their labels. Those who have expired are among them until erased.
func (s *Store) People() ([]Person, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	people := make([]Person, 0, len(s.byName))
	for _, p := range s.byName {
		people = append(people, p)
	}
	slices.SortFunc(people, func(a, b Person) int { return cmp.Compare(a.Label, b.Label) })
	return people, nil
}

// Records opens the records made with a model, but for those that have expired. A record that does not open, or is not
// the one that its person is linked to, is ErrDamaged.
func (s *Store) Records(modelID [32]byte) ([]template.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	owner := make(map[template.RecordID]Person, len(s.byName))
	for _, p := range s.byName {
		owner[p.Record] = p
	}
	now := s.now()
	records := make([]template.Record, 0, len(owner))
	err := s.faces.each(func(id [16]byte, row []byte) error {
		p, ok := owner[id]
		if !ok {
			return nil // an enrolment or erasure that failed half-way, and was not acknowledged
		}
		h, code, err := template.Open(s.faces.key, row)
		if err != nil {
			return s.faces.damaged(err)
		}
		if h != s.header(p, h.ModelID) {
			return s.faces.damaged(errors.New("a record is not the one that was enrolled"))
		}
		if h.ModelID == modelID && now.Before(p.Expires) {
			records = append(records, template.Record{ID: id, Person: p.ID, Lane: h.Lane, Code: code})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return records, nil
}

// Erase removes the person enrolled under label, and the person's record, from the disk, and returns whose records are
// now to leave the index. No copy of the databases made before opens with a key that still exists. If Erase fails, the
// person counts as enrolled and may or may not be when the store is opened again; it can be repeated. It refuses with
// ErrUnknown.
func (s *Store) Erase(label string) (template.PersonID, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.byName[label]
	if !ok {
		return template.PersonID{}, hint.Wrap(fmt.Errorf("store: %q: %w", label, ErrUnknown), "list the labels with: facegate people")
	}
	if err := s.erase([]Person{p}); err != nil {
		return template.PersonID{}, err
	}
	return p.ID, nil
}

// EraseExpired erases everybody whose enrolment has expired at now, at the cost of one, and returns who they were.
func (s *Store) EraseExpired(now time.Time) ([]template.PersonID, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var expired []Person
	var ids []template.PersonID
	for _, p := range s.byName {
		if !now.Before(p.Expires) {
			expired, ids = append(expired, p), append(ids, p.ID)
		}
	}
	if len(expired) == 0 {
		return nil, nil
	}
	if err := s.erase(expired); err != nil {
		return nil, err
	}
	return ids, nil
}

func (s *Store) erase(people []Person) error {
	stay := make(map[[16]byte]bool)
	for _, p := range s.byName {
		stay[p.ID], stay[p.Record] = true, true
	}
	for _, p := range people {
		stay[p.ID], stay[p.Record] = false, false
	}
	// In this order, for the same reason as in Enrol.
	for _, v := range s.vaults() {
		if err := v.rewrite(func(id [16]byte) bool { return stay[id] }); err != nil {
			return err
		}
	}
	for _, p := range people {
		delete(s.byName, p.Label)
		s.left[s.hash(p.Label)] = p.Lane
	}
	return nil
}
