// Package memory keeps what a process has in its memory, such as frames, vectors, codes and keys, from a disk and from
// other processes. It is the whole process that is protected: secrets have copies in places that nobody can list, such as
// stacks, the heap of OpenCV and the buffers of a decoder.
package memory

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"facegate/configs/hint"
)

// Seal makes the process, from now on, one that leaves no core dump and that no other process of its user can read
// (prctl(2), PR_SET_DUMPABLE; getrlimit(2), RLIMIT_CORE).
func Seal() error {
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("forbid core dumps: %w", err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_CORE, new(unix.Rlimit)); err != nil {
		return fmt.Errorf("forbid core dumps: %w", err)
	}
	return nil
}

// ErrLimit says that the process may not lock its memory.
var ErrLimit = errors.New("the limit of locked memory is too small")

// Lock keeps in RAM every page that the process touches from now on, and those that it has touched (mlockall(2)). It is
// tried only where the process may lock any amount: with less the kernel would refuse memory later, in the middle of work.
func Lock() error {
	if !unlimited() {
		return hint.Wrap(ErrLimit, adviceLimit)
	}
	if err := unix.Mlockall(unix.MCL_CURRENT | unix.MCL_FUTURE | unix.MCL_ONFAULT); err != nil {
		return hint.Wrap(fmt.Errorf("lock memory: %w", err), adviceLimit)
	}
	return nil
}

const adviceLimit = "set LimitMEMLOCK=infinity in the unit, as the one that comes with facegate does, and use Linux 4.4 or later"

// unlimited reports whether the process may lock any amount of memory: nothing limits it, or limits do not concern it.
func unlimited() bool {
	const infinity = unix.RLIM_INFINITY
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_MEMLOCK, &limit) != nil {
		return false
	}
	if limit.Max == infinity && limit.Cur != infinity {
		limit.Cur = limit.Max
		return unix.Setrlimit(unix.RLIMIT_MEMLOCK, &limit) == nil
	}
	return limit.Cur == infinity || mayLock()
}

// mayLock reports whether the process has the capability that no limit of locked memory holds for (capabilities(7)).
func mayLock() bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	return unix.Capget(&header, &sets[0]) == nil && sets[0].Effective&(1<<unix.CAP_IPC_LOCK) != 0
}

// Swappable reports whether pages that are not locked can get to a disk: swap is on (proc(5), swaps) and the control group
// of the process forbids none of it (memory.swap.max of cgroup v2, which a kernel whose memory controller is off does not
// have, whatever a unit says). root is the root of the file system.
func Swappable(root fs.FS) (bool, error) {
	if on, err := SwapOn(root); err != nil || !on {
		return false, err
	}
	groups, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return true, nil
	}
	for line := range strings.Lines(string(groups)) {
		if group, ok := strings.CutPrefix(strings.TrimSpace(line), "0::/"); ok {
			return !forbidden(root, group), nil
		}
	}
	return true, nil
}

// SwapOn reports whether swap is on, whoever may use it.
func SwapOn(root fs.FS) (bool, error) {
	swaps, err := fs.ReadFile(root, "proc/swaps")
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil // a kernel that knows no swap
	}
	return bytes.Count(bytes.TrimSpace(swaps), []byte("\n")) > 0, err // the first line is a heading
}

// forbidden reports whether the control group, or one that it is in, may not swap.
func forbidden(root fs.FS, group string) bool {
	for ; ; group = path.Dir(group) {
		limit, err := fs.ReadFile(root, path.Join("sys/fs/cgroup", group, "memory.swap.max"))
		if err == nil && strings.TrimSpace(string(limit)) == "0" {
			return true
		}
		if group == "." || group == "" || group == "/" {
			return false
		}
	}
}
