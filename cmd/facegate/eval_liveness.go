package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"facegate/configs/file"
	"facegate/configs/hint"
	"facegate/configs/show"
	"facegate/pipeline/evaluate/attacks"
	"facegate/pipeline/evaluate/labels"
	"facegate/pipeline/liveness"
	"facegate/pipeline/liveness/thresholds"
	"facegate/pipeline/models"
	"facegate/pipeline/vision"
	"facegate/store/durable"
)

// bonaFide is the folder of live faces; every other folder is a kind of attack.
const bonaFide = "live"

type evalLivenessCommand struct {
	Folder string `arg:"" help:"Folder of CAMERA/KIND/SUBJECT/PICTURE.jpg, or of KIND/SUBJECT/PICTURE.jpg of one camera; the kind 'live' holds live faces, the others attacks."`
	evalFlags
	Threshold       float64 `placeholder:"SCORE" help:"Mean score from which a face counts as live. Without: the highest that costs at most 4 %% of live windows before each camera."`
	Window          int     `default:"5" help:"Frames of a subject whose mean is judged, in the order of their names (${default})."`
	Groups          string  `placeholder:"FILE.csv" help:"Also report by group: lines SUBJECT,GROUP."`
	WriteThresholds string  `placeholder:"FILE.json" help:"Write the thresholds of this set of networks, as facegate carries them."`
}

// aims are what thresholds may cost before any camera of the folder. Before one that nobody has seen it is more: what is wanted
// there is 5 %, of which 1 % is refused.
func aims() attacks.Aims { return attacks.Aims{Doubted: 0.04, Refused: 0.008} }

// A livenessResult is what a set of networks, and each of them alone, makes of a folder.
type livenessResult struct {
	Folder  string            `json:"folder"`
	NoFace  int               `json:"no_face"` // pictures without a usable face: nothing that a network could be credited with
	Reports []*attacks.Report `json:"reports"`
}

func (c *evalLivenessCommand) Run(ctx context.Context, t terminal) error {
	if c.Window < 1 {
		return hint.Wrap(fmt.Errorf("--window %d frames", c.Window), "the window has at least one frame")
	}
	engines, bundle, err := c.open()
	if err != nil {
		return err
	}
	defer closeAll(engines)
	list, err := listPresentations(c.Folder)
	if err != nil {
		return err
	}
	question, err := c.question(list)
	if err != nil {
		return err
	}
	scores := make([][]float64, len(list))
	bar := newBar(t.err, int64(len(list)), "presentations")
	err = eachPicture(ctx, engines, list, bar, func(e *vision.Engine, i int) error {
		face, ok, err := mainFace(e, list[i].path)
		if ok {
			scores[i], err = e.Live(nil, &face)
		}
		return err
	})
	if err != nil {
		return err
	}
	result, err := c.measure(list, scores, models.Names(bundle.Liveness), question)
	if err != nil {
		return hint.Wrap(err, "put live faces into a folder %s and attacks into folders beside it", bonaFide)
	}
	if err := c.write(result, bundle); err != nil {
		return err
	}
	return c.print(t, result, func(w *tabwriter.Writer) {
		show.Fprintf(w, "%s: %d of %d pictures without a usable face\n\n", c.Folder, result.NoFace, len(list))
		attacks.Write(w, result.Reports...)
	})
}

// listPresentations returns pictures with the labels camera, kind and subject, those of a subject in the order of the numbers
// that end their names.
func listPresentations(folder string) ([]picture, error) {
	list, err := listPictures(folder, 3)
	if err != nil {
		var flat error
		if list, flat = listPictures(folder, 2); flat != nil {
			return nil, flat
		}
		for i := range list {
			list[i].labels = append([]string{filepath.Base(folder)}, list[i].labels...)
		}
	}
	slices.SortStableFunc(list, func(a, b picture) int {
		aStem, aNumber := numbered(a)
		bStem, bNumber := numbered(b)
		return cmp.Or(slices.Compare(a.labels, b.labels), cmp.Compare(aStem, bStem), cmp.Compare(aNumber, bNumber))
	})
	return list, nil
}

// numbered splits the name of a picture: those of one stem are the frames of one film.
func numbered(p picture) (stem string, number int) {
	name := strings.TrimSuffix(p.name, filepath.Ext(p.name))
	stem = strings.TrimRight(name, "0123456789")
	number, err := strconv.Atoi(name[len(stem):])
	if err != nil {
		return name, 0
	}
	return stem, number
}

