package match_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"facegate/pipeline/embed"
	"facegate/pipeline/match"
	"facegate/pipeline/template"
)

// family returns n people who are more or less like a face, and the records of their Codes in all lanes.
func family(tb testing.TB, n int) (face embed.Vector, records [][template.Lanes]template.Record) {
	tb.Helper()
	rnd := rand.New(rand.NewPCG(7, 7))
	j := newProjector(tb)
	face = near(rnd, nil, 0)
	for person := range n {
		v := near(rnd, face, 0.7*float64(n-person)/float64(n))
		var all [template.Lanes]template.Record
		for lane := range all {
			code, _ := j.Protect(slices.Clone(v), uint8(lane))
			all[lane] = template.Record{ID: recordID(person*template.Lanes + lane), Person: personID(person), Lane: uint8(lane), Code: code}
		}
		records = append(records, all)
	}
	return face, records
}

// search enters records, in this order, and searches for a face.
func search(tb testing.TB, face embed.Vector, records []template.Record) match.Result {
	tb.Helper()
	var x match.Index
	for _, r := range records {
		x.Add(r)
	}
	var p template.Probe
	if !newProjector(tb).Project(&p, slices.Clone(face), template.AllLanes) {
		tb.Fatal("no probe")
	}
	return x.Search(&p)
}

// TestOthers permutes the records of people, doubles some of them, and searches in parts. The others stay the same.
func TestOthers(t *testing.T) {
	face, all := family(t, 12)
	rapid.Check(t, func(rt *rapid.T) {
		var records []template.Record
		for person := range rapid.IntRange(1, len(all)).Draw(rt, "people") {
			lane := rapid.IntRange(0, template.Lanes-1).Draw(rt, "lane")
			records = append(records, all[person][lane])
		}
		want := search(t, face, records)
		again := slices.Clone(records)
		for i := range rapid.IntRange(0, 20).Draw(rt, "doubles") {
			double := rapid.SampledFrom(records).Draw(rt, "double")
			double.ID = recordID(1000 + i)
			again = append(again, double)
		}
		again = rapid.Permutation(again).Draw(rt, "order")
		if got := search(t, face, again); got != want {
			rt.Fatalf("%d records of %d people: %+v, want %+v", len(again), len(records), got, want)
		}
		cut := rapid.IntRange(0, len(again)).Draw(rt, "cut")
		if got := search(t, face, again[:cut]).Join(search(t, face, again[cut:])); got != want {
			rt.Fatalf("in two parts: %+v, want %+v", got, want)
		}
	})
}

// TestOthersCrowdedOut gives one person so many good records that of the others fewer than wanted are looked at closely.
func TestOthersCrowdedOut(t *testing.T) {
	face, all := family(t, 12)
	code, _ := newProjector(t).Protect(slices.Clone(face), 0)
	for _, tt := range []struct{ good, known int }{{70, 0}, {64, 0}, {63, 1}, {60, 4}, {58, 6}} {
		var records []template.Record
		for i := range tt.good {
			records = append(records, template.Record{ID: recordID(1000 + i), Person: personID(1000), Code: code})
		}
		for _, r := range all {
			records = append(records, r[0])
		}
		got := search(t, face, records)
		if got.Best != personID(1000) || got.Second != got.Others[0].Score {
			t.Errorf("with %d good records: %+v", tt.good, got)
		}
		most, known := got.Score, 0
		for i, o := range got.Others {
			truth := search(t, face, records[tt.good+i:]).Score // nobody who is left out scores more
			if o.Score > most || o.Score < truth-0.1 {
				t.Errorf("with %d good records other %d is %+v, and they score %.2f", tt.good, i, o, truth)
			}
			if most = o.Score; o.Person != (template.PersonID{}) {
				known++
			}
		}
		if known != tt.known {
			t.Errorf("with %d good records %d others are known", tt.good, known)
		}
	}
}

// TestFewOthers checks that nobody stands where there is nobody, though one person has more records than are looked at.
func TestFewOthers(t *testing.T) {
	face, all := family(t, 3)
	var records []template.Record
	for i := range 70 {
		r := all[0][i%template.Lanes]
		r.ID = recordID(1000 + i)
		records = append(records, r)
	}
	for people, r := range all {
		got := search(t, face, append(records, r[0]))
		for i, o := range got.Others {
			if (o != match.Other{Score: -1}) != (people > 0 && i == 0) {
				t.Errorf("of person %d beside the first: %+v", people, got)
			}
		}
	}
}

// TestWithout leaves one person out of what was found, as a search without them would.
func TestWithout(t *testing.T) {
	face, all := family(t, 12)
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, len(all)).Draw(rt, "people")
		e := newEpochs(t, 1)
		for person := range n {
			mustAdd(t, e, all[person][person%template.Lanes])
		}
		self := personID(rapid.IntRange(0, n-1).Draw(rt, "self"))
		got := e.Search(face).Without(self)
		e.RemovePerson(self)
		want := e.Search(face)
		if full := len(want.Others) - 1; n > full { // the last was not known before
			got.Others[full], want.Others[full] = match.Other{}, match.Other{}
		}
		if got != want {
			rt.Fatalf("of %d: %+v, want %+v", n, got, want)
		}
	})
}

// TestPeopleOfSeveralEpochs checks that whoever has records in several epochs is counted once.
func TestPeopleOfSeveralEpochs(t *testing.T) {
	face, all := family(t, 6)
	e := newEpochs(t, 3)
	for person := range all {
		for epoch := range uint32(person%3 + 1) {
			r := all[person][0]
			r.Epoch = epoch + 1
			mustAdd(t, e, r)
		}
	}
	if n, found := e.Len(), e.Search(face); n != len(all) || found.People != len(all) {
		t.Errorf("%d people are counted as %d, and found among %d", len(all), n, found.People)
	}
	if n := testing.AllocsPerRun(10, func() { e.Search(face) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
