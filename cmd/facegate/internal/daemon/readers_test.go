package daemon_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/daemon"
	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/health"
	"facegate/cmd/facegate/internal/people"
	"facegate/device/evdev"
	"facegate/device/wiegand"
	"facegate/gpio/sim"
	"facegate/store"
)

// A counter is a gate with a USB reader and a Wiegand reader, both simulated.
type counter struct {
	*running
	path  string
	usb   *evdev.Twin
	board sim.Board
}

func newCounter(t *testing.T) *counter {
	t.Helper()
	c := &counter{path: filepath.Join(t.TempDir(), "usb-reader-event-kbd"), board: sim.Board(t.TempDir())}
	c.plug(t)
	t.Cleanup(func() { c.usb.Unplug() })
	c.running = start(t, gatetest.NewSite(t), gatetest.Settings{
		"door": "{driver: sim, pulse: 200ms, chip: " + string(c.board) + "}",
		"readers": "[{name: desk, kind: usb, device: " + c.path + ", class: card-secure}, " +
			"{name: outside, kind: wiegand, d0: D0, d1: D1, format: 34, class: card-uid}]",
	}, daemon.Outside{})
	_, err := c.client.Join(t.Context(), people.JoinRequest{Label: "none", Reference: "contract 2", Until: time.Now().Add(gatetest.Valid)})
	must(t, err)
	return c
}

func (c *counter) plug(t *testing.T) {
	t.Helper()
	var err error
	c.usb, err = evdev.Plug(c.path)
	must(t, err)
}

// swipe presents a card to the Wiegand reader.
func (c *counter) swipe(t *testing.T, number uint64) {
	t.Helper()
	f, err := wiegand.FormatOf(34)
	must(t, err)
	var falls []sim.PinFall
	for i, line := range f.Bits(number) {
		falls = append(falls, sim.PinFall{At: sim.Monotonic() + time.Duration(i+50)*time.Millisecond, Line: line})
	}
	for i := range falls { // evenly, however long it took to make them
		falls[i].At = falls[0].At + time.Duration(i)*time.Millisecond
	}
	must(t, c.board.Fall([2]string{"D0", "D1"}, falls))
}

// opened waits until the door was opened so often.
func (c *counter) opened(t *testing.T, times uint64) {
	t.Helper()
	gatetest.Eventually(t, "the door is opened", func() bool { return c.Status().Door.Pulses >= times })
}

// add registers the card that present presents.
func (c *counter) add(t *testing.T, present func()) (people.CardAdded, error) {
	t.Helper()
	return c.client.AddCard(t.Context(), people.CardRequest{Label: "none"}, func(w people.CardWait) {
		if want := []string{"desk", "outside"}; !slices.Equal(w.Readers, want) {
			t.Errorf("the card may be presented to %q, want %q", w.Readers, want)
		}
		time.Sleep(100 * time.Millisecond) // in which the gate begins to wait
		present()
	})
}

// TestCards registers a card at each reader, and opens the door with it. To be registered it opens nothing.
func TestCards(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	typed := func() { must(t, c.usb.Type("04A2B3C4\n")) }
	added, err := c.add(t, typed)
	if err != nil || added.Reader != "desk" || added.Card.Class != "card-secure" || added.Label != "none" {
		t.Fatalf("added: %+v, %v", added, err)
	}
	swiped := func() { c.swipe(t, 0xA1B2C3D4) }
	added, err = c.add(t, swiped)
	if err != nil || added.Reader != "outside" || added.Card.Class != "card-uid" {
		t.Fatalf("added: %+v, %v", added, err)
	}
	if _, err := c.add(t, swiped); !errors.Is(err, store.ErrCard) {
		t.Errorf("the same card again: %v", err)
	}
	if n := c.Status().Door.Pulses; n != 0 {
		t.Errorf("the door was opened %d times for cards that were registered", n)
	}
	typed()
	c.opened(t, 1)
	gatetest.Eventually(t, "the door is locked", func() bool { return c.Status().Door.State == "locked" })
	swiped()
	c.opened(t, 2)

	ctx, cancel := context.WithCancel(t.Context())
	_, err = c.client.AddCard(ctx, people.CardRequest{Label: "none"}, func(people.CardWait) { cancel() })
	if err == nil {
		t.Error("a card was registered that nobody presented")
	}
	if _, err := c.client.AddCard(t.Context(), people.CardRequest{Label: "nobody"}, nil); !errors.Is(err, store.ErrUnknown) {
		t.Errorf("a card for nobody: %v", err)
	}
}

// TestReaderUnplugged has a reader taken away and brought back. The status says so, each time before anything is presented.
func TestReaderUnplugged(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	gone := func() bool {
		return slices.ContainsFunc(c.Status().Health.Conditions, func(h health.Condition) bool {
			return h.Part == health.Entry && h.State == health.Degraded && strings.Contains(h.Reason, c.path) && h.Todo != ""
		})
	}
	for range 2 {
		gatetest.Eventually(t, "the reader is there", func() bool { return !gone() })
		must(t, c.usb.Unplug())
		gatetest.Eventually(t, "the reader is gone", gone)
		c.plug(t)
	}
	gatetest.Eventually(t, "the reader is back", func() bool { return !gone() })
}

// TestNoReader asks for a card where there is no reader.
func TestNoReader(t *testing.T) {
	g := start(t, gatetest.NewSite(t), nil, daemon.Outside{})
	_, err := g.client.Join(t.Context(), people.JoinRequest{Label: "none", Reference: "contract 2", Until: time.Now().Add(gatetest.Valid)})
	must(t, err)
	if _, err := g.client.AddCard(t.Context(), people.CardRequest{Label: "none"}, nil); !errors.Is(err, people.ErrNoReader) {
		t.Errorf("AddCard = %v", err)
	}
}
