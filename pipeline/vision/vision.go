// Package vision runs the networks: it decodes a frame, finds faces, locates landmarks, judges liveness and computes
// the embedding. It is the only package that imports gocv.
//
// OpenCV ends the process on a failed assertion and a deferred recover does not help. So nothing reaches it unchecked:
// pictures by their own header and length, boxes against the picture, networks through a shim that catches exceptions.
package vision

import (
	"errors"
	"fmt"
	"image"
	"time"

	"gocv.io/x/gocv"

	"facegate/configs/hint"
	"facegate/device"
	"facegate/pipeline/detect"
	"facegate/pipeline/embed"
)

// Errors of an Engine. None is final: the next frame starts afresh.
var (
	ErrPicture = errors.New("vision: the frame is not a usable picture")
	ErrFace    = errors.New("vision: the face is too small or too far outside the picture")
	ErrKind    = errors.New("vision: unknown kind of network")
)

// maxPixels bounds the memory of one picture: 3 bytes a pixel, 48 MiB.
const maxPixels = 4096 * 4096

// minFaceSide is the smallest side in pixels of what is cut out of a picture. Below it nothing can be recognised.
const minFaceSide = 8

// A Model is one verified network: the bytes whose hash was checked, never a path that could change in between.
type Model struct {
	Name string
	Kind string // which network it is; see the Kind constants
	Data []byte // ONNX
}

// The networks that an Engine knows how to feed. Each is described, with its source and licence, in the manifest of
// package models.
const (
	KindRFB320        = "rfb320"        // detector
	KindYuNet         = "yunet"         // detector with five landmarks
	KindLandmarks68   = "landmarks68"   // 68 landmarks of a detected face
	KindMobileFaceNet = "mobilefacenet" // embedder, 512 numbers
	KindSFace         = "sface"         // embedder, 128 numbers
	KindReid0095      = "reid0095"      // embedder, 256 numbers
	KindFRLiveness    = "frliveness"    // liveness
	KindMiniFASV2SE   = "minifasv2se"   // liveness
)

// Networks are the models of one bundle.
type Networks struct {
	Detector  Model
	Landmarks *Model // nil where the detector gives the landmarks itself
	Embedder  Model
	Liveness  []Model // at least one
}

// An Engine holds one network of each role and one picture. It belongs to one goroutine; for a second worker open a
// second Engine.
type Engine struct {
	detector  detector
	landmarks *net
	embedder  embedder
	liveness  []livenessNet

	picture       gocv.Mat // BGR, 8 bits
	width, height int
	chip          gocv.Mat // the aligned face, BGR, 8 bits
	scratch       [2]gocv.Mat
	transform     gocv.Mat // 2x3 float64
	faces         []detect.Face
}

// Open loads networks. The caller closes the Engine.
func Open(n Networks) (_ *Engine, err error) {
	e := &Engine{
		picture: gocv.NewMat(), chip: gocv.NewMat(), scratch: [2]gocv.Mat{gocv.NewMat(), gocv.NewMat()},
		transform: gocv.NewMatWithSize(2, 3, gocv.MatTypeCV64F),
	}
	defer func() {
		if err != nil {
			e.Close()
		}
	}()
	if e.detector, err = openDetector(n.Detector); err != nil {
		return nil, err
	}
	if n.Landmarks != nil {
		if e.landmarks, err = openNet(n.Landmarks.Name, n.Landmarks.Data); err != nil {
			return nil, err
		}
	}
	if e.embedder, err = openEmbedder(n.Embedder); err != nil {
		return nil, err
	}
	for _, m := range n.Liveness {
		l, err := openLiveness(m)
		if err != nil {
			return nil, err
		}
		e.liveness = append(e.liveness, l)
	}
	return e, nil
}

func (e *Engine) nets() []*net {
	all := []*net{e.detector.net, e.landmarks, e.embedder.net}
	for _, l := range e.liveness {
		all = append(all, l.net)
	}
	var open []*net
	for _, n := range all {
		if n != nil {
			open = append(open, n)
		}
	}
	return open
}

// Close frees the networks and overwrites and frees the picture.
func (e *Engine) Close() {
	e.Clear()
	for _, n := range e.nets() {
		n.close()
	}
	for _, m := range []*gocv.Mat{&e.picture, &e.chip, &e.scratch[0], &e.scratch[1], &e.transform} {
		m.Close()
	}
}

