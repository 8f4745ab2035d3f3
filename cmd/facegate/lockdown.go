package main

import (
	"errors"

	"facegate/configs/hint"
)

// A lockdownCommand is typed by who knows the former name, or means what other systems call a lockdown.
type lockdownCommand struct {
	Rest []string `arg:"" optional:"" passthrough:"" help:"Whatever follows."`
}

// Run does nothing but say what there is.
func (*lockdownCommand) Run() error {
	return hint.Wrap(errLockdown, "to look at no face for now, and lose nothing: facegate faces off\n"+
		"to destroy every template for good, as after a theft: facegate destroy-templates\n"+
		"the other ways in, and the lock itself, are not facegate's to lock")
}

var errLockdown = errors.New("there is no \"lockdown\" here: elsewhere the word means to lock every door, " +
	"and this command destroyed templates")
