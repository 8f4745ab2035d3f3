package store_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"testing/iotest"

	"facegate/configs/hint"
	"facegate/store"
	"facegate/store/durable"
	"facegate/store/durable/durabletest"
)

func TestKeyFile(t *testing.T) {
	good := make([]byte, 32)
	good[5] = 7
	write := func(data []byte, mode os.FileMode) func(t *testing.T, path string) {
		return func(t *testing.T, path string) {
			if err := os.WriteFile(path, data, mode); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, mode); err != nil { // whatever the umask says
				t.Fatal(err)
			}
		}
	}
	tests := []struct {
		name string
		make func(t *testing.T, path string)
		ok   bool
	}{
		{"as it should be", write(good, 0o600), true},
		{"read-only", write(good, 0o400), true},
		{"missing", func(*testing.T, string) {}, false},
		{"readable by the group", write(good, 0o640), false},
		{"readable by all", write(good, 0o604), false},
		{"writable by the group", write(good, 0o620), false},
		{"empty", write(nil, 0o600), false},
		{"too short", write(good[:31], 0o600), false},
		{"too long", write(append(good[:32:32], '\n'), 0o600), false},
		{"zeros", write(make([]byte, 32), 0o600), false},
		{"a directory", func(t *testing.T, path string) {
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		}, false},
		{"a pipe", func(t *testing.T, path string) {
			if err := syscall.Mkfifo(path, 0o600); err != nil {
				t.Fatal(err)
			}
		}, false},
		{"a link", func(t *testing.T, path string) {
			write(good, 0o600)(t, path+".aside")
			if err := os.Symlink(path+".aside", path); err != nil {
				t.Fatal(err)
			}
		}, false},
		{"with a second name", func(t *testing.T, path string) {
			write(good, 0o600)(t, path)
			if err := os.Link(path, path+".copy"); err != nil {
				t.Fatal(err)
			}
		}, false},
		{"a giant", func(t *testing.T, path string) {
			write(good, 0o600)(t, path)
			if err := os.Truncate(path, 1<<40); err != nil {
				t.Fatal(err)
			}
		}, false},
		{"somebody else's", func(t *testing.T, path string) {
			if os.Geteuid() != 0 {
				t.Skip("only root can give a file away")
			}
			write(good, 0o600)(t, path)
			if err := os.Chown(path, 65534, -1); err != nil {
				t.Fatal(err)
			}
		}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "device.key")
			tt.make(t, path)
			key, err := store.KeyFile(path).DeviceKey()
			if tt.ok && (err != nil || key != [32]byte(good)) {
				t.Errorf("got %x, %v", key, err)
			}
			if !tt.ok && (!errors.Is(err, store.ErrKey) || hint.Of(err) == "" || key != [32]byte{}) {
				t.Errorf("got %x, %v, hint %q", key, err, hint.Of(err))
			}
		})
	}
}

func TestCreateKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "device.key")
	defer syscall.Umask(syscall.Umask(0)) // the mode must not depend on it
	if err := store.CreateKeyFile(durable.OS{}, path, iotest.ErrReader(errors.New("none"))); !errors.Is(err, store.ErrKey) {
		t.Errorf("without randomness: %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a key that could not be written was left: %v", err)
	}
	if err := store.CreateKeyFile(durable.OS{}, path, rand.Reader); err != nil {
		t.Fatal(err)
	}
	first, err := store.KeyFile(path).DeviceKey()
	if err != nil {
		t.Fatal(err)
	}
	if err := store.CreateKeyFile(durable.OS{}, path, rand.Reader); !errors.Is(err, os.ErrExist) || hint.Of(err) == "" {
		t.Errorf("a second time: %v", err)
	}
	if again, err := store.KeyFile(path).DeviceKey(); err != nil || again != first {
		t.Errorf("the key changed, or %v", err)
	}
}

func TestCredential(t *testing.T) {
	dir := t.TempDir()
	want := [32]byte{1, 2, 3}
	if err := os.WriteFile(filepath.Join(dir, "facegate"), want[:], 0o400); err != nil {
		t.Fatal(err)
	}
	if key, err := store.SystemdCredential(dir, "facegate").DeviceKey(); err != nil || key != want {
		t.Errorf("got %x, %v", key, err)
	}
	for _, name := range []string{"other", "", "../" + filepath.Base(dir) + "/facegate"} {
		if _, err := store.SystemdCredential(dir, name).DeviceKey(); !errors.Is(err, store.ErrKey) || hint.Of(err) == "" {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestClass(t *testing.T) {
	if a, b := store.KeyFile("x").Class(), store.SystemdCredential("x", "y").Class(); a != "file" || b != "credential" {
		t.Errorf("got %q and %q", a, b)
	}
}

func TestDestroyKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "device.key")
	if err := os.WriteFile(path, bytes.Repeat([]byte{1}, 32), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := store.DestroyKeyFile(path); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
}

// A key that people are enrolled under must not be lost with the power, nor its name.
func TestKeyFileOutlivesAPowerCut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "device.key")
	disk := new(durabletest.Disk)
	if err := store.CreateKeyFile(disk, path, rand.Reader); err != nil {
		t.Fatal(err)
	}
	disk.PowerCut(t)
	if _, err := store.KeyFile(path).DeviceKey(); err != nil {
		t.Error(err)
	}
}
