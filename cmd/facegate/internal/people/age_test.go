package people_test

import (
	"errors"
	"strings"
	"testing"

	"facegate/cmd/facegate/internal/people"
	"facegate/configs"
	"facegate/configs/hint"
	"facegate/configs/law"
	"facegate/store"
)

// TestAge checks who consents alone under which law.
func TestAge(t *testing.T) {
	const none = store.AgeBand(0)
	for _, tt := range []struct {
		profile  law.Jurisdiction
		childAge int // that the operator has set
		law      string
		want     map[string]store.AgeBand
	}{
		{law.CN, 0, "PIPL Art. 31", map[string]store.AgeBand{
			"adult": store.Adult, "minor": store.Minor, "under-14": store.Child, "under-18": none, "14-17": none, "": none, "Adult": none,
		}},
		{law.EU, 0, "GDPR Art. 8(1)", map[string]store.AgeBand{
			"adult": store.Adult, "minor": store.Minor, "14-15": store.Youth, "under-14": store.Child, "under-16": none, "under-13": none,
		}},
		{law.EU, 13, "GDPR Art. 8(1)", map[string]store.AgeBand{
			"minor": store.Minor, "13": store.ChildAlone, "under-13": store.Child, "under-14": none, "under-16": none,
		}},
		{law.EU, 15, "GDPR Art. 8(1)", map[string]store.AgeBand{"minor": store.Minor, "14": store.Youth, "under-14": store.Child, "under-15": none}},
		{law.USIL, 0, "740 ILCS 14/10", map[string]store.AgeBand{
			"adult": store.Adult, "minor": none, "14-17": store.Youth, "under-14": store.Child, "under-18": none,
		}},
		{law.Lab, 0, "", map[string]store.AgeBand{"adult": store.Adult, "minor": store.Minor, "under-14": store.Child}},
		{law.Lab, 18, "", map[string]store.AgeBand{"minor": none, "14-17": store.Youth, "under-18": none, "under-14": store.Child}},
		{law.Lab, 10, "", map[string]store.AgeBand{"minor": store.Minor, "10-13": store.ChildAlone, "under-10": store.Child, "under-14": none}},
	} {
		c := configs.Config{Jurisdiction: tt.profile, Consent: configs.Consent{ChildAge: tt.childAge}}
		p := c.Profile()
		for name, want := range tt.want {
			band, err := people.Age(p, name)
			if band != want || (err == nil) != (want != none) {
				t.Errorf("%s, %d: %q is band %d, %v, want %d", tt.profile, tt.childAge, name, band, err, want)
			}
			if want != none {
				if back := people.AgeName(band, p.ChildAge); back != name {
					t.Errorf("%s: the name of %q is %q", tt.profile, name, back)
				}
				continue
			}
			if h := hint.Of(err); !errors.Is(err, store.ErrNoConsent) || !strings.Contains(h, tt.law) || !strings.Contains(h, "under-") {
				t.Errorf("%s: %q is refused with %v, %s", tt.profile, name, err, h)
			}
		}
	}
}
