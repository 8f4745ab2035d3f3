package store

import (
	"maps"

	"facegate/pipeline/template"
)

// A register is everybody in people.db, in memory, found by id and by label, and what they have, found by id and by what is
// shown. No two share any of these.
type register struct {
	byID         map[template.PersonID]Person
	byLabel      map[string]template.PersonID
	byCredential map[CredentialID]template.PersonID // who has it
	byKey        map[[16]byte]CredentialID          // of passes and cards, by template.Index
	byNumber     map[Number]template.PersonID       // who has a PIN
}

func newRegister() register {
	return register{
		byID: make(map[template.PersonID]Person), byLabel: make(map[string]template.PersonID),
		byCredential: make(map[CredentialID]template.PersonID), byKey: make(map[[16]byte]CredentialID),
		byNumber: make(map[Number]template.PersonID),
	}
}

// clone returns a register that can be changed without changing r.
func (r register) clone() register {
	return register{maps.Clone(r.byID), maps.Clone(r.byLabel), maps.Clone(r.byCredential), maps.Clone(r.byKey), maps.Clone(r.byNumber)}
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

// holds reports whether somebody has the pass or card with this index.
func (r register) holds(keyed [16]byte) bool {
	_, ok := r.byKey[keyed]
	return ok
}

// numbered reports whether somebody has this Number.
func (r register) numbered(n Number) bool {
	_, ok := r.byNumber[n]
	return ok
}

// put adds p, or puts p in the place of the person with the same id.
func (r register) put(p Person) {
	if old, ok := r.byID[p.ID]; ok {
		r.forget(old, p.Label)
	}
	r.byID[p.ID], r.byLabel[p.Label] = p, p.ID
	for _, c := range p.Credentials {
		r.byCredential[c.ID] = p.ID
		if c.Kind == PIN {
			r.byNumber[c.Number] = p.ID
		} else {
			r.byKey[c.keyed] = c.ID
		}
	}
}

// putAll puts people in the places of those with the same ids.
func (r register) putAll(people []Person) {
	for _, p := range people {
		r.put(p)
	}
}

// forget takes from the register whatever finds p, but for the label keep.
func (r register) forget(p Person, keep string) {
	if p.Label != keep {
		delete(r.byLabel, p.Label)
	}
	for _, c := range p.Credentials {
		delete(r.byCredential, c.ID)
		delete(r.byKey, c.keyed)
		delete(r.byNumber, c.Number)
	}
}

// remove takes the person with this id from the list, if there is one.
func (r register) remove(id template.PersonID) {
	if old, ok := r.byID[id]; ok {
		r.forget(old, "")
		delete(r.byID, id)
	}
}

func (r register) empty() {
	clear(r.byID)
	clear(r.byLabel)
	clear(r.byCredential)
	clear(r.byKey)
	clear(r.byNumber)
}
