package main

import (
	"strings"
	"text/tabwriter"

	"facegate/configs/show"
	"facegate/pipeline/models"
	"facegate/pipeline/vision"
)

type modelsListCommand struct {
	modelsDirFlag
	jsonFlag
}

// A listedBundle is what models list says of a bundle.
type listedBundle struct {
	Name        string   `json:"name"`
	Networks    []string `json:"networks"`
	For         string   `json:"for"`
	Recommended bool     `json:"recommended"`
	There       bool     `json:"there"`
}

// A listedModel is what models list says of a network.
type listedModel struct {
	models.Model
	State models.Status `json:"state"`
	Used  string        `json:"used,omitempty"` // the file that is used
}

func (c *modelsListCommand) Run(t terminal) error {
	m, err := loadModels(c.Dir)
	if err != nil {
		return err
	}
	var list struct {
		Bundles  []listedBundle `json:"bundles"`
		Networks []listedModel  `json:"networks"`
	}
	there := map[string]bool{}
	for _, r := range models.Dir(c.Dir).Verify(m.Models(), vision.OpenCV()) {
		l := listedModel{Model: r.Model, State: r.Status}
		if r.Status == models.OK {
			l.Used, there[r.Model.Name] = r.File.File, true
		}
		list.Networks = append(list.Networks, l)
	}
	for _, name := range m.Bundles() {
		b, err := m.Bundle(name)
		if err != nil {
			return err
		}
		l := listedBundle{Name: name, For: b.For, Recommended: b.Recommended, There: true}
		for _, x := range b.Models() {
			l.Networks = append(l.Networks, x.Name)
			l.There = l.There && there[x.Name]
		}
		list.Bundles = append(list.Bundles, l)
	}
	return c.print(t, list, func(w *tabwriter.Writer) {
		writeBundles(w, list.Bundles)
		show.Fprintf(w, "\nWhere the files of %s are there, they tell faces from prints in every bundle.\n",
			strings.Join(models.Names(m.Preferred()), " and "))
		writeNetworks(w, list.Networks)
	})
}

func writeBundles(w *tabwriter.Writer, list []listedBundle) {
	show.Fprintf(w, "BUNDLE\tTHERE\tFOR\n")
	for _, b := range list {
		there := "no"
		if b.There {
			there = "yes"
		}
		show.Fprintf(w, "%s\t%s\t%s\n", b.Name, there, b.For)
	}
}

func writeNetworks(w *tabwriter.Writer, list []listedModel) {
	show.Fprintf(w, "\nNETWORK\tROLE\tSTATE\tFILE\tMB\tLICENCE\tSOURCE\n")
	for _, x := range list {
		for i, f := range x.Files {
			state, name, role := "", "", models.Role("")
			if i == 0 {
				name, role = x.Name, x.Role
			}
			if f.File == x.Used || x.Used == "" && i == 0 {
				state = string(x.State)
			}
			show.Fprintf(w, "%s\t%s\t%s\t%s\t%.1f\t%s\t%s\n", name, role, state, f.File, float64(f.Size)/1e6, x.Licence, x.Source)
		}
	}
	show.Fprintf(w, "\nPROVENANCE\n")
	for _, x := range list {
		show.Fprintf(w, "%s\t%s\n", x.Name, x.Provenance)
		if a := x.Adopted; a != nil {
			show.Fprintf(w, "\tadopted here on %s: %s\n", a.Day, a.Measured)
		}
	}
}
