package daemon_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/camera"
	"facegate/cmd/facegate/internal/daemon"
	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/people"
	"facegate/device/reader"
)

// passages are what the frames of a gate came to.
type passages struct {
	mu   sync.Mutex // guards seen
	seen []camera.Passage
}

func (p *passages) observe(of camera.Passage) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen = append(p.seen, of)
}

// since returns how many of the frames from the nth on were looked at, and how many there are in all.
func (p *passages) since(n int) (looked, all int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, of := range p.seen[n:] {
		if of.Blind != camera.AwaitingPass {
			looked++
		}
	}
	return looked, len(p.seen)
}

// TestOnRequest has a gate compare everybody, but on request alone (match.trigger). No frame is looked at before a pass was shown, nor
// once somebody was let in; and it is the face of whoever has the pass that has to follow, and nobody else's.
func TestOnRequest(t *testing.T) {
	var frames passages
	h := open(t, gatetest.NewSite(t).FixKey(t), with(otherWays, "match", "{mode: one-to-many, trigger: request, fpir: 0.001}"),
		daemon.Outside{Observe: frames.observe})
	passes := map[string]string{}
	for _, label := range []string{"p01", "p02"} {
		e, err := h.Register().Enrol(
			people.EnrolRequest{Label: label, Consent: "form 1", Age: "adult", Witness: "Li Na", Pass: true}, faceOf(t, label))
		must(t, err)
		passes[label] = e.Pass.Text()
	}
	ctx, cancel := context.WithCancel(t.Context())
	var there sync.WaitGroup
	there.Go(func() { h.appear(t, ctx, "p01") })
	defer there.Wait()
	defer cancel()
	unseen := func(when string) {
		t.Helper()
		_, n := frames.since(0)
		gatetest.Eventually(t, "frames have come", func() bool { _, all := frames.since(n); return all >= n+20 })
		if looked, _ := frames.since(n); looked > 0 {
			t.Errorf("%s %d frames were looked at", when, looked)
		}
	}
	unseen("before anything was shown")
	h.show(t, reader.Code, passes["p02"])
	_, n := frames.since(0)
	gatetest.Eventually(t, "faces are looked at", func() bool { looked, _ := frames.since(n); return looked >= 30 })
	if n := len(h.line.Edges()); n != 0 {
		t.Errorf("by the pass of another the face of p01 has driven the relay %d times", n)
	}
	h.waitsForFace(t, passes["p01"])
	gatetest.Eventually(t, "the door is locked again", func() bool { return !h.line.Active() })
	_, n = frames.since(0)
	gatetest.Eventually(t, "one frame is not looked at", func() bool {
		looked, all := frames.since(n)
		return all-n > looked
	})
	unseen("after somebody was let in")
	if n := len(h.line.Edges()); n != 2 {
		t.Errorf("the relay has changed %d times", n)
	}
}

// TestClaimWaitsAsTheRuleSays has a gate wait for a face for as long as each rule says: the screen asks for it, and frames are looked at,
// no longer and no shorter.
func TestClaimWaitsAsTheRuleSays(t *testing.T) {
	for within, looks := range map[string]bool{"1s": false, "2m": true} {
		var frames passages
		more := with(otherWays, "match", "{mode: one-to-one}")
		more = with(more, "rules", "[{by: [pass, face], within: "+within+"}, {by: [pass], faceless: true}, {by: [card-uid]}, {by: [pin]}]")
		h := open(t, gatetest.NewSite(t), with(more, "kiosk", `{listen: "127.0.0.1:0"}`), daemon.Outside{Observe: frames.observe})
		e, err := h.Register().Enrol(
			people.EnrolRequest{Label: "p01", Consent: "form 1", Age: "adult", Witness: "Li Na", Pass: true}, faceOf(t, "p01"))
		must(t, err)
		s := h.screen(t)
		n := s.await(t, 0, "show-pass")
		shown := time.Now()
		o := h.show(t, reader.Code, e.Pass.Text())
		if d := o.Until.Sub(shown); d < time.Second || d > 3*time.Minute {
			t.Errorf("within %s: it waits for %v", within, d)
		}
		n = s.await(t, n, "show-face")
		if !looks {
			s.await(t, n, "show-pass")
			if early := time.Until(o.Until); early > 0 {
				t.Errorf("within %s: the screen asks for it no more %v before the end", within, early)
			}
		} else {
			time.Sleep(1500 * time.Millisecond)
		}
		_, all := frames.since(0)
		gatetest.Eventually(t, "more frames come", func() bool { _, n := frames.since(all); return n >= all+10 })
		if looked, _ := frames.since(all + 2); (looked > 0) != looks { // one or two were under way
			t.Errorf("within %s: %d frames were looked at", within, looked)
		}
		h.stop()
	}
}
