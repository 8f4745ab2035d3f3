// Package control is the local way into a running gate: HTTP over a Unix socket, between the command line and the
// daemon. What passes it carries labels and states, never a picture, vector, code or score. The token of a pass crosses it
// when the pass is issued, and when its owner is erased by it.
package control

import (
	"context"
	"errors"
	"time"

	"facegate/cmd/facegate/internal/health"
	"facegate/configs"
	"facegate/device"
	"facegate/gpio"
	"facegate/pipeline/publish"
	"facegate/pipeline/template"
	"facegate/store/audit"
)

// A Gate is what a running daemon offers to a technician.
type Gate interface {
	// Enrol captures the person who stands before the camera. progress is called from one goroutine. It ends when the
	// template is stored durably, when ctx is done, or with an error that says why it cannot be.
	Enrol(ctx context.Context, r EnrolRequest, progress func(Progress)) (Enrolled, error)

	// People lists everybody enrolled, by label.
	People() ([]Person, error)

	// Erase removes a person, who does not match any more when it returns, with a receipt. If withdrawn, the consent is
	// kept as one that was withdrawn.
	Erase(label string, withdrawn bool, by audit.Actor) (Erasure, error)

	// EraseByPass is Erase, by the pass of the person.
	EraseByPass(t template.Token, withdrawn bool, by audit.Actor) (Erasure, error)

	// IssuePass gives a person a new pass, whose token is kept nowhere else. The old one does nothing any more.
	IssuePass(label string, by audit.Actor) (template.Token, error)

	// Receipts lists the receipts that nobody has fetched, such as those of expired enrolments.
	Receipts() ([]string, error)

	// Fetched says that somebody has the receipt with this id, and it need not be kept.
	Fetched(id string) error

	// Show returns all that is held of a person, but for the template.
	Show(label string) (File, error)

	// Relabel corrects a label.
	Relabel(old, label string, by audit.Actor) (Person, error)

	// Verify checks the audit log, also against places in it that were seen before.
	Verify(seen []audit.Head) (AuditReport, error)

	// Device returns the identity of the device.
	Device() Device

	// Backup makes a sealed copy of people, consents and templates, for a gate that has lost them.
	Backup(by audit.Actor) (Backup, error)

	// Lockdown makes every template unusable, and nobody matches when it returns. Reopen lets people be captured again.
	Lockdown(by audit.Actor) (Facts, error)
	Reopen(by audit.Actor) error

	// Unlock lets the faces of those open the door again whom somebody tried too often to be taken for.
	Unlock(by audit.Actor) error

	// TurnFacesOff has no face looked at, and nobody captured, until TurnFacesOn. Nothing is destroyed.
	TurnFacesOff(reason string, by audit.Actor) error
	TurnFacesOn(by audit.Actor) error

	// Epoch says how far a change of epoch has come. BeginEpoch begins one, and everybody matches as before; where faces are
	// compared 1:1 it refuses. EndEpoch destroys the templates of the earlier ones, and their people have to be captured again.
	Epoch() Epoch
	BeginEpoch(by audit.Actor) (Epoch, error)
	EndEpoch(by audit.Actor) (Epoch, error)

	// TestDoor gives one pulse of the door, and waits for its end or that of ctx. It is bounded, noted and told; see gpio.Hand.
	TestDoor(ctx context.Context, by audit.Actor) (DoorTest, error)

	// Clock says what is known of the time. ConfirmClock notes that a technician vouches for the date, which was seen a
	// moment ago: what waits for a right clock is done then.
	Clock() ClockStatus
	ConfirmClock(seen time.Time, by audit.Actor) (ClockStatus, error)

	// Aim shows to a technician what the camera sees, for moments and not too often, until ctx is done. view is called from
	// one goroutine.
	Aim(ctx context.Context, view func(View), by audit.Actor) error

	// Status says how the gate is.
	Status() Status

	// Process returns the name that this process of the gate has drawn for itself, and whether it is going to hand over to
	// a fresh one, as it does after something was destroyed.
	Process() (name string, ends bool)
}

