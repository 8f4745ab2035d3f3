package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"facegate/cmd/facegate/internal/people"
	"facegate/configs"
	"facegate/configs/show"
	"facegate/pipeline/calibrate"
	"facegate/pipeline/decide"
	"facegate/pipeline/evaluate"
	"facegate/pipeline/evaluate/gallery"
)

// galleryDraws is how many galleries of one kind are drawn.
const galleryDraws = 100

// A gateResult is what a gate does in galleries drawn from the people of a folder, at the defaults of a configuration.
type gateResult struct {
	FPIR      float64          `json:"fpir"` // promised
	Beta      float64          `json:"beta"`
	Galleries []gallery.Result `json:"galleries"`
}

// gateWays returns how a gate judges by f at the defaults of a configuration, and what it is to be compared with.
func gateWays(f *calibrate.File) (fpir float64, ways []gallery.Way) {
	c := configs.Defaults()
	rules := decide.Rules{
		Judge: decide.Every, Agree: 1, Window: c.Decide.Window, Rearm: c.Decide.Rearm, Margin: c.Match.Margin,
	}
	one := gallery.Way{Name: "one frame", Match: people.Rules(f, 1, c.Match.FPIR), Decide: rules}
	plain := one
	plain.Name, plain.Match.Beta = "one frame, never raised", 0
	rules.Agree = c.Decide.Agree
	each := gallery.Way{Name: fmt.Sprintf("each of %d frames", rules.Agree), Match: one.Match, Decide: rules}
	rules.Judge = decide.Mean
	mean := gallery.Way{
		Name: fmt.Sprintf("mean of %d frames", rules.Agree), Match: people.Rules(f, rules.Agree, c.Match.FPIR), Decide: rules,
	}
	return c.Match.FPIR, []gallery.Way{plain, one, each, mean}
}

// atTheGate measures the galleries that f covers and that the folder has enough people for.
func atTheGate(ctx context.Context, study gallery.Study, f *calibrate.File, progress io.Writer) (*gateResult, error) {
	fpir, ways := gateWays(f)
	result := &gateResult{FPIR: fpir, Beta: f.Beta}
	for _, plan := range study.Plans() {
		if f.MaxEnrolled(1, fpir) < plan.Enrolled {
			continue
		}
		for _, templates := range []int{1, calibrate.TemplatePictures} {
			study.Templates = templates
			bar := newBar(progress, int64(plan.Draws), fmt.Sprintf("galleries of %d", plan.Enrolled))
			outcomes, err := study.Measure(ctx, plan, ways, func(done, _ int) { bar.Set(done) })
			bar.Finish()
			if err != nil {
				return nil, err
			}
			result.Galleries = append(result.Galleries, gallery.Result{Plan: plan, Templates: templates, Ways: outcomes})
		}
	}
	return result, nil
}

// calibration returns the shipped calibration of the embedder or, where one is to be written, that of these people.
func (c *evalRecognitionCommand) calibration(ctx context.Context, study gallery.Study, r *recognitionResult,
	acquired evaluate.Acquisition, progress io.Writer,
) (*calibrate.File, error) {
	if c.WriteCalibration == "" {
		return calibrate.Shipped(r.ModelID)
	}
	bar := newBar(progress, 3, "calibration")
	defer bar.Finish()
	impostors, err := study.Impostors(ctx, 1)
	if err != nil {
		return nil, err
	}
	bar.Add(1)
	crowd, err := study.Crowds(ctx)
	if err != nil {
		return nil, err
	}
	bar.Add(1)
	f, err := calibrate.Build(calibrate.File{
		ModelID: r.ModelID, Embedder: r.Embedder, Dim: len(study.Mean), Mean: calibrate.Mean(study.Mean),
		Created: time.Now().UTC().Format(time.DateOnly), Source: filepath.Base(c.Folder) + ", every person once, upper ends of the intervals",
		People: acquired.People - acquired.PeopleFailed, Pictures: acquired.Pictures - acquired.PicturesFailed,
		TemplatePictures: study.Templates, Crowd: crowd, Excluded: r.Labels.forCalibration(),
	}, impostors)
	if err != nil {
		return nil, err
	}
	f.Beta, err = study.Beta(ctx, f)
	bar.Add(1)
	return f, err
}

func (r *gateResult) write(w io.Writer) {
	if len(r.Galleries) == 0 {
		return
	}
	show.Fprintf(w, "\nat the gate, promised FPIR %g %% in a mixed crowd, beta %.2f; every person counts once, intervals by people\n",
		100*r.FPIR, r.Beta)
	gallery.Write(w, r.Galleries...)
}
