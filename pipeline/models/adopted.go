package models

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"slices"
	"time"

	"github.com/goccy/go-yaml"

	"facegate/configs/file"
	"facegate/configs/hint"
)

const (
	// AdoptedSchema is the format of the file of adopted networks.
	AdoptedSchema = "facegate-adopted/1"

	// AdoptedFile is its name, in the folder of models.
	AdoptedFile = "adopted.yaml"

	maxAdopted     = 1 << 20 // of the file, in bytes
	maxCalibration = 4 << 20 // of one calibration, in bytes
)

// ErrAdopted is wrapped by the errors of the file of adopted networks.
var ErrAdopted = errors.New("the file of adopted networks cannot be used")

// A Feed says how a Stated embedder is fed: with faces of Side by Side pixels that are aligned to Points, as
// (value − Mean)·Scale in the order of Colour.
type Feed struct {
	Side   int     `yaml:"side" json:"side"`
	Mean   Colours `yaml:"mean" json:"mean"`
	Scale  Colours `yaml:"scale" json:"scale"`
	Colour string  `yaml:"colour" json:"colour"` // bgr or rgb
	Dim    int     `yaml:"dim" json:"dim"`       // how many numbers it gives
	Points Points  `yaml:"points" json:"points"`
}

// Colours are three numbers, one for each colour of a pixel.
type Colours [3]float64

// UnmarshalYAML wants exactly three numbers.
func (c *Colours) UnmarshalYAML(decode func(any) error) error { return exactly(c[:], decode) }

// Points are x and y in pixels of the eyes, the tip of the nose and the corners of the mouth, left before right in the picture.
type Points [10]float64

// UnmarshalYAML wants exactly ten numbers.
func (p *Points) UnmarshalYAML(decode func(any) error) error { return exactly(p[:], decode) }

// exactly sets into from a list of as many numbers. The library itself would leave zeros for those that are missing, and
// panics for one too many.
func exactly(into []float64, decode func(any) error) error {
	var list []float64
	if err := decode(&list); err != nil {
		return err
	}
	if len(list) != len(into) {
		return fmt.Errorf("a list has %d numbers, and takes %d", len(list), len(into))
	}
	copy(into, list)
	return nil
}

// An Adoption is what a site has found out of a network that it brought itself.
type Adoption struct {
	Day         string `yaml:"day" json:"day"`                 // as 2026-01-31
	Measured    string `yaml:"measured" json:"measured"`       // on what, and what came of it, for people to read
	Calibration string `yaml:"calibration" json:"calibration"` // name of the file, in the folder of models
	SHA256      string `yaml:"sha256" json:"sha256"`           // of the calibration
}

// An adopted network, as the file has it.
type adopted struct {
	Name       string    `yaml:"name"`
	Bundles    []string  `yaml:"bundles"`
	Kind       Kind      `yaml:"kind"`
	File       File      `yaml:"file"`
	Licence    string    `yaml:"licence"`
	Source     string    `yaml:"source"`
	Provenance string    `yaml:"provenance"`
	Feed       *Feed     `yaml:"feed,omitempty"`
	Answer     []float64 `yaml:"answer,flow"`
	Adoption   Adoption  `yaml:"adoption"`
}

func (a adopted) model() Model {
	return Model{
		Name: a.Name, Bundles: a.Bundles, Role: a.Kind.role(), Kind: a.Kind, Files: []File{a.File}, Licence: a.Licence, Source: a.Source,
		Provenance: a.Provenance, Input: "as its kind", Output: "as its kind", Feed: a.Feed, Answer: a.Answer, Adopted: &a.Adoption,
	}
}

// Adopted returns the networks that were adopted into dir, none if there is no such file. It is read strictly: unknown keys and
// values that cannot be are errors, and so is a file that every user may write to.
func (d Dir) Adopted() ([]Model, error) {
	path := filepath.Join(string(d), AdoptedFile)
	text, err := file.ReadShared(path, maxAdopted)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var list []Model
	if err == nil {
		list, err = parseAdopted(text)
	}
	if err != nil {
		return nil, hint.Wrap(fmt.Errorf("models: %s: %w: %w", path, ErrAdopted, err), "%s",
			cmp.Or(hint.Of(err), "adopt its networks anew with facegate models adopt, after moving the file away"))
	}
	return list, nil
}

func parseAdopted(text []byte) ([]Model, error) {
	var raw struct {
		Schema   string    `yaml:"schema"`
		Networks []adopted `yaml:"networks"`
	}
	if err := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict()).Decode(&raw); err != nil {
		return nil, err
	}
	if raw.Schema != AdoptedSchema {
		return nil, fmt.Errorf("schema is %q, want %q", raw.Schema, AdoptedSchema)
	}
	var list []Model
	for _, a := range raw.Networks {
		m := a.model()
		if err := errors.Join(m.validate(), a.validate()); err != nil {
			return nil, fmt.Errorf("network %q: %w", a.Name, err)
		}
		list = append(list, m)
	}
	return list, nil
}

