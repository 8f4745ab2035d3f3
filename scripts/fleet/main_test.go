// Package fleet_test has gates, which are publishers with their outbox on disk, told by real brokers to real consumers, and kills all
// of them in turn.
package fleet_test

import (
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"facegate/store/durable/durabletest"
)

// childGate names the environment variable that makes the test binary a gate that is killed: what it is told, see childOrders.
const childGate = "FACEGATE_FLEET_GATE"

func TestMain(m *testing.M) {
	if orders := os.Getenv(childGate); orders != "" {
		if err := runChild(orders); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	flag.Parse()
	if !*onDisk { // as a fleet is to be
		durabletest.InMemory()
	}
	os.Exit(m.Run())
}

// onDisk has everything kept on the disk of TMPDIR, and not in memory.
var onDisk = flag.Bool("disk", false, "keep outboxes and streams on the disk, not in memory")

// slow reports whether the long form of a test is wanted.
func slow() bool { return os.Getenv("FACEGATE_SLOW") == "1" }

// patience is how long anything may take on a machine that is busy.
const patience = time.Minute

// eventually waits for ok.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	within(t, patience, what, ok)
}

// within is eventually for what takes so long.
func within(t *testing.T, patience time.Duration, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v in vain: %s", patience, what)
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
