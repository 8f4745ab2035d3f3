package store_test

import (
	"bytes"
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"facegate/pipeline/template"
	"facegate/store"
	"facegate/store/clock/clocktest"
	"facegate/store/receipt"
	"facegate/store/storetest"
)

func mustSetPIN(tb testing.TB, s *store.Store, n int, pin string, terms store.Terms) store.Credential {
	tb.Helper()
	c, err := s.Credentials().SetPIN(labelOf(n), []byte(pin), terms, 1000)
	must(tb, err)
	return c
}

// counted says that a try is on disk.
func counted() error { return nil }

// checks tries a PIN as that of a person.
func checks(tb testing.TB, s *store.Store, p store.Person, pin string, duress bool, want error) {
	tb.Helper()
	got, err := s.Credentials().CheckPIN(p.ID, []byte(pin), counted)
	mustRefuseWith(tb, pin, err, want)
	if got != duress {
		tb.Errorf("%s: duress is %v", pin, got)
	}
}

func TestPIN(t *testing.T) {
	dir := t.TempDir()
	s := storetest.Open(t, dir)
	people := mustJoin(t, s, 1, 2)
	for _, pin := range []string{
		"", "12345", "271828182845904", "2718a8", "٢٧١٨٢٨", "111111", "123456", "987654", " 271828", "121212", "271271", "27182718",
	} {
		_, err := s.Credentials().SetPIN(labelOf(1), []byte(pin), store.Terms{}, 1000)
		mustRefuseWith(t, pin, err, store.ErrWeakPIN)
	}
	for _, n := range []int{1, 2} { // who may choose the same
		mustSetPIN(t, s, n, "271828", store.Terms{})
	}
	_, err := s.Credentials().SetPIN("nobody", []byte("271828"), store.Terms{}, 1000)
	mustRefuseWith(t, "a PIN for nobody", err, store.ErrUnknown)
	checks(t, s, people[0], "271828", false, nil)
	checks(t, s, people[0], "271829", false, store.ErrPIN)
	checks(t, s, people[0], strings.Repeat("271828", 1000), false, store.ErrPIN)
	checks(t, s, store.Person{}, "271828", false, store.ErrPIN)
	mustSetPIN(t, s, 1, "314159", store.Terms{})
	checks(t, s, people[0], "271828", false, store.ErrPIN)
	s.Close()
	s = storetest.Open(t, dir)
	checks(t, s, people[0], "314159", false, nil)
	checks(t, s, people[1], "271828", false, nil)
	list, err := s.Credentials().List(labelOf(1))
	if err != nil || len(list) != 1 || list[0].Kind != store.PIN {
		t.Errorf("%+v, %v", list, err)
	}
	must(t, s.Credentials().RemovePIN(labelOf(1), 1000))
	checks(t, s, people[0], "314159", false, store.ErrPIN)
	mustRefuseWith(t, "remove it again", s.Credentials().RemovePIN(labelOf(1), 1000), store.ErrNoPIN)
	mustErase(t, s, labelOf(2))
	checks(t, s, people[1], "271828", false, store.ErrPIN)
}

// TestLongerPINs checks that a site can ask for more digits, and for no fewer than six.
func TestLongerPINs(t *testing.T) {
	o := storetest.Options(t.TempDir())
	for _, digits := range []int{-1, 5, 13} {
		o.MinPIN = digits
		if _, err := store.Open(o); !errors.Is(err, store.ErrOptions) {
			t.Errorf("%d digits: %v", digits, err)
		}
	}
	o.MinPIN = 0
	s, err := store.Open(o)
	must(t, err)
	p := mustJoin(t, s, 1)[0]
	mustSetPIN(t, s, 1, "271828", store.Terms{})
	must(t, s.Close())
	o.MinPIN = 8
	s, err = store.Open(o)
	must(t, err)
	defer s.Close()
	checks(t, s, p, "271828", false, nil) // it was long enough when it was set
	_, err = s.Credentials().SetPIN(labelOf(1), []byte("2718281"), store.Terms{}, 1000)
	mustRefuseWith(t, "seven digits", err, store.ErrWeakPIN)
	for range 3 {
		pin, err := s.Credentials().DrawPIN()
		if err != nil || len(pin) != 8 || strings.Trim(string(pin), "0123456789") != "" {
			t.Errorf("drawn: %q, %v", pin, err)
		}
	}
}

