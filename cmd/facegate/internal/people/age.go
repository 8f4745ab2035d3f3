package people

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"facegate/configs/hint"
	"facegate/configs/law"
	"facegate/store"
)

// Age returns the age band that a profile knows by this name. The store keeps no consent without one.
func Age(p law.Profile, name string) (store.AgeBand, error) {
	bands := ageBands(p.ChildAge)
	band, ok := bands[name]
	if ok {
		return band, nil
	}
	source := ""
	if p.ChildLaw != "" {
		source = " (" + p.ChildLaw + ")"
	}
	return 0, hint.Wrap(fmt.Errorf("%w: %q is no age of profile %s", store.ErrNoConsent, name, p.Jurisdiction),
		"say --age %s: for who is under %d a guardian consents%s", strings.Join(slices.Sorted(maps.Keys(bands)), ", or "), p.ChildAge, source)
}

// AgeName returns the name of an age band where a guardian consents for those below childAge, in years.
func AgeName(b store.AgeBand, childAge int) string {
	for name, band := range ageBands(childAge) {
		if band == b {
			return name
		}
	}
	return ""
}

// ageBands returns the age bands by their names. Nobody is a minor who can consent alone where minors cannot.
func ageBands(childAge int) map[string]store.AgeBand {
	const majority = 18
	bands := map[string]store.AgeBand{"adult": store.Adult, fmt.Sprintf("under-%d", childAge): store.Child}
	if childAge < majority {
		bands["minor"] = store.Minor
	}
	return bands
}
