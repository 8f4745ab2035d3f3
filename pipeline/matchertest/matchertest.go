package matchertest

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"facegate/pipeline"
	"facegate/pipeline/embed"
	"facegate/pipeline/match"
	"facegate/pipeline/template"
)

// Dim is the length of the embeddings that the contract is tested with.
const Dim = 512

const (
	threshold = 0.4  // of all tests
	blur      = 0.15 // the most that an estimated cosine is off: five standard deviations of 1024 signs
)

var now = time.Date(2026, 7, 1, 8, 0, 0, 0, time.UTC)

// An Opened is a Matcher and what takes somebody out of it.
type Opened struct {
	pipeline.Matcher
	Remove func(template.PersonID)
}

// A Maker makes the Matchers that are tested.
type Maker struct {
	Most   int  // people whom one can know
	Renews bool // it says who is renewable
	Open   func(t *testing.T, people []Person, r match.Rules) Opened
}

// Run tests the Matchers that m makes.
func Run(t *testing.T, m Maker) {
	for _, test := range []struct {
		name   string
		people int // that a Matcher has to know for it
		run    func(*testing.T, Maker)
	}{
		{"nobody", 0, nobody},
		{"the person", 1, thePerson},
		{"somebody else", 1, somebodyElse},
		{"who is removed", 1, removed},
		{"who is barred", 1, barred},
		{"who is to be strictly judged", 1, strictly},
		{"who counts for half", 1, half},
		{"without a threshold", 1, noThreshold},
		{"vectors without direction", 1, refusesVectors},
		{"the vector is the caller's", 1, keepsNothing},
		{"concurrent use", 1, concurrentUse},
		{"no allocation", 1, noAllocation},
		{"who is second", 2, second},
		{"who is renewable", 1, renewable},
		{"one person is no crowd", 1, noCrowd},
		{"a crowd", 10, crowded},
		{"a crowd is never a help", 10, neverLower},
		{"look-alikes only raise", 10, lookalikesRaise},
		{"who has several faces", 10, counted},
		{"renewable in a crowd", 10, renewableInCrowd},
		{"renewable by itself", 1, renewableAlone},
		{"many people", 50, agreesWithTwin},
	} {
		if test.people <= m.Most {
			t.Run(test.name, func(t *testing.T) { test.run(t, m) })
		}
	}
}

// Face returns an embedding of nobody, the same for the same seed.
func Face(seed uint64) embed.Vector {
	r := rand.New(rand.NewPCG(seed, 0))
	v := make(embed.Vector, Dim)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	v.Normalize()
	return v
}

// Like returns a face of the given cosine to v, which has unit length.
func Like(v embed.Vector, cosine float64, seed uint64) embed.Vector {
	w := Face(seed)
	along := embed.Cosine(v, w)
	for i := range w {
		w[i] -= float32(along) * v[i]
	}
	w.Normalize()
	for i := range w {
		w[i] = float32(cosine)*v[i] + float32(math.Sqrt(1-cosine*cosine))*w[i]
	}
	return w
}

// ID returns the random-looking name of person n.
func ID(n int) template.PersonID { return template.PersonID{byte(n), byte(n >> 8), 1} }

func people(n int, earlier bool) (list []Person) {
	for i := range n {
		list = append(list, Person{ID: ID(i), Face: Face(uint64(i + 1)), Earlier: earlier})
	}
	return list
}

func rules() match.Rules {
	return match.Rules{
		Threshold: func(int) (float64, error) { return threshold, nil },
		Barred:    func(template.PersonID, time.Time) bool { return false },
	}
}

// ordinary is the crowding of an ordinary place, in all tests that have one.
const ordinary = 0.1

// crowdRules are rules by which a crowd raises the threshold.
func crowdRules() match.Rules {
	r := rules()
	r.Crowding, r.Beta = func(int) float64 { return ordinary }, 0.75
	return r
}

// around returns somebody with the face v, and others who have the given cosines to it.
func around(v embed.Vector, cosines ...float64) []Person {
	list := []Person{{ID: ID(0), Face: v}}
	for i, c := range cosines {
		list = append(list, Person{ID: ID(i + 1), Face: Like(v, c, uint64(100+i))})
	}
	return list
}

// matched reports whether a says that a face is that of a person.
func matched(a match.Answer, id template.PersonID) bool {
	return a.OK && a.Best == id && a.Score >= a.Threshold
}

func nobody(t *testing.T, m Maker) {
	if a := m.Open(t, nil, rules()).Match(Face(1), now); a != (match.Answer{}) {
		t.Errorf("of nobody it says %+v", a)
	}
}

func thePerson(t *testing.T, m Maker) {
	x := m.Open(t, people(1, false), rules())
	for _, cosine := range []float64{1, 0.9, 0.7} {
		a := x.Match(Like(Face(1), cosine, 99), now)
		if !matched(a, ID(0)) || math.Abs(a.Score-cosine) > blur || a.Second != -1 || a.Threshold != threshold {
			t.Errorf("of a face at %v it says %+v", cosine, a)
		}
	}
}

