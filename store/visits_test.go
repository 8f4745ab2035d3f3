package store_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"facegate/pipeline/visitor"
	"facegate/store"
	"facegate/store/audit"
	"facegate/store/clock"
	"facegate/store/clock/clocktest"
	"facegate/store/durable/durabletest"
	"facegate/store/storetest"
)

// officeKey returns the key of office n.
func officeKey(n byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{n}, ed25519.SeedSize))
}

func officePublic(n byte) ed25519.PublicKey { return officeKey(n).Public().(ed25519.PublicKey) }

// A visitPass is what a test issues: terms and the door that it is for.
type visitPass struct {
	office byte
	door   visitor.Door
	from   time.Time
	length time.Duration
	uses   int
	serial uint64
}

// The doors of these tests. north and south are gates, and both are of the group yard.
var (
	north = visitor.Gate("lime court", "north")
	south = visitor.Gate("lime court", "south")
	yard  = visitor.Group("yard")

	atNorth = []visitor.Door{north, yard}
	atSouth = []visitor.Door{south, yard}
)

// today is a pass by office 1 for a day that has begun, for north, any number of times.
func today(serial uint64) visitPass {
	return visitPass{office: 1, door: north, from: storetest.Now().Add(-4 * time.Hour), length: 10 * time.Hour, serial: serial}
}

func (p visitPass) text(tb testing.TB) string {
	tb.Helper()
	body := visitor.Pass{From: p.from, Length: p.length, Uses: p.uses}
	binary.BigEndian.PutUint64(body.Serial[:], p.serial)
	text, err := visitor.Sign(officeKey(p.office), p.door, body)
	must(tb, err)
	return text
}

// id returns the id of p.
func (p visitPass) id(tb testing.TB) visitor.ID {
	tb.Helper()
	signed, err := visitor.Parse(p.text(tb))
	must(tb, err)
	return signed.ID()
}

func (p visitPass) number(tb testing.TB) visitor.Number { return p.id(tb).Number() }

func mustAddOffice(tb testing.TB, s *store.Store, name string, n byte) {
	tb.Helper()
	if _, err := s.Credentials().Visits().AddOffice(name, officePublic(n), 1000); err != nil {
		tb.Fatal(err)
	}
}

func mustRevoke(tb testing.TB, s *store.Store, n visitor.Number, until time.Time) {
	tb.Helper()
	if k, err := s.Credentials().Visits().Revoke(n, until, 1000); err != nil || !k.Revoked || k.Number != n {
		tb.Fatalf("revoked: %+v, %v", k, err)
	}
}

// enters does with a pass what a door does: it finds it and, if it opens, takes a use.
func enters(tb testing.TB, s *store.Store, text string, doors []visitor.Door) error {
	tb.Helper()
	found, err := s.Credentials().Visits().Find(text, doors)
	if err != nil {
		return err
	}
	return s.Credentials().Visits().Use(found.ID())
}

func mustEnter(tb testing.TB, s *store.Store, what string, p visitPass, want error) {
	tb.Helper()
	mustRefuseWith(tb, what, enters(tb, s, p.text(tb), atNorth), want)
}

// TestOneOfficeAtTwoGates has one office issue passes for two gates, each of which knows nothing of the other.
func TestOneOfficeAtTwoGates(t *testing.T) {
	a, b := storetest.Open(t, t.TempDir()), storetest.Open(t, t.TempDir())
	for _, s := range []*store.Store{a, b} {
		mustAddOffice(t, s, "front desk", 1)
	}
	forNorth, forBoth := today(1), today(2)
	forBoth.door = yard
	for _, tt := range []struct {
		name  string
		s     *store.Store
		doors []visitor.Door
		pass  visitPass
		want  error
	}{
		{"north at north", a, atNorth, forNorth, nil},
		{"north at south", b, atSouth, forNorth, visitor.ErrDoor},
		{"both at north", a, atNorth, forBoth, nil},
		{"both at south", b, atSouth, forBoth, nil},
		{"both at a gate of no group", b, atSouth[:1], forBoth, visitor.ErrDoor},
	} {
		mustRefuseWith(t, tt.name, enters(t, tt.s, tt.pass.text(t), tt.doors), tt.want)
	}
	found, err := a.Credentials().Visits().Find(forBoth.text(t), atNorth)
	if err != nil || found.Office.Name != "front desk" || found.Door != yard {
		t.Errorf("found %+v, %v", found, err)
	}
}

