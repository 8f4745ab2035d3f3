// Package sheettest draws what a camera sees of a picture that somebody holds up: on paper that is flat, bent or folded, or on a
// screen. It is for tests. The drawing is the geometry itself: each pixel is the point of the sheet that its ray meets first.
package sheettest

import (
	"image"
	"image/color"
	"math"
)

// A Sheet is a picture on something that can be held up. All lengths are in millimetres.
type Sheet struct {
	Picture *image.RGBA
	Width   float64 // of the picture on the sheet
	Border  float64 // round it
	Edge    color.Gray
	Profile Profile
}

// A Profile is the outline of a sheet seen from above, as points from left to right whose distances along the sheet are those on
// it when it lies flat: x to the right, z away from the camera. Two points are flat.
type Profile []struct{ x, z float64 }

// Flat is a sheet of some width.
func Flat(width float64) Profile { return Profile{{-width / 2, 0}, {width / 2, 0}} }

// Bent is a sheet of some width that is bent round an upright cylinder.
func Bent(width, radius float64) Profile {
	const parts = 24
	var p Profile
	for i := range parts + 1 {
		sin, cos := math.Sincos((float64(i)/parts - 0.5) * width / radius)
		p = append(p, struct{ x, z float64 }{radius * sin, radius * (1 - cos)})
	}
	return p
}

// Folded is a sheet of some width whose left and right halves are folded back by some degrees, along the middle.
func Folded(width, left, right float64) Profile {
	half := func(degrees float64) (x, z float64) {
		sin, cos := math.Sincos(degrees * math.Pi / 180)
		return width / 2 * cos, width / 2 * sin
	}
	lx, lz := half(left)
	rx, rz := half(right)
	return Profile{{-lx, lz}, {0, 0}, {rx, rz}}
}

// A Pose is how a sheet is held before the camera. Degrees are positive to the right of the picture, downwards and clockwise.
type Pose struct {
	Yaw, Pitch, Roll float64
	X, Y, Distance   float64
}

// A Camera draws pictures of some size, of which Focus is the focal length in pixels.
type Camera struct {
	Width, Height int
	Focus         float64
	Background    color.Gray
}

type vector struct{ x, y, z float64 }

// Draw draws a sheet.
func (c Camera) Draw(s Sheet, p Pose) *image.RGBA {
	out := image.NewRGBA(image.Rect(0, 0, c.Width, c.Height))
	turn := p.rotation()
	eye := turn.back(vector{-p.X, -p.Y, -p.Distance})
	for py := range c.Height {
		for px := range c.Width {
			ray := turn.back(vector{
				(float64(px) + 0.5 - float64(c.Width)/2) / c.Focus, (float64(py) + 0.5 - float64(c.Height)/2) / c.Focus, 1,
			})
			col := color.RGBA{c.Background.Y, c.Background.Y, c.Background.Y, 255}
			if along, down, hit := s.Profile.meet(eye, ray); hit {
				col = s.at(along, down, col)
			}
			out.SetRGBA(px, py, col)
		}
	}
	return out
}

// at returns the colour of a point of the sheet, or outside where the sheet ends. The picture's middle is the sheet's.
func (s Sheet) at(along, down float64, outside color.RGBA) color.RGBA {
	b := s.Picture.Rect
	scale := float64(b.Dx()) / s.Width
	x, y := along*scale+float64(b.Dx())/2, down*scale+float64(b.Dy())/2
	margin := s.Border * scale
	switch {
	case x < -margin || y < -margin || x > float64(b.Dx())+margin || y > float64(b.Dy())+margin:
		return outside
	case x < 0.5 || y < 0.5 || x > float64(b.Dx())-1.5 || y > float64(b.Dy())-1.5:
		return color.RGBA{s.Edge.Y, s.Edge.Y, s.Edge.Y, 255}
	}
	return blend(s.Picture, x-0.5, y-0.5)
}

// blend returns the colour between four pixels.
func blend(m *image.RGBA, x, y float64) color.RGBA {
	x0, y0 := int(x), int(y)
	fx, fy := float32(x-float64(x0)), float32(y-float64(y0))
	up := m.Pix[y0*m.Stride+4*x0:]
	down := up[m.Stride:]
	mix := func(i int) uint8 {
		above := float32(up[i])*(1-fx) + float32(up[i+4])*fx
		below := float32(down[i])*(1-fx) + float32(down[i+4])*fx
		return uint8(above*(1-fy) + below*fy + 0.5)
	}
	return color.RGBA{mix(0), mix(1), mix(2), 255}
}

// meet returns where a ray from eye first meets the sheet: how far along it from its middle, and how far down.
func (p Profile) meet(eye, ray vector) (along, down float64, hit bool) {
	nearest, at := math.Inf(1), -p.length()/2
	for i := range len(p) - 1 {
		dx, dz := p[i+1].x-p[i].x, p[i+1].z-p[i].z
		part := math.Hypot(dx, dz)
		// eye + t ray = p[i] + u (dx,dz), seen from above
		det := ray.z*dx - ray.x*dz
		ex, ez := p[i].x-eye.x, p[i].z-eye.z
		t, u := (ez*dx-ex*dz)/det, (ez*ray.x-ex*ray.z)/det
		if t > 0 && t < nearest && u >= 0 && u <= 1 {
			nearest, along, down, hit = t, at+u*part, eye.y+t*ray.y, true
		}
		at += part
	}
	return along, down, hit
}

func (p Profile) length() (sum float64) {
	for i := range len(p) - 1 {
		sum += math.Hypot(p[i+1].x-p[i].x, p[i+1].z-p[i].z)
	}
	return sum
}

// A rotation has the axes of the sheet as the camera sees them.
type rotation [3]vector

func (p Pose) rotation() rotation {
	sy, cy := math.Sincos(p.Yaw * math.Pi / 180)
	sp, cp := math.Sincos(p.Pitch * math.Pi / 180)
	sr, cr := math.Sincos(p.Roll * math.Pi / 180)
	turn := func(v vector) vector {
		v.x, v.z = v.x*cy-v.z*sy, v.z*cy+v.x*sy
		v.y, v.z = v.y*cp-v.z*sp, v.z*cp+v.y*sp
		v.x, v.y = v.x*cr-v.y*sr, v.y*cr+v.x*sr
		return v
	}
	return rotation{turn(vector{1, 0, 0}), turn(vector{0, 1, 0}), turn(vector{0, 0, 1})}
}

// back returns v, seen by the camera, in the axes of the sheet.
func (r rotation) back(v vector) vector {
	dot := func(a vector) float64 { return a.x*v.x + a.y*v.y + a.z*v.z }
	return vector{dot(r[0]), dot(r[1]), dot(r[2])}
}
