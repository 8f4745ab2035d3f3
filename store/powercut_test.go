package store_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"facegate/pipeline/template"
	"facegate/store"
	"facegate/store/audit"
	"facegate/store/durable/durabletest"
	"facegate/store/receipt"
	"facegate/store/storetest"
)

// enrolAndEraseForEver writes "try N" to w before it enrols or, if enrolled, erases person N, and "done N" after. Every
// other person is bound to a pass, and is erased by it. The members give no face, and have cards; see hand.
func enrolAndEraseForEver(dir string, w io.Writer) error {
	s, err := store.Open(storetest.Options(dir))
	if err != nil {
		return err
	}
	people, err := s.People()
	if err != nil {
		return err
	}
	enrolled := make(map[string]bool)
	for _, p := range people {
		enrolled[p.Label] = true
	}
	held, err := readHand(dir)
	if err != nil {
		return err
	}
	for {
		n := rand.IntN(8 + members)
		label := labelOf(n)
		if member := n >= 8; member && enrolled[label] && rand.IntN(8) > 0 {
			if err := held.deal(s, w, n); err != nil {
				return err
			}
			continue
		}
		// What leaves everybody enrolled as they were is not worth a word.
		switch again := rand.IntN(6); {
		case again == 0 && enrolled[label] && n < 8:
			if err := recapture(s, n); err != nil {
				return err
			}
		case again == 1:
			if err := rotate(s, upTo(8)...); err != nil {
				return err
			}
		}
		fmt.Fprintln(w, "try", n)
		switch bound := n%2 == 1; {
		case !enrolled[label] && n >= 8:
			_, err = s.Join(membership(n))
		case n >= 8:
			held.drop(n)
			_, err = s.Erase(store.ByLabel(label), audit.Requested, 1000)
		case !enrolled[label] && bound:
			err = enrolBound(s, n)
		case !enrolled[label]:
			_, err = s.Enrol(current(s, enrolment(n)))
		case bound:
			_, err = s.Erase(store.ByPass(tokenOf(passOf(s, n))), audit.Requested, 1000)
		default:
			_, err = s.Erase(store.ByLabel(label), audit.Requested, 1000)
		}
		if err != nil {
			return err
		}
		enrolled[label] = !enrolled[label]
		fmt.Fprintln(w, "done", n)
	}
}

// recapture captures person n again. Who is bound to a pass is bound to another afterwards, or every second time no more.
func recapture(s *store.Store, n int) error {
	e := current(s, enrolment(n))
	if n%2 == 1 {
		k, err := s.Credentials().PassKeys(tokenOf(2*n + 1000 - passOf(s, n)))
		if err != nil {
			return err
		}
		if e.Pass = k; rand.IntN(2) == 0 {
			e = bound(e, k)
		}
	}
	_, _, err := s.Recapture(e)
	return err
}

// passOf returns the number of the pass that person n holds: n, or n+1000 when that was replaced.
func passOf(s *store.Store, n int) int {
	people, err := s.People()
	if err != nil {
		panic(err)
	}
	k, err := s.Credentials().PassKeys(tokenOf(n + 1000))
	if err != nil {
		panic(err)
	}
	if slices.ContainsFunc(people, func(p store.Person) bool { return p.Holds(k.ID) }) {
		return n + 1000
	}
	return n
}

