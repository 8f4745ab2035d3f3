// Package match says whom an embedding is of: among everybody enrolled (1:N), or of the one person who is claimed (1:1). All
// that it knows of people is in RAM alone, and is put there by who has a store.
//
// An Index holds the Codes of one epoch. A search in it has two steps. The scan takes the Hamming distance of the probe's signs
// to every Code and keeps the nearest Candidates. The rescoring estimates the cosine of each Candidate with the real-valued
// probe, which is the score. Epochs are the indexes of all epochs. Everybody and Claimed are the two matchers of the pipeline.
package match

import (
	"sync"

	"facegate/pipeline/template"
)

// Candidates is how many of the nearest Codes are rescored.
const Candidates = 64

// An Index holds the opened Codes of one epoch. It is safe for concurrent use, and searches do not wait for each other. The
// zero Index is empty.
type Index struct {
	mu      sync.RWMutex // guards all that follows
	lanes   [template.Lanes]lane
	slots   map[template.RecordID]slot
	persons map[template.PersonID]int // records of each person
}

// A lane holds the records of one lane without gaps: Codes apart from ids, because the scan reads nothing but Codes.
type lane struct {
	codes []template.Code
	ids   []template.RecordID
	owner []template.PersonID
}

// A slot is the place of a record.
type slot struct {
	lane uint8
	i    int
}

// A Result is the outcome of a search. Its scores are estimated cosines, which must not leave the process. The known ways of
// rebuilding a face from a matcher climb on scores that can be asked for.
type Result struct {
	OK    bool              // false if there was nothing to compare with; the rest is then zero
	Best  template.PersonID // whose record has the best score
	Score float64           // of Best

	// Second is the best score of anybody else, which is that of Others[0], and -1 if there is nobody else in the lanes searched.
	Second float64

	// Others are the other people with the best scores, one score a person, the best first. Nobody is nowhere after the last. If
	// so many of Candidates are records of few people that not all of these others are among them, the score of those who are
	// missing is the cosine that belongs to the Hamming distance of the farthest Candidate: they are at least as far away.
	Others [6]Other
}

// Join returns the outcome of one search of all that r and o were the searches of. A person may be in both.
func (r Result) Join(o Result) Result {
	var all ranking
	all.take(r)
	all.take(o)
	return all.result()
}

// Add puts r into the index, in place of any record with the same id.
func (x *Index) Add(r template.Record) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.slots == nil {
		x.slots = make(map[template.RecordID]slot)
		x.persons = make(map[template.PersonID]int)
	}
	x.remove(r.ID)
	l := &x.lanes[r.Lane]
	x.slots[r.ID] = slot{r.Lane, len(l.codes)}
	x.persons[r.Person]++
	l.add(r)
}

// Remove takes the record id out of the index and zeroes its Code. It reports whether there was one.
func (x *Index) Remove(id template.RecordID) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.remove(id)
}

// RemovePerson takes every record of a person out of the index, zeroes their Codes, and returns how many there were.
func (x *Index) RemovePerson(person template.PersonID) int {
	x.mu.Lock()
	defer x.mu.Unlock()
	n := x.persons[person]
	for _, l := range x.lanes {
		for i := len(l.owner) - 1; i >= 0; i-- { // from the end: removal moves only what has been looked at
			if l.owner[i] == person {
				x.remove(l.ids[i])
			}
		}
	}
	return n
}

// Clear takes every record out of the index and zeroes its Codes.
func (x *Index) Clear() {
	x.mu.Lock()
	defer x.mu.Unlock()
	for i := range x.lanes {
		l := &x.lanes[i]
		clear(l.codes)
		clear(l.ids)
		clear(l.owner)
		*l = lane{}
	}
	clear(x.slots)
	clear(x.persons)
}

// Has reports whether a person has a record in the index.
func (x *Index) Has(person template.PersonID) bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.persons[person] > 0
}

// Len returns the number of persons and of records in the index.
func (x *Index) Len() (persons, records int) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return len(x.persons), len(x.slots)
}

// count returns how many persons in the index are such.
func (x *Index) count(such func(template.PersonID) bool) (n int) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	for id := range x.persons {
		if such(id) {
			n++
		}
	}
	return n
}

// Lanes returns the lanes that hold a record, which are those to project a probe into.
func (x *Index) Lanes() template.LaneSet {
	x.mu.RLock()
	defer x.mu.RUnlock()
	var set template.LaneSet
	for i := range x.lanes {
		if len(x.lanes[i].codes) > 0 {
			set |= template.LaneSetOf(uint8(i))
		}
	}
	return set
}

// Search compares p with every record in the lanes that p was projected into. It does not allocate.
func (x *Index) Search(p *template.Probe) Result {
	x.mu.RLock()
	defer x.mu.RUnlock()
	var near shortlist
	for lane := range p.Lanes().All {
		near.scan(lane, p.Code(lane), x.lanes[lane].codes)
	}
	return x.rescore(p, &near)
}

// rescore ranks the people among the candidates.
func (x *Index) rescore(p *template.Probe, near *shortlist) Result {
	var people ranking
	for _, c := range near.items[:near.n] {
		l := &x.lanes[c.lane]
		people.offer(l.owner[c.i], p.Estimate(c.lane, &l.codes[c.i]))
	}
	if near.n == Candidates {
		for people.n < min(len(people.list), len(x.persons)) {
			people.fill(template.HammingCosine(near.limit()))
		}
	}
	return people.result()
}

func (x *Index) remove(id template.RecordID) bool {
	at, ok := x.slots[id]
	if !ok {
		return false
	}
	l := &x.lanes[at.lane]
	person := l.owner[at.i]
	if x.persons[person]--; x.persons[person] == 0 {
		delete(x.persons, person)
	}
	if moved := l.remove(at.i); moved != id {
		x.slots[moved] = at
	}
	delete(x.slots, id)
	return true
}

func (l *lane) add(r template.Record) {
	if len(l.codes) == cap(l.codes) {
		l.grow()
	}
	l.codes = append(l.codes, r.Code)
	l.ids = append(l.ids, r.ID)
	l.owner = append(l.owner, r.Person)
}

// grow doubles the room for Codes, leaving no copy of one in memory that is given back.
func (l *lane) grow() {
	grown := make([]template.Code, len(l.codes), max(16, 2*cap(l.codes)))
	copy(grown, l.codes)
	clear(l.codes)
	l.codes = grown
}

// remove fills slot i with the last record, zeroes the last slot, and returns the id of the record that moved.
func (l *lane) remove(i int) template.RecordID {
	last := len(l.codes) - 1
	moved := l.ids[last]
	l.codes[i], l.ids[i], l.owner[i] = l.codes[last], moved, l.owner[last]
	clear(l.codes[last:])
	clear(l.ids[last:])
	clear(l.owner[last:])
	l.codes, l.ids, l.owner = l.codes[:last], l.ids[:last], l.owner[:last]
	return moved
}
