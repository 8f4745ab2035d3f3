package daemon_test

import (
	"crypto/ed25519"
	"errors"
	"testing"

	"filippo.io/torchwood"
	"github.com/google/go-cmp/cmp"

	"facegate/cmd/facegate/internal/cosigning"
	"facegate/cmd/facegate/internal/daemon"
	"facegate/configs"
	"facegate/configs/hint"
	"facegate/store/checkpoint"
)

func TestWitnesses(t *testing.T) {
	s, err := torchwood.NewCosignatureSigner("ada", ed25519.NewKeyFromSeed(make([]byte, 32)))
	if err != nil {
		t.Fatal(err)
	}
	ada := s.Verifier()
	got, err := daemon.Witnesses(&configs.Config{Witness: configs.Witness{Keys: []string{ada.String()}}})
	if diff := cmp.Diff([]string{checkpoint.KeyID(ada)}, cosigning.IDs(got)); err != nil || diff != "" {
		t.Errorf("%s%v", diff, err)
	}
	_, err = daemon.Witnesses(&configs.Config{Witness: configs.Witness{Keys: []string{ada.String(), "ada+00000000+AAAA"}}})
	if !errors.Is(err, checkpoint.ErrWitness) || configs.KeyOf(err) != "witness.keys[2]" || hint.Of(err) == "" {
		t.Errorf("%v", err)
	}
}
