package witness_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"testing"

	"filippo.io/torchwood"
	fnote "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"

	"facegate/cmd/facegate/internal/witness/logtest"
	"facegate/store/checkpoint"
)

// TestOthersVerify has what this witness cosigns verified by those who are told two keys: by a policy of torchwood, and by the verifiers
// of transparency-dev.
func TestOthersVerify(t *testing.T) {
	log := logtest.Numbered(t, 1, "entry", 9)
	w := open(t, create(t, log))
	signed, err := w.AddCheckpoint(log.Request(t, 0, 9))
	must(t, err)
	policy, err := torchwood.ParsePolicy([]byte("log " + log.Key(t) + "\nwitness residents " + w.Verifier().String() + "\nquorum residents\n"))
	must(t, err)
	c, _, err := torchwood.VerifyCheckpoint(signed, policy)
	if err != nil || c.Tree != log.Tree(t, 9) {
		t.Errorf("torchwood: %+v, %v", c, err)
	}
	device, err := fnote.NewVerifier(log.Key(t))
	must(t, err)
	witness, err := fnote.NewVerifierForCosignatureV1(w.Verifier().String())
	must(t, err)
	n, err := note.Open(signed, note.VerifierList(device, witness))
	if err != nil || len(n.Sigs) != 2 || len(n.UnverifiedSigs) > 0 {
		t.Errorf("transparency-dev: %+v, %v", n, err)
	}
	if _, err := torchwood.NewCosignatureVerifier(w.Verifier().String()); err != nil {
		t.Errorf("torchwood does not take the key of the witness: %v", err)
	}
}

// TestVerifiesOthers has what witnesses of others cosign verified as a gate does.
func TestVerifiesOthers(t *testing.T) {
	log := logtest.Numbered(t, 1, "entry", 9)
	device, err := checkpoint.Verifier(log.Device.Public().(ed25519.PublicKey))
	must(t, err)
	n, err := note.Open(log.Checkpoint(t, 9), note.VerifierList(device))
	must(t, err)

	one, err := torchwood.NewCosignatureSigner("torchwood.example", ed25519.NewKeyFromSeed(make([]byte, 32)))
	must(t, err)
	secret, public, err := note.GenerateKey(rand.Reader, "transparency.example")
	must(t, err)
	other, err := fnote.NewSignerForCosignatureV1(secret)
	must(t, err)
	signed, err := note.Sign(n, one, other)
	must(t, err)

	first, err := checkpoint.Witness(one.Verifier().String())
	must(t, err)
	vkey, err := fnote.VKeyToCosignatureV1(public)
	must(t, err)
	second, err := checkpoint.Witness(vkey)
	must(t, err)
	tree, opened, err := checkpoint.Open(signed, log.Device.Public().(ed25519.PublicKey), first, second)
	if err != nil || tree != log.Tree(t, 9) || !checkpoint.SignedBy(opened, first) || !checkpoint.SignedBy(opened, second) {
		t.Errorf("%+v, %v", tree, err)
	}
}
