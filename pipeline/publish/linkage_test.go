package publish

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"log/slog"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"facegate/configs/address"
	"facegate/pipeline/attempt"
	"facegate/pipeline/publish/feed"
	"facegate/pipeline/template"
)

// The experiment. Many people pass a gate many times, each with what could tell them from others: a template, a card, groups, means,
// and a latency of their own. An attacker gets every byte that the gate sends of it, in order, and for half of the people who each
// pass was. From those they learn, for each field and for what can be made of it, how two passes of one person differ from two passes
// of two people. Then they say of pairs of the other half whether they are of one person. As many are as are not, so that guessing is
// right in half of them. No pass is in two pairs, so that the pairs count one by one.
const (
	crowdSize = 120 // people

	// An attacker is refused who is better than guessing by more than these standard errors: at one of 40 fields, in one of 700 runs.
	critical = 4.0
	// And whoever is better by so many more is found with 95 %.
	found = 1.645
)

// passesOf is how often each passes.
func passesOf() int {
	if slow {
		return 150
	}
	return 50
}

// slow is set where there is time.
var slow = os.Getenv("FACEGATE_SLOW") != ""

// A passer is somebody who passes again and again.
type passer struct {
	person     template.PersonID
	credential attempt.Credential
	means      attempt.Means
	groups     []string
	own        time.Duration // how much longer the gate takes with them than with others
	habit      time.Duration // when they come, into the day
}

// latencies are how long a gate takes from what is shown to the relay, of a face, a pass, a card and a PIN, in the middle.
var latencies = map[attempt.Means]time.Duration{
	attempt.Face: 143 * time.Millisecond, attempt.Pass: 90 * time.Millisecond,
	attempt.Card: 6 * time.Millisecond, attempt.PIN: 310 * time.Millisecond,
}

func crowd(r *rand.Rand, by ...attempt.Means) []passer {
	people := make([]passer, crowdSize)
	for i := range people {
		p := passer{
			means: by[r.IntN(len(by))], groups: []string{fmt.Sprint("floor ", i%7)},
			own:   time.Duration(40 * r.NormFloat64() * float64(time.Millisecond)),
			habit: 6*time.Hour + time.Duration(r.Int64N(int64(12*time.Hour))),
		}
		binary.LittleEndian.PutUint64(p.person[:], r.Uint64())
		binary.LittleEndian.PutUint64(p.credential[:], r.Uint64())
		people[i] = p
	}
	return people
}

// A passing is one pass of somebody, and what was told of it.
type passing struct {
	who  int // in the crowd
	fact attempt.Fact
	sent []sending
}

// monday is when the experiment begins.
var monday = time.Date(2026, 3, 2, 6, 0, 0, 0, time.UTC)

// passings has everybody pass in an order that is drawn, one every half minute or so.
func passings(r *rand.Rand, people []passer) []passing {
	all := make([]passing, 0, len(people)*passesOf())
	for i := range people {
		for range passesOf() {
			all = append(all, passing{who: i})
		}
	}
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	at := monday
	for i := range all {
		at = at.Add(time.Duration(r.ExpFloat64() * float64(30*time.Second)))
		all[i].fact = people[all[i].who].passes(r, at)
	}
	return all
}

// passes returns the fact that somebody passed.
func (p passer) passes(r *rand.Rand, at time.Time) attempt.Fact {
	noise := time.Duration(r.ExpFloat64() * float64(20*time.Millisecond))
	return attempt.Fact{
		Attempt: attempt.Attempt{
			Means: p.means, Asked: at, Person: p.person, Finding: attempt.Matched, Reader: "front",
			Credential: p.credential, Groups: p.groups, Duress: r.IntN(500) == 0,
		},
		Opened: at.Add(max(time.Millisecond, latencies[p.means]+p.own+noise)),
	}
}

