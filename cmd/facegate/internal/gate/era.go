package gate

import (
	"cmp"
	"maps"
	"slices"

	"facegate/cmd/facegate/internal/ledger"
	"facegate/cmd/facegate/internal/people"
	"facegate/pipeline/embed"
	"facegate/pipeline/match"
	"facegate/pipeline/template"
	"facegate/store"
	"facegate/store/audit"
)

// An era is the people whose records are of one epoch, and the rotations of that epoch. There is one, and more of them as
// long as there is somebody of an earlier epoch. A probe is rotated and searched for in each.
type era struct {
	epoch     uint32
	projector *template.Projector
	index     match.Index
}

// openEras makes the current era, and those that records are of.
func (g *Gallery) openEras(records []template.Record) error {
	eras := make(map[uint32]*era)
	open := func(epoch uint32) (err error) {
		if eras[epoch] == nil {
			eras[epoch], err = g.newEra(epoch)
		}
		return err
	}
	if err := open(g.store.Epochs().State().Current); err != nil {
		return err
	}
	for _, r := range records {
		if err := open(r.Epoch); err != nil {
			return err
		}
		eras[r.Epoch].index.Add(r)
	}
	newestFirst := slices.SortedFunc(maps.Values(eras), func(a, b *era) int { return cmp.Compare(b.epoch, a.epoch) })
	g.eras.Store(&newestFirst)
	return nil
}

func (g *Gallery) newEra(epoch uint32) (*era, error) {
	keys := g.store.Templates().Keys(epoch, g.modelID)
	projector, err := template.NewProjector(keys, g.calibration.Dim, template.Mean(g.calibration.Mean))
	if err != nil {
		return nil, err
	}
	return &era{epoch: epoch, projector: projector}, nil
}

// eraOf returns the era of an epoch, which may be one that nobody can match in.
func (g *Gallery) eraOf(epoch uint32) (*era, error) {
	for _, e := range *g.eras.Load() {
		if e.epoch == epoch {
			return e, nil
		}
	}
	return g.newEra(epoch)
}

// current returns the era that people are enrolled into.
func (g *Gallery) current() *era { return (*g.eras.Load())[0] }

// search finds the person most like v in all eras, and the era where it was. v is cleared. It does not allocate.
func (g *Gallery) search(v embed.Vector) (r match.Result, of *era) {
	defer clear(v)
	eras := *g.eras.Load()
	for i, e := range eras {
		w := v
		if i < len(eras)-1 { // a vector ends where it is rotated
			w = g.spare
			copy(w, v)
		}
		if !e.projector.Project(&g.probe, w, e.index.Lanes()) {
			return match.Result{}, nil
		}
		found := e.index.Search(&g.probe)
		g.probe.Clear()
		if r = r.Join(found); found.OK && r.Best == found.Best && r.Score == found.Score {
			of = e
		}
	}
	return r, of
}

// settle drops earlier eras that nobody is left in. g.mu must be held.
func (g *Gallery) settle() {
	eras := *g.eras.Load()
	left := slices.Clone(eras[:1])
	for _, e := range eras[1:] {
		if _, records := e.index.Len(); records > 0 {
			left = append(left, e)
		}
	}
	g.eras.Store(&left)
}

// BeginEpoch begins a new epoch. Everybody matches as before, and is renewed as they pass.
func (g *Gallery) BeginEpoch(by audit.Actor) (people.Epoch, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	began, err := ledger.Ledger{Store: g.store}.BeginEpoch(g.profile.Mode, by)
	if err != nil {
		return people.Epoch{}, err
	}
	e, err := g.newEra(uint32(began.Number))
	if err != nil {
		return people.Epoch{}, err
	}
	eras := append([]*era{e}, *g.eras.Load()...)
	g.eras.Store(&eras)
	g.settle()
	return began, nil
}

// EndEpoch stops everybody from matching who is in an earlier epoch, and destroys their templates. If the store fails they
// stay out of the index until the next start.
func (g *Gallery) EndEpoch(by audit.Actor) (people.Epoch, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, e := range (*g.eras.Load())[1:] {
		e.index.Clear()
	}
	g.closeClaim() // of one of them, for all that is known
	g.settle()
	return ledger.Ledger{Store: g.store}.EndEpoch(by)
}

// person returns who is enrolled under label.
func (g *Gallery) person(label string) (store.Person, bool) {
	all, err := g.store.People()
	if err != nil {
		return store.Person{}, false
	}
	i := slices.IndexFunc(all, func(p store.Person) bool { return p.Label == label })
	if i < 0 {
		return store.Person{}, false
	}
	return all[i], true
}

// has reports whether the person enrolled under label can match.
func (g *Gallery) has(label string) bool {
	p, ok := g.person(label)
	return ok && g.matches(p)
}
