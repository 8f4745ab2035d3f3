package people

import (
	"context"
	"fmt"
	"math"
	"time"

	"facegate/store/clock"
)

// Clock says what is known of the time, and what waits for it.
func (r *Register) Clock() ClockStatus {
	v, waiting := r.store.Clock().Verdict(), r.store.Clock().Waiting()
	s := ClockStatus{
		Wall: v.Wall, Right: v.Right(), Synced: v.Synced, Trust: v.Trust(), Certain: v.Certain,
		Erasures: waiting.Erasures, Provisional: waiting.Provisional,
	}
	s.Reason, s.Todo = Doubt(v)
	return s
}

// Clock implements Records.
func (b bound) Clock(context.Context) (ClockStatus, error) { return b.Register.Clock(), nil }

// ConfirmClock implements Records.
func (b bound) ConfirmClock(_ context.Context, seen time.Time) (ClockStatus, error) {
	if err := b.store.Clock().Confirm(seen, b.by); err != nil {
		return ClockStatus{}, err
	}
	return b.Register.Clock(), nil
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
