// Package schedule says what a week plan makes of a door at a moment. It knows no door and has no clock: whoever follows it says
// what time it is, and whether that can be believed.
package schedule

import (
	"slices"
	"time"

	"facegate/configs/week"
)

// A Schedule is a week plan with its holidays, in the time zone of a site.
type Schedule struct {
	windows  []week.Window
	holidays []week.Date
	zone     *time.Location
	bounds   []week.Clock // the times of day at which something can change, in order
}

// New returns the Schedule of windows by the clock on the wall of a zone.
func New(windows []week.Window, holidays []week.Date, zone *time.Location) *Schedule {
	bounds := []week.Clock{0} // where one day's holiday ends
	for _, w := range windows {
		bounds = append(bounds, w.From, w.To%week.Day)
	}
	slices.Sort(bounds)
	return &Schedule{windows: windows, holidays: holidays, zone: zone, bounds: slices.Compact(bounds)}
}

// At returns what the door is at t: open, shut or neither, as week.Normal. The clock on the wall decides alone, so that an hour which
// comes twice counts twice. Where windows overlap, shut wins.
func (s *Schedule) At(t time.Time) week.State {
	now := t.In(s.zone)
	today, yesterday := s.kind(now, 0), s.kind(now, -1)
	clock := week.Clock(now.Hour()*60 + now.Minute())
	state := week.Normal
	for _, w := range s.windows {
		over := w.To <= w.From // midnight
		in := clock >= w.From && (over || clock < w.To) && begins(w, today) || over && clock < w.To && begins(w, yesterday)
		switch {
		case in && w.Door == week.Shut:
			return week.Shut
		case in:
			state = week.Open
		}
	}
	return state
}

// kind returns what kind of day it is on the wall, some days after that of t: its day of the week, and whether it is a holiday.
func (s *Schedule) kind(t time.Time, after int) week.Days {
	day := time.Date(t.Year(), t.Month(), t.Day()+after, 0, 0, 0, 0, time.UTC)
	kind := week.On(day.Weekday())
	if slices.ContainsFunc(s.holidays, func(d week.Date) bool { return d.Is(day.Date()) }) {
		kind |= week.Holidays
	}
	return kind
}

// begins reports whether a window begins on a day of some kind. On a holiday nothing is open by the day of the week alone.
func begins(w week.Window, kind week.Days) bool {
	if holiday := kind.Has(week.Holidays); holiday && w.Door == week.Open {
		return w.Days.Has(week.Holidays)
	}
	return w.Days&kind != 0
}

// horizon bounds how far Next looks: what changes on one day of a leap year alone is found.
const horizon = (4*366 + 1) * 24 * time.Hour

// Next returns when the door changes next after t, and false if it does not.
func (s *Schedule) Next(t time.Time) (time.Time, bool) {
	if len(s.windows) == 0 {
		return time.Time{}, false
	}
	now := s.At(t)
	for at := s.step(t); at.Before(t.Add(horizon)); at = s.step(at) {
		if s.At(at) != now {
			return at, true
		}
	}
	return time.Time{}, false
}

// step returns the first moment after t at which the clock on the wall stands at a time where something can change, or is set.
func (s *Schedule) step(t time.Time) time.Time {
	now := t.In(s.zone)
	clock := week.Clock(now.Hour()*60 + now.Minute())
	i := slices.IndexFunc(s.bounds, func(b week.Clock) bool { return b > clock })
	wait := week.Day + s.bounds[0] - clock
	if i >= 0 {
		wait = s.bounds[i] - clock
	}
	into := time.Duration(now.Second())*time.Second + time.Duration(now.Nanosecond())
	next := now.Add(time.Duration(wait)*time.Minute - into)
	if _, set := now.ZoneBounds(); !set.IsZero() && set.Before(next) {
		return set
	}
	return next
}
