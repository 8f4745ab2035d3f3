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
	return s.on(s.kind(now, 0), s.kind(now, -1), week.Clock(now.Hour()*60+now.Minute()))
}

// on is At for a time of a day of some kind, after a day of another.
func (s *Schedule) on(today, yesterday week.Days, clock week.Clock) week.State {
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

// Covered reports whether one of others is open whenever s is, whichever days are holidays.
func (s *Schedule) Covered(others ...*Schedule) bool {
	for day := range time.Weekday(7) {
		today, yesterday := week.On(day), week.On((day+6)%7)
		for _, h := range [][2]week.Days{{0, 0}, {week.Holidays, 0}, {0, week.Holidays}, {week.Holidays, week.Holidays}} {
			if !s.covered(today|h[0], yesterday|h[1], others) {
				return false
			}
		}
	}
	return true
}

// covered is Covered for a day of some kind, after a day of another. Between the bounds of all of them nothing changes.
func (s *Schedule) covered(today, yesterday week.Days, others []*Schedule) bool {
	bounds := slices.Clone(s.bounds)
	for _, o := range others {
		bounds = append(bounds, o.bounds...)
	}
	return !slices.ContainsFunc(bounds, func(c week.Clock) bool {
		open := func(o *Schedule) bool { return o.on(today, yesterday, c) == week.Open }
		return open(s) && !slices.ContainsFunc(others, open)
	})
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
