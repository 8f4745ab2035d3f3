// Package visiontest opens engines for tests.
package visiontest

import (
	"errors"
	"os"
	"testing"

	"facegate/pipeline/models"
	"facegate/pipeline/vision"
)

// Open opens the networks of a bundle from the folder that FACEGATE_MODELS names, with the bundle's own liveness
// models if none are given. It skips the test where they are absent, and closes the Engine after it.
func Open(t testing.TB, bundle string, liveness ...string) *vision.Engine {
	t.Helper()
	e, err := vision.Open(Networks(t, bundle, "", liveness...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

// Networks reads what Open opens, with another embedder of the bundle unless embedder is "".
func Networks(t testing.TB, bundle, embedder string, liveness ...string) vision.Networks {
	t.Helper()
	dir := os.Getenv("FACEGATE_MODELS")
	if dir == "" {
		t.Skip("FACEGATE_MODELS does not name a folder of models; make test sets it")
	}
	manifest, err := models.Load()
	if err != nil {
		t.Fatal(err)
	}
	b, err := manifest.Select(bundle, embedder, liveness)
	if err != nil {
		t.Fatal(err)
	}
	n, err := vision.Read(b, models.Dir(dir))
	if errors.Is(err, models.ErrMissing) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return n
}
