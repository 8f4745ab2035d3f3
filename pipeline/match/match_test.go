package match_test

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"facegate/pipeline/embed"
	"facegate/pipeline/match"
	"facegate/pipeline/template"
)

const dim = 512

func newProjector(tb testing.TB) *template.Projector {
	tb.Helper()
	var keys [template.Lanes][32]byte
	for lane := range keys {
		keys[lane] = sha256.Sum256([]byte{byte(lane)})
	}
	j, err := template.NewProjector(keys, dim, nil)
	if err != nil {
		tb.Fatal(err)
	}
	return j
}

// near returns a unit vector at about the given cosine to centre, or any if centre is nil.
func near(rnd *rand.Rand, centre embed.Vector, cosine float64) embed.Vector {
	v := make(embed.Vector, dim)
	noise := math.Sqrt((1 - cosine*cosine) / dim)
	for i := range v {
		v[i] = float32(noise * rnd.NormFloat64())
		if centre != nil {
			v[i] += float32(cosine) * centre[i]
		}
	}
	v.Normalize()
	return v
}

func recordID(n int) (id template.RecordID) {
	binary.BigEndian.PutUint64(id[:], uint64(n)+1)
	return id
}

func personID(n int) (id template.PersonID) {
	binary.BigEndian.PutUint64(id[8:], uint64(n)+1)
	return id
}

// bruteForce rescores every record, as if there were no scan before.
func bruteForce(p *template.Probe, records []template.Record) match.Result {
	var all []scored
	for _, r := range records {
		if p.Lanes().Has(r.Lane) {
			all = append(all, scored{r.Person, p.Estimate(r.Lane, &r.Code)})
		}
	}
	return outcome(all)
}

// Faces cluster: people of one family, age or camera are more alike than chance. The scan must lose nobody among them.
func TestSearchFindsWhatFullRescoringFinds(t *testing.T) {
	const clusters, members, probes = 20, 100, 200
	rnd := rand.New(rand.NewPCG(1, 1))
	j := newProjector(t)
	var x match.Index
	var people []embed.Vector
	var records []template.Record
	for range clusters {
		centre := near(rnd, nil, 0)
		for range members {
			v := near(rnd, centre, 0.7) // members of one cluster have a cosine of about 0.5
			lane := uint8(rnd.IntN(template.Lanes))
			code, ok := j.Protect(slices.Clone(v), lane)
			if !ok {
				t.Fatal("no code")
			}
			n := len(people)
			r := template.Record{ID: recordID(n), Person: personID(n), Lane: lane, Code: code}
			x.Add(r)
			people, records = append(people, v), append(records, r)
		}
	}
	var p template.Probe
	right := 0
	for i := range probes {
		who := rnd.IntN(len(people))
		if !j.Project(&p, near(rnd, people[who], min(0.69+0.1*rnd.NormFloat64(), 0.95)), x.Lanes()) {
			t.Fatal("no probe")
		}
		got, want := x.Search(&p), bruteForce(&p, records)
		if got.Best != want.Best || got.Score != want.Score {
			t.Errorf("probe %d: got %v, full rescoring says %v", i, got, want)
		}
		if got.Best == personID(who) {
			right++
		}
	}
	if right < probes*95/100 {
		t.Errorf("only %d of %d probes found their person", right, probes)
	}
}

