package templatetest

import (
	"crypto/sha256"
	"fmt"
)

// Key returns a key that is as good as random and the same in every run.
func Key(parts ...any) [32]byte { return sha256.Sum256(fmt.Append(nil, parts...)) }
