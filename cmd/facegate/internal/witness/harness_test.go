package witness_test

import (
	"crypto/rand"
	"path/filepath"
	"testing"

	"facegate/cmd/facegate/internal/witness"
	"facegate/cmd/facegate/internal/witness/logtest"
)

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// create makes the file of a witness that follows logs, and returns its name.
func create(tb testing.TB, logs ...*logtest.Log) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "witness.db")
	must(tb, witness.Create(path, "residents.example/witness", rand.Reader))
	w := open(tb, path)
	for _, l := range logs {
		must(tb, w.Add(l.Key(tb)))
	}
	must(tb, w.Close())
	return path
}

// open opens the file of a witness, until the test is over.
func open(tb testing.TB, path string) *witness.Witness {
	tb.Helper()
	w, err := witness.Open(path)
	must(tb, err)
	tb.Cleanup(func() { w.Close() })
	return w
}
