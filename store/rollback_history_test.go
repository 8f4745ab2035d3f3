package store_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"facegate/pipeline/template"
	"facegate/store"
	"facegate/store/audit"
	"facegate/store/durable/durabletest"
	"facegate/store/storetest"
)

// A tenure is one person's time on the list: what they could come back by.
type tenure struct {
	id    template.PersonID
	label string
	face  template.Code // zero for who gives none
	at    template.RecordID
	epoch uint32 // in which face was made; 0 if it opens with a pass alone, or there is none
	bound bool   // pass opens the template, or opened the one that is gone
	cards map[string]store.CredentialID
	pass  *template.Token
	pin   string
}

// A deadCard was somebody's. It may be somebody else's since.
type deadCard struct {
	value string
	of    template.PersonID
}

// Gone is what must not come back, whatever files are put back: whom it was of, by what it was.
type gone struct {
	people  map[template.PersonID]string
	faces   map[template.Code]string
	records map[template.RecordID]string
	silent  map[template.Code]bool // of faces: those of which no receipt tells
	cards   map[deadCard]string
	passes  map[template.Token]string
	pins    map[template.PersonID]string
	keys    map[string]bool // of offices and operators, by their names
	changes int             // that took something away
	tries   int             // of a PIN that are left: each costs a tenth of a second
}

func newGone() gone {
	return gone{
		people: make(map[template.PersonID]string), faces: make(map[template.Code]string), records: make(map[template.RecordID]string), silent: make(map[template.Code]bool),
		cards:  make(map[deadCard]string),
		passes: make(map[template.Token]string), pins: make(map[template.PersonID]string), keys: make(map[string]bool), tries: 2,
	}
}

// A cut is all that lay on disk at one moment.
type cut struct {
	state, keys, anchor map[string][]byte
	counted             uint64 // by a place that cannot be put back
	changes, most       int    // of gone: that had ended by then, and that may have
}

// A past is the random history of a store, whose people come and go, with copies of its files from any moment of it.
type past struct {
	t       *testing.T
	rnd     *rand.Rand
	dir     string // for what is put back
	o       store.Options
	s       *store.Store
	disk    *durabletest.Watched
	chip    *counter
	serial  int // of whatever has to be another one each time
	living  []*tenure
	offices []string
	keyed   []string // operators
	free    []string // cards that are nobody's any more
	gone    gone
	cuts    []cut
	pins    int // that may be set still: each costs a tenth of a second
	backups [][]byte
	proofs  [][]byte // every receipt
	said    []string
}

// newPast begins a history.
func newPast(t *testing.T, seed uint64, pins int) *past {
	t.Helper()
	p := &past{t: t, rnd: rand.New(rand.NewPCG(seed, 14)), gone: newGone(), disk: new(durabletest.Watched), pins: pins, dir: t.TempDir()}
	p.o, p.chip = anchored(t)
	p.o.Disk = p.disk
	p.open()
	must(t, p.s.Epochs().UseModel(model))
	for _, begin := range []func() error{
		p.enrol, p.enrol, p.enrol, p.enrol, p.join, p.join, p.card, p.card, p.card, p.issue, p.setPIN, p.setPIN, p.turnOffices, p.turnOperators,
	} {
		must(t, begin())
	}
	return p
}

func (p *past) open() {
	p.t.Helper()
	s, err := store.Open(p.o)
	must(p.t, err)
	p.s = s
}

// copied returns what lies on disk now.
func (p *past) copied() cut {
	return cut{files(p.t, p.o.Dir), files(p.t, p.o.KeyDir), files(p.t, p.o.AnchorDir), p.chip.count, p.gone.changes, p.gone.changes}
}

// next returns a number that was never returned before.
func (p *past) next() int {
	p.serial++
	return p.serial
}

