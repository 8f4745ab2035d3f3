// Package worsen makes a picture of a face worse by a known amount: darker, brighter, blurred, farther away, leaning, or lit
// from the side. So it can be measured from where on a face is no longer recognised.
package worsen

import (
	"image"
	"image/draw"
	"math"
	"math/rand/v2"

	"facegate/pipeline/detect"
)

// A Change makes a picture worse by a level, in the unit of the Change.
type Change struct {
	Name   string
	Unit   string
	Levels []float64 // from harmless to hopeless
	make   func(src *image.RGBA, face detect.Landmarks, level float64) *image.RGBA
}

// Changes returns all Changes.
func Changes() []Change {
	return []Change{
		{"side light", "degrees", []float64{15, 30, 45, 55, 65, 75, 85}, sideLight},
		{"lamp alone", "degrees", []float64{15, 30, 45, 55, 65, 75, 85}, lampAlone},
		{"blur", "pixels of an aligned face", []float64{0.5, 1, 1.5, 2, 3, 4}, blur},
		{"darkness", "stops", []float64{1, 2, 3, 4, 5, 6}, darken},
		{"glare", "stops", []float64{0.5, 1, 1.5, 2, 2.5}, brighten},
		{"distance", "pixels from eye to eye", []float64{40, 30, 24, 18, 14, 10}, shrink},
		{"lean", "degrees", []float64{10, 20, 25, 35, 45, 60}, lean},
	}
}

// Make returns src, worse by level. The face is where the landmarks say; src is not changed.
func (c Change) Make(src *image.RGBA, face detect.Landmarks, level float64) *image.RGBA {
	return c.make(src, face, level)
}

// RGBA returns a copy of img in the form that a Change takes.
func RGBA(img image.Image) *image.RGBA {
	dst := image.NewRGBA(image.Rect(0, 0, img.Bounds().Dx(), img.Bounds().Dy()))
	draw.Draw(dst, dst.Bounds(), img, img.Bounds().Min, draw.Src)
	return dst
}

// A head is where a face is in a picture, in pixels.
type head struct {
	x, y       float64 // between eyes and mouth
	rightX     float64 // the direction from eye to eye, of length 1
	rightY     float64
	eyes       float64 // the distance between them
	wide, tall float64 // the half of a mean head
}

func headOf(l detect.Landmarks) head {
	dx, dy := float64(l[detect.RightEye].X-l[detect.LeftEye].X), float64(l[detect.RightEye].Y-l[detect.LeftEye].Y)
	h := head{eyes: max(math.Hypot(dx, dy), 1)}
	h.rightX, h.rightY = dx/h.eyes, dy/h.eyes
	for _, p := range []int{detect.LeftEye, detect.RightEye, detect.LeftMouth, detect.RightMouth} {
		h.x += float64(l[p].X) / 4
		h.y += float64(l[p].Y) / 4
	}
	h.wide, h.tall = 1.1*h.eyes, 1.7*h.eyes
	return h
}

// at returns where on the head a pixel is: 1 is its edge, to the right of the face and down it.
func (h head) at(x, y int) (right, down float64) {
	dx, dy := float64(x)+0.5-h.x, float64(y)+0.5-h.y
	return (dx*h.rightX + dy*h.rightY) / h.wide, (-dx*h.rightY + dy*h.rightX) / h.tall
}

// noise is that of a camera, in grey levels; it is what darkness leaves.
const noise = 4

func darken(src *image.RGBA, _ detect.Landmarks, level float64) *image.RGBA {
	return relight(src, func(int, int) float64 { return math.Exp2(-level) }, noise)
}

func brighten(src *image.RGBA, _ detect.Landmarks, level float64) *image.RGBA {
	return relight(src, func(int, int) float64 { return math.Exp2(level) }, 0)
}

func each(src *image.RGBA, look func(x, y int)) {
	for y := range src.Rect.Dy() {
		for x := range src.Rect.Dx() {
			look(x, y)
		}
	}
}