// TestKill kills a process that enrols and erases, and gives and uses cards, again and again, at points of no one's choosing. What it said was
// done must be done; what it said it would try may be. Every second time one file is damaged as well.
func TestKill(t *testing.T) {
	rounds := 40
	if slow() {
		rounds = 1000
	}
	var dir string
	var enrolled map[int]bool
	var dealt *cards
	var receipts, mended int // of the store in dir
	all := new(cards)        // their sums
	steps, damages := 0, 0
	for round := range rounds {
		if round%100 == 0 { // anew, because the log grows longer and longer
			dir, enrolled, dealt, receipts, mended = t.TempDir(), make(map[int]bool), newCards(), 0, 0
		}
		trying, n := killed(t, dir, enrolled, dealt)
		steps += n
		if round%2 == 1 {
			damageOne(t, dir)
		}
		s, err := store.Open(storetest.Options(dir))
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		c := mustRead(t, s)
		mended += len(s.Log().Mended())
		damages += len(s.Log().Mended())
		receipts += mustFetch(t, s)
		erased, noted := 0, 0
		for _, kind := range kinds(t, s) {
			switch kind {
			case "erased":
				erased++
			case "mended":
				noted++
			}
		}
		if erased != receipts || noted != mended {
			t.Errorf("round %d: %d erasures and %d receipts, %d mended and %d noted", round, erased, receipts, mended, noted)
		}
		codes := storedCodes(t, s, c)
		dealt.check(t, s, dir, round)
		if round%100 == 99 || round == rounds-1 {
			all.add(dealt)
		}
		s.Close()
		storetest.MustCheck(t, dir)
		got := make(map[string]bool)
		for _, p := range c.People {
			got[p.Label] = true
		}
		for n := range 8 + members {
			if n != trying && got[labelOf(n)] != enrolled[n] {
				t.Errorf("round %d: person %d: enrolled %v, want %v", round, n, got[labelOf(n)], enrolled[n])
			}
			enrolled[n] = got[labelOf(n)]
		}
		for _, p := range c.People {
			for n := range 8 {
				if p.Label == labelOf(n) && codes[n] != codeOf(n) {
					t.Errorf("round %d: %s has no code, or somebody else's", round, p.Label)
				}
			}
		}
	}
	t.Logf("%d rounds, %d acknowledged steps, %d files mended; %d cards given and %d used, %d in doubt; %d lost, %d resurrected",
		rounds, steps, damages, all.given, all.used, all.settled, all.lost, all.undead)
	if steps == 0 || damages == 0 || all.used == 0 {
		t.Error("the child never did anything, or no damage was noticed")
	}
}

// mustFetch fetches the receipts, which must verify, and returns how many there were.
func mustFetch(t *testing.T, s *store.Store) int {
	t.Helper()
	receipts, err := s.Receipts().All()
	if err != nil {
		t.Fatal(err)
	}
	for _, data := range receipts {
		r, err := receipt.Verify(data, s.Device().PublicKey)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Receipts().Fetched([16]byte(r.ID)); err != nil {
			t.Fatal(err)
		}
	}
	return len(receipts)
}

