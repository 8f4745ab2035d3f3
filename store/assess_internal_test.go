package store

import (
	"os"
	"testing"
	"time"
)

// TestFilingAt100000 enrols the last of 100,000 people, and opens the store again.
func TestFilingAt100000(t *testing.T) {
	if os.Getenv("FACEGATE_SLOW") == "" {
		t.Skip("FACEGATE_SLOW is not set")
	}
	const n = 100_000
	o := testOptions(crowd(t, n-1))
	o.FilingAt = n
	s, err := Open(o)
	must(t, err)
	defer func() { s.Close() }()
	if !s.Compliance().Filing().IsZero() {
		t.Error("reached one too early")
	}
	start := time.Now()
	_, err = s.Enrol(current(s, testEnrolment(n)))
	must(t, err)
	t.Logf("enrolled in %v", time.Since(start))
	if at := s.Compliance().Filing(); !at.Equal(day(testNow())) {
		t.Errorf("reached on %v", at)
	}
	must(t, s.Close())
	start = time.Now()
	s, err = Open(o)
	must(t, err)
	t.Logf("opened in %v", time.Since(start))
	if e := s.Epochs().State(); s.Compliance().Filing().IsZero() || e.Renewed+e.Foreign != n {
		t.Errorf("reached on %v with %+v", s.Compliance().Filing(), e)
	}
	start = time.Now()
	must(t, s.Epochs().Begin(1000))
	if ended, err := s.Epochs().End(1000); ended != n || err != nil {
		t.Errorf("ended for %d: %v", ended, err)
	}
	t.Logf("an epoch ended in %v", time.Since(start))
}
