package gallery

import (
	"cmp"
	"context"
	"encoding/binary"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"facegate/pipeline/decide"
	"facegate/pipeline/embed"
	"facegate/pipeline/evaluate"
	"facegate/pipeline/match"
	"facegate/pipeline/template"
)

// A Plan says which galleries are drawn, and how many try.
type Plan struct {
	Alike    bool `json:"alike"`    // all are near to one person, by the plain cosine of their first pictures, and not a mixed crowd
	Enrolled int  `json:"enrolled"` // N, in each gallery
	Draws    int  `json:"draws"`    // galleries
	Tries    int  `json:"tries"`    // so many of the enrolled try in each gallery, and as many strangers, as far as there are so many
}

// Plans returns the usual galleries, as far as there are people enough for them and for strangers: mixed crowds of 20, 50,
// 200 and 1000, and people who are alike, of 20 and 50.
func (s Study) Plans() (plans []Plan) {
	const tries = 300
	for _, n := range []int{20, 50, 200, 1000} {
		if len(s.People) > n {
			plans = append(plans, Plan{Enrolled: n, Draws: s.Draws, Tries: tries})
		}
	}
	for _, n := range []int{20, 50} {
		if len(s.People) > neighbours {
			plans = append(plans, Plan{Alike: true, Enrolled: n, Draws: 2 * s.Draws, Tries: tries})
		}
	}
	return plans
}

// A Way is one way of judging what a gate's search finds. Decide.Agree is how many pictures make a decision.
type Way struct {
	Name   string
	Match  match.Rules
	Decide decide.Rules
}

const (
	neighbours = 120 // people who are alike: one and the nearest to them
	walk       = 3   // pictures with which a stranger tries in a gallery, and an enrolled person twice
)

