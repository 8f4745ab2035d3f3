// Package control is the local way into a running gate: HTTP over a Unix socket, between the command line and the
// daemon. What passes it carries labels and states, never a picture, vector, code or score. The token of a pass crosses it
// when the pass is issued, and when its owner is erased by it.
package control

import (
	"context"
	"errors"
	"time"

	"facegate/cmd/facegate/internal/people"
	"facegate/cmd/facegate/internal/status"
	"facegate/pipeline/template"
	"facegate/store/audit"
)

// A Gate is what a running daemon offers to a technician.
type Gate interface {
	// Enrol captures the person who stands before the camera. progress is called from one goroutine. It ends when the
	// template is stored durably, when ctx is done, or with an error that says why it cannot be.
	Enrol(ctx context.Context, r people.EnrolRequest, progress func(people.Progress)) (people.Enrolled, error)

	// People lists everybody enrolled, by label.
	People() ([]people.Person, error)

	// Erase removes a person, who does not match any more when it returns, with a receipt. If withdrawn, the consent is
	// kept as one that was withdrawn.
	Erase(label string, withdrawn bool, by audit.Actor) (people.Erasure, error)

	// EraseByPass is Erase, by the pass of the person.
	EraseByPass(t template.Token, withdrawn bool, by audit.Actor) (people.Erasure, error)

	// IssuePass gives a person a new pass, whose token is kept nowhere else. The old one does nothing any more.
	IssuePass(label string, by audit.Actor) (template.Token, error)

	// Receipts lists the receipts that nobody has fetched, such as those of expired enrolments.
	Receipts() ([]string, error)

	// Fetched says that somebody has the receipt with this id, and it need not be kept.
	Fetched(id string) error

	// Show returns all that is held of a person, but for the template.
	Show(label string) (people.File, error)

	// Relabel corrects a label.
	Relabel(old, label string, by audit.Actor) (people.Person, error)

	// Verify checks the audit log, also against places in it that were seen before.
	Verify(seen []audit.Head) (people.AuditReport, error)

	// Device returns the identity of the device.
	Device() people.Device

	// Backup makes a sealed copy of people, consents and templates, for a gate that has lost them.
	Backup(by audit.Actor) (people.Backup, error)

	// Lockdown makes every template unusable, and nobody matches when it returns. Reopen lets people be captured again.
	Lockdown(by audit.Actor) (people.Facts, error)
	Reopen(by audit.Actor) error

	// Unlock lets the faces of those open the door again whom somebody tried too often to be taken for.
	Unlock(by audit.Actor) error

	// TurnFacesOff has no face looked at, and nobody captured, until TurnFacesOn. Nothing is destroyed.
	TurnFacesOff(reason string, by audit.Actor) error
	TurnFacesOn(by audit.Actor) error

	// Epoch says how far a change of epoch has come. BeginEpoch begins one, and everybody matches as before; where faces are
	// compared 1:1 it refuses. EndEpoch destroys the templates of the earlier ones, and their people have to be captured again.
	Epoch() people.Epoch
	BeginEpoch(by audit.Actor) (people.Epoch, error)
	EndEpoch(by audit.Actor) (people.Epoch, error)

	// TestDoor gives one pulse of the door, and waits for its end or that of ctx. It is bounded, noted and told; see gpio.Hand.
	TestDoor(ctx context.Context, by audit.Actor) (status.DoorTest, error)

	// Clock says what is known of the time. ConfirmClock notes that a technician vouches for the date, which was seen a
	// moment ago: what waits for a right clock is done then.
	Clock() people.ClockStatus
	ConfirmClock(seen time.Time, by audit.Actor) (people.ClockStatus, error)

	// Aim shows to a technician what the camera sees, for moments and not too often, until ctx is done. view is called from
	// one goroutine.
	Aim(ctx context.Context, view func(status.View), by audit.Actor) error

	// Status says how the gate is.
	Status() status.Status

	// Process returns the name that this process of the gate has drawn for itself, and whether it is going to hand over to
	// a fresh one, as it does after something was destroyed.
	Process() (name string, ends bool)
}

// Errors of a Client.
var (
	ErrNotRunning = errors.New("the gate is not running")
	ErrRefused    = errors.New("the gate refused the request")
	ErrBroken     = errors.New("the gate stopped before it had answered")

	// ErrMemory means that what was asked for is done, and may still be in the memory of the gate.
	ErrMemory = errors.New("it is done, but the gate has not begun anew, and its memory may still hold what was destroyed")
)

// ErrInUse is the error of a Server at whose path another one answers.
var ErrInUse = errors.New("another facegate answers there")

// The groups of a Server that it cannot use.
var (
	ErrGroup      = errors.New("the group of the socket cannot be used")
	ErrOffice     = errors.New("the group of the office cannot be used")
	ErrTechnician = errors.New("the group of the technicians cannot be used")
)
