// Package childtest starts the programs of a test: brokers, consumers, gates. None outlives the test, however that ends.
package childtest

import (
	"os/exec"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// Start starts a command as its own Start does. The kernel kills the program when the process of the test has ended, also one that was
// killed itself, or had a panic, and so cleaned nothing up.
func Start(cmd *exec.Cmd) error {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = new(syscall.SysProcAttr)
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	started := make(chan error, 1)
	go func() {
		// The kernel goes by the thread that has started the program, which Go ends when it likes, unless a goroutine keeps it.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			ended(cmd.Process.Pid)
		}
	}()
	return <-started
}

// ended returns when a program has ended, and leaves it to its Wait to say how.
func ended(pid int) {
	for unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
	}
}
