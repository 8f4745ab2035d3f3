package schedule_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"facegate/configs/week"
	"facegate/pipeline/schedule"
)

// TestCovered holds Covered against each hour at which something can change in ten weeks, in which every day of the week is a holiday, follows one, or
// neither.
func TestCovered(t *testing.T) {
	first := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var holidays []week.Date
	for day := range 75 {
		if at := first.AddDate(0, 0, day); day%5 < 2 { // five and seven have no factor in common
			holidays = append(holidays, week.Date{Year: at.Year(), Month: at.Month(), Day: at.Day()})
		}
	}
	covered, bare := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		draw := func(most int) *schedule.Schedule {
			var windows []week.Window
			for range rapid.IntRange(1, most).Draw(t, "windows") {
				windows = append(windows, week.Window{
					Days: week.Days(rapid.SampledFrom([]int{0xff, 0xff, 0x7f, 0xfe, 0x3e, 0x80}).Draw(t, "days")), Door: week.Open,
					From: week.Clock(rapid.IntRange(0, 3).Draw(t, "from") * 6 * 60), To: week.Clock(rapid.IntRange(1, 4).Draw(t, "to") * 6 * 60),
				})
			}
			return schedule.New(windows, holidays, time.UTC)
		}
		s, one, other := draw(1), draw(3), draw(3)
		want := true
		for i := range 72 * 4 { // the hours at which something can change, but for days before the first
			at := first.Add(24*time.Hour + time.Duration(i)*6*time.Hour)
			want = want && (s.At(at) != week.Open || one.At(at) == week.Open || other.At(at) == week.Open)
		}
		if want {
			covered++
		} else {
			bare++
		}
		if got := s.Covered(one, other); got != want {
			t.Fatalf("covered: %v, want %v", got, want)
		}
	})
	if covered == 0 || bare == 0 {
		t.Errorf("%d are covered, %d not", covered, bare)
	}
	if empty := schedule.New(nil, holidays, time.UTC); !empty.Covered() {
		t.Error("what is never open is not covered")
	}
}
