// Package supervise does for one service what systemd does for it: it starts it, waits until it is ready, ends it when it no
// longer feeds the watchdog, runs what is to follow every stop, and starts it again. It is for machines without systemd, such
// as an emulated board, and for tests. The unit is read from the file that is shipped, so that it is the unit that is tested.
//
// The service runs as the user who supervises, without the limits and the walls that the unit asks for.
package supervise

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A What says what has happened to the service.
type What string

// What happens to a service, in this order.
const (
	Started  What = "started"   // a process was
	Ready    What = "ready"     // the process says that it is in service
	Killed   What = "killed"    // the process is, because it did not do in time what it has to
	Ended    What = "ended"     // the process has
	StopPost What = "stop post" // a command that follows every stop has ended
)

// An Event is one thing that has happened.
type Event struct {
	At   time.Time
	What What
	PID  int // of the process that the event is about

	// Of Ended, as systemd tells them to what follows a stop (systemd.exec(5), $SERVICE_RESULT and the two after it).
	Result, Code, Status string

	// Of StopPost.
	Took time.Duration
	Exit int    // its exit code, -1 if it has none
	Said string // what it printed
}

// A Service is one service that is supervised.
type Service struct {
	Unit    Unit
	Dir     string                          // for the socket at which the process reports
	Run     string                          // in place of /run; "" for that
	Command func(command []string) []string // what is run in place of a command of the unit; nil for the command itself
	Env     []string                        // besides that of Unit
	Log     io.Writer                       // what the process writes; nil for nowhere
	Tell    func(Event)                     // is called for each event, from the goroutine of Supervise; may be nil

	notified *notified
}

// Supervise runs the service, and runs it again whenever it ends, until ctx is cancelled. Then it stops the service and
// returns nil. It returns an error if a process cannot be started.
func (s *Service) Supervise(ctx context.Context) (err error) {
	if s.notified, err = listen(filepath.Join(s.Dir, "notify.sock")); err != nil {
		return err
	}
	defer s.notified.close()
	for ctx.Err() == nil {
		if err := s.makeRuntimeDir(); err != nil {
			return err
		}
		if err := s.live(ctx); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(s.Unit.Rest):
		}
	}
	if dir := s.runtimeDir(); dir != "" {
		return os.RemoveAll(dir)
	}
	return nil
}

// live runs one process of the service, from its start to what follows its end.
func (s *Service) live(ctx context.Context) error {
	cmd := s.command(s.Unit.Start, "NOTIFY_SOCKET="+s.notified.path)
	cmd.Stdout, cmd.Stderr = s.Log, s.Log
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the service: %w", err)
	}
	pid := cmd.Process.Pid
	s.tell(Event{What: Started, PID: pid})
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	l := &life{service: s, process: cmd.Process, deadline: time.NewTimer(s.Unit.TimeoutStart), late: "timeout"}
	defer l.deadline.Stop()
	err := l.watch(ctx, exited)
	end := endOf(err, l.killed)
	end.PID = pid
	s.tell(end)
	if !s.Unit.KeepsRuntimeDir && s.runtimeDir() != "" {
		defer os.RemoveAll(s.runtimeDir())
	}
	for _, command := range s.Unit.StopPost {
		s.tell(s.stopPost(command, end))
	}
	return nil
}

// stopPost runs a command that follows every stop.
func (s *Service) stopPost(command []string, end Event) Event {
	begun := time.Now()
	cmd := s.command(command, "SERVICE_RESULT="+end.Result, "EXIT_CODE="+end.Code, "EXIT_STATUS="+end.Status)
	out, _ := cmd.CombinedOutput() // its exit code says whether it failed
	return Event{What: StopPost, PID: end.PID, Took: time.Since(begun), Exit: cmd.ProcessState.ExitCode(), Said: string(out)}
}

