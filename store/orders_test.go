package store_test

import (
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"facegate/pipeline/order"
	"facegate/store"
	"facegate/store/clock/clocktest"
	"facegate/store/durable/durabletest"
	"facegate/store/storetest"
)

// A testOrder is an order by an operator for gate north of the lime court.
type testOrder struct {
	operator byte // whose key is officeKey
	nonce    uint64
	issued   time.Time
}

// orderNow is order n by operator 1, that was just given.
func orderNow(n uint64) testOrder { return testOrder{1, n, storetest.Now()} }

func (o testOrder) payload(tb testing.TB, g order.Gate) []byte {
	tb.Helper()
	body := order.Order{Issued: o.issued, Expires: o.issued.Add(order.MaxLife)}
	binary.BigEndian.PutUint64(body.Nonce[:], o.nonce)
	payload, err := order.Sign(officeKey(o.operator), g, body)
	must(tb, err)
	return payload
}

func (o testOrder) order() order.Order {
	body := order.Order{Key: order.KeyOf(officePublic(o.operator)), Issued: o.issued, Expires: o.issued.Add(order.MaxLife)}
	binary.BigEndian.PutUint64(body.Nonce[:], o.nonce)
	return body
}

func (o testOrder) id() order.ID { return o.order().ID() }

func limeCourt(name string, s *store.Store) order.Gate {
	return order.Gate{Site: "lime court", Name: name, Device: s.Device().PublicKey}
}

func mustAddOperator(tb testing.TB, s *store.Store, name string, n byte) {
	tb.Helper()
	if _, err := s.Credentials().Orders().AddOperator(name, officePublic(n), 1000); err != nil {
		tb.Fatal(err)
	}
}

// carriesOut does with an order what a gate does: it finds it and, if it opens, uses it up.
func carriesOut(tb testing.TB, s *store.Store, payload []byte) (store.Given, error) {
	tb.Helper()
	g, err := s.Credentials().Orders().Find(payload, "lime court", "north")
	if err != nil {
		return g, err
	}
	return g, s.Credentials().Orders().Use(g.ID())
}

func mustCarryOut(tb testing.TB, s *store.Store, what string, o testOrder, want error) {
	tb.Helper()
	_, err := carriesOut(tb, s, o.payload(tb, limeCourt("north", s)))
	mustRefuseWith(tb, what, err, want)
}

// TestOrders finds what opens, and says of the rest why, and whether somebody known has signed it.
func TestOrders(t *testing.T) {
	s := storetest.Open(t, t.TempDir())
	mustAddOperator(t, s, "porter", 1)
	now := storetest.Now()
	elsewhere := limeCourt("north", s)
	elsewhere.Device = officePublic(7)
	for _, tt := range []struct {
		name    string
		payload []byte
		want    error
		genuine bool
	}{
		{"good", orderNow(1).payload(t, limeCourt("north", s)), nil, true},
		{"given before", orderNow(1).payload(t, limeCourt("north", s)), store.ErrRepeated, true},
		{"another one", orderNow(2).payload(t, limeCourt("north", s)), nil, true},
		{"no order", []byte("open"), order.ErrForm, false},
		{"of nobody", testOrder{2, 3, now}.payload(t, limeCourt("north", s)), store.ErrOperator, false},
		{"for another gate", orderNow(3).payload(t, limeCourt("south", s)), order.ErrGate, false},
		{"for a gate of that name elsewhere", orderNow(3).payload(t, elsewhere), order.ErrGate, false},
		{"nearly expired", testOrder{1, 4, now.Add(time.Millisecond - order.MaxLife)}.payload(t, limeCourt("north", s)), nil, true},
		{"expired", testOrder{1, 5, now.Add(-order.MaxLife)}.payload(t, limeCourt("north", s)), store.ErrOrderExpired, true},
		{"of a clock that is a little ahead", testOrder{1, 6, now.Add(2 * time.Second)}.payload(t, limeCourt("north", s)), nil, true},
		{"of the future", testOrder{1, 7, now.Add(2*time.Second + time.Millisecond)}.payload(t, limeCourt("north", s)), store.ErrOrderEarly, true},
	} {
		g, err := carriesOut(t, s, tt.payload)
		if !errors.Is(err, tt.want) || tt.want == nil && err != nil || (g.Operator.Name == "porter") != tt.genuine {
			t.Errorf("%s: %+v, %v", tt.name, g, err)
		}
	}
}

