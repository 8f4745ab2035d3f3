// Package systime reads the clocks of this machine. Nothing else in facegate asks the kernel about them.
package systime

import (
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"facegate/store/clock"
)

// bootID is another text after each start of the machine (random(4)).
const bootID = "/proc/sys/kernel/random/boot_id"

// New returns the clocks of this machine. A machine that does not say which start this is counts from New on, and as started
// just now.
func New() clock.Source {
	id, err := os.ReadFile(bootID)
	boot, from := strings.TrimSpace(string(id)), time.Duration(0)
	if err != nil || boot == "" {
		from = up()
		boot = "process of " + time.Now().Format(time.RFC3339Nano)
	}
	return func() clock.Reading {
		now := time.Now()
		return clock.Reading{Wall: now, Up: up() - from, Boot: boot, Synced: synced(now)}
	}
}

// up returns the time since the machine was started, asleep or not (clock_gettime(2), CLOCK_BOOTTIME).
func up() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		return 0 // no kernel that facegate runs on lacks it
	}
	return time.Duration(t.Nano())
}

// synced reports whether the kernel says that its clock comes from a source of time (adjtimex(2), STA_UNSYNC), and that
// now is what this clock says. A kernel that does not answer, as in a unit with ProtectClock, vouches for nothing.
func synced(now time.Time) bool {
	var t unix.Timex
	if _, err := unix.Adjtimex(&t); err != nil || t.Status&unix.STA_UNSYNC != 0 {
		return false
	}
	return now.Sub(time.Unix(int64(t.Time.Sec), 0)).Abs() < 3*time.Second
}
