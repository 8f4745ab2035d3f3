package tpm_test

import (
	"testing"

	"facegate/store/anchor"
	"facegate/store/tpm/tpmtest"
)

// BenchmarkUnseal measures how long a gate waits for its key when it is started. The TPM is emulated: a chip takes longer.
func BenchmarkUnseal(b *testing.B) {
	c := tpmtest.New(b)
	path := create(b, c.Chip)
	for b.Loop() {
		unsealed(b, c.Chip, path)
	}
}

// BenchmarkCount measures what an erasure waits for longer.
func BenchmarkCount(b *testing.B) {
	c := tpmtest.New(b)
	counter := c.Key(create(b, c.Chip)).Counter()
	n := uint64(0)
	for b.Loop() {
		n++
		must(b, counter.Remember(anchor.Memory{Count: n}))
	}
}

// BenchmarkLast measures what a start waits for longer, besides the key.
func BenchmarkLast(b *testing.B) {
	c := tpmtest.New(b)
	counter := c.Key(create(b, c.Chip)).Counter()
	must(b, counter.Remember(anchor.Memory{Count: 1}))
	for b.Loop() {
		mustCount(b, counter, 1)
	}
}
