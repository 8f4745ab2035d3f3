package store

import (
	"bytes"
	"testing"
)

// What was read of a consent, written again, is read as the same.
func FuzzDecodeConsent(f *testing.F) {
	row, err := testEnrolment(0).Consent.encode()
	must(f, err)
	f.Add(row)
	f.Add(bytes.Repeat([]byte{0xff}, consentSize))
	f.Add(row[1:])
	f.Fuzz(func(t *testing.T, row []byte) {
		c, err := decodeConsent([16]byte{1}, row)
		if (err == nil) != (len(row) == consentSize) {
			t.Fatalf("%d bytes: %v", len(row), err)
		}
		if err != nil {
			return
		}
		again, err := c.encode()
		must(t, err)
		if got, err := decodeConsent(c.ID, again); err != nil || got != c {
			t.Errorf("got %+v, want %+v: %v", got, c, err)
		}
	})
}
