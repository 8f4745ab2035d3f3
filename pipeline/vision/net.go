package vision

/*
#cgo pkg-config: opencv4
#cgo CXXFLAGS: -std=c++11 -O2
#include <stdlib.h>
#include "net.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"
	"unsafe"

	"gocv.io/x/gocv"
)

// errBusy means that two goroutines used one network. OpenCV would then mix their results: one person's vector
// would be taken for another's.
var errBusy = errors.New("vision: an Engine belongs to one goroutine at a time")

// net is one loaded network. gocv has no exception barrier and its ForwardLayers leaks, so loading and the forward
// pass go through a C++ shim of our own; everything before and after is gocv.
type net struct {
	name    string
	c       *C.facegate_net
	busy    atomic.Bool
	outputs [][]float32   // copies of the last pass, one slice an output layer
	spent   time.Duration // in forward passes, since opening
}

const errSize = 512

func openNet(name string, onnx []byte, outputs ...string) (*net, error) {
	if len(onnx) == 0 {
		return nil, fmt.Errorf("vision: load %s: the file is empty", name)
	}
	names := make([]*C.char, len(outputs)+1)
	for i, o := range outputs {
		names[i] = C.CString(o)
		defer C.free(unsafe.Pointer(names[i]))
	}
	var msg [errSize]C.char
	c := C.facegate_net_open(unsafe.Pointer(&onnx[0]), C.size_t(len(onnx)), &names[0], C.int(len(outputs)), &msg[0], errSize)
	if c == nil {
		return nil, fmt.Errorf("vision: load %s: %s", name, C.GoString(&msg[0]))
	}
	return &net{name: name, c: c, outputs: make([][]float32, max(1, len(outputs)))}, nil
}

// forward runs the network on blob (NCHW float32) and fills n.outputs.
func (n *net) forward(blob gocv.Mat) error {
	if !n.busy.CompareAndSwap(false, true) {
		return errBusy
	}
	defer n.busy.Store(false)
	if blob.Empty() {
		return fmt.Errorf("vision: run %s: the input is empty", n.name)
	}
	var msg [errSize]C.char
	start := time.Now()
	failed := C.facegate_net_forward(n.c, unsafe.Pointer(blob.Ptr()), &msg[0], errSize)
	n.spent += time.Since(start)
	if failed != 0 {
		return fmt.Errorf("vision: run %s: %s", n.name, C.GoString(&msg[0]))
	}
	for i := range n.outputs {
		var data *C.float
		var count C.size_t
		C.facegate_net_output(n.c, C.int(i), &data, &count)
		n.outputs[i] = append(n.outputs[i][:0], unsafe.Slice((*float32)(unsafe.Pointer(data)), int(count))...)
	}
	return nil
}

// clear overwrites the copies of the last outputs.
func (n *net) clear() {
	for _, o := range n.outputs {
		clear(o)
	}
}

func (n *net) close() {
	C.facegate_net_close(n.c)
	n.c = nil
}
