package store_test

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"facegate/configs/hint"
	"facegate/pipeline/embed"
	"facegate/pipeline/template"
	"facegate/store"
	"facegate/store/audit"
	"facegate/store/clock/clocktest"
	"facegate/store/receipt"
	"facegate/store/storetest"
)

// rotate begins a new epoch, unless one is under way, and renews the people ns.
func rotate(s *store.Store, ns ...int) error {
	if err := s.BeginEpoch(1000); err != nil && !errors.Is(err, store.ErrEpoch) {
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
			if _, _, err := s.Renew(p.ID, model, uint8(n)%template.Lanes, codeOf(n)); err != nil {
				return err
			}
		}
	}
	return nil
}

func mustEpochs(tb testing.TB, s *store.Store, want store.Epochs) {
	tb.Helper()
	if d := cmp.Diff(want, s.Epochs()); d != "" {
		tb.Errorf("the epochs (-want +got):\n%s", d)
	}
}

// TestEpoch leads five people through a change of epoch: one is renewed, one captured again, one enrolled meanwhile.
func TestEpoch(t *testing.T) {
	dir := t.TempDir()
	s := storetest.Open(t, dir)
	again := func() { s.Close(); s = storetest.Open(t, dir) }
	if err := s.UseModel(model); err != nil {
		t.Fatal(err)
	}
	people := mustEnrol(t, s, 0, 1, 2, 3)
	if _, err := s.EndEpoch(1000); !errors.Is(err, store.ErrNoEpoch) || hint.Of(err) == "" {
		t.Errorf("the first epoch ends: %v", err)
	}
	if err := s.BeginEpoch(1000); err != nil {
		t.Fatal(err)
	}
	mustEpochs(t, s, store.Epochs{Current: 2, Earlier: 4})
	mustEnrol(t, s, 4)

	p, renewed, err := s.Renew(people[0].ID, model, 5, codeOf(100))
	if err != nil || !renewed || p.Record == people[0].Record || p.Epoch != 2 || p.Lane != 5 ||
		!p.Expires.Equal(people[0].Expires) || p.Consent != people[0].Consent {
		t.Errorf("renewed %v: %+v, %v", renewed, p, err)
	}
	for name, renew := range map[string]func() (store.Person, bool, error){
		"a second time":   func() (store.Person, bool, error) { return s.Renew(p.ID, model, 6, codeOf(101)) },
		"nobody":          func() (store.Person, bool, error) { return s.Renew(template.PersonID{1}, model, 6, codeOf(101)) },
		"another model's": func() (store.Person, bool, error) { return s.Renew(people[1].ID, [32]byte{1}, 6, codeOf(101)) },
	} {
		if _, renewed, err := renew(); renewed || err != nil {
			t.Errorf("renewed %s: %v, %v", name, renewed, err)
		}
	}
	if _, _, err := s.Recapture(enrolment(1)); err != nil {
		t.Fatal(err)
	}
	if err := s.BeginEpoch(1000); !errors.Is(err, store.ErrEpoch) || hint.Of(err) == "" {
		t.Errorf("a third epoch begins: %v", err)
	}
	for range 2 {
		mustEpochs(t, s, store.Epochs{Current: 2, Renewed: 3, Earlier: 2})
		c := mustRead(t, s)
		if r := c.Records[p.ID]; r.Code != codeOf(100) || r.Epoch != 2 || r.Lane != 5 || len(c.Records) != 5 {
			t.Errorf("after the renewal: %d records, that of the person is %+v", len(c.Records), r)
		}
		if r := c.Records[people[2].ID]; r.Code != codeOf(2) || r.Epoch != 1 {
			t.Errorf("who was not renewed has %+v", r)
		}
		again()
	}
	if n, err := s.EndEpoch(1000); n != 2 || err != nil {
		t.Errorf("ended for %d: %v", n, err)
	}
	if _, err := s.EndEpoch(1000); !errors.Is(err, store.ErrNoEpoch) {
		t.Errorf("ended twice: %v", err)
	}
	for range 2 {
		mustEpochs(t, s, store.Epochs{Current: 2, Renewed: 3, Recordless: 2})
		if c := mustRead(t, s); len(c.People) != 5 || len(c.Records) != 3 || c.Records[people[2].ID] != (template.Record{}) {
			t.Errorf("%d people and %d records", len(c.People), len(c.Records))
		}
		again()
	}
	if f, err := s.Show(labelOf(2)); err != nil || f.Record {
		t.Errorf("shown %+v, %v", f, err)
	}
	if _, signed, err := s.Recapture(enrolment(2)); err != nil || signed != nil {
		t.Errorf("who had no record is captured again: %v, with a receipt of %d bytes", err, len(signed))
	}
	if err := s.BeginEpoch(1000); err != nil {
		t.Error(err)
	}
	mustEpochs(t, s, store.Epochs{Current: 3, Earlier: 4, Recordless: 1})
	mustSay(t, s, "created", "epoch-begun", "enrolled", "enrolled", "enrolled", "enrolled", "epoch-begun", "enrolled",
		"renewed", "erased", "enrolled", "receipt-issued", "epoch-ended", "enrolled", "epoch-begun")
	l, err := s.Audit()
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
			lane, err := s.NextLane("new")
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
	if err := s.BeginEpoch(1000); err != nil {
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
	if err := s.BeginEpoch(1000); err != nil {
		t.Fatal(err)
	}
	now = p.Expires
	if _, renewed, err := s.Renew(p.ID, model, 0, codeOf(0)); renewed || err != nil {
		t.Errorf("renewed %v, %v", renewed, err)
	}
}

// TestModelChange goes to another embedder and back.
func TestModelChange(t *testing.T) {
	dir := t.TempDir()
	s := storetest.Open(t, dir)
	other := [32]byte{0xbb}
	use := func(id [32]byte, want store.Epochs) {
		t.Helper()
		for range 2 {
			if err := s.UseModel(id); err != nil {
				t.Fatal(err)
			}
			mustEpochs(t, s, want)
			s.Close()
			s = storetest.Open(t, dir)
			mustEpochs(t, s, want)
		}
	}
	use(model, store.Epochs{Current: 1})
	people := mustEnrol(t, s, 0, 1, 2)
	use(other, store.Epochs{Current: 2, Foreign: 3})
	if records, err := s.Records(other); err != nil || len(records) != 0 {
		t.Errorf("%d records of the other model, %v", len(records), err)
	}
	if _, renewed, err := s.Renew(people[0].ID, other, 0, codeOf(0)); renewed || err != nil {
		t.Errorf("a record was renewed from one model to another: %v", err)
	}
	if err := s.BeginEpoch(1000); !errors.Is(err, store.ErrEpoch) {
		t.Errorf("a third epoch begins: %v", err)
	}
	e := enrolment(0)
	e.ModelID = other
	if _, _, err := s.Recapture(e); err != nil {
		t.Fatal(err)
	}
	mustEpochs(t, s, store.Epochs{Current: 2, Renewed: 1, Foreign: 2})
	use(model, store.Epochs{Current: 3, Earlier: 2, Foreign: 1})
	if c := mustRead(t, s); len(c.Records) != 2 || c.Records[people[1].ID].Epoch != 1 {
		t.Errorf("back at the former model: %+v", c.Records)
	}
	if n, err := s.EndEpoch(1000); n != 3 || err != nil {
		t.Errorf("ended for %d, %v", n, err)
	}
	mustEpochs(t, s, store.Epochs{Current: 3, Recordless: 3})
	for _, r := range mustAudit(t, s).Records {
		if e := r.Entry; e.Kind == audit.EpochBegun && e.Digest != model && e.Digest != other {
			t.Errorf("an epoch of the embedder %x", e.Digest)
		}
	}
}

func mustAudit(tb testing.TB, s *store.Store) audit.Log {
	tb.Helper()
	l, err := s.Audit()
	if err != nil {
		tb.Fatal(err)
	}
	return l
}

// A face in the new epoch is unlike itself in the old one, and the old record is in no file afterwards.
func TestEpochsAreUnlinkable(t *testing.T) {
	const n = 64
	dir := t.TempDir()
	s := storetest.Open(t, dir)
	code := func(epoch uint32, i int) template.Code {
		j, err := template.NewProjector(s.ProjectionKeys(epoch, model), 512, nil)
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
	if err := s.BeginEpoch(1000); err != nil {
		t.Fatal(err)
	}
	for i, p := range people {
		_, renewed, err := s.Renew(p.ID, model, uint8(i)%template.Lanes, code(2, i)) // into the same lane
		if !renewed || err != nil {
			t.Fatal(renewed, err)
		}
	}
	if _, err := s.EndEpoch(1000); err != nil {
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
	if lane, err := s.NextLane(people[0].Label); err != nil || lane == people[0].Lane {
		t.Errorf("the next lane is %d, %v", lane, err)
	}
}

// TestRecapture revokes the record of one of three.
func TestRecapture(t *testing.T) {
	dir := t.TempDir()
	now := storetest.Now()
	s := openAt(t, dir, &now)
	e := enrolment(1)
	e.Consent.AgeBand, e.Consent.Guardian = store.Child, "Zhang Min"
	old, err := s.Enrol(e)
	if err != nil {
		t.Fatal(err)
	}
	mustEnrol(t, s, 0, 2)
	s.Close()
	faces, people := rows(t, dir, "faces.db", "records"), rows(t, dir, "people.db", "people")
	before := files(t, dir)
	s = openAt(t, dir, &now)
	now = now.Add(10 * oneDay)

	e = enrolment(1)
	e.Code, e.Consent.Reference = codeOf(100), "Consent/2026/again"
	if e.Lane, err = s.NextLane(e.Label); err != nil || e.Lane == old.Lane {
		t.Fatalf("lane %d, %v", e.Lane, err)
	}
	for _, tt := range []struct {
		edit func(*store.Enrolment)
		want error
	}{
		{func(e *store.Enrolment) { e.Label = "nobody" }, store.ErrUnknown},
		{func(e *store.Enrolment) { e.Consent.Witness = "" }, store.ErrNoConsent},
		{func(e *store.Enrolment) { e.Consent.Notice.Hash = [32]byte{1} }, store.ErrStale},
		{func(e *store.Enrolment) { e.Expires = now }, store.ErrExpiry},
	} {
		e := e
		tt.edit(&e)
		_, _, err := s.Recapture(e)
		if !errors.Is(err, tt.want) || !errors.Is(s.CheckRecapture(e), tt.want) || hint.Of(err) == "" {
			t.Errorf("got %v, want %v", err, tt.want)
		}
	}
	p, signed, err := s.Recapture(e)
	if err != nil {
		t.Fatal(err)
	}
	if p.ID != old.ID || p.Record == old.Record || p.Consent.ID == old.Consent.ID || p.Lane != e.Lane ||
		!p.Enrolled.Equal(now.Truncate(oneDay)) {
		t.Errorf("got %+v, was %+v", p, old)
	}
	r, err := receipt.Verify(signed, s.PublicKey())
	if err != nil || r.Reason != "recaptured" || r.Erased != (receipt.Counts{Templates: 1, Guardians: 1}) ||
		r.Generations != (receipt.Generations{People: 2, Faces: 2}) {
		t.Errorf("the receipt says %+v, %v", r, err)
	}
	want := receipt.Commit([16]byte(r.Records[0].Salt), faces[old.Record])
	if d := cmp.Diff([]receipt.Salted{want}, r.Records); d != "" {
		t.Error("the receipt does not commit to the record that was erased")
	}
	consent := old.Consent
	consent.Ended, consent.Why, consent.Guardian = now, audit.Recaptured, ""
	for range 2 {
		c := mustRead(t, s)
		if r := c.Records[p.ID]; r.Code != codeOf(100) || r.Lane != e.Lane || len(c.Records) != 3 || len(c.People) != 3 {
			t.Errorf("%d people, %d records, that of the person is %+v", len(c.People), len(c.Records), r)
		}
		if d := cmp.Diff([]store.Consent{consent}, endedConsents(t, s)); d != "" {
			t.Errorf("the former consent (-want +got):\n%s", d)
		}
		if f, err := s.Show(e.Label); err != nil || len(f.Entries) != 3 || f.Person.Consent.Reference != e.Consent.Reference {
			t.Errorf("shown %+v, %v", f, err)
		}
		if receipts, err := s.Receipts(); err != nil || len(receipts) != 1 || !bytes.Equal(receipts[0], signed) {
			t.Errorf("%d receipts, %v", len(receipts), err)
		}
		s.Close()
		s = openAt(t, dir, &now)
	}
	mustSay(t, s, "created", "enrolled", "enrolled", "enrolled", "erased", "enrolled", "receipt-issued")
	// Nobody else gets the lane that was revoked, before all others have seen a revocation.
	for range 100 {
		if lane, err := s.NextLane("somebody else"); err != nil || lane == old.Lane {
			t.Fatalf("lane %d, %v", lane, err)
		}
	}
	s.Close()
	for name, data := range files(t, dir) {
		for _, row := range people {
			if bytes.Contains(data, row[len(row)-16:]) {
				t.Errorf("%s holds an old row of people.db", name)
			}
		}
		if row := faces[old.Record]; bytes.Contains(data, row[len(row)-64:]) || bytes.Contains(data, old.Record[:]) {
			t.Errorf("%s holds the record that was revoked", name)
		}
	}
	mixed := files(t, dir)
	mixed["faces.db"], mixed["faces.copy.db"] = before["faces.db"], before["faces.copy.db"]
	if _, err := store.Open(storetest.Options(lay(t, mixed))); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("an old faces.db opens with the present key: %v", err)
	}
}

// TestRecaptureAfterLockdown is the way back for those whose records are gone.
func TestRecaptureAfterLockdown(t *testing.T) {
	dir := t.TempDir()
	s := storetest.Open(t, dir)
	mustEnrol(t, s, 0, 1)
	if err := s.Lockdown(1000); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Recapture(enrolment(0)); !errors.Is(err, store.ErrLockdown) {
		t.Errorf("during a lockdown: %v", err)
	}
	if err := s.Reopen(1000); err != nil {
		t.Fatal(err)
	}
	if _, signed, err := s.Recapture(enrolment(0)); err != nil || signed != nil {
		t.Errorf("%v, with a receipt of %d bytes", err, len(signed))
	}
	for range 2 {
		mustHave(t, s, 2, 1)
		if n := s.Former(); n != 1 {
			t.Errorf("%d consents have ended", n)
		}
		s.Close()
		s = storetest.Open(t, dir)
	}
}

// TestEpochsAgainstMap drives a store and a plain map with the same calls, closing and opening in between.
func TestEpochsAgainstMap(t *testing.T) {
	type person struct {
		epoch uint32 // 0 without a record
		code  template.Code
	}
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			rt.Fatal(err)
		}
		open := func() *store.Store {
			s, err := store.Open(storetest.Options(dir))
			if err != nil {
				rt.Fatal(err)
			}
			return s
		}
		s := open()
		defer func() { s.Close(); storetest.MustCheck(t, dir) }()
		want := map[string]person{}
		ids := map[string]template.PersonID{}
		current, ended := uint32(1), uint32(0)
		earlier := func(p person) bool { return p.epoch != 0 && p.epoch < current }
		for step := range rapid.IntRange(1, 10).Draw(rt, "steps") {
			n := rapid.IntRange(0, 3).Draw(rt, "person")
			label := labelOf(n)
			old, enrolled := want[label]
			e := enrolment(n)
			e.Code = codeOf(1000 + step)
			fails := false
			steps := []string{"enrol", "enrol", "again", "erase", "begin", "renew", "renew", "end", "open"}
			switch rapid.SampledFrom(steps).Draw(rt, "step") {
			case "enrol":
				var p store.Person
				if p, err = s.Enrol(e); !enrolled {
					want[label], ids[label] = person{current, e.Code}, p.ID
				}
				fails = enrolled
			case "again":
				if _, _, err = s.Recapture(e); enrolled {
					want[label] = person{current, e.Code}
				}
				fails = !enrolled
			case "erase":
				_, err = s.Erase(label, 1000)
				delete(want, label)
				fails = !enrolled
			case "begin":
				for _, p := range want {
					fails = fails || earlier(p)
				}
				if err = s.BeginEpoch(1000); !fails {
					current++
				}
			case "renew":
				var renewed bool
				if _, renewed, err = s.Renew(ids[label], model, 1, e.Code); renewed != (enrolled && earlier(old)) {
					rt.Fatalf("renewed %v: %+v", renewed, old)
				}
				if renewed {
					want[label] = person{current, e.Code}
				}
			case "end":
				if fails = ended+1 == current; !fails {
					ended = current - 1
				}
				if _, err = s.EndEpoch(1000); !fails {
					for label, p := range want {
						if earlier(p) {
							want[label] = person{}
						}
					}
				}
			case "open":
				s.Close()
				s, err = open(), nil
			}
			if (err != nil) != fails {
				rt.Fatalf("error %v, want one: %v", err, fails)
			}
			c, err := read(s)
			if err != nil {
				rt.Fatal(err)
			}
			got := map[string]person{}
			for _, p := range c.People {
				got[p.Label] = person{p.Epoch, c.Records[p.ID].Code}
			}
			if d := cmp.Diff(want, got, cmp.AllowUnexported(person{})); d != "" {
				rt.Fatalf("-want +got:\n%s", d)
			}
		}
	})
}

