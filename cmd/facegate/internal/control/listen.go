package control

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"facegate/configs/hint"
)

// CheckSocket says, for the user who runs it, whether NewServer could open the socket at path. It makes and changes nothing, and a gate that answers there already is no fault.
func CheckSocket(path string) error {
	info, err := os.Lstat(path)
	switch {
	case err == nil && info.Mode().Type() != fs.ModeSocket:
		return hint.Wrap(fmt.Errorf("%s: %w and is no socket", path, fs.ErrExist), "move it away, or correct control.socket")
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return hint.Wrap(err, "let the service's user into the folder, or correct control.socket")
	}
	dir := filepath.Dir(path)
	if err := unix.Access(dir, unix.W_OK|unix.X_OK); err != nil {
		return hint.Wrap(fmt.Errorf("no socket can be made in %s: %w", dir, err), "%s", adviceFolder(dir))
	}
	return nil
}

func adviceFolder(dir string) string {
	return fmt.Sprintf("make the folder %s, writable for the service's user, or correct control.socket", dir)
}

// CheckGroup says, for the user who runs it, whether NewServer could give the socket to group.
func CheckGroup(group string) error {
	gid, err := groupID(group)
	if err != nil {
		return err
	}
	mine, err := os.Getgroups()
	if err != nil {
		return err
	}
	if os.Geteuid() != 0 && os.Getegid() != gid && !slices.Contains(mine, gid) {
		return hint.Wrap(fmt.Errorf("%w: the service's user is no member of %s", ErrGroup, group), "%s", adviceMember(group))
	}
	return nil
}

func adviceMember(group string) string {
	return fmt.Sprintf("make the service's user a member of the group %s, or correct control.group", group)
}

func groupID(group string) (int, error) {
	g, err := user.LookupGroup(group)
	if err != nil {
		return 0, hint.Wrap(fmt.Errorf("%w: there is none called %s", ErrGroup, group),
			"make the group (groupadd --system %s), or correct control.group", group)
	}
	return strconv.Atoi(g.Gid)
}

// listen opens the socket at path, mode 0660, owned by group where that is not empty. One that a dead daemon left
// behind is replaced. The errors carry hints.
func listen(path, group string) (*net.UnixListener, error) {
	if err := removeStale(path); err != nil {
		return nil, err
	}
	// Nobody else may connect before the group and the mode are what they should be.
	private := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) (err error) {
		return errors.Join(c.Control(func(fd uintptr) { err = unix.Fchmod(int(fd), 0o600) }), err)
	}}
	l, err := private.Listen(context.Background(), "unix", path)
	if err != nil {
		return nil, hint.Wrap(err, "%s", adviceFolder(filepath.Dir(path)))
	}
	if err := share(path, group); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l.(*net.UnixListener), nil // as its network says
}

// adopt returns the listener of a socket that is open, and closes the file.
func adopt(socket *os.File) (*net.UnixListener, error) {
	listener, err := net.FileListener(socket)
	if err := errors.Join(err, socket.Close()); err != nil {
		return nil, err
	}
	l, ok := listener.(*net.UnixListener)
	if !ok {
		return nil, errors.Join(errors.New("it is no socket of a file"), listener.Close())
	}
	l.SetUnlinkOnClose(true)
	return l, nil
}

// removeStale makes room at path, but only by removing a socket at which nobody answers.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return hint.Wrap(err, "let the service's user into the folder, or correct control.socket")
	}
	if info.Mode().Type() != fs.ModeSocket {
		return hint.Wrap(fmt.Errorf("%w and is no socket", fs.ErrExist), "move it away, or correct control.socket")
	}
	conn, err := net.Dial("unix", path)
	if err == nil {
		conn.Close()
		return hint.Wrap(ErrInUse, "stop it (systemctl stop facegate), or give this gate a control.socket of its own")
	}
	if errors.Is(err, unix.ECONNREFUSED) {
		err = os.Remove(path)
	}
	return hint.Wrap(err, "remove it by hand if no facegate is running")
}

// share lets the group use the socket.
func share(path, group string) error {
	if group != "" {
		gid, err := groupID(group)
		if err != nil {
			return err
		}
		if err := os.Chown(path, -1, gid); err != nil {
			return hint.Wrap(fmt.Errorf("%w: %w", ErrGroup, err), "%s", adviceMember(group))
		}
	}
	return os.Chmod(path, 0o660)
}
