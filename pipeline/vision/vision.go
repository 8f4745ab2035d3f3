//go:build cgo

package vision

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"math"
	"runtime"
	"slices"
	"sync"
	"time"

	"gocv.io/x/gocv"

	"facegate/configs/hint"
	"facegate/device"
	"facegate/pipeline/detect"
	"facegate/pipeline/embed"
)

// Errors of an Engine. After ErrPicture and ErrFace the next frame starts afresh.
var (
	ErrPicture = errors.New("vision: the frame is not a usable picture")
	ErrFace    = errors.New("vision: the face is too small or too far outside the picture")
	ErrKind    = errors.New("vision: unknown kind of network")
	ErrNetwork = errors.New("vision: the network does not work")
	ErrClosed  = errors.New("vision: the engine is closed")
)

// errBusy means that two goroutines used one Engine. OpenCV would mix their results: one person's vector would be taken
// for another's.
var errBusy = errors.New("vision: an Engine belongs to one goroutine at a time")

// maxPixels bounds the memory of one picture: 3 bytes a pixel, 48 MiB.
const maxPixels = 4096 * 4096

// maxScans bounds the time that one progressive JPEG takes, for which every scan is a pass over the whole picture.
// Encoders write about ten.
const maxScans = 64

// minFaceSide is the smallest side in pixels of what is cut out of a picture. Below it nothing can be recognised.
const minFaceSide = 8

// An Engine holds one network of each role and one picture. It belongs to one goroutine; for a second worker open a
// second Engine. Calls that overlap are refused; calls of two goroutines that take turns cannot be told apart.
type Engine struct {
	mu     sync.Mutex // held during a call; those that compute only try for it
	closed bool

	detector  detector
	landmarks *net
	embedder  embedder
	liveness  []livenessNet

	width, height int  // of the picture, 0 if none is loaded
	aligned       bool // chip is of a face of the picture
	faces         []detect.Face

	// All are BGR with 8 bits, but for grey. Each has one use, so that its memory stays.
	picture      gocv.Mat
	shrunk       gocv.Mat // for the detector
	padded       gocv.Mat // likewise
	face, grey   gocv.Mat // for the landmarks
	surroundings gocv.Mat // for liveness
	chip         gocv.Mat // the aligned face
	transform    gocv.Mat // 2x3 float64
}

// Open loads networks and runs each once on a blank picture, so that one which does not work is found now and not at
// the door. The caller closes the Engine.
func Open(n Networks) (_ *Engine, err error) {
	e := &Engine{transform: gocv.NewMatWithSize(2, 3, gocv.MatTypeCV64F)}
	for _, m := range e.pictures() {
		*m = gocv.NewMat()
	}
	defer func() {
		if err != nil {
			e.Close()
		}
	}()
	if err = e.open(n); err == nil {
		err = e.try()
	}
	if err != nil {
		return nil, hint.Wrap(err, "the files are intact, but OpenCV %s cannot run them: take a released facegate, which has the OpenCV "+
			"that they were tried with, or build it on Debian 12", OpenCV())
	}
	return e, nil
}

func (e *Engine) open(n Networks) (err error) {
	if e.detector, err = openDetector(n.Detector); err != nil {
		return err
	}
	if n.Landmarks != nil {
		if e.landmarks, err = openLandmarks(*n.Landmarks); err != nil {
			return err
		}
	}
	if e.embedder, err = openEmbedder(n.Embedder); err != nil {
		return err
	}
	for _, m := range n.Liveness {
		l, err := openLiveness(m)
		if err != nil {
			return err
		}
		e.liveness = append(e.liveness, l)
	}
	return nil
}

