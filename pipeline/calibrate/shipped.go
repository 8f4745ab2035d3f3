package calibrate

import (
	"embed"
	"errors"
	"fmt"
)

// ErrNotShipped means that facegate carries no calibration of an embedder.
var ErrNotShipped = errors.New("no calibration of this embedder is shipped")

//go:embed shipped/*.json
var shipped embed.FS

// Shipped returns the calibration that facegate was built with for the embedder of that model ID. docs/accuracy.md says
// how each was measured. The error wraps ErrNotShipped if there is none.
func Shipped(modelID string) (*File, error) {
	entries, err := shipped.ReadDir("shipped")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		file, err := shipped.Open("shipped/" + e.Name())
		if err != nil {
			return nil, err
		}
		f, err := Read(file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.Name(), err)
		}
		if f.ModelID == modelID {
			return f, nil
		}
	}
	return nil, fmt.Errorf("%w: model %s", ErrNotShipped, modelID)
}
