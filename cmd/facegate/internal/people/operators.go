package people

import (
	"context"
	"encoding/hex"
	"time"

	"facegate/configs/hint"
	"facegate/store"
	"facegate/store/pubkey"
)

// An Operator opens this door from afar, by orders that their key has signed.
type Operator struct {
	Name  string    `json:"name"`       // of the key, for those at the gate alone
	ID    string    `json:"id"`         // of the key, as orders have it, in hexadecimal
	Key   string    `json:"public_key"` // in hexadecimal
	Since time.Time `json:"since"`      // the day on which it was registered
}

// Operators are all who open this door from afar, and what whoever gives an order has to know of the gate.
type Operators struct {
	Gate      string     `json:"gate"`   // site and gate
	Device    string     `json:"device"` // the public key of the device, in hexadecimal
	Operators []Operator `json:"operators"`
}

// An OperatorRequest asks for the key of an operator to be registered.
type OperatorRequest struct {
	Name string `json:"name"`
	Key  string `json:"public_key"` // in hexadecimal
}

// Clean brings what people typed into its one form, or says what of it cannot be kept.
func (r *OperatorRequest) Clean() error { return CleanOperator(&r.Name) }

// CleanOperator brings the name of an operator's key that somebody typed into its one form, or says what of it cannot be kept.
func CleanOperator(name *string) error { return store.OperatorLine.CleanIn(name) }

// Operators implements Records.
func (b bound) Operators(context.Context) (Operators, error) {
	all := Operators{Device: hex.EncodeToString(b.store.Device().PublicKey), Operators: []Operator{}}
	for _, d := range b.terms.Doors {
		if !d.IsGroup() {
			all.Gate = d.String()
		}
	}
	for _, o := range b.store.Credentials().Orders().Operators() {
		all.Operators = append(all.Operators, operator(o))
	}
	return all, nil
}

func operator(o store.Operator) Operator {
	return Operator{o.Name, o.ID().String(), hex.EncodeToString(o.Key), o.Since}
}

// AddOperator implements Records.
func (b bound) AddOperator(_ context.Context, r OperatorRequest) (Operator, error) {
	key, err := pubkey.Parse(r.Key)
	if err != nil {
		return Operator{}, hint.Wrap(store.ErrOperatorKey, "give the 64 hexadecimal digits of the file that facegate key new has written beside the key, "+
			"or the line that begins with ssh-ed25519")
	}
	o, err := b.store.Credentials().Orders().AddOperator(r.Name, key, b.by)
	if err != nil {
		return Operator{}, err
	}
	return operator(o), nil
}

// RemoveOperator implements Records.
func (b bound) RemoveOperator(_ context.Context, name string) (Operator, error) {
	o, err := b.store.Credentials().Orders().RemoveOperator(name, b.by)
	if err != nil {
		return Operator{}, err
	}
	return operator(o), nil
}
