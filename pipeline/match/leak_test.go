package match_test

import (
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"facegate/pipeline/embed"
	"facegate/pipeline/match"
	"facegate/pipeline/template"
	"facegate/pipeline/template/templatetest"
)

// A revoked record is never found again, not even by the face that it was made of, also after that face has been
// enrolled anew in another lane.
func TestRevokedIsNeverFound(t *testing.T) {
	const people = 200
	probes := 2000
	if os.Getenv("FACEGATE_SLOW") != "" {
		probes = 100_000
	}
	rnd := rand.New(rand.NewPCG(4, 4))
	j := newProjector(t)
	var x match.Index
	var faces []embed.Vector
	add := func(record, person int, lane uint8) {
		c, ok := j.Protect(slices.Clone(faces[person]), lane)
		if !ok {
			t.Fatal("no code")
		}
		x.Add(template.Record{ID: recordID(record), Person: personID(record), Lane: lane, Code: c})
	}
	for i := range people {
		faces = append(faces, near(rnd, nil, 0))
		add(i, i, 0)
	}
	revoked := map[template.PersonID]bool{}
	for i := range people / 2 {
		x.Remove(recordID(i))
		revoked[personID(i)] = true
	}
	for i := range people / 4 {
		add(people+i, i, 1) // half of the revoked come back, under a new id
	}
	var p template.Probe
	for i := range probes {
		who := i % people
		if !j.Project(&p, near(rnd, faces[who], 0.95), x.Lanes()) {
			t.Fatal("no probe")
		}
		r := x.Search(&p)
		switch {
		case revoked[r.Best]:
			t.Fatalf("probe %d finds a revoked record", i)
		case who < people/4 && r.Best != personID(people+who):
			t.Fatalf("probe %d does not find the new record", i)
		case who >= people/4 && who < people/2 && r.Score > 0.5:
			t.Fatalf("probe %d of a person who is gone scores %.2f", i, r.Score)
		}
	}
}

// How long a search takes does not tell how alike the face is to anybody.
func TestSearchTimeDoesNotTellTheScore(t *testing.T) {
	const people, probes = 1000, 10_000
	rnd := rand.New(rand.NewPCG(5, 5))
	j := newProjector(t)
	var x match.Index
	var faces []embed.Vector
	for i := range people {
		faces = append(faces, near(rnd, nil, 0))
		c, _ := j.Protect(slices.Clone(faces[i]), 0)
		x.Add(template.Record{ID: recordID(i), Person: personID(i), Code: c})
	}
	var scores, durations []float64
	var p template.Probe
	for range probes {
		j.Project(&p, near(rnd, faces[rnd.IntN(people)], rnd.Float64()), x.Lanes())
		start := time.Now()
		r := x.Search(&p)
		durations = append(durations, float64(time.Since(start)))
		scores = append(scores, r.Score)
	}
	rho := templatetest.Spearman(scores, durations)
	t.Logf("rank correlation of score and time %+.3f", rho)
	if rho > 0.05 || rho < -0.05 { // chance is 0.01
		t.Error("the time tells the score")
	}
}
