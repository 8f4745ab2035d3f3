//go:build cgo

package vision

import (
	"fmt"
	"image"
	"image/color"
	"math"

	"gocv.io/x/gocv"

	"facegate/pipeline/detect"
	"facegate/pipeline/embed"
	"facegate/pipeline/models"
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
	case models.RFB320:
		d.find = findRFB
		d.net, err = openNet(m, feed{input: evenly(127, 1.0/128).reversed(), width: 320, height: 240}, "boxes", "scores")
	case models.YuNet:
		d.find = findYuNet
		d.net, err = openNet(m, feed{input: evenly(0, 1)}, yuNetOutputs()...)
	default:
		err = fmt.Errorf("%w: detector %q", ErrKind, m.Kind)
	}
	return d, err
}

func findRFB(e *Engine, dst []detect.Face) ([]detect.Face, error) {
	gocv.Resize(e.picture, &e.shrunk, image.Pt(e.detector.width, e.detector.height), 0, 0, gocv.InterpolationLinear)
	if err := e.detector.run(e.shrunk); err != nil {
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
	w, h := max(1, int(float32(e.width)/scale)), max(1, int(float32(e.height)/scale))
	in := e.picture
	if scale > 1 {
		gocv.Resize(e.picture, &e.shrunk, image.Pt(w, h), 0, 0, gocv.InterpolationLinear)
		in = e.shrunk
	}
	// OpenCV 4.6 aborts on sides that are no multiple of the largest stride.
	padRight, padBottom := -w&31, -h&31
	gocv.CopyMakeBorder(in, &e.padded, 0, padBottom, 0, padRight, gocv.BorderConstant, color.RGBA{})
	if err := e.detector.run(e.padded); err != nil {
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

func openLandmarks(m Model) (*net, error) {
	if m.Kind != models.Landmarks68 {
		return nil, fmt.Errorf("%w: landmarks %q", ErrKind, m.Kind)
	}
	return openNet(m, feed{input: evenly(0, 1.0/256), width: 64, height: 64, grey: true})
}

// locate68 finds the landmarks of the face in the part crop of the picture, by the network of 68 points.
func locate68(e *Engine, crop image.Rectangle) (detect.Landmarks, error) {
	e.resize(crop, &e.face, image.Pt(e.landmarks.width, e.landmarks.height))
	gocv.CvtColor(e.face, &e.grey, gocv.ColorBGRToGray)
	if err := e.landmarks.run(e.grey); err != nil {
		return detect.Landmarks{}, err
	}
	return detect.Landmarks68(e.landmarks.outputs[0], toBox(crop))
}

// An embedder is fed an aligned face.
type embedder struct {
	*net
	template embed.Template
	dim      int
}

func openEmbedder(m Model) (em embedder, err error) {
	var in input
	switch m.Kind {
	case models.MobileFaceNet: // trained on BGR: RGB is measurably worse
		em, in = embedder{template: embed.ArcFace112(), dim: 512}, evenly(127.5, 1.0/128)
	case models.SFace:
		em, in = embedder{template: embed.ArcFace112(), dim: 128}, evenly(0, 1).reversed()
	case models.Reid0095:
		em, in = embedder{template: embed.Reidentification128(), dim: 256}, evenly(0, 1)
	case models.MobileFaceNetMS1M:
		em, in = embedder{template: embed.ArcFace112(), dim: 128}, imageNet()
	case models.Stated:
		if m.Feed == nil {
			return em, fmt.Errorf("%w: embedder %q without a feed", ErrKind, m.Kind)
		}
		em, in = stated(*m.Feed)
	default:
		return em, fmt.Errorf("%w: embedder %q", ErrKind, m.Kind)
	}
	em.net, err = openNet(m, feed{input: in, width: em.template.Size, height: em.template.Size, numbers: em.dim})
	return em, err
}

// stated is an embedder that is fed as a site has said.
func stated(f models.Feed) (embedder, input) {
	em := embedder{template: embed.Template{Size: f.Side}, dim: f.Dim}
	for i := range em.template.Points {
		em.template.Points[i] = detect.Point{X: float32(f.Points[2*i]), Y: float32(f.Points[2*i+1])}
	}
	return em, input{mean: f.Mean, scale: f.Scale, rgb: f.Colour == "rgb"}
}

// imageNet is the input of a network that was trained on x/255, less the mean and over the deviation of ImageNet.
func imageNet() input {
	in := input{mean: [3]float64{0.485, 0.456, 0.406}, scale: [3]float64{0.229, 0.224, 0.225}, rgb: true}
	for i := range in.scale {
		in.mean[i], in.scale[i] = 255*in.mean[i], 1/(255*in.scale[i])
	}
	return in
}

func (em *embedder) embed(dst embed.Vector, chip gocv.Mat) error {
	if err := em.run(chip); err != nil {
		return err
	}
	out, err := em.only(em.dim)
	if err != nil {
		return err
	}
	copy(dst, out)
	clear(out)
	if !dst.Normalize() {
		return fmt.Errorf("%w: its embedding is not finite", ErrFace)
	}
	return nil
}

// A livenessNet is fed a crop around the face and answers with logits.
type livenessNet struct {
	*net
	crop   func(e *Engine, b detect.Box, side int) error // fills e.surroundings
	logits int
	live   int // the logit that is for a live face
}

func openLiveness(m Model) (l livenessNet, err error) {
	var in input
	var side int
	switch m.Kind {
	case models.FRLiveness: // trained on BGR: RGB is far worse, see the manifest
		l, side, in = livenessNet{crop: cropInside, logits: 3}, 128, evenly(0, 1)
	case models.MiniFASV2SE:
		l, side, in = livenessNet{crop: cropReflected, logits: 2}, 128, evenly(0, 1.0/255).reversed()
	case models.SilentFace27:
		l, side, in = livenessNet{crop: cropMoved(2.7), logits: 3, live: 1}, 80, evenly(0, 1)
	case models.SilentFace40:
		l, side, in = livenessNet{crop: cropMoved(4), logits: 3, live: 1}, 80, evenly(0, 1)
	default:
		return l, fmt.Errorf("%w: liveness %q", ErrKind, m.Kind)
	}
	l.net, err = openNet(m, feed{input: in, width: side, height: side})
	return l, err
}

func (l *livenessNet) judge(e *Engine, f *detect.Face) (float64, error) {
	if err := l.crop(e, f.Box, l.width); err != nil {
		return 0, err
	}
	if err := l.run(e.surroundings); err != nil {
		return 0, err
	}
	logits, err := l.only(l.logits)
	if err != nil {
		return 0, err
	}
	return softmax(logits, l.live)
}

// cropInside cuts what the picture holds of 2.7 times the box.
func cropInside(e *Engine, b detect.Box, side int) error {
	if _, err := e.clip(b); err != nil {
		return err
	}
	r, err := e.clip(b.Scale(2.7))
	if err != nil {
		return err
	}
	e.resize(r, &e.surroundings, image.Pt(side, side))
	return nil
}

// cropReflected cuts a square of 1.5 times the longer side of the box; what lies outside the picture is mirrored in.
func cropReflected(e *Engine, b detect.Box, side int) error {
	if _, err := e.clip(b); err != nil {
		return err
	}
	cut := int(1.5 * max(b.Width(), b.Height()))
	c := b.Center()
	left, top := int(c.X)-cut/2, int(c.Y)-cut/2
	// The square is sampled and not cut out first: around a large face in a large picture it takes a gigabyte.
	zoom := float64(side) / float64(cut)
	e.warp(&e.surroundings, side, gocv.BorderReflect101, embed.Similarity{
		A: zoom, X: (0.5-float64(left))*zoom - 0.5, Y: (0.5-float64(top))*zoom - 0.5,
	})
	return nil
}

// cropMoved cuts the box, scaled about its centre, in the proportions of the box. Where that would reach beyond the picture
// it is moved inside, and scaled less if the picture is too small for it.
func cropMoved(scale float32) func(e *Engine, b detect.Box, side int) error {
	return func(e *Engine, b detect.Box, side int) error {
		if _, err := e.clip(b); err != nil {
			return err
		}
		r, err := e.clip(b.Within(scale, e.width, e.height))
		if err != nil {
			return err
		}
		e.resize(r, &e.surroundings, image.Pt(side, side))
		return nil
	}
}

// softmax returns the probability of logit i.
func softmax(logits []float32, i int) (float64, error) {
	var sum float64
	for _, l := range logits {
		sum += math.Exp(float64(l) - float64(logits[i]))
	}
	if p := 1 / sum; p >= 0 && p <= 1 {
		return p, nil
	}
	return 0, fmt.Errorf("%w: its liveness is not finite", ErrFace)
}
