package vision

import (
	"fmt"
	"image"
	"image/color"
	"math"

	"gocv.io/x/gocv"

	"facegate/pipeline/detect"
	"facegate/pipeline/embed"
)

// Detection keeps faces above these scores and suppresses overlaps above these IoUs, as published with each network.
const (
	rfbThreshold, rfbOverlap     = 0.65, 0.4
	yuNetThreshold, yuNetOverlap = 0.7, 0.3
)

// yuNetSide is the longest side in pixels of what YuNet is shown; larger pictures are scaled down to it. At 640 it
// finds faces from about 10 pixels, far below the smallest that can be recognised.
const yuNetSide = 640

type detector struct {
	*net
	find func(e *Engine, dst []detect.Face) ([]detect.Face, error)
}

func openDetector(m Model) (d detector, err error) {
	switch m.Kind {
	case KindRFB320:
		d.find = findRFB
		d.net, err = openNet(m.Name, m.Data, "boxes", "scores")
	case KindYuNet:
		d.find = findYuNet
		d.net, err = openNet(m.Name, m.Data, yuNetOutputs()...)
	default:
		err = fmt.Errorf("%w: detector %q", ErrKind, m.Kind)
	}
	return d, err
}

func findRFB(e *Engine, dst []detect.Face) ([]detect.Face, error) {
	blob := gocv.BlobFromImage(e.picture, 1.0/128, image.Pt(320, 240), gocv.NewScalar(127, 127, 127, 0), true, false)
	defer blob.Close()
	if err := e.detector.forward(blob); err != nil {
		return dst, err
	}
	out := e.detector.outputs
	dst, err := detect.RFB(dst, out[0], out[1], e.width, e.height, rfbThreshold)
	return detect.Suppress(dst, rfbOverlap), err
}

func yuNetOutputs() []string {
	var names []string
	for _, s := range detect.YuNetStrides {
		for _, part := range []string{"cls", "obj", "bbox", "kps"} {
			names = append(names, fmt.Sprintf("%s_%d", part, s))
		}
	}
	return names
}

func findYuNet(e *Engine, dst []detect.Face) ([]detect.Face, error) {
	scale := max(1, float32(max(e.width, e.height))/yuNetSide)
	in := e.picture
	w, h := int(float32(e.width)/scale), int(float32(e.height)/scale)
	if w < 1 || h < 1 {
		return dst, fmt.Errorf("%w: %dx%d is too narrow", ErrPicture, e.width, e.height)
	}
	if scale > 1 {
		gocv.Resize(e.picture, &e.scratch[0], image.Pt(w, h), 0, 0, gocv.InterpolationLinear)
		in = e.scratch[0]
	}
	// OpenCV 4.6 aborts on sides that are no multiple of the largest stride.
	padRight, padBottom := -w&31, -h&31
	gocv.CopyMakeBorder(in, &e.scratch[1], 0, padBottom, 0, padRight, gocv.BorderConstant, color.RGBA{})
	blob := gocv.BlobFromImage(e.scratch[1], 1, image.Pt(w+padRight, h+padBottom), gocv.NewScalar(0, 0, 0, 0), false, false)
	defer blob.Close()
	if err := e.detector.forward(blob); err != nil {
		return dst, err
	}
	for i, stride := range detect.YuNetStrides {
		out := e.detector.outputs[4*i:]
		level := detect.YuNetLevel{
			Stride: stride, Cols: (w + padRight) / stride, Rows: (h + padBottom) / stride,
			Class: out[0], Object: out[1], Box: out[2], Points: out[3],
		}
		var err error
		if dst, err = detect.YuNet(dst, level, scale, yuNetThreshold); err != nil {
			return dst, err
		}
	}
	return detect.Suppress(dst, yuNetOverlap), nil
}

// An embedder is fed an aligned face as (pixel − mean)·scale.
type embedder struct {
	*net
	template    embed.Template
	dim         int
	mean, scale float64
	rgb         bool
}

