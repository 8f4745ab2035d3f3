package worsen

import (
	"image"
	"math"

	"facegate/pipeline/detect"
)

// A face in relief: heights above the plane of the ears on a grid over a mean head, in halves of its width, with what they look
// like to the light.
const grid = 96

type relief [grid][grid]float64

// newRelief shapes a mean head: an ellipsoid with a nose and the hollows of the eyes.
func newRelief() *relief {
	var r relief
	for j := range grid {
		for i := range grid {
			x, y := place(i), place(j)
			r[j][i] = math.Sqrt(max(1-x*x-y*y, 0)) + nose(x, y) -
				0.07*bump(x-0.45, y+0.33, 0.17, 0.09) - 0.07*bump(x+0.45, y+0.33, 0.17, 0.09)
		}
	}
	return &r
}

// place returns where a line of the grid lies on the head: from -1 to 1.
func place(i int) float64 { return 2*(float64(i)+0.5)/grid - 1 }

func bump(x, y, wide, tall float64) float64 {
	return math.Exp(-(x*x/(wide*wide) + y*y/(tall*tall)) / 2)
}

// nose rises from between the eyes to its tip, and falls off below it.
func nose(x, y float64) float64 {
	const root, tip, base, height = -0.33, 0.02, 0.14, 0.3
	switch {
	case y < root || y > base:
		return 0
	case y < tip:
		return height * (y - root) / (tip - root) * bump(x, 0, 0.1, 1)
	}
	return height * (base - y) / (base - tip) * bump(x, 0, 0.13, 1)
}

// at returns the height at a place.
func (r *relief) at(x, y float64) float64 {
	i, j := int((x+1)*grid/2), int((y+1)*grid/2)
	if i < 0 || j < 0 || i >= grid || j >= grid {
		return 0
	}
	return r[j][i]
}

// A lamp is far away, to the picture's right and level with the face.
type lamp struct {
	sin, cos float64
	ambient  float64 // the share of the light that comes from everywhere
}

// lights returns the light at each place of the grid: what a matt surface gets (Lambert, 1760), and nothing of the lamp where
// the nose or the curve of the head is in its way.
func (r *relief) lights(l lamp) *relief {
	var out relief
	for j := range grid {
		for i := range grid {
			x, y := place(i), place(j)
			out[j][i] = l.ambient
			if !r.shadowed(l, x, y) {
				out[j][i] += (1 - l.ambient) * r.facing(l, x, y)
			}
		}
	}
	return &out
}

// facing returns the cosine between the lamp and where the surface looks.
func (r *relief) facing(l lamp, x, y float64) float64 {
	const d = 2. / grid
	slopeX := (r.at(x+d, y) - r.at(x-d, y)) / (2 * d)
	slopeY := (r.at(x, y+d) - r.at(x, y-d)) / (2 * d)
	return max((l.cos-slopeX*l.sin)/math.Sqrt(1+slopeX*slopeX+slopeY*slopeY), 0)
}

// shadowed follows the ray from a place to the lamp.
func (r *relief) shadowed(l lamp, x, y float64) bool {
	z := r.at(x, y) + 0.02 // the grid is coarse
	for step := 2. / grid; l.sin > 0 && step < 1; step += 1. / grid {
		if r.at(x+step*l.sin, y) > z+step*l.cos {
			return true
		}
	}
	return false
}

// sideLight is a lamp in a room with bright walls: the camera shows the face as bright as before.
func sideLight(src *image.RGBA, face detect.Landmarks, level float64) *image.RGBA {
	return lit(src, face, level, 0.15)
}

// lampAlone is a lamp in the dark.
func lampAlone(src *image.RGBA, face detect.Landmarks, level float64) *image.RGBA {
	return lit(src, face, level, 0.01)
}

// mostExposure is how far a camera can go to make a dark face bright.
const mostExposure = 4

// lit lights a face, that is lit evenly, from level degrees to the picture's right.
func lit(src *image.RGBA, face detect.Landmarks, level, ambient float64) *image.RGBA {
	h := headOf(face)
	l := lamp{ambient: ambient}
	l.sin, l.cos = math.Sincos(level * math.Pi / 180)
	lights := newRelief().lights(l)
	var sum float64
	var n int
	each(src, func(x, y int) {
		if right, down := h.at(x, y); right*right+down*down < 1 {
			sum += lights.at(right, down)
			n++
		}
	})
	exposure := min(float64(max(n, 1))/max(sum, 1e-9), mostExposure)
	return relight(src, func(x, y int) float64 {
		right, down := h.at(x, y)
		if right*right+down*down >= 1 {
			return 1
		}
		return exposure * lights.at(right, down)
	}, noise)
}
