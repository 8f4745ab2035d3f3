package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"facegate/configs/file"
	"facegate/configs/hint"
	"facegate/configs/show"
	"facegate/pipeline/calibrate"
	"facegate/pipeline/embed"
	"facegate/pipeline/models"
	"facegate/pipeline/vision"
)

type modelsAdoptCommand struct {
	File     string `arg:"" help:"ONNX file of the embedder."`
	Pictures string `required:"" placeholder:"FOLDER" help:"Folder of PERSON/PICTURE.jpg to measure it on: a thousand people, two pictures of most."`
	Exclude  string `placeholder:"FILE.csv" help:"Leave out label errors of the folder, as with eval recognition."`

	Name       string `help:"How the configuration names it (default: the name of the file)."`
	Bundle     string `default:"open" help:"Bundle in which it serves (${default})."`
	Kind       string `default:"stated" help:"How it is fed: mobilefacenet, mobilefacenet_ms1m, reid0095 or sface, or stated by the flags below (${default})."`
	Licence    string `default:"not stated" help:"Its licence."`
	Source     string `default:"not stated" help:"Where it is published."`
	Provenance string `default:"not stated" help:"What is known of how its weights came to be."`

	Mean   []float64 `default:"127.5" help:"Taken from each pixel value of 0 to 255: one number, or three in the order of the colours (${default})."`
	Scale  []float64 `default:"0.0078125" help:"By which what is left is multiplied: one number, or three (${default})."`
	Colour string    `default:"rgb" enum:"rgb,bgr" help:"Order of the colours: rgb or bgr (${default})."`
	Dim    int       `default:"512" help:"How many numbers it gives (${default})."`
	Side   int       `default:"112" help:"Side of the face that it takes, in pixels (${default})."`
	Points []float64 `help:"Where eyes, nose and corners of the mouth lie in that face: ten numbers, x and y in pixels (default: the ArcFace template)."`

	modelsDirFlag
	jsonFlag
}

const (
	// What an adopted network has to carry, so that a gate of a usual size works with it.
	adoptEnrolled = 50   // people, at gateFPIR
	adoptFMR      = 2e-5 // at which those are told apart
	adoptFNMR     = 0.1  // of genuine comparisons that may fail there, people counting once
)

var (
	errRole    = errors.New("only an embedder can be adopted")
	errShipped = errors.New("facegate has a calibration of it already")
	errName    = errors.New("it cannot be called so")
	errMeasure = errors.New("the network could not be measured")
	errCarries = errors.New("the network is not adopted")
)

func (c *modelsAdoptCommand) Run(ctx context.Context, t terminal) error {
	data, err := file.Read(c.File, maxNetwork)
	if err != nil {
		return hint.Wrap(err, "name the ONNX file of the network, of at most %d MB", maxNetwork>>20)
	}
	m, err := models.Load()
	if err != nil {
		return err
	}
	network, err := c.network(m, data)
	if err != nil {
		return err
	}
	measured, err := c.measure(ctx, m, network, data, t)
	if err != nil {
		return err
	}
	network.Answer = measured.answer
	network.Adopted.Measured = measured.String()
	if err := measured.carries(); err != nil {
		return err
	}
	if err := models.Dir(c.Dir).Make(); err != nil {
		return err
	}
	if err := m.Adopt(models.Dir(c.Dir), network, data, measured.text); err != nil {
		return err
	}
	v := map[string]any{"name": network.Name, "model_id": network.ID(), "bundles": network.Bundles, "measured": measured.String()}
	return c.print(t, v, func(w *tabwriter.Writer) {
		show.Fprintf(w, "%s is adopted: %s\n", network.Name, measured)
		show.Fprintf(w, "use it with vision.bundle: %s and vision.embedder: %s; whoever is enrolled has to be captured again\n",
			network.Bundles[0], network.Name)
	})
}

var adoptedName = regexp.MustCompile(`^[a-z0-9][a-z0-9_]{0,39}$`)

