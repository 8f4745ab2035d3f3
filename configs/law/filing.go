package law

import "time"

// FilingDeadline returns the last day on which an operator can file who has reached FilingAt persons on the day reached:
// FilingWorkingDays later, Monday to Friday. It knows neither public holidays, which make the true deadline later, nor
// weekend days that are worked to make up for one, which make it earlier.
func FilingDeadline(reached time.Time) time.Time {
	day := reached
	for left := FilingWorkingDays; left > 0; {
		day = day.AddDate(0, 0, 1)
		if w := day.Weekday(); w != time.Saturday && w != time.Sunday {
			left--
		}
	}
	return day
}
