package cosigning_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"

	"facegate/cmd/facegate/internal/cosigning"
	"facegate/cmd/facegate/internal/status"
	"facegate/store"
	"facegate/store/audit"
	"facegate/store/checkpoint"
	"facegate/store/clock/clocktest"
)

// A key is that of a device.
type key byte

func (k key) DeviceKey() (secret [32]byte, err error) { secret[0] = byte(k); return secret, nil }
func (key) Class() string                             { return "test" }

// witness returns somebody who cosigns.
func witness(t testing.TB, name string) *torchwood.CosignatureSigner {
	t.Helper()
	s, err := torchwood.NewCosignatureSigner(name, ed25519.NewKeyFromSeed(bytes.Repeat([]byte(name[:1]), 32)))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A gate is a store, and what has witnesses cosign its log, on the clock of a bubble.
type gate struct {
	t         *testing.T
	store     *store.Store
	cosigning *cosigning.Cosigning
	witnesses []note.Verifier
	every     time.Duration
	began     time.Time
	told      []telling
	log       strings.Builder
	halt      func()
}

// A telling is what was told at one time.
type telling struct {
	After    time.Duration // since the gate was started first
	Size     string        // of the log
	Messages int
	requests map[string][]byte
}

// Attest implements cosigning.Teller.
func (g *gate) Attest(signed []byte, requests map[string][]byte) {
	size := strings.Split(string(signed), "\n")[1]
	g.told = append(g.told, telling{time.Since(g.began), size, 1 + len(requests), requests})
}

// newGate starts a gate whose records are in dir.
func newGate(t *testing.T, dir string, every time.Duration, witnesses ...*torchwood.CosignatureSigner) *gate {
	t.Helper()
	g := &gate{t: t, began: time.Now(), every: every}
	for _, w := range witnesses {
		g.witnesses = append(g.witnesses, w.Verifier())
	}
	var err error
	g.store, err = store.Open(store.Options{
		Dir: filepath.Join(dir, "state"), KeyDir: filepath.Join(dir, "keys"), Keys: key(1),
		Clock: clocktest.Right(time.Now), Rand: rand.Reader, Log: slog.New(slog.DiscardHandler),
		Retention: store.RetentionPolicy{Idle: 1000 * time.Hour, Access: 1000 * time.Hour, Records: 1000 * time.Hour},
	})
	if err != nil {
		t.Fatal(err)
	}
	g.run(nil)
	return g
}

// run has a process of the gate ask witnesses, which another one has left what it knows.
func (g *gate) run(left *cosigning.Left) {
	g.cosigning = cosigning.New(cosigning.Parts{
		Log: g.store.Log(), Witnesses: g.witnesses, Every: g.every, Patience: 24 * time.Hour, Tell: g, Left: left,
		Now: time.Now, Up: func() time.Duration { return time.Since(time.Unix(0, 0)) }, Logger: slog.New(slog.NewTextHandler(&g.log, nil)),
	})
	ctx, cancel := context.WithCancel(g.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- g.cosigning.Run(ctx) }()
	g.halt = func() {
		cancel()
		if err := <-ended; err != nil {
			g.t.Errorf("Run = %v", err)
		}
	}
}

// handOver has another process go on, which takes so long to start.
func (g *gate) handOver(gap time.Duration) {
	g.halt()
	left := g.cosigning.Left()
	time.Sleep(gap)
	g.run(left)
}

func (g *gate) close() {
	g.halt()
	if err := g.store.Close(); err != nil {
		g.t.Error(err)
	}
}

// join puts somebody on the list.
func (g *gate) join(label string) {
	g.t.Helper()
	m := store.Membership{Label: label, Reference: "contract " + label, Expires: time.Now().Add(1000 * time.Hour)}
	if _, err := g.store.Join(m); err != nil {
		g.t.Fatal(err)
	}
}

// days is for how long a gate is watched.
const days = 3

// watched returns what a gate tells for days on which something happens, every time that rest has passed.
func watched(t *testing.T, happens func(g *gate, n int), rest func() time.Duration) (told []telling) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		g := newGate(t, dir, time.Hour, witness(t, "ada"), witness(t, "bob"))
		defer g.close()
		for n := 0; time.Since(g.began) < days*24*time.Hour; n++ {
			time.Sleep(rest())
			happens(g, n)
		}
		synctest.Wait()
		told = g.told
	})
	return told
}

