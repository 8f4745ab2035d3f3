package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"facegate/cmd/facegate/internal/camera"
	"facegate/cmd/facegate/internal/control"
	"facegate/cmd/facegate/internal/daemon"
	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/signals"
	"facegate/device"
	"facegate/pipeline/publish/childtest"
)

// asWitnessed is set in the environment of a program whose line is a file of that name, which outlives it.
const asWitnessed = "FACEGATE_TEST_LINE"

// A fileLine is a line whose level is in a file: 1 for active, 0 for inactive.
type fileLine string

func (l fileLine) Set(active bool) error {
	level := "0"
	if active {
		level = "1"
	}
	return os.WriteFile(string(l), []byte(level), 0o600)
}

func (l fileLine) Close() error   { return l.Set(false) }
func (l fileLine) String() string { return "witnessed line" }

func (l fileLine) active() bool {
	level, err := os.ReadFile(string(l))
	return err == nil && string(level) == "1"
}

// asObserved is set in the environment of a program that writes to a file of that name what each frame came to.
const asObserved = "FACEGATE_TEST_OBSERVED"

// asPanickingAt and asHanging are set in the environment of a program that panics, or hangs, at the first frame after the file
// of that name is there.
const (
	asPanickingAt = "FACEGATE_TEST_PANICKING_AT"
	asHanging     = "FACEGATE_TEST_HANGING"
)

// asTroubled is set in the environment of a program that has trouble from the start: with a camera whose driver does not answer, or
// with its memory.
const (
	asTroubled     = "FACEGATE_TEST_TROUBLED"
	troubledCamera = "camera"
	troubledMemory = "memory"
)

// A deaf camera does not answer, whoever asks it to stop.
type deaf struct{}

func (deaf) String() string { return "deaf camera" }

func (deaf) Stream(context.Context, func(device.Frame)) error { select {} }

// flood makes garbage as fast as it can.
func flood() {
	kept := make([][]byte, 32)
	for i := 0; ; i++ {
		kept[i%len(kept)] = make([]byte, 1<<20)
	}
}

// isThere reports whether there is the file that a variable of the environment names.
func isThere(variable string) bool {
	path := os.Getenv(variable)
	if path == "" {
		return false
	}
	_, err := os.Stat(path)
	return err == nil
}

// runWatched is "facegate run --config FILE", with the line in a file if one is named, and with its frames written to
// another if one is. It panics at the first frame after line.panic is there.
func runWatched(line, frames string) {
	out := daemon.Outside{Stdin: os.Stdin, HandsOver: true}
	if line != "" {
		out.Line = fileLine(line)
	}
	switch os.Getenv(asTroubled) {
	case troubledCamera:
		out.Source = deaf{}
	case troubledMemory:
		go flood()
	}
	var came *os.File
	if frames != "" {
		var err error
		if came, err = os.OpenFile(frames, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
			panic(err)
		}
	}
	out.Observe = func(p camera.Passage) {
		if came != nil {
			fmt.Fprintln(came, p.Report.State)
		}
		if _, err := os.Stat(line + ".panic"); err == nil && line != "" {
			panic("planted")
		}
		if isThere(asPanickingAt) {
			panic("planted")
		}
		for isThere(asHanging) {
			time.Sleep(time.Hour)
		}
	}
	c := runCommand{configFlag{Config: os.Args[3]}}
	err := c.serve(context.Background(), terminal{in: os.Stdin, out: os.Stdout, err: os.Stderr}, out)
	if e := (exit{}); errors.As(err, &e) {
		os.Exit(e.code)
	}
	os.Exit(exitOK)
}

// A witnessed is a gate in a process of its own, in the middle of a pulse of half a minute.
type witnessed struct {
	cmd    *exec.Cmd
	line   fileLine
	client *control.Client
	done   chan struct{} // closed when the process has ended
	err    error         // of the process, once it has

	mu  sync.Mutex // guards log
	log strings.Builder
}

const (
	noCamera = "{source: v4l2, device: /dev/no-such-camera}"
	pictures = "{source: replay, path: %s, loop: true, fps: 5}"
)

// openWitnessed starts a gate that logs into stderr, and opens its door.
func openWitnessed(t *testing.T, camera string, stderr *os.File) *witnessed {
	t.Helper()
	site := gatetest.NewSite(t)
	w := &witnessed{line: fileLine(site.Path("line")), client: control.NewClient(site.Socket()), done: make(chan struct{})}
	gatetest.Models(t)
	w.cmd = exec.Command(os.Args[0], "run", "--config",
		site.WriteConfig(t, gatetest.Settings{"door": "{driver: sim, pulse: 30s}", "camera": camera}))
	w.cmd.Env = append(os.Environ(), asProgram+"=1", asWitnessed+"="+string(w.line))
	w.cmd.Stderr = stderr
	if stderr == nil {
		w.cmd.Stderr = w
	}
	must(t, childtest.Start(w.cmd))
	go func() {
		defer close(w.done)
		w.err = w.cmd.Wait()
	}()
	t.Cleanup(func() {
		w.cmd.Process.Kill()
		<-w.done
		if t.Failed() {
			t.Logf("the log of the gate:\n%s", w.text())
		}
	})
	w.open(t)
	return w
}

// open begins a pulse.
func (w *witnessed) open(t *testing.T) {
	t.Helper()
	go func() {
		for t.Context().Err() == nil && !w.line.active() { // from when the gate answers
			w.client.TestDoor(t.Context())
			time.Sleep(50 * time.Millisecond)
		}
	}()
	gatetest.Eventually(t, "the door is open", w.line.active)
}

