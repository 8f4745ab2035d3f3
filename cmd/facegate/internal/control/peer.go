package control

import (
	"context"
	"errors"
	"net"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A peer is who is at the other end of a connection, as the kernel says.
type peer struct {
	uid, gid uint32
	pid      int32
	groups   []uint32 // the supplementary ones
}

type peerKey struct{}

// withPeer asks the kernel who is at the other end (SO_PEERCRED and SO_PEERGROUPS, unix(7)).
func withPeer(ctx context.Context, c net.Conn) context.Context {
	uc, ok := c.(*net.UnixConn)
	if !ok {
		return ctx
	}
	raw, err := uc.SyscallConn()
	if err != nil {
		return ctx
	}
	var p peer
	controlErr := raw.Control(func(fd uintptr) { p, err = peerOf(int(fd)) })
	if controlErr != nil || err != nil {
		return ctx
	}
	return context.WithValue(ctx, peerKey{}, p)
}

func peerOf(fd int) (peer, error) {
	cred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return peer{}, err
	}
	groups, err := peerGroups(fd)
	return peer{uid: cred.Uid, gid: cred.Gid, pid: cred.Pid, groups: groups}, err
}

// peerGroups asks for the supplementary groups, of which there may be thousands: a buffer that is too small is told apart
// by ERANGE, with the size that it takes.
func peerGroups(fd int) ([]uint32, error) {
	groups := make([]uint32, 64)
	for {
		size := uint32(len(groups)) * uint32(unsafe.Sizeof(groups[0]))
		_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_PEERGROUPS,
			uintptr(unsafe.Pointer(&groups[0])), uintptr(unsafe.Pointer(&size)), 0)
		n := int(size) / int(unsafe.Sizeof(groups[0]))
		switch {
		case errno == 0:
			return groups[:n], nil
		case errors.Is(errno, unix.ERANGE) && n > len(groups):
			groups = make([]uint32, n)
		default:
			return nil, errno
		}
	}
}
