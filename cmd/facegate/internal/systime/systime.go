// Package systime reads the clocks of this machine. Nothing else in facegate asks the kernel about them.
package systime

import (
	"io/fs"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"facegate/store/clock"
)

// bootID is another text after each start of the machine (random(4)).
const bootID = "/proc/sys/kernel/random/boot_id"

// rtcs are the clocks of this machine that go on while it is off.
const rtcs = "/sys/class/rtc"

// New returns the clocks of this machine. A machine that does not say which start this is counts from New on, and as started
// just now.
func New() clock.Source {
	id, err := os.ReadFile(bootID)
	boot, from := strings.TrimSpace(string(id)), time.Duration(0)
	if err != nil || boot == "" {
		from = up()
		boot = "process of " + time.Now().Format(time.RFC3339Nano)
	}
	kept, _ := os.ReadDir(rtcs) // a machine without such a folder has none either
	passed := past(os.DirFS("/"))
	return func() clock.Reading {
		now := time.Now()
		return clock.Reading{Wall: now, Up: up() - from, Boot: boot, Synced: synced(now), Kept: len(kept) > 0, Past: passed}
	}
}

// epoch is the file by whose age the system knows a time that has passed (systemd-timesyncd(8)).
const epoch = "usr/lib/clock-epoch"

// past returns the time of which a machine knows that it has passed, zero if it does not say.
func past(machine fs.FS) time.Time {
	info, err := fs.Stat(machine, epoch)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// up returns the time since the machine was started, asleep or not (clock_gettime(2), CLOCK_BOOTTIME).
func up() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		return 0 // no kernel that facegate runs on lacks it
	}
	return time.Duration(t.Nano())
}

// maxError is how far a clock may be off by the kernel's reckoning that has been set by a time server, in microseconds. It reckons with
// 500 more in each second, and servers are asked every 2,048 seconds at the least: a whole second would be too little just before.
const maxError = 1_500_000

// synced reports whether the kernel says that its clock comes from a source of time (adjtimex(2), STA_UNSYNC), and that
// now is what this clock says. A kernel that does not answer, as in a unit with ProtectClock, vouches for nothing.
func synced(now time.Time) bool {
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	if err != nil || state == unix.TIME_ERROR || t.Status&unix.STA_UNSYNC != 0 || t.Maxerror >= maxError {
		return false
	}
	return now.Sub(time.Unix(int64(t.Time.Sec), 0)).Abs() < 3*time.Second
}
