package v4l2

import (
	"errors"
	"fmt"
	"reflect"
	"unsafe"

	"github.com/blackjack/webcam"
	"github.com/blackjack/webcam/ioctl"
	"golang.org/x/sys/unix"
)

// errNotCamera is the error of a node that cannot capture video; webcam has no value for it.
var errNotCamera = errors.New("not a camera")

// openWebcam opens the real device.
func openWebcam(path string) (camera, error) {
	cam, err := webcam.Open(path)
	var errno unix.Errno
	if err != nil && !errors.As(err, &errno) {
		return nil, fmt.Errorf("%w: %w", errNotCamera, err)
	} else if err != nil {
		return nil, err
	}
	return closer{cam}, nil
}

// closer frees what *webcam.Webcam leaves open.
type closer struct{ *webcam.Webcam }

// StartStreaming also frees the buffers if it fails. webcam leaves them mapped, out of Close's reach; at an attempt
// every few seconds, for a bus without room, a board would soon have no memory left.
func (c closer) StartStreaming() error {
	err := c.Webcam.StartStreaming()
	if err != nil {
		unmap(c.Webcam)
	}
	return err
}

// unmap frees the buffers of w.
func unmap(w *webcam.Webcam) {
	buffers := buffersOf(w)
	for _, b := range *buffers {
		if len(b) > 0 {
			_ = unix.Munmap(b) // it is webcam's own mapping; there is nothing to do about an error
		}
	}
	*buffers = nil
}

// buffersOf returns the field in which w keeps its buffers, and which it does not export.
func buffersOf(w *webcam.Webcam) *[][]byte {
	field := reflect.ValueOf(w).Elem().FieldByName("buffers")
	return (*[][]byte)(field.Addr().UnsafePointer())
}

// pixFormat is the part of struct v4l2_pix_format that says what the bytes of a frame are (videodev2.h).
type pixFormat struct {
	width, height uint32
	pixels        webcam.PixelFormat
	field         uint32
	bytesPerLine  uint32
	sizeImage     uint32
}

// v4l2Format is struct v4l2_format: a type, then a union of 200 bytes that is aligned as a pointer.
type v4l2Format struct {
	bufType uint32
	_       [0]uintptr
	pix     pixFormat
	_       [200 - unsafe.Sizeof(pixFormat{})]byte
}

// currentFormat asks the node at path for the format that is set, VIDIOC_G_FMT, through a short second opening, because
// webcam neither offers the call nor its file descriptor.
func currentFormat(path string) (pixFormat, error) {
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return pixFormat{}, err
	}
	defer unix.Close(fd)
	f := v4l2Format{bufType: webcam.V4L2_BUF_TYPE_VIDEO_CAPTURE}
	request := ioctl.IoRW('V', 4, unsafe.Sizeof(f))
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(unsafe.Pointer(&f))); errno != 0 {
		return pixFormat{}, errno
	}
	return f.pix, nil
}
