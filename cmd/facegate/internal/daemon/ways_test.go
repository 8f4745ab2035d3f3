package daemon_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"facegate/cmd/facegate/internal/crashes"
	"facegate/cmd/facegate/internal/daemon"
	"facegate/cmd/facegate/internal/desk"
	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/people"
	"facegate/configs/hint"
	"facegate/device/reader"
	"facegate/device/reader/sim"
	"facegate/pipeline/attempt"
	"facegate/pipeline/matchertest"
	"facegate/store"
	"facegate/store/audit"
)

// otherWays is a configuration in which a door has them all.
var otherWays = gatetest.Settings{
	"alternatives": "[qr, card, pin]", "passes": "{camera: on}", "door": "{driver: sim, pulse: 200ms}",
	"readers": "[{name: desk, kind: usb, device: /nonexistent/desk}, {name: pad, kind: keypad, device: /nonexistent/pad}]",
}

// A hall is a gate with all ways in, and somebody who has them all.
type hall struct {
	*running
	at   *sim.Reader
	said chan desk.Said
}

// open starts a gate with a reader at which the test shows what there is.
func open(t *testing.T, site gatetest.Site, more gatetest.Settings, out daemon.Outside) *hall {
	t.Helper()
	h := &hall{at: sim.New("test"), said: make(chan desk.Said, 10)}
	out.Readers, out.Said = []reader.Source{h.at}, func(s desk.Said) { h.said <- s }
	h.running = start(t, site, more, out)
	return h
}

// show has something read, and returns what came of it.
func (h *hall) show(t *testing.T, k reader.Kind, value string) attempt.Outcome {
	t.Helper()
	h.at.Show(k, []byte(value))
	select {
	case said := <-h.said:
		return said.Outcome
	case <-time.After(20 * time.Second):
		t.Fatalf("nothing came of %v", k)
		return attempt.Outcome{}
	}
}

// A kit is what somebody has besides their face.
type kit struct{ pass, card, typed string }

// equip gives somebody who is on the list a card, and a number with a PIN.
func (h *hall) equip(t *testing.T, label string) (k kit) {
	t.Helper()
	c := h.Store().Credentials()
	k.card = "card of " + label
	_, err := c.AddCard(label, store.ShownCard{Value: []byte(k.card), Secure: true}, store.Terms{}, 1000)
	must(t, err)
	_, err = c.SetPIN(label, []byte("271828"), store.Terms{}, 1000)
	must(t, err)
	n, err := c.Number(label)
	must(t, err)
	k.typed = n.String() + "*271828"
	return k
}

// opens checks that each way opens the door for somebody.
func (h *hall) opens(t *testing.T, when string, k kit) {
	t.Helper()
	for _, way := range []struct {
		kind  reader.Kind
		value string
	}{{reader.Code, k.pass}, {reader.Card, k.card}, {reader.Keys, k.typed}} {
		if o := h.show(t, way.kind, way.value); o.Opened.IsZero() {
			t.Errorf("%s %v does not open the door: %+v\n%s", when, way.kind, o, h.log)
		}
	}
}

// childFullDisk names the environment variable that makes the test binary the process that TestOtherWaysOnAFullDisk gives a disk that
// is full. The limit is one of the whole process, which has more to write than the gate.
const childFullDisk = "FACEGATE_DAEMON_CHILD_FULL_DISK"

