package vision

import (
	"errors"
	"fmt"
	"strings"

	"gocv.io/x/gocv"

	"facegate/device"
	"facegate/pipeline/detect"
)

var (
	ErrBusy      = errBusy
	Apart        = apart
	Threads      = threads
	LimitThreads = limitThreads
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

// Fed is what a network was given, and what it gave.
type Fed struct {
	Network                 string
	Numbers                 bool // it was given the picture of arithmetic
	Width, Height, Channels int
	Pixels                  []byte
	Mean, Scale             [3]float64
	RGB                     bool
	Outputs                 []string // names, none for the only one
	Values                  [][]float32
}

// fed runs the network on a picture.
func (n *net) fed(picture gocv.Mat, outputs ...string) (Fed, error) {
	f := Fed{
		Network: n.name, Width: picture.Cols(), Height: picture.Rows(), Channels: picture.Channels(), Pixels: picture.ToBytes(),
		Mean: n.mean, Scale: n.scale, RGB: n.rgb, Outputs: outputs,
	}
	err := n.run(picture)
	for _, values := range n.outputs {
		f.Values = append(f.Values, append([]float32(nil), values...))
	}
	return f, err
}

func (d detector) outputNames() []string {
	if len(d.outputs) == 2 {
		return []string{"boxes", "scores"}
	}
	return yuNetOutputs()
}

// Feeds runs every network of the Engine on a picture of arithmetic and, where f is of the loaded picture, on what it is given
// for that face.
func (e *Engine) Feeds(f *detect.Face) (all []Fed, err error) {
	add := func(n *net, picture gocv.Mat, outputs ...string) {
		fed, failed := n.fed(picture, outputs...)
		all, err = append(all, fed), errors.Join(err, failed)
		numbers := n.arithmetic()
		defer numbers.Close()
		fed, failed = n.fed(numbers, outputs...)
		fed.Numbers = true
		all, err = append(all, fed), errors.Join(err, failed)
	}
	picture := e.padded
	if e.detector.width > 0 {
		picture = e.shrunk
	}
	add(e.detector.net, picture, e.detector.outputNames()...)
	if e.landmarks != nil {
		add(e.landmarks, e.grey)
	}
	add(e.embedder.net, e.chip)
	for _, l := range e.liveness {
		err = errors.Join(err, l.crop(e, f.Box, l.width))
		add(l.net, e.surroundings)
	}
	return all, err
}
