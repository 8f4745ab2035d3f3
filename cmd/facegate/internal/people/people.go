// Package people is everybody enrolled: what can be asked about them and their records, in types and in one interface
// (Records), and the Register that answers.
package people

import (
	"cmp"
	"os/user"
	"strconv"
	"time"

	"facegate/pipeline/template"
	"facegate/store"
	"facegate/store/audit"
	"facegate/store/clock"
)

// An EnrolRequest asks for a capture.
type EnrolRequest struct {
	Label   string `json:"label"`   // what the people list shows
	Consent string `json:"consent"` // reference of the person's recorded consent

	Age      string    `json:"age"`                // adult, minor (who can consent alone) or under-N, with the N of the profile
	Guardian string    `json:"guardian,omitempty"` // who consented for somebody who cannot alone
	Witness  string    `json:"witness,omitempty"`  // who saw the consent; the user who asks if empty, unless that is nobody's name
	Language string    `json:"language,omitempty"` // of the notice that was read; the first of the gate if empty
	Notice   string    `json:"notice,omitempty"`   // SHA-256 of it, in hexadecimal; whichever the gate has in that language if empty
	Until    time.Time `json:"until,omitzero"`     // end of the consent, if sooner than the gate's own term
	Pass     bool      `json:"pass,omitempty"`     // the person gets one, as everybody does where faces are compared 1:1

	// PassIfNeeded says that the person gets a pass if their face turns out to open nothing without one, and they have none.
	PassIfNeeded bool `json:"pass_if_needed,omitempty"`

	// Again captures somebody who is enrolled already, by a new consent: a new template takes the place of theirs. They stay in their
	// groups.
	Again bool `json:"again,omitempty"`

	Grouping // of somebody new

	// The face is then compared with the former template, unless FaceChanged. Where that opens with the person's pass alone,
	// FormerPass has to have the letters of it.
	FaceChanged bool   `json:"face_changed,omitempty"`
	FormerPass  string `json:"former_pass,omitempty"`

	By audit.Actor `json:"-"` // who asks, as the kernel says
}

// CleanLabel brings a label that somebody typed into its one form, or says what of it cannot be kept.
func CleanLabel(label *string) error { return store.LabelLine.CleanIn(label) }

// CleanReason is CleanLabel for the reason for which faces are off.
func CleanReason(reason *string) error { return store.ReasonLine.CleanIn(reason) }

// Clean brings what people typed into its one form, or says what of it cannot be kept.
func (r *EnrolRequest) Clean() error {
	return cmp.Or(store.LabelLine.CleanIn(&r.Label), store.ReferenceLine.CleanIn(&r.Consent),
		store.GuardianLine.CleanIn(&r.Guardian), store.WitnessLine.CleanIn(&r.Witness), r.CleanGroups())
}

// An Enrolled is what came of a capture.
type Enrolled struct {
	Person
	ID     template.PersonID `json:"-"` // by which they match from now on, also beside an error; zero for nobody. It leaves no process
	Pass   template.Token    // of the person's pass, which is kept nowhere else; the zero Token if there is none
	Former string            // whether the face is that of the former template, or why that is not known; "" for somebody new
	Warned string            // what is to be expected of the face at the door; "" for nothing
}

// An Erasure is what was erased.
type Erasure struct {
	Erased  string `json:"erased"`  // the label; "" if it was by pass
	Receipt string `json:"receipt"` // file of the receipt, see package receipt; to the byte
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
	Near      int       `json:"near"`       // people with the mark that their face is near to another's; whose is kept nowhere
	Former    int       `json:"former"`     // consents of people who were erased before, which lead to nobody by name
	AuditSize int64     `json:"audit_size"` // of the tree of the audit log, in leaves
	AuditRoot string    `json:"audit_root"` // its root, in hexadecimal

	// Undone says what could not be written down, and why. It is, as soon as the store can be written to.
	Undone string `json:"undone,omitempty"`
}

// A File is all that is held of a person, but for the template.
type File struct {
	Person
	Template bool   `json:"template"` // whether there is one
	Scheme   string `json:"scheme"`   // that protects it: S1, for 1:N, or S2, with the pass, for 1:1
	Epoch    int    `json:"epoch"`    // that it is in; 0 in scheme S2
	Lane     int    `json:"lane"`     // of the epoch; 0 in scheme S2
	Pass     bool   `json:"pass"`     // whether the person has one of their own

	Credentials []Credential `json:"credentials"` // by which the person, or a visitor of theirs, comes in besides the face

	LastSeen time.Time    `json:"last_seen,omitzero"` // the day; zero for never
	Barred   []Barred     `json:"barred,omitempty"`
	Agreed   Consent      `json:"agreed,omitzero"` // zero for somebody who gives no face
	Entries  []AuditEntry `json:"entries"`
}

