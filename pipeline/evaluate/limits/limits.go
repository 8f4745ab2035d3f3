// Package limits measures what the limits of package quality cost and save: the share of pictures that each value of a limit
// refuses, and how many of those it refuses, and of those it lets pass, would not have been recognised. Every person counts
// once, however many pictures there are of them.
package limits

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"

	"facegate/configs/show"
	"facegate/pipeline/quality"
)

// A Look is what one picture of a person came to.
type Look struct {
	Person  int
	Change  string // by which it was made worse, "" for a picture as it was taken
	Level   float64
	Found   bool // a face was found and aligned; otherwise nothing below is set
	Face    float64
	Measure quality.Measure
	Live    bool // its liveness is not below the threshold from which it is refused
	Matched bool // it reached the threshold against the person's other pictures

	Compared, Confused int // with how many other people it was compared, and for how many of them it could be taken
}

// A Rate is a share by people with its 95 % interval, which takes people as the unit.
type Rate struct {
	Rate     float64 `json:"rate"` // mean of the shares of each person, 0 where People is 0
	Low      float64 `json:"low"`
	High     float64 `json:"high"`
	People   int     `json:"people"`
	Pictures int     `json:"pictures"`
}

// RateOf returns the share of the looks for which is holds, of those for which among does.
func RateOf(looks []Look, among, is func(Look) bool) Rate {
	var r Rate
	hits, all := map[int]float64{}, map[int]float64{}
	for _, l := range looks {
		if !among(l) {
			continue
		}
		r.Pictures++
		all[l.Person]++
		if is(l) {
			hits[l.Person]++
		}
	}
	r.People = len(all)
	if r.People == 0 {
		return r
	}
	var sum, squares float64
	for person, n := range all {
		share := hits[person] / n
		sum += share
		squares += share * share
	}
	n := float64(r.People)
	r.Rate = sum / n
	r.Low, r.High = interval(r.Rate, max(squares/n-r.Rate*r.Rate, 0), n)
	return r
}

// interval returns the 95 % interval of a mean of n shares with a variance (Wilson, 1927, for as many trials as would have that
// variance), which stays between 0 and 1.
func interval(mean, variance, n float64) (low, high float64) {
	const z = 1.96
	trials := n
	if variance > 0 {
		trials = max(n, n*mean*(1-mean)/variance)
	}
	middle := (mean + z*z/(2*trials)) / (1 + z*z/trials)
	reach := z / (1 + z*z/trials) * math.Sqrt(mean*(1-mean)/trials+z*z/(4*trials*trials))
	return max(middle-reach, 0), min(middle+reach, 1)
}

// A Confusion is how often pictures reached the threshold against somebody else.
type Confusion struct {
	Compared int `json:"compared"`
	Confused int `json:"confused"`
}

func confusionOf(looks []Look, among func(Look) bool) (c Confusion) {
	for _, l := range looks {
		if among(l) {
			c.Compared += l.Compared
			c.Confused += l.Confused
		}
	}
	return c
}

func (c Confusion) String() string { return fmt.Sprintf("%d of %d", c.Confused, c.Compared) }

// A Limit is one limit of the configuration.
type Limit struct {
	Key     string    // of the configuration
	Default float64   // of the reference
	Values  []float64 // to be tried, from lenient to strict
	Changes []string  // that make pictures worse in what the Limit is about
	value   func(Look) float64
	least   bool // it is the least value allowed, rather than the most
}

// Limits returns all Limits with the defaults of q and of the smallest face.
func Limits(q quality.Limits, minFace float64) []Limit {
	return []Limit{
		{"zone.min_face", minFace, []float64{20, 30, 40, 50, 60, 80}, []string{"distance"}, func(l Look) float64 { return l.Face }, true},
		{
			"quality.min_sharpness", q.MinSharpness,
			[]float64{5, 10, 15, 25, 40, 60, 100, 200},
			[]string{"blur", "distance"},
			func(l Look) float64 { return l.Measure.Sharpness }, true,
		},
		{
			"quality.min_brightness", q.MinBrightness,
			[]float64{10, 15, 20, 30, 40, 50, 60},
			[]string{"darkness"},
			func(l Look) float64 { return l.Measure.Brightness }, true,
		},
		{
			"quality.max_brightness", q.MaxBrightness,
			[]float64{240, 230, 220, 210, 200, 190, 180},
			[]string{"glare"},
			func(l Look) float64 { return l.Measure.Brightness }, false,
		},
		{
			"quality.max_side_light", q.MaxSideLight,
			[]float64{75, 70, 65, 60, 55, 50, 45, 40, 30, 26, 20},
			[]string{"side light", "lamp alone"},
			func(l Look) float64 { return math.Abs(l.Measure.SideLight) }, false,
		},
		{"quality.max_yaw", q.MaxYaw, []float64{50, 45, 40, 35, 30, 25, 20}, nil, func(l Look) float64 { return math.Abs(l.Measure.Yaw) }, false},
		{"quality.max_pitch", q.MaxPitch, []float64{50, 45, 40, 35, 30, 25, 20}, nil, func(l Look) float64 { return math.Abs(l.Measure.Pitch) }, false},
		{"quality.max_roll", q.MaxRoll, []float64{60, 45, 35, 25, 20, 15}, []string{"lean"}, func(l Look) float64 { return math.Abs(l.Measure.Roll) }, false},
	}
}

// refuses reports whether l is beyond the limit at a value.
func (l Limit) refuses(look Look, at float64) bool {
	if !look.Found {
		return false
	}
	if v := l.value(look); l.least {
		return !(v >= at)
	} else {
		return !(v <= at)
	}
}

