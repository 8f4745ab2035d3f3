package publish_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"facegate/configs/address"
	"facegate/pipeline/publish"
)

// cosigns answers requests as the witness of the id one, until the test is over. Its answer is the
// checkpoint as it came, and none to one of size 99.
func cosigns(t *testing.T, r *rig, gates publish.Gates) {
	t.Helper()
	cfg := gate("tcp", r.cable)
	cfg.Site, cfg.Gate = "", "" // which are those of others
	ctx, cancel := context.WithCancel(t.Context())
	begun, done := make(chan struct{}), make(chan error, 1)
	go func() {
		done <- publish.Cosign(ctx, cfg, rand.Reader, gates, publish.Cosigner{
			KeyID: one, Begun: func(string) { close(begun) },
			Answer: func(_ string, body []byte) ([]byte, bool) {
				if bytes.Contains(body, []byte("\n99\n")) {
					return nil, false
				}
				_, signed, _ := bytes.Cut(body, []byte("\n\n"))
				return signed, true
			},
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("cosign: %v", err)
		}
	})
	select {
	case <-begun:
	case err := <-done:
		done <- nil
		t.Fatalf("cosign: %v", err)
	}
}

// last returns what a gate was answered last, "" for nothing.
func last(o *observer, gate string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, m := range slices.Backward(o.messages) {
		if m.topic == "facegate/"+gate+"/audit/cosignature/"+one {
			return m.payload
		}
	}
	return ""
}

// TestCosign has a witness answer gates of several sites: what the broker had retained, and what comes.
func TestCosign(t *testing.T) {
	for name, newServer := range map[string]func(*testing.T) server{"mochi": newMochi, "mosquitto": newMosquitto, "nats-server": newNATS} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, newServer(t))
			asks := func(gate, id string, size int64) string {
				text := note(t, size)
				wait(t, "ask", r.observer.client.Publish("facegate/"+gate+"/audit/checkpoint/"+id, 1, true, "old 0\n\n"+text))
				return text
			}
			answered := func(gate, text string) {
				t.Helper()
				eventually(t, gate+" is answered", func() bool { return last(r.observer, gate) == text })
			}
			early := asks("hq/north", one, 1)
			cosigns(t, r, publish.Gates{})
			answered("hq/north", early)
			asks("hq/south", other, 2) // another witness
			asks("hq/south", one, 99)  // a log that is not followed
			answered("depot/gate", asks("depot/gate", one, 3))
			answered("hq/north", asks("hq/north", one, 4))
			if answer := last(r.observer, "hq/south"); answer != "" {
				t.Errorf("answered nevertheless: %q", answer)
			}
		})
	}
}

// TestCosignMany has a broker hand over more retained requests than a library keeps, all of which are answered.
func TestCosignMany(t *testing.T) {
	r := newRig(t, newMosquitto(t))
	const many = 400
	text := note(t, 1)
	var all sync.WaitGroup
	for i := range many {
		all.Go(func() {
			r.observer.client.Publish(fmt.Sprintf("facegate/site%d/gate/audit/checkpoint/%s", i, one), 1, true, "old 0\n\n"+text).Wait()
		})
	}
	all.Wait()
	cosigns(t, r, publish.Gates{})
	eventually(t, "every gate is answered", func() bool {
		for i := range many {
			if last(r.observer, fmt.Sprintf("site%d/gate", i)) != text {
				return false
			}
		}
		return true
	})
}

func TestCosignRefuses(t *testing.T) {
	cfg := publish.Config{Brokers: []address.Address{{Host: "127.0.0.1", Port: 1}}, ClientID: "witness"}
	nobody := publish.Cosigner{KeyID: one}
	if err := publish.Cosign(t.Context(), cfg, rand.Reader, publish.Gates{Site: "a/b"}, nobody); !errors.Is(err, publish.ErrConfig) {
		t.Errorf("a site of two levels: %v", err)
	}
	if err := publish.Cosign(t.Context(), publish.Config{ClientID: "witness"}, rand.Reader, publish.Gates{}, nobody); !errors.Is(err, publish.ErrConfig) {
		t.Errorf("no broker: %v", err)
	}
	if err := publish.Cosign(t.Context(), cfg, rand.Reader, publish.Gates{}, nobody); !errors.As(err, new(*publish.Fault)) {
		t.Errorf("a broker that is away: %v", err)
	}
}