// TestVisits has every reason for which a pass opens nothing come about.
func TestVisits(t *testing.T) {
	s := storetest.Open(t, t.TempDir())
	mustAddOffice(t, s, "front desk", 1)
	change := func(serial uint64, f func(*visitPass)) visitPass {
		p := today(serial)
		f(&p)
		return p
	}
	for _, tt := range []struct {
		name string
		pass visitPass
		want error
	}{
		{"good", today(1), nil},
		{"good, again", today(1), nil},
		{"begins now", change(2, func(p *visitPass) { p.from = storetest.Now() }), nil},
		{"begins in a minute", change(3, func(p *visitPass) { p.from = storetest.Now().Add(time.Minute) }), store.ErrNotYet},
		{"ends now", change(4, func(p *visitPass) { p.length = 4 * time.Hour }), store.ErrOver},
		{"ends in a minute", change(5, func(p *visitPass) { p.length = 4*time.Hour + time.Minute }), nil},
		{"another gate", change(6, func(p *visitPass) { p.door = south }), visitor.ErrDoor},
		{"another office", change(7, func(p *visitPass) { p.office = 2 }), store.ErrOffice},
		{"once", change(8, func(p *visitPass) { p.uses = 1 }), nil},
		{"once, by a copy", change(8, func(p *visitPass) { p.uses = 1 }), store.ErrUsedUp},
		{"twice, first", change(9, func(p *visitPass) { p.uses = 2 }), nil},
		{"twice, second", change(9, func(p *visitPass) { p.uses = 2 }), nil},
		{"twice, third", change(9, func(p *visitPass) { p.uses = 2 }), store.ErrUsedUp},
	} {
		mustEnter(t, s, tt.name, tt.pass, tt.want)
	}
	text := today(1).text(t)
	other := today(9)
	other.office = 2
	spliced := text[:40] + other.text(t)[40:]
	mustRefuseWith(t, "the signature of another", enters(t, s, spliced, atNorth), visitor.ErrSignature)
	mustRefuseWith(t, "letters that are missing", enters(t, s, text[:137], atNorth), visitor.ErrText)
	mustRefuseWith(t, "a letter that is no letter", enters(t, s, text[:90]+"1"+text[91:], atNorth), visitor.ErrText)

	mustRevoke(t, s, today(1).number(t), time.Time{})
	mustEnter(t, s, "revoked", today(1), store.ErrRevoked)
	mustEnter(t, s, "another pass of the office", today(2), nil)
	_, err := s.Credentials().Visits().Revoke(other.number(t), time.Time{}, 1000)
	mustRefuseWith(t, "revoking for an office that is not here", err, store.ErrOffice)
}

// TestRevokedBetween revokes a pass, and ends its office, after it was found and before it is used.
func TestRevokedBetween(t *testing.T) {
	s := storetest.Open(t, t.TempDir())
	mustAddOffice(t, s, "front desk", 1)
	p, q := today(1), today(2)
	p.uses, q.uses = 1, 0
	for _, pass := range []visitPass{p, q} {
		_, err := s.Credentials().Visits().Find(pass.text(t), atNorth)
		must(t, err)
	}
	mustRevoke(t, s, p.number(t), p.id(t).Until())
	mustRefuseWith(t, "revoked", s.Credentials().Visits().Use(p.id(t)), store.ErrRevoked)
	if _, err := s.Credentials().Visits().RemoveOffice("front desk", 1000); err != nil {
		t.Fatal(err)
	}
	mustRefuseWith(t, "of an office that is gone", s.Credentials().Visits().Use(q.id(t)), store.ErrOffice)
}