// TestDuress checks that the PIN for duress is right wherever the usual one is and nowhere else, and that it goes where that goes.
func TestDuress(t *testing.T) {
	dir, now := t.TempDir(), storetest.Now()
	o := storetest.Options(dir)
	o.Clock = clocktest.Right(func() time.Time { return now })
	s, err := store.Open(o)
	must(t, err)
	p := mustJoin(t, s, 1)[0]
	w := s.Credentials()
	mustRefuseWith(t, "without a PIN", w.SetDuress(labelOf(1), []byte("314159"), 1000), store.ErrNoPIN)
	mustRefuseWith(t, "of nobody", w.SetDuress("nobody", []byte("314159"), 1000), store.ErrUnknown)
	mustSetPIN(t, s, 1, "271828", store.Terms{Until: now.Add(oneDay)})
	mustRefuseWith(t, "the usual one", w.SetDuress(labelOf(1), []byte("271828"), 1000), store.ErrWeakPIN)
	mustRefuseWith(t, "a weak one", w.SetDuress(labelOf(1), []byte("123456"), 1000), store.ErrWeakPIN)
	must(t, w.SetDuress(labelOf(1), []byte("314159"), 1000))
	must(t, s.Close())
	s, err = store.Open(o)
	must(t, err)
	defer func() { must(t, s.Close()); storetest.MustCheck(t, dir) }()
	w = s.Credentials()
	checks(t, s, p, "271828", false, nil)
	checks(t, s, p, "314159", true, nil)
	checks(t, s, p, "314158", false, store.ErrPIN)
	checks(t, s, store.Person{}, "314159", false, store.ErrPIN)

	_, err = w.SetPIN(labelOf(1), []byte("314159"), store.Terms{}, 1000)
	mustRefuseWith(t, "that of duress as the usual one", err, store.ErrWeakPIN)
	mustSetPIN(t, s, 1, "161803", store.Terms{Until: now.Add(oneDay)})
	checks(t, s, p, "271828", false, store.ErrPIN)
	checks(t, s, p, "314159", true, nil) // which stays
	if n := mustRead(t, s).People[0].Count(); n != (store.Counts{PINs: 1}) {
		t.Errorf("there are %+v", n)
	}
	must(t, w.SetDuress(labelOf(1), []byte("141421"), 1000))
	checks(t, s, p, "314159", false, store.ErrPIN)
	now = now.Add(2 * oneDay)
	checks(t, s, p, "161803", false, store.ErrOver)
	checks(t, s, p, "141421", true, store.ErrOver) // no sooner and no later than the usual one
	now = now.Add(-2 * oneDay)
	must(t, errors.Join(w.RemoveDuress(labelOf(1), 1000), w.RemoveDuress(labelOf(1), 1000)))
	checks(t, s, p, "141421", false, store.ErrPIN)
	must(t, w.SetDuress(labelOf(1), []byte("141421"), 1000))
	must(t, w.RemovePIN(labelOf(1), 1000))
	checks(t, s, p, "141421", false, store.ErrPIN)
	mustSetPIN(t, s, 1, "271828", store.Terms{})
	checks(t, s, p, "141421", false, store.ErrPIN)
}

// TestDuressIsInNoLog checks that the audit log and a receipt say the same of who has a PIN for duress and of who has none.
func TestDuressIsInNoLog(t *testing.T) {
	said := func(second func(s *store.Store) error) ([]string, receipt.Counts) {
		s := storetest.Open(t, t.TempDir())
		mustJoin(t, s, 1)
		mustSetPIN(t, s, 1, "271828", store.Terms{})
		must(t, second(s))
		log, err := s.Log().Read()
		must(t, err)
		var entries []string
		for _, r := range log.Records {
			entries = append(entries, strings.Join([]string{r.Entry.Kind.String(), store.Kind(r.Entry.Count).String()}, " "))
		}
		e, err := s.Erase(store.ByLabel(labelOf(1)), 1, 1000)
		must(t, err)
		r, err := receipt.Verify(e.Receipt, s.Device().PublicKey)
		must(t, err)
		return entries, r.Erased
	}
	with, counts := said(func(s *store.Store) error { return s.Credentials().SetDuress(labelOf(1), []byte("314159"), 1000) })
	without, same := said(func(s *store.Store) error {
		_, err := s.Credentials().SetPIN(labelOf(1), []byte("314159"), store.Terms{}, 1000)
		return err
	})
	if !slices.Equal(with, without) || counts != same {
		t.Errorf("%q and %+v, without %q and %+v", with, counts, without, same)
	}
}

