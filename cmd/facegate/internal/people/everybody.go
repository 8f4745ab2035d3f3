package people

import (
	"time"

	"facegate/pipeline"
	"facegate/pipeline/calibrate"
	"facegate/pipeline/embed"
	"facegate/pipeline/match"
	"facegate/pipeline/template"
	"facegate/store"
)

// everybody is the scheme in which a face is compared with all that are enrolled. Of who is under 14 it has no Code in which
// strangers are searched for: their Codes are made with their passes, as where everybody is compared with their own alone.
type everybody struct {
	store    *store.Store
	terms    Terms
	epochs   *match.Epochs
	match    match.Everybody
	rules    match.Rules // for a vector that is judged by itself
	children holders
}

func newEverybody(s *store.Store, c Terms, r *ranks) (*everybody, error) {
	epochs, err := match.NewEpochs(s.Epochs().State().Current, func(number uint32) (*template.Projector, error) {
		return template.NewProjector(s.Templates().Keys(number, c.ModelID), c.Calibration.Dim, template.Mean(c.Calibration.Mean))
	})
	if err != nil {
		return nil, err
	}
	strictest, err := c.strictest(c.Judged)
	if err != nil {
		return nil, err
	}
	rules := Rules(c.Calibration, c.Judged, c.FPIR)
	rules.Barred, rules.Standing, rules.Strictest = c.Barred, r.of, func() float64 { return strictest }
	return &everybody{
		store: s, terms: c, epochs: epochs, children: holders{store: s, terms: c, of: underAge},
		rules: Rules(c.Calibration, 1, c.FPIR), match: match.Everybody{Epochs: epochs, Rules: rules},
	}, nil
}

func (e *everybody) matcher() pipeline.Matcher { return &e.match }

func (e *everybody) limit() int { return covered(e.terms.Calibration, e.terms.Judged, e.terms.FPIR) }

// underAge reports whether a face of this standing is of nobody whom strangers may be taken for.
func underAge(s store.Standing) bool { return s.Second }

func (e *everybody) binds(age store.AgeBand) bool { return age.Under14() }

const (
	// fewest is with how many people a face can be told to be in a crowd. Among fewer whoever stands before the same camera is
	// taken for one of them far too often, because nothing says how alike that camera makes everybody.
	fewest = 3

	// lonely is by how much more a face has to score among fewer; docs/lookalikes.md says what that costs.
	lonely = 0.08
)

// Rules are how a gate weighs what it finds among everybody, by a calibration and with the mean score of so many frames judged.
// Nobody is barred.
func Rules(f *calibrate.File, judged int, fpir float64) match.Rules {
	single := ordinary(f, judged, fpir, 1)
	several := ordinary(f, judged, fpir, judged)
	return match.Rules{
		Threshold: func(people int) (float64, error) {
			threshold, err := several(people)
			return threshold + lonely*unknown(people), err
		},
		Single: single, Barred: func(template.PersonID, time.Time) bool { return false },
		Crowding: f.Crowding, Beta: f.Beta,
	}
}

// unknown returns how much of what there is to know of the crowd around a face so many people leave open: all if they are fewer
// than fewest, less from one to the next, and nothing once all whom match.Rules counts are there.
func unknown(people int) float64 {
	if people < fewest {
		return 1
	}
	return 1 - match.Weight(people)
}

// ordinary returns the mean score of so many frames from which a face counts as that of one of so many people, as the
// calibration has it, however few they are. Judged is of how many frames the gate judges the mean.
func ordinary(f *calibrate.File, judged int, fpir float64, frames int) func(people int) (float64, error) {
	least := min(planFor, covered(f, judged, fpir))
	return func(people int) (float64, error) { return f.Threshold(frames, max(least, people), fpir) }
}

func (e *everybody) nearest(v embed.Vector, self template.PersonID) (nearness, error) {
	found := e.epochs.Search(v)
	if e.epochs.Has(self) {
		found = found.Without(self)
	}
	a, err := e.rules.Weigh(found)
	return nearness{a, found.Others}, err
}

func (e *everybody) protect(label string, age store.AgeBand, pass *template.TokenKeys, v embed.Vector) (made template.Made, ok bool, err error) {
	if e.binds(age) {
		return e.children.protect(label, age, pass, v)
	}
	defer clear(v)
	lane, err := e.store.Templates().NextLane(label)
	if err != nil {
		return made, false, err
	}
	made, ok = e.epochs.Protect(v, lane)
	return made, ok, nil
}

func (e *everybody) read(of func(template.PersonID) bool) error {
	records, err := e.store.Templates().Records(e.terms.ModelID)
	if err != nil {
		return err
	}
	standings := e.store.Templates().Standings()
	for _, r := range records {
		if !of(r.Person) || underAge(standings[r.Person]) {
			continue
		}
		if err := e.epochs.Add(r); err != nil {
			return err
		}
	}
	return e.children.read(of)
}

func (e *everybody) add(p store.Person, c template.Code) error {
	if p.Scheme == template.SchemeS2 {
		return e.children.add(p, c)
	}
	return e.epochs.Add(template.Record{ID: p.Record, Person: p.ID, Epoch: p.Epoch, Lane: p.Lane, Code: c})
}

func (e *everybody) has(id template.PersonID) bool { return e.epochs.Has(id) || e.children.has(id) }

func (e *everybody) len() int { return e.epochs.Len() + e.children.len() }

func (e *everybody) remove(id template.PersonID) {
	e.epochs.RemovePerson(id)
	e.children.remove(id)
}

func (e *everybody) clear() {
	e.epochs.Clear()
	e.children.clear()
}

func (e *everybody) beginEpoch(number uint32) error { return e.epochs.Begin(number) }

func (e *everybody) endEpochs() { e.epochs.ClearEarlier() }
