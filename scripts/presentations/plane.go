package main

import (
	"image"
	"image/draw"
	"math"
	"math/rand/v2"
)

// A plane is a flat thing with a picture on it, held before the camera.
type plane struct {
	kind    string
	width   int     // pixels of the thing itself, 0 for paper, which has none
	aspect  float64 // height over width
	border  float64 // of the thing around the picture, as a share of its width
	frame   float64 // how light the border is
	black   float64 // what a black point still sends out
	light   float64 // what a white one sends out, against a white wall
	colour  [3]float64
	faces   [2]float64 // least and greatest width of the face in the camera's picture, as a share of that picture's height
	pixels  bool       // it is made of red, green and blue stripes
	reflect float64    // how much of the room shows in it
}

// planes returns what the pictures are shown on. The figures are those of common things, and no measurement of any.
func planes() []plane {
	return []plane{
		{kind: "made-phone", width: 540, aspect: 4.0 / 3, border: 0.05, black: 0.01, light: 1.3, colour: [3]float64{0.93, 1, 1.1}, faces: [2]float64{0.16, 0.28}, pixels: true, reflect: 0.03},
		{kind: "made-tablet", width: 480, aspect: 4.0 / 3, border: 0.08, black: 0.015, light: 1.1, colour: [3]float64{0.96, 1, 1.05}, faces: [2]float64{0.28, 0.42}, pixels: true, reflect: 0.04},
		{kind: "made-print", aspect: 4.0 / 3, border: 0.06, frame: 0.85, black: 0.06, light: 0.8, colour: [3]float64{1.03, 1, 0.94}, faces: [2]float64{0.2, 0.38}},
	}
}

// A picture holds linear light, three values a pixel from 0 to 1.
type picture struct {
	w, h int
	pix  []float64
}

func newPicture(w, h int) *picture { return &picture{w, h, make([]float64, 3*w*h)} }

// toLight takes a picture of a camera or file, whose values are gamma encoded.
func toLight(img image.Image) *picture {
	b := img.Bounds()
	rgba := image.NewRGBA(image.Rect(0, 0, b.Dx(), b.Dy()))
	draw.Draw(rgba, rgba.Bounds(), img, b.Min, draw.Src)
	var light [256]float64
	for v := range light {
		light[v] = math.Pow(float64(v)/255, 2.2)
	}
	p := newPicture(b.Dx(), b.Dy())
	for i := range p.w * p.h {
		for c := range 3 {
			p.pix[3*i+c] = light[rgba.Pix[4*i+c]]
		}
	}
	return p
}

// sample returns channel c at a point between pixels.
func (p *picture) sample(x, y float64, c int) float64 {
	x, y = min(max(x, 0), float64(p.w-1)), min(max(y, 0), float64(p.h-1))
	x0, y0 := int(x), int(y)
	x1, y1 := min(x0+1, p.w-1), min(y0+1, p.h-1)
	fx, fy := x-float64(x0), y-float64(y0)
	at := func(x, y int) float64 { return p.pix[3*(y*p.w+x)+c] }
	return (at(x0, y0)*(1-fx)+at(x1, y0)*fx)*(1-fy) + (at(x0, y1)*(1-fx)+at(x1, y1)*fx)*fy
}

// scaled returns the picture in another size, each pixel the mean of what it covers.
func (p *picture) scaled(w, h int) *picture {
	out := newPicture(w, h)
	sx, sy := float64(p.w)/float64(w), float64(p.h)/float64(h)
	n := max(1, int(sx))
	for y := range h {
		for x := range w {
			for k := range n * n {
				u := (float64(x)+(float64(k%n)+0.5)/float64(n))*sx - 0.5
				v := (float64(y)+(float64(k/n)+0.5)/float64(n))*sy - 0.5
				for c := range 3 {
					out.pix[3*(y*w+x)+c] += p.sample(u, v, c) / float64(n*n)
				}
			}
		}
	}
	return out
}

// encode returns what a camera makes of light: exposed, with the noise of its sensor, and gamma encoded.
func (p *picture) encode(rng *rand.Rand) *image.RGBA {
	var gamma [4097]float64
	for i := range gamma {
		gamma[i] = math.Pow(float64(i)/4096, 1/2.2)
	}
	img := image.NewRGBA(image.Rect(0, 0, p.w, p.h))
	for i := range p.w * p.h {
		for c := range 3 {
			x := gamma[int(4096*min(max(p.pix[3*i+c], 0), 1))] + rng.NormFloat64()*0.006
			img.Pix[4*i+c] = uint8(255*min(max(x, 0), 1) + 0.5)
		}
		img.Pix[4*i+3] = 255
	}
	return img
}

