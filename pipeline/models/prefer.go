package models

import (
	"os"
	"path/filepath"
	"slices"
)

// Preferred returns the liveness models that serve in every bundle where all of their files are there; none if the manifest
// names none.
func (m *Manifest) Preferred() []Model {
	var preferred []Model
	for _, name := range m.preferred {
		model, err := m.find(Liveness, name, "")
		if err != nil {
			return nil // which validate has refused
		}
		preferred = append(preferred, model)
	}
	return preferred
}

// Choose is Select for a folder of files: an empty list of liveness models stands for the preferred ones if all of their files
// are in dir, whatever is in them, and otherwise for the bundle's own.
func (m *Manifest) Choose(bundle, embedder string, liveness []string, dir Dir) (Bundle, error) {
	if len(liveness) == 0 && dir.holds(m.Preferred()) {
		liveness = m.preferred
	}
	return m.Select(bundle, embedder, liveness)
}

// holds reports whether there is a file for each of the models.
func (d Dir) holds(models []Model) bool {
	for _, m := range models {
		there := func(f File) bool {
			_, err := os.Stat(filepath.Join(string(d), f.File))
			return err == nil
		}
		if !slices.ContainsFunc(m.Files, there) {
			return false
		}
	}
	return true
}
