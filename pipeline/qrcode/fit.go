package qrcode

import (
	"cmp"
	"math"
	"slices"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/common"
)

// The library lays the grid of a code by three corners and one small mark. Of a code that is held near and at a slant it takes
// the wrong size, or finds the mark elsewhere. A fit tries sizes and places of the fourth corner, and keeps the grid on which the
// patterns that every code has are where they should be.

// How much is tried.
const (
	mostCorners = 7   // finder patterns that are tried with each other, the surest first
	mostTriples = 6   // of them that are fitted, the likeliest first
	reach       = 7   // modules around the guess in which the fourth corner is looked for
	markWrong   = 7   // of the 25 modules of the fourth mark that may be wrong
	mostWrong   = 0.2 // of the modules that every code has alike
)

// A grid maps the modules of a code to places in the picture.
type grid struct {
	black *gozxing.BitMatrix
	size  int // modules of a side
	at    *common.PerspectiveTransform
}

// A triple is three finder patterns: at the top left, the top right and the bottom left of a code.
type triple struct {
	left, right, bottom corner
	skew                float64 // how far it is from a right angle between equal sides
}

// fits returns the codes that the finder patterns of a picture may be of, sampled, the likeliest first.
func fits(black *gozxing.BitMatrix, corners []corner) (codes []*gozxing.BitMatrix) {
	for _, t := range triples(corners) {
		best, least := grid{}, mostWrong
		for _, size := range t.sizes() {
			if g, share := t.fit(black, size); share < least {
				best, least = g, share
			}
		}
		if best.at != nil {
			codes = append(codes, best.sample())
		}
	}
	return codes
}

// triples returns which three of the patterns may belong to one code.
func triples(corners []corner) (list []triple) {
	corners = slices.Clone(corners)
	slices.SortStableFunc(corners, func(a, b corner) int { return cmp.Compare(b.count, a.count) })
	corners = corners[:min(len(corners), mostCorners)]
	for i, a := range corners {
		for j, b := range corners[:i] {
			for _, c := range corners[:j] {
				for _, order := range [][3]corner{{a, b, c}, {b, c, a}, {c, a, b}} {
					if t, ok := tripleOf(order[0], order[1], order[2]); ok {
						list = append(list, t)
					}
				}
			}
		}
	}
	slices.SortStableFunc(list, func(a, b triple) int { return cmp.Compare(a.skew, b.skew) })
	return list[:min(len(list), mostTriples)]
}

// tripleOf takes the first pattern for the one between the two others, and reports whether they can be of one code that is held
// at a slant.
func tripleOf(left, a, b corner) (triple, bool) {
	const (
		uneven = 2.5 // times as large a pattern may be as another
		longer = 4   // times as long, squared, a side may be as the other
		narrow = 0.4 // the sine of the angle between the sides, at the least
	)
	t := triple{left: left, right: a, bottom: b}
	across, down := t.right.minus(t.left.point), t.bottom.minus(t.left.point)
	area := across.cross(down)
	if area < 0 { // the picture is no mirror
		t.right, t.bottom, area = t.bottom, t.right, -area
	}
	one, other := across.squared(), down.squared()
	small, large := min(t.left.module, t.right.module, t.bottom.module), max(t.left.module, t.right.module, t.bottom.module)
	if large > uneven*small || one > longer*other || other > longer*one || area < narrow*math.Sqrt(one*other) {
		return t, false
	}
	t.skew = 1 - area/max(one, other)
	return t, true
}

// sizes returns how many modules a side may have: the number that the patterns say, and its neighbours.
func (t triple) sizes() []int {
	module := (t.left.module + t.right.module + t.bottom.module) / 3
	sides := math.Sqrt(t.right.minus(t.left.point).squared()) + math.Sqrt(t.bottom.minus(t.left.point).squared())
	likely := nearest(7 + int(math.Round(sides/2/module)))
	var list []int
	for size := likely - 8; size <= likely+8; size += 4 {
		if size >= 25 && size <= 57 { // a smaller one has no fourth mark and holds no pass, and a larger one cannot be seen
			list = append(list, size)
		}
	}
	return list
}

