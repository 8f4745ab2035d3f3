package attacks

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"

	"facegate/pipeline/evaluate"
	"facegate/pipeline/liveness"
)

// ErrTooFew means that there is nothing to measure: no live face before a camera, or no attack at all.
var ErrTooFew = errors.New("too few presentations")

// A Rate is a share in which each subject weighs the same, with its 95 % confidence interval by subjects.
type Rate struct {
	Value    float64 `json:"value"`
	Low      float64 `json:"low"`
	High     float64 `json:"high"`
	Subjects int     `json:"subjects"`
	Windows  int     `json:"windows"`
}

// rounds is how often subjects are drawn anew for an interval.
const rounds = 1000

// An outcome is whether what was looked for is true of one window.
type outcome struct {
	subject string
	is      bool
}

// outcomes looks for something in windows.
func outcomes(camera string, shown []Shown, is func(Shown) bool) []outcome {
	all := make([]outcome, len(shown))
	for i, s := range shown {
		all[i] = outcome{camera + "/" + s.Subject, is(s)}
	}
	return all
}

// rate measures the share in which it is true. Its interval is that of the bootstrap over subjects. Where all subjects are alike
// the bootstrap says nothing, and the interval is the exact one of so many subjects (Clopper and Pearson).
func rate(all []outcome) Rate {
	shares := bySubject(all)
	r := Rate{Subjects: len(shares), Windows: len(all), High: 1}
	if r.Subjects == 0 {
		return r
	}
	r.Value = mean(shares)
	if slices.Min(shares) == slices.Max(shares) {
		n := int64(len(shares))
		low, high := evaluate.ClopperPearson(int64(math.Round(r.Value*float64(n))), n, 0.95)
		r.Low, r.High = min(low, r.Value), max(high, r.Value)
		return r
	}
	r.Low, r.High = bootstrap(shares)
	return r
}

// bySubject returns the share of each subject, in order.
func bySubject(all []outcome) []float64 {
	n, yes := map[string]float64{}, map[string]float64{}
	for _, o := range all {
		n[o.subject]++
		if o.is {
			yes[o.subject]++
		}
	}
	var shares []float64
	for _, subject := range slices.Sorted(maps.Keys(n)) {
		shares = append(shares, yes[subject]/n[subject])
	}
	return shares
}

func mean(shares []float64) float64 {
	var sum float64
	for _, s := range shares {
		sum += s
	}
	return sum / float64(len(shares))
}

func bootstrap(shares []float64) (low, high float64) {
	rng := rand.New(rand.NewPCG(1, 0))
	drawn := make([]float64, rounds)
	for i := range drawn {
		for range shares {
			drawn[i] += shares[rng.IntN(len(shares))] / float64(len(shares))
		}
	}
	slices.Sort(drawn)
	return drawn[rounds/40], drawn[rounds-1-rounds/40]
}

// A Report says how a set of networks tells live faces from attacks.
type Report struct {
	Networks string  `json:"networks"`
	Window   int     `json:"window"` // frames
	Accept   float64 `json:"accept"`
	Refuse   float64 `json:"refuse"`

	Cameras []CameraReport `json:"cameras"`

	// Unseen is over all cameras, each judged by the thresholds that the others lead to; nil where there is one.
	Unseen *Judged `json:"unseen,omitempty"`
}

// A CameraReport is what one camera showed.
type CameraReport struct {
	Camera  string  `json:"camera"`
	AUC     float64 `json:"auc"` // of single windows, all kinds of attack together; 0 without attacks
	Judged          // by the thresholds of the Report
	HeldOut *Judged `json:"held_out,omitempty"` // by those that the other cameras lead to
	Fixed   []Fixed `json:"fixed"`
}

// Judged is how presentations fared by two thresholds.
type Judged struct {
	Accept  float64      `json:"accept,omitempty"` // 0 where it is not one of all
	BPCER   Rate         `json:"bpcer"`            // of windows with a live face that are not taken for live
	Refused Rate         `json:"refused"`          // those of them that are taken for attacks; the others are doubtful
	Attacks []AttackRate `json:"attacks,omitempty"`
	Groups  []GroupRate  `json:"groups,omitempty"`
}

// An AttackRate is the share of attacks of one kind that are taken for live.
type AttackRate struct {
	Kind  string `json:"kind"`
	APCER Rate   `json:"apcer"`
}

// A GroupRate is the BPCER of some of the subjects.
type GroupRate struct {
	Group string `json:"group"`
	BPCER Rate   `json:"bpcer"`
}

// Fixed is what attacks of every kind reach at the thresholds that cost this camera just so many of its live windows.
type Fixed struct {
	AtBPCER float64      `json:"at_bpcer"`
	Accept  float64      `json:"accept"`
	Attacks []AttackRate `json:"attacks"`
}