// TestSpentOrders refuses an order from the future, which is used up by that. It opens nothing when its time has come, whether or not the
// clock was known to be right, nor after a restart.
func TestSpentOrders(t *testing.T) {
	dir, now := t.TempDir(), storetest.Now()
	s := openAt(t, dir, &now)
	mustAddOperator(t, s, "porter", 1)
	early := testOrder{1, 1, now.Add(time.Minute)}
	mustCarryOut(t, s, "of the future", early, store.ErrOrderEarly)
	for range 2 { // the second time there is nothing to do
		must(t, s.Credentials().Orders().Spend(early.order()))
	}
	mustCarryOut(t, s, "spent", early, store.ErrRepeated)
	must(t, s.Close())
	now = now.Add(time.Minute)
	s = openAt(t, dir, &now)
	mustCarryOut(t, s, "when its time has come", early, store.ErrRepeated)
	mustCarryOut(t, s, "another one", testOrder{1, 2, now}, nil)
}

// TestOrdersOfTheFarFuture remembers an order until its time has come, however many others are forgotten meanwhile.
func TestOrdersOfTheFarFuture(t *testing.T) {
	now := storetest.Now()
	s := openAt(t, t.TempDir(), &now)
	mustAddOperator(t, s, "porter", 1)
	far := testOrder{1, 1, now.Add(30 * 24 * time.Hour)}
	mustCarryOut(t, s, "of the future", far, store.ErrOrderEarly)
	must(t, s.Credentials().Orders().Spend(far.order()))
	never := testOrder{1, 2, time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)}
	must(t, s.Credentials().Orders().Spend(never.order()))
	for n := uint64(3); now.Before(far.issued); n++ {
		now = now.Add(50 * time.Hour)
		if !now.Before(far.issued) {
			now = far.issued
		}
		mustCarryOut(t, s, "another one", testOrder{1, n, now}, nil)
	}
	mustCarryOut(t, s, "when its time has come", far, store.ErrRepeated)
	mustCarryOut(t, s, "one that never comes", never, store.ErrRepeated)
	now = now.Add(50 * time.Hour)
	mustCarryOut(t, s, "another one", testOrder{1, 1000, now}, nil)
	mustCarryOut(t, s, "once it is forgotten", far, store.ErrOrderExpired)
}

// TestOrdersAreRemembered gives orders again after a restart, and once they are forgotten. By then they have expired, also by a clock
// that was set back as far as it is believed.
func TestOrdersAreRemembered(t *testing.T) {
	dir, now := t.TempDir(), storetest.Now()
	s := openAt(t, dir, &now)
	mustAddOperator(t, s, "porter", 1)
	mustCarryOut(t, s, "once", orderNow(1), nil)
	must(t, s.Close())
	s = openAt(t, dir, &now)
	mustCarryOut(t, s, "again after a restart", orderNow(1), store.ErrRepeated)
	now = now.Add(47 * time.Hour)
	mustCarryOut(t, s, "another one", testOrder{1, 2, now}, nil)
	mustCarryOut(t, s, "again after two days", orderNow(1), store.ErrRepeated)
	now = now.Add(time.Hour)
	mustCarryOut(t, s, "a third one", testOrder{1, 3, now}, nil)
	mustCarryOut(t, s, "again once it is forgotten", orderNow(1), store.ErrOrderExpired)
	mustCarryOut(t, s, "the second one again", testOrder{1, 2, now.Add(-time.Hour)}, store.ErrRepeated)
	must(t, s.Close())
	s = openAt(t, dir, &now)
	mustCarryOut(t, s, "forgotten after a restart too", orderNow(1), store.ErrOrderExpired)
	must(t, s.Close())
	storetest.MustCheck(t, dir)
}

