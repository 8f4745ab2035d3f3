package match

import (
	"cmp"
	"slices"
	"sync"

	"facegate/pipeline/embed"
	"facegate/pipeline/template"
)

// Epochs is everybody who can be found 1:N. There is always the current epoch. There are earlier ones as long as somebody
// has a record of them. A vector is projected and searched for in each.
//
// Epochs is safe for concurrent use. One search waits for another, because there is one Probe.
type Epochs struct {
	open func(number uint32) (*template.Projector, error)

	mu    sync.Mutex // guards what follows
	list  []*epoch   // the newest first, which is the current one
	probe template.Probe
	spare embed.Vector // a copy of the vector that is searched for; zeros between two searches
}

// An epoch is the rotations of that number, and the records made under them.
type epoch struct {
	number    uint32
	projector *template.Projector
	index     Index
}

// NewEpochs returns Epochs with nobody in it and the current epoch open. open derives the Projector of an epoch.
func NewEpochs(current uint32, open func(number uint32) (*template.Projector, error)) (*Epochs, error) {
	e := &Epochs{open: open}
	if err := e.Begin(current); err != nil {
		return nil, err
	}
	return e, nil
}

// Begin opens an epoch, which is the current one from now on if there is no newer one.
func (e *Epochs) Begin(number uint32) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, err := e.at(number); err != nil {
		return err
	}
	e.settle()
	return nil
}

// Add lets the person of r be found, and opens the epoch of r if it is not open.
func (e *Epochs) Add(r template.Record) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	in, err := e.at(r.Epoch)
	if err != nil {
		return err
	}
	in.index.Add(r)
	return nil
}

// RemovePerson keeps a person from being found, and zeroes their Codes.
func (e *Epochs) RemovePerson(id template.PersonID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, in := range e.list {
		in.index.RemovePerson(id)
	}
	e.settle()
}

// ClearEarlier keeps everybody from being found who has no record of the current epoch, and zeroes their Codes.
func (e *Epochs) ClearEarlier() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.empty(e.list[1:])
}

// Clear keeps everybody from being found, and zeroes all Codes.
func (e *Epochs) Clear() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.empty(e.list)
}

// Has reports whether a person can be found.
func (e *Epochs) Has(id template.PersonID) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return has(e.list, id)
}

// Len returns how many people can be found.
func (e *Epochs) Len() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.len()
}

// len is Len: whoever is in several epochs counts once. It does not allocate. e.mu must be held.
func (e *Epochs) len() int {
	n, _ := e.list[0].index.Len()
	for i, in := range e.list[1:] {
		n += in.index.count(func(id template.PersonID) bool { return !has(e.list[:i+1], id) })
	}
	return n
}

// has reports whether a person is in one of these epochs.
func has(list []*epoch, id template.PersonID) bool {
	return slices.ContainsFunc(list, func(in *epoch) bool { return in.index.Has(id) })
}

// Protect returns the Code of v in a lane of the current epoch. The embedding ends here; see template.Projector.Protect.
func (e *Epochs) Protect(v embed.Vector, lane uint8) (template.Made, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	in := e.list[0]
	code, ok := in.projector.Protect(v, lane)
	return template.Made{Scheme: template.SchemeS1, Epoch: in.number, Lane: lane, Code: code}, ok
}

// A Found is the outcome of a search in all epochs.
type Found struct {
	Result
	People  int  // who can be found, and were compared with
	Earlier bool // the record that Best has their score by is of an earlier epoch
}

// Search finds the person most like v. It neither changes nor keeps v. It does not allocate, but for the room for vectors of
// this length, once.
func (e *Epochs) Search(v embed.Vector) (found Found) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i, in := range e.list {
		e.spare = append(e.spare[:0], v...) // a vector ends where it is projected
		if !in.projector.Project(&e.probe, e.spare, in.index.Lanes()) {
			return Found{}
		}
		here := in.index.Search(&e.probe)
		e.probe.Clear()
		found.Result = found.Join(here)
		if here.OK && found.Best == here.Best && found.Score == here.Score {
			found.Earlier = i > 0
		}
	}
	if found.OK {
		found.People = e.len()
	}
	return found
}

// Without returns what would have been found if a person, who can be found, could not.
func (f Found) Without(person template.PersonID) Found {
	f.People--
	i := 0
	for i < len(f.Others) && f.Others[i].Person != person {
		i++
	}
	switch {
	case f.Best == person && f.Others[0] == nobody():
		return Found{}
	case f.Best == person:
		f.Best, f.Score, i = f.Others[0].Person, f.Others[0].Score, 0
	}
	if i < len(f.Others) {
		copy(f.Others[i:], f.Others[i+1:])
		f.Others[len(f.Others)-1] = nobody()
	}
	f.Second = f.Others[0].Score
	return f
}

// at returns the epoch of a number, which it opens if it is not open. e.mu must be held.
func (e *Epochs) at(number uint32) (*epoch, error) {
	newestFirst := func(in *epoch, number uint32) int { return cmp.Compare(number, in.number) }
	i, ok := slices.BinarySearchFunc(e.list, number, newestFirst)
	if ok {
		return e.list[i], nil
	}
	projector, err := e.open(number)
	if err != nil {
		return nil, err
	}
	in := &epoch{number: number, projector: projector}
	e.list = slices.Insert(e.list, i, in)
	return in, nil
}

// empty takes everybody out of epochs. e.mu must be held.
func (e *Epochs) empty(list []*epoch) {
	for _, in := range list {
		in.index.Clear()
	}
	e.settle()
}

// settle closes earlier epochs that nobody is left in. e.mu must be held.
func (e *Epochs) settle() {
	kept := e.list[:1]
	for _, in := range e.list[1:] {
		if people, _ := in.index.Len(); people > 0 {
			kept = append(kept, in)
		}
	}
	clear(e.list[len(kept):])
	e.list = kept
}