// Barred says that a means opens nothing for a person, after failures in a row to be taken for them.
type Barred struct {
	Means string    `json:"means"` // such as face
	For   BarredFor `json:"for"`
}

// BarredFor says for how long.
type BarredFor string

// For how long it does not.
const (
	BarredBriefly BarredFor = "briefly"
	BarredUntil   BarredFor = "until a technician resets it"
)

// A Credential is a pass, a card or a PIN, without anything by which it could be found or used.
type Credential struct {
	Kind    string    `json:"kind"`              // pass, card or PIN
	Number  string    `json:"number,omitempty"`  // of a PIN: what names its owner at a keypad
	Duress  bool      `json:"duress,omitempty"`  // there is a PIN for duress beside it
	ID      string    `json:"id"`                // by which a card is named to remove it; it leads to nothing that is shown
	Class   string    `json:"class,omitempty"`   // of a card: card-uid can be cloned, card-secure has proved a key
	Visitor bool      `json:"visitor,omitempty"` // it is in the hands of a guest of the person
	Issued  time.Time `json:"issued"`            // the day
	From    time.Time `json:"from,omitzero"`     // zero for at once
	Until   time.Time `json:"until,omitzero"`    // zero for as long as the person is on the list
	Uses    uint32    `json:"uses,omitempty"`    // how often it may be used; 0 for any number of times
	Left    uint32    `json:"left,omitempty"`    // how often of that still
}

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
	Time time.Time `json:"time"`
	Kind string    `json:"kind"`

	Doubted bool `json:"doubted,omitempty"` // the clock was not known to be right
}

// An AuditReport says that the audit log is whole.
type AuditReport struct {
	Entries int    `json:"entries"`
	Pruned  int    `json:"pruned"`   // of them, those whose body was dropped in time
	Dropped uint64 `json:"dropped"`  // entries before, of which nothing is kept
	Doubted int    `json:"doubted"`  // entries made while the clock was not known to be right
	SetBack int    `json:"set_back"` // other entries that are older than the one before, because the clock was set back
	End     uint64 `json:"end"`      // number of the last entry
	Size    int64  `json:"size"`     // of the tree, in leaves: of the entries, those that others can be shown
	Root    string `json:"root"`     // of the tree, in hexadecimal

	Held int `json:"held"` // checkpoints and receipts that it was held against
}

// A Checkpoint is a checkpoint of the audit log.
type Checkpoint struct {
	Signed string `json:"signed"` // a signed note (C2SP) of the origin, the size and the root of the log, to the byte
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

	// Step is what the person is to do, as the screen at the door has it, and Say the same in words of the language of the notice that
	// they have read. Both are "" before there is a frame.
	Step string `json:"step,omitempty"`
	Say  string `json:"say,omitempty"`
	Left int    `json:"seconds_left"` // before the gate gives up
}

// A Person is one line of the people list.
type Person struct {
	Label    string    `json:"label"`
	Consent  string    `json:"consent"`           // where it is recorded or, of who gives no face, what was agreed
	Groups   []string  `json:"groups,omitempty"`  // in which the person is, for the rules of the door
	NoFace   bool      `json:"no_face,omitempty"` // the person gives none, and comes in by other ways
	Second   Second    `json:"second,omitempty"`  // why the face opens the door together with something else alone
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

// A Second is why the face of a person does not open the door alone, but together with a pass, card or PIN of theirs.
type Second string

// The reasons.
const (
	SecondNear Second = "near" // the face is near to that of somebody else; whose is kept nowhere
	SecondAge  Second = "age"  // the person is under 14
)

// ClockStatus is what is known of the time.
type ClockStatus struct {
	Wall    time.Time   `json:"wall"`   // what the clock says
	Right   bool        `json:"right"`  // whether it is believed
	Synced  bool        `json:"synced"` // whether it is believed because of a time server
	Trust   clock.Trust `json:"trust"`  // how far it can be trusted, in a word
	Reason  string      `json:"reason,omitempty"`
	Todo    string      `json:"todo,omitempty"`
	Certain time.Time   `json:"certain,omitzero"` // the earliest that it can be, by which is erased; none if nothing is known

	Erasures    int `json:"erasures"`    // people whose erasure waits for a clock that is right
	Provisional int `json:"provisional"` // people whose dates do
}

// UserName returns the name of a user of this machine, or the number where it has none.
func UserName(by audit.Actor) string {
	id := strconv.FormatUint(uint64(by), 10)
	u, err := user.LookupId(id)
	if err != nil {
		return "user " + id
	}
	return u.Username
}
