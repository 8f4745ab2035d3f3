// Package attacks measures attack detection as a gate judges it, camera by camera (ISO/IEC 30107-3): windows of frames, and
// thresholds from other cameras than the one that is measured.
package attacks

import (
	"maps"
	"slices"
	"sort"

	"facegate/pipeline/liveness"
)

// A Shown is what one window of frames of a subject has to say.
type Shown struct {
	Subject string
	liveness.Evidence
}

// A Camera is what was shown to one camera.
type Camera struct {
	Name    string
	Live    []Shown
	Attacks map[string][]Shown // by kind
}

// kinds returns the kinds of attack on cameras, in order.
func kinds(cameras ...Camera) []string {
	all := map[string]bool{}
	for _, c := range cameras {
		for kind := range c.Attacks {
			all[kind] = true
		}
	}
	return sorted(all)
}

// share returns the share of the windows of which is true, in which each subject weighs the same.
func share(shown []Shown, is func(Shown) bool) float64 {
	return mean(bySubject(outcomes("", shown, is)))
}

func live(t liveness.Thresholds) func(Shown) bool {
	return func(s Shown) bool { return s.Judge(t) == liveness.Live }
}

func notLive(t liveness.Thresholds) func(Shown) bool {
	return func(s Shown) bool { return s.Judge(t) != liveness.Live }
}

func refused(t liveness.Thresholds) func(Shown) bool {
	return func(s Shown) bool { return s.Judge(t) == liveness.NotLive }
}

// Aims are the shares of windows with a live face, of subjects who weigh the same, that thresholds may cost before any camera.
type Aims struct {
	Doubted float64 // are not taken for live: BPCER
	Refused float64 // are taken for a print or a screen
}

// Choose returns the highest thresholds that keep to the aims before every one of the cameras. There has to be one, and somebody
// live before each.
func Choose(cameras []Camera, aims Aims) liveness.Thresholds {
	t := liveness.Thresholds{Accept: 1, Refuse: 1}
	for _, c := range cameras {
		t.Refuse = min(t.Refuse, highest(c.Live, func(v float64) bool {
			return share(c.Live, func(s Shown) bool { return !(s.Mean >= v) }) <= aims.Refused
		}))
	}
	for _, c := range cameras {
		t.Accept = min(t.Accept, highest(c.Live, func(v float64) bool {
			return share(c.Live, notLive(liveness.Thresholds{Accept: v, Refuse: min(v, t.Refuse)})) <= aims.Doubted
		}))
	}
	t.Refuse = min(t.Refuse, t.Accept)
	return t
}

// highest returns the highest score of the windows for which ok holds, and 0 if it holds for none; if it holds for one it holds
// for those below.
func highest(shown []Shown, ok func(float64) bool) float64 {
	var scores []float64 // at no other a verdict changes
	for _, s := range shown {
		scores = append(scores, s.Mean, s.Newest)
	}
	slices.Sort(scores)
	i := sort.Search(len(scores), func(i int) bool { return !ok(scores[i]) })
	if i == 0 {
		return 0
	}
	return scores[i-1]
}

func sorted(names map[string]bool) []string { return slices.Sorted(maps.Keys(names)) }

// Add takes a window of a live face or of an attack of a kind.
func (c *Camera) Add(kind string, live bool, s Shown) {
	if live {
		c.Live = append(c.Live, s)
	} else {
		c.Attacks[kind] = append(c.Attacks[kind], s)
	}
}
