package store

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"facegate/configs/hint"
	"facegate/pipeline/template"
	"facegate/pipeline/visitor"
	"facegate/store/audit"
	"facegate/store/clock"
	"facegate/store/vault"
)

// Why a visitor's pass opens nothing, besides visitor.ErrText, visitor.ErrDoor, visitor.ErrSignature, ErrNotYet, ErrOver and ErrUsedUp.
var (
	ErrOffice  = errors.New("the visitor's pass is of no office that is registered here")
	ErrRevoked = errors.New("the visitor's pass was revoked")
	ErrUndated = errors.New("a visitor's pass opens nothing while the clock is not known to be right")
	ErrBefore  = errors.New("the visitor's pass began before the gate was restored, and may have been used or revoked by then")

	// ErrRevokedFull means that MaxRevoked are revoked already.
	ErrRevokedFull = errors.New("no more visitors' passes can be revoked")
)

const (
	// MaxOffices is how many offices a store keeps at most.
	MaxOffices = 64

	// MaxRevoked is how many passes can be revoked at a time.
	MaxRevoked = 10_000

	// visitKind is that of a visitor's pass in template.Index, beside the kinds of credentials.
	visitKind = 64
)

// Visits keeps what a gate has to know of visitors' passes, which themselves are on no list: the keys of the offices that issue
// them, which of them were revoked, and how often those were used that open so many times only. When a pass has certainly ended
// the last two are dropped with the next Prune, so that nobody can read from a store who came by a pass that is over.
//
// Find and Use take no lock of the store. Find waits for no disk, and Use for journal.db alone: whoever is erased meanwhile holds
// up no visitor.
type Visits struct{ s *Store }

// Visits returns what the store keeps of visitors' passes.
func (w Credentials) Visits() Visits { return Visits(w) }

// A Visit is a visitor's pass that was shown.
type Visit struct {
	visitor.Pass
	Office Office       // whose key has signed it; zero for none that is registered
	Door   visitor.Door // of those asked for; zero if it is for none of them
	Left   int          // how many of Uses are left
}

// A KnownVisit is what is kept of a visitor's pass.
type KnownVisit struct {
	Number  visitor.Number
	Used    int       // how often it was used, where that is counted
	Revoked bool      // it opens nothing any more
	Until   time.Time // when it ends, or certainly has; zero where that is known once the clock is right

	// ByNumber says that the pass itself was never here: it was revoked by its number alone. So Until is visitor.LastEnd of then.
	ByNumber bool
}

// visits is what Visits keeps, in memory. What has been acknowledged is on disk too.
type visits struct {
	changing sync.Mutex // held over a change, first on disk and then in memory. Whoever takes Store.mu as well takes that first

	mu      sync.RWMutex // guards what follows; nobody waits for a disk under it
	offices map[visitor.KeyID]Office
	known   map[visitor.Number]KnownVisit

	// restored is when the store was, from a backup that does not say which passes were used after it, or when it took the place of a
	// damaged one.
	restored moment
}

func (v *visits) office(id visitor.KeyID) (Office, bool) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	o, ok := v.offices[id]
	return o, ok
}

// since returns from when a pass has to begin; zero for any time.
func (v *visits) since(now clock.Verdict) time.Time {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.restored.dated(now)
}

// of returns what is known of a pass.
func (v *visits) of(n visitor.Number) KnownVisit {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if k, ok := v.known[n]; ok {
		return k
	}
	return KnownVisit{Number: n}
}

func (v *visits) put(k KnownVisit) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.known[k.Number] = k
}

// Find returns the pass with a text, and why it opens none of doors now: see ErrOffice. Of a pass that opens the error is nil. It is
// not used by that; see Use. What of the Visit is known is there with an error too.
func (v Visits) Find(t string, doors []visitor.Door) (Visit, error) {
	signed, err := visitor.Parse(t)
	if err != nil {
		return Visit{}, hint.Wrap(err, "show the code of the pass as it was printed")
	}
	found := Visit{Pass: signed.Pass, Left: signed.Uses}
	o, ok := v.s.visits.office(signed.Key)
	if !ok {
		return found, visitError(ErrOffice)
	}
	found.Office = o
	if found.Door, err = signed.Verify(o.Key, doors); err != nil {
		return found, visitError(err)
	}
	known := v.s.visits.of(signed.Number())
	found.Left = max(signed.Uses-known.Used, 0)
	now := v.s.look()
	err = known.spent(signed.Until(), signed.Uses, now)
	switch {
	case err != nil:
	case now.Wall.Before(signed.From):
		err = ErrNotYet
	case signed.From.Before(v.s.visits.since(now)):
		err = ErrBefore
	}
	if err != nil {
		return found, visitError(err)
	}
	return found, nil
}