// Clear overwrites the picture and all that was computed from it.
func (e *Engine) Clear() {
	for _, m := range []*gocv.Mat{&e.picture, &e.chip, &e.scratch[0], &e.scratch[1]} {
		if !m.Empty() {
			m.SetTo(gocv.NewScalar(0, 0, 0, 0))
		}
	}
	for _, n := range e.nets() {
		n.clear()
	}
}

// NetworkTime returns how long the forward passes of all networks took since Open: the time below which no use of
// them can come.
func (e *Engine) NetworkTime() time.Duration {
	var sum time.Duration
	for _, n := range e.nets() {
		sum += n.spent
	}
	return sum
}

// Dim returns the length of the embedding.
func (e *Engine) Dim() int { return e.embedder.dim }

// Size returns width and height of the loaded picture in pixels.
func (e *Engine) Size() (width, height int) { return e.width, e.height }

// Load decodes a frame; the picture before it is overwritten. Anything that is not a whole picture is ErrPicture.
func (e *Engine) Load(f device.Frame) error {
	switch f.Format {
	case device.JPEG:
		return e.loadJPEG(f.Data)
	case device.YUYV:
		return e.loadYUYV(f)
	}
	return fmt.Errorf("%w: format %v", ErrPicture, f.Format)
}

func (e *Engine) loadJPEG(data []byte) error {
	// OpenCV decodes half a JPEG without an error and chooses among a dozen decoders by the first bytes.
	width, height, err := device.JPEGSize(data)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrPicture, err)
	}
	if width*height > maxPixels {
		return tooLarge(width, height)
	}
	m, err := gocv.IMDecode(data, gocv.IMReadColor|gocv.IMReadIgnoreOrientation)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrPicture, err)
	}
	if m.Empty() || m.Cols() != width || m.Rows() != height || m.Type() != gocv.MatTypeCV8UC3 {
		m.Close()
		return fmt.Errorf("%w: the JPEG of %dx%d does not decode", ErrPicture, width, height)
	}
	e.replacePicture(m)
	return nil
}

// replacePicture takes m over and overwrites the picture that it replaces.
func (e *Engine) replacePicture(m gocv.Mat) {
	if !e.picture.Empty() {
		e.picture.SetTo(gocv.NewScalar(0, 0, 0, 0))
	}
	e.picture.Close()
	e.picture, e.width, e.height = m, m.Cols(), m.Rows()
}

func (e *Engine) loadYUYV(f device.Frame) error {
	switch {
	case f.Width <= 0 || f.Height <= 0 || f.Width%2 != 0 || f.Width > maxPixels || f.Height > maxPixels/f.Width:
		return tooLarge(f.Width, f.Height)
	case len(f.Data) != 2*f.Width*f.Height:
		return fmt.Errorf("%w: YUYV of %dx%d has %d bytes", ErrPicture, f.Width, f.Height, len(f.Data))
	}
	packed, err := gocv.NewMatFromBytes(f.Height, f.Width, gocv.MatTypeCV8UC2, f.Data)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrPicture, err)
	}
	defer packed.Close()
	gocv.CvtColor(packed, &e.picture, gocv.ColorYUVToBGRYUY2)
	e.width, e.height = f.Width, f.Height
	return nil
}

func tooLarge(width, height int) error {
	return hint.Wrap(fmt.Errorf("%w: size %dx%d", ErrPicture, width, height),
		"set camera.width and camera.height to a size that the camera offers, at most 4096x4096")
}

// Detect returns the faces of the picture, best first. The slice is valid until the next call.
func (e *Engine) Detect() ([]detect.Face, error) {
	if e.picture.Empty() {
		return nil, fmt.Errorf("%w: none is loaded", ErrPicture)
	}
	var err error
	e.faces, err = e.detector.find(e, e.faces[:0])
	return e.faces, err
}

