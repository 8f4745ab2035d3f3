package configs

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A Draft is a configuration that is being written: what it says already, and what keeps a gate from starting with it.
type Draft struct {
	*Config // with the values of the reference where nothing is said

	// Faults is all that Read refuses the text for, in its order; none if it is the configuration of a gate.
	Faults []*Error

	doc *document
}

// ReadDraft reads a text that need not be whole. The error says, as that of Read does, that it is not even the form of a configuration:
// then it cannot be told what it means.
func ReadDraft(name, text string) (*Draft, error) {
	if len(text) > MaxSize {
		return nil, tooLong(name)
	}
	doc, cfg := decoded(name, text)
	if err := doc.refusal(); err != nil {
		return nil, err
	}
	doc.validate(cfg)
	d := &Draft{Config: cfg, doc: doc}
	for _, err := range doc.errs {
		fault := new(Error)
		if !errors.As(err, &fault) {
			return nil, fmt.Errorf("configs: %s: %w", name, err)
		}
		d.Faults = append(d.Faults, fault)
	}
	cfg.complete()
	return d, nil
}

// Given reports whether the text itself has a value for a key, a dotted path.
func (d *Draft) Given(key string) bool { return d.doc.given[key] }

// Usual reports whether the text has for a key what the reference has, which for some keys is an example.
func (d *Draft) Usual(of func(*Config) string) bool { return of(d.Config) == of(&d.doc.usual) }

// About returns the faults that are about one of keys, or about an item of the list that it has.
func (d *Draft) About(keys ...string) (faults []*Error) {
	for _, f := range d.Faults {
		if key, _, _ := strings.Cut(f.Key, "["); slices.Contains(keys, key) {
			faults = append(faults, f)
		}
	}
	return faults
}