// spent says why a pass that ends at until, and opens so many times, opens nothing, whenever it begins. A wall clock that is believed
// counts as it is: what is certain may lag hours behind it after a power cut, and the visitor of this morning would not get in.
func (k KnownVisit) spent(until time.Time, uses int, v clock.Verdict) error {
	switch {
	case k.Revoked:
		return ErrRevoked
	case !v.Right():
		return ErrUndated
	case !v.Latest.Before(until):
		return ErrOver
	case uses != 0 && k.Used >= uses:
		return ErrUsedUp
	}
	return nil
}

// visitError gives advice about a visitor's pass that opens nothing.
func visitError(err error) error {
	advice := "ask the office that has issued it for another one"
	switch {
	case errors.Is(err, ErrOffice):
		advice = "register the public key of the office: facegate pass key add NAME FILE"
	case errors.Is(err, ErrUndated):
		advice = "see what is known of the clock: facegate clock"
	case errors.Is(err, ErrNotYet):
		advice = "come when it begins"
	}
	return hint.Wrap(err, "%s", advice)
}

// Use takes one use of a pass that Find has returned, by its id. Where the uses are counted this is on disk, twice, when Use returns
// nil: whoever opens a door after that opens it once for it, whenever the power goes. It refuses like Find. If it fails otherwise,
// the use may be gone.
func (v Visits) Use(id visitor.ID) error {
	own := &v.s.visits
	own.changing.Lock()
	defer own.changing.Unlock()
	if _, ok := own.office(id.Number().Key); !ok {
		return visitError(ErrOffice)
	}
	known := own.of(id.Number())
	if err := known.spent(id.Until(), id.Uses(), v.s.look()); err != nil {
		return visitError(err)
	}
	if id.Uses() == 0 {
		return nil
	}
	known.Used, known.Until = known.Used+1, id.Until()
	return v.s.keepVisit(known)
}

// keepVisit writes what is known of a pass. visits.changing must be held. If it fails memory has what is on disk, or that the pass
// was used where nobody can tell.
func (s *Store) keepVisit(k KnownVisit) error {
	row := s.visitRow(k.Number)
	failed := s.journal.Commit(vault.Change{Puts: []vault.Put{s.journal.Value(row, k.encode())}})
	if failed != nil {
		if plain, err := s.journal.GetValue(row); err == nil && plain == nil {
			k = KnownVisit{Number: k.Number}
		} else if there, err := decodeVisit(plain); err == nil {
			k = there
		}
	}
	s.visits.put(k)
	return failed
}

// Revoke has a pass open nothing any more. until is when it ends, zero where nobody can tell: then it stays revoked until no pass
// that was issued by now can be valid. It returns what is kept, and refuses with ErrOffice, and with ErrRevokedFull.
func (v Visits) Revoke(n visitor.Number, until time.Time, by audit.Actor) (KnownVisit, error) {
	v.s.mu.Lock()
	defer v.s.mu.Unlock()
	if err := v.s.ready(); err != nil {
		return KnownVisit{}, err
	}
	own := &v.s.visits
	own.changing.Lock()
	defer own.changing.Unlock()
	if _, ok := own.office(n.Key); !ok {
		return KnownVisit{}, visitError(ErrOffice)
	}
	known := own.of(n)
	switch v := v.s.look(); {
	case !until.IsZero():
		known.Until, known.ByNumber = until.UTC(), false
	case known.Until.IsZero():
		known.Until, known.ByNumber = lastEnd(v), true
	}
	if !known.Revoked && own.revoked() >= MaxRevoked {
		return KnownVisit{}, hint.Wrap(ErrRevokedFull, "make a new key for the office (facegate pass key new), and remove the old one: all passes by it end then")
	}
	known.Revoked = true
	if err := v.s.keepVisit(known); err != nil {
		return KnownVisit{}, err
	}
	return known, v.s.note(v.s.now(), v.s.state, audit.Entry{Kind: audit.VisitRevoked, Actor: by})
}

// lastEnd returns when every pass that was issued by now has ended; zero while the clock is not known to be right.
func lastEnd(v clock.Verdict) time.Time {
	if !v.Right() {
		return time.Time{}
	}
	return visitor.LastEnd(v.Latest).UTC().Truncate(time.Second)
}

