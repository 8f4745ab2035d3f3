package recordstest

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/people"
	"facegate/pipeline/visitor"
	"facegate/store"
	"facegate/store/audit"
)

// visitors registers an office, and shows and revokes passes that it has issued.
func visitors(t *testing.T, s Subject) {
	ctx := t.Context()
	v := done(s.Visits(ctx))(t)
	if v.Offices == nil || len(v.Offices) != 0 || v.Passes == nil || len(v.Passes) != 0 || v.Gate != "lime court/north" || len(v.Groups) != 1 || v.Groups[0] != "yard" {
		t.Errorf("before there is any: %+v", v)
	}
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))
	public := hex.EncodeToString(key.Public().(ed25519.PublicKey))
	issue := func(d visitor.Door, serial byte, uses int) string {
		return done(visitor.Sign(key, d, visitor.Pass{
			From: time.Now().Truncate(time.Minute), Length: time.Hour, Uses: uses, Serial: visitor.Serial{serial},
		}))(t)
	}
	yard := issue(visitor.Group("yard"), 1, 2)
	if shown := done(s.ShowVisit(ctx, yard))(t); shown.Opens || shown.Office != "" || shown.Todo == "" || shown.Number == "" {
		t.Errorf("of an office that is not registered: %+v", shown)
	}
	o := done(s.AddOffice(ctx, people.OfficeRequest{Name: "front desk", Key: public + "\n"}))(t)
	s.noted(t, audit.OfficeAdded)
	_, err := s.AddOffice(ctx, people.OfficeRequest{Name: "another", Key: public})
	refused(t, "a key twice", err, store.ErrOfficeKey)

	shown := done(s.ShowVisit(ctx, yard))(t)
	if !shown.Opens || shown.Office != "front desk" || shown.Door != "yard" || shown.Uses != 2 || shown.Left != 2 || shown.Until.Sub(shown.From) != time.Hour {
		t.Errorf("a good pass: %+v", shown)
	}
	if elsewhere := done(s.ShowVisit(ctx, issue(visitor.Gate("lime court", "south"), 2, 0)))(t); elsewhere.Opens || elsewhere.Door != "" || elsewhere.Why == "" || elsewhere.Todo == "" {
		t.Errorf("a pass for another gate: %+v", elsewhere)
	}

	revoked := done(s.RevokeVisit(ctx, people.Revocation{Pass: yard}))(t)
	s.noted(t, audit.VisitRevoked)
	if shown := done(s.ShowVisit(ctx, yard))(t); shown.Opens || revoked.Number != shown.Number || !revoked.Until.Equal(shown.Until) || !revoked.Revoked {
		t.Errorf("a pass that is revoked: %+v, %+v", revoked, shown)
	}
	other := done(s.ShowVisit(ctx, issue(visitor.Gate("lime court", "north"), 3, 0)))(t)
	if byNumber := done(s.RevokeVisit(ctx, people.Revocation{Number: other.Number}))(t); byNumber.Number != other.Number || !byNumber.ByNumber ||
		!byNumber.Until.After(time.Now().Add(visitor.MaxLength)) {
		t.Errorf("revoked by its number: %+v", byNumber)
	}
	v = done(s.Visits(ctx))(t)
	if len(v.Offices) != 1 || v.Offices[0] != o || o.Key != public || len(v.Passes) != 2 || v.Passes[0] != revoked || revoked.ByNumber {
		t.Errorf("kept are %+v", v)
	}
	if gone := done(s.RemoveOffice(ctx, "front desk"))(t); gone.Key != public {
		t.Errorf("removed %+v", gone)
	}
	s.noted(t, audit.OfficeRemoved)
	if shown := done(s.ShowVisit(ctx, yard))(t); shown.Opens || shown.Office != "" {
		t.Errorf("of an office that was removed: %+v", shown)
	}
}
