package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"
)

// An emulation is one boot of a board, with all that was seen of it.
type emulation struct {
	board board
	log   io.Writer     // everything
	out   io.Writer     // what somebody who waits wants to see
	lines []string      // of the console
	busy  time.Duration // processor time of the host, once it is over

	mu      sync.Mutex // guards changes
	changes []pinChange
}

func newEmulation(b board, log, out io.Writer) *emulation {
	return &emulation{board: b, log: log, out: out}
}

// boot runs the board until it restarts, or ctx ends it.
func (e *emulation) boot(ctx context.Context, lab string) error {
	argv := e.board.command(lab, time.Now())
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	answers, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	console, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	trace, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	var readers sync.WaitGroup
	readers.Go(func() { e.watch(trace) })
	d := &driver{board: e.board, lab: lab}
	defer d.close()
	e.listen(console, answers, d)
	readers.Wait()
	err = cmd.Wait()
	e.busy = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return err
}

// watch follows what QEMU reports.
func (e *emulation) watch(trace io.Reader) {
	lines := bufio.NewScanner(trace)
	for lines.Scan() {
		if strings.Contains(lines.Text(), e.board.program+": ") { // a complaint of QEMU itself
			fmt.Fprintf(e.out, "%s: %s\n", e.board.name, lines.Text())
		}
		if e.board.watch == nil {
			continue
		}
		changes := e.board.watch.read(lines.Text())
		e.mu.Lock()
		e.changes = append(e.changes, changes...)
		e.mu.Unlock()
		for _, c := range changes {
			e.note("pin %d: %s", c.Pin, c.Level)
		}
	}
}

// asks begins a line of the console that is a question of the guest.
const asks = "lab asks: "

// listen follows the console, and answers what is asked there.
func (e *emulation) listen(console io.Reader, answers io.Writer, d *driver) {
	lines := bufio.NewScanner(console)
	for lines.Scan() {
		line := strings.Map(printable, lines.Text())
		if _, question, ok := strings.Cut(line, asks); ok {
			io.WriteString(answers, e.answer(question, d)+"\n")
			continue
		}
		e.note("%s", line)
		e.lines = append(e.lines, line)
		if strings.Contains(line, "lab: ") || strings.Contains(line, "_test.go:") {
			fmt.Fprintf(e.out, "%s: %s\n", e.board.name, strings.TrimSpace(line))
		}
	}
}

// note writes a line to the log, which is a file, and so takes each line whole.
func (e *emulation) note(format string, args ...any) {
	fmt.Fprintf(e.log, time.Now().Format("15:04:05.000 ")+format+"\n", args...)
}

func printable(c rune) rune {
	if c < ' ' || c > '~' {
		return -1
	}
	return c
}

// An answer is what the host tells the guest.
type answer struct {
	Changes []pinChange `json:"changes,omitempty"`
	Error   string      `json:"error,omitempty"`
}

// answer does what a question asks for: "changes N" for those of the pins from the Nth on, "drive PIN LEVEL" for an input.
func (e *emulation) answer(question string, d *driver) string {
	var a answer
	var from, pin, level int
	if n, _ := fmt.Sscanf(question, "changes %d", &from); n == 1 {
		e.mu.Lock()
		if from <= len(e.changes) {
			a.Changes = slices.Clone(e.changes[from:])
		}
		e.mu.Unlock()
	} else if n, _ := fmt.Sscanf(question, "drive %d %d", &pin, &level); n == 2 {
		if err := d.drive(pin, level); err != nil {
			a.Error = err.Error()
		}
	} else {
		a.Error = "not understood: " + question
	}
	text, err := json.Marshal(a)
	if err != nil {
		return err.Error()
	}
	return string(text)
}
