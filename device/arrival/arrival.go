// Package arrival tells at once when a file may be there, as the node of a camera that is plugged in, so that nobody has to look
// again and again. It watches the folders on the way to the file by inotify.
package arrival

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"facegate/configs/hint"
)

// What counts: that something is made, moved there, or may be opened by others than before. A device manager sets the group of a
// node after the kernel has made it, and the links to it last.
const events = unix.IN_CREATE | unix.IN_MOVED_TO | unix.IN_ATTRIB | unix.IN_ONLYDIR

// A Watch is on one file. It is for one goroutine.
type Watch struct {
	path    string
	fd      int                    // of inotify
	queue   *os.File               // of the same, for reading with a deadline
	watched map[uint32]wantedNames // by watch descriptor
}

// wantedNames are those in one folder, of which the last elements of patterns may be such as path.Match takes.
type wantedNames []string

// maxLinks is how many symbolic links are followed.
const maxLinks = 8

// New begins to watch for the file at path, which is absolute. Its last element may be a pattern as path.Match takes it. Neither
// the file nor its folder has to be there.
func New(path string) (*Watch, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, hint.Wrap(fmt.Errorf("watch for %s: inotify: %w", path, err), "raise fs.inotify.max_user_instances with sysctl")
	}
	w := &Watch{path: path, fd: fd, queue: os.NewFile(uintptr(fd), "inotify"), watched: map[uint32]wantedNames{}}
	w.arm()
	return w, nil
}

// Close ends the watch.
func (w *Watch) Close() error { return w.queue.Close() }

// Wait returns true as soon as something has happened, since New or since Wait last did so, for which it is worth trying to open
// the file. It returns false after d, and when ctx is done.
func (w *Watch) Wait(ctx context.Context, d time.Duration) bool {
	if w.arm() {
		return true // what has happened in that folder before nobody has seen
	}
	ends := time.Now().Add(d)
	if w.queue.SetReadDeadline(ends) != nil {
		return sleep(ctx, d)
	}
	defer context.AfterFunc(ctx, func() { w.queue.SetReadDeadline(time.Unix(1, 0)) })()
	var buf [4096]byte // has room for any event
	for {
		n, err := w.queue.Read(buf[:])
		switch {
		case ctx.Err() != nil || errors.Is(err, os.ErrDeadlineExceeded):
			return false
		case err != nil:
			return sleep(ctx, time.Until(ends))
		}
		if w.concerned(buf[:n]) || w.arm() {
			return true
		}
	}
}

// sleep is Wait where nothing can be told.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
	return false
}

// arm watches those folders on the way to the file that are there, and reports whether one was not watched before. A folder that
// is removed is watched no more, and is another one when it is made again.
func (w *Watch) arm() (more bool) {
	for dir, names := range steps(w.path) {
		wd, err := unix.InotifyAddWatch(w.fd, dir, events)
		if err != nil {
			continue // it is not there, or not to be read: then only time will tell
		}
		_, known := w.watched[uint32(wd)]
		w.watched[uint32(wd)] = names
		more = more || !known
	}
	return more
}

// steps returns the names that matter in each folder on the way to file: of the folders themselves, of the file, and of what it
// leads to as a symbolic link.
func steps(file string) map[string]wantedNames {
	all := map[string]wantedNames{}
	for range maxLinks {
		for at := path.Clean(file); at != "/" && at != "."; at = path.Dir(at) {
			if dir, name := path.Dir(at), path.Base(at); !slices.Contains(all[dir], name) {
				all[dir] = append(all[dir], name)
			}
		}
		to, err := os.Readlink(file)
		if err != nil {
			break
		}
		if !path.IsAbs(to) {
			to = path.Join(path.Dir(file), to)
		}
		file = to
	}
	return all
}

// concerned reports whether any of the events in buf (struct inotify_event, inotify(7)) is about a name that matters. An overflow
// of the queue is, because nobody knows what was in it.
func (w *Watch) concerned(buf []byte) (concerned bool) {
	for len(buf) >= unix.SizeofInotifyEvent {
		wd, mask := binary.NativeEndian.Uint32(buf), binary.NativeEndian.Uint32(buf[4:])
		end := min(unix.SizeofInotifyEvent+int(binary.NativeEndian.Uint32(buf[12:])), len(buf))
		name := string(bytes.TrimRight(buf[unix.SizeofInotifyEvent:end], "\x00"))
		buf = buf[end:]
		if mask&unix.IN_IGNORED != 0 {
			delete(w.watched, wd)
		}
		concerned = concerned || mask&unix.IN_Q_OVERFLOW != 0 || w.watched[wd].has(name)
	}
	return concerned
}

func (n wantedNames) has(name string) bool {
	return name != "" && slices.ContainsFunc(n, func(want string) bool {
		ok, err := path.Match(want, name)
		return want == name || ok && err == nil && strings.ContainsAny(want, "*?[")
	})
}