// A Question is what is asked of presentations.
type Question struct {
	Aims   Aims
	Given  *liveness.Thresholds // instead of those that the aims lead to
	Groups map[string]string    // of each subject; nil for none
}

// Measure measures cameras. Its error wraps ErrTooFew.
func Measure(networks string, window int, cameras []Camera, q Question) (*Report, error) {
	for _, c := range cameras {
		if len(c.Live) == 0 {
			return nil, fmt.Errorf("%w: nobody is live before camera %s", ErrTooFew, c.Name)
		}
	}
	if len(kinds(cameras...)) == 0 {
		return nil, fmt.Errorf("%w: there is no attack", ErrTooFew)
	}
	t := Choose(cameras, q.Aims)
	if q.Given != nil {
		t = *q.Given
	}
	r := &Report{Networks: networks, Window: window, Accept: t.Accept, Refuse: t.Refuse}
	var unseen []seen
	for i, c := range cameras {
		cr := CameraReport{Camera: c.Name, AUC: auc(c), Judged: judge([]seen{{c, t}}, q.Groups), Fixed: fixed(c)}
		if len(cameras) > 1 {
			others := Choose(slices.Concat(cameras[:i], cameras[i+1:]), q.Aims)
			held := judge([]seen{{c, others}}, q.Groups)
			held.Accept, cr.HeldOut = others.Accept, &held
			unseen = append(unseen, seen{c, others})
		}
		r.Cameras = append(r.Cameras, cr)
	}
	if len(unseen) > 0 {
		all := judge(unseen, q.Groups)
		r.Unseen = &all
	}
	return r, nil
}

// A seen camera is judged by thresholds.
type seen struct {
	Camera
	by liveness.Thresholds
}

// judge measures cameras, each by its own thresholds. Subjects of one name before two cameras are two.
func judge(cameras []seen, groups map[string]string) Judged {
	j := Judged{
		BPCER:   over(cameras, Camera.live, notLive),
		Refused: over(cameras, Camera.live, refused),
	}
	var list []Camera
	for _, c := range cameras {
		list = append(list, c.Camera)
	}
	for _, kind := range kinds(list...) {
		j.Attacks = append(j.Attacks, AttackRate{kind, over(cameras, func(c Camera) []Shown { return c.Attacks[kind] }, live)})
	}
	named := map[string]bool{}
	for _, g := range groups {
		named[g] = true
	}
	for _, group := range sorted(named) {
		some := func(c Camera) []Shown {
			return slices.DeleteFunc(slices.Clone(c.Live), func(s Shown) bool { return groups[s.Subject] != group })
		}
		if r := over(cameras, some, notLive); r.Subjects > 0 {
			j.Groups = append(j.Groups, GroupRate{group, r})
		}
	}
	return j
}

func (c Camera) live() []Shown { return c.Live }

// over measures what is shown to each camera by the thresholds that it has.
func over(cameras []seen, shown func(Camera) []Shown, is func(liveness.Thresholds) func(Shown) bool) Rate {
	var all []outcome
	for _, c := range cameras {
		all = append(all, outcomes(c.Name, shown(c.Camera), is(c.by))...)
	}
	return rate(all)
}

// fixed measures the attacks on a camera at a BPCER of 5 and of 1 %, of which a fifth is refused.
func fixed(c Camera) (all []Fixed) {
	for _, bpcer := range []float64{0.05, 0.01} {
		t := Choose([]Camera{c}, Aims{Doubted: bpcer, Refused: bpcer / 5})
		f := Fixed{AtBPCER: bpcer, Accept: t.Accept}
		for _, kind := range kinds(c) {
			f.Attacks = append(f.Attacks, AttackRate{kind, rate(outcomes(c.Name, c.Attacks[kind], live(t)))})
		}
		all = append(all, f)
	}
	return all
}

// auc returns how often a live window has a higher mean than an attack has, 0 without attacks.
func auc(c Camera) float64 {
	var attacks []float64
	for _, kind := range kinds(c) {
		for _, s := range c.Attacks[kind] {
			attacks = append(attacks, s.Mean)
		}
	}
	if len(attacks) == 0 {
		return 0
	}
	slices.Sort(attacks)
	var wins float64
	for _, s := range c.Live {
		below, _ := slices.BinarySearch(attacks, s.Mean)
		upTo := below
		for upTo < len(attacks) && attacks[upTo] == s.Mean {
			upTo++
		}
		wins += float64(below) + float64(upTo-below)/2
	}
	return wins / float64(len(attacks)) / float64(len(c.Live))
}
