// Package calibrate turns a wanted open-set error rate into a match threshold, by a file measured for one embedder.
//
// A gate that compares a probe with N enrolled people makes N chances of a false match, so the threshold must grow
// with N: FPIR(N) = 1 - (1 - FMR)^N (ISO/IEC 19795-1, for independent comparisons). The file holds the thresholds at
// which given false match rates were measured. It claims no rate that its impostor comparisons could not show.
package calibrate

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"sort"
	"strings"
	"time"

	"facegate/configs/hint"
	"facegate/pipeline/embed"
)

const (
	// Schema is the format of the file that this package reads and writes.
	Schema = "facegate-calibration/1"

	// Scheme is the template scheme that the points are measured for: 1024 keyed sign bits, rescored with the
	// real-valued probe.
	Scheme = "s1-1024"

	// MinErrors is how many impostor comparisons must have scored at or above a point's threshold. Ten errors put
	// the rate within a factor of about two (Clopper-Pearson, 95 %: 0.48 to 1.84 times what was seen); with none in n
	// comparisons only "below 3/n" could be said (the rule of three).
	MinErrors = 10

	maxDim = 4096
)

var (
	// ErrInvalid is wrapped by the errors of a calibration that breaks the format or contradicts itself.
	ErrInvalid = errors.New("calibration is invalid")

	// ErrBeyond means that more people are enrolled than the measured comparisons can answer for.
	ErrBeyond = errors.New("beyond what the calibration shows")

	// ErrTooFew means that there were too few impostor comparisons for a single point.
	ErrTooFew = errors.New("too few comparisons to calibrate")
)

// A File is a calibration: what was measured, on what, with which model.
type File struct {
	Schema      string  `json:"schema"`      // Schema
	ModelID     string  `json:"model_id"`    // SHA-256 of the embedder's file, 64 lower-case hex digits
	Embedder    string  `json:"embedder"`    // the embedder's name in the model manifest
	Dim         int     `json:"dim"`         // length of its vectors
	Scheme      string  `json:"scheme"`      // Scheme
	Created     string  `json:"created"`     // the day, as 2006-01-02
	Source      string  `json:"source"`      // what was measured on, for people to read
	People      int     `json:"people"`      // people in Source with at least one vector
	Pictures    int     `json:"pictures"`    // pictures in Source with a vector
	Comparisons int64   `json:"comparisons"` // impostor comparisons behind Points
	Points      []Point `json:"points"`      // from lenient to strict
	Mean        Mean    `json:"mean"`        // the model's public mean vector mu, Dim values
}

// A Point is the lowest threshold at which at most FMR of the impostor comparisons scored at or above it.
type Point struct {
	FMR       float64 `json:"fmr"`       // false match rate, in (0, 1)
	Threshold float64 `json:"threshold"` // cosine-equivalent score of the stored hash, in [-1, 1]
}

// A Mean is the mean vector of a model; in text it is base64 of little-endian float32 values.
type Mean embed.Vector

