package ledger

import (
	"fmt"
	"math"
	"time"

	"facegate/cmd/facegate/internal/people"
	"facegate/store/audit"
	"facegate/store/clock"
)

// Clock says what is known of the time, and what waits for it.
func (l Ledger) Clock() people.ClockStatus {
	v, waiting := l.Store.Clock().Verdict(), l.Store.Clock().Waiting()
	s := people.ClockStatus{
		Wall: v.Wall, Right: v.Right(), Synced: v.Synced, Certain: v.Certain,
		Erasures: waiting.Erasures, Provisional: waiting.Provisional,
	}
	s.Reason, s.Todo = Doubt(v)
	return s
}

// ConfirmClock notes that a technician vouches for the date, which was seen a moment ago.
func (l Ledger) ConfirmClock(seen time.Time, by audit.Actor) (people.ClockStatus, error) {
	if err := l.Store.Clock().Confirm(seen, by); err != nil {
		return people.ClockStatus{}, err
	}
	return l.Clock(), nil
}

// Doubt says why the clock is not believed, and what to do; nothing if it is.
func Doubt(v clock.Verdict) (reason, todo string) {
	confirm := "let the machine reach a time server; or look whether date is right, and then: facegate clock confirm"
	switch v.Doubt {
	case clock.Unvouched:
		days := math.Ceil(v.Waits.Hours() / 24)
		reason = "no time server says that the clock is right"
		if v.Off != 0 {
			reason = "the clock was set " + distance(v.Off) + " what it said for longer, and " + reason
		}
		return reason, fmt.Sprintf("%s; otherwise it is believed when it has gone on for "+
			"%.0f more days", confirm, days)
	case clock.Stepped:
		return "the clock was set " + distance(v.Off) + " the date that is known",
			"set it right; if it is the clock that is right now: facegate clock confirm"
	case clock.Behind:
		return "the clock is " + distance(v.Off) + " a date that has passed", confirm
	case clock.Absurd:
		return "the clock says " + v.Wall.UTC().Format(time.DateOnly) + ", which cannot be",
			"let the machine reach a time server, or set the clock with timedatectl set-time; then: facegate clock confirm"
	}
	return "", ""
}

// distance says how far before or after something is.
func distance(d time.Duration) string {
	where := "ahead of"
	if d < 0 {
		where, d = "behind", -d
	}
	if d < 48*time.Hour {
		return fmt.Sprintf("%v %s", d.Round(time.Second), where)
	}
	return fmt.Sprintf("%.0f days %s", d.Hours()/24, where)
}
