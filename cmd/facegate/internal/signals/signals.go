// Package signals says what each signal does to a running gate. Whatever a person, a terminal or a service sends, it
// leaves no door open: a signal ends the gate as a stop does, the pulse first, or it is noted and changes nothing.
//
// SIGKILL and SIGSTOP cannot be caught (signal(7)). Faults of the program itself are the runtime's.
package signals

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// An Effect is what a signal does.
type Effect string

// The effects.
const (
	Ends    Effect = "ends the gate" // the door is locked first, and the broker is told
	Noted   Effect = "is noted"      // in the log, and changes nothing
	Ignored Effect = "is ignored"
)

// A Rule is the effect of one signal.
type Rule struct {
	Signal syscall.Signal
	Effect Effect
	Why    string // who sends it, or what for
}

// Rules returns the rule of every signal that could end or suspend a process. The runtime sees to those of its own.
func Rules() []Rule {
	return []Rule{
		{syscall.SIGTERM, Ends, "a service manager stops the gate"},
		{syscall.SIGINT, Ends, "Ctrl-C"},
		{syscall.SIGQUIT, Ends, "Ctrl-\\; there is no dump"},
		{syscall.SIGHUP, Ends, "the terminal is gone; a service manager starts the gate again, with the configuration as it is now"},
		{syscall.SIGABRT, Ends, "a watchdog"},
		{syscall.SIGXCPU, Ends, "a limit of processor time"},
		{syscall.SIGSTKFLT, Ends, "sent by hand"},
		{syscall.SIGSYS, Ends, "sent by hand"},
		{syscall.SIGTRAP, Ends, "sent by hand"},
		{syscall.SIGILL, Ends, "sent by hand; a real fault of the program ends it at once"},
		{syscall.SIGBUS, Ends, "sent by hand; a real fault of the program ends it at once"},
		{syscall.SIGFPE, Ends, "sent by hand; a real fault of the program ends it at once"},
		{syscall.SIGSEGV, Ends, "sent by hand; a real fault of the program ends it at once"},

		{syscall.SIGUSR1, Noted, "other programs read their configuration again or rotate a log; the gate has to be started again"},
		{syscall.SIGUSR2, Noted, "as SIGUSR1"},
		{syscall.SIGTSTP, Noted, "Ctrl-Z; a suspended gate would lock no door"},
		{syscall.SIGALRM, Noted, "sent by hand"},
		{syscall.SIGVTALRM, Noted, "sent by hand"},
		{syscall.SIGIO, Noted, "sent by hand"},
		{syscall.SIGPWR, Noted, "the power fails; a service manager stops the gate in time"},
		{syscall.SIGXFSZ, Noted, "a limit of the size of files; the write fails"},

		{syscall.SIGPIPE, Ignored, "nobody reads the log any more; the gate goes on without it"},
		{syscall.SIGTTIN, Ignored, "a gate in the background reads from a terminal; the read fails"},
		{syscall.SIGTTOU, Ignored, "a gate in the background writes to a terminal"},
	}
}

// Heed carries out Rules until stop is called. The context that it returns is cancelled by the first signal that Ends.
// Later ones are noted: they must not cut short what locks the door. What is Ignored stays so after stop, because the last
// lines of a log may go to a pipe that nobody reads.
func Heed(ctx context.Context, log *slog.Logger) (heeded context.Context, stop func()) {
	heeded, cancel := context.WithCancel(ctx)
	effects := make(map[os.Signal]Effect)
	got := make(chan os.Signal, 16)
	for _, r := range Rules() {
		if r.Effect == Ignored {
			signal.Ignore(r.Signal)
			continue
		}
		effects[r.Signal] = r.Effect
		signal.Notify(got, r.Signal)
	}
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case s := <-got:
				heed(s, effects[s], heeded.Err() != nil, cancel, log)
			case <-done:
				return
			}
		}
	})
	return heeded, func() {
		signal.Stop(got)
		close(done)
		wg.Wait()
		cancel()
	}
}

const adviceRestart = "nothing was read again: to take a changed configuration, restart the gate (systemctl restart facegate)"

func heed(s os.Signal, e Effect, ending bool, end func(), log *slog.Logger) {
	name := s.String()
	if n, ok := s.(syscall.Signal); ok {
		name = unix.SignalName(n)
	}
	switch {
	case e == Noted:
		log.Warn("a signal that changes nothing", "signal", name, "hint", adviceRestart)
	case ending:
		log.Info("the gate is ending already", "signal", name)
	default:
		log.Info("ending, as a signal asks", "signal", name)
		end()
	}
}
