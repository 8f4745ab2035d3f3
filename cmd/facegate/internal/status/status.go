// Package status is what a gate tells of itself: types, and no code.
package status

import (
	"time"

	"facegate/cmd/facegate/internal/health"
	"facegate/cmd/facegate/internal/people"
	"facegate/configs/law"
	"facegate/device"
	"facegate/gpio/door"
	"facegate/pipeline/publish"
)

// Status is the state of all parts of a gate. Its counters cover the time since the start, so that no passage can be
// read from them after the fact.
type Status struct {
	Profile  law.Jurisdiction     `json:"profile"`
	Health   health.Report        `json:"health"`
	Version  string               `json:"version"`
	Site     string               `json:"site"`
	Gate     string               `json:"gate"`
	StateDir string               `json:"state_dir"` // where its records are; no two gates share one
	Mode     law.Mode             `json:"mode"`      // one-to-one: nobody is compared who shows no pass
	Started  time.Time            `json:"started"`   // by the clock of then
	UpS      int                  `json:"up_s"`      // seconds since, whatever was done to the clock
	Camera   device.CaptureStatus `json:"camera"`
	Door     door.Status          `json:"door"`
	MQTT     publish.Status       `json:"mqtt"`
	Vision   Vision               `json:"vision"`
	People   People               `json:"people"`
	Frames   Frames               `json:"frames"`
	Lockout  Lockout              `json:"lockout"`
	Rules    []Rule               `json:"rules"`            // what opens the door
	Groups   []string             `json:"groups,omitempty"` // of people that somebody is in, by name
	Record   Record               `json:"record"`
	FacesOff *FacesOff            `json:"faces_off,omitempty"` // nil unless no face is looked at
	Older    *Older               `json:"older,omitempty"`     // nil unless the records are an older copy, which was put back
	Lesser   *Lesser              `json:"lesser,omitempty"`    // nil unless something is left out after crashes
	Clock    people.ClockStatus   `json:"clock"`
	KeyStore string               `json:"key_store"` // where the device key comes from
	Epoch    people.Epoch         `json:"epoch"`

	Witnesses []Witness `json:"witnesses,omitempty"` // who cosign how far the audit log has come

	Assessment Assessment `json:"assessment,omitzero"`
	Filing     Filing     `json:"filing,omitzero"`
}

// Older says of records that are an older copy what they do not know of. Faces are off until a backup is restored.
type Older struct {
	Since   time.Time `json:"since"`   // when it was found
	From    uint64    `json:"from"`    // number of the last destruction that they knew of
	To      uint64    `json:"to"`      // of the last that there was, so far as is known
	Unknown bool      `json:"unknown"` // nobody but those who hold receipts can tell what was destroyed
}

// Witness is how it is with somebody who cosigns how far the audit log of the gate has come.
type Witness struct {
	Name   string    `json:"name"`            // by its key
	ID     string    `json:"id"`              // of its key, 8 hexadecimal digits
	Size   int64     `json:"size"`            // entries of the log that it has cosigned, 0 for none
	At     time.Time `json:"at,omitzero"`     // when it has last, by its own clock
	Silent bool      `json:"silent"`          // it has not for too long
	Ahead  bool      `json:"ahead"`           // it has seen more of the log than there is, or another one
	Err    string    `json:"error,omitempty"` // why what was said for it last was not taken in
	Hint   string    `json:"hint,omitempty"`  // what to do about that
}

// Forgotten is what came of having the broker forget the gate.
type Forgotten = publish.Forgotten

// Assessment says whether the impact assessment covers what is in use. It is empty where the profile asks for none.
type Assessment struct {
	ID      string `json:"id"`
	Date    string `json:"date"`
	Version string `json:"version"`
	Due     bool   `json:"due"` // something else is in use than what was assessed
	Advice  string `json:"advice,omitempty"`
}

// Filing is what the operator has to file, and by when. It is empty where the profile asks for no filing.
type Filing struct {
	At       int       `json:"at"`                // people who oblige the operator to file
	People   int       `json:"people"`            // on the list of this gate
	Children int       `json:"children"`          // of them, for whom a guardian consents
	Codes    int       `json:"codes"`             // templates
	Reached  time.Time `json:"reached,omitzero"`  // the day on which At people were on the list for the first time
	Deadline time.Time `json:"deadline,omitzero"` // counts Monday to Friday, and knows no public holidays
	Measures []string  `json:"measures"`          // that protect them
	Advice   string    `json:"advice,omitempty"`
}

// Lockout says by what means somebody, or nobody, gets in for now.
type Lockout struct {
	Means      []Closed `json:"means"`               // those that open nothing for somebody
	LockedDown bool     `json:"templates_destroyed"` // all of them, until somebody lets people be captured again
}

// Closed says of one means for whom it opens nothing.
type Closed struct {
	Means  string `json:"means"`  // such as face
	WaitS  int    `json:"wait_s"` // seconds until it opens the door again, after a flood of what names nobody, such as prints
	Slowed int    `json:"slowed"` // people for whom it opens nothing for moments, after failures against them
	Off    int    `json:"off"`    // people for whom it opens nothing until facegate lockout reset
}