// tell has the publisher tell every pass, and keeps what a building system gets.
func tell(t *testing.T, s Source, all []passing) []passing {
	t.Helper()
	outbox := feed.NewMemory(1)
	p, err := New(Config{Brokers: []address.Address{{Host: "127.0.0.1", Port: 1}}, ClientID: "x", Site: "hq", Gate: "north"},
		Parts{Outbox: outbox, Rand: strings.NewReader("boot and store id")}, slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		t.Fatal(err)
	}
	for i := range all {
		if err := p.TellFact(s, all[i].fact); err != nil {
			t.Fatal(err)
		}
		n, msg, _ := outbox.Next()
		if all[i].sent, err = onWire(msg, false); err != nil {
			t.Fatal(err)
		}
		outbox.Ack(n)
		all[i].sent = append(all[i].sent, sending{topic: passLive, payload: <-p.live})
	}
	return all
}

// A trait is what an attacker sees of a pass in one place: a number, or a text that is the same or is not.
type trait struct {
	number float64
	text   string
}

// traits returns all that an attacker sees of each pass, by the topic and field: what stands there, and what can be made of it.
func traits(t *testing.T, all []passing) []map[string]trait {
	t.Helper()
	seen := make([]map[string]trait, len(all))
	var last time.Time
	for i, p := range all {
		seen[i] = map[string]trait{"messages": {number: float64(len(p.sent))}, "place": {number: float64(i)}, "place, even": {number: float64(i % 2)}}
		for j, s := range p.sent {
			if j == 0 || string(s.payload) != string(p.sent[j-1].payload) { // pass/live says the same again
				last = see(t, seen[i], s, last)
			}
		}
		if i > 0 { // who comes after whom
			for _, field := range []string{"pass latency_ms", "pass method", "pass#bytes"} {
				if v, ok := seen[i-1][field]; ok {
					seen[i]["before: "+field] = v
				}
			}
		}
	}
	return seen
}

// see adds what a message shows. It returns the time in it, last for none.
func see(t *testing.T, seen map[string]trait, s sending, last time.Time) time.Time {
	t.Helper()
	var fields map[string]any
	if err := json.Unmarshal(s.payload, &fields); err != nil {
		t.Fatalf("%s: %v", s.payload, err)
	}
	seen[s.topic+"#bytes"] = trait{number: float64(len(s.payload))}
	for name, v := range fields {
		key := s.topic + " " + name
		switch v := v.(type) {
		case float64:
			seen[key] = trait{number: v}
		default:
			seen[key] = trait{text: fmt.Sprint(v)}
		}
		at, err := time.Parse(Timestamp, fmt.Sprint(v))
		if err != nil {
			continue
		}
		delete(seen, key) // it is looked at in parts
		seen[key+", millisecond"] = trait{number: float64(at.Nanosecond() / 1e6)}
		seen[key+", second"] = trait{number: float64(at.Second())}
		seen[key+", minute"] = trait{number: float64(at.Minute())}
		seen[key+", of the day"] = trait{number: at.Sub(at.Truncate(24 * time.Hour)).Seconds()}
		seen[key+", since the one before"] = trait{number: at.Sub(last).Seconds()}
		last = at
	}
	return last
}

// A pair is two passes, and whether they are of one person.
type pair struct {
	a, b int
	same bool
}

// pairs draws pairs of the passes of some people: as many of one person as of two, and none with a pass of another pair.
func pairs(r *rand.Rand, all []passing, of func(who int) bool) (drawn []pair) {
	mine := map[int][]int{}
	for i, p := range all {
		if of(p.who) {
			mine[p.who] = append(mine[p.who], i)
		}
	}
	var rest []int
	for _, who := range slices.Sorted(maps.Keys(mine)) {
		passes := mine[who]
		r.Shuffle(len(passes), func(i, j int) { passes[i], passes[j] = passes[j], passes[i] })
		half := len(passes) / 4 * 2
		for i := 0; i < half; i += 2 {
			drawn = append(drawn, pair{passes[i], passes[i+1], true})
		}
		rest = append(rest, passes[half:2*half]...)
	}
	r.Shuffle(len(rest), func(i, j int) { rest[i], rest[j] = rest[j], rest[i] })
	for i := 0; i+1 < len(rest); i += 2 {
		j := i + 1
		for k := j; all[rest[i]].who == all[rest[j]].who && k < len(rest); k++ {
			rest[j], rest[k] = rest[k], rest[j]
		}
		if all[rest[i]].who != all[rest[j]].who {
			drawn = append(drawn, pair{rest[i], rest[j], false})
		}
	}
	return drawn
}

