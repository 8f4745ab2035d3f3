package tpm

import (
	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"
)

// Patient returns a connection that waits.
func Patient(t transport.TPM) transport.TPM { return patient{t} }

// Secrets returns the index of the counter and its password, as whoever has board and disk can have them.
func (k *Key) Secrets() (counter tpm2.TPMHandle, password []byte, err error) {
	err = k.chip.use(func(t transport.TPM) error {
		x, _, err := k.indices(t)
		counter, password = x.public.NVIndex, x.auth
		return err
	})
	return counter, password, err
}
