package daemon_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"
	"testing"

	"facegate/cmd/facegate/internal/control"
	"facegate/cmd/facegate/internal/daemon"
	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/opening"
	"facegate/cmd/facegate/internal/systime"
	"facegate/configs/hint"
	"facegate/pipeline/publish"
	"facegate/store/audit"
)

// TestOpeningByHand opens the door by hand, and looks for who did it in the audit log, for the event in the outbox, and
// whether a restart is a way round the rest.
func TestOpeningByHand(t *testing.T) {
	t.Parallel()
	site := gatetest.NewSite(t)
	more := gatetest.Settings{"door": "{driver: sim, pulse: 10s}"}
	r := start(t, site, more, daemon.Outside{})
	ctx, cancel := context.WithCancel(t.Context())
	asked := make(chan error, 1)
	go func() {
		_, err := r.client.TestDoor(ctx)
		asked <- err
	}()
	gatetest.Eventually(t, "the door is open and that is told", func() bool {
		s, err := r.client.Status(t.Context())
		return err == nil && r.line.Active() && s.MQTT.Queued == 1
	})
	cancel()
	<-asked
	r.stop()

	config := site.Config(t, more)
	s, err := opening.Store(config, systime.New(), slog.New(slog.DiscardHandler))
	must(t, err)
	log, err := s.Log().Read()
	must(t, err)
	opened := 0
	for _, rec := range log.Records {
		if e := rec.Entry; e.Kind == audit.OpenedByHand {
			opened++
			if int(e.Actor) != os.Getuid() {
				t.Errorf("the entry is %+v", e)
			}
		}
	}
	kept, err := s.Outbox(10)
	must(t, err)
	_, text, _ := kept.Next()
	_, e, err := publish.Decode(text)
	must(t, err)
	if opened != 1 || e.Type != publish.Opened || e.Method != publish.Manual || e.LatencyMS != 0 || e.Reason != nil {
		t.Errorf("%d entries, and the event %s", opened, text)
	}
	must(t, s.Close())

	r = start(t, site, more, daemon.Outside{})
	_, err = r.client.TestDoor(t.Context())
	if !errors.Is(err, control.ErrRefused) || !strings.Contains(hint.Of(err), "wait ") || r.line.Active() {
		t.Errorf("after a restart: %v, hint %q", err, hint.Of(err))
	}
}
