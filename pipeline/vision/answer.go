//go:build cgo

package vision

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"gocv.io/x/gocv"

	"facegate/configs/hint"
)

const (
	// answers is how many numbers an answer has.
	answers = 16

	// tolerance is by how much an answer may be off, relative to its largest number. Another processor, another version of OpenCV
	// or another program that wrote the same weights down differ by some 1e-5, other weights by all of it.
	tolerance = 5e-3

	// anySize is the side of the picture of arithmetic for networks that take any size, a multiple of 32.
	anySize = 320
)

// OpenCV returns the version of OpenCV that this program has, such as 4.6.0.
func OpenCV() string { return gocv.OpenCVVersion() }

// Answer opens one network by itself and returns its answer, whatever it should be. A file that was never tried may end the
// process: see Read.
func Answer(m Model) ([]float64, error) {
	m.Answer = nil
	n, err := openAny(m)
	if err != nil {
		return nil, err
	}
	defer n.close()
	answer, err := n.answer()
	if err == nil && n.numbers > 0 {
		_, err = n.only(n.numbers)
	}
	return answer, err
}

// Prove opens one network by itself, and refuses it if its answer is not the one that it has to give.
func Prove(m Model) error {
	n, err := openAny(m)
	if err == nil {
		n.close()
	}
	return err
}

// openAny opens a network of any role.
func openAny(m Model) (*net, error) {
	detector, err := openDetector(m)
	if !errors.Is(err, ErrKind) {
		return detector.net, err
	}
	landmarks, err := openLandmarks(m)
	if !errors.Is(err, ErrKind) {
		return landmarks, err
	}
	embedder, err := openEmbedder(m)
	if !errors.Is(err, ErrKind) {
		return embedder.net, err
	}
	liveness, err := openLiveness(m)
	return liveness.net, err
}

// prove asks the network for its answer, and refuses it if that is not want. No want is no question.
func (n *net) prove(want []float64) error {
	if len(want) == 0 {
		return nil
	}
	got, err := n.answer()
	if err != nil {
		return err
	}
	if off := apart(got, want); !(off <= tolerance) {
		return hint.Wrap(fmt.Errorf("%w: %s gives other numbers than the network that was measured", ErrNetwork, n.name),
			"bring another file of it (facegate models list names them); if it was all right before, this OpenCV (%s) or this "+
				"processor computes it otherwise", OpenCV())
	}
	return nil
}

// apart returns how far got is from want, relative to the largest number of want. It is NaN or infinite for what cannot be
// compared.
func apart(got, want []float64) float64 {
	if len(got) != len(want) {
		return math.Inf(1)
	}
	var most, largest float64
	for i, w := range want {
		most, largest = max(most, math.Abs(got[i]-w)), max(largest, math.Abs(w))
	}
	return most / largest
}

// answer returns numbers spread evenly over all outputs for the picture of arithmetic.
func (n *net) answer() ([]float64, error) {
	picture := n.arithmetic()
	defer picture.Close()
	err := n.run(picture)
	n.spent = 0
	if err != nil {
		return nil, err
	}
	var all []float32
	for _, o := range n.outputs {
		all = append(all, o...)
	}
	spread := make([]float64, min(answers, len(all)))
	for i := range spread {
		spread[i] = float64(all[i*len(all)/len(spread)])
	}
	return spread, nil
}

// arithmetic returns the picture that networks are asked about: slopes with noise on them, from whole numbers alone, so that it
// is the same on every machine.
func (n *net) arithmetic() gocv.Mat {
	width, height, kind, channels := n.width, n.height, gocv.MatTypeCV8UC3, 3
	if width == 0 {
		width, height = anySize, anySize
	}
	if n.grey {
		kind, channels = gocv.MatTypeCV8UC1, 1
	}
	picture := gocv.NewMatWithSize(height, width, kind)
	pixels, err := picture.DataPtrUint8()
	if err != nil {
		return picture // of zeros, for which no answer is right
	}
	noise := rand.NewPCG(1, 2)
	for i := range pixels {
		x, y, c := i/channels%width, i/channels/width, i%channels
		pixels[i] = byte((3*x+5*y+37*c)&127) + byte(noise.Uint64()&127)
	}
	return picture
}
