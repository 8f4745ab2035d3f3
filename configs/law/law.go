// Package law knows what the law of a place asks of a gate: the bounds of what an operator may choose, and what law and choice
// come to. It reads nothing: terms go in, a profile comes out.
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

// A Bound is the range that a jurisdiction leaves to a number, and the law behind it. The numbers are facegate's reading where
// the law says only "the shortest time"; 740 ILCS 14/15(a) has three years, NIST SP 800-63B the tries and the delay.
type Bound[T cmp.Ordered] struct {
	Low, High T
	Law       string // "" where the range is facegate's own
}

// Holds reports whether v is in the range. A NaN never is.
func (b Bound[T]) Holds(v T) bool { return v >= b.Low && v <= b.High }

// Rules are what a jurisdiction demands of a gate. Each string is the law behind the demand of its name; where it is empty
// nothing is demanded. Only law whose text was read is named.
type Rules struct {
	consent  ConsentForm
	mode     Mode    // by default
	trigger  Trigger // by default
	filingAt int     // persons
	childAt  int     // years below which a guardian consents by default

	ValidDays, IdleDays, AccessLogDays Bound[int]
	Liveness                           Bound[float64]
	DelayAfter, DisableAfter           Bound[int]
	Delay                              Bound[time.Duration]
	ChildAge                           Bound[int] // that the operator may set instead of the default

	Alternatives string // there is a way in without a face
	Assessment   string // an assessment was made
	Notice       string // people are told
	Sign         string // a sign stands at the door
	Chinese      string // they are told in Chinese
	OneToMany    string // identification has to be insisted on
	Zone         string // people who pass by are left alone
	Transfer     string // what leaves the site is stated and protected
	Records      string // records are kept for RecordDays
	Filing       string // many persons are filed
}

// Production reports whether real people pass here.
func (r Rules) Production() bool { return r.Assessment != "" }

// The law, as it stands in messages and in the policy. "Measures" are the Measures for the Security Management of the
// Application of Face Recognition Technology (CAC and MPS, Order 19 of 2025), "SPC" is the interpretation Fa Shi [2021]
// 15 of the Supreme People's Court.
const (
	nist63B  = "NIST SP 800-63B-4"
	bipa15a  = "740 ILCS 14/15(a)"
	bipa15b  = "740 ILCS 14/15(b)"
	shortest = "PIPL Art. 19; Measures Art. 8"
	limited  = "GDPR Art. 5(1)(e)"
	airports = "EDPB Opinion 11/2024 (on airports)"
)

// Of returns the rules of a jurisdiction. One that is not known has those of Lab, which demand the least.
func Of(j Jurisdiction) Rules {
	switch j {
	case CN:
		return Rules{
			consent: SeparateConsent, mode: OneToMany, trigger: ZoneTrigger, filingAt: 100_000,
			ValidDays: Bound[int]{1, 1095, shortest}, IdleDays: Bound[int]{1, 1095, shortest},
			AccessLogDays: Bound[int]{1, 1095, shortest},
			Liveness:      Bound[float64]{0.1, 0.99, nist63B},
			DelayAfter:    Bound[int]{1, 5, nist63B}, DisableAfter: Bound[int]{1, 50, nist63B},
			Delay:        Bound[time.Duration]{30 * time.Second, time.Hour, nist63B},
			Alternatives: "Measures Art. 10; SPC Art. 10", Assessment: "PIPL Art. 55, 56; Measures Art. 9",
			Notice: "PIPL Art. 17, 30; Measures Art. 5", Sign: "PIPL Art. 26; Measures Art. 13",
			Chinese: "PIPL Art. 17", Transfer: "Measures Art. 8",
			Records: "PIPL Art. 56; Measures Art. 9", Filing: "Measures Art. 15",
			childAt: 14, ChildAge: Bound[int]{14, 14, "PIPL Art. 31; Measures Art. 7"},
		}
	case EU:
		return Rules{
			consent: ExplicitConsent, mode: OneToOne, trigger: RequestTrigger,
			ValidDays: Bound[int]{1, 1095, limited}, IdleDays: Bound[int]{1, 180, limited},
			AccessLogDays: Bound[int]{1, 183, limited},
			Liveness:      Bound[float64]{0.1, 0.99, nist63B},
			DelayAfter:    Bound[int]{1, 5, nist63B}, DisableAfter: Bound[int]{1, 50, nist63B},
			Delay:        Bound[time.Duration]{30 * time.Second, time.Hour, nist63B},
			Alternatives: "GDPR Art. 9(2)(a)", Assessment: "GDPR Art. 35(3)(b)",
			Notice: "GDPR Art. 13", Sign: "GDPR Art. 13",
			// The law of the member state says from which age a person consents to this. The article is about online services, and
			// has 16 where that law has no lower age, which cannot be below 13.
			childAt: 16, ChildAge: Bound[int]{13, 16, "GDPR Art. 8(1) and the law of the member state"},
			OneToMany: airports + "; GDPR Art. 5(1)(e), 5(1)(f), 25, 32",
			Zone:      airports,
		}
	case USIL:
		return Rules{
			consent: WrittenRelease, mode: OneToOne, trigger: RequestTrigger,
			ValidDays: Bound[int]{1, 1095, bipa15a}, IdleDays: Bound[int]{1, 1095, bipa15a},
			AccessLogDays: Bound[int]{1, 1095, ""},
			Liveness:      Bound[float64]{0.1, 0.99, nist63B},
			DelayAfter:    Bound[int]{1, 5, nist63B}, DisableAfter: Bound[int]{1, 50, nist63B},
			Delay:      Bound[time.Duration]{30 * time.Second, time.Hour, nist63B},
			Assessment: bipa15a, Notice: bipa15b, Sign: bipa15b, Zone: bipa15b,
			// A release by the subject's legally authorized representative; a minor is who is under 18.
			childAt: 18, ChildAge: Bound[int]{18, 18, "740 ILCS 14/10, 14/15(b)(3); 755 ILCS 5/11-1"},
		}
	}
	return Rules{
		consent: SyntheticOnly, mode: OneToMany, trigger: ZoneTrigger,
		ValidDays: Bound[int]{1, 1095, ""}, IdleDays: Bound[int]{1, 1095, ""}, AccessLogDays: Bound[int]{1, 1095, ""},
		Liveness:   Bound[float64]{0, 0.99, ""},
		DelayAfter: Bound[int]{1, 1000, ""}, DisableAfter: Bound[int]{1, 1000, ""},
		Delay:   Bound[time.Duration]{0, time.Hour, ""},
		childAt: 14, ChildAge: Bound[int]{1, 18, ""},
	}
}
