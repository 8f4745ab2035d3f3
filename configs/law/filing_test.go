package law_test

import (
	"testing"
	"time"

	"facegate/configs/law"
)

func TestFilingDeadline(t *testing.T) {
	for reached, want := range map[string]string{
		"2026-03-02": "2026-04-13", // a Monday: six weeks
		"2026-03-06": "2026-04-17", // a Friday
		"2026-03-07": "2026-04-17", // the Saturday and Sunday after it
		"2026-03-08": "2026-04-17",
		"2026-12-31": "2027-02-11", // a Thursday
	} {
		day, err := time.Parse(time.DateOnly, reached)
		if err != nil {
			t.Fatal(err)
		}
		if got := law.FilingDeadline(day).Format(time.DateOnly); got != want {
			t.Errorf("reached on %s: file by %s, want %s", reached, got, want)
		}
	}
}
