package supervise_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"facegate/scripts/lab/supervise"
)

// asService is set in the environment of a test binary that is to be a service, to what it does once it is in service.
const asService = "FACEGATE_TEST_SERVICE"

func TestMain(m *testing.M) {
	if how := os.Getenv(asService); how != "" {
		if slices.Contains(os.Args, "after") {
			fmt.Printf("%s %s %s", os.Getenv("SERVICE_RESULT"), os.Getenv("EXIT_CODE"), os.Getenv("EXIT_STATUS"))
			os.Exit(0)
		}
		serve(how)
	}
	goleak.VerifyTestMain(m)
}

// serve is a service that does what how says once it is in service.
func serve(how string) {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	say := func(text string) {
		conn, err := net.Dial("unixgram", os.Getenv("NOTIFY_SOCKET"))
		if err != nil {
			panic(err)
		}
		conn.Write([]byte(text))
		conn.Close()
	}
	if how == "late" {
		time.Sleep(time.Hour)
	}
	say("READY=1")
	feed := time.NewTicker(100 * time.Millisecond)
	switch how {
	case "fails":
		os.Exit(3)
	case "is killed":
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
	case "is suspended":
		syscall.Kill(os.Getpid(), syscall.SIGSTOP)
	case "takes longer":
		say("WATCHDOG_USEC=60000000")
		feed.Stop()
	}
	for {
		select {
		case <-feed.C:
			say("WATCHDOG=1")
		case <-stop:
			say("STOPPING=1")
			os.Exit(0)
		}
	}
}

const unit = `
[Service]
ExecStart=/usr/bin/service --flag \
  run
ExecStopPost=/usr/bin/service after
Environment=A=1 B=2
# WatchdogSec=1
WatchdogSec=1500ms
WatchdogSignal=SIGKILL
TimeoutStartSec=5
TimeoutStopSec=1s 500ms
RestartSec=0.05
RuntimeDirectory=service
RuntimeDirectoryPreserve=restart
`

func TestParse(t *testing.T) {
	got, err := supervise.Parse(unit)
	want := supervise.Unit{
		Start: []string{"/usr/bin/service", "--flag", "run"}, StopPost: [][]string{{"/usr/bin/service", "after"}},
		Environment: []string{"A=1", "B=2"}, Rest: 50 * time.Millisecond, TimeoutStart: 5 * time.Second,
		TimeoutStop: 1500 * time.Millisecond, Watchdog: 1500 * time.Millisecond, WatchdogSignal: syscall.SIGKILL,
		RuntimeDir: "service", KeepsRuntimeDir: true,
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	for _, bad := range []string{"[Service]\nRestartSec=1\n", "ExecStart=/x\nWatchdogSec=soon\n", "ExecStart=/x\nWatchdogSignal=SIGNONE\n"} {
		if _, err := supervise.Parse(bad); err == nil {
			t.Errorf("it is no unit:\n%s", bad)
		}
	}
}

// TestShippedUnit checks that the unit that is shipped can be supervised.
func TestShippedUnit(t *testing.T) {
	text, err := os.ReadFile("../../../configs/facegate.service")
	if err != nil {
		t.Fatal(err)
	}
	u, err := supervise.Parse(string(text))
	if err != nil || u.Start[0] != "/usr/bin/facegate" || len(u.StopPost) != 1 || !slices.Contains(u.StopPost[0], "safe") {
		t.Errorf("%v: %+v", err, u)
	}
}

// TestService has a service end in every way, and be started again.
func TestService(t *testing.T) {
	for how, want := range map[string]string{
		"fails":        "exit-code exited 3",
		"is killed":    "signal killed KILL",
		"is suspended": "watchdog killed KILL",
		"late":         "timeout killed KILL",
		"takes longer": "",
		"serves":       "",
	} {
		t.Run(how, func(t *testing.T) {
			events := run(t, how, func(events []supervise.Event) bool {
				if want == "" {
					return len(events) == 2 // started and ready
				}
				return whats(events, supervise.Started) == 2
			})
			last := events[len(events)-1]
			if want == "" && last.Said != "success exited 0" {
				t.Errorf("after it was stopped: %+v", last)
			}
			i := slices.IndexFunc(events, func(e supervise.Event) bool { return e.What == supervise.StopPost })
			if want != "" && (events[i].Said != want || events[i].Exit != 0) {
				t.Errorf("what follows the stop was told %q, want %q", events[i].Said, want)
			}
		})
	}
}

func whats(events []supervise.Event, what supervise.What) (n int) {
	for _, e := range events {
		if e.What == what {
			n++
		}
	}
	return n
}

// quiet is longer than the watchdog waits.
const quiet = 2 * time.Second

// run supervises a service until enough has happened, and for a while after it, in which no more may.
func run(t *testing.T, how string, enough func([]supervise.Event) bool) (events []supervise.Event) {
	t.Helper()
	u, err := supervise.Parse(unit)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	var log bytes.Buffer
	done := false
	s := supervise.Service{
		Unit: u, Dir: dir, Run: dir, Log: &log, Env: []string{asService + "=" + how},
		Command: func(argv []string) []string { return append([]string{os.Args[0]}, argv[1:]...) },
		Tell: func(e supervise.Event) {
			events = append(events, e)
			if !done && enough(events) {
				done = true
				time.AfterFunc(quiet, stop)
			}
		},
	}
	if err := s.Supervise(ctx); err != nil {
		t.Fatal(err)
	}
	if !done {
		t.Errorf("in half a minute there was %+v\n%s", events, &log)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) > 0 {
		t.Errorf("left behind: %s", strings.Join(left, " "))
	}
	return events
}
