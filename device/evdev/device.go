package evdev

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"facegate/configs/hint"
)

// Why a file cannot be read as a reader, beside the errors of the kernel.
var (
	ErrNoKeys = errors.New("it types no digits")
	ErrOther  = errors.New("another device is in its place")
	ErrGone   = errors.New("it was unplugged")
)

// An identity is what an input device says it is (EVIOCGID, EVIOCGNAME).
type identity struct {
	id   [4]uint16 // bus, vendor, product, version
	name string
}

// A device is an open input device that nobody else gets the keys of.
type device struct {
	file *os.File
	is   identity
}

func (d *device) Close() error { return d.file.Close() }

// openDevice opens an input device, and takes it for this process alone: else the numbers of cards would be typed into a console. A
// named pipe is taken for a device too, as Plug makes one.
func openDevice(path string) (*device, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	d := &device{file: f}
	if at, err := f.Stat(); err == nil && at.Mode()&fs.ModeNamedPipe != 0 {
		return d, nil
	}
	if err := d.take(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return d, nil
}

// Requests of evdev (linux/input.h).
const (
	getID    = 2<<30 | 8<<16 | 'E'<<8 | 0x02
	getName  = 2<<30 | maxName<<16 | 'E'<<8 | 0x06
	getKeys  = 2<<30 | keyBytes<<16 | 'E'<<8 | 0x20 + evKey
	grab     = 1<<30 | 4<<16 | 'E'<<8 | 0x90
	setClock = 1<<30 | 4<<16 | 'E'<<8 | 0xa0

	maxName  = 256
	keyBytes = 96 // has a bit for each of the 768 keys
)

// take asks the device what it is, grabs it, and has its events stamped by the monotonic clock.
func (d *device) take() error {
	conn, err := d.file.SyscallConn()
	if err != nil {
		return err
	}
	away := conn.Control(func(fd uintptr) {
		if d.is, err = ask(fd); err == nil {
			err = unix.IoctlSetPointerInt(int(fd), setClock, unix.CLOCK_MONOTONIC)
		}
		if err == nil {
			err = unix.IoctlSetInt(int(fd), grab, 1)
		}
	})
	return errors.Join(away, err)
}

// ask returns what a device is. It refuses with ErrNoKeys, as for a mouse.
func ask(fd uintptr) (is identity, err error) {
	var name [maxName]byte
	var keys [keyBytes]byte
	for request, to := range map[uintptr]unsafe.Pointer{
		getID: unsafe.Pointer(&is.id), getName: unsafe.Pointer(&name), getKeys: unsafe.Pointer(&keys),
	} {
		if _, _, errno := unix.Syscall(unix.SYS_IOCTL, fd, request, uintptr(to)); errno != 0 {
			return is, errno
		}
	}
	is.name = string(bytes.TrimRight(name[:], "\x00"))
	for _, code := range []int{key1, keyKP1, keyNumeric1} {
		if keys[code/8]>>(code%8)&1 == 1 {
			return is, nil
		}
	}
	return is, fmt.Errorf("%w: %s", ErrNoKeys, is.name)
}

// wire is an event as the kernel writes it.
type wire struct {
	Time       unix.Timeval
	Kind, Code uint16
	Value      int32
}

// read waits for events, until the deadline of the file.
func (d *device) read(buffer []byte) (events []event, err error) {
	n, err := d.file.Read(buffer)
	defer clear(buffer[:max(n, 0)])
	if errors.Is(err, io.EOF) {
		err = ErrGone // of a pipe; the kernel says ENODEV
	}
	if err != nil {
		return nil, err
	}
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return nil, err
	}
	present := time.Now()
	var w wire
	for b := buffer[:n]; len(b) >= binary.Size(w); b = b[binary.Size(w):] {
		if _, err := binary.Decode(b, binary.NativeEndian, &w); err != nil {
			return nil, err
		}
		age := max(0, time.Duration(now.Nano()-w.Time.Nano()))
		events = append(events, event{kind: w.Kind, code: w.Code, value: w.Value, at: present.Add(-age)})
	}
	return events, nil
}

// advise adds to an error of a device what a technician should do.
func advise(err error, path string) error {
	advice := "Plug the reader in again, and look whether %s is there."
	switch {
	case errors.Is(err, fs.ErrPermission):
		advice = "Let the service's user into the group input (`usermod -aG input facegate`), and look at `ls -lL %s`."
	case errors.Is(err, unix.EBUSY):
		advice = "Stop the other program that has taken %s, such as a second gate."
	case errors.Is(err, ErrNoKeys), errors.Is(err, unix.ENOTTY), errors.Is(err, unix.EISDIR):
		advice = "Instead of %s name the file in /dev/input/by-id that ends in -event-kbd."
	case errors.Is(err, ErrOther):
		advice = "Instead of %s name the reader by its file in /dev/input/by-id, which stays its own; then restart the gate."
	}
	return hint.Wrap(err, advice, path)
}
