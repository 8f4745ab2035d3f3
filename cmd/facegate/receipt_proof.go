package main

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	signed "golang.org/x/mod/sumdb/note"

	"facegate/configs/hint"
	"facegate/configs/show"
	"facegate/store/checkpoint"
	"facegate/store/receipt"
	"facegate/store/receipt/proof"
)

// witnessFlag names who has to have seen the audit log.
type witnessFlag struct {
	Witness []string `sep:"none" placeholder:"VKEY" help:"Verifier key of a witness who has to have seen the audit log with the receipt in it, as the witness publishes it; once for each."`
}

// errNoProof means that a file has the receipt alone.
var errNoProof = errors.New("the file has the receipt alone, and no proof that the audit log holds it")

// advisedProof is what to do about a receipt that nobody has witnessed yet.
const advisedProof = "the gate shows its audit log to its witnesses at fixed times (witness.every, facegate status): bring the file up to date after that, " +
	"where the gate is, with facegate receipt prove FILE, or ask the operator to"

// verifyProof returns the proof in a file, nil if there is none and no witness is named.
func verifyProof(data []byte, key ed25519.PublicKey, vkeys []string) (*proof.Proof, error) {
	var witnesses []signed.Verifier
	for _, vkey := range vkeys {
		w, err := checkpoint.Witness(vkey)
		if err != nil {
			return nil, hint.Wrap(fmt.Errorf("%w: %q", err, vkey), "give it as the witness publishes it, NAME+ID+KEY (facegate witness key FILE)")
		}
		witnesses = append(witnesses, w)
	}
	line, text := receipt.Split(data)
	switch {
	case text == nil && witnesses != nil:
		return nil, hint.Wrap(errNoProof, advisedProof)
	case text == nil:
		return nil, nil
	}
	p, err := proof.Verify(line, text, key, witnesses...)
	if errors.Is(err, proof.ErrWitnesses) {
		err = hint.Wrap(err, advisedProof)
	}
	return &p, err
}

// writeProof says where the audit log holds a receipt, and who has seen that.
func writeProof(w *tabwriter.Writer, p *checkedProof) {
	if p == nil {
		show.Fprintf(w, "witnessed\tnot known: the file has no proof; get it where the gate is: facegate receipt prove FILE\n")
		return
	}
	show.Fprintf(w, "held\tby the audit log of the device, as entry %d of the %d that it has shown\n", p.Index+1, p.Size)
	var unchecked []string
	for _, c := range p.Witnesses {
		if c.Checked {
			show.Fprintf(w, "witnessed\tby %s on %s: the log held this receipt then, and was the only one that this witness has seen\n",
				c.Name, c.Time.Format(time.RFC3339))
		} else {
			unchecked = append(unchecked, c.Name)
		}
	}
	switch {
	case unchecked != nil:
		show.Fprintf(w, "not checked\twhether these have witnessed it, as the file says: %s; name their keys with --witness\n", strings.Join(unchecked, ", "))
	case len(p.Witnesses) == 0:
		show.Fprintf(w, "witnessed\tby nobody yet: %s\n", advisedProof)
	}
}