func (w *witnessed) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.Write(b)
}

func (w *witnessed) text() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.String()
}

// ends wants the process to end, with the door locked, well before the pulse would have.
func (w *witnessed) ends(t *testing.T) error {
	t.Helper()
	select {
	case <-w.done:
	case <-time.After(20 * time.Second):
		t.Fatal("the gate does not end")
	}
	if w.line.active() {
		t.Error("the gate has ended, and the door is open")
	}
	return w.err
}

// TestSignals sends every signal inside a pulse.
func TestSignals(t *testing.T) {
	t.Parallel()
	often := map[syscall.Signal]bool{syscall.SIGHUP: true, syscall.SIGQUIT: true}
	var noted []signals.Rule
	for _, r := range signals.Rules() {
		if r.Effect != signals.Ends {
			noted = append(noted, r)
			continue
		}
		t.Run(unix.SignalName(r.Signal), func(t *testing.T) {
			if !often[r.Signal] && os.Getenv("FACEGATE_SLOW") == "" {
				t.Skip("takes a second each; set FACEGATE_SLOW=1")
			}
			w := openWitnessed(t, noCamera, nil)
			must(t, w.cmd.Process.Signal(r.Signal))
			w.cmd.Process.Signal(r.Signal) // a second one changes nothing
			if err := w.ends(t); err != nil {
				t.Errorf("it ended with %v", err)
			}
			if log := w.text(); !strings.Contains(log, "ending, as a signal asks") || !strings.Contains(log, "safe level") {
				t.Error("the log does not say that it has ended")
			}
		})
	}
	t.Run("those that end nothing", func(t *testing.T) {
		w := openWitnessed(t, noCamera, nil)
		for _, r := range noted {
			must(t, w.cmd.Process.Signal(r.Signal))
			if r.Effect == signals.Noted {
				gatetest.Eventually(t, unix.SignalName(r.Signal)+" is noted", func() bool {
					return strings.Contains(w.text(), "signal="+unix.SignalName(r.Signal))
				})
			}
		}
		if _, err := w.client.Status(t.Context()); err != nil || !w.line.active() {
			t.Errorf("after all of them it answers %v, with the pulse under way: %v", err, w.line.active())
		}
		must(t, w.cmd.Process.Signal(syscall.SIGTERM))
		if err := w.ends(t); err != nil {
			t.Errorf("it ended with %v", err)
		}
	})
}

// TestSignalsAreListed holds the list of the documentation against that of the program.
func TestSignalsAreListed(t *testing.T) {
	text, err := os.ReadFile(gatetest.Root(t) + "/docs/signals.md")
	must(t, err)
	for _, r := range signals.Rules() {
		if row := fmt.Sprintf("| %s | %s |", unix.SignalName(r.Signal), r.Effect); !strings.Contains(string(text), row) {
			t.Errorf("docs/signals.md has no row %q", row)
		}
	}
	if got, want := strings.Count(string(text), "\n| SIG"), len(signals.Rules())+2; got != want {
		t.Errorf("docs/signals.md has %d signals, and the program %d, with the two that cannot be caught", got, want)
	}
}

// TestPanicLocks has the task that decides panic inside a pulse.
func TestPanicLocks(t *testing.T) {
	t.Parallel()
	w := openWitnessed(t, fmt.Sprintf(pictures, gatetest.Testdata(t, "walk/p01")), nil)
	must(t, os.WriteFile(string(w.line)+".panic", nil, 0o600))
	if err := w.ends(t); err == nil || !strings.Contains(w.text(), "planted") {
		t.Errorf("it ended with %v", err)
	}
}

// TestLogClosed takes the reader of the log away inside a pulse.
func TestLogClosed(t *testing.T) {
	t.Parallel()
	reader, writer, err := os.Pipe()
	must(t, err)
	w := openWitnessed(t, noCamera, writer)
	writer.Close()
	reader.Close()
	gatetest.Eventually(t, "status says that the log is gone", func() bool {
		w.client.TestDoor(t.Context()) // is logged
		s, err := w.client.Status(t.Context())
		must(t, err)
		return len(s.Health.Conditions) > 0 && strings.Contains(fmt.Sprint(s.Health), "lines of the log could not be written")
	})
	if !w.line.active() {
		t.Error("the pulse is over")
	}
	must(t, w.cmd.Process.Signal(syscall.SIGTERM))
	if err := w.ends(t); err != nil {
		t.Errorf("it ended with %v", err)
	}
}

// TestLogStuck never reads the log: the gate answers, locks its door and ends all the same.
func TestLogStuck(t *testing.T) {
	t.Parallel()
	reader, writer, err := os.Pipe()
	must(t, err)
	defer reader.Close()
	fill := exec.Command("head", "-c", "65536", "/dev/zero") // all that a pipe takes
	fill.Stdout = writer
	must(t, fill.Run())
	w := openWitnessed(t, noCamera, writer)
	writer.Close()
	for range 50 {
		w.client.TestDoor(t.Context()) // is logged
	}
	if _, err := w.client.Status(t.Context()); err != nil || !w.line.active() {
		t.Errorf("it answers %v, with the pulse under way: %v", err, w.line.active())
	}
	must(t, w.cmd.Process.Signal(syscall.SIGHUP))
	if err := w.ends(t); err != nil {
		t.Errorf("it ended with %v", err)
	}
}
