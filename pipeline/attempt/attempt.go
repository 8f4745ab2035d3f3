// Package attempt says what it is to ask for a door, by whatever means. It has types, and no code that decides.
package attempt

import (
	"errors"
	"time"

	"facegate/configs/passage"
	"facegate/pipeline/template"
)

// Means is what somebody asks for the door with.
type Means uint8

// The means.
const (
	Face          Means = iota + 1
	Pass                // somebody's own code, shown to the camera
	Card                // read by a reader that takes its number on trust, so that it may be a copy
	PIN                 // typed on a keypad, by whoever has given a number, or shown a card or pass
	Order               // signed, from afar
	Visitor             // a visitor's signed pass, shown to the camera: of nobody on the list
	SecureCard          // a card that has proved a key to its reader
	HomeAssistant       // ordered from afar, and signed by nobody
)

// All lists every Means.
func All() []Means { return []Means{Face, Pass, Card, PIN, Order, Visitor, SecureCard, HomeAssistant} }

// A means has the same word in the rules of a configuration.
var means = [...]passage.Means{
	Face: passage.ByFace, Pass: passage.ByPass, Card: passage.ByCardUID, PIN: passage.ByPIN, Order: passage.ByOrder,
	Visitor: passage.ByVisitor, SecureCard: passage.ByCardSecure, HomeAssistant: passage.ByHomeAssistant,
}

// String returns the means in a word, "" for none.
func (m Means) String() string {
	if int(m) >= len(means) {
		return ""
	}
	return string(means[m])
}

// Afar reports whether whoever asks by m is not at the door, and is nobody whom the gate knows.
func (m Means) Afar() bool { return passage.Means(m.String()).Afar() }

// Remote is the Method of an Order.
const Remote = "remote"

// Method returns the word by which building systems are told of the means, "" for none. They are not told whether somebody is a
// visitor, nor which cards can be copied, nor who has given an order.
func (m Means) Method() string {
	switch m {
	case Visitor:
		return Pass.Method()
	case Card, SecureCard:
		return "card"
	case Order:
		return Remote
	}
	return m.String()
}

// A Finding is what the evidence of an attempt came to.
type Finding uint8

// The findings. Unknown claims nothing: a face that is not enrolled, a card of another house.
const (
	Unknown  Finding = iota
	Matched          // it is Attempt.Person's, or an order that needs nobody
	NearMiss         // it was meant to be taken for Attempt.Person's, or for somebody's, and is not
	Attack           // it is a print, a screen or a forgery, whoever it shows
	Ended            // it was Attempt.Person's, who has no right to the door any more

	// Alike is a face that is Attempt.Person's as far as it tells, and cannot be told from others by itself, or is not to be
	// taken for somebody's by itself. It is no failure. Whoever stands there is told what a face is told that is Unknown: a word
	// of its own would tell that somebody resembles the enrolled.
	Alike
)

var findings = [...]string{
	Unknown: "unknown", Matched: "matched", NearMiss: "near miss", Attack: "attack", Ended: "ended",
	Alike: "alike",
}

// String returns the finding in words, "" for none.
func (f Finding) String() string {
	if int(f) >= len(findings) {
		return ""
	}
	return findings[f]
}

// A Credential is the id under which the store keeps what was shown, zeros for none.
type Credential [16]byte

// ErrEnded says of a credential that it does not open the door any more, as when it was used as often as it may be.
var ErrEnded = errors.New("it opens the door no more")

// An Attempt is somebody who asks for the door.
type Attempt struct {
	Means   Means
	Asked   time.Time         // of the frame, the last digit, the arrival of an order; with a monotonic reading
	Person  template.PersonID // whom the evidence names, zeros for nobody
	Finding Finding
	Reader  string // where it was shown, such as "camera"

	// Credential was shown and opens the door so many times only. That this time is used up is on disk before the door opens, unless
	// it is Unlimited: then it only tells what was shown from what else is.
	Credential Credential
	Unlimited  bool

	// Ends is from when it opens nothing, also if it has waited for a disk until then. It has a monotonic reading, and is zero for never.
	Ends time.Time

	// Counted says that it is on disk as a failure since before anybody has looked what it comes to. A success takes that back.
	Counted bool

	// Faceless says that no face can be asked of Person, who gives none.
	Faceless bool

	// Groups are those of whoever asks, in the rules of the door. Those of Person are looked up when the attempt is weighed. They are told
	// to nobody.
	Groups []string

	// Duress says that Person was forced to ask. The door answers as it would otherwise, and an alarm is raised elsewhere.
	Duress bool
}

// A Look finds out what an attempt comes to that may be a guess, and whether Person was forced to make it. It compares nothing by
// which the door could open before counted has returned nil: the attempt is on disk as a failure then. counted may take as long as
// a disk does, and returns the same each time. Where it returns an error the finding counts for nothing.
type Look func(counted func() error) (f Finding, duress bool)

// Visitors is the group of those who have a visitor's pass. No member of the house is in it.
const Visitors = "visitor"

// A Count is how many attempts by one means have failed in a row.
type Count struct {
	Means    Means
	Person   template.PersonID // against whom they count, zeros for nobody who could be named
	Failures uint32
	Until    time.Time // the means opens nothing for the person before, or, where nobody is named, for anybody
	Disabled bool      // the means opens nothing for the person until somebody resets it
}

// A Reason is why the door stays locked. What is said of it to whoever stands there tells Unproven from nothing else.
type Reason uint8

// The reasons.
const (
	None      Reason = iota // there is none: it opens, or waits for another means
	Unproven                // Finding is not Matched, and with Alike nothing else was shown
	Expired                 // whom it names has no right to the door any more
	Closed                  // too many attempts by this means have failed
	NoWay                   // no rule opens the door for this means, nor with another
	Late                    // it was decided on too long after it was made
	Record                  // what is to be remembered of it could not be
	Fault                   // the door could not be driven
	Passing                 // somebody who was let in before is still passing; it may be asked again at once
	Shut                    // the door is shut to all at this time
	Interlock               // another door is open, and only one of the two may be
	Again                   // whom it names, or what was shown, was let in a short time ago
)

var reasons = [...]string{
	None: "", Unproven: "unproven", Expired: "expired", Closed: "closed", NoWay: "no way in", Late: "late", Record: "record",
	Fault: "fault", Passing: "passing", Shut: "shut",
	Interlock: "interlock", Again: "again",
}

// String returns the reason in a word, "" for none.
func (r Reason) String() string {
	if int(r) >= len(reasons) {
		return ""
	}
	return reasons[r]
}

// An Outcome is what somebody who asks for the door is told.
type Outcome struct {
	Opened time.Time // when the relay was active, or was already; zero if the door stays locked
	Wait   Means     // what else is to be shown; 0 for nothing
	Until  time.Time // with Wait: when it is too late for that
	Reason Reason    // why it stays locked
	Err    error     // what went wrong, for the log; nil if it was nothing
}

// A Fact is what came of an attempt and is to be remembered.
type Fact struct {
	Attempt Attempt
	Opened  time.Time // zero if the door was not opened for it
	Counts  []Count   // that the attempt has changed
	Closed  bool      // the failures in Counts have just closed the means
}
