// Package nodes tells what the video nodes of a machine are: which of them are cameras that can be used, which are not and why, and
// which camera a node is of. It opens a node only to ask, and takes no picture.
package nodes

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"facegate/configs/hint"
)

// A Kind says what a node is for.
type Kind string

// The kinds.
const (
	Camera   Kind = "camera"   // of a USB camera, or of what behaves as one
	Metadata Kind = "metadata" // belongs to a camera, and carries no pictures
	Sensor   Kind = "sensor"   // of a CSI camera, or of a part of what develops its pictures
	Codec    Kind = "codec"    // turns pictures into others
	Output   Kind = "output"   // shows pictures
	Other    Kind = "other"
)

// An Identity tells one camera from others.
type Identity struct {
	Card   string `json:"card"`   // what the camera calls itself
	Driver string `json:"driver"` // of the kernel
	Bus    string `json:"bus"`    // where it is plugged in
	Index  int    `json:"index"`  // of the node among those of the camera
	Serial string `json:"-"`      // the last element of its name in by-id, "" where it has none
}

// Alike reports whether i and o may be the same camera: one that was plugged in elsewhere keeps all but the bus.
func (i Identity) Alike(o Identity) bool {
	return i.Card == o.Card && i.Driver == o.Driver && i.Index == o.Index && (i.Serial == "" || o.Serial == "" || i.Serial == o.Serial)
}

// Same reports whether i and o are the same camera at the same place.
func (i Identity) Same(o Identity) bool { return i.Alike(o) && i.Bus == o.Bus }

func (i Identity) String() string {
	if i.Serial != "" {
		return fmt.Sprintf("%s (%s)", i.Card, i.Serial)
	}
	return fmt.Sprintf("%s (%s, at %s)", i.Card, i.Driver, i.Bus)
}

// A Node is one video node.
type Node struct {
	Path    string `json:"node"`
	Lasting string `json:"lasting,omitempty"` // the name that its camera keeps, "" where the machine gives none
	Identity
	Kind    Kind     `json:"kind,omitempty"` // "" where the node could not be asked
	Formats []Format `json:"formats,omitempty"`

	Problem string `json:"problem,omitempty"` // why it cannot be used
	ToDo    string `json:"todo,omitempty"`
}

// Usable reports whether a gate can use the node.
func (n Node) Usable() bool { return n.Problem == "" }

// Note says what a technician should know who has named the node, "" for nothing.
func (n Node) Note() string {
	switch {
	case !n.Usable():
		return fmt.Sprintf("%s cannot be used: %s; %s", n.Path, n.Problem, n.ToDo)
	case n.Lasting != "" && Numbered(n.Path):
		return fmt.Sprintf("the kernel may give %s to another camera; the lasting name of this one is %s", n.Path, n.Lasting)
	}
	return ""
}

// Numbered reports whether a path is one of those that the kernel gives to whichever camera it finds first. Any other somebody has
// given to one camera.
func Numbered(path string) bool {
	digits, ok := strings.CutPrefix(filepath.Base(path), "video")
	return ok && digits != "" && strings.Trim(digits, "0123456789") == ""
}

// A Machine is where nodes are looked for.
type Machine struct {
	Dev   string // /dev
	Class string // /sys/class/video4linux

	ask func(path string, formats bool) (capability, []Format, error) // that of the kernel if it is nil
}

// This is the Machine on which the process runs.
func This() Machine { return Machine{Dev: "/dev", Class: "/sys/class/video4linux"} }

// List describes all video nodes, by their numbers.
func (m Machine) List() []Node {
	list := []Node{}
	for _, path := range m.Paths() {
		list = append(list, m.Describe(path))
	}
	return list
}

// Paths returns the paths of all video nodes, by their numbers.
func (m Machine) Paths() []string {
	paths, err := filepath.Glob(filepath.Join(m.Dev, "video[0-9]*"))
	if err != nil {
		return nil // a folder of such a name is none of a machine
	}
	slices.SortFunc(paths, func(a, b string) int { return number(a) - number(b) })
	return paths
}

// number returns N of videoN.
func number(path string) int {
	n, _ := strconv.Atoi(strings.TrimPrefix(filepath.Base(path), "video"))
	return n
}

