// Package calibrate turns a wanted open-set error rate into a match threshold, by a file measured for one embedder.
//
// A gate that compares a probe with N enrolled people makes N chances of a false match, so the threshold must grow
// with N: FPIR(N) = 1 - (1 - FMR)^N (ISO/IEC 19795-1, for independent comparisons). The file holds the thresholds at
// which given false match rates were measured, for the templates and the decisions of a gate: a template is the mean of
// several pictures, and a decision is of one frame's score or of the mean score of several. It claims no rate that its
// impostor comparisons could not show. It also holds how crowded a mixed crowd is to the embedder: see Crowding.
package calibrate

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"sort"

	"facegate/configs/hint"
	"facegate/pipeline/embed"
)

const (
	// Schema is the format of the file that this package reads and writes.
	Schema = "facegate-calibration/2"

	// Scheme is the template scheme that the points are measured for: 1024 keyed sign bits, rescored with the
	// real-valued probe.
	Scheme = "s1-1024"

	// MinErrors is how many impostor comparisons must have scored at or above a point's threshold. Ten errors put
	// the rate within a factor of about two (Clopper-Pearson, 95 %: 0.48 to 1.84 times what was seen); with none in n
	// comparisons only "below 3/n" could be said (the rule of three).
	MinErrors = 10

	// MinPairs is how many pairs of people must be behind a point, so that no single pair of twins makes one.
	MinPairs = 3

	// TemplatePictures is of how many pictures templates are measured, at most. The mean of more scores no higher: of 40,
	// where there are so many, the threshold at FMR 2e-5 is 0.459 as of 4.
	TemplatePictures = 4

	// Judged is how many frames a decision by the mean score is measured for.
	Judged = 3

	maxDim = 4096
)

var (
	// ErrInvalid is wrapped by the errors of a calibration that breaks the format or contradicts itself.
	ErrInvalid = errors.New("calibration is invalid")

	// ErrBeyond means that more people are enrolled than the measured comparisons can answer for.
	ErrBeyond = errors.New("beyond what the calibration shows")

	// ErrKind means that a calibration is of other templates or other decisions than a gate makes.
	ErrKind = errors.New("calibration of another kind")

	// ErrTooFew means that there were too few impostor comparisons for a single point.
	ErrTooFew = errors.New("too few comparisons to calibrate")
)

// A File is a calibration: what was measured, on what, with which model.
type File struct {
	Schema   string `json:"schema"`   // Schema
	ModelID  string `json:"model_id"` // SHA-256 of the embedder's file, 64 lower-case hex digits
	Embedder string `json:"embedder"` // the embedder's name in the model manifest
	Dim      int    `json:"dim"`      // length of its vectors
	Scheme   string `json:"scheme"`   // Scheme
	Created  string `json:"created"`  // the day, as 2006-01-02
	Source   string `json:"source"`   // what was measured on, for people to read
	People   int    `json:"people"`   // people in Source with at least one vector
	Pictures int    `json:"pictures"` // pictures in Source with a vector

	TemplatePictures int         `json:"template_pictures"` // up to how many pictures a template was the mean of
	Decisions        []Decision  `json:"decisions"`         // by Frames, from few to many
	Crowd            []Crowd     `json:"crowd"`             // by N, from few to many; empty where Beta is 0
	Beta             float64     `json:"beta"`              // share of the excess over Crowding by which a score must be higher
	Excluded         []Exclusion `json:"excluded"`          // label errors of Source that were left out

	Mean Mean `json:"mean"` // the model's public mean vector mu, Dim values
}

// A Decision is the points for one way of judging a track: by the score of one frame, or by the mean score of several.
type Decision struct {
	Frames int `json:"frames"` // whose mean score is judged

	// ScoreFrames is of how many frames the scores behind Points are the mean. Where they are fewer than Frames, Points
	// are a bound: a mean of more scores strays less above what is usual, however much its frames are alike.
	ScoreFrames int     `json:"score_frames"`
	Comparisons int64   `json:"comparisons"` // impostor comparisons behind Points
	Points      []Point `json:"points"`      // from lenient to strict
}

// A Crowd is how crowded the place of a genuine probe is among N people of a mixed crowd: the mean of its best scores
// with up to five other people.
type Crowd struct {
	N int     `json:"n"`
	H float64 `json:"h"` // cosine-equivalent, in [-1, 1]
}

