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

// reads shows a pass until it is read.
func (r *running) reads(t *testing.T, text string) {
	t.Helper()
	picture := heldUp(t, text)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	shown := make(chan struct{})
	showing, taken := context.WithCancel(ctx)
	go func() {
		defer close(shown)
		for showing.Err() == nil {
			if err := r.stage.Play(showing, [][]byte{picture}); err != nil && !errors.Is(err, showing.Err()) {
				t.Error(err)
				return
			}
		}
	}()
	s, err := r.Codes().Read(ctx)
	taken()
	<-shown
	if err != nil || s.Kind != reader.Code || s.Reader != reader.Camera || string(s.Value) != text {
		t.Errorf("read %q by %q, %v; want %q", s.Value, s.Reader, err, text)
	}
}

// TestPassesWithoutFaces holds passes to the camera of a gate that looks at no face, for every reason that there is.
func TestPassesWithoutFaces(t *testing.T) {
	r := start(t, gatetest.NewSite(t), gatetest.Settings{"passes": "{camera: on}"}, daemon.Outside{})
	r.reads(t, "AFACESARELOOKEDATASWELLASPASSES2")
	must(t, r.client.TurnFacesOff(t.Context(), "the door is a way out"))
	r.reads(t, "AFACESARENOTLOOKEDATANYMOREHERE2")
	_, err := r.client.Lockdown(t.Context())
	must(t, err)
	r.reads(t, "AEVERYTEMPLATEISGONEPASSESSTAY22")
}

// TestPassesAfterCrashes holds a pass to the camera of a gate that has crashed too often to load a network. After more crashes the
// camera is left alone too.
func TestPassesAfterCrashes(t *testing.T) {
	site := gatetest.NewSite(t)
	more := gatetest.Settings{"passes": "{camera: on}", "vision": "{models_dir: " + spoiltModels(t) + "}"}
	var forgiven atomic.Bool
	r := start(t, site, more, daemon.Outside{Begin: lesser(crashes.FacesOff, &forgiven)})
	r.reads(t, "ANONETWORKISLOADEDPASSESAREREAD2")
	s, err := r.client.Status(t.Context())
	must(t, err)
	if s.Lesser == nil || s.Camera.State != device.Streaming || len(conditionsOf(s.Health, health.Faces)) == 0 {
		t.Errorf("left out is %+v; the camera is %+v; health: %+v", s.Lesser, s.Camera, s.Health)
	}
	r.stop()
	r = start(t, site, more, daemon.Outside{Source: unplugged{t}, Begin: lesser(crashes.CardsOnly, &forgiven)})
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