// TestNothingIsInTheTime has gates at which nothing happens, people pass and fail, and people are erased, after which a fresh process goes on.
// Each tells as many messages as the others, at the same times.
func TestNothingIsInTheTime(t *testing.T) {
	const gap = 2 * time.Second // for a fresh process to start
	quiet := watched(t, func(*gate, int) {}, func() time.Duration { return time.Hour })
	for n, now := range quiet {
		if now.After != time.Duration(n)*time.Hour || now.Messages != 3 {
			t.Fatalf("the telling %d of a gate at which nothing happens is %+v", n, now)
		}
	}
	r := mathrand.New(mathrand.NewPCG(7, 7))
	rest := func() time.Duration { return time.Duration(r.Int64N(int64(2 * time.Hour))) }
	for name, happens := range map[string]func(g *gate, n int){
		"passes": func(g *gate, _ int) { g.passes(t) },
		"erasures": func(g *gate, n int) {
			label := fmt.Sprint("person ", n)
			g.join(label)
			if _, err := g.store.Erase(store.ByLabel(label), audit.Requested, 1000); err != nil {
				t.Error(err)
			}
			g.handOver(time.Duration(r.Int64N(int64(gap))))
		},
	} {
		told := watched(t, happens, rest)
		if len(told) < len(quiet) {
			t.Fatalf("%s: %d tellings, want %d", name, len(told), len(quiet))
		}
		for n, want := range quiet {
			if late := told[n].After - want.After; late < 0 || late > gap || told[n].Messages != want.Messages {
				t.Errorf("%s: telling %d is %+v, want %+v", name, n, told[n], want)
			}
		}
	}
}

// passes has people come to the door, get in or not, and whatever else happens there.
func (g *gate) passes(t *testing.T) {
	t.Helper()
	now, log := time.Now(), g.store.Log()
	failed := store.Failures{Count: 7}
	for _, err := range []error{
		log.Access(now), log.Opened(now, 1000), log.Held(now, 1000, time.Hour), log.Released(now, 1000), log.Alarm(now, audit.DoorForced),
		log.Aimed(now, 1000), log.Watched(now, 1000), g.store.Lockouts().Keep(true, failed),
	} {
		if err != nil {
			t.Error(err)
		}
	}
}

// TestSizeCountsNoPasses has the size that witnesses are told stay while people pass, and grow when somebody is put on the list.
func TestSizeCountsNoPasses(t *testing.T) {
	told := watched(t, func(g *gate, n int) {
		if g.passes(t); n == 30 {
			g.join("person")
		}
	}, func() time.Duration { return time.Hour + time.Minute })
	var sizes []string
	for _, now := range told {
		sizes = append(sizes, now.Size)
	}
	if sizes = slices.Compact(sizes); len(sizes) != 2 {
		t.Errorf("the sizes are %q", sizes)
	}
}

// cosign returns what a witness makes of what the first was asked last.
func (g *gate) cosign(w *torchwood.CosignatureSigner) []byte {
	g.t.Helper()
	_, signed, _ := strings.Cut(string(g.told[len(g.told)-1].requests[checkpoint.KeyID(g.witnesses[0])]), "\n\n")
	device, err := checkpoint.Verifier(g.store.Device().PublicKey)
	if err != nil {
		g.t.Fatal(err)
	}
	n, err := note.Open([]byte(signed), note.VerifierList(device))
	if err != nil {
		g.t.Fatal(err)
	}
	cosigned, err := note.Sign(n, w)
	if err != nil {
		g.t.Fatal(err)
	}
	return cosigned
}

// hear has the gate hear something, and says how it is with a witness then.
func (g *gate) hear(w *torchwood.CosignatureSigner, signed []byte) status.Witness {
	g.cosigning.Hear(checkpoint.KeyID(w.Verifier()), signed)
	synctest.Wait()
	time.Sleep(time.Second)
	for _, s := range g.cosigning.Status() {
		if s.Name == w.Name() {
			return s
		}
	}
	g.t.Fatalf("there is no witness %s", w.Name())
	return status.Witness{}
}

