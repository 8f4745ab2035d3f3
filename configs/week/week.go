// Package week has the words of a week plan: on which days, from when to when by the clock on the wall, a door is open to
// everybody or shut to all. A configuration and a schedule share them.
package week

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A State is what a week plan makes of the door.
type State string

// The states.
const (
	Open State = "open" // unlocked, whoever comes
	Shut State = "shut" // nobody is let in

	Normal State = "" // neither, where there is no window
)

// Days are days of the week, and holidays as a kind of their own.
type Days uint8

// Holidays are the days that a list of dates names, on whichever day of the week they fall.
const Holidays Days = 1 << 7

// names are what days are called, in the order of time.Weekday, with holidays behind them.
func names() []string { return []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat", "holiday"} }

// On returns the one day of the week.
func On(d time.Weekday) Days { return 1 << d }

// Has reports whether every day of other is one of d.
func (d Days) Has(other Days) bool { return d&other == other }

// UnmarshalText reads days such as "mon-fri", "sat, sun" or "fri-mon, holiday".
func (d *Days) UnmarshalText(text []byte) error {
	*d = 0
	for word := range strings.SplitSeq(string(text), ",") {
		some, err := span(strings.TrimSpace(word))
		if err != nil {
			return err
		}
		*d |= some
	}
	return nil
}

// span reads one day, or all from one to another.
func span(word string) (Days, error) {
	from, to, many := strings.Cut(word, "-")
	first, last := number(from), number(from)
	if many {
		last = number(to)
	}
	if first < 0 || last < 0 || many && (first == holiday || last == holiday) {
		return 0, fmt.Errorf("%q is no day; write mon, tue, wed, thu, fri, sat, sun, holiday, or several as in mon-fri", word)
	}
	days := Days(1) << first
	for day := first; day != last; {
		day = (day + 1) % holiday
		days |= 1 << day
	}
	return days, nil
}

// holiday is the number of Holidays among names.
const holiday = 7

// number returns the place of a day's name, or of what begins with it, as monday does; -1 if there is none.
func number(word string) int {
	word = strings.ToLower(strings.TrimSpace(word))
	for i, name := range names() {
		if word == name || i < holiday && word == strings.ToLower(time.Weekday(i).String()) || i == holiday && word == "holidays" {
			return i
		}
	}
	return -1
}

// String names the days, each by itself.
func (d Days) String() string {
	var words []string
	for i, name := range names() {
		if d.Has(1 << i) {
			words = append(words, name)
		}
	}
	return strings.Join(words, ", ")
}

// A Clock is a time of day by the clock on the wall, in minutes since midnight; 24:00 is the end of a day.
type Clock int

// Day is the end of a day.
const Day Clock = 24 * 60

// UnmarshalText reads a time such as 07:30.
func (c *Clock) UnmarshalText(text []byte) error {
	hours, minutes, ok := strings.Cut(string(text), ":")
	h, m := digits(hours), digits(minutes)
	if !ok || len(minutes) != 2 || h < 0 || m < 0 || m > 59 || h*60+m > int(Day) {
		return fmt.Errorf("%q is no time of day; write hours and minutes, as in 07:30, up to 24:00", text)
	}
	*c = Clock(h*60 + m)
	return nil
}

// digits returns the number that one or two digits spell, -1 for anything else.
func digits(text string) int {
	if n, err := strconv.ParseUint(text, 10, 8); err == nil && len(text) <= 2 {
		return int(n)
	}
	return -1
}

// String writes the time as it is read.
func (c Clock) String() string { return fmt.Sprintf("%02d:%02d", int(c)/60, int(c)%60) }

// A Date is a day of the calendar, of one year or of every year.
type Date struct {
	Year  int // 0 for every year
	Month time.Month
	Day   int
}

// UnmarshalText reads a date such as 2026-12-24, or 12-25 for every year.
func (d *Date) UnmarshalText(text []byte) error {
	if t, err := time.Parse(time.DateOnly, string(text)); err == nil {
		*d = Date{t.Year(), t.Month(), t.Day()}
		return nil
	}
	const leap = "2000-"
	t, err := time.Parse(time.DateOnly, leap+string(text))
	if err != nil {
		return fmt.Errorf("%q is no date; write year-month-day, as in 2026-12-24, or month-day for every year, as in 12-25", text)
	}
	*d = Date{Month: t.Month(), Day: t.Day()}
	return nil
}

// Is reports whether a day of the calendar is the date.
func (d Date) Is(year int, month time.Month, day int) bool {
	return d.Month == month && d.Day == day && (d.Year == 0 || d.Year == year)
}

// Past reports whether a day of the calendar is after the date, which does not come again.
func (d Date) Past(year int, month time.Month, day int) bool {
	midnight := func(year int, month time.Month, day int) time.Time {
		return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	}
	return d.Year != 0 && midnight(d.Year, d.Month, d.Day).Before(midnight(year, month, day))
}

// String writes the date as it is read.
func (d Date) String() string {
	if d.Year == 0 {
		return fmt.Sprintf("%02d-%02d", d.Month, d.Day)
	}
	return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day)
}

// A Window says what the door is on some days of the week from a time to another. One that ends before it begins ends on the
// day after, and belongs to the day on which it begins.
type Window struct {
	Days Days  `yaml:"days"`
	From Clock `yaml:"from"`
	To   Clock `yaml:"to"`
	Door State `yaml:"door"`
}

// Length returns how many minutes of the clock w lasts.
func (w Window) Length() Clock {
	if w.To <= w.From {
		return w.To + Day - w.From
	}
	return w.To - w.From
}

// LongestOpen returns for how long the windows leave a door open at a stretch, in an ordinary week or in one of holidays. Windows
// that touch are one stretch, and where the door is shut it is not open. Open all week is Forever.
func LongestOpen(windows []Window) time.Duration {
	return max(longest(windows, false), longest(windows, true))
}

const minutes = 7 * Day // of a week

// longest is LongestOpen for a week without holidays, or of nothing else.
func longest(windows []Window, holidays bool) time.Duration {
	var open, shut [minutes]bool
	for _, w := range windows {
		if w.Door == Shut {
			w.fill(&shut, false)
			w.fill(&shut, holidays)
		} else {
			w.fill(&open, holidays)
		}
	}
	run, most := 0, 0
	for i := range 2 * minutes { // twice round, for what reaches over the end of the week
		if run++; !open[i%minutes] || shut[i%minutes] {
			run = 0
		}
		most = max(most, run)
	}
	if most >= int(minutes) {
		return Forever
	}
	return time.Duration(most) * time.Minute
}

// fill marks the minutes of w in a week.
func (w Window) fill(marks *[minutes]bool, holidays bool) {
	for day := range time.Weekday(7) {
		if holidays && !w.Days.Has(Holidays) || !holidays && !w.Days.Has(On(day)) {
			continue
		}
		for m := range w.Length() {
			marks[(Clock(day)*Day+w.From+m)%minutes] = true
		}
	}
}

// Forever is longer than any bound.
const Forever = time.Duration(1<<63 - 1)
