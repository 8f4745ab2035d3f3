package vision

/*
#cgo pkg-config: libjpeg
#cgo CFLAGS: -O2
#include "jpeg.h"
*/
import "C"

import (
	"fmt"
	"unsafe"

	"gocv.io/x/gocv"

	"facegate/device"
)

// decodeJPEG decodes data, which end with the picture, into picture, which is BGR of 8 bits in the size that the JPEG says.
// OpenCV's own decoder is a door to a dozen others, lets exceptions through, warns on standard error of every frame that a
// cheap camera sends, and does not tell a picture that it had to mend from a good one.
func decodeJPEG(data []byte, picture gocv.Mat) error {
	pixels, err := picture.DataPtrUint8()
	if err != nil {
		return err
	}
	var msg [256]C.char
	failed := C.facegate_decode_jpeg((*C.uchar)(unsafe.SliceData(data)), C.size_t(len(data)),
		(*C.uchar)(unsafe.SliceData(pixels)), C.uint(picture.Cols()), C.uint(picture.Rows()), &msg[0], C.size_t(len(msg)))
	switch {
	case failed == C.facegate_jpeg_refused:
		return fmt.Errorf("%w: the JPEG does not decode: %s", ErrPicture, C.GoString(&msg[0]))
	case failed == C.facegate_jpeg_damaged:
		return fmt.Errorf("%w: %w: %s", ErrPicture, device.ErrCorrupt, C.GoString(&msg[0]))
	}
	return nil
}
