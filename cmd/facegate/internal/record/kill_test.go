package record_test

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/record"
	"facegate/pipeline/admit"
	"facegate/pipeline/attempt"
	"facegate/store"
	"facegate/store/storetest"
)

// childFolder names the folder of the store that a child of TestKilled works on.
const childFolder = "FACEGATE_TEST_KILLED"

// patient are limits that nobody comes to in a test.
var patient = admit.Limits{DelayAfter: 1 << 30, DisableAfter: 1 << 31}

// gate is what weighs PINs, and has its failures counted first.
func gate(t *testing.T, s *store.Store, behind bool) (*admit.Admitter, *record.Record) {
	t.Helper()
	a, err := admit.New(admit.Rules{
		Table: admit.Alone(attempt.PIN), Limits: map[attempt.Means]admit.Limits{attempt.PIN: patient},
	}, record.Counts(s.Lockouts().All(), time.Now(), 0), behind)
	if err != nil {
		t.Fatal(err)
	}
	return a, record.New(record.Parts{Book: record.Ledger{Store: s, Now: time.Now}, Log: slog.New(slog.DiscardHandler)})
}

// TestKilledChild is the child of TestKilled: it types wrong PINs until it is killed, and says which are answered. It does nothing
// otherwise.
func TestKilledChild(t *testing.T) {
	dir := os.Getenv(childFolder)
	if dir == "" {
		return
	}
	s, err := store.Open(storetest.Options(dir))
	if err != nil {
		t.Fatal(err)
	}
	behind, err := s.Lockouts().Attend()
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.Person("Anna")
	if err != nil {
		t.Fatal(err)
	}
	a, r := gate(t, s, behind)
	go r.Run(t.Context())
	for {
		try := attempt.Attempt{Means: attempt.PIN, Asked: time.Now(), Person: p.ID, Finding: attempt.NearMiss, Counted: true}
		v := a.Weigh(try, true)
		done := make(chan error)
		fmt.Println("trying", v.Counts[0].Failures)
		r.Confirm(attempt.Fact{Attempt: try, Counts: v.Counts}, func(err error) { done <- err })
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		fmt.Println("told", v.Counts[0].Failures)
	}
}

// TestKilled kills a gate while wrong PINs are typed. No failure of which anybody was told is ever lost, nor is more counted than was
// typed, however often it goes on.
func TestKilled(t *testing.T) {
	rounds := 3
	if os.Getenv("FACEGATE_SLOW") != "" {
		rounds = 300
	}
	dir := t.TempDir()
	s, err := store.Open(storetest.Options(dir))
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.Join(store.Membership{Label: "Anna", Reference: "contract 7", Expires: storetest.Now().AddDate(1, 0, 0)})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	last := uint32(0)
	for round := range rounds {
		tried, told := killed(t, dir)
		if told <= last {
			t.Fatalf("round %d: nothing was tried after failure %d", round, last)
		}
		s, err := store.Open(storetest.Options(dir))
		if err != nil {
			t.Fatal(err)
		}
		behind, err := s.Lockouts().Attend()
		all := s.Lockouts().All()
		if err != nil || !behind || len(all) != 1 || all[0].Person != p.ID || all[0].Means != store.MeansPIN {
			t.Fatalf("round %d: behind %v, %v, %+v", round, behind, err, all)
		}
		if last = all[0].Count; last < told || last > tried {
			t.Errorf("round %d: %d failures are counted; %d were told and %d made", round, last, told, tried)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// killed runs a child, and kills it some time after it has told of a failure. It returns the last that it has tried and told.
func killed(t *testing.T, dir string) (tried, told uint32) {
	t.Helper()
	child := exec.Command(os.Args[0], "-test.run=^TestKilledChild$")
	child.Env = append(os.Environ(), childFolder+"="+dir)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var killing *time.Timer
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var word string
		var n uint32
		switch fmt.Sscan(lines.Text(), &word, &n); word {
		case "trying":
			tried = n
		case "told":
			told = n
			if killing == nil {
				killing = time.AfterFunc(time.Duration(rand.IntN(100))*time.Millisecond, func() { child.Process.Kill() })
			}
		default:
			rest, _ := io.ReadAll(out)
			t.Errorf("the child says %s\n%s", lines.Text(), rest)
		}
	}
	if err := child.Wait(); err == nil {
		t.Error("the child has ended by itself")
	}
	return tried, told
}
