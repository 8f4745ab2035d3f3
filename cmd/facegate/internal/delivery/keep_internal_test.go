package delivery

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"facegate/store/durable"
	"facegate/store/durable/durabletest"
)

// TestKeep checks that a receipt is fetched into a file that an attempt has left, and into no other.
func TestKeep(t *testing.T) {
	path := filepath.Join(t.TempDir(), "receipt.json")
	for _, tt := range []struct {
		there string
		err   error
	}{{"receipt", nil}, {"", nil}, {"another", fs.ErrExist}, {"receipt\nc2sp.org/tlog-proof@v1\nof an older day\n", nil}} {
		must(t, os.WriteFile(path, []byte(tt.there), 0o600))
		if err := keep(durable.OS{}, path, []byte("receipt")); !errors.Is(err, tt.err) {
			t.Errorf("%q is there: %v", tt.there, err)
		}
		want := "receipt"
		if tt.err != nil {
			want = tt.there
		}
		if data, err := os.ReadFile(path); err != nil || string(data) != want {
			t.Errorf("%q is there: %q, %v", tt.there, data, err)
		}
	}
}

// TestKeepOutlivesAPowerCut checks that a receipt which an attempt has left, and the disk not yet, is on disk before the gate
// forgets it.
func TestKeepOutlivesAPowerCut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "receipt.json")
	disk := new(durabletest.Disk)
	left, err := disk.Create(path)
	must(t, err)
	defer left.Close()
	_, err = left.Write([]byte("receipt"))
	must(t, err)
	must(t, keep(disk, path, []byte("receipt")))
	disk.PowerCut(t)
	if data, err := os.ReadFile(path); err != nil || string(data) != "receipt" {
		t.Errorf("after a power cut: %q, %v", data, err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
