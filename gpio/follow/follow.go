// Package follow leads the levels of an input through a debounce filter, from a file that tells of their changes.
package follow

import (
	"context"
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"facegate/gpio/debounce"
)

// rereadEvery is how often the level is read without a change being told, in case one was lost.
const rereadEvery = time.Second

// File shows f the level of an input, after each change and every second, until ctx is cancelled. The file, whose reads must
// not block, can be read when there was a change. read takes what there is to read and may show f levels of its own; it
// returns unix.EAGAIN if there is nothing. File returns nil if ctx was cancelled, and otherwise what read, level or the file
// has failed with.
func File(
	ctx context.Context, file *os.File, f *debounce.Filter, read func(fd uintptr) error, level func() (bool, error),
) error {
	stop := context.AfterFunc(ctx, func() { _ = file.SetReadDeadline(time.Unix(1, 0)) }) // it fails once the file is closed
	defer stop()
	conn, err := file.SyscallConn()
	if err != nil {
		return err
	}
	for wait := rereadEvery; ; wait = idle(f.Settle(time.Now())) {
		if err := file.SetReadDeadline(time.Now().Add(wait)); err != nil {
			return err
		}
		if ctx.Err() != nil { // the deadline of the end may have come before this one
			return nil
		}
		var failed error
		away := conn.Read(func(fd uintptr) bool { failed = read(fd); return !errors.Is(failed, unix.EAGAIN) })
		if away != nil {
			failed = away // and read had nothing
		}
		if failed != nil && !errors.Is(failed, os.ErrDeadlineExceeded) {
			return failed
		}
		active, err := level()
		if err != nil {
			return err
		}
		f.See(active, time.Now())
	}
}

// idle returns for how long there is nothing to do unless a change comes, where a level has to last for left.
func idle(left time.Duration) time.Duration {
	if left > 0 {
		return min(left, rereadEvery)
	}
	return rereadEvery
}
