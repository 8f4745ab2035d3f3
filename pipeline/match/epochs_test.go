package match_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"facegate/pipeline/embed"
	"facegate/pipeline/match"
	"facegate/pipeline/matchertest"
	"facegate/pipeline/template"
)

// projectorOf returns the Projector of an epoch, under keys of that epoch.
func projectorOf(epoch uint32) (*template.Projector, error) {
	var keys [template.Lanes][32]byte
	for lane := range keys {
		keys[lane] = [32]byte{byte(epoch), byte(lane), 1}
	}
	return template.NewProjector(keys, dim, nil)
}

func newEpochs(t testing.TB, current uint32) *match.Epochs {
	t.Helper()
	e, err := match.NewEpochs(current, projectorOf)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func newToken(t testing.TB) template.Token {
	t.Helper()
	token, err := template.NewToken(bytes.NewReader(bytes.Repeat([]byte{7}, 16)))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// recordOf returns record n, of a person in an epoch.
func recordOf(t testing.TB, n int, p matchertest.Person, epoch uint32) template.Record {
	t.Helper()
	j, err := projectorOf(epoch)
	if err != nil {
		t.Fatal(err)
	}
	lane := uint8(n % template.Lanes)
	code, ok := j.Protect(slices.Clone(p.Face), lane)
	if !ok {
		t.Fatal("no Code")
	}
	return template.Record{ID: recordID(n), Person: p.ID, Epoch: epoch, Lane: lane, Code: code}
}

func mustAdd(t testing.TB, e *match.Epochs, r template.Record) {
	t.Helper()
	if err := e.Add(r); err != nil {
		t.Fatal(err)
	}
}

// mustFind checks whom a face is found to be of, and in which epoch.
func mustFind(t *testing.T, e *match.Epochs, p matchertest.Person, inEarlier bool) {
	t.Helper()
	found := e.Search(p.Face)
	if found.Best != p.ID || found.Score < 0.9 || found.Earlier != inEarlier {
		t.Errorf("%v is found as %+v, of an earlier epoch: %v", p.ID, found, inEarlier)
	}
}

// TestRenewedRecord follows a person into the next epoch. The one before is closed when nobody is left in it.
func TestRenewedRecord(t *testing.T) {
	opened := 0
	e, err := match.NewEpochs(1, func(epoch uint32) (*template.Projector, error) {
		opened++
		return projectorOf(epoch)
	})
	if err != nil {
		t.Fatal(err)
	}
	one := matchertest.Person{ID: matchertest.ID(1), Face: matchertest.Face(1)}
	mustAdd(t, e, recordOf(t, 0, one, 1))
	mustFind(t, e, one, false)
	if err := e.Begin(2); err != nil {
		t.Fatal(err)
	}
	mustFind(t, e, one, true)
	e.RemovePerson(one.ID)
	made, ok := e.Protect(slices.Clone(one.Face), 5)
	if want := recordOf(t, 5, one, 2).Code; !ok || made != (template.Made{Scheme: template.SchemeS1, Epoch: 2, Lane: 5, Code: want}) {
		t.Error("Protect does not go by the current epoch")
	}
	mustAdd(t, e, template.Record{ID: recordID(5), Person: one.ID, Epoch: 2, Lane: 5, Code: made.Code})
	mustFind(t, e, one, false)
	if opened != 2 {
		t.Errorf("%d epochs were opened", opened)
	}
	mustAdd(t, e, recordOf(t, 9, matchertest.Person{ID: matchertest.ID(2), Face: matchertest.Face(2)}, 1))
	if opened != 3 {
		t.Error("an epoch in which nobody was left had stayed open")
	}
}

// TestNoProjector checks that nothing changes where an epoch cannot be opened.
func TestNoProjector(t *testing.T) {
	broken := errors.New("no keys")
	fails := true
	open := func(epoch uint32) (*template.Projector, error) {
		if fails {
			return nil, broken
		}
		return projectorOf(epoch)
	}
	if _, err := match.NewEpochs(1, open); !errors.Is(err, broken) {
		t.Fatal(err)
	}
	fails = false
	e, err := match.NewEpochs(1, open)
	if err != nil {
		t.Fatal(err)
	}
	one := matchertest.Person{ID: matchertest.ID(1), Face: matchertest.Face(1)}
	mustAdd(t, e, recordOf(t, 0, one, 1))
	fails = true
	if err := e.Begin(2); !errors.Is(err, broken) {
		t.Errorf("Begin: %v", err)
	}
	if err := e.Add(recordOf(t, 1, one, 2)); !errors.Is(err, broken) {
		t.Errorf("Add: %v", err)
	}
	mustFind(t, e, one, false)
}

// TestEpochsAgainstMap drives Epochs and a plain map of records with the same calls.
func TestEpochsAgainstMap(t *testing.T) {
	rnd := rand.New(rand.NewPCG(6, 6))
	const newest = 4
	var projectors [newest + 1]*template.Projector
	var records [newest + 1][6]template.Record // of each epoch, of as many people
	for epoch := range records {
		var err error
		if projectors[epoch], err = projectorOf(uint32(epoch)); err != nil {
			t.Fatal(err)
		}
		for n := range records[epoch] {
			p := matchertest.Person{ID: personID(n), Face: matchertest.Face(uint64(n + 1))}
			records[epoch][n] = recordOf(t, n, p, uint32(epoch))
		}
	}
	probe := near(rnd, matchertest.Face(1), 0.5)
	rapid.Check(t, func(rt *rapid.T) {
		e, err := match.NewEpochs(0, func(epoch uint32) (*template.Projector, error) { return projectors[epoch], nil })
		if err != nil {
			t.Fatal(err)
		}
		current := uint32(0)
		model := map[template.PersonID]template.Record{}
		person := rapid.IntRange(0, len(records[0])-1)
		rt.Repeat(map[string]func(*rapid.T){
			"begin": func(t *rapid.T) {
				current = min(current+1, newest)
				if err := e.Begin(current); err != nil {
					t.Fatal(err)
				}
			},
			"add": func(t *rapid.T) {
				r := records[rapid.Uint32Range(0, current).Draw(t, "epoch")][person.Draw(t, "person")]
				e.RemovePerson(r.Person)
				if err := e.Add(r); err != nil {
					t.Fatal(err)
				}
				model[r.Person] = r
			},
			"remove": func(t *rapid.T) {
				id := personID(person.Draw(t, "person"))
				e.RemovePerson(id)
				delete(model, id)
			},
			"clear earlier": func(*rapid.T) {
				e.ClearEarlier()
				for id, r := range model {
					if r.Epoch != current {
						delete(model, id)
					}
				}
			},
			"clear": func(*rapid.T) {
				e.Clear()
				clear(model)
			},
			"": func(t *rapid.T) {
				if n := e.Len(); n != len(model) {
					t.Fatalf("%d people, want %d", n, len(model))
				}
				for n := range records[0] {
					if _, want := model[personID(n)]; e.Has(personID(n)) != want {
						t.Fatalf("it has person %d: %v", n, !want)
					}
				}
				want := searchEach(projectors[:], probe, model)
				found := e.Search(probe)
				if found.Result != want || found.People != len(model) || found.OK && found.Earlier != (model[found.Best].Epoch != current) {
					t.Fatalf("found %+v; want %+v of %d", found, want, model[want.Best].Epoch)
				}
			},
		})
	})
}

// searchEach compares a face with every record, by the projector of its epoch.
func searchEach(projectors []*template.Projector, v embed.Vector, records map[template.PersonID]template.Record) match.Result {
	var all []scored
	for _, r := range records {
		var p template.Probe
		projectors[r.Epoch].Project(&p, slices.Clone(v), template.LaneSetOf(r.Lane))
		all = append(all, scored{r.Person, p.Estimate(r.Lane, &r.Code)})
	}
	return outcome(all)
}