// TestOffices registers offices, and refuses keys that are none.
func TestOffices(t *testing.T) {
	dir := t.TempDir()
	s := storetest.Open(t, dir)
	add := func(name string, key ed25519.PublicKey) error {
		_, err := s.Credentials().Visits().AddOffice(name, key, 1000)
		return err
	}
	identity := make(ed25519.PublicKey, ed25519.PublicKeySize)
	identity[0] = 1
	must(t, add("porter", officePublic(1)))
	must(t, add("desk", officePublic(2)))
	mustRefuseWith(t, "a name twice", add("desk", officePublic(3)), store.ErrOfficeKey)
	mustRefuseWith(t, "a key twice", add("other", officePublic(2)), store.ErrOfficeKey)
	mustRefuseWith(t, "no name", add("", officePublic(3)), store.ErrOfficeKey)
	mustRefuseWith(t, "a key of small order", add("other", identity), store.ErrOfficeKey)
	mustRefuseWith(t, "half a key", add("other", officePublic(3)[:16]), store.ErrOfficeKey)
	if err := add("line\nbreak", officePublic(3)); err == nil {
		t.Error("a name may have a line break")
	}
	must(t, s.Close())
	s = storetest.Open(t, dir)
	offices := s.Credentials().Visits().Offices()
	if len(offices) != 2 || offices[0].Name != "desk" || !bytes.Equal(offices[1].Key, officePublic(1)) || !offices[0].Since.Equal(storetest.Now().Truncate(24*time.Hour)) {
		t.Errorf("offices %+v", offices)
	}
	mustEnter(t, s, "after a restart", today(1), nil)
	_, err := s.Credentials().Visits().RemoveOffice("porter", 1000)
	must(t, err)
	mustEnter(t, s, "of an office that was removed", today(1), store.ErrOffice)
	_, err = s.Credentials().Visits().RemoveOffice("porter", 1000)
	mustRefuseWith(t, "removing it again", err, store.ErrOfficeName)
	mustRevoke(t, s, visitor.Number{Key: offices[0].ID()}, time.Time{})
	if got := kinds(t, s); !slices.Equal(got, []string{"created", "office-added", "office-added", "office-removed", "visitor-pass-revoked"}) {
		t.Errorf("the audit log says %q", got)
	}
}

// TestOfficesAreFew registers as many offices as a store keeps.
func TestOfficesAreFew(t *testing.T) {
	s := storetest.Open(t, t.TempDir())
	for n := range store.MaxOffices {
		mustAddOffice(t, s, fmt.Sprint("office ", n), byte(n))
	}
	_, err := s.Credentials().Visits().AddOffice("one more", officePublic(200), 1000)
	mustRefuseWith(t, "one more", err, store.ErrOfficeKey)
}

// TestVisitsAreForgotten checks that uses and revocations outlive a restart, and are gone when the pass has ended.
func TestVisitsAreForgotten(t *testing.T) {
	dir, now := t.TempDir(), storetest.Now()
	s := openAt(t, dir, &now)
	mustAddOffice(t, s, "front desk", 1)
	once, longer, gone, unknown := today(1), today(2), today(3), today(4)
	once.uses, longer.uses, longer.length = 1, 3, 30*time.Hour
	mustEnter(t, s, "once", once, nil)
	mustEnter(t, s, "longer", longer, nil)
	mustRevoke(t, s, gone.number(t), gone.id(t).Until())
	mustRevoke(t, s, unknown.number(t), time.Time{})
	must(t, s.Close())

	s = openAt(t, dir, &now)
	mustEnter(t, s, "once, after a restart", once, store.ErrUsedUp)
	mustEnter(t, s, "revoked, after a restart", gone, store.ErrRevoked)
	prune := func() []store.KnownVisit {
		t.Helper()
		_, err := s.Retention().Prune()
		must(t, err)
		return s.Credentials().Visits().List()
	}
	if kept := prune(); len(kept) != 4 || !kept[2].Until.Equal(longer.id(t).Until()) || kept[2].Used != 1 || kept[3].Number != unknown.number(t) {
		t.Fatalf("before any has ended: %+v", kept)
	}
	now = now.Add(6 * time.Hour)
	if kept := prune(); len(kept) != 2 || kept[0].Number != longer.number(t) || kept[1].Number != unknown.number(t) {
		t.Errorf("after two have ended: %+v", kept)
	}
	now = now.Add(21 * time.Hour)
	if kept := prune(); len(kept) != 1 {
		t.Errorf("after all have ended: %+v", kept)
	}
	l, err := s.Log().Read()
	must(t, err)
	must(t, l.Verify())
	must(t, s.Close())
	storetest.MustCheck(t, dir)
}

