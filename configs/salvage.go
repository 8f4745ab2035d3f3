package configs

import (
	"errors"
	"slices"
	"strings"
)

// Salvage returns of a configuration that Read refuses what says which lines the door has, and where the gate has its socket:
// somebody's mistake elsewhere in a file must not keep the lines from being released. It returns false if the mistake may be
// about them. Nothing else of the configuration is to be used.
func Salvage(text []byte) (*Config, bool) {
	cfg := new(Config)
	newDocument("", string(reference)).decode(cfg)
	if len(text) > MaxSize {
		return nil, false
	}
	doc := newDocument("", string(text))
	doc.decode(cfg)
	oneOf(doc, "door.driver", cfg.Door.Driver, Cdev, Sim)
	doc.check(cfg.Door.Driver != Cdev || cfg.Door.Line != "", "door.line", "is empty")
	doc.absolute("control.socket", cfg.Control.Socket)
	return cfg, !slices.ContainsFunc(doc.errs, aboutLines)
}

// aboutLines reports whether a fault of a configuration may change which lines the door has, or where the socket is. One
// that is about no key may be about any.
func aboutLines(err error) bool {
	fault := new(Error)
	if !errors.As(err, &fault) {
		return true
	}
	section, key, _ := strings.Cut(fault.Key, ".")
	switch section {
	case "", "prompt":
		return true
	case "control":
		return key == "" || key == "socket"
	case "door":
		return !slices.ContainsFunc(otherDoorKeys(), func(other string) bool { return strings.HasPrefix(key, other) })
	}
	return false
}

// otherDoorKeys are what the keys of the door begin with that name no output.
func otherDoorKeys() []string {
	return []string{
		"name", "direction", "kind", "fail", "pulse", "max_open", "contact", "exit", "fire", "tamper", "held_", "forced", "passage_", "schedule", "holidays",
	}
}