// Locate fills the landmarks of f where the detector did not.
func (e *Engine) Locate(f *detect.Face) error {
	if f.Located {
		return nil
	}
	if e.landmarks == nil {
		return fmt.Errorf("%w: it has no landmarks and no landmark network is loaded", ErrFace)
	}
	crop, err := e.clip(f.Box)
	if err != nil {
		return err
	}
	if err := e.cut(crop, &e.scratch[0]); err != nil {
		return err
	}
	gocv.CvtColor(e.scratch[0], &e.scratch[1], gocv.ColorBGRToGray)
	blob := gocv.BlobFromImage(e.scratch[1], 1.0/256, image.Pt(64, 64), gocv.NewScalar(0, 0, 0, 0), false, false)
	defer blob.Close()
	if err := e.landmarks.forward(blob); err != nil {
		return err
	}
	f.Landmarks, err = detect.Landmarks68(e.landmarks.outputs[0], toBox(crop))
	if err != nil {
		return err
	}
	if f.Located = f.Finite(); !f.Located {
		return fmt.Errorf("%w: its landmarks are not finite", ErrFace)
	}
	return nil
}

// Align cuts the face out upright by its landmarks, as the embedder wants it, and returns the picture of it: size by
// size pixels of BGR bytes, valid until the next call.
func (e *Engine) Align(f *detect.Face) (bgr []byte, size int, err error) {
	t := e.embedder.template
	s, ok := t.Align(f.Landmarks)
	if !f.Located || !ok {
		return nil, 0, fmt.Errorf("%w: it has no landmarks to align by", ErrFace)
	}
	if e.picture.Empty() {
		return nil, 0, fmt.Errorf("%w: none is loaded", ErrPicture)
	}
	e.setTransform(s)
	gocv.WarpAffine(e.picture, &e.chip, e.transform, image.Pt(t.Size, t.Size))
	bgr, err = e.chip.DataPtrUint8()
	return bgr, t.Size, err
}

// Embed computes the embedding of the face that Align cut out last into dst, of length Dim, normalised to unit length.
func (e *Engine) Embed(dst embed.Vector) error {
	if len(dst) != e.embedder.dim {
		return fmt.Errorf("vision: the embedding has %d numbers, not %d", e.embedder.dim, len(dst))
	}
	if e.chip.Empty() {
		return fmt.Errorf("%w: no face is aligned", ErrFace)
	}
	return e.embedder.embed(dst, e.chip)
}

// Live returns for each liveness network, in the order of Networks, the probability in 0..1 that f is a person before
// the camera and not a print or a screen, appended to dst.
func (e *Engine) Live(dst []float64, f *detect.Face) ([]float64, error) {
	for _, l := range e.liveness {
		p, err := l.judge(e, f)
		if err != nil {
			return dst, err
		}
		dst = append(dst, p)
	}
	return dst, nil
}

func (e *Engine) setTransform(s embed.Similarity) {
	for i, v := range [2][3]float64{{s.A, -s.B, s.X}, {s.B, s.A, s.Y}} {
		for j, x := range v {
			e.transform.SetDoubleAt(i, j, x)
		}
	}
}

// clip returns the whole pixels of b that lie in the picture. It is ErrFace if hardly any do, or if b is so large that
// what is cut out around it would be, too.
func (e *Engine) clip(b detect.Box) (image.Rectangle, error) {
	// Compared as floats: a far box must not overflow an int, and no comparison holds for NaN.
	w, h := float32(e.width), float32(e.height)
	left, top, right, bottom := max(b.Left, 0), max(b.Top, 0), min(b.Right, w), min(b.Bottom, h)
	if !(right-left >= minFaceSide && bottom-top >= minFaceSide && max(b.Width(), b.Height()) <= 4*max(w, h)) {
		return image.Rectangle{}, ErrFace
	}
	return image.Rect(int(left), int(top), int(right), int(bottom)), nil
}

// cut copies the part r of the picture to dst.
func (e *Engine) cut(r image.Rectangle, dst *gocv.Mat) error {
	if e.picture.Empty() || r.Empty() || !r.In(image.Rect(0, 0, e.width, e.height)) {
		return ErrFace
	}
	region := e.picture.Region(r)
	defer region.Close()
	region.CopyTo(dst)
	return nil
}

func toBox(r image.Rectangle) detect.Box {
	return detect.Box{Left: float32(r.Min.X), Top: float32(r.Min.Y), Right: float32(r.Max.X), Bottom: float32(r.Max.Y)}
}
