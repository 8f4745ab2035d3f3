// Package luma takes the brightness out of a frame, in Go alone: for who has to see a picture while the libraries that look at
// faces are away, broken or busy.
package luma

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"io"

	"facegate/device"
	"facegate/device/scan"
)

// MaxPixels bounds the pictures that are decoded: 3840x2160, the largest of UVC cameras.
const MaxPixels = 3840 * 2160

// What can be wrong with a frame. A Decoder returns no other errors.
var (
	ErrSize   = errors.New("the picture has an unusable size")
	ErrFrame  = errors.New("the picture is damaged")
	ErrFormat = errors.New("the picture is in a format that cannot be decoded")
)

// A Decoder decodes one frame at a time. It owns the memory of the picture. It is for one goroutine.
type Decoder struct {
	tables  []byte // that a picture without tables means
	picture image.Image
	packed  []byte // the memory of pictures that came as YUYV
}

// NewDecoder returns a Decoder without a picture.
func NewDecoder() *Decoder {
	return &Decoder{tables: append([]byte{0xFF, 0xD8}, scan.StandardTables()...)}
}

// Decode returns the brightness of a frame. It is valid until Clear or the next Decode, and needs nothing of the frame.
func (d *Decoder) Decode(f device.Frame) (*image.Gray, error) {
	d.Clear()
	switch f.Format {
	case device.JPEG:
		return d.jpeg(f.Data)
	case device.YUYV:
		return d.yuyv(f)
	}
	return nil, fmt.Errorf("%w: %v", ErrFormat, f.Format)
}

// Clear overwrites the picture.
func (d *Decoder) Clear() {
	switch p := d.picture.(type) {
	case *image.YCbCr:
		clear(p.Y)
		clear(p.Cb)
		clear(p.Cr)
	case *image.Gray:
		clear(p.Pix)
	}
	d.picture = nil
}

// jpeg decodes a JPEG picture. The tables of Motion JPEG stand before those of the picture, which take their places where it
// has any.
func (d *Decoder) jpeg(data []byte) (_ *image.Gray, err error) {
	defer func() {
		if recover() != nil { // a fault of the decoder is none of the gate
			err = ErrFrame
		}
	}()
	const soi = 2
	if len(data) < soi {
		return nil, ErrFrame
	}
	whole := func() io.Reader { return io.MultiReader(bytes.NewReader(d.tables), bytes.NewReader(data[soi:])) }
	size, err := jpeg.DecodeConfig(whole())
	if err != nil {
		return nil, ErrFrame
	}
	if size.Width*size.Height > MaxPixels {
		return nil, ErrSize
	}
	if d.picture, err = jpeg.Decode(whole()); err != nil {
		d.picture = nil
		return nil, ErrFrame
	}
	switch p := d.picture.(type) {
	case *image.YCbCr:
		return &image.Gray{Pix: p.Y, Stride: p.YStride, Rect: p.Rect}, nil
	case *image.Gray:
		return p, nil
	}
	return nil, ErrFormat // no camera sends RGB or CMYK
}

// yuyv takes every other byte.
func (d *Decoder) yuyv(f device.Frame) (*image.Gray, error) {
	n := f.Width * f.Height
	switch {
	case f.Width <= 0 || f.Height <= 0 || f.Width > device.MaxSide || n > MaxPixels:
		return nil, ErrSize
	case len(f.Data) < 2*n:
		return nil, ErrFrame
	}
	if cap(d.packed) < n {
		d.packed = make([]byte, n)
	}
	g := &image.Gray{Pix: d.packed[:n], Stride: f.Width, Rect: image.Rect(0, 0, f.Width, f.Height)}
	for i := range g.Pix {
		g.Pix[i] = f.Data[2*i]
	}
	d.picture = g
	return g, nil
}
