package store_test

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"facegate/configs/hint"
	"facegate/pipeline/embed"
	"facegate/pipeline/template"
	"facegate/store"
	"facegate/store/audit"
	"facegate/store/storetest"
)

// rotate begins a new epoch, unless one is under way, and renews the people ns.
func rotate(s *store.Store, ns ...int) error {
	if err := s.Epochs().Begin(1000); err != nil && !errors.Is(err, store.ErrEpoch) {
		return err
	}
	people, err := s.People()
	if err != nil {
		return err
	}
	for _, p := range people {
		for _, n := range ns {
			if p.Label != labelOf(n) {
				continue
			}
			if _, _, err := s.Epochs().Renew(p.ID, model, made(s, uint8(n)%template.Lanes, codeOf(n))); err != nil {
				return err
			}
		}
	}
	return nil
}

func mustEpochs(tb testing.TB, s *store.Store, want store.EpochState) {
	tb.Helper()
	if d := cmp.Diff(want, s.Epochs().State()); d != "" {
		tb.Errorf("the epochs (-want +got):\n%s", d)
	}
}

// TestEpoch leads five people through a change of epoch: one is renewed, one captured again, one enrolled meanwhile.
func TestEpoch(t *testing.T) {
	dir := t.TempDir()
	s := storetest.Open(t, dir)
	again := func() { s.Close(); s = storetest.Open(t, dir) }
	if err := s.Epochs().UseModel(model); err != nil {
		t.Fatal(err)
	}
	people := mustEnrol(t, s, 0, 1, 2, 3)
	if _, err := s.Epochs().End(1000); !errors.Is(err, store.ErrNoEpoch) || hint.Of(err) == "" {
		t.Errorf("the first epoch ends: %v", err)
	}
	if err := s.Epochs().Begin(1000); err != nil {
		t.Fatal(err)
	}
	mustEpochs(t, s, store.EpochState{Current: 2, Earlier: 4})
	mustEnrol(t, s, 4)

	p, renewed, err := s.Epochs().Renew(people[0].ID, model, made(s, 5, codeOf(100)))
	if err != nil || !renewed || p.Record == people[0].Record || p.Epoch != 2 || p.Lane != 5 ||
		!p.Expires.Equal(people[0].Expires) || p.Consent != people[0].Consent {
		t.Errorf("renewed %v: %+v, %v", renewed, p, err)
	}
	for name, renew := range map[string]func() (store.Person, bool, error){
		"a second time": func() (store.Person, bool, error) { return s.Epochs().Renew(p.ID, model, made(s, 6, codeOf(101))) },
		"nobody": func() (store.Person, bool, error) {
			return s.Epochs().Renew(template.PersonID{1}, model, made(s, 6, codeOf(101)))
		},
		"another model's": func() (store.Person, bool, error) {
			return s.Epochs().Renew(people[1].ID, [32]byte{1}, made(s, 6, codeOf(101)))
		},
	} {
		if _, renewed, err := renew(); renewed || err != nil {
			t.Errorf("renewed %s: %v, %v", name, renewed, err)
		}
	}
	if _, _, err := s.Recapture(current(s, enrolment(1))); err != nil {
		t.Fatal(err)
	}
	if err := s.Epochs().Begin(1000); !errors.Is(err, store.ErrEpoch) || hint.Of(err) == "" {
		t.Errorf("a third epoch begins: %v", err)
	}
	for range 2 {
		mustEpochs(t, s, store.EpochState{Current: 2, Renewed: 3, Earlier: 2})
		c := mustRead(t, s)
		if r := c.Records[p.ID]; r.Code != codeOf(100) || r.Epoch != 2 || r.Lane != 5 || len(c.Records) != 5 {
			t.Errorf("after the renewal: %d records, that of the person is %+v", len(c.Records), r)
		}
		if r := c.Records[people[2].ID]; r.Code != codeOf(2) || r.Epoch != 1 {
			t.Errorf("who was not renewed has %+v", r)
		}
		again()
	}
	if n, err := s.Epochs().End(1000); n != 2 || err != nil {
		t.Errorf("ended for %d: %v", n, err)
	}
	if _, err := s.Epochs().End(1000); !errors.Is(err, store.ErrNoEpoch) {
		t.Errorf("ended twice: %v", err)
	}
	for range 2 {
		mustEpochs(t, s, store.EpochState{Current: 2, Renewed: 3, Recordless: 2})
		if c := mustRead(t, s); len(c.People) != 5 || len(c.Records) != 3 || c.Records[people[2].ID] != (template.Record{}) {
			t.Errorf("%d people and %d records", len(c.People), len(c.Records))
		}
		again()
	}
	if f, err := s.Members().Show(labelOf(2)); err != nil || f.Record {
		t.Errorf("shown %+v, %v", f, err)
	}
	if _, signed, err := s.Recapture(current(s, enrolment(2))); err != nil || signed != nil {
		t.Errorf("who had no record is captured again: %v, with a receipt of %d bytes", err, len(signed))
	}
	if err := s.Epochs().Begin(1000); err != nil {
		t.Error(err)
	}
	mustEpochs(t, s, store.EpochState{Current: 3, Earlier: 4, Recordless: 1})
	mustSay(t, s, "created", "epoch-begun", "enrolled", "enrolled", "enrolled", "enrolled", "epoch-begun", "enrolled",
		"renewed", "erased", "enrolled", "receipt-issued", "epoch-ended", "enrolled", "epoch-begun")
	l, err := s.Log().Read()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range l.Records {
		if e := r.Entry; e.Kind == audit.Renewed && (e.Subject != audit.Subject{} || !e.Kind.ShortLived()) {
			t.Error("the log tells who was renewed, or for long")
		} else if e.Kind == audit.EpochEnded && e.Count != 2 {
			t.Errorf("%d records are said to be destroyed", e.Count)
		}
	}
}

