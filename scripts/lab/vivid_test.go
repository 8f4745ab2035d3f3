package lab

import (
	"errors"
	"sync"
	"testing"
	"unsafe"

	"github.com/blackjack/webcam"
	"golang.org/x/sys/unix"
)

// Controls of vivid; videodev2.h does not name them (drivers/media/test-drivers/vivid/vivid-ctrls.c, Linux 6.1).
const (
	textMode     = 0xf0f000 + 1  // what is written across the picture; 2 for nothing
	loopVideo    = 0xf0f000 + 37 // 1 to show what is sent to the output
	refuseStart  = 0xf0f000 + 69 // the next start of a stream fails
	breakStreams = 0xf0f000 + 70 // the stream under way fails
)

// control sets a control of the camera at path.
func control(t *testing.T, path string, id uint32, value int32) {
	t.Helper()
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	c := struct { // struct v4l2_control
		id    uint32
		value int32
	}{id, value}
	if err := call(fd, webcam.VIDIOC_S_CTRL, unsafe.Pointer(&c)); err != nil {
		t.Fatalf("control %#x of %s: %v", id, path, err)
	}
}

func call(fd int, request uintptr, arg unsafe.Pointer) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(arg)); errno != 0 {
		return errno
	}
	return nil
}

// Values of videodev2.h.
const (
	typeOutput = 2 // V4L2_BUF_TYPE_VIDEO_OUTPUT
	memoryMap  = 1 // V4L2_MEMORY_MMAP
	fieldNone  = 1 // V4L2_FIELD_NONE
)

// format is struct v4l2_format for video, on a 64-bit system.
type format struct {
	kind, _               uint32
	width, height, pixels uint32
	field                 uint32
	_                     [184]byte
}

// request is struct v4l2_requestbuffers.
type request struct {
	count, kind, memory uint32
	_                   [8]byte
}

// buffer is struct v4l2_buffer, on a 64-bit system.
type buffer struct {
	index, kind, used, flags, field uint32
	_                               [36]byte // time stamp and time code
	sequence, memory                uint32
	offset, _                       uint32
	length                          uint32
	_                               [12]byte
}

// play sends the pictures, YUYV of the given size, to the video output at path, one after the other and again, until
// the test ends. Each has a buffer of its own, which is written only once.
func play(t *testing.T, path string, width, height uint32, pictures ...[]byte) {
	t.Helper()
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	must := func(request uintptr, arg unsafe.Pointer) {
		t.Helper()
		if err := call(fd, request, arg); err != nil {
			t.Fatalf("output %s: request %#x: %v", path, request, err)
		}
	}
	f := format{kind: typeOutput, width: width, height: height, pixels: 'Y' | 'U'<<8 | 'Y'<<16 | 'V'<<24, field: fieldNone}
	must(webcam.VIDIOC_S_FMT, unsafe.Pointer(&f))
	must(webcam.VIDIOC_REQBUFS, unsafe.Pointer(&request{count: uint32(len(pictures)), kind: typeOutput, memory: memoryMap}))
	for i, p := range pictures {
		b := buffer{index: uint32(i), kind: typeOutput, memory: memoryMap}
		must(webcam.VIDIOC_QUERYBUF, unsafe.Pointer(&b))
		memory, err := unix.Mmap(fd, int64(b.offset), int(b.length), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Munmap(memory) })
		copy(memory, p)
		b.used, b.field = uint32(len(p)), fieldNone
		must(webcam.VIDIOC_QBUF, unsafe.Pointer(&b))
	}
	kind := uint32(typeOutput)
	must(webcam.VIDIOC_STREAMON, unsafe.Pointer(&kind))

	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			if err := requeue(fd); err != nil {
				t.Errorf("output %s: %v", path, err)
				return
			}
		}
	})
	t.Cleanup(func() {
		close(done)
		wg.Wait()
	})
}

// requeue waits for a picture that has been shown, 100 ms at the most, and puts it at the end of the queue.
func requeue(fd int) error {
	if _, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, 100); err != nil {
		if errors.Is(err, unix.EINTR) {
			return nil
		}
		return err
	}
	b := buffer{kind: typeOutput, memory: memoryMap}
	if err := call(fd, webcam.VIDIOC_DQBUF, unsafe.Pointer(&b)); errors.Is(err, unix.EAGAIN) {
		return nil
	} else if err != nil {
		return err
	}
	return call(fd, webcam.VIDIOC_QBUF, unsafe.Pointer(&b))
}