// network returns what the flags and the manifest say of the file.
func (c *modelsAdoptCommand) network(m *models.Manifest, data []byte) (models.Model, error) {
	sum := sha256.Sum256(data)
	id := hex.EncodeToString(sum[:])
	adoption := &models.Adoption{Day: time.Now().UTC().Format(time.DateOnly)}
	known := slices.IndexFunc(m.Models(), func(o models.Model) bool { return o.ID() == id })
	if known >= 0 {
		network := m.Models()[known]
		if network.Role != models.Embedder {
			return network, hint.Wrap(fmt.Errorf("%s: %w", network.Name, errRole), "facegate models import %s brings it", c.File)
		}
		if _, err := calibrate.Shipped(id); err == nil {
			return network, hint.Wrap(fmt.Errorf("%s: %w", network.Name, errShipped), "facegate models import %s brings it", c.File)
		}
		network.Adopted = adoption
		network.Files = network.Files[:1]
		return network, nil
	}
	name := cmp.Or(c.Name, strings.ReplaceAll(strings.ToLower(strings.TrimSuffix(filepath.Base(c.File), ".onnx")), "-", "_"))
	if !adoptedName.MatchString(name) || slices.ContainsFunc(m.Models(), func(o models.Model) bool { return o.Name == name }) {
		return models.Model{}, hint.Wrap(fmt.Errorf("%q: %w", name, errName),
			"choose another with --name, of small letters, digits and _, that facegate models list does not have")
	}
	network := models.Model{
		Name: name, Bundles: []string{c.Bundle}, Role: models.Embedder, Kind: models.Kind(c.Kind), Licence: c.Licence, Source: c.Source,
		Provenance: c.Provenance, Adopted: adoption,
		Files: []models.File{{File: name + ".onnx", SHA256: id, Size: int64(len(data)), OpenCV: minor(vision.OpenCV())}},
	}
	if !slices.Contains(models.EmbedderKinds(), network.Kind) {
		return network, hint.Wrap(fmt.Errorf("kind %q: %w", c.Kind, errRole), "of a detector, landmarks or liveness hang the limits and "+
			"thresholds of the whole gate, so they come with facegate; the kinds of embedders are %v", models.EmbedderKinds())
	}
	if _, err := m.Bundle(c.Bundle); err != nil {
		return network, err
	}
	if network.Kind != models.Stated {
		return network, nil
	}
	feed, err := c.feed()
	network.Feed = &feed
	return network, hint.Wrap(err, "its publisher says how it is fed; see facegate models adopt --help")
}

// minor returns a version without its last number.
func minor(version string) string {
	parts := strings.SplitN(version, ".", 3)
	return strings.Join(parts[:min(2, len(parts))], ".")
}

// feed returns how the flags say that the network is fed.
func (c *modelsAdoptCommand) feed() (models.Feed, error) {
	f := models.Feed{Side: c.Side, Colour: c.Colour, Dim: c.Dim}
	for _, three := range []struct {
		from []float64
		to   *models.Colours
		flag string
	}{{c.Mean, &f.Mean, "--mean"}, {c.Scale, &f.Scale, "--scale"}} {
		switch len(three.from) {
		case 1:
			*three.to = models.Colours{three.from[0], three.from[0], three.from[0]}
		case 3:
			*three.to = models.Colours(three.from)
		default:
			return f, fmt.Errorf("%s has %d numbers, and takes one or three", three.flag, len(three.from))
		}
	}
	switch len(c.Points) {
	case 0:
		t := embed.ArcFace112()
		for i, p := range t.Points {
			f.Points[2*i], f.Points[2*i+1] = float64(p.X)*float64(c.Side)/float64(t.Size), float64(p.Y)*float64(c.Side)/float64(t.Size)
		}
	case 10:
		f.Points = [10]float64(c.Points)
	default:
		return f, fmt.Errorf("--points has %d numbers, and takes ten", len(c.Points))
	}
	return f, f.Validate()
}

