package store_test

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"facegate/store"
	"facegate/store/durable/durabletest"
	"facegate/store/storetest"
)

// childDir names the environment variable that makes the test binary the program that TestKill kills.
const childDir = "FACEGATE_STORE_CHILD_DIR"

// childOwing names the environment variable that makes the test binary the program that TestOwedKill kills.
const childOwing = "FACEGATE_STORE_CHILD_OWING"

// childVisits names the environment variable that makes the test binary the program that TestVisitKill kills.
const childVisits = "FACEGATE_STORE_CHILD_VISITS"

// childOrders names the environment variable that makes the test binary the program that TestOrderKill kills.
const childOrders = "FACEGATE_STORE_CHILD_ORDERS"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if err := enrolAndEraseForEver(dir, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(1)
	}
	if dir := os.Getenv(childOwing); dir != "" {
		if err := askForEver(dir, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(1)
	}
	if dir := os.Getenv(childVisits); dir != "" {
		if err := useForEver(dir, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(1)
	}
	if dir := os.Getenv(childOrders); dir != "" {
		if err := orderForEver(dir, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(1)
	}
	flag.Parse()
	if flag.Lookup("test.bench").Value.String() == "" { // which is to have the disk
		durabletest.InMemory()
	}
	os.Exit(m.Run())
}

// slow reports whether the long form of a test is wanted.
func slow() bool { return os.Getenv("FACEGATE_SLOW") == "1" }

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func mustOpen(t *testing.T, dir string) *store.Store {
	t.Helper()
	s, err := store.Open(storetest.Options(dir))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func mustHave(t *testing.T, s *store.Store, people, records int) {
	t.Helper()
	if c := mustRead(t, s); len(c.People) != people || len(c.Records) != records {
		t.Errorf("%d people and %d records, want %d and %d", len(c.People), len(c.Records), people, records)
	}
}
