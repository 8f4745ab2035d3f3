package lab

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"unsafe"

	"github.com/blackjack/webcam"
	"golang.org/x/sys/unix"
)

// Controls of vivid; videodev2.h does not name them (drivers/media/test-drivers/vivid/vivid-ctrls.c, Linux 6.1).
const (
	textMode     = 0xf0f000 + 1   // what is written across the picture; 2 for nothing
	loopVideo    = 0xf0f000 + 37  // 1 to show what is sent to the output; until Linux 6.11
	connectedTo  = 0xf0f000 + 113 // to which output of the list the HDMI input is connected; since Linux 6.12
	refuseStart  = 0xf0f000 + 69  // the next start of a stream fails
	breakStreams = 0xf0f000 + 70  // the stream under way fails
	percentLost  = 0xf0f000 + 64  // how many of the frames are left out
)

// firstOutput is the first HDMI output on the list, after the driver's own pattern and none.
const firstOutput = 2

// control sets a control of the camera at path.
func control(t *testing.T, path string, id uint32, value int32) {
	t.Helper()
	if err := setControl(path, id, value); err != nil {
		t.Fatal(err)
	}
}

func setControl(path string, id uint32, value int32) error {
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	c := struct { // struct v4l2_control
		id    uint32
		value int32
	}{id, value}
	if err := call(fd, webcam.VIDIOC_S_CTRL, unsafe.Pointer(&c)); err != nil {
		return fmt.Errorf("control %#x of %s: %w", id, path, err)
	}
	return nil
}

// loop has the capture card show what is sent to the output that it is wired to.
func loop(t *testing.T) {
	t.Helper()
	err := setControl(looped, loopVideo, 1)
	if errors.Is(err, unix.EINVAL) { // the kernel has no such control any more
		err = setControl(looped, connectedTo, firstOutput)
	}
	if err != nil {
		t.Fatal(err)
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

// timings is struct v4l2_dv_timings: the signal at an input or output.
type timings struct {
	kind, width, height                             uint32
	interlaced, polarities                          uint32
	clock                                           [2]uint32 // a number of 64 bits that is not aligned
	frontPorch, sync, backPorch                     uint32
	verticalFrontPorch, verticalSync, verticalPorch uint32
	_                                               [20]uint32
}

// setTimings is VIDIOC_S_DV_TIMINGS, which the library does not name.
const setTimings = 3<<30 | uintptr(unsafe.Sizeof(timings{}))<<16 | 'V'<<8 | 87

// vga is the signal of 640x480 with 60 pictures a second (VESA DMT).
func vga() timings {
	return timings{
		width: 640, height: 480, clock: [2]uint32{25_175_000, 0}, frontPorch: 16, sync: 96, backPorch: 48,
		verticalFrontPorch: 10, verticalSync: 2, verticalPorch: 33,
	}
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

// A screen is a video output that shows pictures, YUYV of one size, in memory that it shares with the driver.
type screen struct {
	fd      int
	buffers [][]byte
}

// openScreen opens the output at path, with so many buffers.
func openScreen(path string, width, height, buffers uint32) (s *screen, err error) {
	s = new(screen)
	if s.fd, err = unix.Open(path, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0); err != nil {
		return nil, err
	}
	f := format{kind: typeOutput, width: width, height: height, pixels: 'Y' | 'U'<<8 | 'Y'<<16 | 'V'<<24, field: fieldNone}
	err = call(s.fd, webcam.VIDIOC_S_FMT, unsafe.Pointer(&f))
	if err == nil {
		err = call(s.fd, webcam.VIDIOC_REQBUFS, unsafe.Pointer(&request{count: buffers, kind: typeOutput, memory: memoryMap}))
	}
	for i := uint32(0); err == nil && i < buffers; i++ {
		err = s.mapBuffer(i)
	}
	if err != nil {
		s.close()
		return nil, fmt.Errorf("output %s: %w", path, err)
	}
	return s, nil
}

func (s *screen) mapBuffer(index uint32) error {
	b := buffer{index: index, kind: typeOutput, memory: memoryMap}
	if err := call(s.fd, webcam.VIDIOC_QUERYBUF, unsafe.Pointer(&b)); err != nil {
		return err
	}
	memory, err := unix.Mmap(s.fd, int64(b.offset), int(b.length), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	s.buffers = append(s.buffers, memory)
	return err
}

func (s *screen) close() {
	for _, b := range s.buffers {
		unix.Munmap(b)
	}
	unix.Close(s.fd)
}

// run shows the buffers one after the other, again and again, until done is closed or the output is gone. Each is handed to
// draw before it is shown.
func (s *screen) run(done <-chan struct{}, draw func(index int, memory []byte)) error {
	queue := func(index uint32) error {
		draw(int(index), s.buffers[index])
		b := buffer{index: index, kind: typeOutput, memory: memoryMap, used: uint32(len(s.buffers[index])), field: fieldNone}
		return call(s.fd, webcam.VIDIOC_QBUF, unsafe.Pointer(&b))
	}
	for i := range s.buffers {
		if err := queue(uint32(i)); err != nil {
			return err
		}
	}
	kind := uint32(typeOutput)
	if err := call(s.fd, webcam.VIDIOC_STREAMON, unsafe.Pointer(&kind)); err != nil {
		return err
	}
	for {
		select {
		case <-done:
			return nil
		default:
		}
		b, err := s.shown()
		if err == nil && b != nil {
			err = queue(b.index)
		}
		if err != nil {
			return err
		}
	}
}

// shown waits for a buffer that has been shown, 100 ms at the most, and returns nil if there is none.
func (s *screen) shown() (*buffer, error) {
	if _, err := unix.Poll([]unix.PollFd{{Fd: int32(s.fd), Events: unix.POLLOUT}}, 100); err != nil {
		if errors.Is(err, unix.EINTR) {
			return nil, nil
		}
		return nil, err
	}
	b := buffer{kind: typeOutput, memory: memoryMap}
	if err := call(s.fd, webcam.VIDIOC_DQBUF, unsafe.Pointer(&b)); err != nil {
		if errors.Is(err, unix.EAGAIN) {
			return nil, nil
		}
		return nil, err
	}
	return &b, nil
}

// play sends the pictures to the video output at path, one after the other and again, until the test ends.
func play(t *testing.T, path string, width, height uint32, pictures ...[]byte) {
	t.Helper()
	s, err := openScreen(path, width, height, uint32(len(pictures)))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	drawn := make(map[int]bool)
	var wg sync.WaitGroup
	wg.Go(func() {
		err := s.run(done, func(i int, memory []byte) {
			if !drawn[i] { // each buffer is written only once
				copy(memory, pictures[i])
			}
			drawn[i] = true
		})
		if err != nil {
			t.Errorf("output %s: %v", path, err)
		}
	})
	t.Cleanup(func() {
		close(done)
		wg.Wait()
		s.close()
	})
}
