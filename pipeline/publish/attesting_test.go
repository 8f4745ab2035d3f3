package publish_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"facegate/pipeline/publish"
	"facegate/pipeline/publish/feed"
	"facegate/pipeline/publish/mosquittotest"
	"facegate/store/checkpoint"
)

// A hearing is what a gate hears of its witnesses.
type hearing struct {
	mu   sync.Mutex // guards what follows
	said []string   // witness and the beginning of what was said
}

func (h *hearing) hear(witness string, signed []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.said = append(h.said, witness+" "+string(signed[:min(9, len(signed))]))
}

func (h *hearing) heard() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.said)
}

const one, other, former = "00000001", "fedcba98", "11111111"

// attests builds the publisher anew, with two witnesses.
func (r *rig) attests(h *hearing) {
	r.t.Helper()
	cfg := gate("tcp", r.cable)
	cfg.Witnesses = []string{one, other}
	var err error
	r.publisher, err = publish.New(cfg, publish.Parts{
		Outbox: feed.NewMemory(1), Rand: io.MultiReader(strings.NewReader("boot....store id"), rand.Reader), Cosigned: h.hear,
	}, slog.New(slog.NewTextHandler(&r.log, nil)))
	if err != nil {
		r.t.Fatal(err)
	}
}

// note returns a checkpoint of a log with n entries.
func note(t *testing.T, n int64) string {
	t.Helper()
	signed, err := checkpoint.Sign(tlog.Tree{N: n, Hash: tlog.RecordHash(fmt.Append(nil, n))}, ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	return string(signed)
}

// TestAttest has a gate ask its witnesses, and hears what they answer: what was retained at the start too. What is told at a fixed time is
// told whether or not it is the same as before.
func TestAttest(t *testing.T) {
	for name, newServer := range map[string]func(*testing.T) server{"mochi": newMochi, "mosquitto": newMosquitto, "nats-server": newNATS} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			attests(t, newRig(t, newServer(t)))
		})
	}
}

func attests(t *testing.T, r *rig) {
	var h hearing
	r.attests(&h)
	says := func(topic, what string) {
		wait(t, "say", r.observer.client.Publish("facegate/hq/north/audit/"+topic, 1, true, what))
	}
	says("cosignature/"+one, "retained")
	says("cosignature/"+former, "former")
	says("checkpoint/"+former, "old 0\n\n"+note(t, 1))
	r.run()
	r.connected()
	eventually(t, "what was retained is heard", func() bool { return slices.Contains(h.heard(), one+" retained") })
	says("cosignature/"+other, "now")
	eventually(t, "what is said now is heard", func() bool { return slices.Contains(h.heard(), other+" now") })

	signed, proof := note(t, 5), "old 3\n"+strings.Repeat("A", 43)+"=\n\n"
	want := map[string]string{"checkpoint": signed, "checkpoint/" + one: proof + signed, "checkpoint/" + other: "old 0\n\n" + signed}
	for n := 1; n <= 3; n++ {
		r.publisher.Attest([]byte(signed), map[string][]byte{one: []byte(want["checkpoint/"+one]), other: []byte(want["checkpoint/"+other])})
		for topic, text := range want {
			eventually(t, fmt.Sprintf("%s is told %d times", topic, n), func() bool { return len(r.observer.on("audit/"+topic)) >= n })
			if got := r.observer.on("audit/" + topic); len(got) > n || got[n-1].payload != text || got[n-1].qos != 1 {
				t.Errorf("%s: %+v, want %q for the time %d", topic, got, text, n)
			}
		}
	}
	for topic := range want {
		if kept := keeps(t, r.server); kept["facegate/hq/north/audit/"+topic] == "" {
			t.Errorf("of %s nothing is retained: %q", topic, kept)
		}
	}
	if slices.ContainsFunc(h.heard(), func(said string) bool { return strings.HasPrefix(said, former) }) {
		t.Errorf("somebody was heard who is no witness: %q", h.heard())
	}
	f, err := r.publisher.Forget(t.Context())
	if err != nil || len(f.Kept) > 0 {
		t.Errorf("Forget = %+v, %v", f, err)
	}
	for topic := range keeps(t, r.server) {
		if !strings.Contains(topic, "/audit/cosignature/") {
			t.Errorf("%s is retained still", topic)
		}
	}
}

// TestWitnessUnheard has a broker that lets the gate hear no witness. All else goes on.
func TestWitnessUnheard(t *testing.T) {
	t.Parallel()
	b := mosquittotest.NewGuarded(t, account, "topic readwrite facegate/#", "topic deny facegate/hq/north/audit/cosignature/+")
	r := newRig(t, b)
	var h hearing
	r.attests(&h)
	r.run()
	r.connected()
	r.publisher.Attest([]byte(note(t, 1)), nil)
	eventually(t, "a checkpoint is told", func() bool { return len(r.observer.on("audit/checkpoint")) > 0 })
}