// Measure enrols people in galleries as plan draws them, and has the others and the enrolled themselves try, with other
// pictures than those that their templates are of. The search is match.Epochs, and each way weighs what it finds by its
// match.Rules and decides by its decide.Decider. A person with fewer pictures than a way needs does not try that way. If
// progress is not nil it is called with the galleries done, never twice at once.
func (s Study) Measure(ctx context.Context, plan Plan, ways []Way, progress func(done, total int)) ([]Outcome, error) {
	tallies := make([][]tally, plan.Draws)
	var mu sync.Mutex // guards done and the calls of progress
	done := 0
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range tallies {
		group.Go(func() (err error) {
			if err := context.Cause(ctx); err != nil {
				return err
			}
			g := gallery{Study: s, plan: plan, rng: rand.New(rand.NewPCG(s.Seed, uint64(i)))}
			tallies[i], err = g.run(ways)
			mu.Lock()
			defer mu.Unlock()
			if done++; progress != nil {
				progress(done, plan.Draws)
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	outcomes := make([]Outcome, len(ways))
	for w, way := range ways {
		var all tally
		for _, t := range tallies {
			all.add(&t[w])
		}
		outcomes[w] = all.outcome(way.Name, len(s.People), s.Seed)
	}
	return outcomes, nil
}

// A gallery is one draw.
type gallery struct {
	Study
	plan   Plan
	rng    *rand.Rand
	epochs *match.Epochs
}

func (g *gallery) run(ways []Way) ([]tally, error) {
	enrolled, strangers := g.draw()
	if err := g.open(); err != nil {
		return nil, err
	}
	left := make([][]embed.Vector, len(enrolled))
	for i, person := range enrolled {
		var err error
		if left[i], err = g.enrol(person); err != nil {
			return nil, err
		}
	}
	tallies := make([]tally, len(ways))
	for i, person := range enrolled[:min(len(enrolled), g.plan.Tries)] {
		g.try(person, true, left[i][:min(len(left[i]), 2*walk)], ways, tallies)
	}
	for _, person := range strangers[:min(len(strangers), g.plan.Tries)] {
		pictures := g.shuffled(g.People[person].Pictures)
		g.try(person, false, pictures[:min(len(pictures), walk)], ways, tallies)
	}
	return tallies, nil
}

// draw returns who is enrolled and who is a stranger. In a mixed crowd those with enough pictures for a template and a
// try are enrolled first.
func (g *gallery) draw() (enrolled, strangers []int) {
	from := g.rng.Perm(len(g.People))
	if g.plan.Alike {
		nearest := g.nearest(from[0])
		for i, k := range g.rng.Perm(len(nearest)) {
			from[i] = nearest[k]
		}
		from = from[:len(nearest)]
	} else {
		slices.SortStableFunc(from, func(a, b int) int { return cmp.Compare(g.few(a), g.few(b)) })
	}
	n := min(g.plan.Enrolled, len(from))
	strangers = from[n:]
	g.rng.Shuffle(len(strangers), func(i, k int) { strangers[i], strangers[k] = strangers[k], strangers[i] })
	return from[:n], strangers
}

// few returns 1 of somebody with too few pictures for the plan, and 0 of others.
func (g *gallery) few(person int) int {
	enough := 2
	if g.Templates > 1 {
		enough += walk
	}
	if len(g.People[person].Pictures) < enough {
		return 1
	}
	return 0
}

// nearest returns the people who are alike to one of them, who is among them.
func (g *gallery) nearest(to int) []int {
	face := g.People[to].Pictures[0]
	cosines := make([]float64, len(g.People))
	order := make([]int, len(g.People))
	for i, p := range g.People {
		order[i], cosines[i] = i, embed.Cosine(face, p.Pictures[0])
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Or(cmp.Compare(cosines[b], cosines[a]), cmp.Compare(a, b)) })
	return order[:min(len(order), neighbours)]
}

// open begins with nobody enrolled, under keys of its own.
func (g *gallery) open() (err error) {
	g.epochs, err = match.NewEpochs(0, func(uint32) (*template.Projector, error) {
		var keys [template.Lanes][32]byte
		for lane := range keys {
			keys[lane] = drawKey(g.rng)
		}
		return template.NewProjector(keys, len(g.Mean), g.Mean)
	})
	return err
}

// enrol lets a person be found by the mean of some pictures, and returns the others.
func (g *gallery) enrol(person int) (left []embed.Vector, err error) {
	pictures := g.shuffled(g.People[person].Pictures)
	k := 1
	if g.Templates > 1 {
		k = min(g.Templates, max(1, len(pictures)-walk))
	}
	lane := uint8(g.rng.IntN(template.Lanes))
	made, ok := g.epochs.Protect(average(pictures[:k]), lane)
	if !ok {
		return nil, evaluate.ErrTooFew
	}
	r := template.Record{Person: idOf(person), Lane: lane, Code: made.Code}
	r.ID = template.RecordID(r.Person)
	return pictures[k:], g.epochs.Add(r)
}

// try has a person come with pictures, and judges it every way: so many of them at a time as the way wants.
func (g *gallery) try(person int, enrolled bool, pictures []embed.Vector, ways []Way, tallies []tally) {
	found := make([]match.Found, len(pictures))
	for i, v := range pictures {
		found[i] = g.epochs.Search(v)
	}
	for w, way := range ways {
		var came []decision
		for walk := range slices.Chunk(found, way.Decide.Agree) {
			if len(walk) == way.Decide.Agree {
				came = append(came, way.decide(walk))
			}
		}
		tallies[w].take(person, enrolled, came)
	}
}

// A decision is what one walk came to.
type decision struct {
	granted bool
	person  template.PersonID // who was let in
	crowded float64           // the mean excess of the pictures over what is usual, see match.Answer
}

// decide is what the door does with one walk: a decider of its own, and a frame for each picture.
func (w Way) decide(walk []match.Found) (d decision) {
	decider := decide.New(w.Decide)
	at := time.Unix(0, 0)
	for _, f := range walk {
		at = at.Add(w.Decide.Window / time.Duration(2*len(walk)))
		a, err := w.Match.Weigh(f)
		if err != nil || !a.OK {
			continue
		}
		d.crowded += a.Excess / float64(len(walk))
		if decider.Observe(decide.Match{
			Track: 1, Time: at, Person: a.Best, Score: a.Score, Second: a.Second, Threshold: a.Threshold, Raise: a.Raise,
		}) == decide.Grant {
			d.granted, d.person = true, a.Best
		}
	}
	return d
}

// idOf returns the name of a person that is not zero.
func idOf(person int) (id template.PersonID) {
	binary.LittleEndian.PutUint64(id[:], uint64(person)+1)
	return id
}

func personOf(id template.PersonID) int { return int(binary.LittleEndian.Uint64(id[:])) - 1 }

func (g *gallery) shuffled(pictures []embed.Vector) []embed.Vector {
	s := slices.Clone(pictures)
	g.rng.Shuffle(len(s), func(i, k int) { s[i], s[k] = s[k], s[i] })
	return s
}
