package vision

/*
#cgo pkg-config: opencv4
#cgo CXXFLAGS: -std=c++11 -O2
#include <stdlib.h>
#include "opencv.h"
*/
import "C"

import (
	"fmt"
	"runtime"
	"strings"
	"time"
	"unsafe"

	"gocv.io/x/gocv"
)

// A message is where OpenCV says what went wrong.
type message [512]C.char

// String returns the message on one line.
func (m *message) String() string { return strings.Join(strings.Fields(C.GoString(&m[0])), " ") }

// An input says how the pixels of a picture become numbers: (value − mean)·scale, in the order B, G, R or, with rgb,
// R, G, B. Mean and scale are those of each channel in that order.
type input struct {
	mean, scale [3]float64
	rgb         bool
}

// A feed says what a network takes: a picture of a size, with one channel or three, as numbers.
type feed struct {
	input
	width, height int // 0 for a network that takes any size
	grey          bool
	numbers       int // in its only output; 0 if that is not fixed
}

// evenly is the input in the order B, G, R of a network that takes all channels alike.
func evenly(mean, scale float64) input {
	return input{mean: [3]float64{mean, mean, mean}, scale: [3]float64{scale, scale, scale}}
}

// reversed is the input with the channels in the order R, G, B.
func (in input) reversed() input {
	in.rgb = true
	return in
}

// A net is one loaded network. gocv lets exceptions through and its ForwardLayers leaks, so networks are run by a shim
// of our own.
type net struct {
	feed
	name    string
	c       *C.facegate_net
	outputs [][]float32   // of the last pass, one slice an output layer, in the network's own memory
	spent   time.Duration // in forward passes, since opening

	used  bool // since the last clear
	stale bool // between its layers is what it was fed before the last clear
}

// openNet loads a network and asks it for its answer. outputs are the layers to compute; there is no need to name the only one.
func openNet(m Model, takes feed, outputs ...string) (*net, error) {
	n, err := loadNet(m, takes, outputs...)
	if err != nil {
		return nil, err
	}
	if err := n.prove(m.Answer); err != nil {
		n.close()
		return nil, err
	}
	return n, nil
}

// threads returns with how many threads networks are computed on so many processors: one of four is left to the camera, to codes
// and to the door.
func threads(processors int) int { return processors - processors/4 }

// limitThreads has OpenCV keep to threads, and returns with how many it computes.
func limitThreads() int { return int(C.facegate_threads(C.int(threads(runtime.GOMAXPROCS(0))))) }

func loadNet(m Model, takes feed, outputs ...string) (*net, error) {
	names := make([]*C.char, len(outputs)+1)
	for i, o := range outputs {
		names[i] = C.CString(o)
		defer C.free(unsafe.Pointer(names[i]))
	}
	limitThreads()
	var msg message
	c := C.facegate_net_open(unsafe.Pointer(unsafe.SliceData(m.Data)), C.size_t(len(m.Data)),
		&names[0], C.int(len(outputs)), &msg[0], C.size_t(len(msg)))
	if c == nil {
		return nil, fmt.Errorf("%w: load %s: %s", ErrNetwork, m.Name, &msg)
	}
	return &net{name: m.Name, feed: takes, c: c, outputs: make([][]float32, max(1, len(outputs)))}, nil
}

// run feeds picture, which has the size that the network takes, and points n.outputs to the results.
func (n *net) run(picture gocv.Mat) error {
	clear(n.outputs)
	var msg message
	if C.facegate_net_input(n.c, unsafe.Pointer(picture.Ptr()), (*C.double)(&n.mean[0]), (*C.double)(&n.scale[0]),
		cBool(n.rgb), &msg[0], C.size_t(len(msg))) != 0 {
		return fmt.Errorf("%w: feed %s: %s", ErrNetwork, n.name, &msg)
	}
	n.used = true
	start := time.Now()
	failed := C.facegate_net_forward(n.c, &msg[0], C.size_t(len(msg)))
	n.spent += time.Since(start)
	if failed != 0 {
		return fmt.Errorf("%w: run %s: %s", ErrNetwork, n.name, &msg)
	}
	for i := range n.outputs {
		var count C.size_t
		data := C.facegate_net_output(n.c, C.int(i), &count)
		n.outputs[i] = unsafe.Slice((*float32)(unsafe.Pointer(data)), int(count))
	}
	return nil
}

// only returns the one output of the last pass if it has want numbers.
func (n *net) only(want int) ([]float32, error) {
	if got := len(n.outputs[0]); got != want {
		return nil, fmt.Errorf("%w: %s gives %d numbers instead of %d", ErrNetwork, n.name, got, want)
	}
	return n.outputs[0], nil
}

// clear overwrites input and outputs. What is between the layers, the next pass overwrites. Where the next frame needs no
// pass, because nobody is there, its clear makes one on zeros.
func (n *net) clear() {
	clear(n.outputs)
	C.facegate_net_clear(n.c)
	if n.stale && !n.used {
		var ignored message // an input that could be fed once can be fed again
		C.facegate_net_forward(n.c, &ignored[0], C.size_t(len(ignored)))
	}
	n.used, n.stale = false, n.used
}

// close overwrites what is left in the network and frees it.
func (n *net) close() {
	C.facegate_net_close(n.c)
	n.c, n.outputs = nil, nil
}

func cBool(b bool) C.int {
	if b {
		return 1
	}
	return 0
}
