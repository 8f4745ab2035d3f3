// Package anchortest holds a place for anchors to what a store relies on.
package anchortest

import (
	"bytes"
	"errors"
	"testing"

	"facegate/store/anchor"
)

// Run checks a place. Each call of fresh returns a new one that was never told anything, as a function that opens it as after a
// restart.
func Run(t *testing.T, fresh func(*testing.T) (open func() anchor.Place)) {
	t.Run("nothing", func(t *testing.T) {
		open := fresh(t)
		mustHold(t, open(), anchor.Memory{})
		if err := open().Forget(); err != nil {
			t.Errorf("nothing is not forgotten: %v", err)
		}
		if open().Class() == "" {
			t.Error("no class")
		}
	})
	t.Run("restart", func(t *testing.T) {
		open := fresh(t)
		for n := uint64(1); n <= 5; n++ {
			m := memory(n)
			for range 2 { // what was told before, again, is no mistake: a power cut has the store do so
				must(t, open().Remember(m))
				mustHold(t, open(), m)
			}
		}
	})
	t.Run("one opening", func(t *testing.T) {
		place := fresh(t)()
		for _, n := range []uint64{1, 2, 7, 8} { // a gate that is told late of a place begins where it is
			must(t, place.Remember(memory(n)))
			mustHold(t, place, memory(n))
		}
	})
	t.Run("forgotten", func(t *testing.T) {
		open := fresh(t)
		for range 2 { // a gate that was wiped may begin anew
			must(t, open().Remember(memory(1)))
			must(t, open().Remember(memory(2)))
			must(t, open().Forget())
			mustHold(t, open(), anchor.Memory{})
			must(t, open().Forget())
		}
	})
}

func memory(n uint64) anchor.Memory {
	return anchor.Memory{Count: n, Sealed: bytes.Repeat([]byte{byte(n)}, int(n)*100)}
}

// mustHold checks what is remembered. Of no count it is nothing; a place may hold the count alone.
func mustHold(t *testing.T, place anchor.Place, want anchor.Memory) {
	t.Helper()
	got, err := place.Last()
	if want.Count == 0 {
		if !errors.Is(err, anchor.ErrNone) {
			t.Errorf("count %d, %v, want none", got.Count, err)
		}
		return
	}
	if err != nil || got.Count != want.Count || got.Sealed != nil && !bytes.Equal(got.Sealed, want.Sealed) {
		t.Errorf("count %d with %d bytes, %v, want %d with %d", got.Count, len(got.Sealed), err, want.Count, len(want.Sealed))
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
