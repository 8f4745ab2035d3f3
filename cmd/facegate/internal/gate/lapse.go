package gate

import (
	"cmp"
	"slices"

	"facegate/pipeline/template"
)

// attend takes out of the index whose enrolment has ended, or may have by a clock that is not known to be right, and lets
// those in again of whom it was the clock that was wrong. g.mu must be held.
func (g *Gallery) attend() error {
	lapsed := g.store.Retention().Lapsed()
	back := make(map[template.PersonID]bool)
	for id := range g.lapsed {
		if !lapsed[id] {
			back[id] = true
		}
	}
	for id := range lapsed {
		g.forget(id)
	}
	if len(back) > 0 {
		if err := g.readmit(back); err != nil {
			return err
		}
	}
	g.lapsed = lapsed
	return nil
}

// readmit lets those match again of who has a record still. g.mu must be held.
func (g *Gallery) readmit(who map[template.PersonID]bool) error {
	if g.oneToOne() {
		people, err := g.store.Templates().Bound(g.modelID)
		for _, id := range people {
			if who[id] {
				g.bound.add(id)
			}
		}
		return err
	}
	records, err := g.store.Templates().Records(g.modelID)
	if err != nil {
		return err
	}
	for _, r := range records {
		if !who[r.Person] {
			continue
		}
		e, err := g.era(r.Epoch)
		if err != nil {
			return err
		}
		e.index.Add(r)
	}
	return nil
}

// era returns the era of an epoch, which it opens again if nobody was left in it. g.mu must be held.
func (g *Gallery) era(epoch uint32) (*era, error) {
	eras := *g.eras.Load()
	if i := slices.IndexFunc(eras, func(e *era) bool { return e.epoch == epoch }); i >= 0 {
		return eras[i], nil
	}
	e, err := g.newEra(epoch)
	if err != nil {
		return nil, err
	}
	more := append(slices.Clone(eras), e)
	slices.SortFunc(more, func(a, b *era) int { return cmp.Compare(b.epoch, a.epoch) })
	g.eras.Store(&more)
	return e, nil
}
