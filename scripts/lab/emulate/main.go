// Emulate runs one board of the lab in QEMU: it watches the pins of its GPIO controller without the guest's help, tells
// the guest what it sees and drives inputs for it, and judges the run.
//
//	emulate BOARD FOLDER LIMIT
//
// FOLDER is .build/lab, or .build/machine, where fetch.sh and build.sh have been and where the logs go; LIMIT is how long the board may
// take. It exits with 1 unless all went as it should. With LAB_ONLY in the environment, such as "lab -test.run TestGate", only that is tested.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Println("facegate: lab:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 3 {
		return fmt.Errorf("usage: emulate BOARD FOLDER LIMIT, not %q", args)
	}
	b, err := boardOf(args[0])
	if err != nil {
		return err
	}
	b.only = os.Getenv("LAB_ONLY")
	limit, err := time.ParseDuration(args[2])
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	log, err := os.Create(filepath.Join(args[1], b.name+".log"))
	if err != nil {
		return err
	}
	defer log.Close()
	begun := time.Now()
	e := newEmulation(b, log, os.Stdout)
	verdict := e.boot(ctx, args[1])
	if ctx.Err() == context.DeadlineExceeded {
		verdict = fmt.Errorf("it was not done after %v", limit)
	}
	if verdict == nil {
		verdict = e.judge()
	}
	if verdict == nil && b.disks != nil {
		verdict = e.search(filepath.Join(args[1], b.name, diskFile))
	}
	took := time.Since(begun).Round(time.Second)
	if verdict != nil {
		e.showEnd()
		return fmt.Errorf("%s: FAIL after %v: %w; the whole log is %s", b.name, took, verdict, log.Name())
	}
	fmt.Printf("facegate: lab: %s: PASS after %v, %v of a processor; the whole log is %s\n", b.name, took, e.busy.Round(time.Second), log.Name())
	return nil
}
