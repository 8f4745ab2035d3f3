// Package engine loads the networks of a bundle from verified files.
package engine

import (
	"facegate/pipeline/models"
	"facegate/pipeline/vision"
)

// Load reads the networks of a bundle, refusing every file whose hash is not the manifest's before OpenCV sees a byte
// of it.
func Load(b models.Bundle, dir models.Dir) (vision.Networks, error) {
	var n vision.Networks
	read := func(m models.Model) (vision.Model, error) {
		data, err := dir.ReadVerified(m)
		return vision.Model{Name: m.Name, Kind: string(m.Kind), Data: data}, err
	}
	var err error
	if n.Detector, err = read(b.Detector); err != nil {
		return n, err
	}
	if b.Landmarks != nil {
		l, err := read(*b.Landmarks)
		if err != nil {
			return n, err
		}
		n.Landmarks = &l
	}
	if n.Embedder, err = read(b.Embedder); err != nil {
		return n, err
	}
	for _, m := range b.Liveness {
		l, err := read(m)
		if err != nil {
			return n, err
		}
		n.Liveness = append(n.Liveness, l)
	}
	return n, nil
}