// relight multiplies the light of each pixel, and adds noise. What is brighter than white is white.
func relight(src *image.RGBA, light func(x, y int) float64, noise float64) *image.RGBA {
	dst := image.NewRGBA(src.Rect)
	random := rand.New(rand.NewPCG(1, 2)) // the same for every picture, so that a measurement can be repeated
	each(src, func(x, y int) {
		i := src.PixOffset(x, y)
		factor := math.Pow(light(x, y), 1/gamma)
		for c := range 3 {
			dst.Pix[i+c] = clamp(float64(src.Pix[i+c])*factor + noise*random.NormFloat64())
		}
		dst.Pix[i+3] = 255
	})
	return dst
}

// gamma is the exponent by which the light behind a grey value grows (sRGB, about).
const gamma = 2.2

func clamp(v float64) uint8 { return uint8(min(max(v+0.5, 0), 255)) }

// aligned is the distance between the eyes of an aligned face, in its pixels.
const aligned = 35.2

// blur is that of a Gaussian whose deviation is level pixels of the aligned face.
func blur(src *image.RGBA, face detect.Landmarks, level float64) *image.RGBA {
	deviation := level * headOf(face).eyes / aligned
	return smooth(smooth(src, deviation, 1, 0), deviation, 0, 1)
}

// smooth blurs in one direction.
func smooth(src *image.RGBA, deviation float64, dx, dy int) *image.RGBA {
	reach := int(math.Ceil(3 * deviation))
	weights := make([]float64, 2*reach+1)
	var sum float64
	for i := range weights {
		d := float64(i-reach) / max(deviation, 1e-9)
		weights[i] = math.Exp(-d * d / 2)
		sum += weights[i]
	}
	w, h := src.Rect.Dx(), src.Rect.Dy()
	dst := image.NewRGBA(src.Rect)
	each(src, func(x, y int) {
		var total [3]float64
		for i, weight := range weights {
			p := src.PixOffset(min(max(x+(i-reach)*dx, 0), w-1), min(max(y+(i-reach)*dy, 0), h-1))
			for c := range total {
				total[c] += weight * float64(src.Pix[p+c])
			}
		}
		o := dst.PixOffset(x, y)
		for c := range total {
			dst.Pix[o+c] = clamp(total[c] / sum)
		}
		dst.Pix[o+3] = 255
	})
	return dst
}

// shrink makes the distance between the eyes level pixels. A face that is smaller already stays as it is.
func shrink(src *image.RGBA, face detect.Landmarks, level float64) *image.RGBA {
	scale := level / headOf(face).eyes
	if scale >= 1 {
		return RGBA(src)
	}
	small := smooth(smooth(src, 0.4/scale, 1, 0), 0.4/scale, 0, 1)
	dst := image.NewRGBA(image.Rect(0, 0, max(int(float64(src.Rect.Dx())*scale), 1), max(int(float64(src.Rect.Dy())*scale), 1)))
	resample(dst, small, func(x, y float64) (float64, float64) { return x / scale, y / scale })
	return dst
}

// lean turns the picture clockwise about the face.
func lean(src *image.RGBA, face detect.Landmarks, level float64) *image.RGBA {
	h := headOf(face)
	sin, cos := math.Sincos(level * math.Pi / 180)
	dst := image.NewRGBA(src.Rect)
	resample(dst, src, func(x, y float64) (float64, float64) {
		dx, dy := x-h.x, y-h.y
		return h.x + cos*dx + sin*dy, h.y - sin*dx + cos*dy
	})
	return dst
}

// resample fills dst with the pixels of src at the places that from gives, between four of them.
func resample(dst, src *image.RGBA, from func(x, y float64) (float64, float64)) {
	w, h := src.Rect.Dx(), src.Rect.Dy()
	each(dst, func(x, y int) {
		u, v := from(float64(x)+0.5, float64(y)+0.5)
		u, v = min(max(u-0.5, 0), float64(w-1)), min(max(v-0.5, 0), float64(h-1))
		x0, y0 := int(u), int(v)
		fx, fy := u-float64(x0), v-float64(y0)
		x1, y1 := min(x0+1, w-1), min(y0+1, h-1)
		o := dst.PixOffset(x, y)
		for c := range 3 {
			at := func(x, y int) float64 { return float64(src.Pix[src.PixOffset(x, y)+c]) }
			top := at(x0, y0)*(1-fx) + at(x1, y0)*fx
			low := at(x0, y1)*(1-fx) + at(x1, y1)*fx
			dst.Pix[o+c] = clamp(top*(1-fy) + low*fy)
		}
		dst.Pix[o+3] = 255
	})
}