// question reads what is asked.
func (c *evalLivenessCommand) question(list []picture) (attacks.Question, error) {
	q := attacks.Question{Aims: aims()}
	if c.Threshold != 0 {
		q.Given = &liveness.Thresholds{Accept: c.Threshold, Refuse: c.Threshold}
	}
	if c.Groups == "" {
		return q, nil
	}
	const maxGroups = 1 << 20
	text, err := file.Read(c.Groups, maxGroups)
	if err != nil {
		return q, err
	}
	var subjects []string
	for _, p := range list {
		subjects = append(subjects, p.labels[2])
	}
	q.Groups, err = labels.Groups(bytes.NewReader(text), subjects)
	return q, err
}

// measure measures the networks together and each alone, in windows and in single frames.
func (c *evalLivenessCommand) measure(list []picture, scores [][]float64, networks []string, q attacks.Question) (*livenessResult, error) {
	result := &livenessResult{Folder: c.Folder}
	for _, s := range scores {
		if len(s) == 0 {
			result.NoFace++
		}
	}
	sets := [][]int{nil} // of the networks, by number; the first is all of them
	for i := range networks {
		sets[0] = append(sets[0], i)
		if len(networks) > 1 {
			sets = append(sets, []int{i})
		}
	}
	for _, window := range slices.Compact([]int{c.Window, 1}) {
		for _, set := range sets {
			var names []string
			for _, i := range set {
				names = append(names, networks[i])
			}
			r, err := attacks.Measure(strings.Join(names, " with "), window, cameras(list, scores, set, window), q)
			if err != nil {
				return nil, err
			}
			result.Reports = append(result.Reports, r)
		}
	}
	return result, nil
}

// cameras makes windows of the pictures, as a gate does: of one film each, whose frames stand in their order.
func cameras(list []picture, scores [][]float64, set []int, size int) (all []attacks.Camera) {
	var window *liveness.Window
	film := ""
	for i, p := range list {
		if len(all) == 0 || all[len(all)-1].Name != p.labels[0] {
			all = append(all, attacks.Camera{Name: p.labels[0], Attacks: map[string][]attacks.Shown{}})
		}
		if stem, _ := numbered(p); window == nil || stem != film {
			window, film = liveness.NewWindow(size), stem
		}
		if len(scores[i]) == 0 {
			continue
		}
		var some []float64
		for _, k := range set {
			some = append(some, scores[i][k])
		}
		window.Add(liveness.Fuse(some))
		if e, known := window.Evidence(); known {
			all[len(all)-1].Add(p.labels[1], p.labels[1] == bonaFide, attacks.Shown{Subject: p.labels[2], Evidence: e})
		}
	}
	return all
}

// write writes the thresholds of the whole set.
func (c *evalLivenessCommand) write(result *livenessResult, b models.Bundle) error {
	if c.WriteThresholds == "" {
		return nil
	}
	r := result.Reports[0]
	down := func(v float64) float64 { return math.Floor(1000*v) / 1000 }
	f := thresholds.New(models.Names(b.Liveness), r.Window, liveness.Thresholds{Accept: down(r.Accept), Refuse: down(r.Refuse)}, measured(r))
	if before, err := thresholds.Shipped(f.Networks); err == nil {
		f.Unseen = before.Unseen // which no folder can tell
	}
	var text bytes.Buffer
	if err := thresholds.Write(&text, f); err != nil {
		return hint.Wrap(err, "the folder does not tell live faces from attacks well enough for thresholds")
	}
	return durable.Publish(durable.OS{}, c.WriteThresholds, text.Bytes(), 0o644)
}

// measured returns what thresholds were measured on.
func measured(r *attacks.Report) (all []thresholds.Camera) {
	share := func(v float64) float64 { return math.Round(1e4*v) / 1e4 }
	for _, c := range r.Cameras {
		m := thresholds.Camera{Name: c.Camera, Subjects: c.BPCER.Subjects, Live: c.BPCER.Windows, BPCER: share(c.BPCER.Value)}
		if c.HeldOut != nil {
			m.HeldOut = share(c.HeldOut.BPCER.Value)
		}
		for _, a := range c.Attacks {
			m.Attacks = append(m.Attacks, thresholds.Attack{Kind: a.Kind, Windows: a.APCER.Windows, APCER: share(a.APCER.Value)})
		}
		all = append(all, m)
	}
	return all
}
