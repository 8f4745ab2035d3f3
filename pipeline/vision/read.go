// Package vision runs the networks: it decodes a frame, finds faces, locates landmarks, judges liveness and computes
// the embedding. It is the only package that imports gocv.
//
// OpenCV ends the process on a failed assertion and a deferred recover does not help. So nothing reaches it unchecked:
// pictures by their own header and length, boxes against the picture. Networks, which can throw all the same, go through
// a shim that catches C++ exceptions; one that is cut short, of another kind or unknown to this OpenCV is thus an error.
// What nothing can catch is memory that OpenCV's ONNX reader touches where it must not: of networks with bits flipped in
// their structure one or two in a thousand ended the process so. That is why only bytes whose hash the manifest knows are
// handed over; see package models.
package vision

import "facegate/pipeline/models"

// A Model is one verified network: the bytes whose hash was checked, never a path that could change in between.
type Model struct {
	Name string
	Kind models.Kind
	Data []byte // ONNX

	// Answer is what the network has to give for the picture of arithmetic; empty if that is not known. See models.Model.
	Answer []float64

	Feed *models.Feed // of a models.Stated embedder
}

// Networks are the models of one bundle.
type Networks struct {
	Detector  Model
	Landmarks *Model // nil where the detector gives the landmarks itself
	Embedder  Model
	Liveness  []Model // at least one
}

// Read reads the networks of a bundle, refusing every file whose hash is not the manifest's, and those that this OpenCV does
// not take.
func Read(b models.Bundle, dir models.Dir) (n Networks, err error) {
	read := func(m models.Model) Model {
		if err != nil {
			return Model{}
		}
		var data []byte
		data, _, err = dir.ReadVerified(m, OpenCV())
		return Model{Name: m.Name, Kind: m.Kind, Data: data, Answer: m.Answer, Feed: m.Feed}
	}
	n.Detector = read(b.Detector)
	if b.Landmarks != nil {
		l := read(*b.Landmarks)
		n.Landmarks = &l
	}
	n.Embedder = read(b.Embedder)
	for _, m := range b.Liveness {
		n.Liveness = append(n.Liveness, read(m))
	}
	return n, err
}
