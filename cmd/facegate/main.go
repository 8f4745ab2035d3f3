// Command facegate is a door gate that recognises faces on the device and keeps none. See the README.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
	"golang.org/x/term"

	"facegate/cmd/facegate/internal/daemon"
	"facegate/cmd/facegate/internal/memory"
	"facegate/cmd/facegate/internal/service"
	"facegate/cmd/facegate/internal/systime"
	"facegate/configs"
	"facegate/configs/show"
	"facegate/gpio/cdev"
	"facegate/store/clock"
	"facegate/store/durable"
)

// version is set by the linker.
var version = "development"

func main() {
	// Every command may come to hold a key, a code or a name. Where it may not lock its memory it works all the same, and a
	// gate says so in its status.
	if err := memory.Seal(); err != nil {
		os.Exit(complain(os.Stderr, err, exitFailed, wantsJSON(os.Args[1:])))
	}
	_ = memory.Lock()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	// After the first signal a second one ends the process at once, but for a gate: see package signals.
	context.AfterFunc(ctx, stop)
	asks := isTerminal(os.Stdin) && isTerminal(os.Stdout)
	os.Exit(run(ctx, os.Args[1:], terminal{
		in: os.Stdin, out: os.Stdout, err: os.Stderr, asks: asks, draws: isTerminal(os.Stdout) && os.Getenv("TERM") != "dumb",
		redraws: isTerminal(os.Stderr) && os.Getenv("TERM") != "dumb",
	}))
}

// A terminal is where a command reads and writes: results to out, progress, questions and errors to err, new files
// to disk. What it writes can be shown, once run has seen to it.
type terminal struct {
	in       io.Reader
	out, err io.Writer
	asks     bool         // somebody reads out and answers on in
	draws    bool         // out can be rewritten
	redraws  bool         // err can be
	disk     durable.Disk // that of the operating system if it is nil
	machine  fs.FS        // the root of this one if it is nil

	chips func() ([]cdev.Chip, error) // those of this machine if it is nil
	clock clock.Source                // likewise
}

// root returns where the command looks for what the machine has installed.
func (t terminal) root() fs.FS {
	if t.machine == nil {
		return os.DirFS("/")
	}
	return t.machine
}

// host returns the machine on which a configuration is checked.
func (t terminal) host(unit service.Unit) daemon.Host {
	h := daemon.Host{Root: t.root(), Chips: t.chips, Credential: unit.Credential}
	if h.Chips == nil {
		h.Chips = cdev.Chips
	}
	return h
}

// time returns the clocks of the machine.
func (t terminal) time() clock.Source {
	if t.clock == nil {
		return systime.New()
	}
	return t.clock
}

// newFiles returns where the command makes new files.
func (t terminal) newFiles() durable.Disk {
	if t.disk == nil {
		return durable.OS{}
	}
	return t.disk
}

// raw returns what is below w, for drawings of ours: a QR code, a progress bar.
func raw(w io.Writer) io.Writer {
	if shown, ok := w.(*show.Writer); ok {
		return shown.Unwrap()
	}
	return w
}

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// run carries out one command line and returns the exit code.
func run(ctx context.Context, args []string, t terminal) int {
	t.out, t.err = show.NewWriter(t.out), show.NewWriter(t.err)
	exited := -1
	parser, err := kong.New(grammar(args),
		kong.Name("facegate"),
		kong.Description("A door gate that recognises faces on the device and keeps none."),
		kong.UsageOnError(),
		kong.Writers(t.out, t.err),
		kong.Exit(func(code int) { exited = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.Vars{"version": version},
		typed(),
		kong.Bind(t),
	)
	if err != nil {
		return complain(t.err, err, exitFailed, wantsJSON(args))
	}
	command, err := parser.Parse(args)
	if exited >= 0 {
		return exited // help was asked for
	}
	if err != nil {
		return complain(t.err, usage(err, args), exitUsage, wantsJSON(args))
	}
	command.Bind(parser)
	command.BindTo(ctx, (*context.Context)(nil))
	if err := command.Run(t); err != nil {
		if e := (exit{}); errors.As(err, &e) {
			return e.report(t.err, wantsJSON(args))
		}
		if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
			err = errInterrupted
		}
		return complain(t.err, err, codeOf(err), wantsJSON(args))
	}
	return exitOK
}

// An exit ends the program with a code of its own, after a complaint if there is an error.
type exit struct {
	code int
	err  error
}

func (e exit) Error() string { return fmt.Sprintf("exit %d: %v", e.code, e.err) }
func (e exit) Unwrap() error { return e.err }

func (e exit) report(w io.Writer, asJSON bool) int {
	if e.err == nil {
		return e.code
	}
	return complain(w, e.err, e.code, asJSON)
}

var errInterrupted = errors.New("interrupted before it was done")

// faults returns the lines that tell of err: one for each error that errors.Join has joined, and for a fault of the
// configuration the line of the file besides. A line break in any other text begins no line.
func faults(err error) []string {
	if each := joined(err); each != nil {
		var lines []string
		for _, e := range each {
			lines = append(lines, faults(e)...)
		}
		return lines
	}
	if inner := errors.Unwrap(err); inner != nil && inner.Error() == err.Error() { // with a hint
		return faults(inner)
	}
	if fault, ok := err.(*configs.Error); ok {
		return strings.Split(fault.Error(), "\n")
	}
	return []string{strings.ReplaceAll(err.Error(), "\n", "; ")}
}
