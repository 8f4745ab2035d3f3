package calibrate

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/google/go-cmp/cmp"

	"facegate/pipeline/models"
)

// Every file that is built in is a valid calibration of a model in the manifest, and is the one found for that model.
func TestShipped(t *testing.T) {
	manifest, err := models.Load()
	if err != nil {
		t.Fatal(err)
	}
	embedders := map[string]string{} // name to ID
	for _, m := range manifest.Models() {
		if m.Role == models.Embedder {
			embedders[m.Name] = m.ID()
		}
	}
	names, err := fs.Glob(shipped, "shipped/*")
	if err != nil || len(names) == 0 {
		t.Fatalf("nothing is shipped: %v", err)
	}
	for _, name := range names {
		file, err := shipped.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		want, err := Read(file)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := Shipped(want.ModelID)
		if err != nil || !cmp.Equal(want, got) {
			t.Errorf("%s: Shipped finds another for its model: %v", name, err)
		}
		if id := embedders[want.Embedder]; id != want.ModelID {
			t.Errorf("%s: measured with model %s, but %s in the manifest is %q", name, want.ModelID, want.Embedder, id)
		}
	}
	if f, err := Shipped(fmt.Sprintf("%064x", 1)); f != nil || !errors.Is(err, ErrNotShipped) {
		t.Errorf("another model: %v, %v", f, err)
	}
}
