package visiontest

import (
	"errors"

	"facegate/device"
	"facegate/pipeline/detect"
	"facegate/pipeline/embed"
	"facegate/pipeline/vision"
)

// ErrNoFace says that there is no face in a picture.
var ErrNoFace = errors.New("no face")

// Main loads a frame and returns the face that it is of, without landmarks.
func Main(e *vision.Engine, f device.Frame) (face detect.Face, err error) {
	if err := e.Load(f); err != nil {
		return face, err
	}
	faces, err := e.Detect()
	if err != nil {
		return face, err
	}
	width, height := e.Size()
	i := detect.Main(faces, width, height)
	if i < 0 {
		return face, ErrNoFace
	}
	return faces[i], nil
}

// Locate is Main, and finds the landmarks.
func Locate(e *vision.Engine, f device.Frame) (face detect.Face, err error) {
	if face, err = Main(e, f); err != nil {
		return face, err
	}
	return face, e.Locate(&face)
}

// Embed returns the unit embedding of the face that a frame is of.
func Embed(e *vision.Engine, f device.Frame) (embed.Vector, error) {
	face, err := Locate(e, f)
	if err != nil {
		return nil, err
	}
	if _, _, err := e.Align(&face); err != nil {
		return nil, err
	}
	v := make(embed.Vector, e.Dim())
	if err := e.Embed(v); err != nil {
		return nil, err
	}
	v.Normalize()
	return v, nil
}
