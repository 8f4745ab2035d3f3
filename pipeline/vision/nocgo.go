//go:build !cgo

package vision

import (
	"errors"
	"fmt"
	"time"

	"facegate/configs/hint"
	"facegate/device"
	"facegate/pipeline/detect"
	"facegate/pipeline/embed"
)

// An Engine cannot be had without OpenCV. A facegate that was built so checks receipts and prints policies on machines that
// have neither OpenCV nor a camera.
type Engine struct{}

var errNoOpenCV = fmt.Errorf("vision: built without OpenCV: %w", errors.ErrUnsupported)

// OpenCV returns "", of which nothing is known.
func OpenCV() string { return "" }

// Open refuses.
func Open(Networks) (*Engine, error) {
	return nil, hint.Wrap(errNoOpenCV, "use the facegate of the gate itself, or build one with CGO_ENABLED=1 (make build)")
}

// Close does nothing.
func (*Engine) Close() {}

// Clear does nothing.
func (*Engine) Clear() {}

// NetworkTime returns 0.
func (*Engine) NetworkTime() time.Duration { return 0 }

// Grid refuses.
func (*Engine) Grid([]byte, int, int) error { return errNoOpenCV }

// Dim returns 0.
func (*Engine) Dim() int { return 0 }

// Size returns 0, 0.
func (*Engine) Size() (width, height int) { return 0, 0 }

// Load refuses.
func (*Engine) Load(device.Frame) error { return errNoOpenCV }

// Detect refuses.
func (*Engine) Detect() ([]detect.Face, error) { return nil, errNoOpenCV }

// Locate refuses.
func (*Engine) Locate(*detect.Face) error { return errNoOpenCV }

// Align refuses.
func (*Engine) Align(*detect.Face) (bgr []byte, size int, err error) { return nil, 0, errNoOpenCV }

// Embed refuses.
func (*Engine) Embed(embed.Vector) error { return errNoOpenCV }

// Live refuses.
func (*Engine) Live(dst []float64, _ *detect.Face) ([]float64, error) { return dst, errNoOpenCV }
