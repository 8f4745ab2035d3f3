package main

import (
	"fmt"
	"time"

	"facegate/configs/hint"
)

// A day is a date on the command line.
type day struct{ time.Time }

// UnmarshalText reads a date as year-month-day. To those who write it otherwise it says how this one is written, where there
// is no doubt which one is meant.
func (d *day) UnmarshalText(text []byte) error {
	typed := string(text)
	t, err := time.Parse(time.DateOnly, typed)
	if err == nil {
		d.Time = t
		return nil
	}
	meant := "such as 2027-11-26"
	for _, layout := range []string{
		"2.1.2006", "2006.1.2", "2006/1/2", "2006-1-2", "20060102", "2 January 2006", "January 2, 2006", "2 Jan 2006", "2006年1月2日",
	} {
		if t, err := time.Parse(layout, typed); err == nil {
			meant = "as " + t.Format(time.DateOnly)
		}
	}
	return hint.Wrap(fmt.Errorf("%q is no date", typed), "write it year-month-day, %s", meant)
}

// A moment is a time on the command line, by the clock on the wall of this machine.
type moment struct{ time.Time }

// UnmarshalText reads a time as year-month-day and hour:minute, or a day, which begins at midnight.
func (m *moment) UnmarshalText(text []byte) error {
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, string(text), time.Local); err == nil {
			m.Time = t
			return nil
		}
	}
	return hint.Wrap(fmt.Errorf("%q is no time", text), "write it year-month-day, T and hour:minute, such as 2027-11-26T08:00")
}
