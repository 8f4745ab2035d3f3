// Package models knows which networks facegate may load, and hands out their bytes only after checking them.
//
// The weights are not part of the project. A manifest names each file with its SHA-256; Fetch and Import bring files
// that match, and ReadVerified returns the very bytes that were hashed. This matters for more than trust: OpenCV aborts
// the process when it is given a damaged network.
//
// One network may be published as several files. They are one network as long as they give the same numbers.
package models

import (
	"bytes"
	_ "embed"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"

	"facegate/configs/hint"
)

// Errors of this package. What is returned wraps one of them with the file or name concerned.
var (
	ErrUnknown  = errors.New("not in the manifest")              // no bundle or model of that name
	ErrMissing  = errors.New("the model file is missing")        // nothing there to verify
	ErrHash     = errors.New("the file is not the expected one") // its size or hash differs from the manifest's
	ErrNoClient = errors.New("no npm client")                    // Fetch found no npm command
	ErrFetch    = errors.New("the download failed")              // npm or the addresses could not deliver
	ErrNoSource = errors.New("nothing to fetch from")            // no package and no address is known
	ErrOpenCV   = errors.New("this OpenCV does not take it")     // none of the files that are there
	ErrOther    = errors.New("it is another network")            // a file that was never tried, and gives other numbers
	ErrNoMatch  = errors.New("no model found")                   // Import found nothing that the manifest knows
)

// A Role is what a model does for the pipeline.
type Role string

// The roles.
const (
	Detector  Role = "detector"  // picture to face boxes
	Landmarks Role = "landmarks" // face to points
	Embedder  Role = "embedder"  // aligned face to vector
	Liveness  Role = "liveness"  // face to the probability that it is a living one
)

// A Kind tells which code prepares a model's input and reads its output.
type Kind string

// The kinds. The manifest describes the tensors of each.
const (
	RFB320            Kind = "rfb320"
	YuNet             Kind = "yunet"
	Landmarks68       Kind = "landmarks68"
	MobileFaceNet     Kind = "mobilefacenet"
	MobileFaceNetMS1M Kind = "mobilefacenet_ms1m"
	Reid0095          Kind = "reid0095"
	SFace             Kind = "sface"
	Stated            Kind = "stated" // an adopted embedder with a Feed
	FRLiveness        Kind = "frliveness"
	MiniFASV2SE       Kind = "minifasv2se"
	SilentFace27      Kind = "silentface_27" // takes 2.7 times the box
	SilentFace40      Kind = "silentface_40" // takes 4 times the box
)

// EmbedderKinds returns the kinds of embedders.
func EmbedderKinds() []Kind { return []Kind{MobileFaceNet, MobileFaceNetMS1M, Reid0095, SFace, Stated} }

// role returns what models of a kind do, "" for an unknown kind.
func (k Kind) role() Role {
	switch k {
	case RFB320, YuNet:
		return Detector
	case Landmarks68:
		return Landmarks
	case MobileFaceNet, MobileFaceNetMS1M, Reid0095, SFace, Stated:
		return Embedder
	case FRLiveness, MiniFASV2SE, SilentFace27, SilentFace40:
		return Liveness
	}
	return ""
}

// A Model is one entry of the manifest: a network.
type Model struct {
	Name       string   `yaml:"name" json:"name"`
	Bundles    []string `yaml:"bundles" json:"bundles"` // in which it may serve
	Role       Role     `yaml:"role" json:"role"`
	Kind       Kind     `yaml:"kind" json:"kind"`
	Files      []File   `yaml:"files" json:"files"` // the forms in which it is published, the one that was measured first
	Licence    string   `yaml:"licence" json:"licence"`
	Source     string   `yaml:"source" json:"source"`         // where the network is published
	Provenance string   `yaml:"provenance" json:"provenance"` // what is known of how the weights came to be
	Input      string   `yaml:"input" json:"input"`           // shape, channel order, scaling
	Output     string   `yaml:"output" json:"output"`         // names, shapes, meaning

	// Answer is what the network of the first file gives for a picture that is made by arithmetic: some numbers spread over all
	// of its outputs. A network that is opened is asked first. It is empty where no such network was here to be asked.
	Answer []float64 `yaml:"answer" json:"-"`

	Feed    *Feed     `yaml:"-" json:"feed,omitempty"`    // of a Stated embedder
	Adopted *Adoption `yaml:"-" json:"adopted,omitempty"` // nil for a network of the manifest that was measured for this project
}

// Names returns the names of models, in their order.
func Names(list []Model) []string {
	names := make([]string, len(list))
	for i, m := range list {
		names[i] = m.Name
	}
	return names
}

