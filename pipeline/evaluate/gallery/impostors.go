package gallery

import (
	"cmp"
	"context"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"facegate/pipeline/embed"
	"facegate/pipeline/evaluate"
	"facegate/pipeline/evaluate/bypeople"
)

// tail is the share of comparisons whose scores are kept one by one. No threshold is looked for below.
const tail = 0.12

// Impostors are the scores of templates with pictures of other people. Each ordered pair of two people counts once,
// however many comparisons it has. It implements calibrate.Impostors.
type Impostors struct {
	count            int64
	enrolled, probes []int        // templates, and probes, of each person
	errors           []comparison // from the highest score on, as far as tail
	weights          [][]int64    // of people, one slice a round; the first is of ones, as they were measured
}

// A comparison is one template with one probe of somebody else.
type comparison struct {
	enrolled, probe int32
	score, share    float32 // share of all comparisons between the two
}

// Impostors scores the templates of each person with every picture of the others or, where frames is more than one, with
// the mean scores of so many different pictures of those who have as many. All of a person's pictures go into templates.
func (s Study) Impostors(ctx context.Context, frames int) (*Impostors, error) {
	r := rand.New(rand.NewPCG(s.Seed, 0))
	c := comparer{enrolled: templatesOf(s.People, s.Templates), probes: probesOf(s.People, frames), frames: frames}
	var err error
	if c.hash, err = codesOf(slices.Concat(c.enrolled.vectors, c.probes.vectors), drawKey(r), s.Mean); err != nil {
		return nil, err
	}
	m := &Impostors{enrolled: c.enrolled.of, probes: c.probes.of, weights: draws(len(s.People), s.Seed)}
	if m.errors, m.count, err = c.collect(ctx, c.floor(r)); err != nil {
		return nil, err
	}
	slices.SortFunc(m.errors, func(a, b comparison) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.enrolled, b.enrolled), cmp.Compare(a.probe, b.probe))
	})
	return m, nil
}

// A bank is the vectors on one side of the comparisons.
type bank struct {
	vectors []embed.Vector
	person  []int32 // whose each vector is
	of      []int   // how many vectors or, of probes, mean scores each person has
}

func templatesOf(people []Person, k int) bank {
	s := bank{of: make([]int, len(people))}
	for i, p := range people {
		for pictures := range slices.Chunk(p.Pictures, k) {
			if len(pictures) < k && s.of[i] > 0 {
				break // a template of what is left over is of fewer pictures than it need be
			}
			s.add(average(pictures), i)
			s.of[i]++
		}
	}
	return s
}

func probesOf(people []Person, frames int) bank {
	s := bank{of: make([]int, len(people))}
	for i, p := range people {
		s.of[i] = len(p.Pictures) / frames
		for _, v := range p.Pictures[:s.of[i]*frames] {
			s.add(v, i)
		}
	}
	return s
}

func (s *bank) add(v embed.Vector, person int) {
	s.vectors = append(s.vectors, v)
	s.person = append(s.person, int32(person))
}

// draws returns how often each person counts in each round of a bootstrap, and once in the first.
func draws(people int, seed uint64) [][]int64 {
	weights := [][]int64{slices.Repeat([]int64{1}, people)}
	bypeople.NewBootstrap(people, seed).Each(func(w []int64) { weights = append(weights, slices.Clone(w)) })
	return weights
}

// A comparer scores templates with probes of all people.
type comparer struct {
	hash             *evaluate.Hash // of the templates, and then the probes
	enrolled, probes bank
	frames           int // probes that come together, the frames of a group
}

const (
	tile    = 48 // groups in a job
	sampled = 60 // groups by which floor is found
)

func (c *comparer) groups() int { return len(c.probes.vectors) / c.frames }

// floor returns a score that about tail of the comparisons reach, from some of the groups. Of few comparisons all are
// kept.
func (c *comparer) floor(r *rand.Rand) float32 {
	if c.groups()*len(c.enrolled.vectors) < 1<<20 {
		return -2
	}
	var scores []float32
	row := c.row()
	for range sampled {
		scores = append(scores, c.score(row, r.IntN(c.groups()))...)
	}
	slices.Sort(scores)
	return scores[int((1-tail)*float64(len(scores)))]
}

