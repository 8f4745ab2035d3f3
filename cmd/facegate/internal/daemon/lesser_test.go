package daemon_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"facegate/cmd/facegate/internal/crashes"
	"facegate/cmd/facegate/internal/daemon"
	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/health"
	"facegate/cmd/facegate/internal/people"
	"facegate/cmd/facegate/internal/status"
	"facegate/configs/hint"
	"facegate/device"
	"facegate/store/audit"
)

// unplugged is a camera that must not be opened.
type unplugged struct{ t *testing.T }

func (unplugged) String() string { return "unplugged" }

func (u unplugged) Stream(context.Context, func(device.Frame)) error {
	u.t.Error("the camera is opened")
	return device.ErrEnd
}

// lesser says what to leave out, and notes in forgiven that it is forgiven.
func lesser(level crashes.Level, forgiven *atomic.Bool) func() *daemon.Lesser {
	last := crashes.Crash{At: time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC), Why: "signal (killed, SEGV)"}
	return func() *daemon.Lesser {
		return &daemon.Lesser{Level: level, Last: last, Forgive: func() error { forgiven.Store(true); return nil }}
	}
}

// broker is an address at which connections are counted, and closed.
func broker(t *testing.T) (url string, connections *atomic.Int32) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	connections = new(atomic.Int32)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			connections.Add(1)
			conn.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return "tcp://" + l.Addr().String(), connections
}

// spoiltModels returns a folder in which every network is spoilt.
func spoiltModels(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	files, err := os.ReadDir(gatetest.Models(t))
	must(t, err)
	for _, f := range files {
		must(t, os.WriteFile(filepath.Join(dir, f.Name()), []byte("spoilt"), 0o600))
	}
	return dir
}

// TestLesser starts a gate that has crashed too often. It opens no camera and loads no network, and what does not need them
// works as ever.
func TestLesser(t *testing.T) {
	for level, speaks := range map[crashes.Level]bool{crashes.FacesOff: true, crashes.CardsOnly: false} {
		t.Run(level.String(), func(t *testing.T) {
			site := gatetest.NewSite(t)
			r := start(t, site, nil, daemon.Outside{})
			r.enrol(t, "p01")
			r.stop()
			url, connections := broker(t)
			var forgiven atomic.Bool
			r = start(t, site, gatetest.Settings{"vision": "{models_dir: " + spoiltModels(t) + "}", "mqtt": `{broker: "` + url + `"}`},
				daemon.Outside{Source: unplugged{t}, Begin: lesser(level, &forgiven)})
			if speaks {
				gatetest.Eventually(t, "the broker is spoken to", func() bool { return connections.Load() > 0 })
			}
			s, err := r.client.Status(t.Context())
			must(t, err)
			wantLesser(t, s, level)
			_, err = r.client.Enrol(t.Context(), people.EnrolRequest{Label: "p02", Consent: "form", Age: "adult"}, func(people.Progress) {})
			if !errors.Is(err, people.ErrFacesOff) || !strings.Contains(hint.Of(err), "facegate faces on") {
				t.Errorf("enrol: %v, hint %q", err, hint.Of(err))
			}
			if err := r.client.Aim(t.Context(), func(status.View) {}); err == nil {
				t.Error("the camera can be aimed")
			}
			_, err = r.client.TestDoor(t.Context())
			must(t, err)
			e, err := r.client.Erase(t.Context(), people.Who{Label: "p01"}, audit.Requested)
			must(t, err)
			if len(e.Receipt) == 0 {
				t.Errorf("there is no receipt: %+v", e)
			}
			if !speaks && connections.Load() > 0 {
				t.Errorf("the broker was spoken to %d times", connections.Load())
			}
			if log := r.log.String(); forgiven.Load() || !strings.Contains(log, "SEGV") {
				t.Errorf("forgiven: %v; the log:\n%s", forgiven.Load(), log)
			}
		})
	}
}

// wantLesser wants a status to say what is left out, and why, and what to do.
func wantLesser(t *testing.T, s status.Status, level crashes.Level) {
	t.Helper()
	faces := conditionsOf(s.Health, health.Faces)
	if len(faces) == 0 || !strings.Contains(faces[0].Reason, "signal (killed, SEGV)") || !strings.Contains(faces[0].Todo, "facegate faces on") {
		t.Errorf("health: %+v", s.Health)
	}
	if len(conditionsOf(s.Health, health.Camera)) > 0 || s.Camera.State != status.CameraOff {
		t.Errorf("the camera is %+v; health: %+v", s.Camera, s.Health)
	}
	if s.Lesser == nil || s.Lesser.Level != level.String() || s.People.Enrolled != 1 {
		t.Errorf("left out is %+v, with %d people", s.Lesser, s.People.Enrolled)
	}
	if left := strings.Contains(faces[0].Reason, "broker"); left != (level == crashes.CardsOnly) {
		t.Errorf("health: %+v", faces)
	}
}

// TestFacesOnTriesAgain turns faces on at a gate that has left them out: a fresh process is to leave nothing out.
func TestFacesOnTriesAgain(t *testing.T) {
	site := gatetest.NewSite(t)
	var forgiven atomic.Bool
	d, err := daemon.New(site.Config(t, nil), daemon.Outside{
		Begin: lesser(crashes.FacesOff, &forgiven), HandsOver: true, Clock: gatetest.TimeServer(),
	}, "test", new(log).logger())
	must(t, err)
	done := make(chan error, 1)
	go func() { done <- d.Run(t.Context()) }()
	<-d.Ready()
	records, err := d.Records(audit.Daemon)
	must(t, err)
	must(t, records.TurnFacesOn(t.Context()))
	if err := <-done; !errors.Is(err, daemon.ErrHandover) || !forgiven.Load() {
		t.Errorf("Run: %v, forgiven: %v", err, forgiven.Load())
	}
	must(t, d.Release())
}

// TestRecovery checks that all is tried again after the time, and not before.
func TestRecovery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for after, want := range map[time.Duration]bool{crashes.Steady - time.Second: false, crashes.Steady + time.Second: true} {
			tried := false
			r := daemon.NewRecovery(crashes.Steady, func() error { tried = true; return nil })
			ctx, cancel := context.WithTimeout(t.Context(), after)
			if err := r.Run(ctx); err != nil || tried != want {
				t.Errorf("after %v all is tried: %v, %v", after, tried, err)
			}
			cancel()
		}
	})
}
