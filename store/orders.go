package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"facegate/configs/hint"
	"facegate/pipeline/order"
	"facegate/pipeline/template"
	"facegate/store/audit"
	"facegate/store/clock"
	"facegate/store/vault"
)

// Why an order opens nothing, besides order.ErrForm, order.ErrGate, order.ErrSignature.
var (
	ErrOperator     = errors.New("the order is of no operator whose key is registered here")
	ErrRepeated     = errors.New("the order was given before")
	ErrOrderExpired = errors.New("the order has expired")
	ErrOrderEarly   = errors.New("the order was given in the future")
	ErrOrderClock   = errors.New("an order opens nothing while the clock is not known to be right")
	ErrOrderBefore  = errors.New("the order was given before the gate was restored")

	// ErrOrdersFull means that MaxOrders are remembered already.
	ErrOrdersFull = errors.New("no more orders can be remembered")
)

const (
	// MaxOrders is how many orders are remembered at a time.
	MaxOrders = 10_000

	// maxEarly is by how much the clock of whoever gives an order may be ahead of the gate's.
	maxEarly = 2 * time.Second

	// ordersKept is for how long an order is remembered, by the time that is known to have passed. That is much longer than it is valid:
	// a clock that is not known exactly may be set back by up to a day and be believed.
	ordersKept = 48 * time.Hour

	// maxAhead is how many orders from the future are remembered, which may be for long: the rest is for those that people give now.
	maxAhead = MaxOrders / 2

	// farthest is how far in the future an order counts at most. No gate lasts so long.
	farthest = 100 * 365 * 24 * time.Hour

	// orderKind is that of an order in template.Index, beside the kinds of credentials.
	orderKind = 65
)

// Orders keeps what a gate has to know of orders from afar: the public keys of the operators who may give them, and for a while which
// were given, so that none is carried out twice, whatever happens to the process.
//
// Find and Use take no lock of the store. Find waits for no disk, and Use for journal.db alone.
type Orders struct{ s *Store }

// Orders returns what the store keeps of orders.
func (w Credentials) Orders() Orders { return Orders(w) }

// A Given is an order that somebody has given.
type Given struct {
	order.Order
	Operator Operator // who has signed it for this gate; zero for nobody whose key is registered
}

// orders is what Orders keeps, in memory. What has been acknowledged is on disk too.
type orders struct {
	changing sync.Mutex // held over a change, first on disk and then in memory

	mu        sync.RWMutex // guards what follows; nobody waits for a disk under it
	operators map[order.KeyID]Operator
	changed   chan struct{} // closed when operators are others
	given     map[order.ID]time.Duration
}

func (k *orders) operator(id order.KeyID) (Operator, bool) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	o, ok := k.operators[id]
	return o, ok
}

func (k *orders) was(id order.ID) bool {
	k.mu.RLock()
	defer k.mu.RUnlock()
	_, ok := k.given[id]
	return ok
}

// Find returns the order to this device, as the gate of a name, and why it opens nothing now: see ErrOperator. Of one that opens the
// error is nil. It is not used up by that; see Use. With an Operator the order is genuine, whatever the error says.
func (o Orders) Find(payload []byte, site, name string) (Given, error) {
	signed, err := order.Parse(payload)
	if err != nil {
		return Given{}, err
	}
	operator, ok := o.s.orders.operator(signed.Key)
	if !ok {
		return Given{}, orderError(ErrOperator)
	}
	if err := signed.Verify(operator.Key, order.Gate{Site: site, Name: name, Device: o.s.publicKey()}); err != nil {
		return Given{}, err
	}
	return Given{signed.Order, operator}, orderError(o.s.refusesOrder(signed.Order, o.s.look()))
}

// orderError gives advice about an order that opens nothing.
func orderError(err error) error {
	advice := "give another one"
	switch {
	case errors.Is(err, ErrOperator):
		advice = "register the public key of whoever gives orders: facegate key add NAME FILE"
	case errors.Is(err, ErrOrderClock):
		advice = "see what is known of the clock: facegate clock"
	case errors.Is(err, ErrOrderExpired), errors.Is(err, ErrOrderEarly):
		advice = "compare the clocks of the two machines"
	}
	return hint.Wrap(err, "%s", advice)
}

// refusesOrder says why a genuine order opens nothing. It goes by a wall clock that is believed: what has certainly passed may lag behind it.
func (s *Store) refusesOrder(o order.Order, v clock.Verdict) error {
	switch {
	case s.orders.was(o.ID()):
		return ErrRepeated
	case !v.Right():
		return ErrOrderClock
	case !v.Wall.Before(o.Expires):
		return fmt.Errorf("%w: by the clock of this gate %v ago", ErrOrderExpired, v.Wall.Sub(o.Expires).Round(time.Millisecond))
	case o.Issued.After(v.Wall.Add(maxEarly)):
		return fmt.Errorf("%w: by the clock of this gate in %v", ErrOrderEarly, o.Issued.Sub(v.Wall).Round(time.Millisecond))
	case o.Issued.Before(s.visits.since(v)):
		return ErrOrderBefore
	}
	return nil
}

