package people

import (
	"sync"

	"facegate/pipeline"
	"facegate/pipeline/embed"
	"facegate/pipeline/template"
	"facegate/store"
)

// holders is the scheme in which a face is compared with the one person whose pass was shown, and with nobody else. Without
// that pass the device cannot open a Code, so that there is nothing to search in.
type holders struct {
	store *store.Store
	terms Terms
	of    func(store.Standing) bool // whose Codes of this scheme count

	mu  sync.RWMutex // guards ids, and is not held for long
	ids map[template.PersonID]struct{}
}

func (*holders) matcher() pipeline.Matcher { return nil }

func (*holders) limit() int { return 0 }

func (*holders) binds(store.AgeBand) bool { return true }

func (*holders) nearest(embed.Vector, template.PersonID) (n nearness, err error) { return n, nil }

func (h *holders) protect(_ string, _ store.AgeBand, pass *template.TokenKeys, v embed.Vector) (made template.Made, ok bool, err error) {
	defer clear(v)
	if pass == nil {
		return made, false, store.ErrBound
	}
	projector, err := template.NewTokenProjector(pass, h.terms.Calibration.Dim, template.Mean(h.terms.Calibration.Mean))
	if err != nil {
		return made, false, err
	}
	defer projector.Clear()
	made.Scheme = template.SchemeS2
	made.Code, ok = projector.Protect(v)
	return made, ok, nil
}

func (h *holders) read(of func(template.PersonID) bool) error {
	people, err := h.store.Templates().Bound(h.terms.ModelID)
	standings := h.store.Templates().Standings()
	for _, id := range people {
		if of(id) && h.of(standings[id]) {
			h.note(id)
		}
	}
	return err
}

func (h *holders) add(p store.Person, _ template.Code) error {
	h.note(p.ID)
	return nil
}

func (h *holders) note(id template.PersonID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ids == nil {
		h.ids = make(map[template.PersonID]struct{})
	}
	h.ids[id] = struct{}{}
}

func (h *holders) has(id template.PersonID) bool {
	h.mu.RLock()
	defer h.mu.RUnlock()
	_, ok := h.ids[id]
	return ok
}

func (h *holders) len() int {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return len(h.ids)
}

func (h *holders) remove(id template.PersonID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.ids, id)
}

func (h *holders) clear() {
	h.mu.Lock()
	defer h.mu.Unlock()
	clear(h.ids)
}

// beginEpoch and endEpochs do nothing: a Code of this scheme belongs to its pass, and to no epoch.
func (*holders) beginEpoch(uint32) error { return nil }

func (*holders) endEpochs() {}
