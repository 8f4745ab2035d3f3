package schedule_test

import (
	"math/rand/v2"
	"os"
	"testing"
	"time"
	_ "time/tzdata" // the machine may have none

	"facegate/configs/week"
	"facegate/pipeline/schedule"
)

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func window(t *testing.T, days, from, to string, s week.State) week.Window {
	t.Helper()
	w := week.Window{Door: s}
	for _, err := range []error{
		w.Days.UnmarshalText([]byte(days)), w.From.UnmarshalText([]byte(from)), w.To.UnmarshalText([]byte(to)),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// TestAt is a table of moments by the clock on the wall, with their offset from UTC where the clock is set.
func TestAt(t *testing.T) {
	berlin, shanghai, havana := zone(t, "Europe/Berlin"), zone(t, "Asia/Shanghai"), zone(t, "America/Havana")
	office := []week.Window{window(t, "mon-fri", "08:00", "18:00", week.Open), window(t, "sun-sat", "23:00", "05:00", week.Shut)}
	night := []week.Window{window(t, "sun", "02:00", "03:00", week.Open)}
	across := []week.Window{window(t, "sun", "01:30", "02:30", week.Open)}
	midnight := []week.Window{window(t, "sun", "00:00", "01:30", week.Open)}
	holidays := []week.Date{{Month: time.December, Day: 25}, {Year: 2026, Month: time.April, Day: 3}}
	festive := append([]week.Window{window(t, "holiday", "10:00", "12:00", week.Open)}, office...)
	for _, test := range []struct {
		name    string
		windows []week.Window
		zone    *time.Location
		at      string // RFC 3339
		want    week.State
	}{
		{"before the office", office, berlin, "2026-03-02T07:59:59+01:00", week.Normal},
		{"from the minute on", office, berlin, "2026-03-02T08:00:00+01:00", week.Open},
		{"to the minute", office, berlin, "2026-03-02T17:59:59+01:00", week.Open},
		{"after the office", office, berlin, "2026-03-02T18:00:00+01:00", week.Normal},
		{"told in another zone", office, shanghai, "2026-03-02T00:00:00Z", week.Open},
		{"saturday", office, berlin, "2026-03-07T10:00:00+01:00", week.Normal},
		{"late", office, berlin, "2026-03-02T23:00:00+01:00", week.Shut},
		{"after midnight", office, berlin, "2026-03-03T04:59:00+01:00", week.Shut},
		{"in the morning", office, berlin, "2026-03-03T05:00:00+01:00", week.Normal},
		{"a holiday of one year", office, berlin, "2026-04-03T10:00:00+02:00", week.Normal},
		{"the same day of the next", office, berlin, "2028-04-03T10:00:00+02:00", week.Open},
		{"a holiday of every year", office, berlin, "2028-12-25T10:00:00+01:00", week.Normal},
		{"shut on a holiday too", office, berlin, "2028-12-25T23:30:00+01:00", week.Shut},
		{"open because it is a holiday", festive, berlin, "2028-12-25T10:00:00+01:00", week.Open},
		{"not on other days", festive, berlin, "2026-03-07T10:00:00+01:00", week.Normal},
		{"an hour left out: before", night, berlin, "2026-03-29T01:59:59+01:00", week.Normal},
		{"an hour left out: after", night, berlin, "2026-03-29T03:00:00+02:00", week.Normal},
		{"an hour that comes twice: first", night, berlin, "2026-10-25T02:30:00+02:00", week.Open},
		{"an hour that comes twice: again", night, berlin, "2026-10-25T02:30:00+01:00", week.Open},
		{"an hour that comes twice: over", night, berlin, "2026-10-25T03:00:00+01:00", week.Normal},
		{"half an hour left out", across, berlin, "2026-03-29T03:00:00+02:00", week.Normal},
		{"half an hour twice: first", across, berlin, "2026-10-25T02:29:00+02:00", week.Open},
		{"half an hour twice: between", across, berlin, "2026-10-25T02:30:00+02:00", week.Normal},
		{"half an hour twice: again", across, berlin, "2026-10-25T02:00:00+01:00", week.Open},
		{"a day that begins at one", midnight, havana, "2026-03-08T01:00:00-04:00", week.Open},
		{"the moment before it", midnight, havana, "2026-03-07T23:59:00-05:00", week.Normal},
	} {
		at, err := time.Parse(time.RFC3339, test.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := schedule.New(test.windows, holidays, test.zone).At(at); got != test.want {
			t.Errorf("%s: %q at %v, want %q", test.name, got, at.In(test.zone), test.want)
		}
	}
}

func TestShutWins(t *testing.T) {
	windows := []week.Window{window(t, "mon", "08:00", "18:00", week.Open), window(t, "mon", "12:00", "13:00", week.Shut)}
	noon := time.Date(2026, 3, 2, 12, 30, 0, 0, time.UTC)
	for _, s := range []*schedule.Schedule{
		schedule.New(windows, nil, time.UTC), schedule.New([]week.Window{windows[1], windows[0]}, nil, time.UTC),
	} {
		if got := s.At(noon); got != week.Shut {
			t.Errorf("%q where one window is open and another shut", got)
		}
	}
}

// An oracle marks every minute of the clock on the wall that a plan says something of.
type oracle map[int64]week.State

// wall returns a minute by the clock on the wall, which knows no zone.
func wall(t time.Time) int64 {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), 0, 0, time.UTC).Unix() / 60
}

// mark marks the minutes of the windows of one kind that begin on any day of some years.
func (o oracle) mark(windows []week.Window, holidays []week.Date, kind week.State, from, to int) {
	for day := time.Date(from-1, 12, 31, 0, 0, 0, 0, time.UTC); day.Year() <= to; day = day.Add(24 * time.Hour) {
		holiday := false
		for _, h := range holidays {
			holiday = holiday || h.Month == day.Month() && h.Day == day.Day() && (h.Year == 0 || h.Year == day.Year())
		}
		for _, w := range windows {
			begins := w.Days&(1<<day.Weekday()) != 0
			if holiday && kind == week.Open {
				begins = false
			}
			if holiday && w.Days&week.Holidays != 0 {
				begins = true
			}
			if w.Door != kind || !begins {
				continue
			}
			minutes := int64(w.To - w.From)
			if minutes <= 0 {
				minutes += 24 * 60
			}
			for m := range minutes {
				o[day.Unix()/60+int64(w.From)+m] = kind
			}
		}
	}
}

// some returns a plan and holidays by chance.
func some(r *rand.Rand) (windows []week.Window, holidays []week.Date) {
	for range 1 + r.IntN(5) {
		w := week.Window{Days: week.Days(1 + r.IntN(255)), From: week.Clock(r.IntN(24 * 60)), Door: week.Open}
		if r.IntN(2) == 0 {
			w.From -= w.From % 60
		}
		if w.To = 1 + week.Clock(r.IntN(24*60)); w.To == w.From {
			w.To++
		}
		if r.IntN(2) == 0 {
			w.Door = week.Shut
		}
		windows = append(windows, w)
	}
	for range r.IntN(20) {
		day := time.Date(2026, 1, 1+r.IntN(730), 0, 0, 0, 0, time.UTC)
		date := week.Date{Year: day.Year(), Month: day.Month(), Day: day.Day()}
		if r.IntN(2) == 0 {
			date.Year = 0
		}
		holidays = append(holidays, date)
	}
	return windows, holidays
}

// TestEveryMinute compares every minute of two years with the oracle, and what comes next with what then came.
func TestEveryMinute(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	names := []string{"Europe/Berlin"}
	if os.Getenv("FACEGATE_SLOW") != "" {
		names = append(names, "Australia/Lord_Howe", "Asia/Shanghai", "America/New_York", "America/Havana", "Asia/Kathmandu", "Africa/Casablanca", "Pacific/Apia")
	}
	for _, name := range names {
		everyMinute(t, r, name)
	}
}

func everyMinute(t *testing.T, r *rand.Rand, name string) {
	t.Helper()
	windows, holidays := some(r)
	z, o := zone(t, name), oracle{}
	s := schedule.New(windows, holidays, z)
	o.mark(windows, holidays, week.Open, 2026, 2028)
	o.mark(windows, holidays, week.Shut, 2026, 2028)
	from, to := time.Date(2026, 1, 2, 0, 0, 0, 0, z), time.Date(2028, 1, 2, 0, 0, 0, 0, z)
	last, next, changes := s.At(from), time.Time{}, 0
	for at := from; at.Before(to); at = at.Add(time.Minute) {
		want := o[wall(at.In(z))]
		if got := s.At(at.Add(time.Duration(r.Int64N(int64(time.Minute))))); got != want {
			t.Fatalf("%s: %q at %v, want %q of %v, holidays %v", name, got, at, want, windows, holidays)
		}
		if want == last && !at.Equal(from) {
			continue
		}
		if !next.IsZero() && !next.Equal(at) {
			t.Fatalf("%s: the door changes at %v, and was to change at %v, by %v, holidays %v", name, at, next, windows, holidays)
		}
		last = want
		changes++
		next, _ = s.Next(at.Add(time.Duration(r.Int64N(int64(time.Minute)))))
	}
	if next.Before(to) && !next.IsZero() {
		t.Fatalf("%s: the door was to change at %v, by %v, holidays %v", name, next, windows, holidays)
	}
	t.Logf("%s: %d changes by %d windows and %d holidays", name, changes, len(windows), len(holidays))
}

func TestNext(t *testing.T) {
	at := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	if next, ok := schedule.New(nil, nil, time.UTC).Next(at); ok {
		t.Errorf("nothing changes at %v", next)
	}
	always := []week.Window{window(t, "sun-sat", "00:00", "24:00", week.Shut)}
	if next, ok := schedule.New(always, nil, time.UTC).Next(at); ok {
		t.Errorf("what is always shut changes at %v", next)
	}
	leap := []week.Window{window(t, "holiday", "10:00", "11:00", week.Open)}
	next, ok := schedule.New(leap, []week.Date{{Month: time.February, Day: 29}}, time.UTC).Next(at)
	if want := time.Date(2028, 2, 29, 10, 0, 0, 0, time.UTC); !ok || !next.Equal(want) {
		t.Errorf("the next leap day is %v, want %v", next, want)
	}
}

func BenchmarkAt(b *testing.B) {
	windows, holidays := some(rand.New(rand.NewPCG(1, 2)))
	s := schedule.New(windows, holidays, time.UTC)
	at := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	for b.Loop() {
		s.At(at)
	}
}