// try leads a blank picture through every network.
func (e *Engine) try() error {
	const width, height = 320, 240
	err := e.Load(device.Frame{Format: device.YUYV, Width: width, Height: height, Data: make([]byte, 2*width*height)})
	if err != nil {
		return err
	}
	if _, err := e.Detect(); err != nil {
		return err
	}
	face := detect.Face{Box: detect.Box{Left: 100, Top: 60, Right: 212, Bottom: 172}}
	if e.landmarks != nil {
		if err := e.Locate(&face); err != nil {
			return err
		}
	}
	face.Landmarks, face.Located = e.embedder.template.Points, true
	if _, _, err := e.Align(&face); err != nil {
		return err
	}
	if err := e.Embed(make(embed.Vector, e.Dim())); err != nil {
		return err
	}
	if _, err := e.Live(nil, &face); err != nil {
		return err
	}
	e.unload()
	for _, n := range e.nets() {
		n.spent = 0
	}
	return nil
}

// enter begins a call, which e.mu.Unlock ends.
func (e *Engine) enter() error {
	if !e.mu.TryLock() {
		return errBusy
	}
	if e.closed {
		e.mu.Unlock()
		return ErrClosed
	}
	return nil
}

func (e *Engine) nets() []*net {
	all := []*net{e.detector.net, e.landmarks, e.embedder.net}
	for _, l := range e.liveness {
		all = append(all, l.net)
	}
	return slices.DeleteFunc(all, func(n *net) bool { return n == nil })
}

func (e *Engine) pictures() []*gocv.Mat {
	return []*gocv.Mat{&e.picture, &e.shrunk, &e.padded, &e.face, &e.grey, &e.surroundings, &e.chip}
}

// Close overwrites the picture as Clear does, and what it left in the networks, and frees all memory. It waits for a
// call under way.
func (e *Engine) Close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return
	}
	e.clear()
	for _, n := range e.nets() {
		n.close()
	}
	for _, m := range append(e.pictures(), &e.transform) {
		m.Close()
	}
	e.closed = true
}

// Clear overwrites the picture and what was computed from it. It waits for a call under way. What the networks hold between
// their layers goes with the Clear of the next frame, if that did not need them, or by that frame itself. Out of reach is
// what the JPEG decoder held while it ran, which is freed but not overwritten.
func (e *Engine) Clear() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.closed {
		e.clear()
	}
}

func (e *Engine) clear() {
	e.unload()
	for _, m := range e.pictures() {
		blank(m)
	}
	for _, n := range e.nets() {
		n.clear()
	}
	clear(e.faces[:cap(e.faces)])
}

// unload makes the Engine forget that it has a picture.
func (e *Engine) unload() { e.width, e.height, e.aligned = 0, 0, false }

func blank(m *gocv.Mat) {
	if !m.Empty() {
		m.SetTo(gocv.NewScalar(0, 0, 0, 0))
	}
}

// NetworkTime returns how long the forward passes of all networks took since Open: the time below which no use of
// them can come.
func (e *Engine) NetworkTime() time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	var sum time.Duration
	for _, n := range e.nets() {
		sum += n.spent
	}
	return sum
}

// Dim returns the length of the embedding.
func (e *Engine) Dim() int { return e.embedder.dim }

// Size returns width and height in pixels of the loaded picture, 0 if there is none.
func (e *Engine) Size() (width, height int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.width, e.height
}

// Load decodes a frame; the picture before it is overwritten. Anything that is not a whole picture is ErrPicture.
func (e *Engine) Load(f device.Frame) error {
	if err := e.enter(); err != nil {
		return err
	}
	defer e.mu.Unlock()
	e.unload()
	width, height, err := pictureSize(&f)
	if err != nil {
		blank(&e.picture)
		return err
	}
	e.makeRoom(width, height)
	if err := e.decode(f); err != nil {
		blank(&e.picture)
		return err
	}
	e.width, e.height = width, height
	return nil
}

