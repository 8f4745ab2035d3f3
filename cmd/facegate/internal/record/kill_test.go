package record_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"facegate/cmd/facegate/internal/entry"
	"facegate/cmd/facegate/internal/record"
	"facegate/pipeline/admit"
	"facegate/pipeline/attempt"
	"facegate/pipeline/publish/childtest"
	"facegate/pipeline/template"
	"facegate/store"
	"facegate/store/durable/durabletest"
	"facegate/store/storetest"
)

// childFolder names the folder of the store that a child of TestKilled works on.
const childFolder = "FACEGATE_TEST_KILLED"

// patient are limits that nobody comes to in a test.
var patient = admit.Limits{DelayAfter: 1 << 30, DisableAfter: 1 << 31}

// keypads is how many people type at once at the gate that is killed.
const keypads = 4

// A tried gate weighs PINs, and keeps what was tried in a store.
type triedGate struct {
	entry  *entry.Entry
	record *record.Record
	relay  *relay
}

// newTried makes the gate of a store, which reports whether the power has gone before.
func newTried(t *testing.T, s *store.Store, behind bool) *triedGate {
	t.Helper()
	a, err := admit.New(admit.Rules{
		Table: admit.Alone(attempt.PIN), Limits: map[attempt.Means]admit.Limits{attempt.PIN: patient},
	}, record.Counts(s.Lockouts().All(), time.Now(), 0), behind)
	if err != nil {
		t.Fatal(err)
	}
	g := &triedGate{
		record: record.New(record.Parts{
			Book: record.Ledger{Store: s, Now: time.Now}, Log: slog.New(slog.DiscardHandler), Tell: func(attempt.Fact) error { return nil },
		}),
		relay: new(relay),
	}
	g.entry = entry.New(entry.Parts{Door: g.relay, Admit: a, Record: g.record, MaxAge: time.Second, Now: time.Now})
	return g
}

// try has a PIN tried for a person. compares is called once it may be compared.
func (g *triedGate) try(p template.PersonID, f attempt.Finding, compares func()) attempt.Outcome {
	return g.entry.Try(attempt.Attempt{Means: attempt.PIN, Asked: time.Now(), Person: p}, func(counted func() error) (attempt.Finding, bool) {
		if counted() != nil {
			return attempt.NearMiss, false
		}
		compares()
		return f, false
	})
}

// TestKilledChild is the child of TestKilled: people type wrong PINs at it until it is killed, and it says which are compared. It does
// nothing otherwise.
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
	g := newTried(t, s, behind)
	go g.entry.Run(t.Context())
	go g.record.Run(t.Context())
	for range keypads {
		go func() {
			for {
				fmt.Println("tried")
				g.entry.Try(attempt.Attempt{Means: attempt.PIN, Asked: time.Now(), Person: p.ID}, func(counted func() error) (attempt.Finding, bool) {
					_, err := s.Credentials().CheckPIN(p.ID, []byte("271829"), func() error {
						err := counted()
						if err == nil {
							fmt.Println("compared")
						}
						return err
					})
					if !errors.Is(err, store.ErrPIN) {
						t.Error(err)
					}
					return attempt.NearMiss, false
				})
			}
		}()
	}
	<-t.Context().Done()
}

