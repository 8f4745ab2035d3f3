package store_test

import (
	"testing"
	"time"

	"facegate/store"
	"facegate/store/audit"
	"facegate/store/storetest"
)

// TestFacesOff turns faces off and on, twice each, and looks over a restart.
func TestFacesOff(t *testing.T) {
	dir := t.TempDir()
	now := storetest.Now()
	s := openAt(t, dir, &now)
	if s.FacesOff() != nil {
		t.Error("faces are off at first")
	}
	must(t, s.TurnFacesOn(1000))
	must(t, s.TurnFacesOff("a film", 1000))
	since := now.Unix()
	now = now.Add(time.Hour)
	must(t, s.TurnFacesOff("another film", 1001))
	must(t, s.Close())

	s = openAt(t, dir, &now)
	if off := s.FacesOff(); off == nil || *off != (store.FacesOff{Since: since, By: 1000, Reason: "a film"}) {
		t.Errorf("after a restart: %+v", off)
	}
	must(t, s.TurnFacesOn(1001))
	must(t, s.TurnFacesOn(1001))
	if s.FacesOff() != nil {
		t.Error("faces stay off")
	}
	mustSay(t, s, "created", "faces-off", "faces-on")
	l, err := s.Audit()
	must(t, err)
	if e := l.Records[2].Entry; e.Actor != 1001 || e.Kind != audit.FacesOn {
		t.Errorf("the last entry is %+v", e)
	}
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}
