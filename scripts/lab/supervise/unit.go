package supervise

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A Unit is what a unit file says of how a service is started, watched and stopped. What it says of users, limits and of what
// the service may see is not here.
type Unit struct {
	Start       []string   // ExecStart=, the program and its arguments
	StopPost    [][]string // each ExecStopPost=
	Environment []string   // KEY=VALUE

	Rest            time.Duration // from an end to the next start
	TimeoutStart    time.Duration // from the start of the process until it says that it is ready
	TimeoutStop     time.Duration // from the signal to stop until the process is killed
	Watchdog        time.Duration // 0 for none
	WatchdogSignal  syscall.Signal
	RuntimeDir      string // its name below /run, "" for none
	KeepsRuntimeDir bool   // over a restart
}

// ErrUnit is returned for a unit that cannot be run.
var ErrUnit = errors.New("the unit cannot be run")

// Parse reads a unit file. A key that it does not know is not looked at; one that it knows has to make sense
// (systemd.service(5)).
func Parse(text string) (Unit, error) {
	u := Unit{ // what systemd takes where the file says nothing
		Rest: 100 * time.Millisecond, TimeoutStart: 90 * time.Second, TimeoutStop: 90 * time.Second,
		WatchdogSignal: syscall.SIGABRT,
	}
	for line := range strings.Lines(strings.ReplaceAll(text, "\\\n", " ")) {
		key, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if !ok || strings.HasPrefix(key, "#") || strings.HasPrefix(key, ";") {
			continue
		}
		if err := u.set(strings.TrimSpace(key), strings.TrimSpace(value)); err != nil {
			return u, fmt.Errorf("%w: %s: %w", ErrUnit, strings.TrimSpace(line), err)
		}
	}
	if len(u.Start) == 0 {
		return u, fmt.Errorf("%w: it has no ExecStart=", ErrUnit)
	}
	return u, nil
}

// set takes over one key.
func (u *Unit) set(key, value string) (err error) {
	switch key {
	case "ExecStart":
		u.Start = strings.Fields(value)
	case "ExecStopPost":
		u.StopPost = append(u.StopPost, strings.Fields(value))
	case "Environment":
		u.Environment = append(u.Environment, strings.Fields(value)...)
	case "RestartSec":
		u.Rest, err = span(value)
	case "TimeoutStartSec":
		u.TimeoutStart, err = span(value)
	case "TimeoutStopSec":
		u.TimeoutStop, err = span(value)
	case "WatchdogSec":
		u.Watchdog, err = span(value)
	case "WatchdogSignal":
		if u.WatchdogSignal = unix.SignalNum(value); u.WatchdogSignal == 0 {
			err = errors.New("there is no such signal")
		}
	case "RuntimeDirectory":
		u.RuntimeDir = value
	case "RuntimeDirectoryPreserve":
		u.KeepsRuntimeDir = value != "no"
	}
	return err
}

// span reads a time as systemd writes it: seconds, or a number with a unit (systemd.time(7)).
func span(value string) (time.Duration, error) {
	if n, err := strconv.ParseFloat(value, 64); err == nil {
		return time.Duration(n * float64(time.Second)), nil
	}
	return time.ParseDuration(strings.NewReplacer("min", "m", " ", "").Replace(value))
}