// An EnrolRequest asks for a capture.
type EnrolRequest struct {
	Label   string `json:"label"`   // what the people list shows
	Consent string `json:"consent"` // reference of the person's recorded consent

	Age      string    `json:"age"`                // adult, minor (who can consent alone) or under-N, with the N of the profile
	Guardian string    `json:"guardian,omitempty"` // who consented for somebody who cannot alone
	Witness  string    `json:"witness,omitempty"`  // who saw the consent; the user who asks if empty, unless that is nobody's name
	Language string    `json:"language,omitempty"` // of the notice that was read; the first of the gate if empty
	Until    time.Time `json:"until,omitzero"`     // end of the consent, if sooner than the gate's own term
	Pass     bool      `json:"pass,omitempty"`     // the person gets one, as everybody does where faces are compared 1:1

	// Again captures somebody who is enrolled already, by a new consent: a new template takes the place of theirs.
	Again bool `json:"again,omitempty"`

	// The face is then compared with the former template, unless FaceChanged. Where that opens with the person's pass alone,
	// FormerPass has to have the letters of it.
	FaceChanged bool   `json:"face_changed,omitempty"`
	FormerPass  string `json:"former_pass,omitempty"`

	By audit.Actor `json:"-"` // who asks, as the kernel says
}

// An Enrolled is what came of a capture.
type Enrolled struct {
	Person
	Pass   template.Token // of the person's pass, which is kept nowhere else; the zero Token if there is none
	Former string         // whether the face is that of the former template, or why that is not known; "" for somebody new
}

// An Erasure is what was erased.
type Erasure struct {
	Erased  string `json:"erased"`  // the label; "" if it was by pass
	Receipt string `json:"receipt"` // see package receipt; to the byte
}

// Facts are what the operator has to tell the authority after a breach (PIPL 57, GDPR 33), as far as the gate knows them.
type Facts struct {
	Time      time.Time `json:"time"`       // of the destruction
	Device    string    `json:"device"`     // fingerprint of its public key
	KeyStore  string    `json:"key_store"`  // where the device key came from
	People    int       `json:"people"`     // enrolled
	Templates int       `json:"templates"`  // destroyed; no picture and no face vector was ever kept
	Bound     int       `json:"bound"`      // of them, those that opened with the person's pass alone
	Guardians int       `json:"guardians"`  // people with the name of a guardian
	Former    int       `json:"former"`     // consents of people who were erased before, which lead to nobody by name
	AuditSeq  uint64    `json:"audit_seq"`  // the last entry of the audit log
	AuditLink string    `json:"audit_link"` // its link, in hexadecimal

	// Undone says what could not be written down, and why. It is, as soon as the store can be written to.
	Undone string `json:"undone,omitempty"`
}

// A File is all that is held of a person, but for the template.
type File struct {
	Person
	Template bool         `json:"template"`           // whether there is one
	Scheme   string       `json:"scheme"`             // that protects it: S1, for 1:N, or S2, with the pass, for 1:1
	Epoch    int          `json:"epoch"`              // that it is in; 0 in scheme S2
	Lane     int          `json:"lane"`               // of the epoch; 0 in scheme S2
	Pass     bool         `json:"pass"`               // whether the person has one
	LastSeen time.Time    `json:"last_seen,omitzero"` // the day; zero for never
	Barred   Barred       `json:"barred,omitempty"`
	Agreed   Consent      `json:"agreed"`
	Entries  []AuditEntry `json:"entries"`
}

// Barred says that a person's face opens nothing, after failures in a row to be taken for them; empty if it does.
type Barred string

// For how long it does not.
const (
	BarredBriefly Barred = "briefly"
	BarredUntil   Barred = "until a technician resets it"
)

// A Consent is what a person agreed to.
type Consent struct {
	Profile       string    `json:"profile"` // under whose rules
	NoticeVersion string    `json:"notice_version"`
	NoticeSHA256  string    `json:"notice_sha256"`
	Purpose       string    `json:"purpose"`
	Method        string    `json:"method"`
	Witness       string    `json:"witness"`
	Age           string    `json:"age"`
	ChildAge      int       `json:"child_age"` // years below which a guardian consented then
	Guardian      string    `json:"guardian,omitempty"`
	Given         time.Time `json:"given"`
	Expires       time.Time `json:"expires"`
}

// An AuditEntry is an entry of the audit log that concerns a person.
type AuditEntry struct {
	Seq  uint64    `json:"seq"`
	Time time.Time `json:"time"`
	Kind string    `json:"kind"`

	Doubted bool `json:"doubted,omitempty"` // the clock was not known to be right
}

