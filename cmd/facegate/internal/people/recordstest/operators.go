package recordstest

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"testing"

	"facegate/cmd/facegate/internal/people"
	"facegate/store"
	"facegate/store/audit"
)

// operators registers the key of an operator, and removes it.
func operators(t *testing.T, s Subject) {
	ctx := t.Context()
	device := done(s.Device(ctx))(t)
	all := done(s.Operators(ctx))(t)
	if all.Operators == nil || len(all.Operators) != 0 || all.Gate != "lime court/north" || all.Device != device.PublicKey {
		t.Errorf("before there is any: %+v", all)
	}
	public := hex.EncodeToString(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{8}, ed25519.SeedSize)).Public().(ed25519.PublicKey))
	o := done(s.AddOperator(ctx, people.OperatorRequest{Name: "control room", Key: public + "\n"}))(t)
	s.noted(t, audit.OperatorAdded)
	if o.Name != "control room" || o.Key != public || len(o.ID) != 16 {
		t.Errorf("registered is %+v", o)
	}
	_, err := s.AddOperator(ctx, people.OperatorRequest{Name: "another", Key: public})
	refused(t, "a key twice", err, store.ErrOperatorKey)
	_, err = s.AddOperator(ctx, people.OperatorRequest{Name: "itself", Key: device.PublicKey})
	refused(t, "the key of the device", err, store.ErrOperatorKey)
	if all = done(s.Operators(ctx))(t); len(all.Operators) != 1 || all.Operators[0] != o {
		t.Errorf("kept are %+v", all)
	}
	if gone := done(s.RemoveOperator(ctx, "control room"))(t); gone != o {
		t.Errorf("removed is %+v", gone)
	}
	s.noted(t, audit.OperatorRemoved)
	if all = done(s.Operators(ctx))(t); len(all.Operators) != 0 {
		t.Errorf("kept are %+v after all were removed", all)
	}
}
