package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"slices"
	"text/tabwriter"

	"facegate/configs"
	"facegate/configs/hint"
	"facegate/configs/show"
	"facegate/device"
	"facegate/pipeline/calibrate"
	"facegate/pipeline/detect"
	"facegate/pipeline/embed"
	"facegate/pipeline/evaluate/limits"
	"facegate/pipeline/evaluate/worsen"
	"facegate/pipeline/models"
	"facegate/pipeline/quality"
	"facegate/pipeline/template"
	"facegate/pipeline/vision"
)

type evalQualityCommand struct {
	Folder string `arg:"" help:"Folder of PERSON/PICTURE.jpg."`
	evalFlags
	People int `default:"200" placeholder:"N" help:"Of how many people a picture is made worse, step by step (${default})."`
}

// How the quality limits are measured.
const (
	qualityTemplate = 4    // other pictures of the person that make the template, at most
	qualityPictures = 6    // pictures of a person that are looked at, at most
	qualityAtLeast  = 3    // pictures of a person of whom one is made worse
	qualityPeople   = 50   // enrolled, for the threshold
	qualityFPIR     = 1e-3 // the default of match.fpir
)

// A qualityResult is what the limits of the reference cost.
type qualityResult struct {
	Folder    string         `json:"folder"`
	Embedder  string         `json:"embedder"`
	Threshold float64        `json:"threshold"`
	Steps     []limits.Step  `json:"steps"`
	Curves    []limits.Curve `json:"curves"`
}

// Run measures each limit on pictures as they were taken, and on some that are made worse step by step.
func (c *evalQualityCommand) Run(ctx context.Context, t terminal) error {
	engines, bundle, err := c.open()
	if err != nil {
		return err
	}
	defer closeAll(engines)
	list, err := listPictures(c.Folder, 1)
	if err != nil {
		return err
	}
	people := photographed(list)
	if len(people) == 0 {
		return hint.Wrap(fmt.Errorf("nobody in %s has two pictures", c.Folder), "add more pictures of the same people")
	}
	judge, err := newQualityJudge(bundle.Embedder)
	if err != nil {
		return err
	}
	looks, err := c.look(ctx, engines, people, judge, t.err)
	if err != nil {
		return err
	}
	l, minFace, err := referenceLimits()
	if err != nil {
		return err
	}
	r := &qualityResult{Folder: c.Folder, Embedder: bundle.Embedder.Name, Threshold: float64(judge.threshold)}
	r.Steps = append(r.Steps, limits.StepOf("", 0, looks, l, minFace))
	for _, change := range worsen.Changes() {
		for _, level := range change.Levels {
			r.Steps = append(r.Steps, limits.StepOf(change.Name, level, looks, l, minFace))
		}
	}
	for _, one := range limits.Limits(l, minFace) {
		r.Curves = append(r.Curves, limits.CurveOf(one, looks))
	}
	return c.print(t, r, r.write)
}

// photographed groups pictures by person and leaves out whoever has a single one.
func photographed(list []picture) (people [][]picture) {
	for _, p := range list {
		if n := len(people); n > 0 && people[n-1][0].labels[0] == p.labels[0] {
			people[n-1] = append(people[n-1], p)
		} else {
			people = append(people, []picture{p})
		}
	}
	for i, p := range people {
		people[i] = p[:min(len(p), qualityPictures)]
	}
	return slices.DeleteFunc(people, func(p []picture) bool { return len(p) < 2 })
}

// referenceLimits returns the limits of the reference configuration.
func referenceLimits() (quality.Limits, float64, error) {
	c, err := configs.Parse("facegate.yaml", bytes.NewReader(configs.Reference()))
	if err != nil {
		return quality.Limits{}, 0, err
	}
	return quality.Limits(c.Quality), float64(c.Zone.MinFace), nil
}

// A qualityJudge compares faces as a gate does: a template of several pictures as the stored hash.
type qualityJudge struct {
	mean      template.Mean
	rotation  *template.Rotation
	threshold float64
}

func newQualityJudge(m models.Model) (*qualityJudge, error) {
	f, err := calibrate.Shipped(m.ID())
	if err != nil {
		return nil, hint.Wrap(err, "measure it: facegate eval recognition --write-calibration FILE")
	}
	j := &qualityJudge{mean: template.Mean(f.Mean)}
	if j.threshold, err = f.Threshold(qualityPeople, qualityFPIR); err != nil {
		return nil, err
	}
	var key [32]byte
	rand.Read(key[:])
	j.rotation, err = template.NewRotation(key, len(f.Mean))
	return j, err
}

// rotated returns what a vector is compared as.
func (j *qualityJudge) rotated(v embed.Vector) []float32 {
	x, y := slices.Clone(v), make([]float32, template.Bits)
	if template.Center(x, j.mean) {
		j.rotation.Rotate(y, x)
	}
	return y
}