// A File is one form of a network: the same weights, as one or another program has written them down.
type File struct {
	File   string `yaml:"file" json:"file"`     // its name in a models folder
	SHA256 string `yaml:"sha256" json:"sha256"` // 64 lower-case hexadecimal digits
	Size   int64  `yaml:"size" json:"size"`     // in bytes

	// OpenCV is the least version that was seen to take the file and to give the outputs of the first one, as 4.6. It is "" for a
	// file that was never tried: whether it is the same network shows when it is opened and asked.
	OpenCV string `yaml:"opencv" json:"opencv,omitempty"`

	// MadeFrom is the SHA-256 of another file of the network, of which this one is made by onnx.ClipAttributes; "" for none.
	MadeFrom string `yaml:"made_from" json:"made_from,omitempty"`

	URLs []string `yaml:"urls" json:"urls,omitempty"` // the public addresses that are known; all are https
	Note string   `yaml:"note" json:"note,omitempty"`
}

// ID identifies the network: the SHA-256 of its first file in hexadecimal. Templates and calibrations are bound to the
// embedder's ID. Another file of the network has the same outputs, which is found out before it is used: by a test of this
// project, or by Answer. So people who are enrolled stay so when the file changes.
func (m Model) ID() string { return m.Files[0].SHA256 }

// suited returns the files that an OpenCV takes, as far as is known, in the order of the manifest.
func (m Model) suited(opencv string) []File {
	return slices.DeleteFunc(slices.Clone(m.Files), func(f File) bool { return older(opencv, f.OpenCV) })
}

// older reports whether version a is before b. Of "" nothing is known, which is not before anything.
func older(a, b string) bool {
	return a != "" && b != "" && slices.Compare(numbers(a), numbers(b)) < 0
}

func numbers(version string) (list []int) {
	for part := range strings.SplitSeq(version, ".") {
		n, _ := strconv.Atoi(part)
		list = append(list, n)
	}
	return list
}

// A Package is an npm package that holds models.
type Package struct {
	Name      string `yaml:"name"`
	Version   string `yaml:"version"`
	Integrity string `yaml:"integrity"` // of the tarball, in the form of Subresource Integrity: sha512-<base64>
	Size      int64  `yaml:"size"`      // of the tarball, in bytes
	Folder    string `yaml:"folder"`    // path of the models inside the tarball
}

func (p Package) String() string { return p.Name + "@" + p.Version }

// A Bundle is a choice of models that work together.
type Bundle struct {
	Name        string
	Detector    Model
	Landmarks   *Model // nil if the detector finds the landmarks itself
	Embedder    Model
	Liveness    []Model  // at least one
	For         string   // what it is best for, in a line
	Recommended bool     // for production
	Package     *Package // where Fetch gets the files; nil if they come from addresses
}

// Models returns all models of the bundle, in the order of the pipeline.
func (b Bundle) Models() []Model {
	models := []Model{b.Detector}
	if b.Landmarks != nil {
		models = append(models, *b.Landmarks)
	}
	return append(append(models, b.Embedder), b.Liveness...)
}

// definition is a bundle as the manifest writes it, with models by name.
type definition struct {
	Name        string   `yaml:"name"`
	For         string   `yaml:"for"`
	Recommended bool     `yaml:"recommended"`
	Package     string   `yaml:"package"`
	Detector    string   `yaml:"detector"`
	Landmarks   string   `yaml:"landmarks"`
	Embedder    string   `yaml:"embedder"`
	Liveness    []string `yaml:"liveness"`
}

// A Manifest is the list of all models that may be loaded.
type Manifest struct {
	packages  []Package
	bundles   []definition
	models    []Model
	preferred []string // liveness models, by name
}

//go:embed manifest.yaml
var embedded []byte

// Load returns the manifest that facegate was built with.
func Load() (*Manifest, error) { return Parse(embedded) }

// Parse reads a manifest. Unknown and repeated keys, values out of range and names that lead nowhere are errors.
func Parse(text []byte) (*Manifest, error) {
	var raw struct {
		Packages  []Package    `yaml:"packages"`
		Bundles   []definition `yaml:"bundles"`
		Preferred []string     `yaml:"preferred"`
		Models    []Model      `yaml:"models"`
	}
	if err := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict()).Decode(&raw); err != nil {
		return nil, fmt.Errorf("models: read manifest: %w", err)
	}
	m := &Manifest{packages: raw.Packages, bundles: raw.Bundles, models: raw.Models, preferred: raw.Preferred}
	if err := m.validate(); err != nil {
		return nil, fmt.Errorf("models: read manifest: %w", err)
	}
	return m, nil
}

