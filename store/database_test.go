package store

import (
	"errors"
	"os"
	"testing"
)

// Where bbolt panics at a file, the file is let go, so that it can be looked at and tried again.
func TestPanicOfBbolt(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	must(t, s.Close())
	must(t, os.Truncate(s.faces.dbPaths()[0], 2*4096)) // the meta pages and nothing else
	for range 2 {
		if _, err := s.faces.openBolt(s.faces.dbPaths()[0], 0); !errors.Is(err, ErrDamaged) {
			t.Errorf("got %v", err)
		}
	}
}