// row returns room for the scores of a group with all templates.
func (c *comparer) row() []float32 { return make([]float32, len(c.enrolled.vectors)*c.frames) }

// score returns the mean scores of a group with each template, in row.
func (c *comparer) score(row []float32, group int) []float32 {
	n := len(c.enrolled.vectors)
	frames, templates := make([]int, c.frames), make([]int, n)
	for i := range frames {
		frames[i] = n + group*c.frames + i
	}
	for i := range templates {
		templates[i] = i
	}
	c.hash.Score(row, frames, templates)
	for i := range n {
		for f := 1; f < c.frames; f++ {
			row[i] += row[f*n+i]
		}
		row[i] /= float32(c.frames)
	}
	return row[:n]
}

// collect returns the comparisons from floor on, and how many there are in all.
func (c *comparer) collect(ctx context.Context, floor float32) (above []comparison, all int64, err error) {
	jobs := (c.groups() + tile - 1) / tile
	found, counts := make([][]comparison, jobs), make([]int64, jobs)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for job := range jobs {
		group.Go(func() error {
			row := c.row()
			for g := job * tile; g < min(c.groups(), (job+1)*tile); g++ {
				counts[job] += c.compare(&found[job], row, g, floor)
			}
			return context.Cause(ctx)
		})
	}
	if err := group.Wait(); err != nil {
		return nil, 0, err
	}
	for _, n := range counts {
		all += n
	}
	return slices.Concat(found...), all, nil
}

// compare adds a group's comparisons with other people from floor on to found, and returns how many there are in all.
func (c *comparer) compare(found *[]comparison, row []float32, group int, floor float32) (all int64) {
	probe := c.probes.person[group*c.frames]
	for i, score := range c.score(row, group) {
		enrolled := c.enrolled.person[i]
		if enrolled == probe {
			continue
		}
		all++
		if score >= floor {
			share := 1 / float32(c.enrolled.of[enrolled]*c.probes.of[probe])
			*found = append(*found, comparison{enrolled, probe, score, share})
		}
	}
	return all
}

// Count returns the number of comparisons.
func (m *Impostors) Count() int64 { return m.count }

// Threshold returns the lowest score that at most rate of the comparisons reach on other people than these as well: the
// upper end of its 95 % interval, from a Poisson bootstrap of people. pairs is how many pairs of people stand behind rate
// itself. A few errors of one pair, each of many pictures, are one error.
func (m *Impostors) Threshold(rate float64) (upper float64, pairs int) {
	thresholds := make([]float64, bypeople.Rounds)
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range thresholds {
		group.Go(func() error {
			thresholds[i], _ = m.at(m.weights[1+i], rate)
			return nil
		})
	}
	group.Wait()
	measured, n := m.at(m.weights[0], rate)
	seen := map[[2]int32]bool{}
	for _, c := range m.errors[:n] {
		seen[[2]int32{min(c.enrolled, c.probe), max(c.enrolled, c.probe)}] = true
	}
	return max(measured, bypeople.Middle(thresholds).High), len(seen)
}

// Measured returns the lowest score that at most rate of the comparisons between these people reach.
func (m *Impostors) Measured(rate float64) float64 {
	threshold, _ := m.at(m.weights[0], rate)
	return threshold
}

// at returns the lowest score that at most rate of the comparisons reach, if people count as often as weights say, and
// how many comparisons reach it.
func (m *Impostors) at(weights []int64, rate float64) (threshold float64, n int) {
	left := rate * m.total(weights)
	for i, c := range m.errors {
		left -= float64(c.share) * float64(weights[c.enrolled]) * float64(weights[c.probe])
		if left < 0 {
			return float64(math.Nextafter32(c.score, 2)), i
		}
	}
	return -1, len(m.errors)
}

// total returns how many ordered pairs of people are compared, if people count as often as weights say.
func (m *Impostors) total(weights []int64) float64 {
	var enrolled, probes, themselves float64
	for i, w := range weights {
		w := float64(w)
		if m.enrolled[i] > 0 {
			enrolled += w
		}
		if m.probes[i] > 0 {
			probes += w
		}
		if m.enrolled[i] > 0 && m.probes[i] > 0 {
			themselves += w * w
		}
	}
	return enrolled*probes - themselves
}
