package people

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
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

// Ages returns the names of the age bands of those who can be enrolled under a profile, adults first.
func Ages(p law.Profile) []string {
	bands := ageBands(p.ChildAge)
	names := slices.SortedFunc(maps.Keys(bands), func(a, b string) int { return cmp.Compare(bands[a], bands[b]) })
	return slices.DeleteFunc(names, func(name string) bool {
		band := bands[name]
		return band.Guardian() && !p.MinorsAllowed || band.Under14() && !p.Passes
	})
}

// ageBands returns the age bands by their names. Nobody is a minor who can consent alone where minors cannot. Where the age from
// which they can is not the one from which a face alone is enough, there is a band between the two.
func ageBands(childAge int) map[string]store.AgeBand {
	bands := map[string]store.AgeBand{"adult": store.Adult, fmt.Sprintf("under-%d", min(childAge, law.FaceAloneFrom)): store.Child}
	if childAge < law.Majority {
		bands["minor"] = store.Minor
	}
	switch {
	case childAge > law.FaceAloneFrom:
		bands[years(law.FaceAloneFrom, childAge)] = store.Youth
	case childAge < law.FaceAloneFrom:
		bands[years(childAge, law.FaceAloneFrom)] = store.ChildAlone
	}
	return bands
}

// years names the ages from one on, in years, and below another.
func years(from, below int) string {
	if below == from+1 {
		return strconv.Itoa(from)
	}
	return fmt.Sprintf("%d-%d", from, below-1)
}