// An expert has learnt what the difference of two passes in one trait says.
type expert struct {
	cuts   []float64 // of differences of numbers
	weight []float64 // of evidence for one person, in nats: the same, another text, then a difference below each cut, then more
}

const bins = 12

// cell returns in which way two traits differ.
func (e expert) cell(a, b trait) int {
	switch {
	case a == b:
		return 0
	case a.text != b.text:
		return 1
	}
	at, _ := slices.BinarySearch(e.cuts, math.Abs(a.number-b.number))
	return 2 + at
}

// learn makes an expert of one trait.
func learn(name string, seen []map[string]trait, known []pair) expert {
	var differences []float64
	for _, p := range known {
		if d := math.Abs(seen[p.a][name].number - seen[p.b][name].number); d > 0 {
			differences = append(differences, d)
		}
	}
	slices.Sort(differences)
	var e expert
	for i := 1; i < bins && len(differences) > bins; i++ {
		e.cuts = append(e.cuts, differences[i*len(differences)/bins])
	}
	e.cuts = slices.Compact(e.cuts)
	counts := [2][]float64{make([]float64, bins+3), make([]float64, bins+3)}
	totals := [2]float64{}
	for _, p := range known {
		same := 0
		if p.same {
			same = 1
		}
		counts[same][e.cell(seen[p.a][name], seen[p.b][name])]++
		totals[same]++
	}
	for i := range counts[0] {
		e.weight = append(e.weight, math.Log((counts[1][i]+1)/(totals[1]+1))-math.Log((counts[0][i]+1)/(totals[0]+1)))
	}
	return e
}

// A verdict is how often an attacker was right.
type verdict struct {
	trait    string
	accuracy float64 // balanced: the mean of that for pairs of one person and of that for pairs of two
	err      float64 // standard error of it, if the attacker guesses
}

// advantage is by how much an attacker is better than guessing, in standard errors.
func (v verdict) advantage() float64 { return (v.accuracy - 0.5) / v.err }

func (v verdict) String() string { return fmt.Sprintf("%.1f %% by %s", 100*v.accuracy, v.trait) }

// judge counts how often a weight of evidence is on the right side. Evidence for neither is half right.
func judge(trait string, unknown []pair, weigh func(pair) float64) verdict {
	var right, of [2]float64
	for _, p := range unknown {
		w, k := weigh(p), 0
		if p.same {
			k = 1
		} else {
			w = -w
		}
		of[k]++
		if w == 0 {
			right[k] += 0.5
		} else if w > 0 {
			right[k]++
		}
	}
	return verdict{trait, (right[0]/of[0] + right[1]/of[1]) / 2, math.Sqrt(0.25/of[0]+0.25/of[1]) / 2}
}

// attack learns from half of the people, and judges pairs of the other half: by each trait, and by all together. The best is first.
func attack(r *rand.Rand, all []passing, seen []map[string]trait) (verdicts []verdict) {
	known := pairs(r, all, func(who int) bool { return who%2 == 0 })
	unknown := pairs(r, all, func(who int) bool { return who%2 == 1 })
	names := map[string]bool{}
	for _, s := range seen {
		for name := range s {
			names[name] = true
		}
	}
	together := map[pair]float64{}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		e := learn(name, seen, known)
		verdicts = append(verdicts, judge(name, unknown, func(p pair) float64 {
			w := e.weight[e.cell(seen[p.a][name], seen[p.b][name])]
			together[p] += w
			return w
		}))
	}
	verdicts = append(verdicts, judge("all together", unknown, func(p pair) float64 { return together[p] }))
	slices.SortStableFunc(verdicts, func(a, b verdict) int { return cmp.Compare(b.accuracy, a.accuracy) })
	return verdicts
}

