//go:build cgo

package vision

import (
	"fmt"

	"facegate/pipeline/quality"
)

// Grid fills dst with the grey values of width by height pixels of the loaded picture, at even distances. They are not averaged:
// what is noise in the picture is noise in them.
func (e *Engine) Grid(dst []byte, width, height int) error {
	if err := e.enter(); err != nil {
		return err
	}
	defer e.mu.Unlock()
	if e.width == 0 {
		return fmt.Errorf("%w: none is loaded", ErrPicture)
	}
	if width <= 0 || height <= 0 || len(dst) != width*height {
		return fmt.Errorf("vision: a grid of %dx%d has not %d values", width, height, len(dst))
	}
	pixels, err := e.picture.DataPtrUint8()
	if err != nil {
		return err
	}
	for y := range height {
		row := pixels[3*e.width*((2*y+1)*e.height/(2*height)):]
		for x := range width {
			dst[y*width+x] = quality.Grey(row[3*((2*x+1)*e.width/(2*width)):])
		}
	}
	return nil
}