// command returns a command of the unit, with env besides what every one of them gets.
func (s *Service) command(argv []string, env ...string) *exec.Cmd {
	if s.Command != nil {
		argv = s.Command(argv)
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = append(append(append(os.Environ(), s.Unit.Environment...), s.Env...), env...)
	if s.Unit.RuntimeDir != "" {
		cmd.Env = append(cmd.Env, "RUNTIME_DIRECTORY="+s.runtimeDir())
	}
	if s.Unit.Watchdog > 0 {
		cmd.Env = append(cmd.Env, "WATCHDOG_USEC="+strconv.FormatInt(s.Unit.Watchdog.Microseconds(), 10))
	}
	return cmd
}

func (s *Service) runtimeDir() string {
	if s.Unit.RuntimeDir == "" {
		return ""
	}
	run := s.Run
	if run == "" {
		run = "/run"
	}
	return filepath.Join(run, s.Unit.RuntimeDir)
}

func (s *Service) makeRuntimeDir() error {
	if dir := s.runtimeDir(); dir != "" {
		return os.MkdirAll(dir, 0o755)
	}
	return nil
}

func (s *Service) tell(e Event) {
	e.At = time.Now()
	if s.Tell != nil {
		s.Tell(e)
	}
}

// A life is what the supervisor knows of one process.
type life struct {
	service  *Service
	process  *os.Process
	deadline *time.Timer // at which it is killed
	late     string      // the result if it is: timeout or watchdog
	watchdog time.Duration
	ready    bool
	stopping bool
	killed   string // the result for which it was killed, "" if it was not
}

// watch follows the process until it has ended, and returns what Wait does.
func (l *life) watch(ctx context.Context, exited <-chan error) error {
	stop := ctx.Done()
	for {
		select {
		case err := <-exited:
			return err
		case m := <-l.service.notified.messages:
			if m.pid == l.process.Pid { // NotifyAccess=main
				l.hear(m.text)
			}
		case <-l.deadline.C:
			l.kill()
		case <-stop:
			stop = nil
			l.process.Signal(syscall.SIGTERM)
			l.process.Signal(syscall.SIGCONT)
			l.stop()
		}
	}
}

// kill ends a process that is late. Whatever else it is sent, SIGKILL follows when it has not ended in the time for a stop.
func (l *life) kill() {
	signal := syscall.SIGKILL
	if l.late == "watchdog" && l.killed == "" {
		signal = l.service.Unit.WatchdogSignal
	}
	if l.killed == "" {
		l.killed = l.late
		l.service.tell(Event{What: Killed, PID: l.process.Pid, Result: l.late})
	}
	l.process.Signal(signal)
	l.stop()
}

// stop gives the process the time for a stop. What it says from now on changes nothing.
func (l *life) stop() {
	l.stopping = true
	l.wait("timeout", l.service.Unit.TimeoutStop)
}

// wait gives the process that long until it is killed for being late.
func (l *life) wait(late string, d time.Duration) {
	l.late = late
	l.deadline.Reset(d)
}

// hear takes note of what the process says (sd_notify(3)).
func (l *life) hear(text string) {
	for assignment := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(assignment), "=")
		n, _ := strconv.ParseInt(value, 10, 64)
		switch {
		case l.stopping:
		case key == "READY" && value == "1":
			if !l.ready {
				l.ready, l.watchdog = true, l.service.Unit.Watchdog
			}
			l.service.tell(Event{What: Ready, PID: l.process.Pid})
			l.feed()
		case key == "WATCHDOG" && value == "1" && l.ready:
			l.feed()
		case key == "WATCHDOG_USEC":
			l.watchdog = time.Duration(n) * time.Microsecond
			l.feed()
		case key == "EXTEND_TIMEOUT_USEC" && !l.ready:
			l.wait("timeout", time.Duration(n)*time.Microsecond)
		case key == "STOPPING" && value == "1":
			l.stop()
		}
	}
}

// feed has the watchdog wait anew, if there is one.
func (l *life) feed() {
	if l.ready && l.watchdog > 0 {
		l.wait("watchdog", l.watchdog)
	} else if l.ready {
		l.deadline.Stop()
		l.late = ""
	}
}

// endOf returns the end of a process whose Wait returned err.
func endOf(err error, killed string) Event {
	e := Event{What: Ended, Result: "success", Code: "exited", Status: "0"}
	failed := new(exec.ExitError)
	if errors.As(err, &failed) {
		state := failed.Sys().(syscall.WaitStatus)
		if state.Signaled() {
			e.Code, e.Status = "killed", strings.TrimPrefix(unix.SignalName(state.Signal()), "SIG")
			switch sig := state.Signal(); {
			case state.CoreDump():
				e.Code, e.Result = "dumped", "core-dump"
			case sig != unix.SIGHUP && sig != unix.SIGINT && sig != unix.SIGTERM && sig != unix.SIGPIPE:
				e.Result = "signal"
			}
		} else {
			e.Status, e.Result = strconv.Itoa(state.ExitStatus()), "exit-code"
		}
	}
	if killed != "" {
		e.Result = killed
	}
	return e
}