// TestOrdersWithoutAClock checks that no order opens anything while nobody knows what time it is, nor with a clock that was set.
func TestOrdersWithoutAClock(t *testing.T) {
	m := clocktest.New(storetest.Now())
	o := storetest.Options(t.TempDir())
	o.Clock = m.Read
	s, err := store.Open(o)
	must(t, err)
	defer s.Close()
	mustAddOperator(t, s, "porter", 1)
	given := func(n uint64) testOrder { return testOrder{1, n, m.Wall()} }
	mustCarryOut(t, s, "without a clock", given(1), store.ErrOrderClock)
	mustRefuseWith(t, "found with a clock, and used without", s.Credentials().Orders().Use(given(1).id()), store.ErrOrderClock)
	must(t, s.Clock().Confirm(m.Wall(), 1000))
	mustCarryOut(t, s, "once somebody vouches for it", given(2), nil)
	m.Ahead(-time.Hour)
	mustCarryOut(t, s, "once it was set back", given(3), store.ErrOrderClock)
	m.Ahead(0)
	mustCarryOut(t, s, "once it is right again", given(4), nil)
	mustCarryOut(t, s, "the one before, again", given(2), store.ErrRepeated)
}

// TestOperators registers keys, and refuses those that are none.
func TestOperators(t *testing.T) {
	dir := t.TempDir()
	s := storetest.Open(t, dir)
	orders := s.Credentials().Orders()
	add := func(name string, key ed25519.PublicKey) error {
		_, err := orders.AddOperator(name, key, 1000)
		return err
	}
	wanted, changed := orders.Wanted()
	if wanted {
		t.Error("orders are wanted of nobody")
	}
	must(t, add("porter", officePublic(1)))
	select {
	case <-changed:
	default:
		t.Error("nobody is told of the first operator")
	}
	if wanted, _ = orders.Wanted(); !wanted {
		t.Error("no orders are wanted of an operator")
	}
	must(t, add("desk", officePublic(2)))
	mustRefuseWith(t, "a name twice", add("desk", officePublic(3)), store.ErrOperatorKey)
	mustRefuseWith(t, "a key twice", add("other", officePublic(2)), store.ErrOperatorKey)
	mustRefuseWith(t, "no name", add("", officePublic(3)), store.ErrOperatorKey)
	mustRefuseWith(t, "the key of the device", add("other", s.Device().PublicKey), store.ErrOperatorKey)
	mustRefuseWith(t, "a key of small order", add("other", append(ed25519.PublicKey{1}, make([]byte, 31)...)), store.ErrOperatorKey)
	mustRefuseWith(t, "half a key", add("other", officePublic(3)[:16]), store.ErrOperatorKey)
	if err := add("line\nbreak", officePublic(3)); err == nil {
		t.Error("a name of two lines is taken")
	}
	must(t, s.Close())

	s = storetest.Open(t, dir)
	orders = s.Credentials().Orders()
	all := orders.Operators()
	if len(all) != 2 || all[0].Name != "desk" || !all[1].Key.Equal(officePublic(1)) || !all[0].Since.Equal(storetest.Now().Truncate(24*time.Hour)) {
		t.Errorf("operators %+v", all)
	}
	found, err := orders.Find(orderNow(1).payload(t, limeCourt("north", s)), "lime court", "north")
	must(t, err)
	_, err = orders.RemoveOperator("porter", 1000)
	must(t, err)
	mustRefuseWith(t, "found before its operator was removed", orders.Use(found.ID()), store.ErrOperator)
	mustCarryOut(t, s, "of an operator who was removed", orderNow(2), store.ErrOperator)
	_, err = orders.RemoveOperator("porter", 1000)
	mustRefuseWith(t, "removing it again", err, store.ErrOperatorName)
	must(t, orders.Opened(storetest.Now(), testOrder{operator: 2}.id()))
	must(t, orders.OpenedUnsigned(storetest.Now()))
	if got := kinds(t, s); !slices.Equal(got, []string{"created", "operator-added", "operator-added", "operator-removed", "opened-by-order", "opened-by-unsigned-order"}) {
		t.Errorf("the audit log has %q", got)
	}
}