func (a adopted) validate() error {
	plain := func(name string) bool { return File{File: name, SHA256: a.File.SHA256, Size: 1}.validate() == nil }
	_, bad := time.Parse(time.DateOnly, a.Adoption.Day)
	switch {
	case a.Kind.role() != Embedder:
		return fmt.Errorf("kind %q is no embedder", a.Kind)
	case (a.Kind == Stated) != (a.Feed != nil):
		return fmt.Errorf("kind %q and a feed do not go together", a.Kind)
	case bad != nil:
		return fmt.Errorf("day %q is not a day", a.Adoption.Day)
	case a.Adoption.Calibration != "" && !plain(a.Adoption.Calibration):
		return fmt.Errorf("calibration %q is not a plain file name", a.Adoption.Calibration)
	case a.Feed != nil:
		return a.Feed.Validate()
	}
	return nil
}

// Validate says why nothing can be fed so.
func (f Feed) Validate() error {
	switch {
	case f.Side < 32 || f.Side > 512:
		return fmt.Errorf("side %d is not within 32..512", f.Side)
	case f.Dim < 16 || f.Dim > 4096:
		return fmt.Errorf("dim %d is not within 16..4096", f.Dim)
	case f.Colour != "bgr" && f.Colour != "rgb":
		return fmt.Errorf("colour %q is neither bgr nor rgb", f.Colour)
	}
	for i := range 3 {
		if !(math.Abs(f.Mean[i]) <= 255) || !(f.Scale[i] > 0 && f.Scale[i] <= 10) {
			return fmt.Errorf("mean %v and scale %v are not of pixels", f.Mean, f.Scale)
		}
	}
	for _, p := range f.Points {
		if !(p >= 0 && p <= float64(f.Side)) {
			return fmt.Errorf("point %v is not in the picture", p)
		}
	}
	return nil
}

// With returns the manifest with the networks that were adopted into dir. One of them may stand for a network of the manifest
// that has its name, its kind and its hash; otherwise neither name, file nor hash may be there already.
func (m *Manifest) With(dir Dir) (*Manifest, error) {
	list, err := dir.Adopted()
	if err != nil || len(list) == 0 {
		return m, err
	}
	with := *m
	with.models = slices.Clone(m.models)
	for _, a := range list {
		same := func(o Model) bool { return o.Name == a.Name && o.Kind == a.Kind && o.ID() == a.ID() }
		if i := slices.IndexFunc(with.models, same); i >= 0 {
			with.models[i].Adopted, with.models[i].Answer = a.Adopted, a.Answer
		} else {
			with.models = append(with.models, a)
		}
	}
	if err := with.validate(); err != nil {
		return nil, hint.Wrap(fmt.Errorf("models: %s: %w: %w", filepath.Join(string(dir), AdoptedFile), ErrAdopted, err),
			"give the network another name: facegate models adopt FILE --name NAME")
	}
	return &with, nil
}

// Calibration returns the calibration of an adopted network, after checking its hash. The error is ErrMissing for a network that
// has none.
func (d Dir) Calibration(m Model) ([]byte, error) {
	if m.Adopted == nil || m.Adopted.Calibration == "" {
		return nil, fmt.Errorf("models: the calibration of %s: %w", m.Name, ErrMissing)
	}
	path := filepath.Join(string(d), m.Adopted.Calibration)
	data, err := file.ReadShared(path, maxCalibration)
	if err == nil && sum(data) != m.Adopted.SHA256 {
		err = fmt.Errorf("%w: SHA-256 %s", ErrHash, sum(data))
	}
	if err != nil {
		return nil, hint.Wrap(fmt.Errorf("models: %s: %w", path, err), "adopt the network anew: facegate models adopt")
	}
	return data, nil
}

// Adopt stores a network that was measured, with its calibration, and notes it in the file of adopted networks, in the place of
// one of its name.
func (m *Manifest) Adopt(dir Dir, network Model, data, calibration []byte) error {
	list, err := dir.Adopted()
	if err != nil {
		return err
	}
	network.Adopted.Calibration, network.Adopted.SHA256 = network.Name+".calibration.json", sum(calibration)
	list = append(slices.DeleteFunc(list, func(o Model) bool { return o.Name == network.Name }), network)
	text, err := marshalAdopted(list)
	if err != nil {
		return err
	}
	if _, err := parseAdopted(text); err != nil {
		return fmt.Errorf("models: %w: %w", ErrAdopted, err)
	}
	for _, f := range []struct {
		name string
		data []byte
	}{{network.Files[0].File, data}, {network.Adopted.Calibration, calibration}, {AdoptedFile, text}} {
		if err := dir.write(File{File: f.name}, f.data); err != nil {
			return hint.Wrap(fmt.Errorf("models: %w %s: %w", errStore, f.name, err), "check that %s can be written and has room", dir)
		}
	}
	_, err = m.With(dir)
	return err
}

func marshalAdopted(list []Model) ([]byte, error) {
	var raw struct {
		Schema   string    `yaml:"schema"`
		Networks []adopted `yaml:"networks"`
	}
	raw.Schema = AdoptedSchema
	for _, m := range list {
		raw.Networks = append(raw.Networks, adopted{
			m.Name, m.Bundles, m.Kind, m.Files[0], m.Licence, m.Source, m.Provenance, m.Feed, m.Answer, *m.Adopted,
		})
	}
	text, err := yaml.Marshal(raw)
	if err != nil {
		return nil, fmt.Errorf("models: %w", err)
	}
	return append([]byte("# Networks that were adopted here by facegate models adopt, which writes this file.\n"), text...), nil
}
