package main

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"go.uber.org/goleak"
)

// asProgram is set in the environment of a test binary that is to be facegate itself.
const asProgram = "FACEGATE_TEST_AS_PROGRAM"

// bare is a machine on which nothing is installed.
var bare = fstest.MapFS{}

// asBare is set in the environment of a test binary that is to be facegate itself, on a bare machine.
const asBare = "FACEGATE_TEST_AS_BARE"

// asPanicking is set in the environment of a program that is to panic at SIGUSR2.
const asPanicking = "FACEGATE_TEST_PANICKING"

func panicWhenTold() {
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGUSR2)
	<-told
	panic("planted")
}

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		if path := os.Getenv(asLeaking); path != "" {
			if err := leak(path); err != nil {
				panic(err)
			}
		}
		if os.Getenv(asPanicking) != "" {
			go panicWhenTold()
		}
		line, frames := os.Getenv(asWitnessed), os.Getenv(asObserved)
		if watched := line + frames + os.Getenv(asPanickingAt) + os.Getenv(asHanging) + os.Getenv(asTroubled); watched != "" && os.Args[1] == "run" {
			runWatched(line, frames)
		}
		main()
	}
	if os.Getenv(asBare) != "" {
		os.Exit(run(context.Background(), os.Args[1:], terminal{in: os.Stdin, out: os.Stdout, err: os.Stderr, machine: bare}))
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		enrolments().remove()
		os.Exit(code)
	}))
}

// A printout is what a command left behind.
type printout struct {
	code     int
	out, err string
}

// facegate carries out a command line in this process.
func facegate(ctx context.Context, args ...string) printout {
	var out, err bytes.Buffer
	code := run(ctx, args, terminal{in: bytes.NewReader(nil), out: &out, err: &err, machine: bare})
	return printout{code, out.String(), err.String()}
}

// answering carries out a command line for somebody who types answer when asked.
func answering(ctx context.Context, answer string, args ...string) printout {
	var out, err bytes.Buffer
	code := run(ctx, args, terminal{in: strings.NewReader(answer), out: &out, err: &err, asks: true, machine: bare})
	return printout{code, out.String(), err.String()}
}

// unmarshal reads text as one value of JSON.
func unmarshal(t *testing.T, text string, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), v); err != nil {
		t.Fatalf("%v:\n%s", err, text)
	}
}

// discard is a log that nobody reads.
var discard = slog.New(slog.DiscardHandler)
