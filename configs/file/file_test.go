package file_test

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"facegate/configs/file"
	"facegate/configs/hint"
)

const limit = 100

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// folder returns a folder with one of everything that can stand where a file is wanted.
func folder(t *testing.T) func(name string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "file-") // short enough for a socket
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := func(name string) string { return filepath.Join(dir, name) }
	must(t, os.WriteFile(path("good"), []byte("secret"), 0o600))
	must(t, os.WriteFile(path("full"), make([]byte, limit), 0o600))
	must(t, os.WriteFile(path("empty"), nil, 0o600))
	must(t, os.WriteFile(path("large"), make([]byte, limit+1), 0o600))
	must(t, os.WriteFile(path("giant"), nil, 0o600))
	must(t, os.Truncate(path("giant"), 1<<40)) // takes no room
	for name, mode := range map[string]fs.FileMode{"group": 0o640, "others": 0o604, "written": 0o602} {
		must(t, os.WriteFile(path(name), []byte("secret"), 0o600))
		must(t, os.Chmod(path(name), mode))
	}
	must(t, os.WriteFile(path("twice"), []byte("secret"), 0o600))
	must(t, os.Link(path("twice"), path("second")))
	must(t, os.Symlink("good", path("link")))
	must(t, os.Symlink("pipe", path("link to a pipe")))
	must(t, os.Symlink("loop", path("loop")))
	must(t, os.Symlink("/dev/zero", path("zero")))
	must(t, os.Mkdir(path("folder"), 0o700))
	must(t, syscall.Mkfifo(path("pipe"), 0o600))
	l, err := net.Listen("unix", path("socket"))
	must(t, err)
	t.Cleanup(func() { l.Close() })
	return path
}

// TestRead reads what is a file, and comes back at once from everything else.
func TestRead(t *testing.T) {
	path := folder(t)
	const ok = "content"
	type want struct{ read, shared, own, secret any }
	for name, want := range map[string]want{
		"good":           {ok, ok, ok, ok},
		"full":           {ok, ok, ok, ok},
		"empty":          {ok, ok, ok, ok},
		"large":          {file.ErrSize, file.ErrSize, file.ErrSize, file.ErrSize},
		"giant":          {file.ErrSize, file.ErrSize, file.ErrSize, file.ErrSize},
		"group":          {ok, ok, ok, file.ErrExposed},
		"others":         {ok, ok, ok, file.ErrExposed},
		"written":        {ok, file.ErrExposed, ok, file.ErrExposed},
		"twice":          {ok, ok, ok, file.ErrExposed},
		"link":           {ok, ok, file.ErrKind, file.ErrKind},
		"link to a pipe": {file.ErrKind, file.ErrKind, file.ErrKind, file.ErrKind},
		"loop":           {syscall.ELOOP, syscall.ELOOP, file.ErrKind, file.ErrKind},
		"zero":           {file.ErrKind, file.ErrKind, file.ErrKind, file.ErrKind},
		"folder":         {file.ErrKind, file.ErrKind, file.ErrKind, file.ErrKind},
		"pipe":           {file.ErrKind, file.ErrKind, file.ErrKind, file.ErrKind},
		"socket":         {file.ErrKind, file.ErrKind, file.ErrKind, file.ErrKind},
		"nothing":        {fs.ErrNotExist, fs.ErrNotExist, fs.ErrNotExist, fs.ErrNotExist},
	} {
		for way, f := range map[string]struct {
			read func(string, int64) ([]byte, error)
			want any
		}{
			"Read": {file.Read, want.read}, "ReadShared": {file.ReadShared, want.shared},
			"ReadOwn": {file.ReadOwn, want.own}, "ReadSecret": {file.ReadSecret, want.secret},
		} {
			t.Run(way+" "+name, func(t *testing.T) {
				data, err := f.read(path(name), limit)
				if refused, isErr := f.want.(error); isErr {
					if !errors.Is(err, refused) {
						t.Errorf("got %d bytes and %v, want %v", len(data), err, refused)
					}
					if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ELOOP) && hint.Of(err) == "" {
						t.Errorf("%v says nothing to do", err)
					}
					return
				}
				there, _ := os.ReadFile(path(name))
				if err != nil || string(data) != string(there) {
					t.Errorf("got %q and %v", data, err)
				}
			})
		}
	}
}

// TestSecretOfAnotherUser is refused, and the advice does not give it to root.
func TestSecretOfAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a file away")
	}
	path := folder(t)("good")
	must(t, os.Chown(path, 65534, 65534))
	_, err := file.ReadSecret(path, limit)
	if !errors.Is(err, file.ErrExposed) || !strings.Contains(hint.Of(err), "sudo -u nobody ") {
		t.Errorf("%v; to do: %s", err, hint.Of(err))
	}
}
