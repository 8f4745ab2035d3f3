package daemon

import (
	"context"
	"os"
	"time"

	"facegate/cmd/facegate/internal/codereader"
	"facegate/cmd/facegate/internal/entry"
	"facegate/cmd/facegate/internal/people"
	"facegate/configs"
	"facegate/gpio/door"
	"facegate/store"
)

// Codes returns what reads passes off the camera, nil for nothing.
func (d *Daemon) Codes() *codereader.Reader { return d.codes }

// Store returns what the gate keeps.
func (d *Daemon) Store() *store.Store { return d.store }

// Register returns everybody who is enrolled.
func (d *Daemon) Register() *people.Register { return d.register }

// Entry returns what attempts are asked of.
func (d *Daemon) Entry() *entry.Entry { return d.entry }

// Enrolling reports whether somebody is being captured.
func (d *Daemon) Enrolling() bool { return d.camera.Enrolling() }

// Lingers reports whether somebody who was just captured stands there still.
func (d *Daemon) Lingers() bool { return d.camera.Lingers() }

// LookEvery has the disk looked at in other times than usual.
func (r *Remnant) LookEvery(t time.Duration) { r.every = t }

// Mends reports whether the gate is tried again now, of which New has failed because of why.
func Mends(c *configs.Config, why error) bool { m := mended(c, why); return m != nil && m() }

// AdviceOn is what a technician is told to do about why, where it does not mend by itself.
func AdviceOn(why error) string { return adviceOn(why, false) }

// MadeByUnit returns the folders that systemd makes when it starts the service.
func MadeByUnit() []string { return madeByUnit() }

// StartLimit is how long a fresh process may take.
const StartLimit = startLimit

// Told is what everybody is told of a door.
func Told(s door.Status) door.Status { return told(s) }

// NewRecovery returns the task that has all tried again.
func NewRecovery(after time.Duration, tryAll func() error) interface{ Run(context.Context) error } {
	return newRecovery(after, tryAll)
}

// NewHandover returns the task that ends a gate once it is quiet, and asks it to.
func NewHandover(quiet, fire func() bool) interface{ Run(context.Context) error } {
	h := &handover{
		enabled: true, quiet: quiet, fire: fire, leave: func() (*os.File, error) { return nil, nil },
		asked: make(chan struct{}), ready: make(chan struct{}),
	}
	h.ask()
	return h
}
