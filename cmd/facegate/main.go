// Command facegate is a door gate that recognises faces on the device and keeps none. See the README.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"facegate/configs"
	"facegate/configs/hint"
	"facegate/configs/show"
	"facegate/store/durable"
)

// version is set by the linker.
var version = "development"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// After the first signal a second one ends the process at once.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], terminal{in: os.Stdin, out: os.Stdout, err: os.Stderr}))
}

// A terminal is where a command reads and writes: results to out, progress and errors to err, new files to disk. What it
// writes can be shown, once run has seen to it.
type terminal struct {
	in       io.Reader
	out, err io.Writer
	disk     durable.Disk // that of the operating system if it is nil
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

// Exit codes. A wrong command line is 2, as for most programs.
const (
	exitOK = iota
	exitFailed
	exitUsage
)

// run carries out one command line and returns the exit code.
func run(ctx context.Context, args []string, t terminal) int {
	t.out, t.err = show.NewWriter(t.out), show.NewWriter(t.err)
	var cli commandLine
	exited := -1
	parser, err := kong.New(&cli,
		kong.Name("facegate"),
		kong.Description("A door gate that recognises faces on the device and keeps none."),
		kong.UsageOnError(),
		kong.Writers(t.out, t.err),
		kong.Exit(func(code int) { exited = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.Vars{"version": version},
	)
	if err != nil {
		return complain(t.err, err)
	}
	command, err := parser.Parse(args)
	if exited >= 0 {
		return exited // help was asked for
	}
	if err != nil {
		show.Fprintln(t.err, "facegate:", err)
		show.Fprintln(t.err, "  to do: facegate --help lists the commands")
		return exitUsage
	}
	command.BindTo(ctx, (*context.Context)(nil))
	if err := command.Run(t); err != nil {
		if e := (exit{}); errors.As(err, &e) {
			return e.report(t.err)
		}
		if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
			err = errInterrupted
		}
		return complain(t.err, err)
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

func (e exit) report(w io.Writer) int {
	if e.err != nil {
		complain(w, e.err)
	}
	return e.code
}

var errInterrupted = errors.New("interrupted before it was done")

// complain prints an error and what to do about it.
func complain(w io.Writer, err error) int {
	show.Fprintf(w, "facegate: ")
	for _, line := range faults(err) {
		show.Fprintln(w, line)
	}
	for i, line := range strings.Split(hint.Of(err), "\n") {
		switch {
		case i > 0:
			show.Fprintln(w, "        ", line)
		case line != "":
			show.Fprintln(w, "  to do:", line)
		}
	}
	return exitFailed
}

// faults returns the lines that tell of err: one for each error that errors.Join has joined, and for a fault of the
// configuration the line of the file besides. A line break in any other text begins no line.
func faults(err error) []string {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		if each := joined.Unwrap(); errors.Join(each...).Error() == err.Error() {
			var lines []string
			for _, e := range each {
				lines = append(lines, faults(e)...)
			}
			return lines
		}
	}
	if inner := errors.Unwrap(err); inner != nil && inner.Error() == err.Error() { // with a hint
		return faults(inner)
	}
	if fault, ok := err.(*configs.Error); ok {
		return strings.Split(fault.Error(), "\n")
	}
	return []string{strings.ReplaceAll(err.Error(), "\n", "; ")}
}