// TestKilled kills a gate while wrong PINs are typed. Every one that was ever compared is counted on disk, and no more are than were
// tried, however often the gate goes on.
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
	if _, err := s.Credentials().SetPIN("Anna", []byte("271828"), store.Terms{}, 1000); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	var tried, compared, last uint32
	for round := range rounds {
		newlyTried, newlyCompared := killed(t, dir)
		if newlyCompared == 0 {
			t.Fatalf("round %d: nothing was compared", round)
		}
		tried, compared = tried+newlyTried, compared+newlyCompared
		s, err := store.Open(storetest.Options(dir))
		if err != nil {
			t.Fatal(err)
		}
		behind, err := s.Lockouts().Attend()
		all := s.Lockouts().All()
		if err != nil || !behind || len(all) != 1 || all[0].Person != p.ID || all[0].Means != store.MeansPIN {
			t.Fatalf("round %d: behind %v, %v, %+v", round, behind, err, all)
		}
		if last = all[0].Count; last < compared || last > tried {
			t.Errorf("round %d: %d tries are counted; %d were compared and %d made", round, last, compared, tried)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("killed %d times: of %d PINs that were typed %d were compared, and %d count", rounds, tried, compared, last)
}

// killed runs a child, and kills it some time after it has compared a PIN. It returns how many it has begun to try, and compared.
func killed(t *testing.T, dir string) (tried, compared uint32) {
	t.Helper()
	child := exec.Command(os.Args[0], "-test.run=^TestKilledChild$")
	child.Env = append(os.Environ(), childFolder+"="+dir)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := childtest.Start(child); err != nil {
		t.Fatal(err)
	}
	var killing *time.Timer
	for lines := bufio.NewScanner(out); lines.Scan(); {
		switch lines.Text() {
		case "tried":
			tried++
		case "compared":
			compared++
			if killing == nil {
				killing = time.AfterFunc(time.Duration(rand.IntN(300))*time.Millisecond, func() { child.Process.Kill() })
			}
		default:
			rest, _ := io.ReadAll(out)
			t.Errorf("the child says %s\n%s", lines.Text(), rest)
		}
	}
	if err := child.Wait(); err == nil {
		t.Error("the child has ended by itself")
	}
	return tried, compared
}

// TestPowerCut has a gate try PINs, wrong and right, and cuts the power before each sync of its disk in turn. Every one that was
// compared before the cut, and was not right, is counted on what is left.
func TestPowerCut(t *testing.T) {
	cuts := 0
	for cutWhileTrying(t, cuts+1) {
		cuts++
	}
	if cuts < 6 { // three are written, each twice
		t.Errorf("the power was cut %d times", cuts)
	}
}

// cutWhileTrying cuts the power before a sync, from 1, and reports whether there are so many.
func cutWhileTrying(t *testing.T, sync int) (cut bool) {
	image := t.TempDir()
	var compared, comparedThen atomic.Int32
	tries(t, func(o *store.Options, disk *durabletest.Watched) {
		syncs := 0
		disk.Before = func(string) error {
			if syncs++; syncs == sync {
				cut = true
				comparedThen.Store(compared.Load())
				if err := os.CopyFS(image, os.DirFS(o.Dir)); err != nil {
					t.Error(err)
				}
			}
			return nil
		}
	}, func(g *triedGate, p template.PersonID) {
		for range 3 {
			g.try(p, attempt.NearMiss, func() { compared.Add(1) })
			time.Sleep(time.Second)
		}
	})
	if !cut {
		return false
	}
	s, err := store.Open(storetest.Options(image))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	count := uint32(0)
	for _, f := range s.Lockouts().All() {
		count += f.Count
	}
	if least := uint32(comparedThen.Load()); count < least {
		t.Errorf("cut before sync %d: %d were compared, and %d are counted", sync, least, count)
	}
	return true
}

// TestNothingIsTriedOnADiskThatFails has each sync fail from one on, in turn: from then on nothing is compared, also what is right, and
// once the disk is well again what was not compared is no failure.
func TestNothingIsTriedOnADiskThatFails(t *testing.T) {
	for from := 1; from <= 9; from += 2 {
		var failing atomic.Bool
		tries(t, func(_ *store.Options, disk *durabletest.Watched) {
			syncs := 0
			disk.Before = func(string) error {
				if syncs++; syncs == from {
					failing.Store(true)
				}
				if failing.Load() {
					return errors.New("input/output error")
				}
				return nil
			}
		}, func(g *triedGate, p template.PersonID) {
			wrong := 0
			for range 9 {
				if g.try(p, attempt.NearMiss, func() { wrong++ }); failing.Load() {
					break
				}
			}
			for range 5 {
				o := g.try(p, attempt.Matched, func() { t.Errorf("from sync %d on: a PIN is compared that is not on disk", from) })
				if o.Reason != attempt.Record || !o.Opened.IsZero() {
					t.Errorf("from sync %d on: %+v", from, o)
				}
			}
			failing.Store(false)
			if o := g.try(p, attempt.Matched, func() {}); o.Opened.IsZero() {
				t.Errorf("once the disk is well again: %+v", o)
			}
		})
	}
}

// tries runs a gate for somebody with a PIN on a disk that is watched, in a bubble of time, from when it serves on.
func tries(t *testing.T, watch func(*store.Options, *durabletest.Watched), do func(*triedGate, template.PersonID)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(storetest.Now()))
		o, disk := storetest.Options(t.TempDir()), new(durabletest.Watched)
		o.Disk = disk
		s, err := store.Open(o)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		p, err := s.Join(store.Membership{Label: "Anna", Reference: "contract 7", Expires: storetest.Now().AddDate(1, 0, 0)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Lockouts().Attend(); err != nil {
			t.Fatal(err)
		}
		g := newTried(t, s, false)
		ctx, cancel := context.WithCancel(t.Context())
		var tasks sync.WaitGroup
		tasks.Go(func() { g.entry.Run(ctx) })
		tasks.Go(func() { g.record.Run(ctx) })
		watch(&o, disk)
		do(g, p.ID)
		synctest.Wait()
		disk.Before = nil
		cancel()
		tasks.Wait()
	})
}
