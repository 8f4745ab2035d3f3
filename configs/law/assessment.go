package law

import (
	"crypto/sha256"
	"encoding/json"
)

// An Assessment names the impact assessment that was made before the gate was put to use (PIPL 55, GDPR 35), or in us-il the
// public policy (740 ILCS 14/15(a)).
type Assessment struct {
	ID      string // reference; the URL of the policy in us-il
	Date    string // time.DateOnly
	Version string // of the document
}

// A Basis is what an assessment covers. Where another one is in use the operator assesses again.
type Basis struct {
	Networks []string // ids, in the order in which they are used
	Mode     Mode     // never AutoMode
	Purposes []string // that the notices state, "" for a language without one
}

// Hash tells one Basis from another.
func (b Basis) Hash() ([sha256.Size]byte, error) {
	text, err := json.Marshal(b)
	return sha256.Sum256(text), err
}
