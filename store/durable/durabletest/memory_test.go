package durabletest

import (
	"os"
	"path/filepath"
	"testing"
)

func TestMemoryIsTakenWhereItHasRoom(t *testing.T) {
	folder := t.TempDir()
	for what, tt := range map[string]struct {
		folder string
		room   uint64
		taken  bool
	}{
		"room":      {folder, 1, true},
		"no room":   {folder, 1 << 62, false},
		"no memory": {filepath.Join(folder, "none"), 0, false},
	} {
		t.Run(what, func(t *testing.T) {
			t.Setenv("TMPDIR", "before")
			inMemory(tt.folder, tt.room)
			if got := os.Getenv("TMPDIR"); (got == tt.folder) != tt.taken {
				t.Errorf("temporary folders are in %s", got)
			}
		})
	}
}
