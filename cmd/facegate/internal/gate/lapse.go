package gate

import "facegate/pipeline/template"

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
		if err := g.scheme.read(func(id template.PersonID) bool { return back[id] }); err != nil {
			return err
		}
	}
	g.lapsed = lapsed
	return nil
}