// A lane that somebody was erased from is one like any other in the next epoch.
func TestEpochHasFreshLanes(t *testing.T) {
	s := storetest.Open(t, t.TempDir())
	p := mustEnrol(t, s, 3)[0]
	mustErase(t, s, p.Label)
	lanes := func() map[uint8]bool {
		seen := map[uint8]bool{}
		for range 500 {
			lane, err := s.Templates().NextLane("new")
			if err != nil {
				t.Fatal(err)
			}
			seen[lane] = true
		}
		return seen
	}
	if seen := lanes(); seen[p.Lane] {
		t.Errorf("erased from lane %d: lanes %v", p.Lane, seen)
	}
	if err := s.Epochs().Begin(1000); err != nil {
		t.Fatal(err)
	}
	if seen := lanes(); len(seen) != template.Lanes {
		t.Errorf("in the next epoch: lanes %v", seen)
	}
}

func TestExpiredAreNotRenewed(t *testing.T) {
	now := storetest.Now()
	s := openAt(t, t.TempDir(), &now)
	p := mustEnrol(t, s, 0)[0]
	if err := s.Epochs().Begin(1000); err != nil {
		t.Fatal(err)
	}
	now = p.Expires
	if _, renewed, err := s.Epochs().Renew(p.ID, model, made(s, 0, codeOf(0))); renewed || err != nil {
		t.Errorf("renewed %v, %v", renewed, err)
	}
}