// experiment has people pass, and an attacker look at what was told of it, after leak has changed it.
func experiment(t *testing.T, seed uint64, s Source, leak func(*passing), by ...attempt.Means) []verdict {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 0))
	all := tell(t, s, passings(r, crowd(r, by...)))
	if leak != nil {
		for i := range all {
			leak(&all[i])
		}
	}
	return attack(r, all, traits(t, all))
}

// withheld is a source that keeps by what means somebody passed.
func withheld() Source {
	s := source()
	s.Withhold = true
	return s
}

var everyMeans = []attempt.Means{attempt.Face, attempt.Pass, attempt.Card, attempt.PIN}

// TestPassesCannotBeLinked has an attacker try to link two passes of one person, by every field, by order and by latency: of people
// with all means where those are withheld, and of people with one means where it is told.
func TestPassesCannotBeLinked(t *testing.T) {
	t.Parallel()
	seeds := []uint64{1}
	if slow {
		seeds = []uint64{1, 2, 3, 4, 5, 6, 7, 8}
	}
	for _, seed := range seeds {
		for _, tt := range []struct {
			name   string
			source Source
			by     []attempt.Means
		}{
			{"means withheld", withheld(), everyMeans},
			{"all come by face", source(), []attempt.Means{attempt.Face}},
			{"all come by a card", source(), []attempt.Means{attempt.Card}},
		} {
			verdicts := experiment(t, seed, tt.source, nil, tt.by...)
			best := verdicts[0]
			t.Logf("%s, seed %d: the best of %d attackers is right in %v; refused from %.1f %%, and found with 95 %% from %.1f %%",
				tt.name, seed, len(verdicts), best, 50+100*critical*best.err, 50+100*(critical+found)*best.err)
			if best.advantage() > critical {
				t.Errorf("%s, seed %d: two passes of one person can be linked: %v", tt.name, seed, verdicts[:3])
			}
		}
	}
}

// with adds a field to what is told of a pass.
func with(field string, value func(p *passing) any) func(*passing) {
	return func(p *passing) {
		for i, s := range p.sent {
			var fields map[string]any
			json.Unmarshal(s.payload, &fields)
			fields[field] = value(p)
			p.sent[i].payload, _ = json.Marshal(fields)
		}
	}
}

// TestLinksAreFound leaks in each of these ways: an attacker who finds nothing must be one who finds.
func TestLinksAreFound(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(7, 0))
	secret := fmt.Sprint(r.Uint64())
	hash := func(p *passing) uint64 {
		h := fnv.New64a()
		fmt.Fprint(h, secret, p.fact.Attempt.Person)
		return h.Sum64()
	}
	for name, leak := range map[string]func(*passing){
		"a pseudonym":              with("subject", func(p *passing) any { return fmt.Sprintf("%x", hash(p)) }),
		"one for a week":           with("subject", func(p *passing) any { return fmt.Sprint(hash(p), p.fact.Opened.YearDay()/7) }),
		"a score":                  with("score", func(p *passing) any { return 0.6 + float64(hash(p)%100)/500 + r.NormFloat64()/20 }),
		"a group":                  with("group", func(p *passing) any { return p.fact.Attempt.Groups[0] }),
		"the means":                with("method", func(p *passing) any { return p.fact.Attempt.Means.Method() }),
		"the latency":              with("latency_ms", func(p *passing) any { return p.fact.Opened.Sub(p.fact.Attempt.Asked).Milliseconds() }),
		"the latency of one means": with("latency_ms", func(p *passing) any { return 143 + int64(hash(p)%100) + r.Int64N(40) }),
		"digits of the time": with("ts", func(p *passing) any {
			return At(p.fact.Opened.Truncate(time.Second).Add(time.Duration(hash(p)%1000) * time.Millisecond))
		}),
		"the length": with("door", func(p *passing) any { return "main" + strings.Repeat(" ", int(hash(p)%8)) }),
		"how many messages": func(p *passing) {
			if hash(p)%3 == 0 {
				p.sent = append(p.sent, p.sent[0])
			}
		},
	} {
		if !slow && !slices.Contains([]string{"a pseudonym", "a score", "the latency", "the length"}, name) {
			continue
		}
		best := experiment(t, 1, withheld(), leak, everyMeans...)[0]
		if t.Logf("%s: %v", name, best); best.advantage() < critical+found {
			t.Errorf("%s: is not found: %v", name, best)
		}
	}
}

