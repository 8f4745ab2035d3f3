package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"path"
	"text/tabwriter"
	"time"

	"facegate/configs/file"
	"facegate/configs/hint"
	"facegate/configs/show"
	"facegate/pipeline/calibrate"
	"facegate/pipeline/embed"
	"facegate/pipeline/evaluate"
	"facegate/pipeline/evaluate/bypeople"
	"facegate/pipeline/evaluate/gallery"
	"facegate/pipeline/models"
	"facegate/pipeline/template"
	"facegate/pipeline/vision"
	"facegate/store/durable"
)

// identificationFPIR is the open-set error rate at which identification is reported.
const identificationFPIR = 0.01

type evalRecognitionCommand struct {
	Folder string `arg:"" help:"Folder of PERSON/PICTURE.jpg."`
	evalFlags
	Pairs            string `placeholder:"FILE" help:"Also run the LFW protocol on this pairs file."`
	DET              string `name:"det" placeholder:"FILE.svg" help:"Draw the detection error trade-off."`
	Exclude          string `placeholder:"FILE.csv" help:"Leave out label errors: lines NAME,NAME,REASON of two names that are one person, or PERSON/PICTURE,NAME,REASON of a picture of somebody else."`
	Groups           string `placeholder:"FILE.csv" help:"Also report by group: lines PERSON,GROUP."`
	WriteCalibration string `placeholder:"FILE" help:"Write the calibration for this embedder: its mean, its thresholds by number of people, and the raise for people who are alike."`
}

// A recognitionResult is everything that is measured, for the plain cosine and for the stored hash.
type recognitionResult struct {
	Folder          string                     `json:"folder"`
	Embedder        string                     `json:"embedder"`
	ModelID         string                     `json:"model_id"`
	Verification    []*evaluate.Report         `json:"verification"` // every pair of pictures counts once
	Identification  []*evaluate.Identification `json:"identification,omitempty"`
	People          peopleResult               `json:"people"` // every person and every pair of people counts once
	Gate            *gateResult                `json:"gate"`
	Labels          labelResult                `json:"labels"`
	LFW             []*evaluate.Verification   `json:"lfw,omitempty"`
	PicturesASecond float64                    `json:"pictures_a_second"`

	names  map[int]string // of each subject
	scores []*bypeople.Scores
}

func (c *evalRecognitionCommand) Run(ctx context.Context, t terminal) error {
	list, err := listPictures(c.Folder, 1)
	if err != nil {
		return err
	}
	labelled, err := c.label(list)
	if err != nil {
		return err
	}
	engines, bundle, err := c.open()
	if err != nil {
		return err
	}
	defer closeAll(engines)
	start := time.Now()
	samples, acquired, err := embedAll(ctx, engines, labelled.list, t.err)
	if err != nil {
		return err
	}
	rate := float64(len(labelled.list)) / time.Since(start).Seconds()
	mean, err := c.mean(bundle.Embedder, samples)
	if err != nil {
		return err
	}
	hash, err := hashScorer(samples, engines[0].Dim(), mean)
	if err != nil {
		return err
	}
	cosine, err := evaluate.NewCosine(samples)
	if err != nil {
		return err
	}
	result := &recognitionResult{
		Folder: c.Folder, Embedder: bundle.Embedder.Name, ModelID: bundle.Embedder.ID(), PicturesASecond: rate,
		Labels: labelResult{Excluded: labelled.excluded}, names: subjectNames(samples),
	}
	for _, s := range []evaluate.Scorer{cosine, hash} {
		if err := c.measure(ctx, result, samples, s, acquired, labelled.groups, t.err); err != nil {
			return err
		}
	}
	study := gallery.Study{
		People: gallery.People(samples), Mean: mean, Templates: calibrate.TemplatePictures, Draws: galleryDraws, Seed: drawSeed,
	}
	calibration, err := c.calibration(ctx, study, result, acquired, t.err)
	if err != nil {
		return err
	}
	if result.Gate, err = atTheGate(ctx, study, calibration, t.err); err != nil {
		return err
	}
	if err := c.writeFiles(t.newFiles(), result, calibration, acquired); err != nil {
		return err
	}
	return c.print(t, result, func(w *tabwriter.Writer) { result.write(w) })
}

// embedAll embeds the main face of every picture.
func embedAll(ctx context.Context, engines []*vision.Engine, list []picture, progress io.Writer) (
	[]evaluate.Sample, evaluate.Acquisition, error,
) {
	vectors := make([]embed.Vector, len(list))
	err := eachPicture(ctx, engines, list, newBar(progress, int64(len(list)), "faces"), func(e *vision.Engine, i int) error {
		face, ok, err := mainFace(e, list[i].path)
		if err != nil || !ok {
			return err
		}
		if _, _, err := e.Align(&face); err != nil {
			return nil // a face that cannot be aligned is a failure to acquire
		}
		v := make(embed.Vector, e.Dim())
		if err := e.Embed(v); err != nil {
			return err
		}
		vectors[i] = v
		return nil
	})
	if err != nil {
		return nil, evaluate.Acquisition{}, err
	}
	people := map[string]int{}
	seen := map[string]bool{}
	var samples []evaluate.Sample
	for i, p := range list {
		person := p.labels[0]
		if _, ok := people[person]; !ok {
			people[person] = len(people)
		}
		if vectors[i] != nil {
			seen[person] = true
			samples = append(samples, evaluate.Sample{Subject: people[person], Picture: p.name, Vector: vectors[i]})
		}
	}
	return samples, evaluate.Acquisition{
		People: len(people), PeopleFailed: len(people) - len(seen),
		Pictures: len(list), PicturesFailed: len(list) - len(samples),
	}, nil
}

