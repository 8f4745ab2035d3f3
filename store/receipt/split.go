package receipt

import (
	"bytes"
	"slices"

	"facegate/configs/text"
)

// proofs begins the proof in a file, and stands nowhere in a receipt. See https://c2sp.org/tlog-proof.
const proofs = "c2sp.org/tlog-proof@"

// Split returns the parts of a file: the receipt, which is its first line, and the proof that the audit log of the device holds it,
// nil if there is none. What a scanner of QR codes or a letter does to the ends of lines is put right: each is one line feed, and
// each part ends with one.
func Split(file []byte) (line, proof []byte) {
	at := bytes.Index(file, []byte(proofs))
	if at < 0 {
		return text.Carried(file), nil
	}
	return text.Carried(file[:at]), text.Carried(file[at:])
}

// Join returns the file of a receipt and its proof, which Split takes apart again.
func Join(line, proof []byte) []byte { return slices.Concat(line, proof) }
