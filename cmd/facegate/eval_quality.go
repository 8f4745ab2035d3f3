package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"runtime"
	"slices"
	"text/tabwriter"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/sync/errgroup"

	"facegate/configs"
	"facegate/configs/hint"
	"facegate/configs/show"
	"facegate/device"
	"facegate/pipeline/calibrate"
	"facegate/pipeline/detect"
	"facegate/pipeline/embed"
	"facegate/pipeline/evaluate/limits"
	"facegate/pipeline/evaluate/worsen"
	"facegate/pipeline/liveness"
	"facegate/pipeline/liveness/thresholds"
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
	gate := configs.Defaults() // whose limits are measured
	judge, err := newQualityJudge(bundle)
	if err != nil {
		return err
	}
	looks, err := c.look(ctx, engines, people, judge, t.err)
	if err != nil {
		return err
	}
	l, minFace := quality.Limits(gate.Quality), float64(gate.Zone.MinFace)
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

// A qualityJudge compares faces as a gate does: a template of several pictures as the stored hash.
type qualityJudge struct {
	mean      template.Mean
	rotation  *template.Rotation
	threshold float64
	live      float64 // the liveness below which a face is taken for a print
}

func newQualityJudge(b models.Bundle) (*qualityJudge, error) {
	f, err := calibrate.Shipped(b.Embedder.ID())
	if err != nil {
		return nil, hint.Wrap(err, "measure it: facegate eval recognition --write-calibration FILE")
	}
	live, err := thresholds.Shipped(models.Names(b.Liveness))
	if err != nil {
		return nil, err
	}
	j := &qualityJudge{mean: template.Mean(f.Mean), live: live.Refuse}
	if j.threshold, err = f.Threshold(1, qualityPeople, qualityFPIR); err != nil {
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

// template returns the code of several faces.
func (j *qualityJudge) template(faces []embed.Vector) template.Code {
	sum := make(embed.Vector, len(j.mean))
	for _, v := range faces[:min(len(faces), qualityTemplate)] {
		for i, x := range v {
			sum[i] += x
		}
	}
	sum.Normalize()
	return template.Sign(j.rotated(sum))
}

// matches reports whether a rotated probe reaches the threshold against a template.
func (j *qualityJudge) matches(probe []float32, code *template.Code) bool {
	var score float64
	for i, y := range probe {
		if code[i/64]>>(i%64)&1 == 1 {
			score += float64(y)
		} else {
			score -= float64(y)
		}
	}
	return score*j.rotation.Scale() >= j.threshold
}

// judge compares the faces of everybody with their own template and those of the others, and returns what came of it. The
// template that a picture as it was taken is compared with is made of the person's other pictures.
func (j *qualityJudge) judge(ctx context.Context, people [][]qualityFace, progress *progressbar.ProgressBar) ([]limits.Look, error) {
	defer progress.Finish()
	codes := make([]template.Code, len(people))
	for p, faces := range people {
		codes[p] = j.template(others(faces, 0))
	}
	looks := make([][]limits.Look, len(people))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for p, faces := range people {
		group.Go(func() error {
			for i, f := range faces {
				own := codes[p]
				if i > 0 && f.look.Change == "" {
					own = j.template(others(faces, i))
				}
				looks[p] = append(looks[p], j.compare(f, p, &own, codes))
			}
			progress.Add(1)
			return ctx.Err()
		})
	}
	err := group.Wait()
	return slices.Concat(looks...), err
}

func (j *qualityJudge) compare(f qualityFace, person int, own *template.Code, codes []template.Code) limits.Look {
	f.look.Person = person
	if !f.look.Found {
		return f.look
	}
	probe := j.rotated(f.vector)
	f.look.Matched = j.matches(probe, own)
	for p := range codes {
		if p != person {
			f.look.Compared++
			if j.matches(probe, &codes[p]) {
				f.look.Confused++
			}
		}
	}
	return f.look
}

// others returns the vectors of a person's pictures as they were taken, but for one.
func others(faces []qualityFace, but int) (list []embed.Vector) {
	for i, f := range faces {
		if i != but && f.look.Found && f.look.Change == "" {
			list = append(list, f.vector)
		}
	}
	return list
}

// A qualityFace is what an Engine says of one picture.
type qualityFace struct {
	look      limits.Look
	vector    embed.Vector
	landmarks detect.Landmarks
}

// look looks at everybody, and at the first picture of some made worse as well. It leaves out whoever has no template.
func (c *evalQualityCommand) look(ctx context.Context, engines []*vision.Engine, people [][]picture, j *qualityJudge, progress io.Writer) (
	[]limits.Look, error,
) {
	turns := make([]picture, len(people)) // by which eachPicture goes
	worse := make([]bool, len(people))
	for i, left := 0, c.People; i < len(people); i++ {
		turns[i] = people[i][0]
		if worse[i] = len(people[i]) >= qualityAtLeast && left > 0; worse[i] {
			left--
		}
	}
	faces := make([][]qualityFace, len(people))
	err := eachPicture(ctx, engines, turns, newBar(progress, int64(len(turns)), "people"), func(e *vision.Engine, i int) (err error) {
		faces[i], err = j.lookAtPerson(e, people[i], worse[i])
		return err
	})
	if err != nil {
		return nil, err
	}
	faces = slices.DeleteFunc(faces, func(f []qualityFace) bool { return len(others(f, 0)) == 0 })
	return j.judge(ctx, faces, newBar(progress, int64(len(faces)), "comparisons"))
}

// lookAtPerson looks at each picture of a person, and if worse is set at the first one made worse as well.
func (j *qualityJudge) lookAtPerson(e *vision.Engine, pictures []picture, worse bool) (faces []qualityFace, err error) {
	var first device.Frame
	for i, p := range pictures {
		frame, err := readFrame(p.path)
		if err != nil {
			return nil, err
		}
		f, err := j.lookAt(e, frame)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			first = frame
		}
		faces = append(faces, f)
	}
	if !worse || !faces[0].look.Found {
		return faces, nil
	}
	made, err := j.lookAtWorse(e, first, faces[0].landmarks)
	return append(faces, made...), err
}

// lookAtWorse makes a picture worse in every way.
func (j *qualityJudge) lookAtWorse(e *vision.Engine, frame device.Frame, at detect.Landmarks) (faces []qualityFace, err error) {
	img, err := jpeg.Decode(bytes.NewReader(frame.Data))
	if err != nil {
		return nil, err
	}
	src := worsen.RGBA(img)
	for _, change := range worsen.Changes() {
		for _, level := range change.Levels {
			f, err := j.lookAtImage(e, change.Make(src, at, level))
			if err != nil {
				return nil, err
			}
			f.look.Change, f.look.Level = change.Name, level
			faces = append(faces, f)
		}
	}
	return faces, nil
}

func (j *qualityJudge) lookAtImage(e *vision.Engine, img image.Image) (qualityFace, error) {
	var buf bytes.Buffer
	if err := jpeg.Encode(&buf, img, &jpeg.Options{Quality: 92}); err != nil {
		return qualityFace{}, err
	}
	return j.lookAt(e, device.Frame{Format: device.JPEG, Data: buf.Bytes()})
}

// lookAt leads the main face of a frame to its vector.
func (j *qualityJudge) lookAt(e *vision.Engine, frame device.Frame) (f qualityFace, err error) {
	face, ok, err := mainFaceOf(e, frame)
	if err != nil || !ok {
		return f, err
	}
	bgr, size, err := e.Align(&face)
	if err != nil {
		return f, nil // which counts as no face
	}
	f.look = limits.Look{Found: true, Face: float64(face.Box.Width()), Measure: quality.Of(bgr, size, face.Landmarks)}
	live, err := e.Live(nil, &face)
	if err != nil {
		return f, err
	}
	f.look.Live = liveness.Fuse(live) >= j.live
	f.landmarks, f.vector = face.Landmarks, make(embed.Vector, e.Dim())
	return f, e.Embed(f.vector)
}

func (r *qualityResult) write(w *tabwriter.Writer) {
	show.Fprintf(w, "%s: embedder %s, threshold %.3f (%d people, FPIR %g)\n\n", r.Folder, r.Embedder, r.Threshold, qualityPeople, qualityFPIR)
	limits.Write(w, r.Steps, r.Curves)
}
