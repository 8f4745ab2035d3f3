package store_test

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"facegate/pipeline/template"
	"facegate/store"
	"facegate/store/audit"
	"facegate/store/storetest"
)

// TestStoreAgainstMap drives a store and a plain map with the same calls, closing and opening in between.
func TestStoreAgainstMap(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			rt.Fatal(err)
		}
		open := func() *store.Store {
			s, err := store.Open(storetest.Options(dir))
			if err != nil {
				rt.Fatal(err)
			}
			return s
		}
		s := open()
		defer func() { s.Close(); storetest.MustCheck(t, dir) }()
		want := map[string]template.Code{}
		person := rapid.IntRange(0, 7)
		for range rapid.IntRange(1, 8).Draw(rt, "steps") {
			n := person.Draw(rt, "person")
			_, enrolled := want[labelOf(n)]
			switch rapid.SampledFrom([]string{"enrol", "enrol", "erase", "open"}).Draw(rt, "step") {
			case "enrol":
				if _, err := s.Enrol(enrolment(n)); (err != nil) != enrolled {
					rt.Fatalf("enrolled: %v, enrolling: %v", enrolled, err)
				}
				want[labelOf(n)] = codeOf(n)
			case "erase":
				if _, err := s.Erase(store.ByLabel(labelOf(n)), audit.Requested, 1000); (err == nil) != enrolled {
					rt.Fatalf("enrolled: %v, erasing: %v", enrolled, err)
				}
				delete(want, labelOf(n))
			case "open":
				s.Close()
				s = open()
			}
			c, err := read(s)
			if err != nil {
				rt.Fatal(err)
			}
			got := map[string]template.Code{}
			for _, p := range c.People {
				got[p.Label] = c.Records[p.ID].Code
			}
			if d := cmp.Diff(want, got); d != "" {
				rt.Fatalf("-want +got:\n%s", d)
			}
		}
	})
}

// TestEpochsAgainstMap drives a store and a plain map with the same calls, closing and opening in between.
func TestEpochsAgainstMap(t *testing.T) {
	type person struct {
		epoch uint32 // 0 without a record
		code  template.Code
	}
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			rt.Fatal(err)
		}
		open := func() *store.Store {
			s, err := store.Open(storetest.Options(dir))
			if err != nil {
				rt.Fatal(err)
			}
			return s
		}
		s := open()
		defer func() { s.Close(); storetest.MustCheck(t, dir) }()
		want := map[string]person{}
		ids := map[string]template.PersonID{}
		current, ended := uint32(1), uint32(0)
		earlier := func(p person) bool { return p.epoch != 0 && p.epoch < current }
		for step := range rapid.IntRange(1, 10).Draw(rt, "steps") {
			n := rapid.IntRange(0, 3).Draw(rt, "person")
			label := labelOf(n)
			old, enrolled := want[label]
			e := enrolment(n)
			e.Code = codeOf(1000 + step)
			fails := false
			steps := []string{"enrol", "enrol", "again", "erase", "begin", "renew", "renew", "end", "open"}
			switch rapid.SampledFrom(steps).Draw(rt, "step") {
			case "enrol":
				var p store.Person
				if p, err = s.Enrol(e); !enrolled {
					want[label], ids[label] = person{current, e.Code}, p.ID
				}
				fails = enrolled
			case "again":
				if _, _, err = s.Recapture(e); enrolled {
					want[label] = person{current, e.Code}
				}
				fails = !enrolled
			case "erase":
				_, err = s.Erase(store.ByLabel(label), audit.Requested, 1000)
				delete(want, label)
				fails = !enrolled
			case "begin":
				for _, p := range want {
					fails = fails || earlier(p)
				}
				if err = s.Epochs().Begin(1000); !fails {
					current++
				}
			case "renew":
				var renewed bool
				if _, renewed, err = s.Epochs().Renew(ids[label], model, 1, e.Code); renewed != (enrolled && earlier(old)) {
					rt.Fatalf("renewed %v: %+v", renewed, old)
				}
				if renewed {
					want[label] = person{current, e.Code}
				}
			case "end":
				if fails = ended+1 == current; !fails {
					ended = current - 1
				}
				if _, err = s.Epochs().End(1000); !fails {
					for label, p := range want {
						if earlier(p) {
							want[label] = person{}
						}
					}
				}
			case "open":
				s.Close()
				s, err = open(), nil
			}
			if (err != nil) != fails {
				rt.Fatalf("error %v, want one: %v", err, fails)
			}
			c, err := read(s)
			if err != nil {
				rt.Fatal(err)
			}
			got := map[string]person{}
			for _, p := range c.People {
				got[p.Label] = person{p.Epoch, c.Records[p.ID].Code}
			}
			if d := cmp.Diff(want, got, cmp.AllowUnexported(person{})); d != "" {
				rt.Fatalf("-want +got:\n%s", d)
			}
		}
	})
}
