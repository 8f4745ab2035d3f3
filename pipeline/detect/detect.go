// Package detect turns the raw outputs of the detector networks into faces: boxes, scores and landmarks in pixels of
// the picture.
package detect

import (
	"cmp"
	"math"
	"slices"
)

// A Point is a place in a picture in pixels, x to the right and y down, (0,0) the corner of the first pixel.
type Point struct{ X, Y float32 }

// A Box is an upright rectangle in pixels of the picture. It may reach outside the picture.
type Box struct{ Left, Top, Right, Bottom float32 }

// Width returns the width of b in pixels.
func (b Box) Width() float32 { return b.Right - b.Left }

// Height returns the height of b in pixels.
func (b Box) Height() float32 { return b.Bottom - b.Top }

// Area returns the area of b in square pixels.
func (b Box) Area() float32 { return b.Width() * b.Height() }

// Center returns the middle of b.
func (b Box) Center() Point { return Point{(b.Left + b.Right) / 2, (b.Top + b.Bottom) / 2} }

// Scale returns b with its width and height multiplied by factor about its centre.
func (b Box) Scale(factor float32) Box {
	c, w, h := b.Center(), b.Width()*factor/2, b.Height()*factor/2
	return Box{c.X - w, c.Y - h, c.X + w, c.Y + h}
}

// Within returns b scaled about its centre and then moved to lie inside a picture of width x height pixels. Where the picture is
// too small for that, b is scaled by less.
func (b Box) Within(factor float32, width, height int) Box {
	w, h := float32(width), float32(height)
	s := b.Scale(min(factor, (w-1)/b.Width(), (h-1)/b.Height()))
	right, down := max(0, -s.Left), max(0, -s.Top)
	left, up := max(0, s.Right-(w-1)), max(0, s.Bottom-(h-1))
	return Box{s.Left + right - left, s.Top + down - up, s.Right + right - left, s.Bottom + down - up}
}

// IoU returns the area common to a and b over the area of both together, 0 to 1. It is 0 where the common area is too
// small for a float32.
func IoU(a, b Box) float32 {
	w := min(a.Right, b.Right) - max(a.Left, b.Left)
	h := min(a.Bottom, b.Bottom) - max(a.Top, b.Top)
	common := w * h
	if !(w > 0 && h > 0 && common > 0) {
		return 0
	}
	return common / (a.Area() + b.Area() - common)
}

// The five landmarks of a Face, in the order in which every alignment template lists them. Left and right are those
// of the picture, as the viewer sees them.
const (
	LeftEye = iota
	RightEye
	NoseTip
	LeftMouth
	RightMouth
)

// Landmarks are the five points by which a face is aligned.
type Landmarks [5]Point

// A Face is one detection.
type Face struct {
	Box       Box
	Score     float32   // confidence of the detector, 0 to 1
	Landmarks Landmarks // valid only where Located is true
	Located   bool
}

// Finite reports whether every number of f is finite: a damaged network or picture must not reach the geometry.
func (f *Face) Finite() bool {
	sum := f.Box.Left + f.Box.Top + f.Box.Right + f.Box.Bottom + f.Score
	for _, p := range f.Landmarks {
		sum += p.X + p.Y
	}
	return !math.IsNaN(float64(sum)) && !math.IsInf(float64(sum), 0)
}

// maxFaces bounds the work of suppression and of all that follows. A picture made to look like faces everywhere must not stall
// the gate. The faces beyond maxFaces are those that the detector is least sure of.
const maxFaces = 128

// Suppress keeps of faces that overlap by more than overlap (IoU) only the one with the highest score (greedy
// non-maximum suppression), and at most 128 of them. It reorders faces by falling score and returns the kept ones in
// the same memory.
func Suppress(faces []Face, overlap float32) []Face {
	slices.SortStableFunc(faces, func(a, b Face) int { return cmp.Compare(b.Score, a.Score) })
	kept := faces[:0]
	for _, f := range faces {
		if len(kept) == maxFaces {
			break
		}
		if !slices.ContainsFunc(kept, func(k Face) bool { return IoU(k.Box, f.Box) > overlap }) {
			kept = append(kept, f)
		}
	}
	return kept
}

// Main returns the index of the face that a picture of width by height pixels is of, or -1 if there is none. It serves pictures
// of one person, where bystanders stand at the edge: the rank of a face is its area, less twice the squared distance of its
// centre from the centre of the picture.
func Main(faces []Face, width, height int) int {
	best, bestRank := -1, float32(math.Inf(-1))
	for i, f := range faces {
		c := f.Box.Center()
		dx, dy := c.X-float32(width)/2, c.Y-float32(height)/2
		if rank := f.Box.Area() - 2*(dx*dx+dy*dy); rank > bestRank {
			best, bestRank = i, rank
		}
	}
	return best
}