// TestModelChange goes to another embedder and back.
func TestModelChange(t *testing.T) {
	dir := t.TempDir()
	s := storetest.Open(t, dir)
	other := [32]byte{0xbb}
	use := func(id [32]byte, want store.EpochState) {
		t.Helper()
		for range 2 {
			if err := s.Epochs().UseModel(id); err != nil {
				t.Fatal(err)
			}
			mustEpochs(t, s, want)
			s.Close()
			s = storetest.Open(t, dir)
			mustEpochs(t, s, want)
		}
	}
	use(model, store.EpochState{Current: 1})
	people := mustEnrol(t, s, 0, 1, 2)
	use(other, store.EpochState{Current: 2, Foreign: 3})
	if records, err := s.Templates().Records(other); err != nil || len(records) != 0 {
		t.Errorf("%d records of the other model, %v", len(records), err)
	}
	if _, renewed, err := s.Epochs().Renew(people[0].ID, other, made(s, 0, codeOf(0))); renewed || err != nil {
		t.Errorf("a record was renewed from one model to another: %v", err)
	}
	if err := s.Epochs().Begin(1000); !errors.Is(err, store.ErrEpoch) {
		t.Errorf("a third epoch begins: %v", err)
	}
	e := current(s, enrolment(0))
	e.ModelID = other
	if _, _, err := s.Recapture(e); err != nil {
		t.Fatal(err)
	}
	mustEpochs(t, s, store.EpochState{Current: 2, Renewed: 1, Foreign: 2})
	use(model, store.EpochState{Current: 3, Earlier: 2, Foreign: 1})
	if c := mustRead(t, s); len(c.Records) != 2 || c.Records[people[1].ID].Epoch != 1 {
		t.Errorf("back at the former model: %+v", c.Records)
	}
	if n, err := s.Epochs().End(1000); n != 3 || err != nil {
		t.Errorf("ended for %d, %v", n, err)
	}
	mustEpochs(t, s, store.EpochState{Current: 3, Recordless: 3})
	for _, r := range mustAudit(t, s).Records {
		if e := r.Entry; e.Kind == audit.EpochBegun && e.Digest != model && e.Digest != other {
			t.Errorf("an epoch of the embedder %x", e.Digest)
		}
	}
}

// A face in the new epoch is unlike itself in the old one, and the old record is in no file afterwards.
func TestEpochsAreUnlinkable(t *testing.T) {
	const n = 64
	dir := t.TempDir()
	s := storetest.Open(t, dir)
	code := func(epoch uint32, i int) template.Code {
		j, err := template.NewProjector(s.Templates().Keys(epoch, model), 512, nil)
		if err != nil {
			t.Fatal(err)
		}
		rnd := rand.New(rand.NewPCG(uint64(i), 7))
		v := make(embed.Vector, 512)
		for k := range v {
			v[k] = float32(rnd.NormFloat64())
		}
		c, ok := j.Protect(v, uint8(i)%template.Lanes)
		if !ok {
			t.Fatal("no code")
		}
		return c
	}
	var people []store.Person
	for i := range n {
		e := enrolment(i)
		e.Code = code(1, i)
		p, err := s.Enrol(e)
		if err != nil {
			t.Fatal(err)
		}
		people = append(people, p)
	}
	old := mustRead(t, s)
	s.Close()
	sealed := rows(t, dir, "faces.db", "records")
	s = storetest.Open(t, dir)
	if err := s.Epochs().Begin(1000); err != nil {
		t.Fatal(err)
	}
	for i, p := range people {
		_, renewed, err := s.Epochs().Renew(p.ID, model, made(s, uint8(i)%template.Lanes, code(2, i))) // into the same lane
		if !renewed || err != nil {
			t.Fatal(renewed, err)
		}
	}
	if _, err := s.Epochs().End(1000); err != nil {
		t.Fatal(err)
	}
	now := mustRead(t, s)
	sum, nearest := 0, template.Bits
	for id, before := range old.Records {
		for other, after := range now.Records {
			d := template.Distance(&before.Code, &after.Code)
			nearest = min(nearest, d)
			if id == other {
				sum += d
			}
			if before.ID == after.ID {
				t.Error("a record keeps its id")
			}
		}
	}
	mean, deviation := float64(sum)/(n*template.Bits), 0.5/math.Sqrt(n*template.Bits)
	t.Logf("%.4f of the bits differ; the old code nearest to any new one differs in %d", mean, nearest)
	if math.Abs(mean-0.5) > 4*deviation || nearest < template.Bits/2-6*16 {
		t.Errorf("old and new codes have to do with each other")
	}
	s.Close()
	const ciphertext = template.Bits/8 + 16
	for name, data := range files(t, dir) {
		for id, row := range sealed {
			if bytes.Contains(data, id[:]) || bytes.Contains(data, row[len(row)-ciphertext:]) {
				t.Fatalf("%s holds an old record", name)
			}
		}
	}
	s = storetest.Open(t, dir)
	if lane, err := s.Templates().NextLane(people[0].Label); err != nil || lane == people[0].Lane {
		t.Errorf("the next lane is %d, %v", lane, err)
	}
}
