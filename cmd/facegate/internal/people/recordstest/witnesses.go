package recordstest

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"

	"facegate/cmd/facegate/internal/people"
	"facegate/store/checkpoint"
)

// auditor is the witness of a House.
func auditor() *torchwood.CosignatureSigner { return cosigner("auditor.example") }

func cosigner(name string) *torchwood.CosignatureSigner {
	s, err := torchwood.NewCosignatureSigner(name, ed25519.NewKeyFromSeed(bytes.Repeat([]byte(name[:1]), 32)))
	if err != nil {
		panic(err) // for no name that stands here
	}
	return s
}

// witnesses carries checkpoints to a witness and back.
func witnesses(t *testing.T, s Subject) {
	ctx := t.Context()
	w := auditor()
	device := done(checkpoint.Verifier(ed25519.PublicKey(done(hex.DecodeString(done(s.Device(ctx))(t).PublicKey))(t))))(t)
	cosigned := func(anew bool, old string, by *torchwood.CosignatureSigner) string {
		t.Helper()
		head, signed, _ := strings.Cut(done(s.WitnessRequest(ctx, w.Verifier().String(), anew))(t), "\n\n")
		if !strings.HasPrefix(head+"\n", "old "+old+"\n") {
			t.Errorf("the request is %q, want one from %s", head, old)
		}
		return string(done(note.Sign(done(note.Open([]byte(signed), note.VerifierList(device)))(t), by))(t))
	}
	first := cosigned(false, "0", w)
	took := done(s.TakeCosigned(ctx, first))(t)
	if took.Witness != w.Name() || took.ID != checkpoint.KeyID(w.Verifier()) || took.Size == 0 || time.Since(took.At).Abs() > time.Hour {
		t.Errorf("it took %+v", took)
	}
	s.enrol(t, "Ada")
	second := cosigned(false, fmt.Sprint(took.Size), w)
	if again := done(s.TakeCosigned(ctx, second))(t); again.Size <= took.Size {
		t.Errorf("it took %+v after %+v", again, took)
	}
	cosigned(true, "0", w)

	_, err := s.WitnessRequest(ctx, "nobody", false)
	refused(t, "ask nobody", err, checkpoint.ErrWitness)
	_, err = s.WitnessRequest(ctx, cosigner("eve.example").Verifier().String(), false)
	refused(t, "ask somebody who is no witness", err, people.ErrNoWitness)
	_, err = s.TakeCosigned(ctx, cosigned(false, "0", cosigner("eve.example")))
	refused(t, "take what somebody else has signed", err, people.ErrNoWitness)
	_, err = s.TakeCosigned(ctx, strings.Replace(second, "\n\n", "\n\n— eve AAAAAAAA\n", 1))
	if err != nil {
		t.Errorf("with another's signature beside: %v", err)
	}
	_, err = s.TakeCosigned(ctx, "hello")
	refused(t, "take what is no note", err, people.ErrNoWitness)
	var signature string
	for line := range strings.Lines(second) {
		if strings.HasPrefix(line, "— "+w.Name()) {
			signature = line
		}
	}
	text, _, _ := strings.Cut(second, "\n\n")
	_, err = s.TakeCosigned(ctx, text+"\n\n"+signature)
	refused(t, "take what the gate has not signed", err, checkpoint.ErrSignature)
}
