package daemon_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/daemon"
	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/health"
	"facegate/cmd/facegate/internal/people"
	"facegate/store/clock/clocktest"
)

// clocked runs a daemon on a machine with clocks of its own.
func clocked(t *testing.T, site gatetest.Site, machine *clocktest.Machine) *running {
	t.Helper()
	return start(t, site, nil, daemon.Outside{Clock: machine.Read})
}

// enrol enrols a person of testdata.
func (r *running) enrol(t *testing.T, person string) people.Enrolled {
	t.Helper()
	e := r.capture(t, person)
	gatetest.Eventually(t, person+" has left", func() bool { return !r.Lingers() })
	return e
}

// capture captures somebody.
func (r *running) capture(t *testing.T, person string) people.Enrolled {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		r.appear(t, ctx, person)
	}()
	e, err := r.client.Enrol(ctx, people.EnrolRequest{Label: person, Consent: "form " + person, Age: "adult"}, func(people.Progress) {})
	cancel()
	<-gone
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// expect waits until the gate says of its clock what it should, and so many people match.
func (r *running) expect(t *testing.T, what string, matching int, ok func(people.ClockStatus) bool) {
	t.Helper()
	gatetest.Eventually(t, what, func() bool {
		s, err := r.client.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		degraded := false
		for _, c := range s.Health.Conditions {
			degraded = degraded || c.Part == health.Clock && c.Todo != ""
		}
		return s.People.Enrolled == matching && degraded == !s.Clock.Right && ok(s.Clock)
	})
}

// TestFalseClock runs a gate under a clock that is false at the start, in the middle, ahead, behind, and over a restart.
// Nobody is erased by it, and whoever is enrolled under it gets the right dates.
func TestFalseClock(t *testing.T) {
	site, now := gatetest.NewSite(t), time.Date(2026, 7, 1, 9, 0, 0, 0, time.UTC)
	machine := clocktest.New(now)
	machine.Ahead(time.Unix(100, 0).Sub(now))
	r := clocked(t, site, machine)
	if e := r.capture(t, "p01"); !e.Provisional {
		t.Errorf("enrolled in 1970: %+v", e)
	}
	r.expect(t, "it is not 1970", 1, func(c people.ClockStatus) bool {
		return !c.Right && c.Provisional == 1 && strings.Contains(c.Reason, "1970-01-01") && strings.Contains(c.Todo, "facegate clock confirm")
	})
	for _, want := range []string{"the clock is not believed", "has provisional dates"} {
		if !strings.Contains(r.log.String(), want) {
			t.Errorf("the log does not say that %s", want)
		}
	}

	machine.Ahead(0)
	s, err := r.client.Clock(t.Context())
	must(t, err)
	_, err = r.client.ConfirmClock(t.Context(), s.Wall)
	must(t, err)
	r.expect(t, "the date is confirmed", 1, func(c people.ClockStatus) bool { return c.Right && c.Provisional == 0 })
	all, err := r.client.People(t.Context())
	if must(t, err); len(all) != 1 || all[0].Provisional || !all[0].Enrolled.Equal(now.Truncate(24*time.Hour)) {
		t.Errorf("the people are %+v", all)
	}

	machine.Ahead(4000 * 24 * time.Hour)
	waits := func(c people.ClockStatus) bool {
		return !c.Right && c.Erasures == 1 && strings.Contains(c.Reason, "4000 days ahead")
	}
	r.expect(t, "an erasure waits", 0, waits)
	r.stop()
	r = clocked(t, site, machine)
	r.expect(t, "it waits after a restart", 0, waits)
	machine.Ahead(0)
	r.expect(t, "nobody is lost", 1, func(c people.ClockStatus) bool { return c.Right && c.Erasures == 0 })

	machine.Ahead(-100 * 24 * time.Hour)
	r.expect(t, "the clock is behind", 1, func(c people.ClockStatus) bool { return strings.Contains(c.Reason, "100 days behind") })
	if e := r.capture(t, "p02"); !e.Provisional {
		t.Errorf("enrolled by a clock that is behind: %+v", e)
	}
	if _, err := r.client.Verify(t.Context(), nil); err != nil {
		t.Error(err)
	}
	machine.Ahead(0)
	r.expect(t, "the clock is right again", 2, func(c people.ClockStatus) bool { return c.Right && c.Provisional == 0 })

	machine.Pass(4000 * 24 * time.Hour)
	r.expect(t, "who has expired is erased", 0, func(c people.ClockStatus) bool { return c.Right && c.Erasures == 0 })
	gatetest.Eventually(t, "nobody is left", func() bool {
		all, err := r.client.People(t.Context())
		must(t, err)
		return len(all) == 0
	})
}