// Use uses up an order that Find has returned, by its id. That is on disk, twice, when Use returns nil: whoever opens a door after
// that opens it once for it, whenever the power goes. It refuses with ErrOperator, ErrRepeated, ErrOrderClock and ErrOrdersFull. If it
// fails otherwise, the order may be used up.
func (o Orders) Use(id order.ID) error {
	own := &o.s.orders
	own.changing.Lock()
	defer own.changing.Unlock()
	v := o.s.look()
	_, known := own.operator(id.Key())
	switch {
	case !known:
		return orderError(ErrOperator)
	case own.was(id):
		return orderError(ErrRepeated)
	case !v.Right():
		return orderError(ErrOrderClock)
	}
	return o.s.keepOrder(id, v.Count, v)
}

// Spend uses up an order that Find has returned and that opens nothing now, as one from the future. It is not to open anything when
// its time has come either, however long that takes, if the clock is known to be right now. That is on disk, twice, when Spend returns
// nil. It may refuse with ErrOrdersFull.
func (o Orders) Spend(g order.Order) error {
	own := &o.s.orders
	own.changing.Lock()
	defer own.changing.Unlock()
	v := o.s.look()
	at := v.Count
	if v.Right() { // by a clock that is late every order is from the future
		at += min(max(g.Issued.Sub(v.Wall), 0), farthest)
	}
	switch {
	case own.was(g.ID()):
		return nil
	case at > v.Count && own.ahead(v) >= maxAhead:
		return hint.Wrap(ErrOrdersFull, "%d from the future are: set the clock right where orders are given", maxAhead)
	}
	return o.s.keepOrder(g.ID(), at, v)
}

// ahead returns how many orders are remembered that were from the future, and are so still.
func (k *orders) ahead(v clock.Verdict) (n int) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	for _, at := range k.given {
		if at > v.Count {
			n++
		}
	}
	return n
}

// keepOrder writes that an order was given at a count, and drops those of long ago. orders.changing must be held.
func (s *Store) keepOrder(id order.ID, at time.Duration, v clock.Verdict) error {
	over := s.orders.over(v)
	if len(s.orders.given)-len(over) >= MaxOrders { // which changes under changing alone
		return hint.Wrap(ErrOrdersFull, "%d are, of the last two days: see who gives so many", MaxOrders)
	}
	c := vault.Change{Puts: []vault.Put{s.journal.Value(s.orderRow(id), encodeOrder(id, at))}}
	for _, old := range over {
		c.Dels = append(c.Dels, s.orderRow(old))
	}
	err := s.journal.Commit(c)
	s.orders.mu.Lock()
	defer s.orders.mu.Unlock()
	s.orders.given[id] = at // also where nobody can tell whether it is on disk
	if err == nil {
		for _, old := range over {
			delete(s.orders.given, old)
		}
	}
	return err
}

// over returns the orders that need not be remembered any more.
func (k *orders) over(v clock.Verdict) (ids []order.ID) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	for id, at := range k.given {
		if v.Passed(at) >= ordersKept {
			ids = append(ids, id)
		}
	}
	return ids
}

// Opened notes in the audit log that the door was opened by an order, and by whose key.
func (o Orders) Opened(now time.Time, id order.ID) error {
	e := audit.Entry{Kind: audit.OpenedByOrder, Actor: audit.Daemon}
	if operator, ok := o.s.orders.operator(id.Key()); ok {
		e.Digest = sha256.Sum256(operator.Key)
	} else { // it was removed meanwhile
		key := id.Key()
		copy(e.Digest[:], key[:])
	}
	return o.s.Log().note(now, e)
}

// OpenedUnsigned notes in the audit log that the door was opened by an order that nobody had signed.
func (o Orders) OpenedUnsigned(now time.Time) error {
	return o.s.Log().note(now, audit.Entry{Kind: audit.OpenedUnsigned, Actor: audit.Daemon})
}

// orderRow returns the name of the row of an order. Without the device key nobody can tell from it which order that is.
func (s *Store) orderRow(id order.ID) vault.Row {
	return vault.At(ordersTable, template.Index(s.device, orderKind, id[:]))
}

// A givenRow is an order that was given, in journal.db. Its length is fixed.
type givenRow struct {
	ID order.ID
	At int64 // clock.Verdict.Count when it was given or, of one from the future, when it would be issued
}

func encodeOrder(id order.ID, at time.Duration) []byte {
	var b bytes.Buffer
	binary.Write(&b, binary.BigEndian, givenRow{id, int64(at)}) // into memory, of a fixed length: it cannot fail
	return b.Bytes()
}

// loadOrders reads which orders were given.
func (s *Store) loadOrders() error {
	given := make(map[order.ID]time.Duration)
	if err := s.journal.EachValue(ordersTable, func(_ [16]byte, plain []byte) error {
		var row givenRow
		if n, err := binary.Decode(plain, binary.BigEndian, &row); err != nil || n != len(plain) {
			return s.journal.Damaged(errors.New("what is kept of an order is not in the form of this version"))
		}
		given[row.ID] = time.Duration(row.At)
		return nil
	}); err != nil {
		return err
	}
	s.orders.mu.Lock()
	defer s.orders.mu.Unlock()
	s.orders.given = given
	return nil
}