// mean returns the public mean of the embedder: the shipped one, or where a calibration is to be written the mean of
// these people, each counting once.
func (c *evalRecognitionCommand) mean(m models.Model, samples []evaluate.Sample) (template.Mean, error) {
	if c.WriteCalibration == "" {
		f, err := calibrate.Shipped(m.ID())
		if err != nil {
			return nil, hint.Wrap(err, "measure it: facegate eval recognition --write-calibration FILE")
		}
		return template.Mean(f.Mean), nil
	}
	bySubject := map[int]embed.Vector{}
	for _, s := range samples {
		sum := bySubject[s.Subject]
		if sum == nil {
			sum = make(embed.Vector, len(s.Vector))
			bySubject[s.Subject] = sum
		}
		for i, x := range s.Vector {
			sum[i] += x
		}
	}
	mean := make(template.Mean, len(samples[0].Vector))
	for _, sum := range bySubject {
		sum.Normalize()
		for i, x := range sum {
			mean[i] += x / float32(len(bySubject))
		}
	}
	return mean, nil
}

// hashScorer protects every sample as an enrolment would, under one key drawn at random: the case of a real gate, where
// the key is the same for everybody.
func hashScorer(samples []evaluate.Sample, dim int, mean template.Mean) (*evaluate.Hash, error) {
	var key [32]byte
	rand.Read(key[:])
	r, err := template.NewRotation(key, dim)
	if err != nil {
		return nil, err
	}
	codes := make([]evaluate.Code, len(samples))
	for i, s := range samples {
		x := append(embed.Vector(nil), s.Vector...)
		if !template.Center(x, mean) {
			return nil, fmt.Errorf("%s: the embedding equals the mean", s.Picture)
		}
		y := make([]float32, template.Bits)
		r.Rotate(y, x)
		code := template.Sign(y)
		codes[i] = evaluate.Code{Probe: y, Bits: code[:]}
	}
	return evaluate.NewHash(codes, r.Scale())
}

func (c *evalRecognitionCommand) measure(ctx context.Context, result *recognitionResult, samples []evaluate.Sample,
	s evaluate.Scorer, acquired evaluate.Acquisition, groups map[string]string, progress io.Writer,
) error {
	bar := newBar(progress, 1, s.String())
	all, err := bypeople.Compare(ctx, samples, s, func(done, total int64) { bar.ChangeMax64(total); bar.Set64(done) })
	bar.Finish()
	if err != nil {
		return err
	}
	report, err := all.Pairs.Report(acquired)
	if err != nil {
		return err
	}
	result.scores = append(result.scores, all)
	result.Verification = append(result.Verification, report)
	if err := result.byPeople(samples, s, all, groups); err != nil {
		return err
	}
	if err := result.identify(ctx, samples, s); err != nil {
		show.Fprintln(progress, "identification left out:", err)
	}
	if c.Pairs == "" {
		return nil
	}
	v, err := c.verify(samples, s)
	result.LFW = append(result.LFW, v)
	return err
}

// maxPairs bounds a list of pairs, in bytes: that of LFW has 150 KB.
const maxPairs = 64 << 20

func (c *evalRecognitionCommand) verify(samples []evaluate.Sample, s evaluate.Scorer) (*evaluate.Verification, error) {
	pairs, err := file.Read(c.Pairs, maxPairs)
	if err != nil {
		return nil, err
	}
	folds, err := evaluate.ParsePairs(bytes.NewReader(pairs))
	if err != nil {
		return nil, err
	}
	return evaluate.Verify(folds, samples, s)
}

func (c *evalRecognitionCommand) writeFiles(d durable.Disk, r *recognitionResult, f *calibrate.File, acquired evaluate.Acquisition) error {
	if c.DET != "" {
		title := fmt.Sprintf("%s, %d people", r.Embedder, acquired.People)
		err := writeFile(d, c.DET, func(w io.Writer) error { return evaluate.WriteDET(w, title, r.performances()...) })
		if err != nil {
			return err
		}
	}
	if c.WriteCalibration == "" {
		return nil
	}
	return writeFile(d, c.WriteCalibration, func(w io.Writer) error { return calibrate.Write(w, f) })
}

// performances returns what is drawn: by people and by pairs of pictures.
func (r *recognitionResult) performances() []*evaluate.Performance {
	var all []*evaluate.Performance
	for _, s := range r.scores {
		people, pairs := *s.People, *s.Pairs
		people.Name += ", by people"
		pairs.Name += ", by pairs"
		all = append(all, &people, &pairs)
	}
	return all
}

// subjectNames returns the name of each subject, which is that of the folder.
func subjectNames(samples []evaluate.Sample) map[int]string {
	names := map[int]string{}
	for _, s := range samples {
		names[s.Subject] = path.Dir(s.Picture)
	}
	return names
}

// writeFile makes what write writes the file at path, for everybody to read: whole, or not at all.
func writeFile(d durable.Disk, path string, write func(io.Writer) error) error {
	var text bytes.Buffer
	if err := write(&text); err != nil {
		return err
	}
	return durable.Publish(d, path, text.Bytes(), 0o644)
}

func (r *recognitionResult) write(w io.Writer) {
	show.Fprintf(w, "%s: embedder %s (%s), %.0f pictures a second\n\n", r.Folder, r.Embedder, r.ModelID[:12], r.PicturesASecond)
	evaluate.WriteReports(w, r.Verification...)
	if len(r.Identification) > 0 {
		show.Fprintln(w)
		evaluate.WriteIdentifications(w, r.Identification...)
	}
	r.People.write(w)
	r.Gate.write(w)
	if len(r.LFW) > 0 {
		show.Fprintln(w)
		evaluate.WriteVerifications(w, r.LFW...)
	}
	r.Labels.write(w)
}
