package qrcode

import (
	"image"
	"math"
)

// A plane is a grey picture, one byte a pixel, rows without padding. Its memory is used again and again.
type plane struct {
	pix           []byte
	width, height int
}

// resize makes room for a picture of a size, and clears what the memory held.
func (p *plane) resize(width, height int) {
	p.clear()
	if n := width * height; cap(p.pix) < n {
		p.pix = make([]byte, n)
	} else {
		p.pix = p.pix[:n]
	}
	p.width, p.height = width, height
}

func (p *plane) clear() {
	clear(p.pix)
	p.pix, p.width, p.height = p.pix[:0], 0, 0
}

func (p *plane) row(y int) []byte { return p.pix[y*p.width : (y+1)*p.width] }

func (p *plane) copy(g *image.Gray) {
	b := g.Bounds()
	p.resize(b.Dx(), b.Dy())
	for y := range p.height {
		from := g.PixOffset(b.Min.X, b.Min.Y+y)
		copy(p.row(y), g.Pix[from:from+p.width])
	}
}

func (p *plane) set(from *plane) {
	p.resize(from.width, from.height)
	copy(p.pix, from.pix)
}

func (p *plane) invert() {
	for i, v := range p.pix {
		p.pix[i] = ^v
	}
}

// middleOf returns the middle of a picture, with MaxPixels at the most and the sides in the same proportion.
func middleOf(b image.Rectangle) image.Rectangle {
	width, height := fit(b)
	at := b.Min.Add(image.Pt((b.Dx()-width)/2, (b.Dy()-height)/2))
	return image.Rectangle{Min: at, Max: at.Add(image.Pt(width, height))}
}

// fit returns the sides of a picture that is as large as MaxPixels allows.
func fit(b image.Rectangle) (width, height int) {
	scale := math.Sqrt(float64(MaxPixels) / float64(b.Dx()*b.Dy()))
	return max(1, int(float64(b.Dx())*scale)), max(1, int(float64(b.Dy())*scale))
}

// reduce makes p the whole of g with MaxPixels: each pixel is the mean of those that it stands for.
func (p *plane) reduce(g *image.Gray) {
	b := g.Bounds()
	p.resize(fit(b))
	for y := range p.height {
		top, bottom := span(y, p.height, b.Dy())
		row := p.row(y)
		for x := range row {
			left, right := span(x, p.width, b.Dx())
			sum := 0
			for v := top; v < bottom; v++ {
				from := g.PixOffset(b.Min.X+left, b.Min.Y+v)
				for _, s := range g.Pix[from : from+right-left] {
					sum += int(s)
				}
			}
			row[x] = uint8(sum / ((bottom - top) * (right - left)))
		}
	}
}

// span returns which of so many pixels the i-th of n stands for.
func span(i, n, of int) (from, to int) {
	from = i * of / n
	return from, max(from+1, (i+1)*of/n)
}

// halve makes p a picture of half the sides, each pixel the mean of four.
func (p *plane) halve(from *plane) {
	p.resize(from.width/2, from.height/2)
	for y := range p.height {
		upper, lower, row := from.row(2*y), from.row(2*y+1), p.row(y)
		for x := range row {
			sum := int(upper[2*x]) + int(upper[2*x+1]) + int(lower[2*x]) + int(lower[2*x+1])
			row[x] = uint8(sum / 4)
		}
	}
}

// enlarge makes p a picture that is larger by whole factors, 1 or 2, with values between those of the neighbours.
func (p *plane) enlarge(from *plane, across, down int) {
	p.resize(across*from.width, down*from.height)
	for y := range p.height {
		near, far := neighbours(y, down, from.height)
		upper, lower, row := from.row(near), from.row(far), p.row(y)
		for x := range row {
			l, r := neighbours(x, across, from.width)
			sum := 9*int(upper[l]) + 3*int(upper[r]) + 3*int(lower[l]) + int(lower[r])
			row[x] = uint8(sum / 16)
		}
	}
}

// neighbours returns which of n pixels the i-th lies in that is a part of one, and which it is nearest to besides.
func neighbours(i, parts, n int) (near, far int) {
	near = i / parts
	switch {
	case parts == 1:
		return near, near
	case i%parts == 0:
		return near, max(near-1, 0)
	}
	return near, min(near+1, n-1)
}
