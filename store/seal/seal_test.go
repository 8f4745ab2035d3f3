package seal_test

import (
	"crypto/rand"
	"testing"

	"facegate/store/seal"
)

// A value that was sealed in one place opens in no other.
func TestSealedValueIsBoundToItsLabel(t *testing.T) {
	sealed, err := seal.Value([32]byte{1}, rand.Reader, "here", []byte("value"))
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := seal.Open([32]byte{1}, "here", sealed); err != nil || string(plain) != "value" {
		t.Errorf("got %q, %v", plain, err)
	}
	if _, err := seal.Open([32]byte{1}, "there", sealed); err == nil {
		t.Error("it opens under another label")
	}
	if _, err := seal.Open([32]byte{2}, "here", sealed); err == nil {
		t.Error("it opens under another key")
	}
	for n := range sealed {
		if _, err := seal.Open([32]byte{1}, "here", sealed[:n]); err == nil {
			t.Errorf("it opens when cut to %d bytes", n)
		}
	}
}