func somebodyElse(t *testing.T, m Maker) {
	x := m.Open(t, people(1, false), rules())
	for _, cosine := range []float64{0.2, 0, -0.5} {
		a := x.Match(Like(Face(1), cosine, 99), now)
		if !a.OK || a.Score >= a.Threshold || math.Abs(a.Score-cosine) > blur || a.Threshold != threshold {
			t.Errorf("of a face at %v it says %+v", cosine, a)
		}
	}
}

func removed(t *testing.T, m Maker) {
	x := m.Open(t, people(1, false), rules())
	x.Remove(ID(0))
	if a := x.Match(Face(1), now); a != (match.Answer{}) {
		t.Errorf("of the face of who was removed it says %+v", a)
	}
	x.Remove(ID(0))
}

func barred(t *testing.T, m Maker) {
	r := rules()
	until := now.Add(time.Minute)
	r.Barred = func(id template.PersonID, at time.Time) bool { return id == ID(0) && at.Before(until) }
	x := m.Open(t, people(1, true), r)
	if a := x.Match(Face(1), now); a.Score >= a.Threshold-0.5 || a.Renewable {
		t.Errorf("who is barred comes near: %+v", a)
	}
	if a := x.Match(Face(1), until); !matched(a, ID(0)) {
		t.Errorf("a minute later: %+v", a)
	}
}

// strictly judges one of two by a stricter threshold, on one day.
func strictly(t *testing.T, m Maker) {
	r := rules()
	until := now.Add(time.Minute)
	r.Standing = func(id template.PersonID, at time.Time) match.Standing {
		return match.Standing{Strict: id == ID(0) && at.Before(until)}
	}
	strictest := threshold + 0.3
	r.Strictest = func() float64 { return strictest }
	x := m.Open(t, people(min(2, m.Most), true), r)
	if a := x.Match(Like(Face(1), 0.5, 99), now); !a.OK || a.Threshold != strictest || a.Score >= a.Threshold || a.Half || a.Renewable {
		t.Errorf("of a face at 0.5 it says %+v", a)
	}
	if a := x.Match(Face(1), now); !matched(a, ID(0)) || a.Threshold != strictest {
		t.Errorf("of the person it says %+v", a)
	}
	if a := x.Match(Face(1), until); !matched(a, ID(0)) || a.Threshold != threshold {
		t.Errorf("a minute later: %+v", a)
	}
	if a := x.Match(Face(2), now); m.Most > 1 && (!matched(a, ID(1)) || a.Threshold != threshold) {
		t.Errorf("of somebody else it says %+v", a)
	}
	strictest = threshold - 0.1
	if a := x.Match(Face(1), now); a.Threshold != threshold {
		t.Errorf("where the threshold is stricter than the strictest: %+v", a)
	}
	r.Strictest = nil
	if a := m.Open(t, people(1, false), r).Match(Face(1), now); a.Threshold != threshold {
		t.Errorf("where nobody is strictly judged: %+v", a)
	}
}

// half asks of somebody whose face opens no door alone. It changes nothing of what is said otherwise.
func half(t *testing.T, m Maker) {
	r := rules()
	plain := m.Open(t, people(1, true), r).Match(Face(1), now)
	from := now.Add(time.Minute)
	r.Standing = func(id template.PersonID, at time.Time) match.Standing {
		return match.Standing{Half: id == ID(0) && !at.Before(from)}
	}
	x := m.Open(t, people(1, true), r)
	if a := x.Match(Face(1), now); a.Half {
		t.Errorf("before the day it says %+v", a)
	}
	a := x.Match(Face(1), from)
	if a.Half, plain.Half = !a.Half, false; a.Half || math.Abs(a.Score-plain.Score) > blur || a.Threshold != plain.Threshold {
		t.Errorf("it says %+v, and of the same face that opens alone %+v", a, plain)
	}
}

func noThreshold(t *testing.T, m Maker) {
	r := rules()
	r.Threshold = func(int) (float64, error) { return 0, errors.New("there is none") }
	if a := m.Open(t, people(1, false), r).Match(Face(1), now); a != (match.Answer{}) {
		t.Errorf("without a threshold it says %+v", a)
	}
}

func refusesVectors(t *testing.T, m Maker) {
	x := m.Open(t, people(1, false), rules())
	nan := Face(1)
	nan[7] = float32(math.NaN())
	inf := Face(1)
	inf[7] = float32(math.Inf(1))
	for name, v := range map[string]embed.Vector{
		"none": nil, "zero": make(embed.Vector, Dim), "not a number": nan, "infinite": inf,
		"short": Face(1)[:Dim-1], "long": append(Face(1), 1),
	} {
		if a := x.Match(v, now); a != (match.Answer{}) {
			t.Errorf("%s: it says %+v", name, a)
		}
	}
	if a := x.Match(Face(1), now); !matched(a, ID(0)) {
		t.Errorf("of the person it then says %+v", a)
	}
}

