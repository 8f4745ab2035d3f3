package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"

	"facegate/configs/hint"
)

// A legacy is what a process of the gate leaves to the fresh one that takes its place, under the same number and for the
// same service manager. The configuration is left too: a gate goes on as it was started, and a file that somebody is
// editing comes into force when the gate is started anew.
type legacy struct {
	Config   []byte // the text
	Listener int    // the file descriptor of the control socket
}

// legacyEnv is the variable of the environment that has the legacy, as JSON.
const legacyEnv = "FACEGATE_LEGACY"

// takeOver returns the legacy of the process before this one, which is empty if there was none.
func takeOver() (l legacy, err error) {
	text, ok := os.LookupEnv(legacyEnv)
	if !ok {
		return l, nil
	}
	if err := json.Unmarshal([]byte(text), &l); err != nil {
		return l, hint.Wrap(fmt.Errorf("%s is not what facegate has written: %w", legacyEnv, err), "leave it out of the environment")
	}
	return l, os.Unsetenv(legacyEnv)
}

// config returns the configuration of the legacy or, if there is none, what read returns.
func (l legacy) config(read func() ([]byte, error)) ([]byte, error) {
	if l.Config != nil {
		return l.Config, nil
	}
	return read()
}

// socket returns the control socket of the legacy, nil if there is none.
func (l legacy) socket() *os.File {
	if l.Config == nil {
		return nil
	}
	unix.CloseOnExec(l.Listener)
	return os.NewFile(uintptr(l.Listener), "control socket")
}

// handOver has a fresh process take the place of this one, and returns only if that fails (execve(2)). The program is the
// one that runs, even if its file was replaced meanwhile.
func (l legacy) handOver(socket *os.File) error {
	l.Listener = int(socket.Fd())
	text, err := json.Marshal(l)
	if err != nil {
		return err
	}
	if _, err := unix.FcntlInt(socket.Fd(), unix.F_SETFD, 0); err != nil {
		return err
	}
	err = unix.Exec("/proc/self/exe", os.Args, append(os.Environ(), legacyEnv+"="+string(text)))
	runtime.KeepAlive(socket)
	return hint.Wrap(fmt.Errorf("hand over to a fresh process: %w", err), "start the gate anew: systemctl restart facegate")
}