// TestRevokedByNumberAlone revokes passes that were never here. They stay revoked until the last pass has ended that can have been
// issued by then, over a restart and while the office comes and goes, and not for ever.
func TestRevokedByNumberAlone(t *testing.T) {
	dir, now := t.TempDir(), storetest.Now()
	s := openAt(t, dir, &now)
	mustAddOffice(t, s, "front desk", 1)
	last := today(1) // begins as late, and is as long, as any that is issued now
	last.from, last.length = now.Add(visitor.MaxAhead), visitor.MaxLength
	mustRevoke(t, s, last.number(t), time.Time{})
	kept := s.Credentials().Visits().List()
	if len(kept) != 1 || !kept[0].ByNumber || !kept[0].Until.Equal(visitor.LastEnd(now)) {
		t.Fatalf("kept is %+v", kept)
	}
	_, err := s.Credentials().Visits().RemoveOffice("front desk", 1000)
	must(t, errors.Join(err, s.Close()))
	s = openAt(t, dir, &now)
	mustAddOffice(t, s, "front desk", 1)
	now = last.from.Add(visitor.MaxLength - time.Minute)
	_, err = s.Retention().Prune()
	must(t, err)
	mustEnter(t, s, "in its last minute", last, store.ErrRevoked)
	now = now.Add(time.Minute)
	_, err = s.Retention().Prune()
	must(t, err)
	if kept := s.Credentials().Visits().List(); len(kept) != 0 {
		t.Errorf("when it has ended: %+v", kept)
	}
	mustEnter(t, s, "when it has ended", last, store.ErrOver)
	must(t, s.Close())
	storetest.MustCheck(t, dir)
}

// TestRevokedBeforeTheClockIsRight revokes a pass by its number while nobody knows the date, and says when it ends once they do. The
// pass itself says it better.
func TestRevokedBeforeTheClockIsRight(t *testing.T) {
	machine := clocktest.New(storetest.Now())
	s := openOn(t, t.TempDir(), machine)
	mustAddOffice(t, s, "front desk", 1)
	one, other := today(1), today(2)
	mustRevoke(t, s, one.number(t), time.Time{})
	mustRevoke(t, s, other.number(t), time.Time{})
	for _, k := range s.Credentials().Visits().List() {
		if !k.ByNumber || !k.Until.IsZero() {
			t.Errorf("nobody knows the date: %+v", k)
		}
	}
	_, err := s.Retention().Prune()
	must(t, err)
	must(t, s.Clock().Confirm(machine.Wall(), 1000))
	_, err = s.Retention().Prune()
	must(t, err)
	mustRevoke(t, s, other.number(t), other.id(t).Until())
	kept := s.Credentials().Visits().List()
	if len(kept) != 2 || kept[0].ByNumber || !kept[0].Until.Equal(other.id(t).Until()) || !kept[1].ByNumber {
		t.Fatalf("kept are %+v", kept)
	}
	if early := visitor.LastEnd(machine.Now()); kept[1].Until.Before(early) || kept[1].Until.After(early.Add(time.Minute)) {
		t.Errorf("it is kept until %v, and the last has ended at %v", kept[1].Until, early)
	}
}

