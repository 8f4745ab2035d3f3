package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"facegate/configs"
	"facegate/configs/show"
	"facegate/device/v4l2/nodes"
)

type cameraListCommand struct {
	Config string `placeholder:"FILE" help:"Configuration, to say which camera it names (/etc/facegate/facegate.yaml)."`
	jsonFlag
}

// Run needs no gate and takes no picture.
func (c *cameraListCommand) Run(t terminal) error {
	device, err := c.configured()
	if err != nil {
		return err
	}
	l := listCameras(nodes.This().List(), device)
	return c.print(t, l, func(w *tabwriter.Writer) { l.write(w) })
}

// configured returns the node that the configuration names, "" if it names none or there is no configuration.
func (c *cameraListCommand) configured() (string, error) {
	cfg, err := configFlag{cmp.Or(c.Config, defaultConfig)}.load()
	switch {
	case c.Config == "" && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission)):
		return "", nil
	case err != nil:
		return "", err
	case cfg.Camera.Source != configs.V4L2:
		return "", nil
	}
	return cfg.Camera.Device, nil
}

// A cameraList is what the machine has.
type cameraList struct {
	Configured string       `json:"configured,omitempty"` // camera.device
	Found      bool         `json:"found"`                // it is among the nodes
	Nodes      []listedNode `json:"nodes"`
	Advice     []string     `json:"todo"` // what to do, beside what each node says
}

type listedNode struct {
	nodes.Node
	Configured bool `json:"configured"`
}

// listCameras says what is there, and what of it device is.
func listCameras(all []nodes.Node, device string) cameraList {
	l := cameraList{Configured: device, Nodes: []listedNode{}, Advice: []string{}}
	place := device
	if real, err := filepath.EvalSymlinks(device); err == nil {
		place = real
	}
	usable := false
	for _, n := range all {
		is := n.Path == place || n.Path == device || n.Lasting != "" && n.Lasting == device
		l.Nodes = append(l.Nodes, listedNode{n, is})
		l.Found, usable = l.Found || is, usable || n.Usable()
		if is && n.Path == device && n.Usable() && n.Note() != "" {
			l.Advice = append(l.Advice, "set camera.device to its lasting name: "+n.Note())
		}
	}
	switch {
	case !usable:
		l.Advice = append(l.Advice, "plug in a USB camera (UVC); lsusb says whether the machine sees it at all")
	case device != "" && !l.Found:
		l.Advice = append(l.Advice, fmt.Sprintf("%s, which camera.device names, is not there: plug that camera in, or name one of these", device))
	}
	return l
}

func (l cameraList) write(w io.Writer) {
	if len(l.Nodes) == 0 {
		show.Fprintln(w, "this machine has no video node")
	}
	for _, n := range l.Nodes {
		n.write(w)
	}
	for _, todo := range l.Advice {
		show.Fprintf(w, "to do: %s\n", todo)
	}
}

func (n listedNode) write(w io.Writer) {
	what := []string{cmp.Or(string(n.Kind), "unknown")}
	if n.Card != "" {
		what = append(what, n.Card)
	}
	if n.Configured {
		what = append(what, "the configuration names it")
	}
	show.Fprintf(w, "%s: %s\n", n.Path, strings.Join(what, ", "))
	row := func(name, format string, args ...any) {
		show.Fprintf(w, "  %s\t%s\n", name, show.Sprintf(format, args...))
	}
	if n.Lasting != "" {
		row("lasting name", "%s", n.Lasting)
	}
	if n.Driver != "" {
		row("driver", "%s, at %s", n.Driver, n.Bus)
	}
	for _, f := range n.Formats {
		row(f.Code, "%s", sizes(f))
	}
	if n.Problem != "" {
		row("not usable", "%s", n.Problem)
		row("", "to do: %s", n.ToDo)
	}
}

// sizes puts the sizes of a format into words, with the rates of each.
func sizes(f nodes.Format) string {
	var all []string
	for _, s := range f.Sizes {
		text := fmt.Sprintf("%dx%d", s.Width, s.Height)
		if s.MaxWidth > 0 {
			text += fmt.Sprintf(" to %dx%d", s.MaxWidth, s.MaxHeight)
		}
		var rates []string
		for _, r := range s.Rates {
			rates = append(rates, strconv.FormatFloat(r, 'f', -1, 32))
		}
		if rates = slices.Compact(rates); len(rates) > 0 {
			text += " at " + strings.Join(rates, ", ")
		}
		all = append(all, text)
	}
	if !f.Usable {
		all = append(all, "which a gate does not read")
	}
	return strings.Join(all, "; ")
}
