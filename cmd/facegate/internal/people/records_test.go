package people_test

import (
	"errors"
	"testing"

	"facegate/cmd/facegate/internal/people"
	"facegate/cmd/facegate/internal/people/recordstest"
	"facegate/configs/hint"
)

// TestRecords checks what a Register answers in process.
func TestRecords(t *testing.T) {
	recordstest.Run(t, func(t *testing.T) recordstest.Subject {
		h := recordstest.Open(t)
		return recordstest.Subject{House: h, Records: h.Register.As(1234), By: 1234}
	})
}

// TestKinds checks that the errors that tell answers apart can be told apart by their text, and that each refusal is of one.
func TestKinds(t *testing.T) {
	texts := make(map[string]bool)
	for _, kind := range people.Kinds() {
		if texts[kind.Error()] {
			t.Errorf("two kinds are %q", kind)
		}
		texts[kind.Error()] = true
	}
	records := recordstest.Open(t).Register.As(1234)
	for name, ask := range recordstest.Refusals() {
		err, kinds := ask(t.Context(), records), 0
		for _, kind := range people.Kinds() {
			if errors.Is(err, kind) {
				kinds++
			}
		}
		if kinds == 0 || hint.Of(err) == "" {
			t.Errorf("%s: %v is of %d kinds, hint %q", name, err, kinds, hint.Of(err))
		}
	}
}