// damageOne cuts one file of a store, flips some of its bits or removes it.
func damageOne(t *testing.T, dir string) {
	t.Helper()
	path := filepath.Join(dir, storeFiles[rand.IntN(len(storeFiles))])
	data, err := os.ReadFile(path)
	if err != nil || len(data) == 0 { // the process was killed before it had made it
		return
	}
	switch rand.IntN(3) {
	case 0:
		err = os.Truncate(path, rand.Int64N(int64(len(data))))
	case 1:
		for range 20 {
			data[rand.IntN(len(data))] ^= 1 << rand.IntN(8)
		}
		err = os.WriteFile(path, data, 0o600)
	case 2:
		err = os.Remove(path)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// storedCodes returns the Codes of c's people from 0 to 7, as enrolAndEraseForEver has enrolled them.
func storedCodes(t *testing.T, s *store.Store, c contents) map[int]template.Code {
	t.Helper()
	codes := make(map[int]template.Code)
	for _, p := range c.People {
		for n := range 8 {
			switch {
			case p.Label != labelOf(n):
			case n%2 == 0:
				codes[n] = c.Records[p.ID].Code
			default:
				var err error
				if _, codes[n], err = s.Templates().Claim(keysOf(t, s, passOf(s, n)), model); err != nil {
					t.Error(err)
				}
			}
		}
	}
	return codes
}

// killed runs one child in dir until some point, keeps enrolled up to date with what it says, and returns the person it
// was busy with when it died, or -1, and how many steps it acknowledged.
func killed(t *testing.T, dir string, enrolled map[int]bool, dealt *cards) (trying, steps int) {
	t.Helper()
	trying = -1
	killChild(t, childDir+"="+dir, rand.IntN(40), 8000, func(word string, n int) {
		switch word {
		case "try":
			trying = n
			dealt.leaves(n, false)
		case "done":
			trying = -1
			enrolled[n] = !enrolled[n]
			dealt.leaves(n, true)
			steps++
		default:
			dealt.heard(word, n)
		}
	})
	return trying, steps
}

// killChild runs this test binary with env besides, hands heard each line that it says, a word and a person, and kills it up
// to pause microseconds after the line number last.
func killChild(t *testing.T, env string, last, pause int, heard func(word string, n int)) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), env)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for i := 0; lines.Scan(); i++ {
		var word string
		var n int
		if _, err := fmt.Sscan(lines.Text(), &word, &n); err != nil {
			t.Fatal(err)
		}
		heard(word, n)
		if i == last {
			time.Sleep(time.Duration(rand.IntN(pause)) * time.Microsecond)
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil || err.Error() != "signal: killed" {
		t.Fatalf("the child ended by itself: %v", err)
	}
}

// TestTornCommit cuts the writes of a commit at many offsets, in each database in turn. bbolt writes its pages in order,
// and then the meta page that makes them count, which a disk writes whole.
func TestTornCommit(t *testing.T) {
	dir := t.TempDir()
	s := storetest.Open(t, dir)
	mustEnrol(t, s, upTo(20)...)
	s.Close()
	before := files(t, dir)
	s = storetest.Open(t, dir)
	mustEnrol(t, s, 20)
	s.Close()
	after := files(t, dir)

	const metaPages = 2 * 4096
	step := 509
	if slow() {
		step = 1
	}
	// In the order in which they are written, with how many people there are if the cut is in this one.
	done := maps.Clone(before)
	for _, tt := range []struct {
		name   string
		people int
	}{
		{"faces.db", 20},
		{"faces.copy.db", 20},
		{"people.db", 20},
		{"people.copy.db", 21},
		{"journal.db", 21},
		{"journal.copy.db", 21},
	} {
		old, fresh := before[tt.name], after[tt.name]
		torn := make([]byte, max(len(old), len(fresh)))
		copy(torn, old)
		cuts := 0
		for at := metaPages; at < len(fresh); at += step {
			end := min(at+step, len(fresh))
			if bytes.Equal(torn[at:end], fresh[at:end]) {
				continue
			}
			copy(torn[at:], fresh[at:end])
			cuts++
			mixed := maps.Clone(done)
			mixed[tt.name] = bytes.Clone(torn)
			left := storetest.Open(t, lay(t, mixed))
			mustHave(t, left, tt.people, tt.people)
			kinds(t, left)
			left.Close()
		}
		t.Logf("%s: %d cuts", tt.name, cuts)
		if cuts == 0 {
			t.Errorf("%s was not written to", tt.name)
		}
		done[tt.name] = fresh
	}
}

// TestPowerCutAtEverySync opens a store from its files as they lay before each sync of every change. From the sync on that decides
// a change it is carried out, and before that it has not happened.
func TestPowerCutAtEverySync(t *testing.T) {
	before := twenty(t)
	for _, tt := range changes {
		t.Run(tt.name, func(t *testing.T) {
			dir := lay(t, before)
			var cuts []map[string][]byte
			o := storetest.Options(dir)
			disk := new(durabletest.Watched)
			o.Disk = disk
			s, err := store.Open(o)
			if err != nil {
				t.Fatal(err)
			}
			seen := mustAudit(t, s).Tree
			disk.Before = func(string) error { cuts = append(cuts, files(t, dir)); return nil }
			err = tt.do(s)
			disk.Before = nil
			if err := errors.Join(err, s.Close()); err != nil {
				t.Fatal(err)
			}
			decided := false
			for n, cut := range append(cuts, files(t, dir)) {
				left := storetest.Open(t, lay(t, cut))
				got := mustRead(t, left)
				done := len(got.People) == tt.people && len(got.Records) == tt.records
				if undone := len(got.People) == 20 && len(got.Records) == 20; !done && (!undone || decided) {
					t.Errorf("cut off before sync %d of %d: %d people, %d records", n, len(cuts), len(got.People), len(got.Records))
				}
				decided = decided || done && (tt.people != 20 || tt.records != 20)
				if m := left.Log().Mended(); len(m) > 0 {
					t.Errorf("cut off before sync %d: mended %v", n, m)
				}
				kinds(t, left)
				must(t, mustAudit(t, left).Holds(seen))
				left.Close()
			}
			if len(cuts) < 4 {
				t.Errorf("%d syncs", len(cuts))
			}
		})
	}
}
