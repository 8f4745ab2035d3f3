package daemon_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/daemon"
	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/people"
	"facegate/device/reader"
	"facegate/pipeline/attempt"
	"facegate/pipeline/visitor"
)

// TestVisitors has visitors come to a whole gate with passes of an office: held to the camera, once and again, for another gate, of
// nobody's office, revoked, and by a copy after the gate was stopped.
func TestVisitors(t *testing.T) {
	t.Parallel()
	site := gatetest.NewSite(t)
	h := open(t, site, otherWays, daemon.Outside{})
	v, err := h.client.Visits(t.Context())
	must(t, err)
	place, gate, _ := strings.Cut(v.Gate, "/")
	here, elsewhere := visitor.Gate(place, gate), visitor.Gate(place, "another")
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, ed25519.SeedSize))
	serial := byte(0)
	issue := func(d visitor.Door, uses int) string {
		t.Helper()
		serial++
		text, err := visitor.Sign(key, d, visitor.Pass{
			From: time.Now().Truncate(time.Minute), Length: time.Hour, Uses: uses, Serial: visitor.Serial{serial},
		})
		must(t, err)
		return text
	}
	comes := func(when, pass string, want attempt.Reason) {
		t.Helper()
		for len(h.said) > 0 { // the camera may have read a pass once more before it was taken away
			<-h.said
		}
		if o := h.show(t, reader.Code, pass); o.Reason != want || o.Opened.IsZero() != (want != attempt.None) {
			t.Errorf("%s: %+v, want %q", when, o, want)
		}
	}
	once, often := issue(here, 1), issue(here, 0)
	comes("before the office is registered", once, attempt.Unproven)
	_, err = h.client.AddOffice(t.Context(), people.OfficeRequest{Name: "desk", Key: hex.EncodeToString(key.Public().(ed25519.PublicKey))})
	must(t, err)
	h.holds(t, "for the first time", once)
	comes("a pass that opens once, again", once, attempt.Expired)
	comes("any number of times", often, attempt.None)
	comes("any number of times, again", often, attempt.None)
	comes("for another gate", issue(elsewhere, 0), attempt.Unproven)
	comes("forged", often[:60]+once[60:], attempt.Unproven)
	_, err = h.client.RevokeVisit(t.Context(), people.Revocation{Pass: often})
	must(t, err)
	comes("revoked", often, attempt.Expired)
	_, err = h.client.Lockdown(t.Context())
	must(t, err)
	comes("once every template is gone", issue(here, 1), attempt.None)
	h.stop()

	h = open(t, site, otherWays, daemon.Outside{})
	comes("used up before the gate was stopped", once, attempt.Expired)
	comes("revoked before the gate was stopped", often, attempt.Expired)
	comes("a new one", issue(here, 2), attempt.None)
}
