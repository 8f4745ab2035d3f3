package main

import (
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/people"
)

// TestClock shows the clock of a gate and confirms it, as a technician does where there is no time server. It is confirmed
// for the stopped gate too, as long as the machine runs.
func TestClock(t *testing.T) {
	site := gatetest.NewSite(t)
	config := site.WriteConfig(t, nil)
	l := startLive(t, site, nil)
	year := time.Now().Format("2006")
	l.do(t, "clock").want(t, exitOK, year, "")
	asked := facegate(t.Context(), "clock", "confirm", "--config", config)
	asked.want(t, exitUnconfirmed, "", "--yes")
	asked.want(t, exitUnconfirmed, "", year)
	answering(t.Context(), "n\n", "clock", "confirm", "--config", config).want(t, exitUnconfirmed, "", "compare date, time and zone")
	answering(t.Context(), "y\n", "clock", "confirm", "--config", config).want(t, exitOK, "right", "Type y")
	l.stop()
	var s people.ClockStatus
	facegate(t.Context(), "clock", "--json", "--config", config).decode(t, &s)
	if !s.Right {
		t.Errorf("of the stopped gate the clock is %+v", s)
	}
	facegate(t.Context(), "clock", "confirm", "--yes", "--config", config).want(t, exitOK, "right", "")
}

// TestWriteClock says of a clock that is not believed why, and what waits.
func TestWriteClock(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	s := people.ClockStatus{
		Wall: at, Reason: "it was set", Todo: "set it right", Certain: at.AddDate(0, 0, -1), Erasures: 2, Provisional: 3,
	}
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	writeClock(w, s)
	w.Flush()
	for _, want := range []string{"1 March 2026", "28 February 2026", "it was set", "set it right", "2 erasures", "right: 3"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, &out)
		}
	}
	if about := strings.Join(confirmed(s), "\n"); !strings.Contains(about, "1 March 2026") || !strings.Contains(about, ": 2") {
		t.Errorf("before a confirmation: %s", about)
	}
}

// TestWriteProvisional says of a person that the dates are those of a clock that was in doubt.
func TestWriteProvisional(t *testing.T) {
	at := time.Date(1970, 1, 9, 12, 0, 0, 0, time.UTC)
	f := people.File{
		Person:  people.Person{Label: "one", Enrolled: at, Expires: at.AddDate(1, 0, 0), Provisional: true},
		Entries: []people.AuditEntry{{Time: at, Kind: "enrolled", Doubted: true}, {Time: at, Kind: "pass-issued"}},
	}
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	writePerson(w, f)
	w.Flush()
	for want, n := range map[string]int{"1971-01-09 (provisional)": 1, "by a clock that was not known to be right": 1} {
		if got := strings.Count(out.String(), want); got != n {
			t.Errorf("%q is there %d times, want %d, in\n%s", want, got, n, &out)
		}
	}
}
