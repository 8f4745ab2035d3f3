package match_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"facegate/pipeline"
	"facegate/pipeline/match"
	"facegate/pipeline/matchertest"
	"facegate/pipeline/template"
)

var (
	_ pipeline.Matcher = (*match.Everybody)(nil)
	_ pipeline.Matcher = (*match.Claimed)(nil)
)

// Of these epochs the first is over when the second has begun.
const earlier, current = 1, 2

func TestEverybody(t *testing.T) {
	matchertest.Run(t, matchertest.Maker{
		Most: 50, Renews: true,
		Open: func(t *testing.T, people []matchertest.Person, r match.Rules) matchertest.Opened {
			epochs := newEpochs(t, current)
			for i, p := range people {
				in := uint32(current)
				if p.Earlier {
					in = earlier
				}
				mustAdd(t, epochs, recordOf(t, i, p, in))
			}
			return matchertest.Opened{Matcher: &match.Everybody{Epochs: epochs, Rules: r}, Remove: epochs.RemovePerson}
		},
	})
}

func TestClaimed(t *testing.T) {
	keys, err := template.NewTokenKeys([32]byte{1}, newToken(t))
	if err != nil {
		t.Fatal(err)
	}
	for name, open := range map[string]func() (*template.PersonProjector, error){
		"by a Code of its own":     func() (*template.PersonProjector, error) { return template.NewTokenProjector(keys, dim, nil) },
		"by the Code of everybody": func() (*template.PersonProjector, error) { return template.NewLaneProjector([32]byte{2}, dim, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			matchertest.Run(t, matchertest.Maker{
				Most: 1,
				Open: func(t *testing.T, people []matchertest.Person, r match.Rules) matchertest.Opened {
					projector, err := open()
					if err != nil {
						t.Fatal(err)
					}
					person, code := template.PersonID{}, template.Code{}
					for _, p := range people {
						person = p.ID
						code, _ = projector.Protect(slices.Clone(p.Face))
					}
					m := match.Claim(person, code, projector, r)
					if len(people) == 0 {
						m.Close()
					}
					return matchertest.Opened{Matcher: m, Remove: func(template.PersonID) { m.Close() }}
				},
			})
		})
	}
}

// BenchmarkMatch compares a face with 1,000 people, all of the current epoch or half of them of an earlier one.
func BenchmarkMatch(b *testing.B) {
	for epochs := range uint32(2) {
		b.Run(fmt.Sprint("epochs=", epochs+1), func(b *testing.B) {
			e := newEpochs(b, current)
			for i := range 1000 {
				p := matchertest.Person{ID: personID(i), Face: matchertest.Face(uint64(i))}
				mustAdd(b, e, recordOf(b, i, p, current-uint32(i)%2*epochs))
			}
			m := &match.Everybody{Epochs: e, Rules: match.Rules{
				Threshold: func(int) (float64, error) { return 0.4, nil },
				Barred:    func(template.PersonID, time.Time) bool { return false },
			}}
			v := matchertest.Face(7)
			b.ReportAllocs()
			for b.Loop() {
				if a := m.Match(v, time.Time{}); a.Best != personID(7) {
					b.Fatalf("it says %+v", a)
				}
			}
		})
	}
}