// An AuditReport says that the audit log is whole.
type AuditReport struct {
	Entries   int    `json:"entries"`
	Pruned    int    `json:"pruned"`    // of them, those whose body was dropped in time
	Dropped   uint64 `json:"dropped"`   // entries before, of which nothing is kept
	Doubted   int    `json:"doubted"`   // entries made while the clock was not known to be right
	SetBack   int    `json:"set_back"`  // other entries that are older than the one before, because the clock was set back
	End       uint64 `json:"end"`       // number of the last entry
	Link      string `json:"link"`      // of the chain, after it
	Signature string `json:"signature"` // of the end, by the device

	Held  int `json:"held"`  // places that were seen before, and are in it
	Early int `json:"early"` // such places before its first entry, of which nothing can be told
}

// A Backup is a copy of people, consents and templates, sealed under the device key.
type Backup struct {
	Data   []byte `json:"data"`
	People int    `json:"people"`
	Number uint64 `json:"number"` // of the last receipt before it
}

// An Epoch says how far the current epoch has come, in people.
type Epoch struct {
	Number  int `json:"number"`
	Renewed int `json:"renewed"` // who are in it
	Earlier int `json:"earlier"` // who are in an earlier one, and match, and are renewed as they pass
	Foreign int `json:"foreign"` // who were captured with another embedder, and cannot match
	None    int `json:"none"`    // who have no template

	Ended int `json:"ended,omitempty"` // whose templates EndEpoch has just destroyed
}

// A Device is the identity of a device, in hexadecimal.
type Device struct {
	PublicKey   string `json:"public_key"`  // Ed25519; verifies its receipts
	Fingerprint string `json:"fingerprint"` // SHA-256 of the key
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

	// Owed is when the erasure was asked for of somebody who does not match any more and could not be erased yet.
	Owed time.Time `json:"erasure_owed,omitzero"`

	// ConsentAgain says that the person has consented under another profile than that of the gate, and under which. They do
	// not match until they consent again.
	ConsentAgain   bool   `json:"consent_again,omitempty"`
	ConsentProfile string `json:"consent_profile,omitempty"`

	// Provisional says that the dates are those of a clock that is not known to be right, and are set when there is one.
	Provisional bool `json:"provisional,omitempty"`

	// Receipt is that of the template destroyed, for somebody just captured again who had one; see package receipt.
	Receipt string `json:"receipt,omitempty"`
}

// A DoorTest is what one pulse did.
type DoorTest struct {
	Line  string        `json:"line"`
	Pulse time.Duration `json:"pulse_ns"` // how long the line was active
}

// Status is the state of all parts of a gate. Its counters cover the time since the start, so that no passage can be
// read from them after the fact.
type Status struct {
	Profile  configs.Jurisdiction `json:"profile"`
	Health   health.Report        `json:"health"`
	Version  string               `json:"version"`
	Site     string               `json:"site"`
	Gate     string               `json:"gate"`
	StateDir string               `json:"state_dir"` // where its records are; no two gates share one
	Mode     configs.Mode         `json:"mode"`      // one-to-one: nobody is compared who shows no pass
	Started  time.Time            `json:"started"`   // by the clock of then
	UpS      int                  `json:"up_s"`      // seconds since, whatever was done to the clock
	Camera   device.CaptureStatus `json:"camera"`
	Door     gpio.Status          `json:"door"`
	MQTT     publish.Status       `json:"mqtt"`
	Vision   VisionStatus         `json:"vision"`
	People   PeopleStatus         `json:"people"`
	Frames   FrameStatus          `json:"frames"`
	Lockout  LockoutStatus        `json:"lockout"`
	FacesOff *FacesOffStatus      `json:"faces_off,omitempty"` // nil unless no face is looked at
	Clock    ClockStatus          `json:"clock"`
	KeyStore string               `json:"key_store"` // where the device key comes from
	Epoch    Epoch                `json:"epoch"`

	Assessment AssessmentStatus `json:"assessment,omitzero"`
	Filing     FilingStatus     `json:"filing,omitzero"`
}

// AssessmentStatus says whether the impact assessment covers what is in use. It is empty where the profile asks for none.
type AssessmentStatus struct {
	ID      string `json:"id"`
	Date    string `json:"date"`
	Version string `json:"version"`
	Due     bool   `json:"due"` // something else is in use than what was assessed
	Advice  string `json:"advice,omitempty"`
}