// Models returns every model of the manifest, in its order.
func (m *Manifest) Models() []Model { return slices.Clone(m.models) }

// Bundles returns the names of the bundles.
func (m *Manifest) Bundles() []string {
	names := make([]string, len(m.bundles))
	for i, b := range m.bundles {
		names[i] = b.Name
	}
	return names
}

// Bundle returns the bundle of that name with its own models.
func (m *Manifest) Bundle(name string) (Bundle, error) { return m.Select(name, "", nil) }

// Select returns the bundle of that name with another embedder and other liveness models, as a configuration may ask.
// An empty embedder and an empty list of liveness models stand for the bundle's own. The embedder has to belong to the
// bundle, because it depends on how the bundle finds landmarks; liveness models may come from any.
func (m *Manifest) Select(bundle, embedder string, liveness []string) (Bundle, error) {
	i := slices.IndexFunc(m.bundles, func(d definition) bool { return d.Name == bundle })
	if i < 0 {
		return Bundle{}, hint.Wrap(fmt.Errorf("models: bundle %q: %w", bundle, ErrUnknown),
			"the bundles are %s", strings.Join(m.Bundles(), ", "))
	}
	def := m.bundles[i]
	if embedder != "" {
		def.Embedder = embedder
	}
	if len(liveness) > 0 {
		def.Liveness = liveness
	}
	return m.resolve(def)
}

func (m *Manifest) resolve(def definition) (Bundle, error) {
	b := Bundle{Name: def.Name, For: def.For, Recommended: def.Recommended}
	var err error
	if b.Detector, err = m.find(Detector, def.Detector, def.Name); err != nil {
		return Bundle{}, err
	}
	if def.Landmarks != "" {
		landmarks, err := m.find(Landmarks, def.Landmarks, def.Name)
		if err != nil {
			return Bundle{}, err
		}
		b.Landmarks = &landmarks
	}
	if b.Embedder, err = m.find(Embedder, def.Embedder, def.Name); err != nil {
		return Bundle{}, err
	}
	for _, name := range def.Liveness {
		model, err := m.find(Liveness, name, "")
		if err != nil {
			return Bundle{}, err
		}
		b.Liveness = append(b.Liveness, model)
	}
	if i := slices.IndexFunc(m.packages, func(p Package) bool { return p.Name == def.Package }); i >= 0 {
		b.Package = &m.packages[i]
	}
	return b, nil
}

// find returns the model of that role and name; it has to belong to bundle, unless bundle is "".
func (m *Manifest) find(role Role, name, bundle string) (Model, error) {
	var names []string
	for _, model := range m.models {
		if model.Role != role || (bundle != "" && !slices.Contains(model.Bundles, bundle)) {
			continue
		}
		if model.Name == name {
			return model, nil
		}
		names = append(names, model.Name)
	}
	return Model{}, hint.Wrap(fmt.Errorf("models: %s %q: %w", role, name, ErrUnknown),
		"to choose from: %s", strings.Join(names, ", "))
}

// maxModel bounds the size of a model, in bytes, which is read into memory as a whole.
const maxModel = 256 << 20

var (
	// npmName and npmVersion also keep a manifest from handing options to the npm client.
	npmName    = regexp.MustCompile(`^(@[a-z0-9][a-z0-9._-]*/)?[a-z0-9][a-z0-9._-]*$`)
	npmVersion = regexp.MustCompile(`^[0-9]+\.[0-9]+\.[0-9]+$`)
)

func (m *Manifest) validate() error {
	if len(m.models) == 0 || len(m.bundles) == 0 {
		return errors.New("it names no models or no bundles")
	}
	for _, p := range m.packages {
		if err := p.validate(); err != nil {
			return fmt.Errorf("package %q: %w", p.Name, err)
		}
	}
	for _, model := range m.models {
		if err := model.validate(); err != nil {
			return fmt.Errorf("model %q: %w", model.Name, err)
		}
		for _, name := range model.Bundles {
			if !slices.Contains(m.Bundles(), name) {
				return fmt.Errorf("model %q: bundle %q: %w", model.Name, name, ErrUnknown)
			}
		}
	}
	for _, def := range m.bundles {
		b, err := m.resolve(def)
		if err != nil {
			return fmt.Errorf("bundle %q: %w", def.Name, err)
		}
		if def.For == "" {
			return fmt.Errorf("bundle %q: it does not say what it is for", def.Name)
		}
		if len(b.Liveness) == 0 {
			return fmt.Errorf("bundle %q: it has no liveness model", def.Name)
		}
		if def.Package != "" && b.Package == nil {
			return fmt.Errorf("bundle %q: package %q: %w", def.Name, def.Package, ErrUnknown)
		}
	}
	for _, name := range m.preferred {
		if _, err := m.find(Liveness, name, ""); err != nil {
			return fmt.Errorf("preferred: %w", err)
		}
	}
	return m.unique()
}