// TestOperatorComesAndGoes checks that what was given stays given when a key is removed and registered again.
func TestOperatorComesAndGoes(t *testing.T) {
	s := storetest.Open(t, t.TempDir())
	mustAddOperator(t, s, "porter", 1)
	mustCarryOut(t, s, "once", orderNow(1), nil)
	_, err := s.Credentials().Orders().RemoveOperator("porter", 1000)
	must(t, err)
	mustAddOperator(t, s, "the porter", 1)
	mustCarryOut(t, s, "again", orderNow(1), store.ErrRepeated)
}

// TestOperatorsAreFew registers as many keys as a store keeps.
func TestOperatorsAreFew(t *testing.T) {
	s := storetest.Open(t, t.TempDir())
	for n := range store.MaxOperators {
		mustAddOperator(t, s, fmt.Sprint("operator ", n), byte(n))
	}
	_, err := s.Credentials().Orders().AddOperator("one more", officePublic(200), 1000)
	mustRefuseWith(t, "one more", err, store.ErrOperatorKey)
}

// TestOrderAtOnce gives one order many times at once: it is carried out once.
func TestOrderAtOnce(t *testing.T) {
	s := storetest.Open(t, t.TempDir())
	mustAddOperator(t, s, "porter", 1)
	payload := orderNow(1).payload(t, limeCourt("north", s))
	var all sync.WaitGroup
	var opened atomic.Int32
	for range 8 {
		all.Go(func() {
			if _, err := carriesOut(t, s, payload); err == nil {
				opened.Add(1)
			}
		})
	}
	all.Wait()
	if opened.Load() != 1 {
		t.Errorf("opened %d times", opened.Load())
	}
}

// TestOrderOnABrokenDisk checks that an order that may be on disk is not carried out, then or later.
func TestOrderOnABrokenDisk(t *testing.T) {
	disk := new(durabletest.Watched)
	o := storetest.Options(t.TempDir())
	o.Disk = disk
	s, err := store.Open(o)
	must(t, err)
	defer s.Close()
	mustAddOperator(t, s, "porter", 1)
	disk.Before = func(string) error { return errors.New("no room") }
	if _, err := carriesOut(t, s, orderNow(1).payload(t, limeCourt("north", s))); err == nil {
		t.Error("carried out without a disk")
	}
	disk.Before = nil
	mustCarryOut(t, s, "again with the disk back", orderNow(1), store.ErrRepeated)
}

// TestRestoreManyOperators brings keys back into a store that has others, but for one. Together they are as many as there may be.
func TestRestoreManyOperators(t *testing.T) {
	from, to := apart(t), apart(t)
	s := mustOpenApart(t, from)
	for n := range 3 {
		mustAddOperator(t, s, fmt.Sprint("before ", n), byte(n+1))
	}
	b := mustBackup(t, s)
	must(t, s.Close())
	s = mustOpenApart(t, to)
	for n := range store.MaxOperators - 2 {
		mustAddOperator(t, s, fmt.Sprint("since ", n), byte(n+101))
	}
	must(t, s.Close())
	r := mustRestore(t, to, b.Data, store.Proof{Said: true, Keys: store.BringBack})
	s = mustOpenApart(t, to)
	if n := len(s.Credentials().Orders().Operators()); r.Operators != 2 || r.OperatorsOut != 1 || n != store.MaxOperators {
		t.Errorf("%d operators, of whom came back %+v", n, r)
	}
}

