package quality

import "math"

// Where the cheeks are in an aligned face, as fractions of its size: two strips beside the middle line, from the brows to the
// chin. They leave out the ridge of the nose, which the light of either side reaches, and what may be hair or background.
const (
	cheekTop, cheekBottom = 0.36, 0.86
	cheekInner, cheekEnd  = 0.05, 0.27 // from the middle line
)

// What the strips look to, in degrees from the camera, on a head that is as round as a mean one: between the eyes there is 0.34
// of the size of an aligned face, and the half of a head is 1.1 times as wide.
const (
	cheekFrom = 8.
	cheekTo   = 46.
)

// mostSideLight is the largest angle that can be told: from there on the far cheek gets nothing.
const mostSideLight = 90 - cheekFrom

// SideLight returns from how many degrees to the side a single lamp would light a mean head as unevenly as the aligned face is
// lit, positive if the light comes from the picture's right. A room adds light from everywhere, so that the lamp itself may
// stand farther to the side. It is 0 for a picture that is too small or all black.
//
// The model is a matt round head (Lambert, 1760): what a cheek gets is the cosine of the angle between where it looks and the
// lamp, and nothing where that is turned away.
func SideLight(bgr []byte, size int) float64 {
	if size < 16 || len(bgr) < 3*size*size {
		return 0
	}
	left, right := cheeks(bgr, size)
	if left+right == 0 {
		return 0
	}
	uneven := float64(right-left) / float64(right+left)
	return math.Copysign(lampAngle(math.Abs(uneven)), uneven)
}

// cheeks adds up the light of either cheek. Pixels are about as the square root of the light that made them (sRGB).
func cheeks(bgr []byte, size int) (left, right int64) {
	at := func(fraction float64) int { return int(fraction*float64(size) + 0.5) }
	middle, inner, end := size/2, at(cheekInner), at(cheekEnd)
	for y := at(cheekTop); y < at(cheekBottom); y++ {
		row := bgr[3*y*size : 3*(y+1)*size]
		for d := inner; d < end; d++ {
			l, r := int64(grey(row[3*(middle-1-d):])), int64(grey(row[3*(middle+d):]))
			left += l * l
			right += r * r
		}
	}
	return left, right
}

// lampAngle returns the angle at which uneven has the value that is given, which grows with it, by halving the interval.
func lampAngle(want float64) float64 {
	low, high := 0., float64(mostSideLight)
	for high-low > 0.05 {
		if at := (low + high) / 2; uneven(at) < want {
			low = at
		} else {
			high = at
		}
	}
	return (low + high) / 2
}

// uneven returns by how much more the near cheek gets than the far one of a lamp at an angle, as a fraction of both together.
func uneven(lamp float64) float64 {
	near := math.Sin(radians(cheekTo-lamp)) - math.Sin(radians(cheekFrom-lamp))
	far := math.Sin(radians(min(cheekTo+lamp, 90))) - math.Sin(radians(cheekFrom+lamp))
	return (near - far) / (near + far)
}

func radians(degrees float64) float64 { return degrees * math.Pi / 180 }
