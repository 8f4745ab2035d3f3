package daemon

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"facegate/configs/hint"
	"facegate/gpio/door"
	"facegate/store/audit"
)

// TestAlarmsOfALooseWire checks that a line that comes and goes does not fill the audit log, and keeps no other alarm out of it.
func TestAlarmsOfALooseWire(t *testing.T) {
	noted := map[audit.Kind]int{}
	d := newDoorEvents(func(door.Event) {}, slog.New(slog.DiscardHandler))
	d.note = func(_ time.Time, k audit.Kind) { noted[k]++ }
	begun := time.Now()
	for i := range 600 { // for a minute
		at := begun.Add(time.Duration(i) * 100 * time.Millisecond)
		d.tell(door.Event{At: at, What: door.FireOn})
		d.tell(door.Event{At: at, What: door.FireOff})
		d.tell(door.Event{At: at, What: door.Opened})
	}
	d.tell(door.Event{At: begun.Add(time.Minute), What: door.Forced})
	if noted[audit.FireAlarm] != 6 || noted[audit.DoorForced] != 1 || len(noted) != 2 {
		t.Errorf("in a minute the audit log gets %v", noted)
	}
}

// TestDoorEventsNeverBlock hands over more events than can wait, to nobody, and wants to be told how many were lost.
func TestDoorEventsNeverBlock(t *testing.T) {
	var log bytes.Buffer
	d := newDoorEvents(func(door.Event) {}, slog.New(slog.NewTextHandler(&log, nil)))
	for range 1000 {
		d.emit(door.Event{At: time.Now(), What: door.Tamper})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := d.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "events=744") || strings.Count(log.String(), "opens the housing") != 256 {
		t.Errorf("the log is %.300s", &log)
	}
}

// TestDoorEventsTellNothingOfPassages checks that the log has a line for what goes wrong, and none for who comes and goes.
func TestDoorEventsTellNothingOfPassages(t *testing.T) {
	var log bytes.Buffer
	d := newDoorEvents(func(door.Event) {}, slog.New(slog.NewTextHandler(&log, nil)))
	for _, w := range []door.What{door.Unlocked, door.Locked, door.Opened, door.Closed, door.ExitAsked, door.HeldWarning} {
		d.tell(door.Event{What: w, Cause: door.Granted})
	}
	if log.Len() > 0 {
		t.Errorf("of who comes and goes it has\n%s", &log)
	}
	for _, w := range []door.What{
		door.Forced, door.ForcedEnded, door.Held, door.HeldEnded, door.Tamper, door.TamperEnded, door.FireOn, door.FireOff, door.LineFault, door.LineMended,
	} {
		log.Reset()
		d.tell(door.Event{What: w, Line: "exit", Err: hint.Wrap(errors.New("gone"), "look")})
		if n := strings.Count(log.String(), "\n"); n != 1 {
			t.Errorf("of %s it has %d lines", w, n)
		}
	}
}