// fit looks for the fourth mark, and returns the best grid with the share of what every code has alike that is wrong on it.
func (t triple) fit(black *gozxing.BitMatrix, size int) (best grid, share float64) {
	least := int(mostWrong * float64(alike(size)))
	try := func(mark point) (better bool) {
		g := t.grid(black, size, mark)
		n := g.wrong(least)
		if better = n < least; better {
			best, least = g, n
		}
		return better
	}
	place := t.around(size, t.parallel(size), reach, 1, try)
	place = t.around(size, t.slanted(size), reach, 1, try).or(place)
	if best.at == nil {
		return best, 1
	}
	t.around(size, t.around(size, place, 1, 0.5, try).or(place), 0.5, 0.25, try)
	return best, float64(least) / float64(alike(size))
}

// around tries places around one, so many modules away, and returns the last that was better than all before; the zero point
// for none.
func (t triple) around(size int, from point, span, step float64, try func(point) bool) (best point) {
	right, down := t.module(t.right, size), t.module(t.bottom, size)
	for u := -span; u <= span; u += step {
		for v := -span; v <= span; v += step {
			if place := from.plus(right, u).plus(down, v); try(place) {
				best = place
			}
		}
	}
	return best
}

// module returns how far one module leads from the corner at the top left to another one.
func (t triple) module(to corner, size int) point {
	return point{}.plus(to.minus(t.left.point), 1/float64(size-7))
}

// parallel guesses where the fourth mark is if the code is seen from straight ahead.
func (t triple) parallel(size int) point {
	modules := float64(size - 10) // the mark is three modules nearer than a corner would be
	return t.left.plus(t.module(t.right, size), modules).plus(t.module(t.bottom, size), modules)
}

// slanted guesses where it is if the code is held at a slant. Of a corner that is nearer to the camera the modules are larger:
// the reverse of their size is the weight by which the corners of a plane lie in its picture.
func (t triple) slanted(size int) point {
	l, r, b := 1/t.left.module, 1/t.right.module, 1/t.bottom.module
	far := 1 - 3/float64(size-7)
	sum := point{}.plus(t.left.point, l*(1-2*far)).plus(t.right.point, r*far).plus(t.bottom.point, b*far)
	return point{}.plus(sum, 1/(l+far*(r-l)+far*(b-l)))
}

// grid returns the grid whose fourth mark, which is three modules nearer than a corner would be, is at a place.
func (t triple) grid(black *gozxing.BitMatrix, size int, mark point) grid {
	near, far := 3.5, float64(size)-3.5
	return grid{black, size, common.PerspectiveTransform_QuadrilateralToQuadrilateral(
		near, near, far, near, far-3, far-3, near, far,
		t.left.x, t.left.y, t.right.x, t.right.y, mark.x, mark.y, t.bottom.x, t.bottom.y)}
}

// dark reports whether a module is dark. What is outside the picture is light.
func (g *grid) dark(x, y int) bool {
	at := [2]float64{float64(x) + 0.5, float64(y) + 0.5}
	g.at.TransformPoints(at[:])
	u, v := int(math.Floor(at[0])), int(math.Floor(at[1]))
	return u >= 0 && v >= 0 && u < g.black.GetWidth() && v < g.black.GetHeight() && g.black.Get(u, v)
}

// wrong counts the modules that are not as they are in every code of this size. It stops at most: nearly every grid that is tried
// is far from right, and shows that at its fourth mark.
func (g *grid) wrong(most int) (n int) {
	look := func(x, y int, dark bool) {
		if g.dark(x, y) != dark {
			n++
		}
	}
	mark, last := g.size-7, g.size-1
	for y := -2; y <= 2; y++ { // the alignment pattern
		for x := -2; x <= 2; x++ {
			look(mark+x, mark+y, max(x, -x, y, -y) != 1)
		}
		if n > markWrong {
			return most
		}
	}
	for i := range 7 { // the outer sides of the finder patterns
		look(last, i, true)
		look(last-7, i, false)
		look(i, last, true)
		look(i, last-7, false)
	}
	for i := 8; i <= g.size-9 && n < most; i++ { // the timing patterns
		look(i, 6, i%2 == 0)
		look(6, i, i%2 == 0)
	}
	return n
}

// alike is how many modules wrong looks at.
func alike(size int) int { return 5*5 + 7*4 + 2*(size-16) }

// sample reads every module.
func (g *grid) sample() *gozxing.BitMatrix {
	code, err := gozxing.NewSquareBitMatrix(g.size)
	if err != nil {
		return nil
	}
	for y := range g.size {
		for x := range g.size {
			if g.dark(x, y) {
				code.Set(x, y)
			}
		}
	}
	return code
}

// nearest returns the number of modules of a side that a code can have.
func nearest(sizes int) int { return 21 + 4*max(0, int(math.Round(float64(sizes-21)/4))) }
