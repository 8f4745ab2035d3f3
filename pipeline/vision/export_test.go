package vision

import (
	"errors"
	"fmt"
	"strings"

	"gocv.io/x/gocv"

	"facegate/device"
)

var (
	ErrBusy = errBusy
	Apart   = apart
)

// Remains counts the bytes other than zero in all memory of the Engine's own that can hold a face.
func (e *Engine) Remains() int {
	n := 0
	for _, m := range e.pictures() {
		if m.Empty() {
			continue
		}
		data, err := m.DataPtrUint8()
		if err != nil {
			panic(err)
		}
		for _, b := range data {
			if b != 0 {
				n++
			}
		}
	}
	for _, f := range e.faces[:cap(e.faces)] {
		if f.Score != 0 {
			n++
		}
	}
	return n
}

// Stale counts the networks that hold something of an earlier picture between their layers.
func (e *Engine) Stale() (n int) {
	for _, net := range e.nets() {
		if net.stale {
			n++
		}
	}
	return n
}

// Decode decodes the JPEG picture with which data begins as libjpeg does, without a look at it before. It returns nil pixels
// for one of unusable size.
func Decode(data []byte) ([]byte, error) {
	m := gocv.NewMatWithSize(1, 1, gocv.MatTypeCV8UC3)
	defer func() { m.Close() }()
	err := decodeJPEG(data, m)
	if err == nil || errors.Is(err, device.ErrCorrupt) {
		return m.ToBytes(), err
	}
	_, size, _ := strings.Cut(err.Error(), "its size is ")
	var width, height int
	if n, _ := fmt.Sscanf(size, "%dx%d", &width, &height); n != 2 {
		return nil, err
	}
	if max(width, height) > device.MaxSide || width*height > maxPixels {
		return nil, nil
	}
	m.Close()
	m = gocv.NewMatWithSize(height, width, gocv.MatTypeCV8UC3)
	err = decodeJPEG(data, m)
	return m.ToBytes(), err
}
