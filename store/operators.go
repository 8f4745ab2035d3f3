package store

import (
	"bytes"
	"cmp"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"facegate/configs/hint"
	"facegate/configs/text"
	"facegate/pipeline/order"
	"facegate/store/audit"
	"facegate/store/pubkey"
)

// Why the key of an operator is not registered, or not removed.
var (
	ErrOperatorKey  = errors.New("the key of the operator cannot be registered")
	ErrOperatorName = errors.New("no operator's key is registered under this name")
)

// MaxOperators is how many keys of operators a store keeps at most.
const MaxOperators = 64

// OperatorLine is what the name of an operator's key may be.
var OperatorLine = text.Line{Name: "the name of an operator's key", Max: MaxLabel}

// An Operator opens this door from afar, by orders, for as long as the key is registered. Nobody at the other end is told the name.
type Operator struct {
	Name  string            // as whoever registered the key calls it
	Key   ed25519.PublicKey // of the signatures
	Since time.Time         // the day, at midnight UTC
}

// ID returns the id of the operator's key, which orders have.
func (o Operator) ID() order.KeyID { return order.KeyOf(o.Key) }

// register takes the operators whose orders are carried out, and wakes whoever waits for others.
func (k *orders) register(st state) {
	operators := make(map[order.KeyID]Operator, len(st.Operators))
	for _, o := range st.Operators {
		operators[o.ID()] = o
	}
	same := func(a, b Operator) bool { return a.Name == b.Name && a.Key.Equal(b.Key) }
	k.mu.Lock()
	defer k.mu.Unlock()
	if maps.EqualFunc(k.operators, operators, same) {
		return
	}
	k.operators = operators
	close(k.changed)
	k.changed = make(chan struct{})
}

// Operators returns the operators whose keys are registered, by name.
func (o Orders) Operators() []Operator {
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	return slices.Clone(o.s.state.Operators)
}

// Wanted reports whether there is an operator whose orders are carried out, and returns what is closed when that may have changed. It
// takes no lock of the store.
func (o Orders) Wanted() (wanted bool, changed <-chan struct{}) {
	k := &o.s.orders
	k.mu.RLock()
	defer k.mu.RUnlock()
	return len(k.operators) > 0, k.changed
}

// AddOperator registers the key of an operator: orders that it signs open this door. It refuses with ErrOperatorKey.
func (o Orders) AddOperator(name string, key ed25519.PublicKey, by audit.Actor) (Operator, error) {
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	if err := o.s.ready(); err != nil {
		return Operator{}, err
	}
	added := Operator{name, slices.Clone(key), day(o.s.now())}
	if err := o.s.admitsOperator(o.s.state.Operators, added); err != nil {
		return Operator{}, err
	}
	next := o.s.state
	next.Operators = append(slices.Clone(next.Operators), added)
	slices.SortFunc(next.Operators, byOperatorName)
	e := audit.Entry{Kind: audit.OperatorAdded, Actor: by, Digest: sha256.Sum256(key)}
	next.Burial = o.s.disown(nil, [][16]byte{o.s.operatorMark(key)})
	if err := o.s.note(o.s.now(), next, e); err != nil {
		return Operator{}, err
	}
	o.s.orders.register(o.s.state)
	return added, nil
}

func byOperatorName(a, b Operator) int { return cmp.Compare(a.Name, b.Name) }

// admitsOperator says why the key of an operator cannot be registered beside those of others.
func (s *Store) admitsOperator(others []Operator, o Operator) error {
	refused := func(why, advice string) error {
		return hint.Wrap(fmt.Errorf("%w: %s", ErrOperatorKey, why), "%s", advice)
	}
	if err := OperatorLine.Check(o.Name); err != nil || o.Name == "" {
		return cmp.Or(err, refused("it has no name", "give the key a name"))
	}
	if err := pubkey.Check(o.Key); err != nil {
		return refused("it is no public key of Ed25519", "name the file that ends with .pub, which facegate key new or ssh-keygen -t ed25519 has written")
	}
	if o.Key.Equal(s.publicKey()) {
		return refused("it is that of this device", "register the public key of whoever is to open the door, as facegate key new makes one")
	}
	for _, other := range others {
		switch {
		case bytes.Equal(other.Key, o.Key):
			return refused("it is registered already, as "+other.Name, "there is nothing to do")
		case other.Name == o.Name:
			return refused("another one is registered as "+other.Name, "choose another name, or remove the old key first: facegate key remove NAME")
		case other.ID() == o.ID():
			return refused("it has the same id as that of "+other.Name, "make another key: facegate key new FILE")
		}
	}
	if len(others) >= MaxOperators {
		return refused(fmt.Sprintf("there are %d already", MaxOperators), "remove one that gives no orders any more: facegate key remove NAME")
	}
	return nil
}

// RemoveOperator ends the key of an operator: no order that it has signed opens this door any more. What was given stays given,
// whoever registers the key again. It refuses with ErrOperatorName.
func (o Orders) RemoveOperator(name string, by audit.Actor) (Operator, error) {
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	if err := o.s.ready(); err != nil {
		return Operator{}, err
	}
	i := slices.IndexFunc(o.s.state.Operators, func(o Operator) bool { return o.Name == name })
	if i < 0 {
		return Operator{}, hint.Wrap(fmt.Errorf("%q: %w", name, ErrOperatorName), "list them with: facegate key list")
	}
	removed, next := o.s.state.Operators[i], o.s.state
	next.Operators = slices.Delete(slices.Clone(next.Operators), i, i+1)
	e := audit.Entry{Kind: audit.OperatorRemoved, Actor: by, Digest: sha256.Sum256(removed.Key)}
	next.Burial = o.s.disown([][16]byte{o.s.operatorMark(removed.Key)}, nil)
	if err := o.s.note(o.s.now(), next, e); err != nil {
		return Operator{}, err
	}
	o.s.orders.register(o.s.state)
	return removed, nil
}
