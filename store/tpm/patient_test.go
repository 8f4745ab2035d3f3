package tpm_test

import (
	"encoding/binary"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-tpm/tpm2"

	"facegate/store/tpm"
)

// A slow TPM gives an answer for a number of times, and then says that it is done.
type slow struct {
	code  tpm2.TPMRC
	times int
	asked int
}

func (s *slow) Send([]byte) ([]byte, error) {
	code := tpm2.TPMRCSuccess
	if s.asked++; s.asked <= s.times {
		code = s.code
	}
	return binary.BigEndian.AppendUint32([]byte{0x80, 0x01, 0, 0, 0, 10}, uint32(code)), nil
}

// TestPatience asks a TPM again that says later, for some seconds, and not one that says no.
func TestPatience(t *testing.T) {
	for _, test := range []struct {
		code         tpm2.TPMRC
		times, asked int
		waited       time.Duration
	}{
		{tpm2.TPMRCNVRate, 3, 4, 70 * time.Millisecond},
		{tpm2.TPMRCTesting, 1, 2, 10 * time.Millisecond},
		{tpm2.TPMRCYielded, 1, 2, 10 * time.Millisecond},
		{tpm2.TPMRCNVRate, 100, 10, 5110 * time.Millisecond},
		{tpm2.TPMRCNVSpace, 1, 1, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			s, began := &slow{code: test.code, times: test.times}, time.Now()
			if _, err := tpm.Patient(s).Send(nil); err != nil || s.asked != test.asked || time.Since(began) != test.waited {
				t.Errorf("%v: asked %d times in %v, %v; want %d in %v", test.code, s.asked, time.Since(began), err, test.asked, test.waited)
			}
		})
	}
}
