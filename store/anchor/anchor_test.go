package anchor_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"facegate/configs/hint"
	"facegate/store/anchor"
	"facegate/store/anchor/anchortest"
	"facegate/store/durable"
	"facegate/store/durable/durabletest"
)

func TestFile(t *testing.T) {
	anchortest.Run(t, func(t *testing.T) func() anchor.Place {
		dir := filepath.Join(t.TempDir(), "anchor")
		return func() anchor.Place { return anchor.File(durable.OS{}, dir) }
	})
}

// remembered returns a folder that has remembered m.
func remembered(t *testing.T, m anchor.Memory) (string, *anchor.Folder) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "anchor")
	place := anchor.File(durable.OS{}, dir)
	if err := place.Remember(m); err != nil {
		t.Fatal(err)
	}
	return dir, place
}

// Either of the copies is enough, whatever becomes of the other, and which one is to be mended is said.
func TestEveryByteOfACopy(t *testing.T) {
	m := anchor.Memory{Count: 3, Sealed: []byte("sealed")}
	_, place := remembered(t, m)
	for _, path := range place.Paths() {
		sound, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for i := range sound {
			for name, data := range map[string][]byte{"damaged": bytes.Clone(sound), "cut off": sound[:i]} {
				if name == "damaged" {
					data[i] ^= 0x40
				}
				if err := os.WriteFile(path, data, 0o600); err != nil {
					t.Fatal(err)
				}
				got, faults, err := place.Examine()
				if err != nil || got.Count != m.Count || !bytes.Equal(got.Sealed, m.Sealed) || len(faults) != 1 || faults[0].Path != path {
					t.Fatalf("%s, byte %d %s: %+v, %v, %v", filepath.Base(path), i, name, got, faults, err)
				}
			}
		}
		if err := os.WriteFile(path, sound, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestBothDamaged is not taken for a place that was never told anything.
func TestBothDamaged(t *testing.T) {
	dir, place := remembered(t, anchor.Memory{Count: 3})
	for i, path := range place.Paths() {
		damage := [2]func() error{func() error { return os.Remove(path) }, func() error { return os.WriteFile(path, []byte("x"), 0o600) }}[i]
		if err := damage(); err != nil {
			t.Fatal(err)
		}
	}
	if _, faults, err := place.Examine(); !errors.Is(err, anchor.ErrDamaged) || len(faults) != 2 {
		t.Errorf("%v, %v", faults, err)
	}
	if err := place.Forget(); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("%d files are left, %v", len(left), err)
	}
}

// TestUnreadable is neither nothing nor damage: what the folder holds is not known.
func TestUnreadable(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may read everything")
	}
	dir, place := remembered(t, anchor.Memory{Count: 3})
	if err := os.Chmod(dir, 0); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(dir, 0o700)
	if _, err := place.Last(); !errors.Is(err, fs.ErrPermission) || errors.Is(err, anchor.ErrDamaged) || hint.Of(err) == "" {
		t.Errorf("got %v", err)
	}
}

var errCut = errors.New("the power went")

// A cut is a disk whose power goes before the nth sync.
type cut struct {
	*durabletest.Disk
	tb   testing.TB
	left int
}

func (c *cut) SyncDir(dir string) error {
	if c.left--; c.left == 0 {
		c.PowerCut(c.tb)
	}
	if c.left <= 0 {
		return errCut
	}
	return c.Disk.SyncDir(dir)
}

func (c *cut) Sync(path string, sync func() error) error {
	if c.left--; c.left == 0 {
		c.PowerCut(c.tb)
	}
	if c.left <= 0 {
		return errCut
	}
	return c.Disk.Sync(path, sync)
}

// TestEveryPowerCut remembers what was before, or what is new, and the new once Remember has returned.
func TestEveryPowerCut(t *testing.T) {
	for n := 1; ; n++ {
		dir, place := remembered(t, anchor.Memory{Count: 1, Sealed: []byte("old")})
		disk := &cut{new(durabletest.Disk), t, n}
		err := anchor.File(disk, dir).Remember(anchor.Memory{Count: 2, Sealed: []byte("newer")})
		if err == nil {
			disk.PowerCut(t)
		}
		got, last := place.Last()
		text := fmt.Sprint(got.Count, " ", string(got.Sealed))
		if last != nil || text != "2 newer" && (err == nil || text != "1 old") {
			t.Fatalf("cut %d: %q, %v after %v", n, text, last, err)
		}
		if err == nil {
			if n < 4 {
				t.Errorf("there were only %d syncs", n-1)
			}
			return
		}
	}
}
