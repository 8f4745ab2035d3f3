package store

import (
	"maps"

	"facegate/pipeline/template"
)

// A register is everybody in people.db, in memory, found by id and by label. No two have the same of either.
type register struct {
	byID    map[template.PersonID]Person
	byLabel map[string]template.PersonID
}

func newRegister() register {
	return register{byID: make(map[template.PersonID]Person), byLabel: make(map[string]template.PersonID)}
}

// clone returns a register that can be changed without changing r.
func (r register) clone() register {
	return register{byID: maps.Clone(r.byID), byLabel: maps.Clone(r.byLabel)}
}

// labelled returns the person with this label.
func (r register) labelled(label string) (Person, bool) {
	id, ok := r.byLabel[label]
	return r.byID[id], ok
}

// has reports whether the person with this id is on the list.
func (r register) has(id template.PersonID) bool {
	_, ok := r.byID[id]
	return ok
}

// put adds p, or puts p in the place of the person with the same id.
func (r register) put(p Person) {
	if old, ok := r.byID[p.ID]; ok && old.Label != p.Label {
		delete(r.byLabel, old.Label)
	}
	r.byID[p.ID], r.byLabel[p.Label] = p, p.ID
}

// remove takes the person with this id from the list, if there is one.
func (r register) remove(id template.PersonID) {
	if old, ok := r.byID[id]; ok {
		delete(r.byLabel, old.Label)
		delete(r.byID, id)
	}
}

func (r register) clear() {
	clear(r.byID)
	clear(r.byLabel)
}