// TestRestoreOperators brings back the keys of a backup, but for those that were removed since. Orders from before open nothing.
func TestRestoreOperators(t *testing.T) {
	o := apart(t)
	now := storetest.Now()
	o.Clock = clocktest.Right(func() time.Time { return now })
	s := mustOpenApart(t, o)
	for n, name := range []string{"porter", "cleaners", "desk"} {
		mustAddOperator(t, s, name, byte(n+1))
	}
	b := mustBackup(t, s)
	for _, name := range []string{"cleaners", "desk"} {
		_, err := s.Credentials().Orders().RemoveOperator(name, 1000)
		must(t, err)
	}
	mustAddOperator(t, s, "desk", 3) // again
	mustCarryOut(t, s, "before", orderNow(1), nil)
	must(t, errors.Join(s.Close(), os.RemoveAll(o.Dir)))
	now = now.Add(2 * time.Second)
	if r := mustRestore(t, o, b.Data, store.Proof{Replace: true}); r.Operators != 2 || r.OperatorsOut != 1 || !r.Known {
		t.Errorf("%+v", r)
	}
	s = mustOpenApart(t, o)
	if all := s.Credentials().Orders().Operators(); len(all) != 2 || all[0].Name != "desk" || all[1].Name != "porter" {
		t.Errorf("operators %+v", all)
	}
	mustCarryOut(t, s, "again after the restore", orderNow(1), store.ErrOrderBefore)
	mustCarryOut(t, s, "given after the restore", testOrder{1, 2, now.Add(time.Second)}, nil)
	mustCarryOut(t, s, "by a key that was removed since", testOrder{2, 3, now.Add(time.Second)}, store.ErrOperator)
	must(t, errors.Join(s.Close(), os.RemoveAll(o.Dir), os.RemoveAll(o.KeyDir)))

	mustRefuseRestore(t, o, b.Data, store.Proof{Said: true}, store.ErrKeys)
	if r := mustRestore(t, o, b.Data, store.Proof{Said: true, Keys: store.LeaveOut}); r.Operators != 0 || r.OperatorsOut != 3 {
		t.Errorf("without the list: %+v", r)
	}
}

// orderForEver carries out orders, one after the other, for ever. It says what it tries and, where a door would open after that, that
// it does.
func orderForEver(dir string, w io.Writer) error {
	s, err := store.Open(storetest.Options(dir))
	if err != nil {
		return err
	}
	for n := rand.Uint64() >> 1; ; n++ {
		fmt.Fprintln(w, "try", n)
		if err := s.Credentials().Orders().Use(orderNow(n).id()); err != nil {
			return err
		}
		fmt.Fprintln(w, "open", n)
	}
}

// TestOrderKill kills a process between the use of an order and the opening of the door, at points of no one's choosing. What opened the
// door opens it never again; what was tried, and did not, opens it at most once. With FACEGATE_SLOW there are 1,000 rounds.
func TestOrderKill(t *testing.T) {
	rounds := 3
	if slow() {
		rounds = 1000
	}
	var dir string
	for round := range rounds {
		if round%50 == 0 {
			dir = t.TempDir()
			s := storetest.Open(t, dir)
			mustAddOperator(t, s, "porter", 1)
			must(t, s.Close())
		}
		opened := make(map[uint64]int)
		killChild(t, childOrders+"="+dir, rand.IntN(20), 4000, func(word string, n int) {
			opened[uint64(n)] += map[string]int{"try": 0, "open": 1}[word]
		})
		s := mustOpen(t, dir)
		for n := range opened {
			_, err := carriesOut(t, s, orderNow(n).payload(t, limeCourt("north", s)))
			switch {
			case err == nil:
				opened[n]++
			case !errors.Is(err, store.ErrRepeated):
				t.Fatalf("round %d: %v", round, err)
			}
			if opened[n] > 1 {
				t.Errorf("round %d: an order has opened %d times", round, opened[n])
			}
		}
		must(t, s.Close())
	}
}
