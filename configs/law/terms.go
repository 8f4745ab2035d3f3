package law

import (
	"cmp"
	"time"
)

// Children is what is done about people who are below the age of the profile.
type Children string

// The rules for children.
const (
	RefuseChildren Children = "refuse"   // they are not enrolled
	AskGuardian    Children = "guardian" // a guardian consents for them
)

// Lockout is what failed attempts in a row lead to (NIST SP 800-63B).
type Lockout struct {
	DelayAfter   int           // failures, then each further attempt has to wait
	Delay        time.Duration // before each further attempt
	DisableAfter int           // failures, then faces no longer open the door; the other ways do
}

// Terms are what an operator has chosen where the law leaves a choice. They have been checked against the Rules.
type Terms struct {
	Jurisdiction Jurisdiction
	Mode         Mode    // AutoMode for that of the jurisdiction
	Trigger      Trigger // AutoTrigger for that of the jurisdiction

	WhenAlike WhenAlike // AutoAlike for what is safe
	Pass      bool      // a pass can be shown at the door
	Second    bool      // a pass, a card or a PIN can be asked for there besides the face

	Children Children
	ChildAge int // years below which a guardian consents, 0 for those of the jurisdiction

	ValidDays     int // from capture to erasure of a template at the latest
	IdleDays      int // from the last pass to erasure of a template
	AccessLogDays int // from a pass to erasure of its record

	Lockout Lockout
}

// A Profile is what the law of a jurisdiction and the terms of an operator together come to.
type Profile struct {
	Jurisdiction Jurisdiction
	Mode         Mode        // never AutoMode
	EmbedTrigger Trigger     // never AutoTrigger
	WhenAlike    WhenAlike   // never AutoAlike
	Claims       bool        // nobody's face is looked for before something else has said whose it is to be
	Copies       bool        // by default a card that can be copied opens the door alone, where no face is asked for after it
	Passes       bool        // a pass can be shown with the face, which somebody under FaceAloneFrom has to
	Consent      ConsentForm // without which nobody is captured

	ChildAge         int    // years below which a person cannot consent alone
	ChildLaw         string // that says so, "" where it is facegate's own rule
	MinorsAllowed    bool   // persons under ChildAge may be enrolled
	GuardianRequired bool   // and then by a guardian's consent alone

	RetentionMax       time.Duration // from capture to erasure of a template at the latest; a consent may say sooner
	YoungMax           time.Duration // the same of somebody under Majority
	IdleMax            time.Duration // from the last pass to erasure of a template
	AccessLogRetention time.Duration // of access records
	RecordRetention    time.Duration // of consent, erasure and assessment records; they hold no template

	FilingAt     int // persons that oblige the operator to file, 0 for none
	FilingWarnAt int // persons that call for a warning of that

	AssessmentRequired bool // there is a reference to an assessment; a changed model or purpose calls for a new one
	Lockout            Lockout
}

// Resolve returns the profile of a gate with these terms.
func Resolve(t Terms) Profile {
	r := Of(t.Jurisdiction)
	p := Profile{
		Jurisdiction: t.Jurisdiction, Mode: t.Mode, EmbedTrigger: t.Trigger, Consent: r.consent,
		ChildAge: cmp.Or(t.ChildAge, r.childAt), ChildLaw: r.ChildAge.Law,
		MinorsAllowed: t.Children == AskGuardian, GuardianRequired: t.Children == AskGuardian,
		RetentionMax: days(t.ValidDays), IdleMax: days(t.IdleDays),
		AccessLogRetention: days(t.AccessLogDays), RecordRetention: days(RecordDays),
		FilingAt: r.filingAt, FilingWarnAt: r.filingAt / 10 * 8,
		AssessmentRequired: r.Production(), Lockout: t.Lockout,
	}
	if p.Mode == AutoMode {
		p.Mode = r.mode
	}
	switch {
	case p.EmbedTrigger != AutoTrigger:
	case p.Mode == OneToOne: // there is nobody to compare with before a pass is shown
		p.EmbedTrigger = RequestTrigger
	default:
		p.EmbedTrigger = r.trigger
	}
	p.Claims, p.Copies = p.Mode == OneToOne || p.EmbedTrigger == RequestTrigger, r.copies
	p.alike(t)
	return p
}

func days(n int) time.Duration { return time.Duration(n) * 24 * time.Hour }
