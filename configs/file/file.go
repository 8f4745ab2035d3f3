// Package file reads files that come from outside: what a technician, a stick or another program has put where facegate
// looks. What is no regular file, or is larger than its content can be, is refused before a byte of it is read, so that a
// pipe cannot hold the reader up and a giant cannot fill its memory. A secret has to be its owner's alone besides.
//
// Like its neighbour hint it is a leaf that every other package may import.
package file

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"syscall"

	"facegate/configs/hint"
)

// Why a file is refused. The errors carry what to do about it.
var (
	ErrKind    = errors.New("is not a regular file")
	ErrSize    = errors.New("is too large")
	ErrExposed = errors.New("is not safe from others")
)

// Read returns the content of the regular file at path, of at most limit bytes. Links are followed.
func Read(path string, limit int64) ([]byte, error) { return readAll(Open(path, limit)) }

// ReadShared is Read of a file that decides what the program does, such as its configuration. It refuses one that every
// user may write to.
func ReadShared(path string, limit int64) ([]byte, error) { return readAll(openShared(path, limit)) }

// ReadOwn is Read of a file of this program's own, which is never a link.
func ReadOwn(path string, limit int64) ([]byte, error) { return readAll(OpenOwn(path, limit)) }

// ReadSecret is Read of what OpenSecret opens. The caller clears it after use.
func ReadSecret(path string, limit int64) ([]byte, error) { return readAll(OpenSecret(path, limit)) }

// Open opens the regular file at path for reading, of at most limit bytes. Links are followed.
func Open(path string, limit int64) (*os.File, error) {
	info, err := os.Stat(path) // to open a device can do something already
	if err != nil {
		return nil, err
	}
	return open(path, info, limit, 0)
}

// OpenOwn is Open of a file of this program's own, which is never a link.
func OpenOwn(path string, limit int64) (*os.File, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	return open(path, info, limit, syscall.O_NOFOLLOW)
}

// OpenSecret is OpenOwn of a file that nobody but its owner, who runs this program, may touch, and that has one name.
func OpenSecret(path string, limit int64) (*os.File, error) {
	return checked(path, limit, OpenOwn, func(info fs.FileInfo) error { return private(path, info) })
}

// openShared opens what ReadShared reads.
func openShared(path string, limit int64) (*os.File, error) {
	return checked(path, limit, Open, func(info fs.FileInfo) error {
		if perm := info.Mode().Perm(); perm&0o002 != 0 {
			return hint.Wrap(fmt.Errorf("%s %w: every user may write to it (mode %#o)", path, ErrExposed, perm),
				"make sure that nobody has changed it, and run: chmod o-w %s", path)
		}
		return nil
	})
}

// checked opens the file at path, if it passes check.
func checked(path string, limit int64, open func(string, int64) (*os.File, error), check func(fs.FileInfo) error) (*os.File, error) {
	f, err := open(path, limit)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil {
		err = check(info)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// open opens what is at path, which was info just before. O_NONBLOCK is for a pipe that has taken its place since.
func open(path string, info fs.FileInfo, limit int64, flags int) (*os.File, error) {
	if err := check(path, info, limit); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|flags, 0)
	if err != nil {
		return nil, err
	}
	if info, err = f.Stat(); err == nil {
		err = check(path, info, limit)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func check(path string, info fs.FileInfo, limit int64) error {
	switch {
	case info.IsDir():
		return hint.Wrap(fmt.Errorf("%s %w, but a folder: %w", path, ErrKind, syscall.EISDIR), "name the file itself")
	case !info.Mode().IsRegular():
		return hint.Wrap(fmt.Errorf("%s %w, but %s", path, ErrKind, kind(info.Mode())), "name the file itself")
	case info.Size() > limit:
		return hint.Wrap(fmt.Errorf("%s %w: %d bytes, where at most %d are wanted", path, ErrSize, info.Size(), limit),
			"make sure that this is the file you mean")
	}
	return nil
}

// kind says what a file is that is not a regular one.
func kind(m fs.FileMode) string {
	switch {
	case m&fs.ModeSymlink != 0:
		return "a symbolic link"
	case m&fs.ModeNamedPipe != 0:
		return "a pipe"
	case m&fs.ModeSocket != 0:
		return "a socket"
	}
	return "a device"
}

// private refuses a file that others than its owner can reach, or whose owner does not run this program.
func private(path string, info fs.FileInfo) error {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return fmt.Errorf("%s: its owner cannot be told", path)
	}
	switch perm := info.Mode().Perm(); {
	case perm&0o077 != 0:
		return hint.Wrap(fmt.Errorf("%s %w: others than its owner may use it (mode %#o)", path, ErrExposed, perm),
			"run: chmod 0600 %s; if others had access to this machine, replace the secret", path)
	case int(st.Uid) != os.Geteuid():
		return hint.Wrap(fmt.Errorf("%s %w: it belongs to %s, and this program runs as %s", path, ErrExposed,
			userName(int(st.Uid)), userName(os.Geteuid())), "%s", adviceOwner(path, int(st.Uid)))
	case st.Nlink > 1:
		return hint.Wrap(fmt.Errorf("%s %w: it has %d names on this disk", path, ErrExposed, st.Nlink),
			"copy it to a new file and remove all its names, which find / -xdev -samefile %s lists", path)
	}
	return nil
}

// adviceOwner says what to do about a secret that belongs to another user. To give it to root, or to whoever happened to type a
// command, would shut the service out. What root has just made is given to the service.
func adviceOwner(path string, owner int) string {
	if os.Geteuid() == 0 || owner != 0 {
		return fmt.Sprintf("run this as that user: sudo -u %s facegate ...", userName(owner))
	}
	return fmt.Sprintf("run as root: chown %s %s", userName(os.Geteuid()), path)
}

// userName returns the name of a user or, where it has none, the number.
func userName(id int) string {
	if u, err := user.LookupId(strconv.Itoa(id)); err == nil {
		return u.Username
	}
	return "user " + strconv.Itoa(id)
}

// readAll reads and closes f, unless it could not be opened for err. There is one buffer, of which no copy is left behind.
func readAll(f *os.File, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	data := make([]byte, info.Size()+1)
	switch n, err := io.ReadFull(f, data); {
	case err == nil:
		clear(data)
		return nil, hint.Wrap(fmt.Errorf("%s %w: it grew while it was read", f.Name(), ErrSize), "try again")
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return data[:n], nil
	default:
		clear(data)
		return nil, err
	}
}
