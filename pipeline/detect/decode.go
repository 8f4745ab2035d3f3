package detect

import (
	"errors"
	"fmt"
	"math"
)

// ErrShape is returned when a network's output is not of the size that its decoder expects: it is another network
// than the manifest says.
var ErrShape = errors.New("the detector's output has an unexpected shape")

// maxSide in pixels is far above any picture. Beyond it the arithmetic of boxes would lose its digits and overflow.
const maxSide = 1 << 20

// RFB reads the outputs of the Ultra-Light RFB-320 detector (Linzaer, Ultra-Light-Fast-Generic-Face-Detector-1MB).
// boxes holds n rows of left, top, right, bottom as fractions of the picture, already decoded; scores holds n rows of
// background and face probability. Faces of at least threshold are appended to dst in pixels of a picture of width by
// height.
func RFB(dst []Face, boxes, scores []float32, width, height int, threshold float32) ([]Face, error) {
	if len(boxes)%4 != 0 || len(scores)*2 != len(boxes) {
		return dst, fmt.Errorf("%w: %d box numbers and %d scores", ErrShape, len(boxes), len(scores))
	}
	w, h := float32(width), float32(height)
	for i := 0; i*4 < len(boxes); i++ {
		score := scores[2*i+1]
		if !(score >= threshold) {
			continue
		}
		b := boxes[4*i : 4*i+4]
		dst = appendSound(dst, Face{Score: score, Box: Box{b[0] * w, b[1] * h, b[2] * w, b[3] * h}})
	}
	return dst, nil
}

// YuNetStrides are the cell sizes in pixels of the three output levels of YuNet (Wu, Peng and Yu, 2023).
var YuNetStrides = [3]int{8, 16, 32}

// A YuNetLevel holds the four outputs of one stride for an input of Cols by Rows cells: Class and Object one number a
// cell, Box four (offset x and y, logarithm of width and height, in cells), Points ten (x and y of five landmarks).
type YuNetLevel struct {
	Stride, Cols, Rows         int
	Class, Object, Box, Points []float32
}

// YuNet appends to dst the faces of one level whose score sqrt(class·object) is at least threshold, with their
// landmarks, multiplied by scale (pixels of the picture to a pixel of the network's input).
func YuNet(dst []Face, l YuNetLevel, scale, threshold float32) ([]Face, error) {
	cells := l.Cols * l.Rows
	if len(l.Class) != cells || len(l.Object) != cells || len(l.Box) != 4*cells || len(l.Points) != 10*cells {
		return dst, fmt.Errorf("%w: stride %d with %d scores for %d cells", ErrShape, l.Stride, len(l.Class), cells)
	}
	unit := float32(l.Stride) * scale
	for i := range cells {
		// Both factors are probabilities, but the network's arithmetic can leave [0,1] by a rounding error.
		score := sqrt(clamp01(l.Class[i]) * clamp01(l.Object[i]))
		if !(score >= threshold) {
			continue
		}
		col, row := float32(i%l.Cols), float32(i/l.Cols)
		b := l.Box[4*i : 4*i+4]
		cx, cy := (col+b[0])*unit, (row+b[1])*unit
		w, h := exp(b[2])*unit, exp(b[3])*unit
		f := Face{Score: score, Box: Box{cx - w/2, cy - h/2, cx + w/2, cy + h/2}, Located: true}
		for k := range f.Landmarks {
			f.Landmarks[k] = Point{(col + l.Points[10*i+2*k]) * unit, (row + l.Points[10*i+2*k+1]) * unit}
		}
		dst = appendSound(dst, f)
	}
	return dst, nil
}

// Landmarks68 reduces the 68 points of the 300-W mark-up (Sagonas et al., 2013), given as x and y in 0..1 of crop, to
// the five that alignment uses: the eyes as means of their upper and lower lid points, the tip of the nose, and the
// corners of the mouth as means of the outer and inner lip.
func Landmarks68(points []float32, crop Box) (Landmarks, error) {
	if len(points) != 2*68 {
		return Landmarks{}, fmt.Errorf("%w: %d landmark numbers instead of 136", ErrShape, len(points))
	}
	groups := [5][]int{{37, 38, 40, 41}, {43, 44, 46, 47}, {30}, {48, 60}, {54, 64}}
	var out Landmarks
	for k, group := range groups {
		var x, y float32
		for _, i := range group {
			x += points[2*i]
			y += points[2*i+1]
		}
		n := float32(len(group))
		out[k] = Point{crop.Left + x/n*crop.Width(), crop.Top + y/n*crop.Height()}
	}
	return out, nil
}

// appendSound appends f unless its numbers are not finite or its box is empty or absurdly large.
func appendSound(dst []Face, f Face) []Face {
	w, h := f.Box.Width(), f.Box.Height()
	if !f.Finite() || w <= 0 || h <= 0 || w > maxSide || h > maxSide {
		return dst
	}
	return append(dst, f)
}

func clamp01(x float32) float32 { return min(max(x, 0), 1) }

func sqrt(x float32) float32 { return float32(math.Sqrt(float64(x))) }

func exp(x float32) float32 { return float32(math.Exp(float64(x))) }
