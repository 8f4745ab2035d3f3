package store

import (
	"maps"
	"sync"

	"facegate/pipeline/template"
)

// A register is everybody in people.db, in memory, found by id and by label, and what they have, found by id and by what is
// shown. No two share any of these.
//
// Whoever changes it holds Store.mu, under which it is read. What somebody shows at the door is looked up under a lock of its
// own: Store.mu is held for as long as the disk takes, and nobody waits for that before a door.
type register struct {
	brief        *sync.RWMutex // is held for no disk; guards what follows, together with Store.mu
	byID         map[template.PersonID]Person
	byLabel      map[string]template.PersonID
	byCredential map[CredentialID]template.PersonID // who has it
	byKey        map[[16]byte]CredentialID          // of passes and cards, by template.Index
	byNumber     map[Number]template.PersonID       // who has a PIN
	leaving      map[template.PersonID]bool         // who is to be erased, and opens nothing any more
}

func newRegister() register {
	return register{
		brief: new(sync.RWMutex),
		byID:  make(map[template.PersonID]Person), byLabel: make(map[string]template.PersonID),
		byCredential: make(map[CredentialID]template.PersonID), byKey: make(map[[16]byte]CredentialID),
		byNumber: make(map[Number]template.PersonID),
		leaving:  make(map[template.PersonID]bool),
	}
}

// clone returns a register that can be changed without changing r.
func (r register) clone() register {
	return register{
		new(sync.RWMutex), maps.Clone(r.byID), maps.Clone(r.byLabel), maps.Clone(r.byCredential), maps.Clone(r.byKey), maps.Clone(r.byNumber),
		maps.Clone(r.leaving),
	}
}

// become has r hold what other holds, which is not used any more.
func (r *register) become(other register) {
	r.brief.Lock()
	defer r.brief.Unlock()
	r.byID, r.byLabel, r.byCredential = other.byID, other.byLabel, other.byCredential
	r.byKey, r.byNumber, r.leaving = other.byKey, other.byNumber, other.leaving
}

// shown returns what is found by what somebody shows, and who has it. It does not need Store.mu.
func (r *register) shown(keyed [16]byte) (p Person, c Credential, leaving, ok bool) {
	r.brief.RLock()
	defer r.brief.RUnlock()
	id, ok := r.byKey[keyed]
	if !ok {
		return p, c, false, false
	}
	p = r.byID[r.byCredential[id]]
	c, ok = p.credential(id)
	return p, c, r.leaving[p.ID], ok
}

// typed returns who has a Number. It does not need Store.mu.
func (r *register) typed(n Number) (template.PersonID, bool) {
	r.brief.RLock()
	defer r.brief.RUnlock()
	id, ok := r.byNumber[n]
	return id, ok
}

// named returns the person with this id, and their PIN, zeros if there is none. It does not need Store.mu.
func (r *register) named(id template.PersonID) (p Person, c Credential, leaving bool) {
	r.brief.RLock()
	defer r.brief.RUnlock()
	p = r.byID[id]
	c, _ = p.pin()
	return p, c, r.leaving[id]
}

// grouped returns how many people there are in each group, but for who is to be erased. It does not need Store.mu.
func (r *register) grouped() map[string]int {
	r.brief.RLock()
	defer r.brief.RUnlock()
	n := make(map[string]int)
	for id, p := range r.byID {
		if r.leaving[id] {
			continue
		}
		for _, g := range p.Groups {
			n[g]++
		}
	}
	return n
}

// len returns how many people there are. It does not need Store.mu.
func (r *register) len() int {
	r.brief.RLock()
	defer r.brief.RUnlock()
	return len(r.byID)
}

// leave notes who is to be erased.
func (r *register) leave(people map[template.PersonID]bool) {
	r.brief.Lock()
	defer r.brief.Unlock()
	r.leaving = people
}

// on reports whether the person with this id is on the list. It does not need Store.mu.
func (r *register) on(id template.PersonID) bool {
	r.brief.RLock()
	defer r.brief.RUnlock()
	return r.has(id)
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

// taken reports whether somebody has what c is found by.
func (r register) taken(c Credential) bool {
	if c.Kind == PIN {
		return r.numbered(c.Number)
	}
	return r.holds(c.keyed)
}

// put adds p, or puts p in the place of the person with the same id.
func (r register) put(p Person) {
	r.brief.Lock()
	defer r.brief.Unlock()
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

// forget takes from the register whatever finds p, but for the label keep. r.brief must be held.
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
	r.brief.Lock()
	defer r.brief.Unlock()
	if old, ok := r.byID[id]; ok {
		r.forget(old, "")
		delete(r.byID, id)
	}
}

func (r register) empty() {
	r.brief.Lock()
	defer r.brief.Unlock()
	clear(r.byID)
	clear(r.byLabel)
	clear(r.byCredential)
	clear(r.byKey)
	clear(r.byNumber)
	clear(r.leaving)
}