func TestAssess(t *testing.T) {
	dir := t.TempDir()
	s := storetest.Open(t, dir)
	first := store.Assessment{ID: "PIPIA-7", Date: "2026-02-01", Version: "1"}
	second := store.Assessment{ID: "PIPIA-7", Date: "2026-03-01", Version: "2"}
	for i, step := range []struct {
		assessment store.Assessment
		basis      byte
		due        bool
		entry      string // "" for none
	}{
		{first, 1, false, "assessed"},
		{first, 1, false, ""},
		{first, 2, true, "reassessment-due"},
		{first, 2, true, ""},
		{first, 3, true, "reassessment-due"},
		{first, 1, false, "assessed"}, // what it covers is back
		{first, 2, true, "reassessment-due"},
		{second, 2, false, "assessed"},
		{second, 1, true, "reassessment-due"},
		{first, 1, false, "assessed"},
	} {
		before := kinds(t, s)
		due, err := s.Assess(step.assessment, [32]byte{step.basis})
		if err != nil || due != step.due {
			t.Errorf("step %d: due %v, %v", i, due, err)
		}
		if step.entry != "" {
			before = append(before, step.entry)
		}
		mustSay(t, s, before...)
		s.Close()
		s = storetest.Open(t, dir)
	} // An incident calls for another assessment, however little has changed.
	if err := s.Lockdown(1000); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		assessment store.Assessment
		due        bool
	}{{first, true}, {first, true}, {second, false}, {second, false}} {
		if due, err := s.Assess(step.assessment, [32]byte{1}); err != nil || due != step.due {
			t.Errorf("after a lockdown, by version %s: due %v, %v", step.assessment.Version, due, err)
		}
	}
}