// TestOrderIsLookedAt has a gate tell of each hour in the order of a list of people.
func TestOrderIsLookedAt(t *testing.T) {
	if !slow {
		t.Skip("takes many passes; set FACEGATE_SLOW=1")
	}
	r := rand.New(rand.NewPCG(1, 0))
	all := passings(r, crowd(r, everyMeans...))
	for hour := range slices.Chunk(all, 1000) {
		slices.SortStableFunc(hour, func(a, b passing) int { return cmp.Compare(a.who, b.who) })
	}
	if best := attack(r, all, traits(t, tell(t, withheld(), all)))[0]; best.advantage() < critical+found {
		t.Errorf("the order of a list is not found: %v", best)
	}
}

// TestResolutionAgainstHabits has people come at their hour, give or take ten minutes, which no gate can keep from whoever knows the
// time: the coarser it is told, the less it tells.
func TestResolutionAgainstHabits(t *testing.T) {
	if !slow {
		t.Skip("measures how much; set FACEGATE_SLOW=1")
	}
	before := math.Inf(1)
	for _, resolution := range []time.Duration{time.Millisecond, time.Minute, 15 * time.Minute, time.Hour} {
		r := rand.New(rand.NewPCG(1, 0))
		people := crowd(r, attempt.Face)
		var all []passing
		for day := range passesOf() {
			for i, p := range people {
				late := time.Duration(r.NormFloat64() * float64(10*time.Minute))
				at := monday.Truncate(24*time.Hour).AddDate(0, 0, day).Add(p.habit + late)
				all = append(all, passing{who: i, fact: p.passes(r, at)})
			}
		}
		slices.SortFunc(all, func(a, b passing) int { return a.fact.Opened.Compare(b.fact.Opened) })
		s := withheld()
		s.Resolution = resolution
		best := attack(r, all, traits(t, tell(t, s, all)))[0]
		t.Logf("people with habits, told to %v: %v", resolution, best)
		if best.accuracy > before+0.01 {
			t.Errorf("a resolution of %v tells more than a finer one: %v", resolution, best)
		}
		before = best.accuracy
	}
}

// TestLatencySteps measures what a latency tells of people with whom a gate takes some 40 ms longer or shorter than with others, by the
// step in which it is told: at gates that answer within the first second, and at one that takes just as long as that.
func TestLatencySteps(t *testing.T) {
	if !slow {
		t.Skip("measures how much; set FACEGATE_SLOW=1")
	}
	for _, slower := range []time.Duration{0, 340 * time.Millisecond, 840 * time.Millisecond} {
		for _, step := range []time.Duration{time.Millisecond, 10 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond, latencyStep} {
			told := with("latency_ms", func(p *passing) any {
				return (p.fact.Opened.Sub(p.fact.Attempt.Asked) + slower + step - 1).Truncate(step).Milliseconds()
			})
			verdicts := experiment(t, 1, source(), told, attempt.Face)
			i := slices.IndexFunc(verdicts, func(v verdict) bool { return v.trait == "pass latency_ms" })
			t.Logf("in steps of %v, about %v: %v", step, latencies[attempt.Face]+slower, verdicts[i])
			if slower < latencyStep/2 && step == latencyStep && verdicts[i].advantage() > critical {
				t.Errorf("a latency in steps of %v still tells: %v", step, verdicts[i])
			}
		}
	}
}
