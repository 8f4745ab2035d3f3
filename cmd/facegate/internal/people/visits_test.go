package people_test

import (
	"crypto/ed25519"
	"encoding/hex"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/people"
	"facegate/cmd/facegate/internal/people/recordstest"
	"facegate/pipeline/attempt"
	"facegate/pipeline/visitor"
)

// TestVisitor shows visitors' passes to a door.
func TestVisitor(t *testing.T) {
	h := recordstest.Open(t) // lime court/north, of the group yard
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	o := people.OfficeRequest{Name: "desk", Key: hex.EncodeToString(key.Public().(ed25519.PublicKey))}
	if _, err := h.Register.As(1000).AddOffice(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	other := ed25519.NewKeyFromSeed(append(make([]byte, ed25519.SeedSize-1), 1))
	now := time.Now().Truncate(time.Minute)
	north, south, yard := visitor.Gate("lime court", "north"), visitor.Gate("lime court", "south"), visitor.Group("yard")
	issue := func(key ed25519.PrivateKey, d visitor.Door, from time.Time, uses int) string {
		t.Helper()
		text, err := visitor.Sign(key, d, visitor.Pass{From: from, Length: time.Hour, Uses: uses, Serial: visitor.Serial{byte(uses)}})
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	once := issue(key, north, now, 1)
	for name, tt := range map[string]struct {
		pass    string
		want    attempt.Finding
		counted bool
	}{
		"any number of times": {issue(key, north, now, 0), attempt.Matched, false},
		"once":                {once, attempt.Matched, true},
		"of the group":        {issue(key, yard, now, 3), attempt.Matched, true},
		"another gate":        {issue(key, south, now, 0), attempt.Unknown, false},
		"another office":      {issue(other, north, now, 0), attempt.Unknown, false},
		"forged":              {once[:130] + "ABCDEFGA", attempt.Unknown, false},
		"no pass":             {"QABC", attempt.Unknown, false},
		"over":                {issue(key, north, now.Add(-2*time.Hour), 1), attempt.Ended, false},
		"not yet":             {issue(key, north, now.Add(time.Hour), 1), attempt.Ended, false},
	} {
		at := time.Now()
		a := h.Register.Visitor(tt.pass, at)
		if a.Means != attempt.Visitor || a.Finding != tt.want || a.Asked != at || a.Unlimited != (tt.want == attempt.Matched && !tt.counted) || len(a.Groups) != 1 || a.Groups[0] != attempt.Visitors ||
			(tt.want == attempt.Matched) != (a.Credential != attempt.Credential{}) {
			t.Errorf("%s: %+v", name, a)
		}
	}
	signed, err := visitor.Parse(once)
	if err != nil {
		t.Fatal(err)
	}
	if a := h.Register.Visitor(once, now); a.Credential != attempt.Credential(signed.ID()) {
		t.Errorf("the credential is %x", a.Credential)
	}
	if err := h.Store.Credentials().Visits().Use(signed.ID()); err != nil {
		t.Fatal(err)
	}
	if a := h.Register.Visitor(once, now); a.Finding != attempt.Ended || a.Credential != (attempt.Credential{}) {
		t.Errorf("used up: %+v", a)
	}
}