func TestFiling(t *testing.T) {
	dir := t.TempDir()
	now := storetest.Now()
	open := func(at int) *store.Store {
		t.Helper()
		o := storetest.Options(dir)
		o.Clock, o.FilingAt = clocktest.Right(func() time.Time { return now }), at
		s, err := store.Open(o)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := open(3)
	mustEnrol(t, s, 0, 1)
	if at := s.Filing(); !at.IsZero() {
		t.Errorf("reached on %v", at)
	}
	now = now.Add(oneDay)
	mustEnrol(t, s, 2)
	want := now.Truncate(oneDay)
	now = now.Add(oneDay)
	mustEnrol(t, s, 3)
	mustErase(t, s, labelOf(0))
	mustErase(t, s, labelOf(1))
	mustEnrol(t, s, 0, 1)
	for range 2 {
		if at := s.Filing(); !at.Equal(want) {
			t.Errorf("reached on %v, want %v", at, want)
		}
		s.Close()
		s = open(3)
	}
	said := 0
	for _, r := range mustAudit(t, s).Records {
		if r.Entry.Kind == audit.FilingReached {
			if said++; r.Entry.Count != 3 {
				t.Errorf("reached with %d people", r.Entry.Count)
			}
		}
	}
	if said != 1 {
		t.Errorf("said %d times", said)
	}
	s.Close()
	// A gate that comes under this duty with so many people enrolled has reached the number when it is next opened.
	dir = t.TempDir()
	s = open(0)
	mustEnrol(t, s, 0, 1, 2, 3)
	if !s.Filing().IsZero() {
		t.Error("reached, without a duty")
	}
	s.Close()
	s = open(3)
	defer s.Close()
	if at := s.Filing(); !at.Equal(now.Truncate(oneDay)) {
		t.Errorf("reached on %v", at)
	}
}

// TestNumbers counts what is destroyed for good, with a receipt or without.
func TestNumbers(t *testing.T) {
	dir := t.TempDir()
	s := storetest.Open(t, dir)
	mustEnrol(t, s, 0, 1, 2)
	number := func(signed []byte) uint64 {
		t.Helper()
		r, err := receipt.Verify(signed, s.PublicKey())
		if err != nil {
			t.Fatal(err)
		}
		return r.Number
	}
	erase := func(n int) uint64 {
		t.Helper()
		e, err := s.Erase(labelOf(n), 1000)
		if err != nil {
			t.Fatal(err)
		}
		return number(e.Receipt)
	}
	if n := erase(0); n != 1 {
		t.Errorf("the first erasure has number %d", n)
	}
	again := enrolment(1)
	again.Lane++
	_, signed, err := s.Recapture(again)
	if err != nil {
		t.Fatal(err)
	}
	if n := number(signed); n != 2 {
		t.Errorf("the erasure of a former template has number %d", n)
	}
	if err := errors.Join(s.BeginEpoch(1000), s.Close()); err != nil {
		t.Fatal(err)
	}
	s = storetest.Open(t, dir)
	if _, err := s.EndEpoch(1000); err != nil {
		t.Fatal(err)
	}
	if err := s.Lockdown(1000); err != nil {
		t.Fatal(err)
	}
	if n := erase(1); n != 5 {
		t.Errorf("an erasure after the end of an epoch and a lockdown has number %d", n)
	}
	if err := s.Wipe(func(certificate []byte) error {
		if n := number(certificate); n != 6 {
			t.Errorf("the wipe has number %d", n)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}