// pictureSize returns the size of the picture in f, after checking all that can be checked before it is decoded. It cuts
// off what follows the picture.
func pictureSize(f *device.Frame) (width, height int, err error) {
	switch f.Format {
	case device.JPEG:
		info, err := device.ParseJPEG(f.Data)
		if err == nil && info.Scans > maxScans {
			err = errors.New("the JPEG has too many scans")
		}
		if err != nil {
			return 0, 0, fmt.Errorf("%w: %w", ErrPicture, err)
		}
		f.Data = f.Data[:info.Length]
		width, height = info.Width, info.Height
	case device.YUYV:
		width, height = f.Width, f.Height
	default:
		return 0, 0, fmt.Errorf("%w: format %v", ErrPicture, f.Format)
	}
	if min(width, height) <= 0 || max(width, height) > device.MaxSide || width*height > maxPixels {
		return 0, 0, hint.Wrap(fmt.Errorf("%w: size %dx%d", ErrPicture, width, height),
			"set camera.width and camera.height to a size that the camera offers, at most 4096x4096")
	}
	if f.Format == device.YUYV && (width%2 != 0 || len(f.Data) != 2*width*height) {
		return 0, 0, fmt.Errorf("%w: YUYV of %dx%d has %d bytes", ErrPicture, width, height, len(f.Data))
	}
	return width, height, nil
}

// makeRoom gives the picture a size, and overwrites the one of another size.
func (e *Engine) makeRoom(width, height int) {
	if e.picture.Cols() == width && e.picture.Rows() == height {
		return
	}
	blank(&e.picture)
	e.picture.Close()
	e.picture = gocv.NewMatWithSize(height, width, gocv.MatTypeCV8UC3)
}

// decode fills the picture, whose size is that of f.
func (e *Engine) decode(f device.Frame) error {
	if f.Format == device.JPEG {
		return decodeJPEG(f.Data, e.picture)
	}
	var pin runtime.Pinner // the Mat keeps the address
	defer pin.Unpin()
	pin.Pin(&f.Data[0])
	packed, err := gocv.NewMatFromBytes(f.Height, f.Width, gocv.MatTypeCV8UC2, f.Data)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrPicture, err)
	}
	defer packed.Close()
	gocv.CvtColor(packed, &e.picture, gocv.ColorYUVToBGRYUY2)
	return nil
}