// Describe says what the node at path is, and what is wrong with it.
func (m Machine) Describe(path string) Node {
	n := Node{Path: path, Lasting: m.lasting(path)}
	c, formats, err := m.asked(path, true)
	if err == nil {
		n.Identity, n.Kind, n.Formats = m.identity(path, c), c.kind(), formats
		err = n.unusable()
	}
	if err != nil {
		err = Advise(err)
		n.Problem, n.ToDo = err.Error(), hint.Of(err)
	}
	return n
}

// Identify says which camera the node at path is of. The error is ErrKind where it is of none, or that of the kernel.
func (m Machine) Identify(path string) (Identity, error) {
	c, _, err := m.asked(path, false)
	if err != nil {
		return Identity{}, err
	}
	return m.identity(path, c), c.kind().Err()
}

func (m Machine) asked(path string, formats bool) (capability, []Format, error) {
	if m.ask == nil {
		return ask(path, formats)
	}
	return m.ask(path, formats)
}

func (m Machine) identity(path string, c capability) Identity {
	i := Identity{Card: text(c.card[:]), Driver: text(c.driver[:]), Bus: text(c.bus[:])}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return i
	}
	if index, err := os.ReadFile(filepath.Join(m.Class, filepath.Base(real), "index")); err == nil {
		i.Index, _ = strconv.Atoi(strings.TrimSpace(string(index)))
	}
	if l := m.lasting(real); l != "" {
		i.Serial = filepath.Base(l)
	}
	return i
}

// lasting returns the name in by-id that leads to the node at path. Where two lead there it is the first.
func (m Machine) lasting(path string) string {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return ""
	}
	links, err := filepath.Glob(filepath.Join(m.Dev, "v4l", "by-id", "*"))
	if err != nil {
		return ""
	}
	for _, l := range links {
		if to, err := filepath.EvalSymlinks(l); err == nil && to == real {
			return l
		}
	}
	return ""
}

// Errors of nodes that cannot be used.
var (
	ErrKind   = errors.New("no camera that can be used")
	ErrFormat = errors.New("no picture format that can be used")
)

// Err says why a node of this kind cannot be used, nil if it may be.
func (k Kind) Err() error {
	says := map[Kind]string{
		Metadata: "it carries what a camera says of its pictures, and no pictures",
		Sensor:   "it is of a CSI camera, or of a chip for one, and no USB camera",
		Codec:    "it turns pictures into others",
		Output:   "it shows pictures, and takes none",
		Other:    "it takes no pictures",
	}
	if s := says[k]; s != "" {
		return kindError{k, fmt.Errorf("%w: %s", ErrKind, s)}
	}
	return nil
}

// kindError keeps the kind, by which there is advice.
type kindError struct {
	kind Kind
	error
}

func (e kindError) Unwrap() error { return e.error }

// unusable says why n cannot be used, nil if it can.
func (n Node) unusable() error {
	if err := n.Kind.Err(); err != nil {
		return err
	}
	if slices.ContainsFunc(n.Formats, func(f Format) bool { return f.Usable }) {
		return nil
	}
	var has []string
	for _, f := range n.Formats {
		has = append(has, f.Code)
	}
	return fmt.Errorf("%w: it has %v", ErrFormat, has)
}

// Advise adds to an error of a node what a technician should do.
func Advise(err error) error {
	var k kindError
	switch {
	case errors.As(err, &k) && k.kind == Sensor:
		return hint.Wrap(err, "CSI cameras need libcamera and do not work here; use a USB camera (UVC)")
	case errors.Is(err, ErrKind):
		return hint.Wrap(err, "use a USB camera (UVC), and of its nodes the one that facegate camera list calls a camera")
	case errors.Is(err, ErrFormat):
		return hint.Wrap(err, "use a camera that sends MJPEG or YUYV")
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
		return hint.Wrap(err, "run the command as root or as the user of facegate, who has to be in the group video")
	case errors.Is(err, unix.ENOTTY), errors.Is(err, unix.EISDIR):
		return hint.Wrap(err, "this is no video node")
	}
	return err
}
