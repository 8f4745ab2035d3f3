package calibrate

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
)

// maxBeta bounds Beta: more than this of an excess is no measured share of it.
const maxBeta = 4

// Validate reports what breaks the format or cannot be true. Its error wraps ErrInvalid.
func (f *File) Validate() error {
	for _, err := range []error{f.validateHead(), f.validateMean(), f.validateDecisions(), f.validateCrowd(), f.validateExcluded()} {
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

func (f *File) validateDecisions() error {
	if f.TemplatePictures < 1 {
		return fmt.Errorf("template_pictures %d: a template is of at least one picture", f.TemplatePictures)
	}
	if len(f.Decisions) == 0 {
		return errors.New("decisions are missing")
	}
	for i, d := range f.Decisions {
		switch {
		case d.Frames < 1 || i > 0 && d.Frames <= f.Decisions[i-1].Frames:
			return fmt.Errorf("decisions[%d]: frames %d: they must be at least 1 and rise from decision to decision", i, d.Frames)
		case d.ScoreFrames < 1 || d.ScoreFrames > d.Frames:
			return fmt.Errorf("decisions[%d]: score_frames %d is not in 1..%d: the mean of more frames bounds nothing of fewer",
				i, d.ScoreFrames, d.Frames)
		}
		if err := d.validatePoints(); err != nil {
			return fmt.Errorf("decisions[%d]: %w", i, err)
		}
	}
	return nil
}

func (d *Decision) validatePoints() error {
	if len(d.Points) == 0 {
		return errors.New("points are missing")
	}
	for i, p := range d.Points {
		if !(p.FMR > 0 && p.FMR < 1) {
			return fmt.Errorf("points[%d]: fmr %v is not between 0 and 1", i, p.FMR)
		}
		if !(p.Threshold >= -1 && p.Threshold <= 1) {
			return fmt.Errorf("points[%d]: threshold %v is not in [-1, 1]", i, p.Threshold)
		}
		if !(p.FMR*float64(d.Comparisons) >= MinErrors) {
			return fmt.Errorf("points[%d]: %d comparisons cannot show fmr %v: at least %d errors must stand behind it",
				i, d.Comparisons, p.FMR, MinErrors)
		}
		if i > 0 && !(p.FMR < d.Points[i-1].FMR && p.Threshold > d.Points[i-1].Threshold) {
			return fmt.Errorf("points[%d]: fmr must fall and threshold must rise from point to point", i)
		}
	}
	return nil
}

func (f *File) validateCrowd() error {
	if !(f.Beta >= 0 && f.Beta <= maxBeta) {
		return fmt.Errorf("beta %v is not in [0, %d]", f.Beta, maxBeta)
	}
	if f.Beta > 0 && len(f.Crowd) == 0 {
		return fmt.Errorf("crowd is missing, without which beta %v has nothing to go by", f.Beta)
	}
	for i, c := range f.Crowd {
		if c.N < minCrowd || i > 0 && c.N <= f.Crowd[i-1].N {
			return fmt.Errorf("crowd[%d]: n %d: it must be at least %d and rise from entry to entry", i, c.N, minCrowd)
		}
		if !(c.H >= -1 && c.H <= 1) {
			return fmt.Errorf("crowd[%d]: h %v is not in [-1, 1]", i, c.H)
		}
	}
	return nil
}

func (f *File) validateExcluded() error {
	for i, x := range f.Excluded {
		if x.Kept == "" || x.Left == "" || x.Reason == "" {
			return fmt.Errorf("excluded[%d]: two names and a reason are needed", i)
		}
	}
	return nil
}
