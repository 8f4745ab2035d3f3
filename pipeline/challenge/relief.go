package challenge

import (
	"math"

	"facegate/pipeline/detect"
)

// The tip of the nose stands out of the plane in which eyes and mouth lie: both are symmetric, so that the line through the eyes
// and that through the corners of the mouth are parallel, and there is a plane through them. When a head turns, the tip moves
// across that plane. When a picture of a face turns, bends towards the camera as a whole, or is moved, its nose stays where the
// homography of the plane has it: plane and parallax (Irani and Anandan, "Parallax geometry of pairs of points for 3D scene
// analysis", 1996; Hartley and Zisserman, "Multiple View Geometry", 2nd edition, 13.3). The four points give the homography
// exactly, and the nose says how far the face is from flat.
//
// All lengths are in distances between the eyes, as they were when the face looked ahead.
const (
	// begun is the parallax from which a head has begun to turn: about 10 degrees. That of one that looks ahead has a standard
	// deviation of 0.03, of jitter and expressions.
	begun = 0.10

	// enough is the parallax of a turn of about 20 degrees, which is what people do who are asked to look to one side.
	enough = 0.15

	// depth is how far the nose has to stand out. Noses stand out by 0.3 to 0.6. Paper that is folded along the middle of the
	// face, so that one half is seen from the front and the other from the side, comes to 0.24.
	depth = 0.25

	// widest is how much wider a head may become that turns. It becomes narrower, and landmarks are not exact. A bent picture of
	// a face that is off its middle becomes wider as that part comes to the front.
	widest = 1.1

	// edge is the foreshortening of a turn of 45 degrees. A face that is turned so far and stands out by less than shallow is a
	// picture. No expression shortens a face by so much.
	edge    = 0.7
	shallow = 0.12

	// askew is how far the nose may be from the middle at first: about 12 degrees.
	askew = 0.10
)

// A relief is what one frame says of how far a face is from flat.
type relief struct {
	aside float64 // parallax of the nose along the eyes, positive to the right of the picture
	short float64 // foreshortening of the face across: 1 if it is as wide as it was
}

// standing is how far the nose stands out at least, to come aside so far on a face that is turned as far as its foreshortening
// says. A face that is wider than it was is as far from looking ahead as one that is as much narrower. Standing is infinite where
// the face is neither.
func (r relief) standing() float64 {
	short := min(r.short, 1/r.short)
	return math.Abs(r.aside) / math.Sqrt(max(0, 1-short*short))
}

func (r relief) solid() bool { return r.short <= widest && r.standing() >= depth }

func (r relief) flat() bool { return r.short <= edge && r.standing() < shallow }

// A front is the mean of how a face looked in several frames when it looked ahead, with the eyes at (-1/2,0) and (1/2,0).
type front struct {
	sum    [5]point
	frames int
}

type point struct{ x, y float64 }

// known reports whether enough frames were seen.
func (f *front) known() bool { return f.frames >= agree }

// add takes a frame that looks ahead.
func (f *front) add(l detect.Landmarks) {
	for i, p := range upright(l) {
		f.sum[i].x += p.x
		f.sum[i].y += p.y
	}
	f.frames++
}

func (f *front) mean() (m [5]point) {
	for i, p := range f.sum {
		m[i] = point{p.x / float64(f.frames), p.y / float64(f.frames)}
	}
	return m
}

// faces reports whether a frame looks ahead: as those before did, or, if there are none, with the nose in the middle.
func (f *front) faces(l detect.Landmarks) bool {
	if f.frames > 0 {
		return math.Abs(f.relief(l).aside) < begun
	}
	p := upright(l)
	middle := (p[detect.LeftMouth].x + p[detect.RightMouth].x) / 2 * p[detect.NoseTip].y / height(p)
	return math.Abs(p[detect.NoseTip].x-middle) < askew
}

// relief compares a frame with those that looked ahead. Both numbers are not a number where the landmarks are of no face: then
// every comparison with them is false.
func (f *front) relief(l detect.Landmarks) relief {
	ahead, now := f.mean(), upright(l)
	at, was := basis(now), basis(ahead)
	nose := within(ahead)
	var sum [3]float64 // homogeneous coordinates of where a flat nose would be
	for i, corner := range [3]int{detect.LeftEye, detect.RightEye, detect.LeftMouth} {
		k := nose[i] / was[i] * at[i]
		sum[0] += k * now[corner].x
		sum[1] += k * now[corner].y
		sum[2] += k
	}
	// Turning to a side leaves the height of a face as it is. Upright has made the eyes' distance 1 again, so that the height
	// has grown by as much as the face has become narrow.
	short := height(ahead) / height(now)
	if !(short > 0) {
		return relief{math.NaN(), math.NaN()}
	}
	return relief{aside: (now[detect.NoseTip].x - sum[0]/sum[2]) * short, short: short}
}

// upright moves, scales and turns landmarks so that the eyes are at (-1/2,0) and (1/2,0).
func upright(l detect.Landmarks) (p [5]point) {
	left, right := l[detect.LeftEye], l[detect.RightEye]
	dx, dy := float64(right.X-left.X), float64(right.Y-left.Y)
	mx, my := float64(left.X+right.X)/2, float64(left.Y+right.Y)/2
	square := dx*dx + dy*dy
	for i, q := range l {
		x, y := float64(q.X)-mx, float64(q.Y)-my
		p[i] = point{(x*dx + y*dy) / square, (y*dx - x*dy) / square}
	}
	return p
}

// height is the distance from the eyes down to the mouth.
func height(p [5]point) float64 { return (p[detect.LeftMouth].y + p[detect.RightMouth].y) / 2 }

// basis are the weights with which eyes and left corner of the mouth, as homogeneous points, add up to the right corner.
func basis(p [5]point) [3]float64 { return weights(p, p[detect.RightMouth]) }

// within are those with which they add up to the nose.
func within(p [5]point) [3]float64 { return weights(p, p[detect.NoseTip]) }

// weights are those with which eyes and left corner of the mouth add up to q, but for a common factor (Cramer's rule).
func weights(p [5]point, q point) [3]float64 {
	a, b, c := p[detect.LeftEye], p[detect.RightEye], p[detect.LeftMouth]
	return [3]float64{area(q, b, c), area(a, q, c), area(a, b, q)}
}

// area is twice the signed area of a triangle.
func area(a, b, c point) float64 { return (b.x-a.x)*(c.y-a.y) - (b.y-a.y)*(c.x-a.x) }
