package daemon

import (
	"testing"
	"time"

	"facegate/pipeline/publish"
	"facegate/store/clock"
)

// TestMoment says of a clock that was set away what has been counted since, and of any what has passed.
func TestMoment(t *testing.T) {
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	at := func(wall time.Time, synced bool) clock.Reading {
		return clock.Reading{Wall: wall, Up: time.Hour, Boot: "1", Synced: synced}
	}
	judge := new(clock.Judge)
	if m := momentOf(judge.Judge(at(now, true))); m != (publish.Moment{Now: now, Floor: now, Clock: publish.Synced}) {
		t.Errorf("by a time server: %+v", m)
	}
	if m := momentOf(judge.Judge(at(now.AddDate(70, 0, 0), false))); m != (publish.Moment{Now: now, Floor: now, Clock: publish.Bad}) {
		t.Errorf("set ahead: %+v", m)
	}
	long := time.Unix(0, 0).UTC()
	if m := momentOf(new(clock.Judge).Judge(at(long, false))); m != (publish.Moment{Now: long, Floor: clock.Floor(), Clock: publish.Bad}) {
		t.Errorf("1970: %+v", m)
	}
}
