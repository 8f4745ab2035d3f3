package systime

import (
	"testing"
	"testing/fstest"
	"time"
)

// TestPast takes the age of the file by which the system knows what has passed.
func TestPast(t *testing.T) {
	made := time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
	if got := past(fstest.MapFS{epoch: {ModTime: made}}); !got.Equal(made) {
		t.Errorf("it is %v", got)
	}
	if got := past(fstest.MapFS{}); !got.IsZero() {
		t.Errorf("a machine without one says %v", got)
	}
}