// A hold is how a plane is held: where its corners are in the camera's picture, from the top left one clockwise.
type hold struct {
	corners [4][2]float64
	glare   [2]float64 // its middle, as fractions of the plane
	bright  float64    // of the glare
}

// newHold holds the plane with the picture of a face that is share of the picture wide about the middle of the camera's
// picture, turned and tilted a little.
func (pl plane) newHold(rng *rand.Rand, w, h int, share float64) hold {
	face := pl.faces[0] + rng.Float64()*(pl.faces[1]-pl.faces[0])
	width := face * float64(h) / share * (1 + 2*pl.border)
	height := width * pl.aspect
	cx, cy := float64(w)*(0.5+0.06*rng.NormFloat64()), float64(h)*(0.48+0.04*rng.NormFloat64())
	angle := 0.06 * rng.NormFloat64()
	var ho hold
	for i, c := range [4][2]float64{{-0.5, -0.5}, {0.5, -0.5}, {0.5, 0.5}, {-0.5, 0.5}} {
		x, y := c[0]*width, c[1]*height
		ho.corners[i] = [2]float64{
			cx + x*math.Cos(angle) - y*math.Sin(angle) + 0.03*width*rng.NormFloat64(),
			cy + x*math.Sin(angle) + y*math.Cos(angle) + 0.03*width*rng.NormFloat64(),
		}
	}
	ho.glare = [2]float64{rng.Float64(), rng.Float64()}
	if rng.IntN(2) == 0 {
		ho.bright = 0.05 + 0.2*rng.Float64()
	}
	return ho
}

// shifted is the same a moment later: a hand is never quite still.
func (ho hold) shifted(rng *rand.Rand) hold {
	dx, dy := 1.5*rng.NormFloat64(), 1.5*rng.NormFloat64()
	for i := range ho.corners {
		ho.corners[i][0] += dx + 0.4*rng.NormFloat64()
		ho.corners[i][1] += dy + 0.4*rng.NormFloat64()
	}
	return ho
}

// near reports whether the plane may be seen in a pixel.
func (ho hold) near(x, y int) bool {
	var within [4]bool
	for _, c := range ho.corners {
		within[0] = within[0] || c[0] < float64(x+2)
		within[1] = within[1] || c[0] > float64(x-2)
		within[2] = within[2] || c[1] < float64(y+2)
		within[3] = within[3] || c[1] > float64(y-2)
	}
	return within == [4]bool{true, true, true, true}
}

// inverse returns the projective map from the camera's picture to fractions of the plane: the eight unknowns of
// u = (ax+by+c)/(gx+hy+1), v = (dx+ey+f)/(gx+hy+1) from four points, by elimination.
func (ho hold) inverse() [8]float64 {
	var m [8][9]float64
	for i, to := range [4][2]float64{{0, 0}, {1, 0}, {1, 1}, {0, 1}} {
		x, y := ho.corners[i][0], ho.corners[i][1]
		m[2*i] = [9]float64{x, y, 1, 0, 0, 0, -to[0] * x, -to[0] * y, to[0]}
		m[2*i+1] = [9]float64{0, 0, 0, x, y, 1, -to[1] * x, -to[1] * y, to[1]}
	}
	for i := range m {
		best := i
		for j := i + 1; j < len(m); j++ {
			if math.Abs(m[j][i]) > math.Abs(m[best][i]) {
				best = j
			}
		}
		m[i], m[best] = m[best], m[i]
		for j := range m {
			if j == i {
				continue
			}
			f := m[j][i] / m[i][i]
			for k := i; k < 9; k++ {
				m[j][k] -= f * m[i][k]
			}
		}
	}
	var a [8]float64
	for i := range a {
		a[i] = m[i][8] / m[i][i]
	}
	return a
}

// rows of rays, and as many columns, make a pixel of the camera. Each meets one stripe of a screen at most, so that stripes that
// are about as wide as the camera's pixels beat with them (moire), as they do before a camera.
const (
	rows    = 7
	samples = rows * rows
)

// spread returns where about the middle of a pixel a ray falls, of the given row: a lens is never quite sharp.
func spread(row int, rng *rand.Rand) float64 {
	f := (float64(row)+rng.Float64())/rows*2 - 1
	if f < 0 {
		return 1.2 * (math.Sqrt(1+f) - 1)
	}
	return 1.2 * (1 - math.Sqrt(1-f))
}

// A display is what a plane shows, in the fineness that it has.
type display struct {
	*picture
	pixels bool
}

