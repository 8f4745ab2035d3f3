package main

import (
	"context"
	"errors"
	"text/tabwriter"

	"facegate/configs/hint"
	"facegate/configs/show"
	"facegate/pipeline/liveness/thresholds"
	"facegate/pipeline/models"
	"facegate/pipeline/models/web"
	"facegate/pipeline/vision"
)

type modelsCommand struct {
	Fetch  modelsFetchCommand  `cmd:"" help:"Fetch a bundle, the registry's with the npm client and the others by HTTPS, and verify it."`
	Import modelsImportCommand `cmd:"" help:"Take from a folder, file or archive whatever the manifest knows (for a site without internet)."`
	Verify modelsVerifyCommand `cmd:"" help:"Check every file of a bundle against the manifest."`
	List   modelsListCommand   `cmd:"" help:"List the bundles and the networks that facegate may load, with licence, source and what is there."`
	Adopt  modelsAdoptCommand  `cmd:"" help:"Bring an embedder of your own: measure it on pictures, calibrate it, and let the gate use it."`
	Try    modelsTryCommand    `cmd:"" hidden:"" help:"Open a network from standard input, and see whether it is the one of that name."`
}

type modelsDirFlag struct {
	Dir string `default:"/var/lib/facegate/models" placeholder:"DIR" help:"Folder of the models (${default})."`
}

type bundleFlag struct {
	Bundle string `default:"registry" help:"Bundle (${default})."`
}

type modelsFetchCommand struct {
	bundleFlag
	modelsDirFlag
	jsonFlag
}

func (c *modelsFetchCommand) Run(ctx context.Context, t terminal) error {
	m, err := models.Load()
	if err != nil {
		return err
	}
	from := models.Sources{OpenCV: vision.OpenCV(), Web: web.Client{}, Try: tryNetwork(ctx)}
	if err := m.Fetch(ctx, c.Bundle, models.Dir(c.Dir), from, t.err); err != nil {
		return err
	}
	if err := verify(m, c.Bundle, c.Dir, c.jsonFlag, t); err != nil {
		return err
	}
	return errors.Join(c.recommend(m, t), c.lacks(m, t))
}

// recommend says which bundle is for production, if it is another one.
func (c *modelsFetchCommand) recommend(m *models.Manifest, t terminal) error {
	for _, name := range m.Bundles() {
		b, err := m.Bundle(name)
		if err != nil {
			return err
		}
		if b.Recommended && name != c.Bundle {
			show.Fprintf(t.err, "note: for production there is bundle %s: %s\n", name, b.For)
		}
	}
	return nil
}

// lacks says what the liveness networks are worth that a gate with these files has, if there are better ones.
func (c *modelsFetchCommand) lacks(m *models.Manifest, t terminal) error {
	b, err := m.Choose(c.Bundle, "", nil, models.Dir(c.Dir))
	if err != nil {
		return err
	}
	if lacks := thresholds.Cost(models.Names(b.Liveness), models.Names(m.Preferred())); lacks != "" {
		show.Fprintf(t.err, "note: %s; bring their files with facegate models import FROM --dir %s\n", lacks, c.Dir)
	}
	return nil
}

type modelsImportCommand struct {
	From string `arg:"" help:"Folder to search, or one file or .tgz archive."`
	modelsDirFlag
	jsonFlag
}

func (c *modelsImportCommand) Run(ctx context.Context, t terminal) error {
	m, err := models.Load()
	if err != nil {
		return err
	}
	found, err := m.Import(c.From, models.Dir(c.Dir), tryNetwork(ctx), t.err)
	if err != nil {
		return err
	}
	var names []string
	for _, f := range found {
		names = append(names, f.Name)
	}
	return c.print(t, map[string]any{"imported": names}, func(w *tabwriter.Writer) {
		show.Fprintf(w, "%d models imported into %s\n", len(names), c.Dir)
	})
}

type modelsVerifyCommand struct {
	bundleFlag
	modelsDirFlag
	jsonFlag
}

func (c *modelsVerifyCommand) Run(t terminal) error {
	m, err := loadModels(c.Dir)
	if err != nil {
		return err
	}
	return verify(m, c.Bundle, c.Dir, c.jsonFlag, t)
}

var errUnverified = errors.New("not all models of the bundle are in order")

func verify(m *models.Manifest, bundle, dir string, j jsonFlag, t terminal) error {
	b, err := m.Bundle(bundle)
	if err != nil {
		return err
	}
	results := models.Dir(dir).Verify(b.Models(), vision.OpenCV())
	type row struct {
		Name  string `json:"name"`
		File  string `json:"file"`
		State string `json:"state"`
	}
	var rows []row
	bad := false
	for _, r := range results {
		rows = append(rows, row{r.Model.Name, r.File.File, string(r.Status)})
		bad = bad || r.Status != models.OK
	}
	err = j.print(t, rows, func(w *tabwriter.Writer) {
		for _, r := range rows {
			show.Fprintf(w, "%s\t%s\t%s\n", r.State, r.Name, r.File)
		}
	})
	if bad {
		return hint.Wrap(errUnverified, "run facegate models fetch --bundle %s --dir %s, or facegate models import FROM --dir %[2]s",
			bundle, dir)
	}
	return err
}
