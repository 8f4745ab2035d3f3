package ended_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/ended"
)

func TestFailures(t *testing.T) {
	dir := t.TempDir()
	socket, other := filepath.Join(dir, "control.sock"), filepath.Join(dir, "north.sock")
	if f, ok := ended.Last(socket); ok {
		t.Errorf("there is %v", f)
	}
	at := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	for i, after := range []time.Duration{0, 2 * time.Second, 4 * time.Second} {
		if err := ended.Note(socket, ended.Failure{At: at.Add(after), Error: "no key", ToDo: "make one"}); err != nil {
			t.Fatal(err)
		}
		if f, ok := ended.Last(socket); !ok || f.Count != i+1 || f.Error != "no key" || f.ToDo != "make one" || !f.At.Equal(at.Add(after)) {
			t.Errorf("there is %+v after %d failures", f, i+1)
		}
	}
	if f, _ := ended.Last(socket); !strings.Contains(f.String(), "3 times in a row") || !strings.Contains(f.String(), "no key") {
		t.Errorf("it says %q", f)
	}
	if _, ok := ended.Last(other); ok {
		t.Error("another gate of the folder has failed too")
	}
	if err := ended.Note(socket, ended.Failure{At: at.Add(time.Hour), Error: "no disk"}); err != nil {
		t.Fatal(err)
	}
	if f, _ := ended.Last(socket); f.Count != 1 || strings.Contains(f.String(), "row") {
		t.Errorf("a failure of another hour is %+v", f)
	}
	for range 2 {
		if err := ended.Forget(socket); err != nil {
			t.Errorf("forget: %v", err)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if err := ended.Note("/nonexistent/control.sock", ended.Failure{}); err == nil {
		t.Error("a failure was kept in no folder")
	}
}
