package passes

import "math"

// Grey levels in good light.
const (
	white = 205 // paper
	black = 35  // ink
	lit   = 245 // a screen's white
	unlit = 25
	bezel = 15  // of a telephone
	glare = 255 // what the reflection of a lamp adds
)

// Sizes, in centimetres where nothing else is said.
const (
	margin   = 4   // modules of light around a code
	paperRim = 1.5 // of paper around that
	bezelRim = 0.8 // of a telephone's frame
	samples  = 3   // rays a pixel, in each direction

	lampRadius = 10  // of the lamp whose reflection lies on the code
	lampAway   = 200 // from the camera to the lamp behind it
	penumbra   = 1   // of the edge of a shadow
)

// A sheet says where on the plane of the code a ray arrives: a projection of the picture onto the plane.
type sheet struct {
	u, v, w         vector // of a point of the picture
	right, down, at vector
}

func (p pose) sheet() sheet {
	st, ct := math.Sincos(p.turn)
	sy, cy := math.Sincos(p.yaw)
	sp, cp := math.Sincos(p.pitch)
	turn := func(x, y float64) vector { // about the axis of the lens, then up and down, then to the side
		x, y = ct*x-st*y, st*x+ct*y
		y, z := cp*y, sp*y
		return vector{cy*x + sy*z, y, -sy*x + cy*z}
	}
	right, down, at := turn(1, 0), turn(0, 1), vector{p.x, p.y, p.distance}
	normal := right.cross(down)
	offset := normal.dot(at)
	// A ray r meets the plane at r*offset/(normal*r); its place from the code's centre is that less at, along right and down.
	return sheet{
		u: right.times(offset).plus(normal.times(-right.dot(at))).ofPixel(),
		v: down.times(offset).plus(normal.times(-down.dot(at))).ofPixel(),
		w: normal.ofPixel(), right: right, down: down, at: at,
	}
}

type vector [3]float64

func (a vector) dot(b vector) float64   { return a[0]*b[0] + a[1]*b[1] + a[2]*b[2] }
func (a vector) plus(b vector) vector   { return vector{a[0] + b[0], a[1] + b[1], a[2] + b[2]} }
func (a vector) times(f float64) vector { return vector{a[0] * f, a[1] * f, a[2] * f} }

func (a vector) cross(b vector) vector {
	return vector{a[1]*b[2] - a[2]*b[1], a[2]*b[0] - a[0]*b[2], a[0]*b[1] - a[1]*b[0]}
}

// ofPixel makes a function of a ray one of the point of the picture through which it goes.
func (a vector) ofPixel() vector {
	return vector{a[0] / focus, a[1] / focus, a[2] - a[0]*centre/focus - a[1]*middle/focus}
}

// meet returns where on the sheet, in centimetres from the code's centre, the ray through a point of the picture arrives.
func (s *sheet) meet(x, y float64) (u, v float64) {
	w := 1 / (s.w[0]*x + s.w[1]*y + s.w[2])
	return (s.u[0]*x + s.u[1]*y + s.u[2]) * w, (s.v[0]*x + s.v[1]*y + s.v[2]) * w
}

// seen returns where in the picture a place on the sheet is seen.
func (s *sheet) seen(u, v float64) (x, y float64) {
	p := s.at.plus(s.right.times(u)).plus(s.down.times(v))
	return centre + focus*p[0]/p[2], middle + focus*p[1]/p[2]
}

// draw makes the light that falls on each pixel.
func (w *Showing) draw() {
	if w.light == nil {
		w.light, w.spare = make([]float32, Width*Height), make([]float32, Width*Height)
	}
	s := w.pose.sheet()
	for y := range Height {
		for x := range Width {
			w.light[y*Width+x] = float32(w.pixel(&s, x, y))
		}
	}
}

// pixel is the mean of what its rays meet. Where the first meets the background all do.
func (w *Showing) pixel(s *sheet, x, y int) float64 {
	u, v := s.meet(float64(x)+0.5, float64(y)+0.5)
	back := w.behind(x, y)
	if reach := w.scene.Side/2 + w.rim() + 1; math.Abs(u) > reach || math.Abs(v) > reach {
		return w.shade(back, u, v, x, y)
	}
	sum := 0.0
	for i := range samples {
		for k := range samples {
			u, v := s.meet(float64(x)+(float64(i)+0.5)/samples, float64(y)+(float64(k)+0.5)/samples)
			sum += w.surface(u, v, back)
		}
	}
	return w.shade(sum/(samples*samples), u, v, x, y)
}

// rim is how far what carries the code reaches beyond it.
func (w *Showing) rim() float64 {
	edge := margin * w.module()
	if w.scene.Medium == Phone {
		return edge + bezelRim
	}
	return edge + paperRim
}

func (w *Showing) module() float64 { return w.scene.Side / float64(w.code.Size) }

