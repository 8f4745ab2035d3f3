package store_test

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"

	"facegate/store"
	"facegate/store/receipt"
	"facegate/store/storetest"
)

// childDir names the environment variable that makes the test binary the program that TestKill kills.
const childDir = "FACEGATE_STORE_CHILD_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if err := enrolAndEraseForEver(dir, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(1)
	}
	// No test pulls the plug, so that memory does for a disk, and is faster. Benchmarks are to have the disk.
	flag.Parse()
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() && flag.Lookup("test.bench").Value.String() == "" {
		os.Setenv("TMPDIR", "/dev/shm")
	}
	os.Exit(m.Run())
}

// enrolAndEraseForEver writes "try N" to w before it enrols or, if enrolled, erases person N, and "done N" after.
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
	for {
		n := rand.IntN(8)
		label := labelOf(n)
		// What leaves everybody enrolled as they were is not worth a word.
		switch again := rand.IntN(6); {
		case again == 0 && enrolled[label]:
			if _, _, err := s.Recapture(enrolment(n)); err != nil {
				return err
			}
		case again == 1:
			if err := rotate(s, upTo(8)...); err != nil {
				return err
			}
		}
		fmt.Fprintln(w, "try", n)
		if enrolled[label] {
			_, err = s.Erase(label, 1000)
		} else {
			_, err = s.Enrol(enrolment(n))
		}
		if err != nil {
			return err
		}
		enrolled[label] = !enrolled[label]
		fmt.Fprintln(w, "done", n)
	}
}

// TestKill kills a process that enrols and erases, again and again, at points of no one's choosing. What it said was
// done must be done; what it said it would try may be.
func TestKill(t *testing.T) {
	rounds := 12
	if slow() {
		rounds = 1000
	}
	dir := t.TempDir()
	enrolled := make(map[int]bool)
	steps, receipts := 0, 0
	for round := range rounds {
		trying, n := killed(t, dir, enrolled)
		steps += n
		s, err := store.Open(storetest.Options(dir))
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		c := mustRead(t, s)
		erased := 0
		for _, kind := range kinds(t, s) {
			if kind == "erased" {
				erased++
			}
		}
		signed, err := s.Receipts()
		if err != nil {
			t.Fatal(err)
		}
		for _, data := range signed {
			r, err := receipt.Verify(data, s.PublicKey())
			if err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
			if err := s.FetchedReceipt([16]byte(r.ID)); err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
			receipts++
		}
		if erased != receipts {
			t.Errorf("round %d: %d erasures and %d receipts", round, erased, receipts)
		}
		s.Close()
		storetest.MustCheck(t, dir)
		got := make(map[string]bool)
		for _, p := range c.People {
			got[p.Label] = true
			if _, ok := c.Records[p.ID]; !ok {
				t.Errorf("round %d: %s has no record", round, p.Label)
			}
		}
		for n := range 8 {
			if n != trying && got[labelOf(n)] != enrolled[n] {
				t.Errorf("round %d: person %d: enrolled %v, want %v", round, n, got[labelOf(n)], enrolled[n])
			}
			enrolled[n] = got[labelOf(n)]
		}
		for _, p := range c.People {
			for n := range 8 {
				if p.Label == labelOf(n) && c.Records[p.ID].Code != codeOf(n) {
					t.Errorf("round %d: %s has somebody else's code", round, p.Label)
				}
			}
		}
	}
	t.Logf("%d rounds, %d acknowledged steps", rounds, steps)
	if steps == 0 {
		t.Error("the child never did anything")
	}
}

// killed runs one child in dir until some point, keeps enrolled up to date with what it says, and returns the person it
// was busy with when it died, or -1, and how many steps it acknowledged.
func killed(t *testing.T, dir string, enrolled map[int]bool) (trying, steps int) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	trying = -1
	kill := rand.IntN(40)
	lines := bufio.NewScanner(out)
	for i := 0; lines.Scan(); i++ {
		var word string
		var n int
		if _, err := fmt.Sscan(lines.Text(), &word, &n); err != nil {
			t.Fatal(err)
		}
		switch word {
		case "try":
			trying = n
		case "done":
			trying = -1
			enrolled[n] = !enrolled[n]
			steps++
		}
		if i == kill {
			time.Sleep(time.Duration(rand.IntN(8000)) * time.Microsecond)
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil || err.Error() != "signal: killed" {
		t.Fatalf("the child ended by itself: %v", err)
	}
	return trying, steps
}