// TestSameWork checks that whatever was typed, and whoever is named by it, the same is allocated: one slow hash of 32 MiB. What a
// PIN does takes as long as that, and all else is a ten-thousandth of it.
func TestSameWork(t *testing.T) {
	s := storetest.Open(t, t.TempDir())
	people := mustJoin(t, s, 1, 2, 3)
	for n := 1; n <= 2; n++ {
		mustSetPIN(t, s, n, "271828", store.Terms{})
	}
	must(t, s.Credentials().SetDuress(labelOf(1), []byte("314159"), 1000))
	work := func(p store.Person, pin string) (bytes, times uint64) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _ = s.Credentials().CheckPIN(p.ID, []byte(pin), counted)
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc, after.Mallocs - before.Mallocs
	}
	const hash, rest, times = 32 << 20, 64 << 10, 200
	for name, tt := range map[string]struct {
		who store.Person
		pin string
	}{
		"right": {people[0], "271828"}, "for duress": {people[0], "314159"}, "wrong": {people[0], "161803"},
		"right, without one for duress": {people[1], "271828"}, "wrong, without one for duress": {people[1], "314159"},
		"of who has none": {people[2], "271828"}, "of nobody": {store.Person{}, "271828"}, "too short": {people[0], "1"},
		"too long": {people[0], strings.Repeat("271828", 1000)},
	} {
		if bytes, n := work(tt.who, tt.pin); bytes < hash || bytes > hash+rest || n > times {
			t.Errorf("%s: %d bytes are allocated in %d pieces", name, bytes, n)
		}
	}
}

// TestUncountedPINIsNotCompared checks that a PIN whose try could not be written down is refused for that, whatever it is, and that it
// is told all the same that somebody was forced.
func TestUncountedPINIsNotCompared(t *testing.T) {
	s := storetest.Open(t, t.TempDir())
	p := mustJoin(t, s, 1)[0]
	mustSetPIN(t, s, 1, "271828", store.Terms{})
	must(t, s.Credentials().SetDuress(labelOf(1), []byte("314159"), 1000))
	noRoom := errors.New("no room")
	for pin, forced := range map[string]bool{"271828": false, "314159": true, "161803": false} {
		asked := 0
		duress, err := s.Credentials().CheckPIN(p.ID, []byte(pin), func() error { asked++; return noRoom })
		if !errors.Is(err, noRoom) || errors.Is(err, store.ErrPIN) || duress != forced || asked != 1 {
			t.Errorf("%s: duress %v, %v, asked %d times", pin, duress, err, asked)
		}
	}
}

func TestNumbersOfPeople(t *testing.T) {
	dir := t.TempDir()
	s := storetest.Open(t, dir)
	people := mustJoin(t, s, 1, 2, 3)
	w := s.Credentials()
	_, err := w.Number(labelOf(1))
	mustRefuseWith(t, "without a PIN", err, store.ErrNoPIN)
	_, err = w.Renumber(labelOf(1), 1000)
	mustRefuseWith(t, "another without a PIN", err, store.ErrNoPIN)
	numbers := map[store.Number]bool{}
	for n := range 3 {
		c := mustSetPIN(t, s, n+1, "271828", store.Terms{})
		numbers[c.Number] = true
		if again := mustSetPIN(t, s, n+1, "314159", store.Terms{}); again.Number != c.Number || len(c.Number.String()) != 4 {
			t.Errorf("number %v, and with another PIN %v", c.Number, again.Number)
		}
	}
	if len(numbers) != 3 {
		t.Errorf("three people have the numbers %v", numbers)
	}
	finds := func(typed string, p store.Person, want error) {
		t.Helper()
		id, err := s.Credentials().ByNumber(typed)
		if mustRefuseWith(t, typed, err, want); id != p.ID {
			t.Errorf("%s is %x, want %x", typed, id, p.ID)
		}
	}
	old, err := w.Number(labelOf(1))
	must(t, err)
	for range 2 {
		finds(old.String(), people[0], nil)
		for _, typed := range []string{"", "0", "0" + old.String(), old.String() + " ", "+" + old.String(), "4294967296" + old.String(), "-1", "x"} {
			finds(typed, store.Person{}, store.ErrNumber)
		}
		s.Close()
		s = storetest.Open(t, dir)
	}
	w = s.Credentials()
	anew, err := w.Renumber(labelOf(1), 1000)
	must(t, err)
	finds(anew.String(), people[0], nil)
	finds(old.String(), store.Person{}, store.ErrNumber)
	checks(t, s, people[0], "314159", false, nil)
	must(t, w.RemovePIN(labelOf(1), 1000))
	finds(anew.String(), store.Person{}, store.ErrNumber)
	second, err := w.Number(labelOf(2))
	must(t, err)
	mustErase(t, s, labelOf(2))
	finds(second.String(), store.Person{}, store.ErrNumber)
}