// keepsNothing changes a vector after it was matched, in which another face must not be seen.
func keepsNothing(t *testing.T, m Maker) {
	x := m.Open(t, people(1, false), rules())
	v := Like(Face(1), 0.8, 99)
	want := slices.Clone(v)
	a := x.Match(v, now)
	if !slices.Equal(v, want) {
		t.Fatal("the vector was changed")
	}
	clear(v)
	if again := x.Match(want, now); again != a {
		t.Errorf("after the vector was cleared it says %+v, before %+v", again, a)
	}
}

// concurrentUse removes the person while four others ask.
func concurrentUse(t *testing.T, m Maker) {
	x := m.Open(t, people(1, false), rules())
	var wg sync.WaitGroup
	var going, gone atomic.Bool
	for range 4 {
		wg.Go(func() {
			for range 50 {
				wasGone := gone.Load()
				a := x.Match(Face(1), now)
				if stayed := !going.Load(); stayed && !matched(a, ID(0)) || wasGone && a.OK {
					t.Errorf("the person stayed: %v, was gone: %v, and it says %+v", stayed, wasGone, a)
				}
			}
		})
	}
	x.Match(Face(1), now)
	going.Store(true)
	x.Remove(ID(0))
	gone.Store(true)
	wg.Wait()
}

func noAllocation(t *testing.T, m Maker) {
	for _, earlier := range []bool{false, true} {
		list := people(min(9, m.Most), false)
		list[0].Earlier = earlier
		x := m.Open(t, list, crowdRules())
		v := Face(1)
		if n := testing.AllocsPerRun(20, func() { x.Match(v, now) }); n != 0 {
			t.Errorf("%v allocations a match, with an earlier epoch: %v", n, earlier)
		}
	}
}

func second(t *testing.T, m Maker) {
	for _, earlier := range []bool{false, true} {
		list := []Person{{ID: ID(0), Face: Face(1)}, {ID: ID(1), Face: Like(Face(1), 0.6, 2), Earlier: earlier}}
		a := m.Open(t, list, rules()).Match(Face(1), now)
		if !matched(a, ID(0)) || math.Abs(a.Second-0.6) > blur {
			t.Errorf("beside somebody alike, of an earlier epoch %v, it says %+v", earlier, a)
		}
	}
}

// renewable asks of which faces a template may be made.
func renewable(t *testing.T, m Maker) {
	tests := []struct {
		name    string
		earlier bool
		cosine  float64
		want    bool
	}{
		{"sure", true, 0.9, true},
		{"a match with little room", true, 0.5, false},
		{"no match", true, 0.2, false},
		{"of the current epoch", false, 0.9, false},
	}
	for _, tt := range tests {
		x := m.Open(t, people(1, tt.earlier), rules())
		if a := x.Match(Like(Face(1), tt.cosine, 99), now); a.Renewable != (tt.want && m.Renews) {
			t.Errorf("%s: %+v", tt.name, a)
		}
	}
	if m.Most < 2 {
		return
	}
	both := Face(1)
	for i, y := range Face(2) {
		both[i] = 0.8*both[i] + 0.6*y
	}
	if a := m.Open(t, people(2, true), rules()).Match(both, now); !a.OK || a.Renewable {
		t.Errorf("a face like two people: %+v", a)
	}
}

// agreesWithTwin compares with many people, some of an earlier epoch, and asks of faces that are more or less like theirs.
func agreesWithTwin(t *testing.T, m Maker) {
	list := people(50, false)
	for i := range list {
		list[i].Earlier = i%3 == 0
		if i > 40 { // a family
			list[i].Face = Like(list[0].Face, 0.4, uint64(i))
		}
	}
	r := crowdRules()
	r.Standing = func(id template.PersonID, _ time.Time) match.Standing { return match.Standing{Half: id[0]%3 == 1} }
	x, twin := m.Open(t, list, r), &Exact{People: list, Rules: r}
	for i := range 200 {
		who := list[i%len(list)]
		v := Like(who.Face, 0.3+0.7*float64(i)/200, uint64(1000+i))
		got, want := x.Match(v, now), twin.Match(v, now)
		if err := alike(got, want); err != nil {
			t.Errorf("face %d: %v:\n%+v, the twin says\n%+v", i, err, got, want)
		}
	}
}

// alike says in what got differs from what the twin says, by more than estimates of cosines do.
func alike(got, want match.Answer) error {
	plain := want.Score-want.Second > 2*blur
	switch {
	case !got.OK || got.Threshold != threshold+got.Raise || math.Abs(got.Raise-want.Raise) > blur:
		return errors.New("it has nobody, or another threshold")
	case math.Abs(got.Excess-want.Excess) > blur:
		return fmt.Errorf("the crowding is off by %.2f", got.Excess-want.Excess)
	case plain && got.Best != want.Best:
		return errors.New("it names somebody else")
	case math.Abs(got.Score-want.Score) > blur || math.Abs(got.Second-want.Second) > blur:
		return fmt.Errorf("the cosines are off by %.2f and %.2f", got.Score-want.Score, got.Second-want.Second)
	case plain && got.Half != want.Half:
		return errors.New("it counts for half, or not")
	case plain && math.Abs(want.Score-want.Threshold-0.15) > blur && got.Renewable != want.Renewable:
		return errors.New("a template may be made of it, or not")
	}
	return nil
}
