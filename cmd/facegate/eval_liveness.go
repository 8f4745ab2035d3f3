package main

import (
	"context"
	"strings"
	"sync"
	"text/tabwriter"

	"facegate/configs/hint"
	"facegate/configs/show"
	"facegate/pipeline/evaluate"
	"facegate/pipeline/liveness"
	"facegate/pipeline/models"
	"facegate/pipeline/vision"
)

// bonaFide is the folder of live faces; every other folder is a kind of attack.
const bonaFide = "live"

type evalLivenessCommand struct {
	Folder string `arg:"" help:"Folder of KIND/SUBJECT/PICTURE.jpg; the kind 'live' holds live faces, the others attacks."`
	evalFlags
	Threshold float64 `default:"0.5" help:"Fused score from which a face counts as live (${default})."`
}

func (c *evalLivenessCommand) Run(ctx context.Context, t terminal) error {
	engines, bundle, err := c.open()
	if err != nil {
		return err
	}
	defer closeAll(engines)
	list, err := listPictures(c.Folder, 2)
	if err != nil {
		return err
	}
	all := newPresentations(bundle)
	var mu sync.Mutex // guards all
	bar := newBar(t.err, int64(len(list)), "presentations")
	err = eachPicture(ctx, engines, list, bar, func(e *vision.Engine, i int) error {
		face, ok, err := mainFace(e, list[i].path)
		var scores []float64
		if ok {
			scores, err = e.Live(nil, &face)
		}
		mu.Lock()
		defer mu.Unlock()
		all.add(list[i].labels[0], scores)
		return err
	})
	if err != nil {
		return err
	}
	return c.report(t, all)
}

// presentations hold the scores of each network and, last, of all of them fused.
type presentations struct {
	by     []*evaluate.Presentations
	noFace int // refused without a score: nothing that a liveness network could be credited with
}

func newPresentations(b models.Bundle) *presentations {
	var names []string
	all := &presentations{}
	for _, m := range b.Liveness {
		names = append(names, m.Name)
		all.by = append(all.by, &evaluate.Presentations{Name: m.Name, Attacks: map[string][]float64{}})
	}
	if len(names) > 1 {
		all.by = append(all.by, &evaluate.Presentations{Name: "mean of " + strings.Join(names, " and "), Attacks: map[string][]float64{}})
	}
	return all
}

func (p *presentations) add(kind string, scores []float64) {
	if len(scores) == 0 {
		p.noFace++
		return
	}
	if len(p.by) > len(scores) {
		scores = append(scores, liveness.Fuse(scores))
	}
	for i, s := range scores {
		if kind == bonaFide {
			p.by[i].BonaFide = append(p.by[i].BonaFide, s)
		} else {
			p.by[i].Attacks[kind] = append(p.by[i].Attacks[kind], s)
		}
	}
}

func (c *evalLivenessCommand) report(t terminal, all *presentations) error {
	result := struct {
		Folder string          `json:"folder"`
		NoFace int             `json:"no_face"`
		PAD    []*evaluate.PAD `json:"pad"`
	}{c.Folder, all.noFace, nil}
	for _, p := range all.by {
		r, err := p.Report(c.Threshold)
		if err != nil {
			return hint.Wrap(err, "put live faces into %s/%s and attacks into folders beside it", c.Folder, bonaFide)
		}
		result.PAD = append(result.PAD, r)
	}
	return c.print(t, result, func(w *tabwriter.Writer) {
		show.Fprintf(w, "%s: %d pictures without a usable face\n\n", c.Folder, result.NoFace)
		evaluate.WritePADs(w, result.PAD...)
	})
}
