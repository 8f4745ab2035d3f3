package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"

	"facegate/cmd/facegate/internal/cosigning"
	"facegate/cmd/facegate/internal/daemon"
	"facegate/configs/hint"
	"facegate/gpio/door"
)

// A legacy is what a process of the gate leaves to the fresh one that takes its place, under the same number and for the
// same service manager. The configuration is left too: a gate goes on as it was started, and a file that somebody is
// editing comes into force when the gate is started anew.
type legacy struct {
	Config   []byte // the text
	Listener int    // the file descriptor of the control socket
	Line     int    // that of the line of the relay, whose level does not change meanwhile; 0 if it was not left

	Door *door.Left   // what lasts there; nil for nothing
	Hold *daemon.Hold // who holds it; nil for nobody

	Silent bool // the broker was told to forget the gate
	Stands bool // somebody who was just captured may stand at the door

	Witness *cosigning.Left // when witnesses are asked next; nil for at once
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

// left returns what the process before has left, with its open files.
func (l legacy) left() daemon.Left {
	return daemon.Left{
		Socket: l.socket(), Line: l.line(), Door: l.Door, Hold: l.Hold, Silent: l.Silent, Stands: l.Stands, Witness: l.Witness,
	}
}

// socket returns the control socket of the legacy, nil if there is none.
func (l legacy) socket() *os.File { return l.file(l.Listener, "control socket") }

// line returns what holds the line of the relay, nil if there is no legacy or the line is not part of it.
func (l legacy) line() *os.File { return l.file(l.Line, "line of the relay") }

func (l legacy) file(fd int, name string) *os.File {
	if l.Config == nil || fd == 0 {
		return nil
	}
	unix.CloseOnExec(fd)
	return os.NewFile(uintptr(fd), name)
}

// handOver has a fresh process take the place of this one, and returns only if that fails (execve(2)). The program is the
// one that runs, even if its file was replaced meanwhile.
func (l legacy) handOver(left daemon.Left) (err error) {
	l.Door, l.Hold, l.Silent, l.Stands, l.Witness = left.Door, left.Hold, left.Silent, left.Stands, left.Witness
	if l.Listener, err = inherited(left.Socket); err != nil {
		return err
	}
	if l.Line, err = inherited(left.Line); err != nil {
		return err
	}
	text, err := json.Marshal(l)
	if err != nil {
		return err
	}
	err = unix.Exec("/proc/self/exe", os.Args, append(os.Environ(), legacyEnv+"="+string(text)))
	runtime.KeepAlive(left)
	return hint.Wrap(fmt.Errorf("hand over to a fresh process: %w", err), "start the gate anew: systemctl restart facegate")
}

// inherited has the next process get a file, and returns its descriptor, which is 0 if there is no file.
func inherited(f *os.File) (fd int, err error) {
	if f == nil {
		return 0, nil
	}
	fd = int(f.Fd())
	_, err = unix.FcntlInt(f.Fd(), unix.F_SETFD, 0)
	return fd, err
}
