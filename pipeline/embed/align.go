// Package embed prepares a face for the embedder network and holds what comes out of it: the alignment by five
// landmarks, and the embedding vector.
package embed

import "facegate/pipeline/detect"

// A Template is the place of the five landmarks in an aligned picture of Size by Size pixels.
type Template struct {
	Size   int
	Points detect.Landmarks
}

// ArcFace112 is the alignment of the ArcFace family (Deng et al., 2019), which MobileFaceNet and SFace share.
func ArcFace112() Template {
	return Template{112, detect.Landmarks{
		{X: 38.2946, Y: 51.6963},
		{X: 73.5318, Y: 51.5014},
		{X: 56.0252, Y: 71.7366},
		{X: 41.5493, Y: 92.3655},
		{X: 70.7299, Y: 92.2041},
	}}
}

// Reidentification128 is the alignment of face-reidentification-retail-0095 (Open Model Zoo).
func Reidentification128() Template {
	const size = 128
	return Template{size, detect.Landmarks{
		{X: .31556875 * size, Y: .46157411 * size},
		{X: .68262292 * size, Y: .46157411 * size},
		{X: .50026250 * size, Y: .64050536 * size},
		{X: .34947188 * size, Y: .82469196 * size},
		{X: .65343646 * size, Y: .82469196 * size},
	}}
}

// A Similarity is a rotation, uniform scale and shift: x' = A·x − B·y + X, y' = B·x + A·y + Y.
type Similarity struct{ A, B, X, Y float64 }

// Apply returns the image of p.
func (s Similarity) Apply(p detect.Point) detect.Point {
	x, y := float64(p.X), float64(p.Y)
	return detect.Point{X: float32(s.A*x - s.B*y + s.X), Y: float32(s.B*x + s.A*y + s.Y)}
}

// Align returns the similarity that takes the landmarks of a face to those of t with the least squared error
// (Umeyama, 1991, without reflection), and false if the landmarks coincide so that there is none.
func (t Template) Align(from detect.Landmarks) (Similarity, bool) {
	src, dst := centroid(from), centroid(t.Points)
	var a, b, norm float64
	for i := range from {
		x, y := float64(from[i].X)-src.x, float64(from[i].Y)-src.y
		u, v := float64(t.Points[i].X)-dst.x, float64(t.Points[i].Y)-dst.y
		a += x*u + y*v
		b += x*v - y*u
		norm += x*x + y*y
	}
	if !(norm > 1) { // less than a pixel across
		return Similarity{}, false
	}
	a, b = a/norm, b/norm
	return Similarity{A: a, B: b, X: dst.x - a*src.x + b*src.y, Y: dst.y - b*src.x - a*src.y}, true
}

type vec struct{ x, y float64 }

func centroid(points detect.Landmarks) vec {
	var c vec
	for _, p := range points {
		c.x += float64(p.X) / float64(len(points))
		c.y += float64(p.Y) / float64(len(points))
	}
	return c
}
