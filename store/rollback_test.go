package store_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"facegate/configs/hint"
	"facegate/pipeline/template"
	"facegate/store"
	"facegate/store/anchor"
	"facegate/store/audit"
)

// mustStayGone checks that whoever and whatever is gone by now does not match, is not on the list, and opens nothing.
func (g *gone) mustStayGone(t *testing.T, what string, s *store.Store) {
	t.Helper()
	c, err := read(s)
	must(t, err)
	for _, p := range c.People {
		if label, ok := g.people[p.ID]; ok {
			t.Errorf("%s: %s is on the list again", what, label)
		}
		if label, ok := g.records[p.Record]; ok {
			t.Errorf("%s: %s has the template again that is gone", what, label)
		}
	}
	for _, r := range c.Records {
		if label, ok := g.faces[r.Code]; ok {
			t.Errorf("%s: the face of %s matches", what, label)
		}
	}
	for id, label := range g.pins {
		if g.tries == 0 {
			break
		}
		g.tries--
		if duress, err := s.Credentials().CheckPIN(id, []byte("271828"), counted); err == nil || duress {
			t.Errorf("%s: the PIN of %s opens the door", what, label)
		}
	}
	for token, label := range g.passes {
		k, err := s.Credentials().PassKeys(token)
		must(t, err)
		if _, err := s.Credentials().FindPass(k); err == nil {
			t.Errorf("%s: a pass of %s opens the door", what, label)
		}
		if _, code, err := s.Templates().Claim(k, model); err == nil || g.faces[code] != "" {
			t.Errorf("%s: a pass of %s leads to a face: %v", what, label, err)
		}
	}
	for card, label := range g.cards {
		if h, err := s.Credentials().FindCard([]byte(card.value)); err == nil && h.Person == card.of {
			t.Errorf("%s: %s of %s opens the door", what, card.value, label)
		}
	}
	for _, o := range s.Credentials().Visits().Offices() {
		if g.keys[o.Name] {
			t.Errorf("%s: office %s is registered", what, o.Name)
		}
	}
	for _, o := range s.Credentials().Orders().Operators() {
		if g.keys[o.Name] {
			t.Errorf("%s: operator %s is registered", what, o.Name)
		}
	}
}

// What is to come of an attack.
type outcome int

const (
	refused   outcome = iota // damage, whatever is gone since
	noticed                  // damage or an older state, if something is gone since, and nothing that is gone comes back
	swept                    // nothing that is gone comes back, told or not, such as records of nobody, which are removed
	unknown                  // as noticed, but nobody can know what is gone since: no face is looked at
	lost                     // as unknown, always
	untouched                // neither: nothing was put back
)

// An attack puts files back, or takes them away.
type attack struct {
	name string
	want outcome
	lay  func(old, now cut) cut
}

// with returns now with the files of old whose names begin with any of prefixes and end with any of the suffixes.
func with(now, old map[string][]byte, prefixes []string, suffix string) map[string][]byte {
	mixed := maps.Clone(now)
	for name, data := range old {
		for _, prefix := range prefixes {
			if strings.HasPrefix(name, prefix+".") && strings.HasSuffix(name, suffix) {
				mixed[name] = data
			}
		}
	}
	return mixed
}

// back returns the attack that puts back databases by their names, and their keyrings with them or not.
func back(keyrings bool, names ...string) func(old, now cut) cut {
	return func(old, now cut) cut {
		mixed := now
		mixed.changes, mixed.most = old.changes, old.most
		mixed.state = with(now.state, old.state, names, ".db")
		if keyrings {
			mixed.keys = with(now.keys, old.keys, names, ".key")
		}
		return mixed
	}
}

var attacks = []attack{
	{"both folders", noticed, func(old, now cut) cut {
		return cut{old.state, old.keys, now.anchor, now.counted, old.changes, old.most}
	}},
	{"nothing", untouched, func(_, now cut) cut { return now }},
	{"a power cut", untouched, func(old, _ cut) cut { return old }},
	{"both folders, no chip", noticed, func(old, now cut) cut { return cut{old.state, old.keys, now.anchor, 0, old.changes, old.most} }},
	{"the databases", noticed, func(old, now cut) cut {
		return cut{old.state, now.keys, now.anchor, now.counted, old.changes, old.most}
	}},
	{"people and journal", noticed, back(true, "people", "journal")},
	{"people and journal without keyrings", noticed, back(false, "people", "journal")},
	{"faces", swept, back(true, "faces")},
	{"faces without keyrings", swept, back(false, "faces")},
	{"keyrings", swept, func(old, now cut) cut {
		return cut{now.state, old.keys, now.anchor, now.counted, old.changes, old.most}
	}},
	{"a cloned card", unknown, func(old, now cut) cut {
		return cut{old.state, old.keys, old.anchor, now.counted, old.changes, old.most}
	}},
	{"both folders, and no anchor", lost, func(old, now cut) cut { return cut{old.state, old.keys, nil, now.counted, old.changes, old.most} }},
	{"both folders, neither anchor nor chip", lost, func(old, _ cut) cut { return cut{old.state, old.keys, nil, 0, old.changes, old.most} }},
	{"the anchor alone", unknown, func(old, now cut) cut {
		return cut{now.state, now.keys, old.anchor, now.counted, old.changes, old.most}
	}},
	{"empty folders", refused, func(_, now cut) cut { return cut{nil, nil, now.anchor, now.counted, 0, 0} }},
	{"empty folders, no chip", refused, func(_, now cut) cut { return cut{nil, nil, now.anchor, 0, 0, 0} }},
	{"empty folders, and no anchor", refused, func(_, now cut) cut { return cut{nil, nil, nil, now.counted, 0, 0} }},
	{"the copies of faces.db cut", refused, func(_, now cut) cut {
		mixed := now
		mixed.state = maps.Clone(now.state)
		mixed.state["faces.db"], mixed.state["faces.copy.db"] = now.state["faces.db"][:100], now.state["faces.copy.db"][:100]
		return mixed
	}},
}

