package v4l2

import (
	"fmt"
	"slices"

	"github.com/blackjack/webcam"

	"facegate/device"
)

// Pixel formats by their four-character codes (videodev2.h, v4l2_fourcc).
const (
	pixMJPEG webcam.PixelFormat = 'M' | 'J'<<8 | 'P'<<16 | 'G'<<24
	pixJPEG  webcam.PixelFormat = 'J' | 'P'<<8 | 'E'<<16 | 'G'<<24
	pixYUYV  webcam.PixelFormat = 'Y' | 'U'<<8 | 'Y'<<16 | 'V'<<24
)

// fourCC spells f in letters. The highest bit only says that the format is big-endian.
func fourCC(f webcam.PixelFormat) string {
	return fmt.Sprintf("%q", string([]byte{byte(f), byte(f >> 8), byte(f >> 16), byte(f>>24) & 0x7F}))
}

// accepted lists the pixel formats that f allows, the best first: MJPEG leaves room on the bus for larger pictures.
func (f Format) accepted() []webcam.PixelFormat {
	switch f {
	case MJPEG:
		return []webcam.PixelFormat{pixMJPEG, pixJPEG}
	case YUYV:
		return []webcam.PixelFormat{pixYUYV}
	case Auto, "":
		return []webcam.PixelFormat{pixMJPEG, pixJPEG, pixYUYV}
	}
	return nil
}

// A mode is a pixel format and a size that a camera can be set to.
type mode struct {
	pixels        webcam.PixelFormat
	width, height uint32
}

// choose returns the mode of cam that comes nearest to cfg. A camera without any acceptable format is often no camera
// at all: since Linux 4.16 a UVC camera has a second node that carries metadata and passes for a capture device.
func choose(cam camera, cfg Config) (mode, error) {
	offered := cam.GetSupportedFormats()
	for _, f := range cfg.Format.accepted() {
		if _, ok := offered[f]; ok {
			w, h := nearest(cam.GetSupportedFrameSizes(f), uint32(cfg.Width), uint32(cfg.Height))
			return mode{f, w, h}, nil
		}
	}
	names := make([]string, 0, len(offered))
	for f := range offered {
		names = append(names, fourCC(f))
	}
	slices.Sort(names) // the same error must read the same each time
	return mode{}, fmt.Errorf("%w: it has %v, want %q", ErrNoFormat, names, cfg.Format)
}

// nearest returns the size among those listed that differs least from width x height, the two differences added. If
// none is listed it returns the size wanted, and leaves it to the driver to make the best of it: some drivers list
// none, and webcam reports a continuous range as zeros.
func nearest(sizes []webcam.FrameSize, width, height uint32) (uint32, uint32) {
	best, bestW, bestH := uint32(1<<32-1), width, height
	for _, s := range sizes {
		if s.MaxWidth == 0 || s.MaxHeight == 0 || s.MinWidth > device.MaxSide || s.MinHeight > device.MaxSide {
			continue
		}
		w := onStep(width, s.MinWidth, s.MaxWidth, s.StepWidth)
		h := onStep(height, s.MinHeight, s.MaxHeight, s.StepHeight)
		if d := distance(w, width) + distance(h, height); d < best {
			best, bestW, bestH = d, w, h
		}
	}
	return bestW, bestH
}

// onStep returns the value nearest to v among lo, lo+step, lo+2*step, … that does not exceed hi. Of two it is the lower.
func onStep(v, lo, hi, step uint32) uint32 {
	v = min(max(v, lo), hi)
	if step == 0 || hi <= lo {
		return v
	}
	down := lo + (v-lo)/step*step
	if up := down + step; up <= hi && up-v < v-down {
		return up
	}
	return down
}

func distance(a, b uint32) uint32 { return max(a, b) - min(a, b) }