// Rule is one way through the door.
type Rule struct {
	Says    string   `json:"says"`             // in a sentence
	InForce bool     `json:"in_force"`         // it counts now
	Waits   bool     `json:"waits"`            // it does not, because it has a plan and the clock is not known to be right
	Nobody  []string `json:"nobody,omitempty"` // groups that it is for and nobody is in
}

// Record says whether what happens at the door can be written down.
type Record struct {
	Waiting int  `json:"waiting"` // facts that are not on disk yet
	Full    bool `json:"full"`    // no more can wait, and nobody is let in
}

// FacesOff says since when and why no face is looked at.
type FacesOff struct {
	Since  time.Time `json:"since"`
	Reason string    `json:"reason,omitempty"`
}

// Lesser says what is left out of a gate that has crashed again and again, and why.
type Lesser struct {
	Level  string    `json:"level"` // faces off, or cards only
	Since  time.Time `json:"since"`
	Reason string    `json:"reason"` // of the last crash
}

// Vision names the networks in use.
type Vision struct {
	Bundle   string   `json:"bundle"`
	Embedder string   `json:"embedder"`
	Adopted  string   `json:"adopted,omitempty"` // the day on which the embedder was adopted here; "" for one that facegate ships with
	Liveness []string `json:"liveness"`
	Err      string   `json:"error,omitempty"` // why they cannot be used
	Hint     string   `json:"hint,omitempty"`  // and what to do about it

	LiveFrom  float64 `json:"live_from"`        // mean score from which a face is live
	NotBelow  float64 `json:"refused_below"`    // below which it is a print or a screen
	CanBetter string  `json:"advice,omitempty"` // what better liveness networks would refuse
}

// People says how full the gate is.
type People struct {
	Enrolled int `json:"enrolled"` // who can match

	// ConsentAgain is how many people on the list have consented under another profile, and do not match until they do again.
	ConsentAgain int `json:"consent_again"`

	// Owed is how many people are to be erased, who do not match any more, and could not be erased yet.
	Owed int `json:"erasures_owed"`

	// Crowding says how near the faces of those who are let in are to others, to the network: "as in the calibration", "more" or
	// "much more". It is "" until 200 people were let in, and stays as it is until as many more were.
	Crowding string `json:"crowding,omitempty"`
	Advice   string `json:"advice,omitempty"` // what to do where it is more

	Limit int `json:"limit"` // the most for which the calibration covers the wanted error rate; 0 for any number
}

// Frames says what the gate does with frames. It does not say what they show, nor how many showed it: whoever asks again
// and again would count everybody who passes. Aiming the camera shows it, for moments.
type Frames struct {
	Now     string  `json:"now"`              // what the gate does with them
	Advice  string  `json:"advice,omitempty"` // what to do where it looks at none
	Damaged uint64  `json:"damaged"`          // frames of which a part is lost, and which were not looked at
	Failed  uint64  `json:"failed"`           // frames that could not be processed
	Latency Latency `json:"latency"`
}

// A View says what is before the camera, and what is wrong with the picture. It does not say who is there.
type View struct {
	Sees    string  `json:"sees"`
	Advice  string  `json:"advice,omitempty"`
	Figures Figures `json:"figures,omitzero"` // of an aiming
}

// Figures are what is measured while somebody aims the camera.
type Figures struct {
	Rate       float64 `json:"rate"` // frames a second that the camera sends
	RateWanted int     `json:"rate_wanted"`
	Face       Sight   `json:"face,omitzero"` // the nearest one, whoever's it is
}

// A Sight is what is measured of a face, and the limits within which the gate looks at it further.
type Sight struct {
	Width        int     `json:"width"` // pixels
	MinWidth     int     `json:"min_width"`
	Light        int     `json:"light"` // mean grey value of the face, 0 to 255
	MinLight     int     `json:"min_light"`
	MaxLight     int     `json:"max_light"`
	Sharpness    int     `json:"sharpness"` // variance of the Laplacian
	MinSharpness int     `json:"min_sharpness"`
	Right        float64 `json:"right"` // of the middle of zone.region, of which -1 is the left edge and 1 the right one
	Down         float64 `json:"down"`  // of that, of which -1 is the upper edge and 1 the lower one
}

// A Prompt says where somebody before the camera is to look: straight ahead, left or right as they see it, or "" if nobody is asked.
type Prompt struct {
	Look string `json:"look"` // ahead, left, right or ""
	Say  string `json:"say"`  // the same in words
}

// A SurveyPlan says how long a survey of camera and light looks at the door without anybody, and with somebody before it.
type SurveyPlan struct {
	Empty    time.Duration `json:"empty_ns"`
	Occupied time.Duration `json:"occupied_ns"`
}

// A SurveyStep says what the technician has to do during a survey, and what the camera sees meanwhile.
type SurveyStep struct {
	Phase string `json:"phase"` // "empty" or "occupied"
	Do    string `json:"do"`
	LeftS int    `json:"left_s"` // seconds until the phase is over
	View
}

// Latency is the time from a frame to the edge of the relay, of the last grants.
type Latency struct {
	Grants int     `json:"grants"`
	P50MS  float64 `json:"p50_ms"`
	P95MS  float64 `json:"p95_ms"`
	MaxMS  float64 `json:"max_ms"`
}

// CameraOff is the state of a camera that is not opened, because the gate has no records to compare a face with.
const CameraOff device.CaptureState = "off"