// Detect returns the faces of the picture, best first. The slice is valid until the next call.
func (e *Engine) Detect() ([]detect.Face, error) {
	if err := e.enter(); err != nil {
		return nil, err
	}
	defer e.mu.Unlock()
	if e.width == 0 {
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
	if err := e.enter(); err != nil {
		return err
	}
	defer e.mu.Unlock()
	if e.landmarks == nil {
		return fmt.Errorf("%w: it has no landmarks and no landmark network is loaded", ErrFace)
	}
	crop, err := e.clip(f.Box)
	if err != nil {
		return err
	}
	if f.Landmarks, err = locate68(e, crop); err != nil {
		return err
	}
	if f.Located = f.Finite(); !f.Located {
		return fmt.Errorf("%w: its landmarks are not finite", ErrFace)
	}
	return nil
}

// grid is how exactly a landmark is taken, in parts of a pixel. No network is as sure of one.
const grid = 8

// onGrid returns landmarks to the nearest point of the grid. Two processors compute a landmark to 1e-5 of a pixel alike. Without
// a grid that turns single pixels of the aligned face, and moves the vector by 1e-3.
func onGrid(l detect.Landmarks) detect.Landmarks {
	for i, p := range l {
		l[i] = detect.Point{X: round(p.X), Y: round(p.Y)}
	}
	return l
}

func round(x float32) float32 { return float32(math.Round(float64(x)*grid) / grid) }

// Align cuts the face out upright by its landmarks, as the embedder wants it, and returns the picture of it: size by
// size pixels of BGR bytes, valid until the next call.
func (e *Engine) Align(f *detect.Face) (bgr []byte, size int, err error) {
	if err := e.enter(); err != nil {
		return nil, 0, err
	}
	defer e.mu.Unlock()
	e.aligned = false
	t := e.embedder.template
	similarity, ok := t.Align(onGrid(f.Landmarks))
	if !f.Located || !ok {
		return nil, 0, fmt.Errorf("%w: it has no landmarks to align by", ErrFace)
	}
	// All pictures of what lies outside look the same, and so would all the people.
	if _, err := e.clip(around(f.Landmarks)); err != nil {
		return nil, 0, err
	}
	e.warp(&e.chip, t.Size, gocv.BorderConstant, similarity)
	if bgr, err = e.chip.DataPtrUint8(); err != nil {
		return nil, 0, err
	}
	e.aligned = true
	return bgr, t.Size, nil
}

// Embed computes the embedding of the face that Align cut out of the loaded picture last into dst, of length Dim,
// normalised to unit length.
func (e *Engine) Embed(dst embed.Vector) error {
	if err := e.enter(); err != nil {
		return err
	}
	defer e.mu.Unlock()
	if len(dst) != e.embedder.dim {
		return fmt.Errorf("vision: the embedding has %d numbers, not %d", e.embedder.dim, len(dst))
	}
	if !e.aligned {
		return fmt.Errorf("%w: no face is aligned", ErrFace)
	}
	return e.embedder.embed(dst, e.chip)
}

// Live returns for each liveness network, in the order of Networks, the probability in 0..1 that f is a person before
// the camera and not a print or a screen, appended to dst.
func (e *Engine) Live(dst []float64, f *detect.Face) ([]float64, error) {
	if err := e.enter(); err != nil {
		return dst, err
	}
	defer e.mu.Unlock()
	for i := range e.liveness {
		p, err := e.liveness[i].judge(e, f)
		if err != nil {
			return dst, err
		}
		dst = append(dst, p)
	}
	return dst, nil
}

// clip returns the whole pixels of b that lie in the picture. It is ErrFace if hardly any do, or if b is so large that
// nothing can be made of what lies around it.
func (e *Engine) clip(b detect.Box) (image.Rectangle, error) {
	// Compared as floats: a far box must not overflow an int, and no comparison holds for NaN.
	w, h := float32(e.width), float32(e.height)
	left, top, right, bottom := max(b.Left, 0), max(b.Top, 0), min(b.Right, w), min(b.Bottom, h)
	if !(right-left >= minFaceSide && bottom-top >= minFaceSide && max(b.Width(), b.Height()) <= 4*max(w, h)) {
		return image.Rectangle{}, ErrFace
	}
	return image.Rect(int(left), int(top), int(right), int(bottom)), nil
}

// resize brings the part r of the picture, which clip returned, to size.
func (e *Engine) resize(r image.Rectangle, dst *gocv.Mat, size image.Point) {
	part := e.picture.Region(r)
	defer part.Close()
	gocv.Resize(part, dst, size, 0, 0, gocv.InterpolationLinear)
}

// warp samples size by size pixels of the picture, moved by s; border says what lies outside it.
func (e *Engine) warp(dst *gocv.Mat, size int, border gocv.BorderType, s embed.Similarity) {
	for i, row := range [2][3]float64{{s.A, -s.B, s.X}, {s.B, s.A, s.Y}} {
		for j, v := range row {
			e.transform.SetDoubleAt(i, j, v)
		}
	}
	gocv.WarpAffineWithParams(e.picture, dst, e.transform, image.Pt(size, size), gocv.InterpolationLinear, border,
		color.RGBA{})
}

// around returns the smallest box that holds the landmarks.
func around(l detect.Landmarks) detect.Box {
	b := detect.Box{Left: l[0].X, Top: l[0].Y, Right: l[0].X, Bottom: l[0].Y}
	for _, p := range l {
		b = detect.Box{
			Left: min(b.Left, p.X), Top: min(b.Top, p.Y), Right: max(b.Right, p.X), Bottom: max(b.Bottom, p.Y),
		}
	}
	return b
}

func toBox(r image.Rectangle) detect.Box {
	return detect.Box{Left: float32(r.Min.X), Top: float32(r.Min.Y), Right: float32(r.Max.X), Bottom: float32(r.Max.Y)}
}