func TestSearchSecond(t *testing.T) {
	rnd := rand.New(rand.NewPCG(2, 2))
	j := newProjector(t)
	face := near(rnd, nil, 0)
	record := func(n, person int, v embed.Vector, lane uint8) template.Record {
		code, _ := j.Protect(slices.Clone(v), lane)
		return template.Record{ID: recordID(n), Person: personID(person), Lane: lane, Code: code}
	}
	crowd := func(n int) (rs []template.Record) { // n good records of person 1
		for i := range n {
			rs = append(rs, record(i, 1, near(rnd, face, 0.9), 0))
		}
		return rs
	}
	stranger := record(1000, 2, near(rnd, nil, 0), 0)
	lookalike := record(1001, 2, near(rnd, face, 0.6), 0)
	tests := []struct {
		name    string
		records []template.Record
		lanes   template.LaneSet
		check   func(t *testing.T, r match.Result)
	}{
		{"empty", nil, template.AllLanes, func(t *testing.T, r match.Result) {
			if r != (match.Result{}) {
				t.Errorf("got %+v", r)
			}
		}},
		{"no lane searched", crowd(1), template.LaneSetOf(1), func(t *testing.T, r match.Result) {
			if r != (match.Result{}) {
				t.Errorf("got %+v", r)
			}
		}},
		{"one person", crowd(3), template.AllLanes, func(t *testing.T, r match.Result) {
			if r.Best != personID(1) || r.Second != -1 {
				t.Errorf("got %+v", r)
			}
		}},
		{"one person, more records than candidates", crowd(70), template.AllLanes, func(t *testing.T, r match.Result) {
			if r.Best != personID(1) || r.Second != -1 {
				t.Errorf("got %+v", r)
			}
		}},
		{"a second person", append(crowd(3), lookalike), template.AllLanes, func(t *testing.T, r match.Result) {
			if r.Best != personID(1) || math.Abs(r.Second-0.6) > 0.1 {
				t.Errorf("got %+v", r)
			}
		}},
		{"second crowded out", append(crowd(70), stranger), template.AllLanes, func(t *testing.T, r match.Result) {
			if r.Best != personID(1) || r.Second < 0.7 || r.Second > r.Score {
				t.Errorf("got %+v", r)
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var x match.Index
			for _, r := range tt.records {
				x.Add(r)
			}
			var p template.Probe
			if !j.Project(&p, slices.Clone(face), tt.lanes) {
				t.Fatal("no probe")
			}
			tt.check(t, x.Search(&p))
		})
	}
}

// TestIndexAgainstMap drives the index and a plain map with the same calls.
func TestIndexAgainstMap(t *testing.T) {
	j := newProjector(t)
	rnd := rand.New(rand.NewPCG(3, 3))
	var codes [12][template.Lanes]template.Code // of as many people
	for i := range codes {
		face := near(rnd, nil, 0)
		for lane := range codes[i] {
			codes[i][lane], _ = j.Protect(slices.Clone(face), uint8(lane))
		}
	}
	var p template.Probe
	j.Project(&p, near(rnd, nil, 0), template.AllLanes)
	rapid.Check(t, func(t *rapid.T) {
		var x match.Index
		model := map[template.RecordID]template.Record{}
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				person := rapid.IntRange(0, len(codes)-1).Draw(t, "person")
				lane := rapid.Uint8Range(0, template.Lanes-1).Draw(t, "lane")
				id := recordID(rapid.IntRange(0, 20).Draw(t, "id"))
				r := template.Record{ID: id, Person: personID(person), Lane: lane, Code: codes[person][lane]}
				x.Add(r)
				model[id] = r
			},
			"remove": func(t *rapid.T) {
				id := recordID(rapid.IntRange(0, 20).Draw(t, "id"))
				_, want := model[id]
				if got := x.Remove(id); got != want {
					t.Fatalf("Remove reported %v, want %v", got, want)
				}
				delete(model, id)
			},
			"remove person": func(t *rapid.T) {
				person := personID(rapid.IntRange(0, len(codes)-1).Draw(t, "person"))
				want := 0
				for id, r := range model {
					if r.Person == person {
						delete(model, id)
						want++
					}
				}
				if got := x.RemovePerson(person); got != want {
					t.Fatalf("RemovePerson removed %d records, want %d", got, want)
				}
			},
			"": func(t *rapid.T) {
				persons := map[template.PersonID]bool{}
				var lanes template.LaneSet
				var records []template.Record
				for _, r := range model {
					persons[r.Person] = true
					lanes |= template.LaneSetOf(r.Lane)
					records = append(records, r)
				}
				if p, n := x.Len(); p != len(persons) || n != len(model) {
					t.Fatalf("%d persons, %d records; want %d, %d", p, n, len(persons), len(model))
				}
				if x.Lanes() != lanes {
					t.Fatalf("lanes %b, want %b", x.Lanes(), lanes)
				}
				if got, want := x.Search(&p), bruteForce(&p, records); got != want {
					t.Fatalf("got %+v, want %+v", got, want)
				}
			},
		})
	})
}

func TestSearchDoesNotAllocate(t *testing.T) {
	x, p := randomIndex(t, 1000)
	if n := testing.AllocsPerRun(10, func() { x.Search(p) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// randomIndex returns an index of n people with random Codes in all lanes, and a probe.
func randomIndex(tb testing.TB, n int) (*match.Index, *template.Probe) {
	tb.Helper()
	rnd := rand.New(rand.NewPCG(5, 5))
	x, p := new(match.Index), new(template.Probe)
	for i := range n {
		r := template.Record{ID: recordID(i), Person: personID(i), Lane: uint8(i % template.Lanes)}
		for w := range r.Code {
			r.Code[w] = rnd.Uint64()
		}
		x.Add(r)
	}
	if !newProjector(tb).Project(p, near(rnd, nil, 0), template.AllLanes) {
		tb.Fatal("no probe")
	}
	return x, p
}

func BenchmarkSearch(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 50_000, 1_000_000} {
		b.Run(fmt.Sprint("codes=", n), func(b *testing.B) {
			x, p := randomIndex(b, n)
			b.SetBytes(int64(n) * template.Bits / 8)
			for b.Loop() {
				x.Search(p)
			}
		})
	}
}