// newDisplay has the plane show content.
func (pl plane) newDisplay(content *picture) display {
	if !pl.pixels {
		return display{content, false}
	}
	d := display{newPicture(pl.width, int(float64(pl.width)*pl.aspect)), true}
	for y := range d.h {
		for x := range d.w {
			for c := range 3 {
				u, v := float64(x)/float64(d.w-1), float64(y)/float64(d.h-1)
				d.pix[3*(y*d.w+x)+c] = content.sample(u*float64(content.w-1), v*float64(content.h-1), c)
			}
		}
	}
	return d
}

// stripe is how much of a third of a pixel shines. The rest is black.
const stripe = 0.8

// ray adds what leaves the display at (u, v): of one stripe, or of paper.
func (d display) ray(sum *[3]float64, u, v float64) {
	x, y := u*float64(d.w), v*float64(d.h)
	i := 3 * (int(y)*d.w + int(x))
	if !d.pixels {
		for c := range sum {
			sum[c] += d.pix[i+c]
		}
		return
	}
	third := 3 * (x - math.Floor(x))
	if c := int(third); third-float64(c) < stripe {
		sum[c] += 3 / stripe * d.pix[i+c]
	}
}

// show returns the camera's picture of the plane, which shows content, before the room.
func (pl plane) show(content, room *picture, ho hold, rng *rand.Rand) *picture {
	out := newPicture(room.w, room.h)
	dim := 0.7 + 0.3*rng.Float64() // a bright screen makes a camera close its iris
	for i := range out.pix {
		out.pix[i] = dim * room.pix[i]
	}
	s := view{plane: pl, display: pl.newDisplay(content), hold: ho, inverse: ho.inverse(), room: room, rays: newRays(rng)}
	band := 2 * math.Pi * rng.Float64()
	for y := range out.h {
		ripple := 1.0
		if pl.pixels {
			ripple += 0.02 * math.Sin(band+float64(y)/30)
		}
		for x := range out.w {
			if !ho.near(x, y) {
				continue
			}
			sum, covered := s.pixel(x, y, rng)
			for c := range sum {
				p := &out.pix[3*(y*out.w+x)+c]
				*p = *p*(1-covered) + dim*ripple*sum[c]
			}
		}
	}
	return out
}

// rays are where about the middle of a pixel its light comes from, many times over.
type rays [][samples][2]float64

func newRays(rng *rand.Rand) rays {
	all := make(rays, 61)
	for i := range all {
		for k := range samples {
			all[i][k] = [2]float64{spread(k%rows, rng), spread(k/rows, rng)}
		}
	}
	return all
}

// A view is all that the light of one picture of a plane depends on.
type view struct {
	plane
	display
	hold
	inverse [8]float64
	room    *picture
	rays    rays
}

// pixel returns the light of the plane in one pixel of the camera, and which share of the pixel the plane covers.
func (s *view) pixel(x, y int, rng *rand.Rand) (sum [3]float64, covered float64) {
	a, inner := &s.inverse, [3]float64{}
	var hits, shown int
	var um, vm float64 // of the rays that hit
	edgeU := s.border / (1 + 2*s.border)
	edgeV := edgeU / s.aspect
	for _, r := range s.rays[rng.IntN(len(s.rays))] {
		sx, sy := float64(x)+r[0], float64(y)+r[1]
		d := a[6]*sx + a[7]*sy + 1
		u, v := (a[0]*sx+a[1]*sy+a[2])/d, (a[3]*sx+a[4]*sy+a[5])/d
		if !(u >= 0 && u < 1 && v >= 0 && v < 1) {
			continue
		}
		hits, um, vm = hits+1, um+u, vm+v
		if pu, pv := (u-edgeU)/(1-2*edgeU), (v-edgeV)/(1-2*edgeV); pu >= 0 && pu < 1 && pv >= 0 && pv < 1 {
			shown++
			s.ray(&inner, pu, pv)
		}
	}
	if hits == 0 {
		return sum, 0
	}
	um, vm = um/float64(hits), vm/float64(hits)
	du, dv := um-s.glare[0], vm-s.glare[1]
	glare := s.bright * math.Exp(-30*(du*du+dv*dv))
	for c := range sum {
		mirror := s.reflect * s.room.sample((1-um)*float64(s.room.w-1), vm*float64(s.room.h-1), c)
		light := s.light * s.colour[c] * (s.black*float64(shown) + (1-s.black)*inner[c])
		sum[c] = (light + float64(shown)*(glare+mirror) + float64(hits-shown)*s.frame) / samples
	}
	return sum, float64(hits) / samples
}