// A PIN is in no file.
func TestPINIsInNoFile(t *testing.T) {
	dir := t.TempDir()
	s := storetest.Open(t, dir)
	mustJoin(t, s, 1)
	mustSetPIN(t, s, 1, "271828182845", store.Terms{})
	must(t, s.Credentials().SetDuress(labelOf(1), []byte("314159265358"), 1000))
	s.Close()
	for name, data := range files(t, dir) {
		for _, secret := range []string{"271828182845", "314159265358"} {
			if bytes.Contains(data, []byte(secret)) {
				t.Errorf("%s holds %s", name, secret)
			}
		}
	}
}

// BenchmarkCheckPIN is what each PIN costs that is typed: time, and memory for as long as that.
func BenchmarkCheckPIN(b *testing.B) {
	s := storetest.Open(b, b.TempDir())
	people := mustJoin(b, s, 1)
	mustSetPIN(b, s, 1, "271828", store.Terms{})
	for name, who := range map[string]template.PersonID{"somebody": people[0].ID, "nobody": {}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = s.Credentials().CheckPIN(who, []byte("271829"), counted)
			}
		})
	}
}

// TestOneHashAtATime checks that however many type at once, the memory of one slow hash is taken at a time.
func TestOneHashAtATime(t *testing.T) {
	s := storetest.Open(t, t.TempDir())
	before := heap() // which other tests have left
	var work sync.WaitGroup
	for range 8 {
		work.Go(func() { _, _ = s.Credentials().CheckPIN(template.PersonID{}, []byte("271828"), counted) })
	}
	most := uint64(0)
	ended := make(chan struct{})
	go func() { work.Wait(); close(ended) }()
	for running := true; running; {
		select {
		case <-ended:
			running = false
		case <-time.After(5 * time.Millisecond):
			most = max(most, heap())
		}
	}
	if most > before+3*32<<20 {
		t.Errorf("%d bytes are in use at once, %d of them from before", most, before)
	}
}

// heap returns how many bytes are in use.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// PINs are hashed while the store goes on.
func TestPINsBesideOthers(t *testing.T) {
	s := storetest.Open(t, t.TempDir())
	people := mustJoin(t, s, 1, 2)
	var work sync.WaitGroup
	for i, p := range people {
		work.Go(func() {
			if _, err := s.Credentials().SetPIN(p.Label, []byte("271828"), store.Terms{}, 1000); err != nil {
				t.Error(err)
			}
			if _, err := s.Credentials().CheckPIN(p.ID, []byte("271828"), counted); err != nil {
				t.Error(err)
			}
		})
		work.Go(func() {
			for n := range 10 {
				c, err := s.Credentials().AddCard(p.Label, store.ShownCard{Value: []byte{byte(i), byte(n)}}, store.Terms{Uses: 1}, 1000)
				if err == nil {
					_, err = s.Credentials().Use(c.ID)
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	work.Wait()
	for _, p := range mustRead(t, s).People {
		if n := p.Count(); n != (store.Counts{Cards: 10, PINs: 1}) {
			t.Errorf("%s has %+v", p.Label, n)
		}
		for _, c := range p.Credentials {
			if !c.Issued.Equal(storetest.Now().Truncate(oneDay)) {
				t.Errorf("a %v was issued on %v", c.Kind, c.Issued)
			}
		}
	}
}