// surface is how bright a point of the sheet is in good light.
func (w *Showing) surface(u, v, back float64) float64 {
	light, dark := float64(white), float64(black)
	if w.scene.Medium == Phone {
		light, dark = lit, unlit
	}
	switch far := max(math.Abs(u), math.Abs(v)); {
	case far > w.scene.Side/2+w.rim():
		return back
	case w.scene.Medium == Phone && far > w.scene.Side/2+margin*w.module():
		return bezel
	case far > w.scene.Side/2:
		return light
	}
	for _, spot := range w.look.spots {
		if dx, dy := u/w.scene.Side+0.5-spot[0], v/w.scene.Side+0.5-spot[1]; dx*dx+dy*dy < spot[2]*spot[2] {
			return (light + dark) / 2
		}
	}
	modules := 1 / w.module()
	if w.code.Black(int((u+w.scene.Side/2)*modules), int((v+w.scene.Side/2)*modules)) {
		return dark
	}
	return light
}

// behind is what is seen beside the pass.
func (w *Showing) behind(x, y int) float64 {
	b := w.look.background
	if w.scene.Condition.Crowded {
		if (x/(6+int(20*b[0]))+y/(6+int(20*b[1])))%2 == 0 {
			return 60
		}
		return 190
	}
	wave := math.Sin(float64(x)*0.004*(1+b[2])+6*b[0]) + math.Sin(float64(y)*0.005*(1+b[3])+6*b[1])
	return 95 + 30*wave
}

// shade is what light makes of a point.
func (w *Showing) shade(grey, u, v float64, x, y int) float64 {
	c := &w.scene.Condition
	u, v = u/w.scene.Side, v/w.scene.Side
	own := w.scene.Medium == Phone && max(math.Abs(u), math.Abs(v)) < 0.5+w.rim()/w.scene.Side
	if own { // it shines by itself, however dark it is
		grey *= 1 + 0.12*math.Sin(w.look.moireX*float64(x)+w.look.moireY*float64(y))
	}
	if c.Shadow > 0 && !own { // its edge is soft, for no lamp is a point
		far := (u*w.look.shadowX+v*w.look.shadowY)*w.scene.Side/penumbra + 0.5
		grey *= 1 - c.Shadow*min(max(far, 0), 1)
	}
	grey = grey*c.Light + c.Veil
	if c.Glare {
		// A mirror that turns throws the light elsewhere.
		moved := 2 / (1/w.scene.Distance + 1/(w.scene.Distance+lampAway)) / w.scene.Side
		far := math.Hypot(u-w.look.glareX-moved*w.turned[0], v-w.look.glareY-moved*w.turned[1]) / w.reflection()
		grey += glare * math.Exp(-far*far*far*far)
	}
	return grey
}

// reflection is the radius of that of the lamp, as a share of the code's side. A shiny sheet is a mirror for it.
func (w *Showing) reflection() float64 {
	return lampRadius * w.scene.Distance / (2*w.scene.Distance + lampAway) / w.scene.Side
}

// expose blurs the light as lens and hand do.
func (w *Showing) expose() {
	const lens = 0.5 // pixels
	w.blur(math.Hypot(lens, w.scene.Condition.Blur), 1)
	w.blur(math.Hypot(lens, w.scene.Condition.Blur), Width)
	if m := w.scene.Condition.Motion; m > 0 {
		w.smear(m)
	}
}

// blur blurs along rows (step 1) or columns (step Width). What is beyond the picture is as the edge is.
func (w *Showing) blur(deviation float64, step int) {
	reach := int(math.Ceil(3 * deviation))
	weights, sum := make([]float32, 2*reach+1), float32(0)
	for i := range weights {
		d := float64(i-reach) / deviation
		weights[i] = float32(math.Exp(-d * d / 2))
		sum += weights[i]
	}
	clear(w.spare)
	for k, weight := range weights {
		w.add(weight/sum, (k-reach)*step)
	}
	w.light, w.spare = w.spare, w.light
}

// add adds to the spare picture so much of the light, moved by so many places in memory.
func (w *Showing) add(weight float32, by int) {
	from := max(0, -by)
	to := len(w.light) - max(0, by)
	for i := range from {
		w.spare[i] += weight * w.light[i]
	}
	moved := w.light[from+by : to+by]
	for i, v := range moved {
		w.spare[from+i] += weight * v
	}
	for i := to; i < len(w.light); i++ {
		w.spare[i] += weight * w.light[i]
	}
}

// smear moves the picture while it is exposed, in some direction.
func (w *Showing) smear(pixels float64) {
	sin, cos := math.Sincos(2 * math.Pi * w.rand.Float64())
	steps := int(math.Ceil(pixels)) + 1
	clear(w.spare)
	for k := range steps {
		far := pixels * (float64(k)/float64(steps-1) - 0.5)
		w.add(1/float32(steps), int(math.Round(far*cos))+Width*int(math.Round(far*sin)))
	}
	w.light, w.spare = w.spare, w.light
}
