package camera_test

import (
	"errors"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/camera"
	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/watchdog"
	"facegate/pipeline/attempt"
	"facegate/pipeline/detect"
	"facegate/pipeline/template"
)

// A stuck Engine waits in the middle of a frame, as one that hangs.
type stuck struct {
	camera.Engine
	reached, until chan struct{}
}

func (s *stuck) Detect() ([]detect.Face, error) {
	s.reached <- struct{}{}
	<-s.until
	return s.Engine.Detect()
}

// TestHangs has the networks hang: whoever asks is told for how long, cards open the door, and no camera that shows nothing is
// taken for one that hangs.
func TestHangs(t *testing.T) {
	o := defaults()
	o.stuck = &stuck{reached: make(chan struct{}), until: make(chan struct{})}
	b := start(t, gatetest.NewSite(t), o)
	parts := []watchdog.Part{{Name: "what looks at faces", Busy: b.camera.Busy, Limit: 30 * time.Second}}
	b.clock.advance(time.Hour)
	if err := watchdog.Judge(parts); err != nil {
		t.Errorf("without a frame: %v", err)
	}
	b.put(gatetest.Corridor(t), 0)
	<-o.stuck.reached
	b.clock.advance(29 * time.Second)
	if err := watchdog.Judge(parts); err != nil {
		t.Errorf("29 seconds at one frame: %v", err)
	}
	b.clock.advance(2 * time.Second)
	if err := watchdog.Judge(parts); !errors.Is(err, watchdog.ErrHangs) {
		t.Errorf("half a minute at one frame: %v", err)
	}
	card := attempt.Attempt{Means: attempt.Card, Asked: b.clock.now(), Person: template.PersonID{1}, Finding: attempt.Matched}
	if got := b.entry.Ask(card); got.Opened.IsZero() {
		t.Errorf("a card meanwhile: %+v", got)
	}
	close(o.stuck.until)
	<-b.seen
	gatetest.Eventually(t, "the frame is over", func() bool { return b.camera.Busy() == 0 })
}