// MarshalText implements encoding.TextMarshaler.
func (m Mean) MarshalText() ([]byte, error) {
	raw := make([]byte, 0, 4*len(m))
	for _, x := range m {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(x))
	}
	return base64.StdEncoding.AppendEncode(nil, raw), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (m *Mean) UnmarshalText(text []byte) error {
	raw, err := base64.StdEncoding.Strict().AppendDecode(nil, text)
	if err != nil {
		return fmt.Errorf("mean: %w", err)
	}
	if len(raw)%4 != 0 {
		return fmt.Errorf("mean: %d bytes are no whole number of float32 values", len(raw))
	}
	*m = make(Mean, len(raw)/4)
	for i := range *m {
		(*m)[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return nil
}

// Impostors is the score distribution of comparisons between different people.
type Impostors interface {
	// Count returns the number of comparisons.
	Count() int64
	// Threshold returns the lowest threshold that at most rate of the scores reach; ok is false if there is none.
	Threshold(rate float64) (threshold float64, ok bool)
	// AtLeast returns how many scores are at or above threshold.
	AtLeast(threshold float64) int64
}

// Build returns a copy of about with Schema, Scheme, Comparisons and Points filled in from the impostor scores of the
// stored hash. There is a point at 1, 2 and 5 of each decade from FMR 1e-1 to 1e-7, as far as MinErrors stand behind
// it. Of rates that share a threshold only the strictest is kept.
func Build(about File, impostors Impostors) (*File, error) {
	f := about
	f.Schema, f.Scheme = Schema, Scheme
	f.Comparisons = impostors.Count()
	f.Points = nil
	for _, fmr := range []float64{
		1e-1, 5e-2, 2e-2, 1e-2, 5e-3, 2e-3, 1e-3, 5e-4, 2e-4, 1e-4, 5e-5, 2e-5, 1e-5, 5e-6, 2e-6, 1e-6, 5e-7, 2e-7, 1e-7,
	} {
		threshold, ok := impostors.Threshold(fmr)
		if !ok || impostors.AtLeast(threshold) < MinErrors {
			break
		}
		if last := len(f.Points) - 1; last >= 0 && f.Points[last].Threshold == threshold {
			f.Points = f.Points[:last]
		}
		f.Points = append(f.Points, Point{fmr, threshold})
	}
	if len(f.Points) == 0 {
		return nil, hint.Wrap(fmt.Errorf("%d impostor comparisons: %w", f.Comparisons, ErrTooFew),
			"measure on more people: %d comparisons between different people are the least", 10*MinErrors)
	}
	if err := f.Validate(); err != nil {
		return nil, err
	}
	return &f, nil
}

// requiredFMR returns the false match rate at which a search among n people keeps to fpir.
func requiredFMR(n int, fpir float64) float64 { return -math.Expm1(math.Log1p(-fpir) / float64(n)) }

// Threshold returns the score from which a probe may be accepted when n people are enrolled, so that a person who is
// not among them is taken for one of them with a probability of at most fpir, in (0, 1). Between two measured points
// the stricter one holds. An n below 1 counts as 1. The error wraps ErrBeyond if no measured point is strict enough.
func (f *File) Threshold(n int, fpir float64) (float64, error) {
	if !(fpir > 0 && fpir < 1) {
		return 0, fmt.Errorf("FPIR %v is not between 0 and 1", fpir)
	}
	want := requiredFMR(max(n, 1), fpir)
	for _, p := range f.Points {
		if p.FMR <= want {
			return p.Threshold, nil
		}
	}
	return 0, hint.Wrap(fmt.Errorf("%d enrolled at FPIR %g need FMR %.2g: %w", n, fpir, want, ErrBeyond),
		"at FPIR %g this calibration covers at most %d enrolled people: "+
			"measure on more people with facegate eval recognition, or allow a higher FPIR", fpir, f.MaxEnrolled(fpir))
}

// MaxEnrolled returns the largest n for which Threshold(n, fpir) has an answer, 0 if there is none. It counts no
// further than 2^31-1.
func (f *File) MaxEnrolled(fpir float64) int {
	if !(fpir > 0 && fpir < 1) || len(f.Points) == 0 {
		return 0
	}
	strictest := f.Points[len(f.Points)-1].FMR
	return sort.Search(math.MaxInt32, func(n int) bool { return requiredFMR(n+1, fpir) < strictest })
}

// Validate reports what breaks the format or cannot be true. Its error wraps ErrInvalid.
func (f *File) Validate() error {
	for _, err := range []error{f.validateHead(), f.validateMean(), f.validatePoints()} {
		if err != nil {
			return fmt.Errorf("%w: %w", ErrInvalid, err)
		}
	}
	return nil
}

func (f *File) validateHead() error {
	if f.Schema != Schema {
		return fmt.Errorf("schema is %q, want %q", f.Schema, Schema)
	}
	if f.Scheme != Scheme {
		return fmt.Errorf("scheme is %q, want %q", f.Scheme, Scheme)
	}
	if raw, err := hex.DecodeString(f.ModelID); err != nil || len(raw) != 32 || strings.ToLower(f.ModelID) != f.ModelID {
		return fmt.Errorf("model_id %q is not a SHA-256 in lower-case hex", f.ModelID)
	}
	if f.Embedder == "" {
		return errors.New("embedder is missing")
	}
	if _, err := time.Parse(time.DateOnly, f.Created); err != nil {
		return fmt.Errorf("created %q is not a day like 2026-01-31", f.Created)
	}
	if f.People < 2 || f.Pictures < f.People {
		return fmt.Errorf("%d pictures of %d people: at least one each of two people is needed", f.Pictures, f.People)
	}
	return nil
}

func (f *File) validateMean() error {
	if f.Dim < 1 || f.Dim > maxDim {
		return fmt.Errorf("dim %d is not in 1..%d", f.Dim, maxDim)
	}
	if len(f.Mean) != f.Dim {
		return fmt.Errorf("mean has %d values, want dim = %d", len(f.Mean), f.Dim)
	}
	var sum float64
	for _, x := range f.Mean {
		sum += float64(x) * float64(x)
	}
	if !(sum <= 1+1e-3) {
		return fmt.Errorf("mean has length %.3g: the mean of unit vectors is not longer than 1", math.Sqrt(sum))
	}
	return nil
}

func (f *File) validatePoints() error {
	if len(f.Points) == 0 {
		return errors.New("points are missing")
	}
	for i, p := range f.Points {
		if !(p.FMR > 0 && p.FMR < 1) {
			return fmt.Errorf("points[%d]: fmr %v is not between 0 and 1", i, p.FMR)
		}
		if !(p.Threshold >= -1 && p.Threshold <= 1) {
			return fmt.Errorf("points[%d]: threshold %v is not in [-1, 1]", i, p.Threshold)
		}
		if !(p.FMR*float64(f.Comparisons) >= MinErrors) {
			return fmt.Errorf("points[%d]: %d comparisons cannot show fmr %v: at least %d errors must stand behind it",
				i, f.Comparisons, p.FMR, MinErrors)
		}
		if i > 0 && !(p.FMR < f.Points[i-1].FMR && p.Threshold > f.Points[i-1].Threshold) {
			return fmt.Errorf("points[%d]: fmr must fall and threshold must rise from point to point", i)
		}
	}
	return nil
}