// TestVisitsLeaveNothing checks that neither the number of a pass nor its text is in any file, used, revoked or over.
func TestVisitsLeaveNothing(t *testing.T) {
	dir := t.TempDir()
	s := storetest.Open(t, dir)
	mustAddOffice(t, s, "front desk", 1)
	p := today(0x0123456789abcdef)
	p.uses = 2
	mustEnter(t, s, "used", p, nil)
	mustRevoke(t, s, p.number(t), p.id(t).Until())
	must(t, s.Close())
	n := p.number(t)
	for path, content := range files(t, dir) {
		for name, what := range map[string][]byte{"serial": n.Serial[:], "text": []byte(p.text(t)[:24]), "number": []byte(n.String())} {
			if bytes.Contains(content, what) {
				t.Errorf("%s has the %s of a pass", path, name)
			}
		}
	}
}

// TestVisitsNeedTheTime shows passes while the clock is not known to be right.
func TestVisitsNeedTheTime(t *testing.T) {
	machine := clocktest.New(storetest.Now())
	s := openOn(t, t.TempDir(), machine)
	mustAddOffice(t, s, "front desk", 1)
	p := today(1)
	p.length = 40 * 24 * time.Hour
	p.uses = 3
	mustEnter(t, s, "nobody vouches for the clock", p, store.ErrUndated)
	must(t, s.Clock().Confirm(machine.Wall(), 1000))
	mustEnter(t, s, "it was confirmed", p, nil)
	machine.Ahead(-time.Hour)
	mustEnter(t, s, "it was set back", p, store.ErrUndated)
	mustRefuseWith(t, "used after that", s.Credentials().Visits().Use(p.id(t)), store.ErrUndated)
	machine.Ahead(0)
	mustEnter(t, s, "it is right again", p, nil)
	machine.Restart(time.Hour)
	mustEnter(t, s, "the machine was off", p, store.ErrUndated)
	machine.Sync(true)
	mustEnter(t, s, "a time server has come", p, nil)
	mustEnter(t, s, "three times", p, store.ErrUsedUp)
}

// TestVisitAfterAPowerCut has a pass of this morning open at once where a time server vouches for the clock again.
func TestVisitAfterAPowerCut(t *testing.T) {
	machine := clocktest.New(storetest.Now())
	machine.Sync(true)
	o := storetest.Options(t.TempDir())
	o.Clock = machine.Read
	s, err := store.Open(o)
	must(t, err)
	defer s.Close()
	mustAddOffice(t, s, "front desk", 1)
	machine.Restart(20 * time.Hour)
	machine.Sync(true)
	p := today(1)
	p.from, p.length = machine.Now().Add(-time.Hour).Truncate(time.Minute), 2*time.Hour
	if v := s.Clock().Verdict(); v.Doubt != clock.None || !v.Certain.Before(p.from) {
		t.Fatalf("the clock says %+v", v)
	}
	mustEnter(t, s, "an hour after it has begun", p, nil)
}

// TestVisitsAtOnce has many take the uses of one pass at the same time, as copies of it at several readers.
func TestVisitsAtOnce(t *testing.T) {
	s := storetest.Open(t, t.TempDir())
	mustAddOffice(t, s, "front desk", 1)
	p := today(1)
	p.uses = 3
	text := p.text(t)
	var opened atomic.Int32
	var all sync.WaitGroup
	for range 12 {
		all.Go(func() {
			switch err := enters(t, s, text, atNorth); {
			case err == nil:
				opened.Add(1)
			case !errors.Is(err, store.ErrUsedUp):
				t.Error(err)
			}
		})
	}
	all.Wait()
	if opened.Load() != 3 {
		t.Errorf("opened %d times, of 3", opened.Load())
	}
}

// TestVisitWaitsForNoErasure has a visitor enter while an erasure waits for the disk.
func TestVisitWaitsForNoErasure(t *testing.T) {
	disk := new(durabletest.Watched)
	o := storetest.Options(t.TempDir())
	o.Disk = disk
	s, err := store.Open(o)
	must(t, err)
	defer s.Close()
	mustEnrol(t, s, 0)
	mustAddOffice(t, s, "front desk", 1)
	p := today(1)
	p.uses = 1
	reached, goOn, erased := make(chan bool), make(chan bool), make(chan error, 1)
	var held atomic.Bool
	disk.Before = func(path string) error {
		if filepath.Base(path) == "faces.db.tmp" && !held.Swap(true) {
			reached <- true
			<-goOn
		}
		return nil
	}
	go func() {
		_, err := s.Erase(store.ByLabel(labelOf(0)), audit.Requested, 1000)
		erased <- err
	}()
	<-reached
	mustEnter(t, s, "during an erasure", p, nil)
	mustEnter(t, s, "during an erasure, again", p, store.ErrUsedUp)
	select {
	case err := <-erased:
		t.Errorf("the erasure did not wait: %v", err)
	default:
	}
	close(goOn)
	must(t, <-erased)
}

