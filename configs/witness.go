package configs

import (
	"fmt"
	"slices"
	"time"
)

const (
	// maxWitnesses bounds how many witnesses a gate asks, so that a checkpoint with all their signatures is one small message.
	maxWitnesses = 8

	maxVerifierKey = 256 // bytes; the name of the witness is part of it

	// longestAsking is the longest time between two checkpoints: a month, where somebody carries them.
	longestAsking = 31 * 24 * time.Hour
)

// Witness is who cosigns how far the audit log of this gate has come.
type Witness struct {
	Keys  []string      `yaml:"keys"`  // verifier keys of witnesses (https://c2sp.org/signed-note), as texts; none: nothing is sent
	Every time.Duration `yaml:"every"` // after which the next checkpoint is sent, whatever has happened
}

// Patience returns after which time without a word of any witness something is wrong: three times that in which they are asked, and a day
// at least.
func (w Witness) Patience() time.Duration { return max(24*time.Hour, 3*w.Every) }

// witness checks who cosigns. Whether a key is one is for whoever verifies by it to say.
func (d *document) witness(w *Witness) {
	within(d, "witness.every", w.Every, time.Minute, longestAsking)
	d.check(len(w.Keys) <= maxWitnesses, "witness.keys", "has more than %d witnesses", maxWitnesses)
	for i, key := range w.Keys {
		at := WitnessKey(i)
		d.check(len(key) <= maxVerifierKey, at, "is longer than %d bytes", maxVerifierKey)
		d.check(!slices.Contains(w.Keys[:i], key), at, "is in the list a second time")
	}
}

// WitnessKey is the key of a witness in their list.
func WitnessKey(i int) string { return fmt.Sprintf("witness.keys[%d]", i+1) }
