package tpm

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"
)

// A patient connection asks again when the TPM says later: it tests itself after a start, and spares its memory when much is written
// at once, as when the records of many people end on one day.
type patient struct{ transport.TPM }

// longestWait is the last wait of a patient connection. All of them are five seconds.
const longestWait = 2560 * time.Millisecond

// Send implements transport.TPM.
func (p patient) Send(command []byte) (answer []byte, err error) {
	for wait := 10 * time.Millisecond; ; wait *= 2 {
		answer, err = p.TPM.Send(command)
		if err != nil || !later(answer) || wait > longestWait {
			return answer, err
		}
		time.Sleep(wait)
	}
}

// later reports whether an answer says nothing but that the command is to be given again. The code follows tag and size (Part 1, 18.4).
func later(answer []byte) bool {
	const code, end = 6, 10
	return len(answer) >= end && slices.Contains([]tpm2.TPMRC{tpm2.TPMRCNVRate, tpm2.TPMRCTesting, tpm2.TPMRCYielded},
		tpm2.TPMRC(binary.BigEndian.Uint32(answer[code:end])))
}
