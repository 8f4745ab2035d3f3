// Package law knows what the law of a place asks of a gate. Rules bound what an operator may choose. A Profile is what the law
// and the choice come to. The package reads nothing: Terms go in, a Profile comes out.
package law

import (
	"cmp"
	"time"
)

// A Jurisdiction names whose law a gate stands under.
type Jurisdiction string

// The jurisdictions.
const (
	CN   Jurisdiction = "cn"    // the People's Republic of China
	EU   Jurisdiction = "eu"    // the European Union
	USIL Jurisdiction = "us-il" // Illinois
	Lab  Jurisdiction = "lab"   // no real person is enrolled
)

// Jurisdictions returns all of them.
func Jurisdictions() []Jurisdiction { return []Jurisdiction{CN, EU, USIL, Lab} }

// A Mode is what a face is compared with.
type Mode string

// The modes.
const (
	AutoMode  Mode = "auto"        // the profile's own
	OneToOne  Mode = "one-to-one"  // with the one person whose pass was shown (verification)
	OneToMany Mode = "one-to-many" // with everybody enrolled (identification)
)

// A Trigger is what makes the gate compute a vector from a face.
type Trigger string

// The triggers.
const (
	AutoTrigger    Trigger = "auto"    // the profile's own
	ZoneTrigger    Trigger = "zone"    // the face is in the zone
	RequestTrigger Trigger = "request" // the person has shown a pass or pressed the button
)

// A ConsentForm is the form in which a person has to agree.
type ConsentForm string

// The forms of consent.
const (
	SeparateConsent ConsentForm = "separate"        // bundled with nothing else (PIPL 29)
	ExplicitConsent ConsentForm = "explicit"        // GDPR 9(2)(a)
	WrittenRelease  ConsentForm = "written release" // 740 ILCS 14/15(b)
	SyntheticOnly   ConsentForm = "synthetic only"  // there is nobody to ask
)

const (
	// RecordDays is how many days a record of a consent, an erasure or an assessment is kept: three years with a leap
	// day (PIPL 56).
	RecordDays = 3*365 + 1

	// FilingWorkingDays is how many working days an operator has to file after FilingAt persons are reached.
	FilingWorkingDays = 30
)

// A Bound is the range that a jurisdiction leaves to a number, and the law behind it. The three years are those of 740 ILCS
// 14/15(a). The tries and the delay are those of NIST SP 800-63B. Where a law says only "the shortest time" the number is
// facegate's reading.
type Bound[T cmp.Ordered] struct {
	Low, High T
	Law       string // "" where the range is facegate's own
}

// Holds reports whether v is in the range. A NaN never is.
func (b Bound[T]) Holds(v T) bool { return v >= b.Low && v <= b.High }

// Rules are what a jurisdiction demands of a gate. Each string is the law behind the demand of its name. Where the string is
// empty nothing is demanded. Only law whose text was read is named.
type Rules struct {
	consent  ConsentForm
	mode     Mode    // by default
	trigger  Trigger // by default
	filingAt int     // persons
	copies   bool    // a card that can be copied opens the door alone by default
	childAt  int     // years below which a guardian consents by default

	Attacks
	ValidDays, IdleDays, AccessLogDays Bound[int]
	ChildAge                           Bound[int] // that the operator may set instead of the default

	Alternatives string // there is a way in without a face
	Assessment   string // an assessment was made
	Notice       string // people are told
	Sign         string // a sign stands at the door
	Chinese      string // they are told in Chinese
	OneToMany    string // identification has to be insisted on
	Accuracy     string // nobody is let in by a face that may be another's: WarnAlike is refused
	Zone         string // people who pass by are left alone
	Transfer     string // what leaves the site is stated and protected
	Sparing      string // building systems are told no more than they need, unless the operator wants it
	Orders       string // who can have the door opened from afar is kept to those who may
	Records      string // records are kept for RecordDays
	Filing       string // many persons are filed
}

// Attacks bound what stands against a photo, and against trying again and again.
type Attacks struct {
	Liveness                 Bound[float64]
	DelayAfter, DisableAfter Bound[int]
	PINDigits                Bound[int]
	Delay                    Bound[time.Duration]
}

// Production reports whether real people pass here.
func (r Rules) Production() bool { return r.Assessment != "" }