// some returns one of the living of whom is holds, and nil if there is none.
func (p *past) some(is func(*tenure) bool) *tenure {
	var all []*tenure
	for _, l := range p.living {
		if is(l) {
			all = append(all, l)
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all[p.rnd.IntN(len(all))]
}

func anybody(*tenure) bool       { return true }
func (l *tenure) gives() bool    { return l.face != template.Code{} }
func (l *tenure) hasCards() bool { return len(l.cards) > 0 }

// A step is something that may happen, and how often beside the others.
type step struct {
	name   string
	weight int
	do     func(p *past) error
}

var pastSteps = []step{
	{"enrol", 6, (*past).enrol},
	{"join", 3, (*past).join},
	{"card", 6, (*past).card},
	{"pass", 2, (*past).issue},
	{"PIN", 1, (*past).setPIN},
	{"erase", 3, func(p *past) error { return p.erase(anybody, audit.Requested) }},
	{"withdraw", 1, func(p *past) error { return p.erase((*tenure).gives, audit.Withdrawn) }},
	{"withdraw the face", 2, (*past).withdrawFace},
	{"recapture", 2, (*past).recapture},
	{"revoke", 5, (*past).revoke},
	{"relabel", 1, (*past).relabel},
	{"keys of offices", 2, (*past).turnOffices},
	{"keys of operators", 2, (*past).turnOperators},
	{"epoch", 1, (*past).rotate},
	{"lockdown", 1, (*past).lockDown},
	{"prune", 1, func(p *past) error { _, err := p.s.Retention().Prune(); return err }},
	{"access", 4, func(p *past) error { return p.s.Log().Access(storetest.Now()) }},
	{"backup", 2, (*past).backUp},
	{"restart", 3, (*past).restart},
}

// step lets something happen, and has the files copied meanwhile.
func (p *past) step(copying bool) {
	p.t.Helper()
	n := 0
	for _, s := range pastSteps {
		n += s.weight
	}
	n = p.rnd.IntN(n)
	for _, s := range pastSteps {
		if n -= s.weight; n >= 0 {
			continue
		}
		p.said = append(p.said, s.name)
		before := len(p.cuts)
		during := p.copying(copying)
		err := s.do(p)
		p.disk.Before = nil
		if during && len(p.cuts) > before {
			p.cuts[before].most = p.gone.changes
		}
		if err != nil {
			p.t.Fatalf("%s: %v\n%v", s.name, err, p.said)
		}
		return
	}
}

// copying has a copy taken at the next step: half of the time before it, otherwise during it, at one of its syncs, if there are as
// many.
func (p *past) copying(really bool) (during bool) {
	if !really {
		return false
	}
	if p.rnd.IntN(2) == 0 {
		p.cuts = append(p.cuts, p.copied())
		return false
	}
	left := p.rnd.IntN(12)
	p.disk.Before = func(string) error {
		if left--; left == -1 {
			p.cuts = append(p.cuts, p.copied())
		}
		return nil
	}
	return true
}

// enrol enrols somebody, every third time by a pass that the template opens with.
func (p *past) enrol() error {
	n := p.next()
	e := current(p.s, enrolment(n))
	l := &tenure{label: e.Label, face: e.Code, epoch: e.Epoch, cards: make(map[string]store.CredentialID)}
	if n%3 == 0 {
		token := tokenOf(n)
		e, l.pass, l.epoch, l.bound = bound(e, keysOf(p.t, p.s, n)), &token, 0, true
	}
	enrolled, err := p.s.Enrol(e)
	l.id, l.at = enrolled.ID, enrolled.Record
	p.living = append(p.living, l)
	return err
}

func (p *past) join() error {
	n := p.next()
	m := membership(n)
	joined, err := p.s.Join(m)
	p.living = append(p.living, &tenure{label: m.Label, id: joined.ID, cards: make(map[string]store.CredentialID)})
	return err
}

// card gives somebody a card. Now and then it is one that was somebody else's.
func (p *past) card() error {
	l := p.some(anybody)
	if l == nil {
		return nil
	}
	value := fmt.Sprint("card ", p.next())
	if n := len(p.free); n > 0 && p.rnd.IntN(3) == 0 {
		value, p.free = p.free[n-1], p.free[:n-1]
		delete(p.gone.cards, deadCard{value, l.id})
	}
	c, err := p.s.Credentials().AddCard(l.label, store.ShownCard{Value: []byte(value)}, store.Terms{}, 1000)
	l.cards[value] = c.ID
	return err
}

// issue gives somebody a new pass in the place of the one before.
func (p *past) issue() error {
	l := p.some(func(l *tenure) bool { return !l.bound })
	if l == nil {
		return nil
	}
	token, _, err := p.s.Credentials().Issue(l.label, store.Terms{}, 1000)
	if l.pass != nil {
		p.gone.passes[*l.pass] = l.label
		p.gone.changes++
	}
	l.pass = &token
	return err
}

func (p *past) setPIN() error {
	l := p.some(func(l *tenure) bool { return l.pin == "" })
	if l == nil || p.pins == 0 {
		return nil
	}
	p.pins--
	l.pin = "271828"
	_, err := p.s.Credentials().SetPIN(l.label, []byte(l.pin), store.Terms{}, 1000)
	return err
}

// leave notes that l is gone with all they had.
func (p *past) leave(l *tenure) {
	p.living = slices.DeleteFunc(p.living, func(other *tenure) bool { return other == l })
	p.gone.people[l.id] = l.label
	for value := range l.cards {
		p.loseCard(l, value)
	}
	if l.pass != nil {
		p.gone.passes[*l.pass] = l.label
	}
	if l.pin != "" {
		p.gone.pins[l.id] = l.label
	}
	p.loseFace(l)
}

// loseCard notes that a card of l is gone.
func (p *past) loseCard(l *tenure, value string) {
	delete(l.cards, value)
	p.gone.cards[deadCard{value, l.id}] = l.label
	p.free = append(p.free, value)
}

// loseFace notes that the face of l is gone.
func (p *past) loseFace(l *tenure) {
	if l.gives() {
		p.gone.faces[l.face], p.gone.records[l.at] = l.label, l.label
	}
	l.face, l.epoch = template.Code{}, 0
}

func (p *past) erase(who func(*tenure) bool, why audit.Reason) error {
	l := p.some(who)
	if l == nil {
		return nil
	}
	erased, err := p.s.Erase(store.ByLabel(l.label), why, 1000)
	p.proofs = append(p.proofs, erased.Receipt)
	p.leave(l)
	p.gone.changes++
	return err
}

func (p *past) withdrawFace() error {
	l := p.some(func(l *tenure) bool { return l.gives() && (l.hasCards() || !l.bound && l.pass != nil) })
	if l == nil {
		return nil
	}
	erased, err := p.s.Erase(store.ByLabel(l.label), audit.FaceWithdrawn, 1000)
	p.proofs = append(p.proofs, erased.Receipt)
	p.loseFace(l)
	l.bound = false
	p.gone.changes++
	return err
}

// recapture captures somebody again, or for the first time. Who opens their template with a pass gets another one.
func (p *past) recapture() error {
	l := p.some(anybody)
	if l == nil {
		return nil
	}
	n := p.next()
	e := enrolment(n)
	lane, err := p.s.Templates().NextLane(l.label)
	if err != nil {
		return err
	}
	e.Label, e.Lane = l.label, lane
	same, err := p.s.Person(l.label)
	if err != nil {
		return err
	}
	e.Consent.Reference = same.Reference // of another form a receipt tells nobody who it was about, where the anchor is lost
	e = current(p.s, e)
	token := tokenOf(n)
	if l.bound {
		e = bound(e, keysOf(p.t, p.s, n))
	}
	captured, signed, err := p.s.Recapture(e)
	if err != nil {
		return err
	}
	if l.gives() {
		p.proofs = append(p.proofs, signed)
		p.gone.changes++
	}
	p.loseFace(l)
	l.face, l.at, l.epoch = e.Code, captured.Record, e.Epoch
	if l.bound {
		p.gone.passes[*l.pass] = l.label
		l.pass, l.epoch = &token, 0
	}
	return nil
}

func (p *past) revoke() error {
	l := p.some((*tenure).hasCards)
	if l == nil {
		return nil
	}
	value := slices.Sorted(maps.Keys(l.cards))[0]
	err := p.s.Credentials().Revoke(l.label, l.cards[value], 1000)
	p.loseCard(l, value)
	p.gone.changes++
	return err
}

func (p *past) relabel() error {
	l := p.some(anybody)
	if l == nil {
		return nil
	}
	label := labelOf(p.next())
	_, err := p.s.Members().Relabel(l.label, label, 1000)
	l.label = label
	return err
}

// turn registers a key, or removes one of those that are.
func (p *past) turn(registered *[]string, add, remove func(name string, n byte) error) error {
	if n := len(*registered); n > 0 && p.rnd.IntN(3) > 0 {
		i := p.rnd.IntN(n)
		name := (*registered)[i]
		*registered = slices.Delete(*registered, i, i+1)
		p.gone.keys[name] = true
		p.gone.changes++
		return remove(name, 0)
	}
	n := p.next()
	name := fmt.Sprint("key ", n)
	*registered = append(*registered, name)
	return add(name, byte(n))
}

func (p *past) turnOffices() error {
	v := p.s.Credentials().Visits()
	return p.turn(&p.offices, func(name string, n byte) error {
		_, err := v.AddOffice(name, officePublic(n), 1000)
		return err
	}, func(name string, _ byte) error { _, err := v.RemoveOffice(name, 1000); return err })
}

func (p *past) turnOperators() error {
	o := p.s.Credentials().Orders()
	return p.turn(&p.keyed, func(name string, n byte) error {
		_, err := o.AddOperator(name, officePublic(n), 1000)
		return err
	}, func(name string, _ byte) error { _, err := o.RemoveOperator(name, 1000); return err })
}

// rotate begins an epoch, renews most of those who can be, and ends what went before.
func (p *past) rotate() error {
	if err := p.s.Epochs().Begin(1000); err != nil {
		return err
	}
	for _, l := range p.living {
		if l.epoch == 0 || p.rnd.IntN(4) == 0 {
			continue
		}
		code := codeOf(p.next())
		renewed, _, err := p.s.Epochs().Renew(l.id, model, made(p.s, uint8(p.serial)%template.Lanes, code))
		if err != nil {
			return err
		}
		p.gone.silent[l.face] = true
		p.gone.faces[l.face], p.gone.records[l.at] = l.label, l.label
		l.face, l.at, l.epoch = code, renewed.Record, renewed.Epoch
	}
	if _, err := p.s.Epochs().End(1000); err != nil {
		return err
	}
	for _, l := range p.living {
		if l.epoch > 0 && l.epoch < p.s.Epochs().State().Current {
			p.gone.silent[l.face] = true
			p.loseFace(l)
		}
	}
	p.gone.changes++
	return nil
}

// lockDown destroys every template, every second time that it is asked to.
func (p *past) lockDown() error {
	if p.rnd.IntN(2) > 0 {
		return nil
	}
	if err := errors.Join(p.s.Lockdown().Begin(1000), p.s.Lockdown().End(1000)); err != nil {
		return err
	}
	for _, l := range p.living {
		p.gone.silent[l.face] = true
		p.loseFace(l)
	}
	p.gone.changes++
	return nil
}

func (p *past) backUp() error {
	b, err := p.s.Backup(1000)
	p.backups = append(p.backups, b.Data)
	return err
}

func (p *past) restart() error {
	if err := p.s.Close(); err != nil {
		return err
	}
	p.open()
	return nil
}