// An Exclusion is two names in Source that are, or seem, one person. The second was left out.
type Exclusion struct {
	Kept   string `json:"kept"`
	Left   string `json:"left"`
	Reason string `json:"reason"`
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

// Impostors are the scores of templates with probes of other people.
type Impostors interface {
	// Count returns the number of comparisons.
	Count() int64

	// Threshold returns the lowest threshold that at most rate of the comparisons reach, among other people than those
	// who were measured as well. Pairs is how many pairs of people stand behind it: those with a comparison that is among
	// the rate's.
	Threshold(rate float64) (threshold float64, pairs int)
}

// Build returns a copy of about with Schema, Scheme and Decisions filled in from the impostor scores of single frames: the
// decision of one frame, and that of Judged frames, which the points of one frame bound. There is a point at 1, 2 and 5 of
// each decade from FMR 1e-1 to 1e-7, as far as MinErrors and MinPairs stand behind it. Of rates that share a threshold only
// the strictest is kept.
//
// Points measured on the mean of several pictures would be lower, and too low at a door: pictures of a webcam, taken one
// after the other, are far more alike than photographs of different days. See docs/accuracy.md.
func Build(about File, impostors Impostors) (*File, error) {
	f := about
	f.Schema, f.Scheme = Schema, Scheme
	points := pointsOf(impostors)
	if len(points) == 0 {
		return nil, hint.Wrap(fmt.Errorf("%d impostor comparisons: %w", impostors.Count(), ErrTooFew),
			"measure on more people: %d comparisons between different people are the least", 10*MinErrors)
	}
	f.Decisions = nil
	for _, frames := range []int{1, Judged} {
		f.Decisions = append(f.Decisions, Decision{frames, 1, impostors.Count(), slices.Clone(points)})
	}
	if err := f.Validate(); err != nil {
		return nil, err
	}
	return &f, nil
}

func pointsOf(impostors Impostors) (points []Point) {
	for _, fmr := range []float64{
		1e-1, 5e-2, 2e-2, 1e-2, 5e-3, 2e-3, 1e-3, 5e-4, 2e-4, 1e-4, 5e-5, 2e-5, 1e-5, 5e-6, 2e-6, 1e-6, 5e-7, 2e-7, 1e-7,
	} {
		if fmr*float64(impostors.Count()) < MinErrors {
			break
		}
		threshold, pairs := impostors.Threshold(fmr)
		if pairs < MinPairs {
			break
		}
		if last := len(points) - 1; last >= 0 && threshold <= points[last].Threshold {
			threshold = points[last].Threshold // the upper end for a stricter rate is no lower
			points = points[:last]
		}
		points = append(points, Point{fmr, threshold})
	}
	return points
}

// points returns what counts for the mean score of so many frames, of which 1 is the score of a single frame: the points
// of the decision with the most frames, but no more than these.
func (f *File) points(frames int) []Point {
	var points []Point
	for _, d := range f.Decisions {
		if d.Frames <= frames {
			points = d.Points
		}
	}
	return points
}

// Suits refuses, with ErrKind, a calibration whose thresholds would be too low for a gate that makes templates of so many
// pictures, and judges the mean score of so many frames. Templates of more pictures score higher, strangers as well. Points
// of more frames say nothing of fewer. A calibration of more pictures, or of fewer frames, is only stricter, but one that has
// no points for a mean of several frames was made for another gate.
func (f *File) Suits(pictures, frames int) error {
	var fault string
	switch few := min(pictures, TemplatePictures); {
	case f.TemplatePictures < few:
		fault = fmt.Sprintf("it is of templates of up to %d pictures, and this gate makes them of %d", f.TemplatePictures, pictures)
	case f.points(frames) == nil:
		fault = fmt.Sprintf("it has no points for decisions of %d frames, only of more", frames)
	case frames >= Judged && f.Decisions[len(f.Decisions)-1].Frames < Judged:
		fault = fmt.Sprintf("it has no points for the mean of %d frames", frames)
	default:
		return nil
	}
	return hint.Wrap(fmt.Errorf("%w: %s", ErrKind, fault),
		"measure it again with facegate eval recognition --write-calibration FILE, or leave vision.calibration empty")
}

// requiredFMR returns the false match rate at which a search among n people keeps to fpir.
func requiredFMR(n int, fpir float64) float64 { return -math.Expm1(math.Log1p(-fpir) / float64(n)) }

// Threshold returns the score from which a probe may be accepted when n people are enrolled, so that a person who is
// not among them is taken for one of them with a probability of at most fpir, in (0, 1), in a mixed crowd. The score is
// the mean of frames scores, 1 for that of a single frame. Between two measured points the stricter one holds. An n
// below 1 counts as 1. The error wraps ErrBeyond if no measured point is strict enough.
func (f *File) Threshold(frames, n int, fpir float64) (float64, error) {
	if !(fpir > 0 && fpir < 1) {
		return 0, fmt.Errorf("FPIR %v is not between 0 and 1", fpir)
	}
	want := requiredFMR(max(n, 1), fpir)
	for _, p := range f.points(frames) {
		if p.FMR <= want {
			return p.Threshold, nil
		}
	}
	return 0, hint.Wrap(fmt.Errorf("%d enrolled at FPIR %g need FMR %.2g: %w", n, fpir, want, ErrBeyond),
		"at FPIR %g this calibration covers at most %d enrolled people: "+
			"measure on more people with facegate eval recognition, or allow a higher FPIR", fpir, f.MaxEnrolled(frames, fpir))
}

// MaxEnrolled returns the largest n for which Threshold(frames, n, fpir) has an answer, 0 if there is none. It counts no
// further than 2^31-1.
func (f *File) MaxEnrolled(frames int, fpir float64) int {
	points := f.points(frames)
	if !(fpir > 0 && fpir < 1) || len(points) == 0 {
		return 0
	}
	strictest := points[len(points)-1].FMR
	return sort.Search(math.MaxInt32, func(n int) bool { return requiredFMR(n+1, fpir) < strictest })
}

// minCrowd is the fewest people among whom there is a crowd to speak of.
const minCrowd = 3

// Crowding returns h0: how crowded the place of a genuine probe is among n people of a mixed crowd, as a cosine. It is
// linear in ln n between the measured numbers of people, the first value before and the last beyond, and 0 for n < 3.
func (f *File) Crowding(n int) float64 {
	if n < minCrowd || len(f.Crowd) == 0 {
		return 0
	}
	i := slices.IndexFunc(f.Crowd, func(c Crowd) bool { return c.N >= n })
	switch {
	case i < 0:
		return f.Crowd[len(f.Crowd)-1].H
	case i == 0:
		return f.Crowd[0].H
	}
	low, high := f.Crowd[i-1], f.Crowd[i]
	share := math.Log(float64(n)/float64(low.N)) / math.Log(float64(high.N)/float64(low.N))
	return low.H + share*(high.H-low.H)
}