// TestTakes has a gate hear its witnesses, and whoever may write to the broker.
func TestTakes(t *testing.T) {
	dir, former := t.TempDir(), t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		ada, bob, eve := witness(t, "ada"), witness(t, "bob"), witness(t, "eve")
		g := newGate(t, dir, time.Hour, ada, bob)
		synctest.Wait()
		first := g.cosign(ada)
		if s := g.hear(ada, first); s.Size != 1 || !s.At.Equal(g.began) || s.Err != "" || s.Silent || s.Ahead {
			t.Errorf("after it has cosigned: %+v", s)
		}
		if s := g.hear(bob, first); s.Size != 0 || s.Err == "" || s.Hint == "" || s.Ahead {
			t.Errorf("for another witness: %+v", s)
		}
		if s := g.hear(ada, bytes.Replace(first, []byte("\n1\n"), []byte("\n9\n"), 1)); s.Size != 1 || s.Err == "" || s.Ahead {
			t.Errorf("a forged note: %+v", s)
		}
		if s := g.hear(ada, g.cosign(eve)); s.Err == "" || s.Ahead {
			t.Errorf("of somebody who is no witness: %+v", s)
		}
		if s := g.hear(ada, first); s.Err != "" {
			t.Errorf("the true one again: %+v", s)
		}
		if n := strings.Count(g.log.String(), "level=WARN"); n != 2 {
			t.Errorf("the log was told of refusals %d times, which is not once for each witness in a minute:\n%s", n, &g.log)
		}
		g.halt()
		if err := os.CopyFS(former, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		g.run(g.cosigning.Left())
		g.join("person")
		time.Sleep(time.Hour)
		synctest.Wait()
		second := g.cosign(ada)
		if s := g.hear(ada, second); s.Size != 2 || s.Ahead {
			t.Errorf("after the second: %+v", s)
		}
		g.close()

		g = newGate(t, former, time.Hour, ada, bob)
		defer g.close()
		synctest.Wait()
		if s := g.hear(ada, first); s.Ahead || s.Err != "" {
			t.Errorf("an older gate that hears what is as old: %+v", s)
		}
		s := g.hear(ada, second)
		if !s.Ahead || !strings.Contains(s.Hint, "facegate backup restore") || !strings.Contains(g.log.String(), "level=ERROR") {
			t.Errorf("an older gate: %+v\n%s", s, &g.log)
		}
		if g.hear(ada, nil); g.cosigning.Status()[0].Ahead {
			t.Error("a witness that has forgotten the gate is ahead of it")
		}
	})
}

// TestSilent says of a witness that it is silent, once it is for too long.
func TestSilent(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		ada := witness(t, "ada")
		g := newGate(t, dir, time.Hour, ada)
		silent := func(want bool, when string) {
			t.Helper()
			if s := g.cosigning.Status()[0]; s.Silent != want {
				t.Errorf("%s: %+v", when, s)
			}
		}
		synctest.Wait()
		silent(false, "at the start")
		time.Sleep(time.Hour + time.Minute)
		silent(true, "after an hour in which it was asked twice")
		g.hear(ada, g.cosign(ada))
		silent(false, "when it has cosigned")
		time.Sleep(23 * time.Hour)
		g.handOver(0)
		silent(false, "within a day")
		time.Sleep(2 * time.Hour)
		silent(true, "after a day")
		g.close()

		g = newGate(t, dir, time.Hour, ada)
		defer g.close()
		silent(false, "when the gate has just started")
		time.Sleep(11 * time.Minute)
		silent(true, "when it has been there for a while")
	})
}

// TestWithoutWitnesses tells nothing.
func TestWithoutWitnesses(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		g := newGate(t, dir, time.Hour)
		time.Sleep(3 * time.Hour)
		if g.close(); len(g.told) > 0 || g.cosigning.Left() != nil || g.cosigning.Status() != nil {
			t.Errorf("told %+v, left %+v", g.told, g.cosigning.Left())
		}
	})
}