// matches reports whether a probe reaches the threshold against the template of the others.
func (j *qualityJudge) matches(probe embed.Vector, others []embed.Vector) bool {
	sum := make(embed.Vector, len(probe))
	for _, v := range others[:min(len(others), qualityTemplate)] {
		for i, x := range v {
			sum[i] += x
		}
	}
	sum.Normalize()
	code := template.Sign(j.rotated(sum))
	var score float64
	for i, y := range j.rotated(probe) {
		if code[i/64]>>(i%64)&1 == 1 {
			score += float64(y)
		} else {
			score -= float64(y)
		}
	}
	return score*j.rotation.Scale() >= j.threshold
}

// A qualityFace is what an Engine says of one picture.
type qualityFace struct {
	look      limits.Look
	vector    embed.Vector
	landmarks detect.Landmarks
}

// look looks at everybody. Whoever's turn it is has one Engine.
func (c *evalQualityCommand) look(ctx context.Context, engines []*vision.Engine, people [][]picture, j *qualityJudge, progress io.Writer) (
	[]limits.Look, error,
) {
	turns := make([]picture, len(people)) // by whose number the workers go
	worse := make([]bool, len(people))
	for i, left := 0, c.People; i < len(people); i++ {
		turns[i] = people[i][0]
		if len(people[i]) >= qualityAtLeast && left > 0 {
			worse[i] = true
			left--
		}
	}
	looks := make([][]limits.Look, len(people))
	err := eachPicture(ctx, engines, turns, newBar(progress, int64(len(turns)), "people"), func(e *vision.Engine, i int) (err error) {
		looks[i], err = lookAtPerson(e, i, people[i], j, worse[i])
		return err
	})
	return slices.Concat(looks...), err
}

// lookAtPerson compares each picture of a person with the others, and the first one made worse as well.
func lookAtPerson(e *vision.Engine, person int, pictures []picture, j *qualityJudge, worse bool) ([]limits.Look, error) {
	faces := make([]qualityFace, len(pictures))
	for i, p := range pictures {
		frame, err := readFrame(p.path)
		if err != nil {
			return nil, err
		}
		if faces[i], err = lookAtFrame(e, frame); err != nil {
			return nil, err
		}
	}
	var looks []limits.Look
	for i, f := range faces {
		var others []embed.Vector
		for k, o := range faces {
			if k != i && o.look.Found {
				others = append(others, o.vector)
			}
		}
		if len(others) == 0 {
			continue
		}
		f.look.Person = person
		f.look.Matched = f.look.Found && j.matches(f.vector, others)
		looks = append(looks, f.look)
		if i == 0 && worse && f.look.Found {
			made, err := lookAtWorse(e, person, pictures[i], f.landmarks, others, j)
			if err != nil {
				return nil, err
			}
			looks = append(looks, made...)
		}
	}
	return looks, nil
}

// lookAtWorse makes a picture worse in every way and compares what becomes of it.
func lookAtWorse(e *vision.Engine, person int, p picture, at detect.Landmarks, others []embed.Vector, j *qualityJudge) (
	looks []limits.Look, err error,
) {
	frame, err := readFrame(p.path)
	if err != nil {
		return nil, err
	}
	img, err := jpeg.Decode(bytes.NewReader(frame.Data))
	if err != nil {
		return nil, err
	}
	src := worsen.RGBA(img)
	for _, change := range worsen.Changes() {
		for _, level := range change.Levels {
			f, err := lookAtImage(e, change.Make(src, at, level))
			if err != nil {
				return nil, err
			}
			f.look.Person, f.look.Change, f.look.Level = person, change.Name, level
			f.look.Matched = f.look.Found && j.matches(f.vector, others)
			looks = append(looks, f.look)
		}
	}
	return looks, nil
}

func lookAtImage(e *vision.Engine, img image.Image) (qualityFace, error) {
	var buf bytes.Buffer
	if err := jpeg.Encode(&buf, img, &jpeg.Options{Quality: 92}); err != nil {
		return qualityFace{}, err
	}
	return lookAtFrame(e, device.Frame{Format: device.JPEG, Data: buf.Bytes()})
}

// lookAtFrame leads the main face of a frame to its vector.
func lookAtFrame(e *vision.Engine, frame device.Frame) (f qualityFace, err error) {
	face, ok, err := mainFaceOf(e, frame)
	if err != nil || !ok {
		return f, err
	}
	bgr, size, err := e.Align(&face)
	if err != nil {
		return f, nil // which counts as no face
	}
	f.look = limits.Look{Found: true, Face: float64(face.Box.Width()), Measure: quality.Of(bgr, size, face.Landmarks)}
	f.landmarks, f.vector = face.Landmarks, make(embed.Vector, e.Dim())
	return f, e.Embed(f.vector)
}

func (r *qualityResult) write(w *tabwriter.Writer) {
	show.Fprintf(w, "%s: embedder %s, threshold %.3f (%d people, FPIR %g)\n\n", r.Folder, r.Embedder, r.Threshold, qualityPeople, qualityFPIR)
	limits.Write(w, r.Steps, r.Curves)
}
