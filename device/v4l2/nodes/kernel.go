package nodes

import (
	"bytes"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A Format is a way in which a node gives its pictures.
type Format struct {
	Code   string `json:"code"`   // of four characters, such as MJPG
	Name   string `json:"name"`   // in words of the driver
	Usable bool   `json:"usable"` // by a gate
	Sizes  []Size `json:"sizes,omitempty"`
}

// A Size is one size of picture, or each from one to another in steps.
type Size struct {
	Width     int       `json:"width"`  // pixels
	Height    int       `json:"height"` // pixels
	MaxWidth  int       `json:"max_width,omitempty"`
	MaxHeight int       `json:"max_height,omitempty"`
	Rates     []float64 `json:"rates,omitempty"` // frames a second, from the highest; of the largest size of a range
}

// usable are the formats that package v4l2 reads.
func usable(code string) bool { return slices.Contains([]string{"MJPG", "JPEG", "YUYV"}, code) }

// Bits of what a node can do (videodev2.h).
const (
	capCapture    = 0x1
	capOutput     = 0x2 | 0x2000 | 0x8000000 // of video, in one or several planes, and of metadata
	capM2M        = 0x8000 | 0x4000
	capMetadata   = 0x800000
	capStreaming  = 0x4000000
	capController = 0x20000000 // its input is set through /dev/media, as libcamera does
	capDeviceCaps = 0x80000000 // deviceCaps counts: capabilities is of all nodes of the device
)

// capability is struct v4l2_capability.
type capability struct {
	driver             [16]byte
	card, bus          [32]byte
	version            uint32
	capabilities, node uint32
	_                  [3]uint32
}

// kind says what a node is for. It is by what the node can do, and by drivers of CSI cameras, of which some offer formats that can
// be used and do not work without libcamera.
func (c capability) kind() Kind {
	can := c.capabilities
	if can&capDeviceCaps != 0 {
		can = c.node
	}
	csi := []string{
		"unicam", "bcm2835-isp", "rp1-cfe", "pispbe", "rkisp1", "rkisp_v6", "rkcif", "sun6i-csi", "imx7-csi", "tegra-video",
	}
	switch {
	case can&capController != 0, slices.Contains(csi, text(c.driver[:])):
		return Sensor
	case can&capCapture != 0 && can&capStreaming != 0:
		return Camera // a loopback device also says that it is a codec
	case can&capM2M != 0:
		return Codec
	case can&capMetadata != 0:
		return Metadata
	case can&capOutput != 0:
		return Output
	}
	return Other
}

// text returns what is before the first NUL.
func text(b []byte) string {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return string(bytes.ToValidUTF8(b, []byte("?")))
}

// ask asks the kernel.
func ask(path string, formats bool) (c capability, list []Format, err error) {
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return c, nil, err
	}
	defer unix.Close(fd)
	if err := ioctl(fd, queryCap, unsafe.Pointer(&c)); err != nil {
		return c, nil, err
	}
	if formats {
		list = formatsOf(fd)
	}
	return c, list, nil
}

// The requests (videodev2.h): number and size of the structure, which the kernel writes to, and for all but the first reads.
const (
	queryCap  = 2<<30 | unsafe.Sizeof(capability{})<<16 | 'V'<<8 // number 0
	enumFmt   = 3<<30 | unsafe.Sizeof(fmtDesc{})<<16 | 'V'<<8 | 2
	enumSizes = 3<<30 | unsafe.Sizeof(frameSize{})<<16 | 'V'<<8 | 74
	enumRates = 3<<30 | unsafe.Sizeof(frameInterval{})<<16 | 'V'<<8 | 75
)

func ioctl(fd int, request uintptr, arg unsafe.Pointer) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(arg)); errno != 0 {
		return errno
	}
	return nil
}

// fmtDesc is struct v4l2_fmtdesc.
type fmtDesc struct {
	index, kind, flags uint32
	description        [32]byte
	pixels             uint32
	_                  [4]uint32
}

// frameSize is struct v4l2_frmsizeenum, with the sizes of a range; of a single size the first two numbers are width and height.
type frameSize struct {
	index, pixels, kind       uint32
	minWidth, maxWidth, stepW uint32
	minHeight, maxHeight      uint32
	stepH                     uint32
	_                         [2]uint32
}

// frameInterval is struct v4l2_frmivalenum, with one interval as a fraction of a second; of a range it is the shortest.
type frameInterval struct {
	index, pixels, width, height, kind uint32
	numerator, denominator             uint32
	_                                  [4]uint32
	_                                  [2]uint32
}

const (
	typeCapture  = 1   // V4L2_BUF_TYPE_VIDEO_CAPTURE
	kindDiscrete = 1   // V4L2_FRMSIZE_TYPE_DISCRETE and V4L2_FRMIVAL_TYPE_DISCRETE
	most         = 256 // of any list, whatever a driver says
)

func formatsOf(fd int) (list []Format) {
	for i := range uint32(most) {
		d := fmtDesc{index: i, kind: typeCapture}
		if ioctl(fd, enumFmt, unsafe.Pointer(&d)) != nil {
			break
		}
		code := text([]byte{byte(d.pixels), byte(d.pixels >> 8), byte(d.pixels >> 16), byte(d.pixels>>24) & 0x7F})
		list = append(list, Format{Code: code, Name: text(d.description[:]), Usable: usable(code), Sizes: sizesOf(fd, d.pixels)})
	}
	return list
}

func sizesOf(fd int, pixels uint32) (list []Size) {
	for i := range uint32(most) {
		f := frameSize{index: i, pixels: pixels}
		if ioctl(fd, enumSizes, unsafe.Pointer(&f)) != nil {
			break
		}
		s := Size{Width: int(f.minWidth), Height: int(f.maxWidth)}
		if f.kind != kindDiscrete {
			s = Size{Width: int(f.minWidth), Height: int(f.minHeight), MaxWidth: int(f.maxWidth), MaxHeight: int(f.maxHeight)}
		}
		s.Rates = ratesOf(fd, pixels, uint32(max(s.Width, s.MaxWidth)), uint32(max(s.Height, s.MaxHeight)))
		list = append(list, s)
	}
	return list
}

func ratesOf(fd int, pixels, width, height uint32) (list []float64) {
	for i := range uint32(most) {
		f := frameInterval{index: i, pixels: pixels, width: width, height: height}
		if ioctl(fd, enumRates, unsafe.Pointer(&f)) != nil {
			break
		}
		if f.numerator > 0 {
			list = append(list, float64(f.denominator)/float64(f.numerator))
		}
		if f.kind != kindDiscrete {
			break
		}
	}
	slices.Sort(list)
	slices.Reverse(list)
	return list
}
