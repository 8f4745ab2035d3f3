package law

import "time"

// FilingDeadline returns the last day on which an operator can file who has reached FilingAt persons on the day reached. It
// counts FilingWorkingDays, Monday to Friday. It knows no public holidays; they make the true deadline later. It knows no
// weekend days that are worked to make up for a holiday; they make the true deadline earlier.
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