func openEmbedder(m Model) (em embedder, err error) {
	switch m.Kind {
	case KindMobileFaceNet: // trained on BGR: RGB is measurably worse
		em = embedder{template: embed.ArcFace112(), dim: 512, mean: 127.5, scale: 1.0 / 128}
	case KindSFace:
		em = embedder{template: embed.ArcFace112(), dim: 128, scale: 1, rgb: true}
	case KindReid0095:
		em = embedder{template: embed.Reidentification128(), dim: 256, scale: 1}
	default:
		return em, fmt.Errorf("%w: embedder %q", ErrKind, m.Kind)
	}
	em.net, err = openNet(m.Name, m.Data)
	return em, err
}

func (em *embedder) embed(dst embed.Vector, chip gocv.Mat) error {
	size := image.Pt(em.template.Size, em.template.Size)
	blob := gocv.BlobFromImage(chip, em.scale, size, gocv.NewScalar(em.mean, em.mean, em.mean, 0), em.rgb, false)
	defer blob.Close()
	if err := em.forward(blob); err != nil {
		return err
	}
	out := em.outputs[0]
	if len(out) != em.dim {
		return fmt.Errorf("vision: run %s: %d numbers came out instead of %d", em.name, len(out), em.dim)
	}
	copy(dst, out)
	em.clear()
	if !dst.Normalize() {
		return fmt.Errorf("%w: its embedding is not finite", ErrFace)
	}
	return nil
}

// A livenessNet is fed a crop around the face as pixel·scale and answers with logits, of which the first is for a
// live face.
type livenessNet struct {
	*net
	crop  func(e *Engine, b detect.Box, dst *gocv.Mat) error
	scale float64
	rgb   bool
}

const livenessSide = 128

func openLiveness(m Model) (l livenessNet, err error) {
	switch m.Kind {
	case KindFRLiveness: // in BGR, as its family was trained: docs/accuracy.md has the figures for both orders
		l = livenessNet{crop: cropInside, scale: 1}
	case KindMiniFASV2SE:
		l = livenessNet{crop: cropReflected, scale: 1.0 / 255, rgb: true}
	default:
		return l, fmt.Errorf("%w: liveness %q", ErrKind, m.Kind)
	}
	l.net, err = openNet(m.Name, m.Data)
	return l, err
}

func (l *livenessNet) judge(e *Engine, f *detect.Face) (float64, error) {
	if err := l.crop(e, f.Box, &e.scratch[0]); err != nil {
		return 0, err
	}
	size := image.Pt(livenessSide, livenessSide)
	blob := gocv.BlobFromImage(e.scratch[0], l.scale, size, gocv.NewScalar(0, 0, 0, 0), l.rgb, false)
	defer blob.Close()
	if err := l.forward(blob); err != nil {
		return 0, err
	}
	return softmaxFirst(l.outputs[0])
}

// cropInside cuts what the picture holds of 2.7 times the box.
func cropInside(e *Engine, b detect.Box, dst *gocv.Mat) error {
	if _, err := e.clip(b); err != nil {
		return err
	}
	r, err := e.clip(b.Scale(2.7))
	if err != nil {
		return err
	}
	return e.cut(r, dst)
}

// cropReflected cuts a square of 1.5 times the longer side of the box; what lies outside the picture is mirrored in.
func cropReflected(e *Engine, b detect.Box, dst *gocv.Mat) error {
	if _, err := e.clip(b); err != nil {
		return err
	}
	side := int(1.5 * max(b.Width(), b.Height()))
	c := b.Center()
	x, y := int(c.X)-side/2, int(c.Y)-side/2
	want := image.Rect(x, y, x+side, y+side)
	inside := want.Intersect(image.Rect(0, 0, e.width, e.height))
	if err := e.cut(inside, &e.scratch[1]); err != nil {
		return err
	}
	gocv.CopyMakeBorder(e.scratch[1], dst, inside.Min.Y-want.Min.Y, want.Max.Y-inside.Max.Y,
		inside.Min.X-want.Min.X, want.Max.X-inside.Max.X, gocv.BorderReflect101, color.RGBA{})
	return nil
}

func softmaxFirst(logits []float32) (float64, error) {
	if len(logits) < 2 {
		return 0, fmt.Errorf("vision: a liveness network gave %d numbers", len(logits))
	}
	var sum float64
	for _, l := range logits {
		sum += math.Exp(float64(l) - float64(logits[0]))
	}
	if p := 1 / sum; p >= 0 && p <= 1 {
		return p, nil
	}
	return 0, fmt.Errorf("%w: its liveness is not finite", ErrFace)
}
