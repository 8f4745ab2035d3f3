package daemon

import (
	"fmt"
	"os"
	"time"

	sd "github.com/coreos/go-systemd/v22/daemon"

	"facegate/cmd/facegate/internal/health"
	"facegate/cmd/facegate/internal/status"
	"facegate/cmd/facegate/internal/watchdog"
	"facegate/configs/hint"
)

const (
	// frameLimit is for how long a frame may be looked at. A slow board that is busy takes a second or two; an emulated one
	// may take ten. The door goes on meanwhile, so that there is time to be sure.
	frameLimit = 30 * time.Second

	// startLimit is how long a fresh process may take until the door task goes round. It is TimeoutStartSec= of the unit.
	startLimit = 60 * time.Second
)

// openWatchdog makes the watchdog. A camera whose driver does not answer is none of its parts: nothing frees a process from
// that, and card, exit and fire alarm open the door meanwhile.
func (d *Daemon) openWatchdog(parts []watchdog.Part) {
	feed := func() error { return nil }
	switch {
	case os.Getenv("NOTIFY_SOCKET") == "":
	case watchdogIn(0) == "":
		d.log.Warn("nobody ends this gate if it hangs or is suspended", "hint", "install the unit of this version, which has WatchdogSec=")
	default:
		feed = func() error {
			_, err := sd.SdNotify(false, sd.SdNotifyWatchdog)
			return hint.Wrap(err, "check NOTIFY_SOCKET, or start facegate without it")
		}
	}
	d.watchdog = watchdog.New(parts, feed, d.log)
}

// eyes are the part that looks at faces.
func (d *Daemon) eyes() watchdog.Part {
	return watchdog.Part{Name: "what looks at faces", Limit: frameLimit, Busy: func() time.Duration { return d.camera.Busy() }}
}

// watchdogIn returns what has systemd wait that long for food from now on, "" if it does not wait for any (sd_notify(3)).
// With 0 it is as long as the unit says.
func watchdogIn(limit time.Duration) string {
	usual, err := sd.SdWatchdogEnabled(false)
	switch {
	case err != nil || usual == 0:
		return ""
	case limit == 0:
		limit = usual
	}
	return fmt.Sprintf("\nWATCHDOG_USEC=%d", limit.Microseconds())
}

// watchdogHealth says that something hangs, as long as the process is there to say it.
func (d *Daemon) watchdogHealth(*status.Status) []health.Condition {
	err := d.watchdog.Hung()
	if err == nil {
		return nil
	}
	return health.When(true, health.FramesHang, health.Frames, health.Down, err.Error(), hint.Of(err))
}
