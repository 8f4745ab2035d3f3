package order

import (
	"encoding/json"
	"errors"
	"fmt"
)

// ReplySchema names the version of Reply.
const ReplySchema = "reply/1"

// ErrReply refuses what is no answer to an order.
var ErrReply = errors.New("not an answer to an order")

// A Result is what came of an order.
type Result string

// The results.
const (
	Opened  Result = "opened"  // the door was opened, or was open already
	Refused Result = "refused" // the door stays as it is
)

// A Reason is why an order was refused. There are no others.
type Reason string

// The reasons.
const (
	Expired   Reason = "expired"   // by the clock of the gate
	Early     Reason = "early"     // it was given in the future, by the clock of the gate
	Clock     Reason = "clock"     // the gate does not know what time it is
	Queued    Reason = "queued"    // it was given before this connection of the gate to the broker, and may have waited there
	Rules     Reason = "rules"     // no rule of the door lets an order open it, or none at this time
	Shut      Reason = "shut"      // the door is shut to all at this time
	Interlock Reason = "interlock" // another door is open, and only one of the two may be
	Passing   Reason = "passing"   // somebody is passing; it may be given again at once
	Record    Reason = "record"    // it could not be written down
	Fault     Reason = "fault"     // the door could not be driven
)

// Reasons lists every Reason.
func Reasons() []Reason {
	return []Reason{Expired, Early, Clock, Queued, Rules, Shut, Interlock, Passing, Record, Fault}
}

// A Reply is what a gate answers to an order that a registered key has signed for it. It says nothing of whose key that is.
type Reply struct {
	Schema string  `json:"schema" jsonschema:"enum=reply/1"`
	Nonce  string  `json:"nonce" jsonschema:"pattern=^[0-9a-f]{16}$"` // of the order, 16 hexadecimal digits
	Result Result  `json:"result"`                                    // what came of it
	Reason *Reason `json:"reason" jsonschema:"nullable"`              // why it was refused; null if it was not
}

// Answer returns the answer to an order, which was refused unless why is "".
func Answer(n Nonce, why Reason) ([]byte, error) {
	r := Reply{Schema: ReplySchema, Nonce: n.String(), Result: Opened}
	if why != "" {
		r.Result, r.Reason = Refused, &why
	}
	return json.Marshal(r)
}

// ReadReply reads an answer of a gate, with why the order was refused, "" if it was not. It refuses with ErrReply.
func ReadReply(payload []byte) (n Nonce, why Reason, err error) {
	var r Reply
	if len(payload) > MaxSize || json.Unmarshal(payload, &r) != nil || r.Schema != ReplySchema || number(n[:], r.Nonce) != nil {
		return Nonce{}, "", ErrReply
	}
	switch {
	case r.Result == Opened && r.Reason == nil:
		return n, "", nil
	case r.Result == Refused && r.Reason != nil && *r.Reason != "":
		return n, *r.Reason, nil
	}
	return Nonce{}, "", fmt.Errorf("%w: result and reason do not go together", ErrReply)
}
