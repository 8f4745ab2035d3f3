package week_test

import (
	"encoding"
	"testing"
	"time"

	"facegate/configs/week"
)

func read(t *testing.T, text string, v encoding.TextUnmarshaler) error {
	t.Helper()
	return v.UnmarshalText([]byte(text))
}

func TestDays(t *testing.T) {
	for text, want := range map[string]string{
		"mon": "mon", "mon-fri": "mon, tue, wed, thu, fri", "sat,sun": "sun, sat", "fri-mon": "sun, mon, fri, sat",
		"Monday - Wednesday, holiday": "mon, tue, wed, holiday", "sun-sat": "sun, mon, tue, wed, thu, fri, sat", "holidays": "holiday",
	} {
		var d week.Days
		if err := read(t, text, &d); err != nil || d.String() != want {
			t.Errorf("%q is %v, %v; want %q", text, d, err, want)
		}
	}
	for _, text := range []string{"", "m", "mon,", "mon-", "mon-holiday", "1", "mon tue", "mo"} {
		var d week.Days
		if err := read(t, text, &d); err == nil {
			t.Errorf("%q is taken for %v", text, d)
		}
	}
}

func TestClock(t *testing.T) {
	for text, want := range map[string]week.Clock{"00:00": 0, "7:30": 450, "07:30": 450, "23:59": 1439, "24:00": week.Day} {
		var c week.Clock
		if err := read(t, text, &c); err != nil || c != want {
			t.Errorf("%q is %d, %v; want %d", text, c, err, want)
		}
	}
	for _, text := range []string{"", "7", "24:01", "25:00", "07:60", "07:5", "007:00", "-1:00", "+7:00", "7.30", "07:30:00", " 7:00"} {
		var c week.Clock
		if err := read(t, text, &c); err == nil {
			t.Errorf("%q is taken for %v", text, c)
		}
	}
}

func TestDate(t *testing.T) {
	for text, want := range map[string]week.Date{
		"2026-12-24": {Year: 2026, Month: time.December, Day: 24}, "12-25": {Month: time.December, Day: 25}, "02-29": {Month: time.February, Day: 29},
	} {
		var d week.Date
		if err := read(t, text, &d); err != nil || d != want {
			t.Errorf("%q is %v, %v; want %v", text, d, err, want)
		}
	}
	for _, text := range []string{"", "2026-02-29", "2026-13-01", "13-01", "24.12.2026", "12/25", "2026"} {
		var d week.Date
		if err := read(t, text, &d); err == nil {
			t.Errorf("%q is taken for %v", text, d)
		}
	}
	if every := (week.Date{Month: time.May, Day: 1}); !every.Is(2026, time.May, 1) || !every.Is(2031, time.May, 1) || every.Is(2026, time.May, 2) {
		t.Error("the first of May is not that of every year")
	}
}

// TestPastDates holds dates against the day before them, their own and the day after. What comes every year is never past.
func TestPastDates(t *testing.T) {
	for _, tt := range []struct {
		date string
		on   [3]int
		past bool
	}{
		{"2026-12-24", [3]int{2026, 12, 23}, false},
		{"2026-12-24", [3]int{2026, 12, 24}, false},
		{"2026-12-24", [3]int{2026, 12, 25}, true},
		{"2026-12-31", [3]int{2027, 1, 1}, true},
		{"2027-01-01", [3]int{2026, 12, 31}, false},
		{"01-01", [3]int{2026, 12, 31}, false},
	} {
		var d week.Date
		if err := d.UnmarshalText([]byte(tt.date)); err != nil {
			t.Fatal(err)
		}
		if got := d.Past(tt.on[0], time.Month(tt.on[1]), tt.on[2]); got != tt.past || d.String() != tt.date {
			t.Errorf("on %v %v is past %v", tt.on, d, got)
		}
	}
}

func TestLongestOpen(t *testing.T) {
	window := func(days string, from, to week.Clock, s week.State) week.Window {
		w := week.Window{From: from * 60, To: to * 60, Door: s}
		if err := w.Days.UnmarshalText([]byte(days)); err != nil {
			t.Fatal(err)
		}
		return w
	}
	for _, test := range []struct {
		name    string
		windows []week.Window
		want    time.Duration
	}{
		{"nothing", nil, 0},
		{"shut alone", []week.Window{window("mon-sun", 0, 24, week.Shut)}, 0},
		{"office hours", []week.Window{window("mon-fri", 8, 18, week.Open)}, 10 * time.Hour},
		{"over midnight", []week.Window{window("fri", 20, 2, week.Open)}, 6 * time.Hour},
		{"over the end of the week", []week.Window{window("sat", 20, 24, week.Open), window("sun", 0, 3, week.Open)}, 7 * time.Hour},
		{"two that touch", []week.Window{window("mon", 8, 12, week.Open), window("mon", 12, 18, week.Open)}, 10 * time.Hour},
		{"two that overlap", []week.Window{window("mon", 8, 14, week.Open), window("mon", 12, 18, week.Open)}, 10 * time.Hour},
		{"cut by a shut one", []week.Window{window("mon", 8, 18, week.Open), window("mon", 12, 13, week.Shut)}, 5 * time.Hour},
		{"a whole day", []week.Window{window("mon", 0, 24, week.Open)}, 24 * time.Hour},
		{"all week", []week.Window{window("sun-sat", 0, 24, week.Open)}, week.Forever},
		{"holidays alone", []week.Window{window("holiday", 8, 18, week.Open)}, 10 * time.Hour},
		{"holidays in a row", []week.Window{window("holiday", 0, 24, week.Open)}, week.Forever},
		{"holidays, shut at night", []week.Window{window("holiday", 0, 24, week.Open), window("sun-sat", 22, 6, week.Shut)}, 16 * time.Hour},
	} {
		if got := week.LongestOpen(test.windows); got != test.want {
			t.Errorf("%s: open for %v at a stretch, want %v", test.name, got, test.want)
		}
	}
}
