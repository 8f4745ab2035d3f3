package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"facegate/cmd/facegate/internal/status"
	"facegate/configs"
	"facegate/configs/edit"
	"facegate/configs/file"
	"facegate/configs/hint"
	"facegate/configs/show"
	"facegate/pipeline/survey"
)

type cameraCalibrateCommand struct {
	Empty    time.Duration `default:"20s" placeholder:"TIME" help:"How long to look at the empty door (${default})."`
	Occupied time.Duration `default:"40s" placeholder:"TIME" help:"How long to look at somebody who stands there (${default}). Both together are two minutes at most."`
	Write    string        `placeholder:"FILE" help:"Write the configuration with the proposals in it to a new file, for you to look at and to put in its place."`
	gateFlags
	jsonFlag
}

var errInPlace = errors.New("there is a file of that name already")

func (c *cameraCalibrateCommand) Run(ctx context.Context, t terminal) error {
	text, err := c.configuration()
	if err != nil {
		return err
	}
	g, err := c.running(ctx)
	if err != nil {
		return err
	}
	var last status.SurveyStep
	r, err := g.Calibrate(ctx, status.SurveyPlan{Empty: c.Empty, Occupied: c.Occupied}, func(s status.SurveyStep) {
		c.tell(t.err, s, last)
		last = s
	})
	if err != nil {
		return err
	}
	if err := c.print(t, r, func(w *tabwriter.Writer) { writeSurvey(w, r) }); err != nil || c.Write == "" {
		return err
	}
	return c.write(t, text, r.Proposals)
}

// configuration returns the text that the proposals are to be written into, "" if they are not.
func (c *cameraCalibrateCommand) configuration() (string, error) {
	if c.Write == "" {
		return "", nil
	}
	if _, err := os.Lstat(c.Write); !errors.Is(err, fs.ErrNotExist) {
		return "", hint.Wrap(fmt.Errorf("%w: %s", errInPlace, c.Write), "name another file: what a gate runs with is changed by hand")
	}
	g, err := c.target(defaultConfig)
	if err != nil {
		return "", err
	}
	if g.file == "" {
		return "", hint.Wrap(errors.New("no configuration is named to write the proposals into"), "name it with --config FILE")
	}
	text, err := file.Read(g.file, configs.MaxSize)
	return string(text), err
}

// tell says what to do at the beginning of a phase, and what the camera sees when that changes.
func (c *cameraCalibrateCommand) tell(w io.Writer, s, last status.SurveyStep) {
	switch {
	case c.JSON:
		json.NewEncoder(w).Encode(s)
	case s.Phase != last.Phase:
		show.Fprintf(w, "%s (%d s)\n", s.Do, s.LeftS)
	case s.View != last.View && s.Phase == "occupied" && s.Advice != "":
		show.Fprintf(w, "  %d s: %s - %s\n", s.LeftS, s.Sees, s.Advice)
	case s.View != last.View:
		show.Fprintf(w, "  %d s: %s\n", s.LeftS, s.Sees)
	}
}

// write writes the configuration with the proposals, once it is one that a gate would take.
func (c *cameraCalibrateCommand) write(t terminal, text string, proposals []survey.Proposal) error {
	var settings []edit.Setting
	for _, p := range proposals {
		settings = append(settings, edit.Setting{Key: p.Key, Value: p.Value})
	}
	changed, err := edit.Set(text, settings...)
	if err != nil {
		return err
	}
	if _, err := configs.Parse(c.Write, strings.NewReader(changed)); err != nil {
		return err
	}
	err = writeFile(t.newFiles(), c.Write, func(w io.Writer) error {
		_, err := io.WriteString(w, changed)
		return err
	})
	if err == nil && !c.JSON {
		show.Fprintf(t.out, "\n%s has the configuration with %d proposals; check it with: facegate config check --config %[1]s\n", c.Write, len(settings))
	}
	return err
}

// writeSurvey writes what was found first, and the numbers last.
func writeSurvey(w io.Writer, r survey.Report) {
	if len(r.Findings) == 0 {
		show.Fprintln(w, "nothing is wrong with camera and light")
	}
	for _, f := range r.Findings {
		show.Fprintf(w, "%s\n  to do: %s\n", f.Says, f.Move)
	}
	if len(r.Proposals) > 0 {
		show.Fprintln(w)
		show.Fprintln(w, "proposed for the configuration:")
		section := ""
		for _, p := range r.Proposals {
			writeProposal(w, p, &section)
		}
	}
	show.Fprintln(w)
	writeNumbers(w, r)
}

// writeProposal writes a line that can be pasted, under the head of its section.
func writeProposal(w io.Writer, p survey.Proposal, section *string) {
	head, key, _ := strings.Cut(p.Key, ".")
	if head != *section {
		*section = head
		show.Fprintf(w, "%s:\n", head)
	}
	show.Fprintf(w, "  %s: %s  # %s\n", key, p.Value, p.Why)
}

func writeNumbers(w io.Writer, r survey.Report) {
	row := func(what, format string, args ...any) {
		show.Fprintf(w, "%s\t"+format+"\n", append([]any{what}, args...)...)
	}
	row("picture", "%dx%d, %.1f frames a second sent, %.1f looked at", r.Width, r.Height, r.Delivered, r.Looked)
	if r.Empty > 0 {
		row("empty door", "grey value %.0f, contrast %.0f, %.1f %% white, noise %.1f", r.Place.Brightness, r.Place.Contrast, r.Place.White, r.Place.Noise)
	}
	if r.Flicker.Hz > 0 {
		row("flicker", "%d Hz, %.1f %%", r.Flicker.Hz, r.Flicker.Percent)
	}
	for _, c := range r.Controls {
		row(string(c.Name), "%d (%d to %d)", c.Value, c.Min, c.Max)
	}
	if r.Faces == nil {
		return
	}
	f := r.Faces
	row("faces", "in %d of %d frames; nine of ten above, half above, one of ten above:", f.Frames, r.Frames)
	for _, s := range []struct {
		what   string
		values survey.Spread
		unit   string
	}{
		{"  width", f.Width, "pixels"},
		{"  brightness", f.Brightness, "grey value"},
		{"  contrast", f.Contrast, "grey values"},
		{"  white", f.White, "% of the face"},
		{"  sharpness", f.Sharpness, "variance of the Laplacian"},
		{"  side light", f.SideLight, "degrees, from the right of the picture if positive"},
		{"  backlight", f.Backlight, "stops"},
		{"  turned, up or down, leaning", f.Yaw, "degrees to the right"},
		{"", f.Pitch, "degrees down"},
		{"", f.Roll, "degrees clockwise"},
	} {
		row(s.what, "%.5g\t%.5g\t%.5g\t%s", s.values.Low, s.values.Median, s.values.High, s.unit)
	}
	for _, s := range f.Refused {
		row("  "+s.Reason, "%.0f %% of the frames with a face", s.Percent)
	}
}