// laid returns the options of a store that finds c, in folders within dir.
func (p *past) laid(c cut, dir string) store.Options {
	o := p.o
	o.Dir, o.KeyDir, o.AnchorDir, o.Disk = filepath.Join(dir, "state"), filepath.Join(dir, "keys"), filepath.Join(dir, "anchor"), nil
	o.Anchors = []anchor.Place{&counter{c.counted}}
	for in, files := range map[string]map[string][]byte{o.Dir: c.state, o.KeyDir: c.keys, o.AnchorDir: c.anchor} {
		must(p.t, os.Mkdir(in, 0o700))
		for name, data := range files {
			must(p.t, os.WriteFile(filepath.Join(in, name), data, 0o600))
		}
	}
	return o
}

// TestRandomRollback lives through random histories, takes copies of all files at points of no one's choosing, and puts them back,
// as a whole and in parts. Who and what is gone by then stays gone, and a store that is older than what it has destroyed says so.
func TestRandomRollback(t *testing.T) {
	histories, steps, each := 1, 80, 2
	if slow() {
		histories, steps, each = 25, 110, 6
	}
	points, all := 0, make(tally)
	for seed := range histories {
		p := newPast(t, uint64(seed), 2)
		for range steps {
			p.step(p.rnd.IntN(2) == 0 && len(p.cuts) < 20*histories)
		}
		must(t, p.s.Close())
		now := p.copied()
		for _, old := range p.cuts {
			points++
			p.attack(attacks[0], old, now, all)
			for _, a := range p.rnd.Perm(len(attacks) - 1)[:each] {
				p.attack(attacks[a+1], old, now, all)
			}
		}
	}
	t.Logf("%d restore points:\n%v", points, all)
	for _, a := range attacks {
		if slow() && a.want != untouched && all[a.name+": damage"]+all[a.name+": older"] == 0 {
			t.Errorf("%s: nothing was found", a.name)
		}
	}
}

// A tally counts what came of attacks.
type tally map[string]int

func (t tally) String() string {
	var b strings.Builder
	for _, what := range slices.Sorted(maps.Keys(t)) {
		fmt.Fprintf(&b, "%5d  %s\n", t[what], what)
	}
	return b.String()
}

// attack carries out a, and checks what comes of it.
func (p *past) attack(a attack, old, now cut, sum tally) {
	p.t.Helper()
	c := a.lay(old, now)
	dir, err := os.MkdirTemp(p.dir, "")
	must(p.t, err)
	defer os.RemoveAll(dir)
	o := p.laid(c, dir)
	what := fmt.Sprintf("%s, %d changes before the end", a.name, now.changes-old.changes)
	s, err := store.Open(o)
	if err != nil {
		if a.want == untouched || !errors.Is(err, store.ErrDamaged) || hint.Of(err) == "" {
			p.t.Errorf("%s: %v; to do: %q", what, err, hint.Of(err))
		}
		sum[a.name+": damage"]++
		return
	}
	defer s.Close()
	least, since := now.changes-c.most, now.changes-c.changes
	older := s.Faces().Older() != nil
	switch {
	case a.want == refused:
		p.t.Errorf("%s: it opens", what)
	case older && (a.want == untouched || a.want != lost && since == 0):
		p.t.Errorf("%s: a store that nobody put back is told to be older: %+v", what, s.Faces().Older())
	case !older && (a.want == lost || a.want != untouched && a.want != swept && least > 0):
		p.t.Errorf("%s: it is not told", what)
	}
	sum[a.name+map[bool]string{true: ": older", false: ": as it was"}[older]]++
	switch a.want {
	case noticed, swept:
		p.gone.mustStayGone(p.t, what, s)
		if older && p.rnd.IntN(3) == 0 {
			p.restored(what, o, s, now, sum)
		}
	case unknown, lost:
		p.looksAtNobody(what, s)
		if older && p.rnd.IntN(3) == 0 {
			p.proved(what, o, s, sum)
		}
	}
}

