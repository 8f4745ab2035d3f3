package qrcode

import (
	"cmp"
	"slices"

	"github.com/makiuchi-d/gozxing/qrcode/detector"
)

// A corner is a finder pattern.
type corner struct {
	point
	module float64 // pixels of a module there, about
	count  int     // in how many rows it was found
}

// seen are the corners that all looks at one picture have found, in its own pixels. At a slant each of a code's corners is another
// shape, and one look finds this one, another look that one.
type seen []corner

// add adds what was found in a picture that is so many times as wide and as tall.
func (s *seen) add(found []*detector.FinderPattern, across, down float64) {
	for _, f := range found {
		c := corner{point{f.GetX() / across, f.GetY() / down}, f.GetEstimatedModuleSize() / across, f.GetCount()}
		known := slices.IndexFunc(*s, func(k corner) bool { return k.minus(c.point).squared() < 9*k.module*k.module })
		switch {
		case known < 0:
			*s = append(*s, c)
		case c.count > (*s)[known].count:
			(*s)[known] = c
		}
	}
}

// at returns where the corners are in a picture that is so many times as wide and as tall.
func (s seen) at(across, down float64) []corner {
	list := make([]corner, len(s))
	for i, c := range s {
		list[i] = corner{point{c.x * across, c.y * down}, c.module * across, c.count}
	}
	return list
}

type point struct{ x, y float64 }

func (p point) plus(q point, times float64) point { return point{p.x + times*q.x, p.y + times*q.y} }
func (p point) minus(q point) point               { return point{p.x - q.x, p.y - q.y} }
func (p point) squared() float64                  { return p.x*p.x + p.y*p.y }
func (p point) or(q point) point                  { return cmp.Or(p, q) }
func (p point) cross(q point) float64             { return p.x*q.y - p.y*q.x }
