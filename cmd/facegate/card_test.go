package main

import (
	"context"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/people"
	"facegate/device/evdev"
)

// TestCardCommands gives somebody a card that is presented to a reader, lists it, and takes it away.
func TestCardCommands(t *testing.T) {
	path := filepath.Join(t.TempDir(), "usb-reader-event-kbd")
	twin, err := evdev.Plug(path)
	must(t, err)
	t.Cleanup(func() { must(t, twin.Unplug()) })
	_, _, do := startWith(t, gatetest.Settings{"readers": "[{name: desk, kind: usb, device: " + path + ", class: card-uid}]"})
	if added := do("person", "add", "Bob", "--until", "2040-01-31", "--reference", "contract 7"); added.code != exitOK {
		t.Fatal(added.err)
	}
	do("card", "list", "Bob").want(t, exitOK, "Bob has no card: facegate card add Bob", "")
	do("card", "add", "Eve").want(t, exitFailed, "", "to do: ")

	added := presented(t, twin, "0004711", func() printout { return do("card", "add", "Bob") })
	added.want(t, exitOK, "card-uid: it can be cloned", "present the card to desk now")

	var cards []people.Credential
	do("card", "list", "Bob", "--json").decode(t, &cards)
	if len(cards) != 1 || cards[0].Class != "card-uid" || cards[0].ID == "" {
		t.Fatalf("card list says %+v", cards)
	}
	do("card", "list", "Bob").want(t, exitOK, cards[0].ID, "")
	do("person", "show", "Bob").want(t, exitOK, "card "+cards[0].ID+" (card-uid)", "")
	do("card", "remove", "Bob", "00000000").want(t, exitFailed, "", "to do: see what the person has")
	do("card", "remove", "Bob", cards[0].ID).want(t, exitOK, "opens nothing any more", "")
	do("card", "list", "Bob").want(t, exitOK, "Bob has no card", "")
}

// presented carries out a command while a card is presented to a reader, until it was taken.
func presented(t *testing.T, twin *evdev.Twin, card string, do func() printout) printout {
	t.Helper()
	ctx, taken := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		for ctx.Err() == nil {
			if err := twin.Type(card + "\n"); err != nil {
				t.Error(err)
			}
			time.Sleep(300 * time.Millisecond)
		}
	})
	defer wg.Wait()
	defer taken()
	return do()
}