// A Cost is what a Limit does at one value.
type Cost struct {
	Value   float64 `json:"value"`
	Default bool    `json:"default"`
	Refused Rate    `json:"refused"` // of the pictures as they were taken
	Beyond  Rate    `json:"beyond"`  // FNMR of the pictures that it refuses, taken and made
	Within  Rate    `json:"within"`  // FNMR of those that it lets pass, taken and made

	BeyondConfused Confusion `json:"beyond_confused"` // false matches of the former
	WithinConfused Confusion `json:"within_confused"` // and of the latter
}

// A Curve is what a Limit does at each value.
type Curve struct {
	Key   string `json:"key"`
	Costs []Cost `json:"costs"`
}

// CurveOf measures l at its values and at its default. Pictures without a face count for none of them.
func CurveOf(l Limit, looks []Look) Curve {
	concerns := func(k Look) bool { return k.Found && (k.Change == "" || slices.Contains(l.Changes, k.Change)) }
	missed := func(k Look) bool { return !k.Matched }
	values := append(slices.Clone(l.Values), l.Default)
	slices.SortFunc(values, func(a, b float64) int {
		if l.least {
			return cmp.Compare(a, b)
		}
		return cmp.Compare(b, a)
	})
	c := Curve{Key: l.Key}
	for _, v := range slices.Compact(values) {
		beyond := func(k Look) bool { return l.refuses(k, v) }
		refused := func(k Look) bool { return concerns(k) && beyond(k) }
		passes := func(k Look) bool { return concerns(k) && !beyond(k) }
		c.Costs = append(c.Costs, Cost{
			Value: v, Default: v == l.Default,
			Refused:        RateOf(looks, func(k Look) bool { return k.Found && k.Change == "" }, beyond),
			Beyond:         RateOf(looks, refused, missed),
			Within:         RateOf(looks, passes, missed),
			BeyondConfused: confusionOf(looks, refused), WithinConfused: confusionOf(looks, passes),
		})
	}
	return c
}

// A Step is what came of the pictures that one change made worse by one level.
type Step struct {
	Change   string    `json:"change"`
	Level    float64   `json:"level"`
	Lost     Rate      `json:"lost"`     // no face is found
	Missed   Rate      `json:"missed"`   // not recognised, of the faces that are found
	Confused Confusion `json:"confused"` // false matches
	NotLive  Rate      `json:"not_live"` // taken for a print or a screen, of the faces that are found
	Refused  Rate      `json:"refused"`  // by any limit, of the faces that are found
	Silent   Rate      `json:"silent"`   // not recognised, neither refused nor warned of the light, of all
	Wasted   Rate      `json:"wasted"`   // refused, though it would have been recognised, of all
	Failed   Rate      `json:"failed"`   // not found, refused, taken for a print or not recognised: whoever is not let in, of all
}

// StepOf measures what the limits q and the smallest face do to pictures of one change and level.
func StepOf(change string, level float64, looks []Look, q quality.Limits, minFace float64) Step {
	these := func(k Look) bool { return k.Change == change && k.Level == level }
	found := func(k Look) bool { return these(k) && k.Found }
	refused := func(k Look) bool { return k.Found && (k.Face < minFace || q.Check(k.Measure) != quality.OK) }
	return Step{
		Change: change, Level: level,
		Lost:     RateOf(looks, these, func(k Look) bool { return !k.Found }),
		Missed:   RateOf(looks, found, func(k Look) bool { return !k.Matched }),
		Confused: confusionOf(looks, found),
		NotLive:  RateOf(looks, found, func(k Look) bool { return !k.Live }),
		Refused:  RateOf(looks, found, refused),
		Silent:   RateOf(looks, these, func(k Look) bool { return !k.Found || !k.Matched && !refused(k) && q.Warn(k.Measure) == quality.OK }),
		Wasted:   RateOf(looks, these, func(k Look) bool { return k.Matched && refused(k) }),
		Failed:   RateOf(looks, these, func(k Look) bool { return !k.Found || refused(k) || !k.Live || !k.Matched }),
	}
}

// Write writes steps and curves for people, as tables whose cells are apart by tabs.
func Write(w io.Writer, steps []Step, curves []Curve) {
	show.Fprintf(w, "change\tlevel\tno face\tFNMR\tfalse matches\tnot live\trefused\tmissed without a reason\trefused for nothing\tnot let in\n")
	for _, s := range steps {
		show.Fprintf(w, "%s\t%g\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", s.Change, s.Level, s.Lost.short(), s.Missed, s.Confused, s.NotLive.short(), s.Refused.short(), s.Silent.short(), s.Wasted.short(), s.Failed.short())
	}
	for _, c := range curves {
		show.Fprintf(w, "\n%s\n", c.Key)
		show.Fprintf(w, "limit\trefuses of pictures as taken\tFNMR of what it refuses\tFNMR of what passes\tfalse matches\n")
		for _, k := range c.Costs {
			mark := ""
			if k.Default {
				mark = " (default)"
			}
			show.Fprintf(w, "%g%s\t%s\t%s\t%s\t%s, %s\n", k.Value, mark, k.Refused, k.Beyond, k.Within, k.BeyondConfused, k.WithinConfused)
		}
	}
}

func (r Rate) short() string {
	if r.People == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f %%", 100*r.Rate)
}

func (r Rate) String() string {
	if r.People == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f %% (%.1f to %.1f, %d people)", 100*r.Rate, 100*r.Low, 100*r.High, r.People)
}