// unique refuses two of a name, of a file or of a hash: a folder of models is flat, and Import goes by the hash.
func (m *Manifest) unique() error {
	seen := make(map[string]bool)
	var twice error
	once := func(kind, text string) {
		if seen[kind+text] {
			twice = fmt.Errorf("%s %q stands there twice", kind, text)
		}
		seen[kind+text] = true
	}
	for _, p := range m.packages {
		once("package", p.Name)
	}
	for _, b := range m.bundles {
		once("bundle", b.Name)
	}
	for _, model := range m.models {
		once("model", model.Name)
		for _, f := range model.Files {
			once("file", f.File)
			once("sha256", f.SHA256)
		}
	}
	return twice
}

func (p Package) validate() error {
	switch {
	case !npmName.MatchString(p.Name) || !npmVersion.MatchString(p.Version):
		return fmt.Errorf("%s is not a name and an exact version", p)
	case p.Size <= 0:
		return fmt.Errorf("size %d is not positive", p.Size)
	case !fs.ValidPath(p.Folder):
		return fmt.Errorf("folder %q is not a path inside the package", p.Folder)
	}
	_, err := p.sha512()
	return err
}

// sha512 returns the digest that Integrity spells (W3C Subresource Integrity, section 3.5).
func (p Package) sha512() ([]byte, error) {
	text, ok := strings.CutPrefix(p.Integrity, "sha512-")
	sum, err := base64.StdEncoding.Strict().DecodeString(text)
	if !ok || err != nil || len(sum) != 64 {
		return nil, fmt.Errorf("integrity %q is not sha512-<base64>", p.Integrity)
	}
	return sum, nil
}

func (m Model) validate() error {
	switch {
	case m.Kind.role() == "" || m.Kind.role() != m.Role:
		return fmt.Errorf("kind %q with role %q", m.Kind, m.Role)
	case len(m.Bundles) == 0:
		return errors.New("it belongs to no bundle")
	case len(m.Files) == 0:
		return errors.New("it has no files")
	case len(m.Answer) == 0 && len(m.Files) > 1:
		return errors.New("it has several files, and no answer to tell that they are one network")
	case slices.ContainsFunc(m.Answer, func(x float64) bool { return math.IsNaN(x) || math.IsInf(x, 0) }):
		return errors.New("its answer is not finite")
	}
	for _, f := range m.Files {
		if err := f.validate(); err != nil {
			return fmt.Errorf("file %q: %w", f.File, err)
		}
		if f.MadeFrom != "" && !slices.ContainsFunc(m.Files, func(o File) bool { return o.SHA256 == f.MadeFrom && o.MadeFrom == "" }) {
			return fmt.Errorf("file %q: it has no other file to be made from", f.File)
		}
	}
	texts := map[string]string{
		"name": m.Name, "licence": m.Licence, "source": m.Source,
		"provenance": m.Provenance, "input": m.Input, "output": m.Output,
	}
	for _, key := range slices.Sorted(maps.Keys(texts)) {
		if texts[key] == "" {
			return fmt.Errorf("%s is empty", key)
		}
	}
	return nil
}

var versionForm = regexp.MustCompile(`^([0-9]{1,3}\.[0-9]{1,3})?$`)

func (f File) validate() error {
	sum, err := hex.DecodeString(f.SHA256)
	switch {
	case err != nil || len(sum) != 32 || f.SHA256 != strings.ToLower(f.SHA256):
		return fmt.Errorf("sha256 %q is not 64 lower-case hexadecimal digits", f.SHA256)
	case f.Size <= 0 || f.Size > maxModel:
		return fmt.Errorf("size %d is not within 1..%d", f.Size, maxModel)
	case !fs.ValidPath(f.File) || strings.ContainsAny(f.File, `/\`) || strings.HasPrefix(f.File, "."):
		return fmt.Errorf("file %q is not a plain file name", f.File)
	case !versionForm.MatchString(f.OpenCV):
		return fmt.Errorf("opencv %q is not a version like 4.6", f.OpenCV)
	}
	for _, address := range f.URLs {
		if u, err := url.Parse(address); err != nil || u.Scheme != "https" || u.Host == "" {
			return fmt.Errorf("address %q is not https", address)
		}
	}
	return nil
}