// TestOtherWaysOnAFullDisk has somebody without a face come in by whatever they have while no file can grow, and by pass and card while
// nothing can be written either. A PIN can be guessed, and no try of it could be counted: it is not looked at, until something can be
// written again.
func TestOtherWaysOnAFullDisk(t *testing.T) {
	gatetest.Models(t)
	if os.Getenv(childFullDisk) == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
		cmd.Env = append(os.Environ(), childFullDisk+"=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	site := gatetest.NewSite(t)
	h := open(t, site, with(otherWays, "vision", "{models_dir: "+spoiltModels(t)+"}"),
		daemon.Outside{Source: unplugged{t}, Begin: lesser(crashes.CardsOnly, new(atomic.Bool))})
	text := h.joins(t, "none")
	none := h.equip(t, "none")
	none.pass = text
	var before unix.Rlimit
	must(t, unix.Getrlimit(unix.RLIMIT_FSIZE, &before))
	limit := func(bytes uint64) {
		must(t, unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: bytes, Max: before.Max}))
	}
	journal, err := os.Stat(filepath.Join(site.State(), "journal.db"))
	must(t, err)
	limit(uint64(journal.Size()))
	h.opens(t, "while no file can grow", none)
	limit(4096)
	for kind, value := range map[reader.Kind]string{reader.Code: none.pass, reader.Card: none.card} {
		if o := h.show(t, kind, value); o.Opened.IsZero() {
			t.Errorf("while the disk is full %v does not open the door: %+v\n%s", kind, o, h.log)
		}
	}
	if o := h.show(t, reader.Keys, none.typed); o.Reason != attempt.Record || !o.Opened.IsZero() || hint.Of(o.Err) == "" {
		t.Errorf("while the disk is full a PIN comes to %+v", o)
	}
	gatetest.Eventually(t, "nothing can be written", func() bool { return strings.Contains(h.log.String(), "file too large") })
	limit(before.Cur)
	h.opens(t, "once there is room", none)
}

// TestOtherWays has somebody with a face, and somebody without one, come in by whatever else they have, while no face is looked at
// for one reason after the other, and no broker is there.
func TestOtherWays(t *testing.T) {
	site := gatetest.NewSite(t)
	h := open(t, site, otherWays, daemon.Outside{})
	e, err := h.Register().Enrol(people.EnrolRequest{Label: "p01", Consent: "form 1", Age: "adult", Witness: "Li Na", Pass: true}, matchertest.Face(1))
	must(t, err)
	one := h.equip(t, "p01")
	one.pass = e.Pass.Text()
	j, err := h.client.Join(t.Context(), people.JoinRequest{Label: "none", Reference: "contract 2", Until: time.Now().Add(gatetest.Valid), Pass: true})
	must(t, err)
	none := h.equip(t, "none")
	none.pass = j.Pass.Text()
	h.stop()

	h = open(t, site, otherWays, daemon.Outside{Source: lost{}})
	both := func(when string) {
		t.Helper()
		h.opens(t, when+" for who has a face", one)
		h.opens(t, when+" for who gives none", none)
	}
	both("while the camera is unplugged and the broker gone")
	ctx, cancel := context.WithCancel(t.Context())
	enrolled := make(chan error, 1)
	go func() {
		_, err := h.client.Enrol(ctx, people.EnrolRequest{Label: "p02", Consent: "form 2", Age: "adult"}, func(people.Progress) {})
		enrolled <- err
	}()
	gatetest.Eventually(t, "somebody is enrolled", h.Enrolling)
	both("while somebody is enrolled")
	cancel()
	<-enrolled
	p, err := h.Store().Person("p01")
	must(t, err)
	for range 20 {
		h.Entry().Ask(attempt.Attempt{Means: attempt.Face, Asked: time.Now(), Person: p.ID, Finding: attempt.NearMiss})
	}
	if !h.Entry().Closed(attempt.Face, p.ID, time.Now()) {
		t.Error("the face is not locked out")
	}
	both("while the face is locked out")
	records, err := h.Records(audit.Daemon)
	must(t, err)
	must(t, records.TurnFacesOff(t.Context(), "a test"))
	both("while faces are off")
	must(t, records.TurnFacesOn(t.Context()))
	_, err = records.Lockdown(t.Context())
	must(t, err)
	both("in lockdown")
	h.stop()

	h = open(t, site, with(otherWays, "vision", "{models_dir: "+spoiltModels(t)+"}"),
		daemon.Outside{Source: unplugged{t}, Begin: lesser(crashes.CardsOnly, new(atomic.Bool))})
	both("without the networks")
}

// with returns settings with one more.
func with(s gatetest.Settings, key, value string) gatetest.Settings {
	more := gatetest.Settings{key: value}
	for k, v := range s {
		if k != key {
			more[k] = v
		}
	}
	return more
}