// looksAtNobody checks that no face of anybody is looked for in s, if it is older, by a pass neither.
func (p *past) looksAtNobody(what string, s *store.Store) {
	p.t.Helper()
	if s.Faces().Older() == nil {
		return
	}
	records, err := s.Templates().Records(model)
	if err != nil || len(records) > 0 {
		p.t.Errorf("%s: %d faces are looked for, %v", what, len(records), err)
	}
	for token, label := range p.gone.passes {
		k, err := s.Credentials().PassKeys(token)
		must(p.t, err)
		if _, code, err := s.Templates().Claim(k, model); err == nil && code != (template.Code{}) {
			p.t.Errorf("%s: a pass of %s leads to a face", what, label)
		}
	}
}

// proved goes the way out of the older state s where the anchor is lost: by all receipts that there are. Where there is none of a
// destruction, no backup of this state is taken.
func (p *past) proved(what string, o store.Options, s *store.Store, sum tally) {
	p.t.Helper()
	backup := mustBackup(p.t, s).Data
	must(p.t, s.Close())
	_, err := store.Restore(o, backup, store.Proof{Receipts: p.proofs, Said: true, Keys: store.LeaveOut}, 1000)
	if err != nil && (!errors.Is(err, store.ErrReceipts) || hint.Of(err) == "") {
		p.t.Errorf("%s: %v; to do: %q", what, err, hint.Of(err))
	}
	s, failed := store.Open(o)
	must(p.t, failed)
	defer s.Close()
	if err != nil {
		sum["refused for want of receipts"]++
		if s.Faces().Older() == nil {
			p.t.Errorf("%s: refused, and told no more", what)
		}
		p.looksAtNobody(what, s)
		return
	}
	sum["restored by receipts"]++
	told := p.gone // who is on the list still may have the template of before a lockdown or the end of an epoch that was the last of all
	told.faces, told.records = maps.Clone(told.faces), nil
	maps.DeleteFunc(told.faces, func(code template.Code, _ string) bool { return told.silent[code] })
	told.mustStayGone(p.t, what+", restored by receipts", s)
}

// restored goes the one way that leads out of the older state s, which o opens: faces stay off over a restart, somebody is erased
// meanwhile, and then a backup is restored, of this state or from before.
func (p *past) restored(what string, o store.Options, s *store.Store, now cut, sum tally) {
	p.t.Helper()
	if err := s.Faces().TurnOn(1000); err == nil || hint.Of(err) == "" {
		p.t.Errorf("%s: faces are on, %v", what, err)
	}
	must(p.t, s.Close())
	s, err := store.Open(o)
	must(p.t, err)
	if s.Faces().Older() == nil {
		p.t.Errorf("%s: after a restart it is told no more", what)
	}
	p.gone.mustStayGone(p.t, what+", after a restart", s)
	people, err := s.People()
	must(p.t, err)
	proof := store.Proof{Receipts: slices.Clone(p.proofs), Keys: store.LeaveOut, Said: true}
	left := ""
	if len(people) > 0 {
		left = people[0].Label
		erased, err := s.Erase(store.ByLabel(left), audit.Requested, 1000)
		must(p.t, err)
		proof.Receipts = append(proof.Receipts, erased.Receipt)
	}
	backup := mustBackup(p.t, s).Data
	if n := len(p.backups); n > 0 && p.rnd.IntN(2) == 0 {
		backup = p.backups[p.rnd.IntN(n)]
	}
	must(p.t, s.Close())
	r, err := store.Restore(o, backup, proof, 1000)
	if err != nil {
		p.t.Errorf("%s: not restored: %v; to do: %s", what, err, hint.Of(err))
		return
	}
	s, err = store.Open(o)
	must(p.t, err)
	if older := s.Faces().Older(); older != nil {
		p.t.Errorf("%s: restored %+v, and it is older still: %+v", what, r, older)
	}
	must(p.t, s.Faces().TurnOn(1000))
	p.stays(what+", restored", s, left)
	must(p.t, s.Close())
	sum["restored"]++

	// The folders from before all this are as old by now.
	putBack(p.t, o.Dir, now.state)
	putBack(p.t, o.KeyDir, now.keys)
	s, err = store.Open(o)
	must(p.t, err)
	if left != "" && s.Faces().Older() == nil {
		p.t.Errorf("%s: what was there before it is put back, and it is not told", what)
	}
	p.stays(what+", and turned back again", s, left)
	must(p.t, s.Close())
}

// stays checks that whoever is gone, and label as well, stays so.
func (p *past) stays(what string, s *store.Store, label string) {
	p.t.Helper()
	p.gone.mustStayGone(p.t, what, s)
	if all, _ := labels(p.t, s); label != "" && slices.Contains(all, label) {
		p.t.Errorf("%s: %s, who was erased meanwhile, is back", what, label)
	}
}