// TestVisitOnABrokenDisk checks that nobody enters of whose pass the use is not on disk, and that it then opens as often as
// the disk says.
func TestVisitOnABrokenDisk(t *testing.T) {
	disk := new(durabletest.Watched)
	dir := t.TempDir()
	o := storetest.Options(dir)
	o.Disk = disk
	s, err := store.Open(o)
	must(t, err)
	mustAddOffice(t, s, "front desk", 1)
	p := today(1)
	p.uses = 1
	disk.Before = func(string) error { return errors.New("no room") }
	if err := enters(t, s, p.text(t), atNorth); err == nil {
		t.Error("entered without a disk")
	}
	disk.Before = nil
	first := enters(t, s, p.text(t), atNorth)
	if first != nil && !errors.Is(first, store.ErrUsedUp) {
		t.Errorf("with the disk back: %v", first)
	}
	mustEnter(t, s, "again", p, store.ErrUsedUp)
	must(t, s.Close())
	s = storetest.Open(t, dir)
	mustEnter(t, s, "after a restart", p, store.ErrUsedUp)
}

// useForEver uses passes that open once, one after the other, for ever. It says what it tries and, where a door would open after
// that, that it does.
func useForEver(dir string, w io.Writer) error {
	s, err := store.Open(storetest.Options(dir))
	if err != nil {
		return err
	}
	key := visitor.KeyOf(officePublic(1))
	for n := rand.Uint64() >> 1; ; n++ {
		var serial visitor.Serial
		binary.BigEndian.PutUint64(serial[:], n)
		p := visitor.Pass{Key: key, From: storetest.Now(), Length: time.Hour, Uses: 1, Serial: serial}
		fmt.Fprintln(w, "try", n)
		if err := s.Credentials().Visits().Use(p.ID()); err != nil {
			return err
		}
		fmt.Fprintln(w, "open", n)
	}
}

// TestVisitKill kills a process between the use of a pass and the opening of the door, at points of no one's choosing. What opened
// the door opens it never again; what was tried, and did not, opens it at most once. With FACEGATE_SLOW there are 1,000 rounds.
func TestVisitKill(t *testing.T) {
	rounds := 4
	if slow() {
		rounds = 1000
	}
	var dir string
	used, lost := 0, 0
	for round := range rounds {
		if round%50 == 0 {
			dir = t.TempDir()
			s := storetest.Open(t, dir)
			mustAddOffice(t, s, "front desk", 1)
			must(t, s.Close())
		}
		opened := make(map[uint64]int)
		tried := make(map[uint64]bool)
		killChild(t, childVisits+"="+dir, rand.IntN(20), 4000, func(word string, n int) {
			tried[uint64(n)] = true
			if word == "open" {
				opened[uint64(n)]++
			}
		})
		s := mustOpen(t, dir)
		for n := range tried {
			p := today(n)
			p.uses = 1
			p.from, p.length = storetest.Now(), time.Hour
			switch err := enters(t, s, p.text(t), atNorth); {
			case err == nil:
				opened[n]++
			case !errors.Is(err, store.ErrUsedUp):
				t.Fatalf("round %d: %v", round, err)
			case opened[n] == 0:
				lost++
			}
			if opened[n] > 1 {
				t.Errorf("round %d: a pass that opens once has opened %d times", round, opened[n])
			}
			used++
		}
		must(t, s.Close())
		storetest.MustCheck(t, dir)
	}
	t.Logf("%d kills, %d passes, of %d the one use was taken and the door did not open", rounds, used, lost)
}