// revoked counts the passes that are revoked, of offices that are registered: all others open nothing anyway.
func (v *visits) revoked() (n int) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	for _, k := range v.known {
		if _, here := v.offices[k.Number.Key]; here && k.Revoked {
			n++
		}
	}
	return n
}

// List returns what is kept of passes, in the order of when they end, those of which nobody knows that yet first.
func (v Visits) List() []KnownVisit {
	own := &v.s.visits
	own.mu.RLock()
	defer own.mu.RUnlock()
	return slices.SortedFunc(maps.Values(own.known), func(a, b KnownVisit) int {
		return cmp.Or(a.Until.Compare(b.Until), bytes.Compare(a.Number.Serial[:], b.Number.Serial[:]))
	})
}

// A visitRow is a KnownVisit in journal.db. Its length is fixed.
type visitRow struct {
	Key               visitor.KeyID
	Serial            visitor.Serial
	Used              uint8
	Revoked, ByNumber bool
	Until             int64 // Unix time in seconds; 0 for not known
}

// visitRow returns the name of the row of a pass. Without the device key nobody can tell from it which pass that is.
func (s *Store) visitRow(n visitor.Number) vault.Row {
	return vault.At(visitsTable, template.Index(s.device, visitKind, slices.Concat(n.Key[:], n.Serial[:])))
}

func (k KnownVisit) encode() []byte {
	var b bytes.Buffer
	row := visitRow{k.Number.Key, k.Number.Serial, uint8(k.Used), k.Revoked, k.ByNumber, unixOrZero(k.Until)}
	binary.Write(&b, binary.BigEndian, row) // into memory, of a fixed length: it cannot fail
	return b.Bytes()
}

// decodeVisit reads what encode has written.
func decodeVisit(plain []byte) (KnownVisit, error) {
	var row visitRow
	if n, err := binary.Decode(plain, binary.BigEndian, &row); err != nil || n != len(plain) {
		return KnownVisit{}, errors.New("what is kept of a visitor's pass is not in the form of this version")
	}
	return KnownVisit{visitor.Number{Key: row.Key, Serial: row.Serial}, int(row.Used), row.Revoked, timeOrZero(row.Until), row.ByNumber}, nil
}

// loadVisits reads what is kept of visitors' passes.
func (s *Store) loadVisits() error {
	known := make(map[visitor.Number]KnownVisit)
	if err := s.journal.EachValue(visitsTable, func(_ [16]byte, plain []byte) error {
		k, err := decodeVisit(plain)
		if err != nil {
			return s.journal.Damaged(err)
		}
		known[k.Number] = k
		return nil
	}); err != nil {
		return err
	}
	s.visits.mu.Lock()
	defer s.visits.mu.Unlock()
	s.visits.known = known
	return nil
}

// dateVisits says of the passes that were revoked by their number, while the clock was not known to be right, when they have certainly
// ended. visits.changing must be held.
func (s *Store) dateVisits(v clock.Verdict) error {
	if !v.Right() {
		return nil
	}
	for _, k := range (Visits{s}).List() {
		if !k.Until.IsZero() {
			break // they are at the beginning
		}
		k.Until = lastEnd(v)
		if err := s.keepVisit(k); err != nil {
			return err
		}
	}
	return nil
}

// and returns what is known of a pass by both of two, which may be of different times.
func (k KnownVisit) and(other KnownVisit) KnownVisit {
	k.Used, k.Revoked = max(k.Used, other.Used), k.Revoked || other.Revoked
	if k.Until.IsZero() || k.ByNumber && !other.Until.IsZero() && !other.ByNumber {
		k.Until, k.ByNumber = other.Until, other.ByNumber
	}
	return k
}

// endedVisits returns the rows of passes that have certainly ended, and their numbers.
func (s *Store) endedVisits(v clock.Verdict) map[vault.Row]visitor.Number {
	ended := make(map[vault.Row]visitor.Number)
	s.visits.mu.RLock()
	defer s.visits.mu.RUnlock()
	for n, k := range s.visits.known {
		if !k.Until.IsZero() && !v.Certain.Before(k.Until) {
			ended[s.visitRow(n)] = n
		}
	}
	return ended
}

// forget drops what is known of passes.
func (v *visits) forget(numbers map[vault.Row]visitor.Number) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, n := range numbers {
		delete(v.known, n)
	}
}
