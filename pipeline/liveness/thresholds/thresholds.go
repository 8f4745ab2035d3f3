// Package thresholds knows from which scores a face counts as live. They differ from network to network and are measured for
// each set of networks whose scores are averaged; facegate eval liveness writes them.
package thresholds

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"facegate/configs/hint"
	"facegate/pipeline/liveness"
)

// Errors of this package. What is returned wraps one of them.
var (
	ErrNotShipped = errors.New("nobody has measured from which score a face is live to these networks")
	ErrInvalid    = errors.New("not valid liveness thresholds")
)

// schema names the format of a File.
const schema = "facegate-liveness/1"

// A File holds the thresholds of one set of networks, and what they were measured on.
type File struct {
	Schema   string   `json:"schema"`
	Networks []string `json:"networks"` // names in the manifest of models; their order says nothing
	Window   int      `json:"window"`   // frames whose mean was judged
	Accept   float64  `json:"accept"`   // from which a face counts as live
	Refuse   float64  `json:"refuse"`   // below which it is a print or a screen
	Cameras  []Camera `json:"cameras"`  // by name
	Unseen   Unseen   `json:"unseen,omitzero"`
}

// A Camera is one that live faces, and perhaps attacks, were seen by. What is not live from Accept on counts into BPCER, and what
// is into APCER. They are shares, from 0 to 1.
type Camera struct {
	Name     string   `json:"name"`
	Subjects int      `json:"subjects"`
	Live     int      `json:"live"` // windows with a live face
	BPCER    float64  `json:"bpcer"`
	Attacks  []Attack `json:"attacks,omitempty"` // by kind

	// HeldOut is the BPCER of this camera at the thresholds that the others alone lead to.
	HeldOut float64 `json:"held_out_bpcer"`
}

// An Attack is how attacks of one kind fared before one camera.
type Attack struct {
	Kind    string  `json:"kind"`
	Windows int     `json:"windows"`
	APCER   float64 `json:"apcer"`
}

// Unseen are figures from clips of cameras that nobody had looked at before, at a BPCER of 5 %. There were eight clips.
type Unseen struct {
	ReplaysRefused float64 `json:"replays_refused"` // a share, from 0 to 1
}

// Thresholds returns what a liveness.Window is judged by.
func (f *File) Thresholds() liveness.Thresholds {
	return liveness.Thresholds{Accept: f.Accept, Refuse: f.Refuse}
}

// Validate checks f. Its error wraps ErrInvalid.
func (f *File) Validate() error {
	switch {
	case f.Schema != schema:
		return fmt.Errorf("%w: the schema is %q, not %q", ErrInvalid, f.Schema, schema)
	case len(f.Networks) == 0 || slices.Contains(f.Networks, ""):
		return fmt.Errorf("%w: they name no network", ErrInvalid)
	case f.Window < 1:
		return fmt.Errorf("%w: the window is %d frames", ErrInvalid, f.Window)
	case !(0 < f.Refuse && f.Refuse <= f.Accept && f.Accept < 1):
		return fmt.Errorf("%w: refused below %v and live from %v", ErrInvalid, f.Refuse, f.Accept)
	}
	return nil
}

// New returns the File of a set of networks.
func New(networks []string, window int, t liveness.Thresholds, cameras []Camera) *File {
	return &File{Schema: schema, Networks: networks, Window: window, Accept: t.Accept, Refuse: t.Refuse, Cameras: cameras}
}

// Read parses and validates a File. Its error wraps ErrInvalid unless r itself failed.
func Read(r io.Reader) (*File, error) {
	const maxSize = 64 << 10
	data, err := io.ReadAll(io.LimitReader(r, maxSize+1))
	if err != nil {
		return nil, fmt.Errorf("liveness thresholds: %w", err)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	f := new(File)
	if err := dec.Decode(f); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if rest := bytes.TrimSpace(data[dec.InputOffset():]); len(rest) > 0 {
		return nil, fmt.Errorf("%w: more content after the end", ErrInvalid)
	}
	return f, f.Validate()
}

// Write validates f and writes it as indented JSON.
func Write(w io.Writer, f *File) error {
	if err := f.Validate(); err != nil {
		return err
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(f)
}

//go:embed shipped/*.json
var shipped embed.FS

// Shipped returns the thresholds that facegate was built with for this set of networks. The error wraps ErrNotShipped if there
// are none.
func Shipped(networks []string) (*File, error) {
	entries, err := shipped.ReadDir("shipped")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		data, err := shipped.ReadFile("shipped/" + e.Name())
		if err != nil {
			return nil, err
		}
		f, err := Read(bytes.NewReader(data))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.Name(), err)
		}
		if sameSet(f.Networks, networks) {
			return f, nil
		}
	}
	return nil, hint.Wrap(fmt.Errorf("%w: %s", ErrNotShipped, strings.Join(networks, ", ")),
		"measure them with facegate eval liveness, and give liveness.threshold a number; or leave vision.liveness empty")
}

// Cost says what a gate lacks that has these networks instead of the preferred ones, "" if it lacks nothing. The figures are those
// of Unseen.
func Cost(networks, preferred []string) string {
	if sameSet(networks, preferred) {
		return ""
	}
	has, err := Shipped(networks)
	if err != nil || has.Unseen == (Unseen{}) {
		return fmt.Sprintf("what %s misses on unseen cameras was not measured", strings.Join(networks, " with "))
	}
	better, err := Shipped(preferred)
	if err != nil || better.Unseen.ReplaysRefused <= has.Unseen.ReplaysRefused {
		return ""
	}
	return fmt.Sprintf("on cameras that nobody had looked at %s refuses %.0f %% of replays on a screen, and %s %.1f %% (each at 5 %% of live "+
		"faces refused)", strings.Join(networks, " with "), 100*has.Unseen.ReplaysRefused,
		strings.Join(preferred, " with "), 100*better.Unseen.ReplaysRefused)
}

func sameSet(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}