// measure opens the network and runs it on the pictures, in processes of their own: nobody knows yet what it does to OpenCV.
func (c *modelsAdoptCommand) measure(ctx context.Context, m *models.Manifest, network models.Model, data []byte, t terminal) (*measurement, error) {
	tmp, err := os.MkdirTemp("", "facegate-adopt-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp)
	pictures, err := filepath.Abs(c.Pictures)
	if err != nil {
		return nil, err
	}
	if err := c.stage(m, network, data, tmp); err != nil {
		return nil, err
	}
	r := &measurement{folder: filepath.Base(pictures)}
	out, err := child(ctx, data, nil, "models", "try", network.Name, "--models", tmp, "--answer")
	if err == nil {
		err = json.Unmarshal(out, &r.answer)
	}
	if err != nil {
		return nil, hint.Wrap(fmt.Errorf("%w: %w", errMeasure, err),
			"OpenCV %s does not run it as it is fed; check --kind, --side and --dim, or export it anew", vision.OpenCV())
	}
	written := filepath.Join(tmp, "calibration.json")
	args := []string{
		"eval", "recognition", pictures, "--bundle", network.Bundles[0], "--embedder", network.Name, "--models", tmp,
		"--write-calibration", written, "--json",
	}
	if c.Exclude != "" {
		exclude, err := filepath.Abs(c.Exclude)
		if err != nil {
			return nil, err
		}
		args = append(args, "--exclude", exclude)
	}
	if out, err = child(ctx, nil, t.err, args...); err != nil {
		return nil, hint.Wrap(fmt.Errorf("%w: %w", errMeasure, err), "lay the pictures out as %s/<person>/<picture>.jpg, and measure on "+
			"more people: a thousand or so", c.Pictures)
	}
	return r, r.read(out, written)
}

// stage lays out a folder with the network among the others of its bundle, as the gate's own folder has them.
func (c *modelsAdoptCommand) stage(m *models.Manifest, network models.Model, data []byte, tmp string) error {
	b, err := m.Bundle(network.Bundles[0])
	if err != nil {
		return err
	}
	from, err := filepath.Abs(c.Dir)
	if err != nil {
		return err
	}
	for _, other := range b.Models() {
		if other.Role == models.Embedder {
			continue
		}
		r := models.Dir(from).Verify([]models.Model{other}, vision.OpenCV())[0]
		if r.Status != models.OK {
			return hint.Wrap(r.Err, "the pictures are seen by the other networks of the bundle: "+
				"run facegate models fetch --bundle %s --dir %s", b.Name, from)
		}
		if err := os.Symlink(filepath.Join(from, r.File.File), filepath.Join(tmp, r.File.File)); err != nil {
			return err
		}
	}
	return m.Adopt(models.Dir(tmp), network, data, nil)
}

// A measurement is what came of a network.
type measurement struct {
	folder      string
	answer      []float64
	text        []byte // of the calibration
	calibration *calibrate.File
	fnmr        float64 // at adoptFMR, people counting once; 1 if the people are too few to tell
	measurable  bool
}

// read takes what eval has found out.
func (r *measurement) read(out []byte, written string) error {
	var result struct {
		People struct {
			Verification []struct {
				Points []struct {
					TargetFMR  float64 `json:"target_fmr"`
					Measurable bool    `json:"measurable"`
					FNMR       struct {
						Value float64 `json:"value"`
					} `json:"fnmr"`
				} `json:"points"`
			} `json:"verification"`
		} `json:"people"`
	}
	if err := json.Unmarshal(out, &result); err != nil {
		return fmt.Errorf("%w: %w", errMeasure, err)
	}
	reports := result.People.Verification
	if len(reports) == 0 {
		return fmt.Errorf("%w: nothing was compared", errMeasure)
	}
	r.fnmr = 1
	for _, p := range reports[len(reports)-1].Points { // of the stored hash
		if p.TargetFMR == adoptFMR && p.Measurable {
			r.fnmr, r.measurable = p.FNMR.Value, true
		}
	}
	var err error
	if r.text, err = file.Read(written, 4<<20); err != nil {
		return fmt.Errorf("%w: %w", errMeasure, err)
	}
	r.calibration, err = calibrate.Read(bytes.NewReader(r.text))
	return err
}

// String says on what the network was measured, and what came of it.
func (r *measurement) String() string {
	miss := "too few people to tell how many are missed"
	if r.measurable {
		miss = fmt.Sprintf("%.1f %% of genuine pictures missed at a false match rate of %g, people counting once", 100*r.fnmr, adoptFMR)
	}
	return fmt.Sprintf("%d pictures of %d people in %s; %s; enough for %d enrolled at an FPIR of %g", r.calibration.Pictures,
		r.calibration.People, show.Foreign(r.folder), miss, r.calibration.MaxEnrolled(1, gateFPIR), gateFPIR)
}

// carries refuses a network that a gate could not be run with.
func (r *measurement) carries() error {
	switch n := r.calibration.MaxEnrolled(1, gateFPIR); {
	case n < adoptEnrolled:
		return hint.Wrap(fmt.Errorf("%w: %s", errCarries, r), "measure on more people: a gate of %d needs about a thousand, or the "+
			"network confuses too many; --exclude leaves out label errors", adoptEnrolled)
	case !r.measurable || r.fnmr > adoptFNMR:
		return hint.Wrap(fmt.Errorf("%w: %s", errCarries, r), "at most %.0f %% may be missed; where that is far off, --mean, --scale, "+
			"--colour or --points are not those of the network", 100*adoptFNMR)
	}
	return nil
}
