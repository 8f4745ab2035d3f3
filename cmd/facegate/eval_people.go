package main

import (
	"bytes"
	"context"
	"io"
	"slices"

	"facegate/configs/file"
	"facegate/configs/show"
	"facegate/pipeline/calibrate"
	"facegate/pipeline/evaluate"
	"facegate/pipeline/evaluate/bypeople"
	"facegate/pipeline/evaluate/labels"
)

const (
	// maxLabels bounds a list of people, in bytes: a line each for a million people.
	maxLabels = 64 << 20

	// drawSeed makes every run on a folder draw the same people for its intervals.
	drawSeed = 1

	// gateFPIR is the rate of strangers' attempts for which a gate takes its thresholds if nobody says otherwise.
	gateFPIR = 0.001
)

// A labelling is what the lists beside a folder say of its pictures.
type labelling struct {
	list     []picture // without those that are left out
	excluded []labels.Exclusion
	groups   map[string]string // of each person, nil without a list
}

// label reads the lists of label errors and of groups.
func (c *evalRecognitionCommand) label(list []picture) (labelling, error) {
	l := labelling{list: list}
	var names, people []string
	for _, p := range list {
		names, people = append(names, p.name), append(people, p.labels[0])
	}
	if c.Groups != "" {
		text, err := file.Read(c.Groups, maxLabels)
		if err != nil {
			return l, err
		}
		if l.groups, err = labels.Groups(bytes.NewReader(text), slices.Compact(people)); err != nil {
			return l, err
		}
	}
	if c.Exclude == "" {
		return l, nil
	}
	text, err := file.Read(c.Exclude, maxLabels)
	if err != nil {
		return l, err
	}
	left, out, err := labels.Exclude(bytes.NewReader(text), names)
	kept := map[string]bool{}
	for _, name := range left {
		kept[name] = true
	}
	l.excluded = out
	l.list = slices.DeleteFunc(slices.Clone(list), func(p picture) bool { return !kept[p.name] })
	return l, err
}

// A peopleResult is what is measured with people as the unit.
type peopleResult struct {
	Verification   []*bypeople.Report         `json:"verification"`
	Identification []*bypeople.Identification `json:"identification,omitempty"`
	Groups         []*bypeople.GroupReport    `json:"groups,omitempty"`
}

// A labelResult is what was left out, and what may have to be.
type labelResult struct {
	Excluded []labels.Exclusion `json:"excluded,omitempty"`
	Suspects []labels.Suspect   `json:"suspects,omitempty"` // pairs of names that may be one person
	Strays   []labels.Stray     `json:"strays,omitempty"`   // pictures that may show somebody else
}

// byPeople adds what all scores of one scorer say with people as the unit.
func (r *recognitionResult) byPeople(samples []evaluate.Sample, s evaluate.Scorer, all *bypeople.Scores, groups map[string]string) error {
	var gate []bypeople.Gate
	if _, stored := s.(*evaluate.Hash); stored {
		gate = gateThresholds(r.ModelID)
	} else {
		r.Labels.Suspects, r.Labels.Strays = labels.Suspects(samples, s, all), labels.Strays(samples, all)
	}
	report, err := all.Report(drawSeed, gate)
	if err != nil {
		return err
	}
	r.People.Verification = append(r.People.Verification, report)
	if groups == nil {
		return nil
	}
	of := make([]string, len(samples))
	for i, x := range samples {
		of[i] = groups[r.names[x.Subject]]
	}
	r.People.Groups = append(r.People.Groups, all.Groups(report, of, drawSeed))
	return nil
}

// gateThresholds returns the thresholds that a gate takes by the shipped calibration of this embedder, none if there is none.
func gateThresholds(modelID string) []bypeople.Gate {
	f, err := calibrate.Shipped(modelID)
	if err != nil {
		return nil
	}
	var gate []bypeople.Gate
	for _, n := range []int{50, 200, 1000, 2000} {
		if t, err := f.Threshold(1, n, gateFPIR); err == nil {
			gate = append(gate, bypeople.Gate{Enrolled: n, Threshold: t})
		}
	}
	return gate
}

// identify adds what an open-set test comes to, by probes and by people.
func (r *recognitionResult) identify(ctx context.Context, samples []evaluate.Sample, s evaluate.Scorer) error {
	o, err := evaluate.Search(ctx, samples, s, nil)
	if err != nil {
		return err
	}
	r.Identification = append(r.Identification, o.At(identificationFPIR))
	r.People.Identification = append(r.People.Identification, bypeople.Identify(samples, o, identificationFPIR, drawSeed))
	return nil
}

func (r peopleResult) write(w io.Writer) {
	show.Fprintln(w)
	bypeople.Write(w, r.Verification...)
	if len(r.Identification) > 0 {
		show.Fprintln(w)
		bypeople.WriteIdentifications(w, r.Identification...)
	}
	if len(r.Groups) > 0 {
		show.Fprintln(w)
		bypeople.WriteGroups(w, r.Groups...)
	}
}

// write lists what was left out and what may be wrong, at most as many of each as somebody would look at.
func (r labelResult) write(w io.Writer) {
	const most = 100
	if len(r.Excluded) > 0 {
		show.Fprintf(w, "\nleft out as label errors:\n")
	}
	for _, x := range r.Excluded {
		show.Fprintf(w, "  %s is %s: %s\n", show.Whole(x.Left), show.Whole(x.Kept), show.Whole(x.Reason))
	}
	if len(r.Suspects) > 0 {
		show.Fprintf(w, "\nnames that may be one person, by plain cosine from %.1f on or by spelling; look at the pictures, "+
			"and leave out what is an error with --exclude FILE:\n", labels.SuspectScore)
	}
	for _, x := range r.Suspects[:min(most, len(r.Suspects))] {
		alike := ""
		if x.Spelling {
			alike = ", names alike"
		}
		show.Fprintf(w, "  %.3f  %s and %s%s\n", x.Score, show.Whole(x.Pictures[0]), show.Whole(x.Pictures[1]), alike)
	}
	more(w, len(r.Suspects)-most)
	if len(r.Strays) > 0 {
		show.Fprintf(w, "\npictures as unlike all others of their name as strangers are; they may show somebody else, or be poor ones:\n")
	}
	for _, x := range r.Strays[:min(most, len(r.Strays))] {
		show.Fprintf(w, "  %.3f  %s, the best of %d\n", x.Score, show.Whole(x.Picture), x.Others)
	}
	more(w, len(r.Strays)-most)
}

// forCalibration returns what was left out, as a calibration tells it.
func (r labelResult) forCalibration() []calibrate.Exclusion {
	var out []calibrate.Exclusion
	for _, x := range r.Excluded {
		out = append(out, calibrate.Exclusion{Kept: x.Kept, Left: x.Left, Reason: x.Reason})
	}
	return out
}

func more(w io.Writer, n int) {
	if n > 0 {
		show.Fprintf(w, "  and %d more, with --json\n", n)
	}
}