// FilingStatus is what the operator has to file, and by when. It is empty where the profile asks for no filing.
type FilingStatus struct {
	At       int       `json:"at"`                // people who oblige the operator to file
	People   int       `json:"people"`            // on the list of this gate
	Children int       `json:"children"`          // of them, for whom a guardian consents
	Codes    int       `json:"codes"`             // templates
	Reached  time.Time `json:"reached,omitzero"`  // the day on which At people were on the list for the first time
	Deadline time.Time `json:"deadline,omitzero"` // counts Monday to Friday, and knows no public holidays
	Measures []string  `json:"measures"`          // that protect them
	Advice   string    `json:"advice,omitempty"`
}

// ClockStatus is what is known of the time.
type ClockStatus struct {
	Wall    time.Time `json:"wall"`   // what the clock says
	Right   bool      `json:"right"`  // whether it is believed
	Synced  bool      `json:"synced"` // whether it is believed because of a time server
	Reason  string    `json:"reason,omitempty"`
	Todo    string    `json:"todo,omitempty"`
	Certain time.Time `json:"certain,omitzero"` // the earliest that it can be, by which is erased; none if nothing is known

	Erasures    int `json:"erasures"`    // people whose erasure waits for a clock that is right
	Provisional int `json:"provisional"` // people whose dates do
}

// LockoutStatus says whether faces open the door.
type LockoutStatus struct {
	WaitS      int  `json:"wait_s"`              // seconds until a face is looked at again, after a flood of prints
	Slowed     int  `json:"slowed"`              // people whose face opens nothing for moments, after failures against them
	Off        int  `json:"off"`                 // people whose face opens nothing until facegate lockout reset
	LockedDown bool `json:"templates_destroyed"` // all of them, until somebody lets people be captured again
}

// FacesOffStatus says since when and why no face is looked at.
type FacesOffStatus struct {
	Since  time.Time `json:"since"`
	Reason string    `json:"reason,omitempty"`
}

// VisionStatus names the networks in use.
type VisionStatus struct {
	Bundle   string   `json:"bundle"`
	Embedder string   `json:"embedder"`
	Liveness []string `json:"liveness"`
}

// PeopleStatus says how full the gate is.
type PeopleStatus struct {
	Enrolled int `json:"enrolled"` // who can match

	// ConsentAgain is how many people on the list have consented under another profile, and do not match until they do again.
	ConsentAgain int `json:"consent_again"`

	// Owed is how many people are to be erased, who do not match any more, and could not be erased yet.
	Owed int `json:"erasures_owed"`

	Limit int `json:"limit"` // the most for which the calibration covers the wanted error rate; 0 for any number
}

// FrameStatus says what the gate does with frames. It does not say what they show, nor how many showed it: whoever asks again
// and again would count everybody who passes. Gate.Aim shows it, for moments.
type FrameStatus struct {
	Now     string  `json:"now"`              // what the gate does with them
	Advice  string  `json:"advice,omitempty"` // what to do where it looks at none
	Damaged uint64  `json:"damaged"`          // frames of which a part is lost, and which were not looked at
	Failed  uint64  `json:"failed"`           // frames that could not be processed
	Latency Latency `json:"latency"`
}

// A View says what is before the camera, and what is wrong with the picture. It does not say who is there.
type View struct {
	Sees   string `json:"sees"`
	Advice string `json:"advice,omitempty"`
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

	// ErrOwed means that something could not be destroyed yet, and is going to be. Its text is that of store.ErrOwing.
	ErrOwed = errors.New("the erasure is owed, and whoever it concerns does not match any more")

	// ErrMemory means that what was asked for is done, and may still be in the memory of the gate.
	ErrMemory = errors.New("it is done, but the gate has not begun anew, and its memory may still hold what was destroyed")
)

// CameraOff is the state of a camera that is not opened, because the gate has no records to compare a face with.
const CameraOff device.CaptureState = "off"

// ErrInUse is the error of a Server at whose path another one answers.
var ErrInUse = errors.New("another facegate answers there")

// The groups of a Server that it cannot use.
var (
	ErrGroup      = errors.New("the group of the socket cannot be used")
	ErrOffice     = errors.New("the group of the office cannot be used")
	ErrTechnician = errors.New("the group of the technicians cannot be used")
)
