// Package control is the local way into a running gate: HTTP over a Unix socket, between the command line and the
// daemon. What passes it carries labels and states, never a picture, vector, code or score.
package control

import (
	"context"
	"errors"
	"time"

	"facegate/device"
	"facegate/gpio"
	"facegate/pipeline/publish"
)

// A Gate is what a running daemon offers to a technician.
type Gate interface {
	// Enrol captures the person who stands before the camera. progress is called from one goroutine. It ends when the
	// template is stored durably, when ctx is done, or with an error that says why it cannot be.
	Enrol(ctx context.Context, r EnrolRequest, progress func(Progress)) (Person, error)

	// People lists everybody enrolled, by label.
	People() ([]Person, error)

	// Erase removes a person. They do not match any more when it returns.
	Erase(label string) error

	// TestDoor gives one pulse of the door, and waits for its end or that of ctx.
	TestDoor(ctx context.Context) (DoorTest, error)

	// Status says how the gate is.
	Status() Status
}

// An EnrolRequest asks for a capture.
type EnrolRequest struct {
	Label   string `json:"label"`   // what the people list shows
	Consent string `json:"consent"` // reference of the person's recorded consent
}

// Progress says what the camera sees during a capture.
type Progress struct {
	State  string `json:"state"`            // a pipeline.State
	Reason string `json:"reason,omitempty"` // a quality.Reason
	Advice string `json:"advice,omitempty"` // what the person can do
	Taken  int    `json:"taken"`            // frames taken
	Want   int    `json:"want"`             // frames wanted
}

// A Person is one line of the people list.
type Person struct {
	Label    string    `json:"label"`
	Consent  string    `json:"consent"`
	Enrolled time.Time `json:"enrolled"`
	Expires  time.Time `json:"expires"`
}

// A DoorTest is what one pulse did.
type DoorTest struct {
	Line  string        `json:"line"`
	Pulse time.Duration `json:"pulse_ns"` // how long the line was active
}

// Status is the state of all parts of a gate. Its counters cover the time since the start, so that no passage can be
// read from them after the fact.
type Status struct {
	Version  string               `json:"version"`
	Site     string               `json:"site"`
	Gate     string               `json:"gate"`
	Started  time.Time            `json:"started"`
	Camera   device.CaptureStatus `json:"camera"`
	Door     gpio.Status          `json:"door"`
	MQTT     publish.Status       `json:"mqtt"`
	Vision   VisionStatus         `json:"vision"`
	People   PeopleStatus         `json:"people"`
	Frames   FrameStatus          `json:"frames"`
	KeyStore string               `json:"key_store"` // where the device key comes from
}

// VisionStatus names the networks in use.
type VisionStatus struct {
	Bundle   string   `json:"bundle"`
	Embedder string   `json:"embedder"`
	Liveness []string `json:"liveness"`
}

// PeopleStatus says how full the gate is.
type PeopleStatus struct {
	Enrolled int `json:"enrolled"`
	Limit    int `json:"limit"` // the most for which the calibration covers the wanted error rate
}

// FrameStatus counts what frames came to.
type FrameStatus struct {
	Now     string            `json:"now"`              // what the newest frame came to
	Advice  string            `json:"advice,omitempty"` // what to do about it
	Counts  map[string]uint64 `json:"counts"`           // frames by what they came to
	Stale   uint64            `json:"stale"`            // frames too old to decide on
	Failed  uint64            `json:"failed"`           // frames that could not be processed
	Latency Latency           `json:"latency"`
}

// Latency is the time from a frame to the edge of the relay, of the last grants.
type Latency struct {
	Grants int     `json:"grants"`
	P50MS  float64 `json:"p50_ms"`
	P95MS  float64 `json:"p95_ms"`
	MaxMS  float64 `json:"max_ms"`
}

// Errors of a Client.
var (
	ErrNotRunning = errors.New("the gate is not running")
	ErrRefused    = errors.New("the gate refused the request")
	ErrBroken     = errors.New("the gate stopped before it had answered")
)

// ErrInUse is the error of a Server at whose path another one answers.
var ErrInUse = errors.New("another facegate answers there")
