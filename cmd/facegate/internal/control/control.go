// Package control is the local way into a running gate: HTTP over a Unix socket, between the command line and the
// daemon. It is transport and nothing else: what can be asked, and what is answered, is for package people and package
// status to say. Each question stands once, in the table of questions.go, with whose it is.
//
// What passes the socket carries labels and states, never a picture, vector, code or score. The token of a pass crosses it
// when the pass is issued, and when its owner is erased by it.
package control

import (
	"context"
	"errors"

	"facegate/cmd/facegate/internal/people"
	"facegate/cmd/facegate/internal/status"
	"facegate/device/probe"
	"facegate/pipeline/survey"
	"facegate/store/audit"
)

// A Host is a gate as a Server asks it. by is who asks, as the kernel says.
type Host interface {
	// Records returns the records of the gate, or an error that says why it has none.
	Records(by audit.Actor) (people.Records, error)

	// Running returns what the gate does besides.
	Running(by audit.Actor) Running

	// Process returns the name that this process of the gate has drawn for itself, and whether it is going to hand over to
	// a fresh one, as it does after something was destroyed.
	Process() (name string, ends bool)
}

// Running is what a gate does while it runs, and not otherwise: it has a camera and a door then.
type Running interface {
	// Enrol captures the person who stands before the camera. progress is called from one goroutine. It ends when the
	// template is stored durably, when ctx is done, or with an error that says why it cannot be.
	Enrol(ctx context.Context, r people.EnrolRequest, progress func(people.Progress)) (people.Enrolled, error)

	// AddCard registers the next card that is shown to any reader, which opens nothing by that. waits is called once, with where it
	// may be shown. It ends when the card is stored durably, when ctx is done, or with an error that says why it cannot be.
	AddCard(ctx context.Context, q people.CardRequest, waits func(people.CardWait)) (people.CardAdded, error)

	// Aim shows to a technician what the camera sees, for moments and not too often, until ctx is done. view is called from
	// one goroutine.
	Aim(ctx context.Context, view func(status.View)) error

	// TestCamera measures for some seconds what the camera sends, and says what is wrong with it. It is as often as Aim, and both
	// together.
	TestCamera(ctx context.Context) (probe.Verdict, error)

	// Prompt tells where somebody before the camera is asked to look, from now on, until ctx is done: what lights would show. show
	// is called from one goroutine.
	Prompt(ctx context.Context, show func(status.Prompt)) error

	// Calibrate has camera and light measured, in the phases of plan, and says what is wrong and what to move. It is as
	// often as Aim, and both together. step is called from one goroutine. The end of ctx gives it up.
	Calibrate(ctx context.Context, plan status.SurveyPlan, step func(status.SurveyStep)) (survey.Report, error)

	// TestDoor gives one pulse of the door, and waits for its end or that of ctx. It is bounded, noted and told; see gpio.Hand.
	TestDoor(ctx context.Context) (status.DoorTest, error)

	// HoldDoor keeps the door open for a while, whatever was left of a hold before it. It is bounded by door.max_open, and noted
	// before the door opens.
	HoldDoor(ctx context.Context, q status.DoorHold) error

	// ReleaseDoor ends a hold before its time.
	ReleaseDoor(ctx context.Context) error

	// Door says how the door is, and what each of its lines says now, though not too often.
	Door(ctx context.Context) (status.Door, error)

	// WatchDoor shows to a technician what the door does, for moments and not too often, until ctx is done: the level of every
	// line first. show is called from one goroutine.
	WatchDoor(ctx context.Context, show func(status.DoorMoment)) error

	// ForgetMQTT has the broker forget the gate, which goes on telling events and says nothing more that is retained. It waits for
	// a connection, though not long.
	ForgetMQTT(ctx context.Context) (status.Forgotten, error)

	// Status says how the gate is.
	Status(ctx context.Context) (status.Status, error)
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
