package main

import (
	"cmp"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"facegate/configs/file"
	"facegate/configs/hint"
	"facegate/configs/show"
	"facegate/configs/text"
	"facegate/store/pubkey"
	"facegate/store/receipt"
	"facegate/store/receipt/proof"
)

type receiptVerifyCommand struct {
	File string `arg:"" help:"File with the receipt and its proof, or what their codes say."`
	Key  string `required:"" placeholder:"PUB" help:"Public key of the device, as facegate device pubkey prints it."`
	Form string `placeholder:"NUMBER" help:"Number of the person's consent form, as --consent gave it: is the receipt about that person?"`
	witnessFlag
	jsonFlag
}

// A checkedReceipt is what facegate receipt verify prints as JSON.
type checkedReceipt struct {
	receipt.Receipt
	Proof *checkedProof `json:"proof,omitempty"`
}

// A checkedProof says where the audit log of the device holds a receipt.
type checkedProof struct {
	Index     int64                `json:"index"`     // of the entry in the tree of the log, from 0
	Size      int64                `json:"size"`      // of the tree, in entries, when the device showed it
	Root      receipt.Bytes        `json:"root"`      // of the tree
	Witnesses []checkedCosignature `json:"witnesses"` // that say that they have seen this tree
}

// A checkedCosignature is that of a witness.
type checkedCosignature struct {
	Name    string    `json:"name"`
	Key     string    `json:"key"`     // as in its verifier key, 8 hexadecimal digits
	Time    time.Time `json:"time"`    // by the clock of the witness
	Checked bool      `json:"checked"` // the signature is genuine; otherwise nobody has named the key
}

func newCheckedProof(p *proof.Proof) *checkedProof {
	if p == nil {
		return nil
	}
	c := checkedProof{p.Index, p.Tree.N, p.Tree.Hash[:], []checkedCosignature{}}
	for _, w := range p.Cosigned {
		c.Witnesses = append(c.Witnesses, checkedCosignature{w.Name, w.Key, w.At, w.Checked})
	}
	return &c
}

// errNotAbout means that a receipt is genuine, and somebody else's.
var errNotAbout = errors.New("the receipt is genuine, and not about this form")

func (c *receiptVerifyCommand) Run(t terminal) error {
	data, err := readReceipt(c.File)
	if err != nil {
		return err
	}
	r, p, err := verifyReceipt(c.File, data, c.Key, c.Witness)
	if err != nil {
		return err
	}
	form, err := text.Clean(c.Form) // as it was kept
	if err != nil {
		return hint.Wrap(err, "type the number as it stands on the form")
	}
	if form != "" && !r.About(form) {
		return hint.Wrap(fmt.Errorf("%w: %s", errNotAbout, form),
			"compare the number with the form, letter by letter; if it is right, ask the operator for the person's own receipt")
	}
	v := checkedReceipt{r, newCheckedProof(p)}
	return c.print(t, v, func(w *tabwriter.Writer) { writeReceipt(w, v, form) })
}

func readReceipt(path string) ([]byte, error) {
	data, err := file.Read(path, receipt.MaxSize)
	if err != nil {
		return nil, hint.Wrap(fmt.Errorf("read the receipt: %w", err), "%s",
			cmp.Or(hint.Of(err), "name the file with the receipt, one that you may read"))
	}
	return data, nil
}

// verifyReceipt returns the receipt in the file at path, which the device with the public key in text has signed, and its proof, nil if
// there is none in the file. All witnesses, by their verifier keys, have cosigned it.
func verifyReceipt(path string, data []byte, text string, witnesses []string) (receipt.Receipt, *proof.Proof, error) {
	key, err := pubkey.Parse(text)
	if err != nil {
		return receipt.Receipt{}, nil, hint.Wrap(err, "get it on the gate with: facegate device pubkey")
	}
	r, err := receipt.Verify(data, key)
	if err != nil {
		return receipt.Receipt{}, nil, adviseOn(path, err)
	}
	p, err := verifyProof(data, key, witnesses)
	return r, p, adviseOn(path, err)
}

// adviseOn returns what to do about a receipt that is none.
func adviseOn(path string, err error) error {
	if err == nil {
		return nil
	}
	return hint.Wrap(fmt.Errorf("%s: %w", path, err), "%s",
		cmp.Or(hint.Of(err), "ask for the receipt again, and make sure of the key of the device"))
}

func writeReceipt(w *tabwriter.Writer, r checkedReceipt, form string) {
	show.Fprintf(w, "the receipt is genuine\t\n")
	show.Fprintf(w, "what\t%s%s\n", r.Kind, map[bool]string{true: " (" + r.Reason + ")"}[r.Reason != ""])
	show.Fprintf(w, "number\t%d\n", r.Number)
	show.Fprintf(w, "when\t%s%s\n", r.Time, map[string]string{
		"doubted": ", by a clock that was not known to be right", "set-back": ", after the clock was set back",
	}[r.Clock])
	show.Fprintf(w, "erased\t%d people, %d templates, %d consents, %d names of guardians, %d passes, %d cards, %d PINs\n", r.Erased.People,
		r.Erased.Templates, r.Erased.Consents, r.Erased.Guardians, r.Erased.Passes, r.Erased.Cards, r.Erased.PINs)
	if form != "" {
		show.Fprintf(w, "whose\tit is about form %s\n", form)
	} else {
		show.Fprintf(w, "whose\tnot checked: give the number of the person's form with --form\n")
	}
	writeProof(w, r.Proof)
	show.Fprintf(w, "not reached\tcopies of databases and keyrings together, and backups, from before: with the device key they open\n")
	show.Fprintf(w, "audit log\tentry %d\n", r.Audit.Size)
	show.Fprintf(w, "device key\tkept in a %s\n", keyStore(r.KeyStore))
	show.Fprintf(w, "device\t%x\n", []byte(r.Device))
}
