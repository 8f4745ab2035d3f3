package camera_test

import (
	"crypto/sha256"
	"slices"
	"sync"
	"testing"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/device"
	"facegate/pipeline/detect"
	"facegate/pipeline/embed"
	"facegate/pipeline/models"
	"facegate/pipeline/vision"
)

// A question is one that a gate asks its networks about a picture.
type question struct {
	picture       [sha256.Size]byte
	what          string
	face          detect.Face
	width, height int // of a grid
}

// An answer has what belongs to its question.
type answer struct {
	width, height int
	faces         []detect.Face
	face          detect.Face
	pixels        []byte
	scores        []float64
	vector        embed.Vector
	err           error
}

// A memory has the answers so far. The networks, and all that is made of their numbers, answer the same to the same picture.
type memory struct {
	mu       sync.Mutex // guards what follows
	networks vision.Networks
	dim      int // of an embedding; 0 until the networks are read
	answers  map[question]answer
}

// remembered is what the tests of this package remember together.
var remembered = sync.OnceValue(func() *memory { return &memory{answers: map[question]answer{}} })

// read reads the networks, if that has not been done.
func (m *memory) read(t testing.TB) {
	t.Helper()
	dir, bundle := models.Dir(gatetest.Models(t)), gatetest.Bundle(t)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dim > 0 {
		return
	}
	networks, err := vision.Read(bundle, dir)
	if err != nil {
		t.Fatal(err)
	}
	engine, err := vision.Open(networks)
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	m.networks, m.dim = networks, engine.Dim()
}

func (m *memory) recall(q question) (a answer, known bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	a, known = m.answers[q]
	return a, known
}

func (m *memory) keep(q question, a answer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.answers[q] = a
}

// A remembering Engine asks real networks what nobody has asked them about the same picture. It opens them for the first such
// question. So the tests may hold a picture up for seconds, each before networks of their own, and are not slow.
type remembering struct {
	memory  *memory
	dim     int
	engine  *vision.Engine // nil until it is needed
	frame   device.Frame
	picture [sha256.Size]byte
	loaded  bool // the engine has the frame
	aligned detect.Face
}

func newRemembering(t testing.TB) *remembering {
	t.Helper()
	m := remembered()
	m.read(t)
	return &remembering{memory: m, dim: m.dim}
}

// ask returns the answer, which real networks that have loaded the picture compute where it is not known.
func (r *remembering) ask(q question, compute func(e *vision.Engine) answer) answer {
	q.picture = r.picture
	a, known := r.memory.recall(q)
	if known {
		return a
	}
	if err := r.load(); err != nil {
		a.err = err
	} else {
		a = compute(r.engine)
	}
	r.memory.keep(q, a)
	return a
}

// load has real networks load the picture.
func (r *remembering) load() (err error) {
	if r.engine == nil {
		if r.engine, err = vision.Open(r.memory.networks); err != nil {
			return err
		}
	}
	if !r.loaded {
		err = r.engine.Load(r.frame)
		r.loaded = err == nil
	}
	return err
}

func (r *remembering) Load(f device.Frame) error {
	r.frame, r.picture, r.loaded = f, sha256.Sum256(append([]byte{byte(f.Format)}, f.Data...)), false
	return r.size().err
}

func (r *remembering) Size() (width, height int) {
	a := r.size()
	return a.width, a.height
}

// size is asked first: its error is that of the picture.
func (r *remembering) size() answer {
	return r.ask(question{what: "size"}, func(e *vision.Engine) (a answer) {
		a.width, a.height = e.Size()
		return a
	})
}

func (r *remembering) Grid(dst []byte, width, height int) error {
	a := r.ask(question{what: "grid", width: width, height: height}, func(e *vision.Engine) (a answer) {
		a.pixels = make([]byte, len(dst))
		a.err = e.Grid(a.pixels, width, height)
		return a
	})
	copy(dst, a.pixels)
	return a.err
}

func (r *remembering) Detect() ([]detect.Face, error) {
	a := r.ask(question{what: "detect"}, func(e *vision.Engine) (a answer) {
		faces, err := e.Detect()
		return answer{faces: slices.Clone(faces), err: err}
	})
	return slices.Clone(a.faces), a.err
}

func (r *remembering) Locate(f *detect.Face) error {
	if f.Located {
		return nil
	}
	a := r.ask(question{what: "locate", face: *f}, func(e *vision.Engine) answer {
		located := *f
		return answer{err: e.Locate(&located), face: located}
	})
	*f = a.face
	return a.err
}

func (r *remembering) Align(f *detect.Face) (bgr []byte, size int, err error) {
	r.aligned = *f
	a := r.ask(question{what: "align", face: *f}, func(e *vision.Engine) (a answer) {
		bgr, size, err := e.Align(f)
		return answer{pixels: slices.Clone(bgr), width: size, err: err}
	})
	return a.pixels, a.width, a.err
}

func (r *remembering) Live(dst []float64, f *detect.Face) ([]float64, error) {
	a := r.ask(question{what: "live", face: *f}, func(e *vision.Engine) (a answer) {
		a.scores, a.err = e.Live(nil, f)
		return a
	})
	return append(dst, a.scores...), a.err
}

func (r *remembering) Embed(dst embed.Vector) error {
	a := r.ask(question{what: "embed", face: r.aligned}, func(e *vision.Engine) (a answer) {
		a.vector = make(embed.Vector, len(dst))
		if _, _, a.err = e.Align(&r.aligned); a.err == nil { // which it may have for another face, or was remembered
			a.err = e.Embed(a.vector)
		}
		return a
	})
	copy(dst, a.vector)
	return a.err
}

func (r *remembering) Dim() int { return r.dim }

func (r *remembering) Clear() {
	if r.engine != nil {
		r.engine.Clear()
	}
	r.frame, r.picture, r.loaded = device.Frame{}, [sha256.Size]byte{}, false
}

func (r *remembering) Close() {
	if r.engine != nil {
		r.engine.Close()
	}
}
