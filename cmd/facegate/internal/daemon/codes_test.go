package daemon_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/jpeg"
	"sync/atomic"
	"testing"
	"time"

	"rsc.io/qr"

	"facegate/cmd/facegate/internal/crashes"
	"facegate/cmd/facegate/internal/daemon"
	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/health"
	"facegate/cmd/facegate/internal/people"
	"facegate/device"
	"facegate/device/reader"
)

// heldUp is a picture of a pass that is held to the camera.
func heldUp(t *testing.T, text string) []byte {
	t.Helper()
	const width, height, module, left, top = 640, 480, 8, 200, 120
	code, err := qr.Encode(text, qr.M)
	must(t, err)
	g := image.NewGray(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			g.Pix[y*width+x] = 190
			if x >= left && y >= top && code.Black((x-left)/module, (y-top)/module) {
				g.Pix[y*width+x] = 40
			}
		}
	}
	var b bytes.Buffer
	must(t, jpeg.Encode(&b, g, nil))
	return b.Bytes()
}

// holds has somebody hold a pass to the camera until the gate has answered, and checks that it opens.
func (h *hall) holds(t *testing.T, when, text string) {
	t.Helper()
	picture := heldUp(t, text)
	showing, taken := context.WithCancel(t.Context())
	shown := make(chan struct{})
	go func() {
		defer close(shown)
		for showing.Err() == nil {
			if err := h.stage.Play(showing, [][]byte{picture}); err != nil && !errors.Is(err, showing.Err()) {
				t.Error(err)
				return
			}
		}
	}()
	select {
	case s := <-h.said:
		if s.Reader != reader.Camera || s.Unread || s.Outcome.Opened.IsZero() {
			t.Errorf("%s a pass that is held to the camera: %+v", when, s)
		}
	case <-time.After(30 * time.Second):
		t.Errorf("%s a pass that is held to the camera is not read", when)
	}
	taken()
	<-shown
}

// joins puts somebody on the list who gives no face, and returns the text of their pass.
func (h *hall) joins(t *testing.T, label string) string {
	t.Helper()
	j, err := h.client.Join(t.Context(), people.JoinRequest{Label: label, Reference: "contract", Until: time.Now().Add(gatetest.Valid), Pass: true})
	must(t, err)
	return j.Pass.Text()
}

// TestPassesWithoutFaces holds passes to the camera of a gate that looks at no face, for every reason that there is.
func TestPassesWithoutFaces(t *testing.T) {
	h := open(t, gatetest.NewSite(t), otherWays, daemon.Outside{})
	one, two, three := h.joins(t, "one"), h.joins(t, "two"), h.joins(t, "three")
	h.holds(t, "while faces are looked at", one)
	must(t, h.client.TurnFacesOff(t.Context(), "the door is a way out"))
	h.holds(t, "while no face is looked at", two)
	_, err := h.client.Lockdown(t.Context())
	must(t, err)
	h.holds(t, "once every template is gone", three)
}

// TestPassesAfterCrashes holds a pass to the camera of a gate that has crashed too often to load a network. After more crashes the
// camera is left alone too.
func TestPassesAfterCrashes(t *testing.T) {
	site := gatetest.NewSite(t)
	more := gatetest.Settings{"passes": "{camera: on}", "vision": "{models_dir: " + spoiltModels(t) + "}"}
	var forgiven atomic.Bool
	h := open(t, site, more, daemon.Outside{Begin: lesser(crashes.FacesOff, &forgiven)})
	h.holds(t, "while no network is loaded", h.joins(t, "one"))
	s, err := h.client.Status(t.Context())
	must(t, err)
	if s.Lesser == nil || s.Camera.State != device.Streaming || len(conditionsOf(s.Health, health.Faces)) == 0 {
		t.Errorf("left out is %+v; the camera is %+v; health: %+v", s.Lesser, s.Camera, s.Health)
	}
	h.stop()
	r := start(t, site, more, daemon.Outside{Source: unplugged{t}, Begin: lesser(crashes.CardsOnly, &forgiven)})
	if r.Codes() != nil {
		t.Error("codes are read of a camera that is not opened")
	}
}

// TestPassesOff has no code read where the site wants none.
func TestPassesOff(t *testing.T) {
	r := start(t, gatetest.NewSite(t), gatetest.Settings{"passes": "{camera: off}"}, daemon.Outside{})
	if r.Codes() != nil {
		t.Error("codes are read")
	}
}
