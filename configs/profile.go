package configs

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

// A Profile is what the law of the jurisdiction and the configuration together come to.
type Profile struct {
	Jurisdiction Jurisdiction
	Mode         Mode        // never AutoMode
	EmbedTrigger Trigger     // never AutoTrigger
	Consent      ConsentForm // without which nobody is captured

	ChildAge         int    // years below which a person cannot consent alone
	ChildLaw         string // that says so, "" where it is facegate's own rule
	MinorsAllowed    bool   // persons under ChildAge may be enrolled
	GuardianRequired bool   // and then by a guardian's consent alone

	RetentionMax       time.Duration // from capture to erasure of a template at the latest; a consent may say sooner
	IdleMax            time.Duration // from the last pass to erasure of a template
	AccessLogRetention time.Duration // of access records
	RecordRetention    time.Duration // of consent, erasure and assessment records; they hold no template

	FilingAt     int // persons that oblige the operator to file, 0 for none
	FilingWarnAt int // persons that call for a warning of that

	AssessmentRequired bool // there is a reference to an assessment; a changed model or purpose calls for a new one
	Lockout            Lockout
}

// Profile resolves the rules of the gate.
func (c *Config) Profile() Profile {
	r := rulesOf(c.Jurisdiction)
	p := Profile{
		Jurisdiction: c.Jurisdiction, Mode: c.Match.Mode, EmbedTrigger: c.Match.Trigger, Consent: r.consent,
		ChildAge: cmp.Or(c.Consent.ChildAge, r.childAt), ChildLaw: r.childAge.law,
		MinorsAllowed: c.Consent.Children == AskGuardian, GuardianRequired: c.Consent.Children == AskGuardian,
		RetentionMax: days(c.Enrol.ValidDays), IdleMax: days(c.Retention.IdleDays),
		AccessLogRetention: days(c.Retention.AccessLogDays), RecordRetention: days(RecordDays),
		FilingAt: r.filingAt, FilingWarnAt: r.filingAt / 10 * 8,
		AssessmentRequired: r.production(), Lockout: c.Lockout,
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
	return p
}

func days(n int) time.Duration { return time.Duration(n) * 24 * time.Hour }

// A bound is the range that a profile leaves to a number, and the law behind it. The numbers are facegate's reading where
// the law says only "the shortest time"; 740 ILCS 14/15(a) has three years, NIST SP 800-63B the tries and the delay.
type bound[T cmp.Ordered] struct {
	low, high T
	law       string
}

// rules are what a jurisdiction demands of a configuration. Each string is the law behind the demand of its name; where
// it is empty nothing is demanded. Only law whose text was read is named.
type rules struct {
	consent  ConsentForm
	mode     Mode    // by default
	trigger  Trigger // by default
	filingAt int     // persons

	validDays, idleDays, accessLogDays bound[int]
	liveness                           bound[float64]
	delayAfter, disableAfter           bound[int]
	delay                              bound[time.Duration]

	childAt  int        // years below which a guardian consents, unless the operator has set
	childAge bound[int] // another age

	alternatives string // there is a way in without a face
	assessment   string // an assessment was made
	notice       string // people are told
	sign         string // a sign stands at the door
	chinese      string // they are told in Chinese
	oneToMany    string // identification has to be insisted on
	zone         string // people who pass by are left alone
	transfer     string // what leaves the site is stated and protected
	records      string // records are kept for RecordDays
	filing       string // many persons are filed
}

// production tells whether real people pass here.
func (r rules) production() bool { return r.assessment != "" }

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

func rulesOf(j Jurisdiction) rules {
	switch j {
	case CN:
		return rules{
			consent: SeparateConsent, mode: OneToMany, trigger: ZoneTrigger, filingAt: 100_000,
			validDays: bound[int]{1, 1095, shortest}, idleDays: bound[int]{1, 1095, shortest},
			accessLogDays: bound[int]{1, 1095, shortest},
			liveness:      bound[float64]{0.1, 0.99, nist63B},
			delayAfter:    bound[int]{1, 5, nist63B}, disableAfter: bound[int]{1, 50, nist63B},
			delay:        bound[time.Duration]{30 * time.Second, time.Hour, nist63B},
			alternatives: "Measures Art. 10; SPC Art. 10", assessment: "PIPL Art. 55, 56; Measures Art. 9",
			notice: "PIPL Art. 17, 30; Measures Art. 5", sign: "PIPL Art. 26; Measures Art. 13",
			chinese: "PIPL Art. 17", transfer: "Measures Art. 8",
			records: "PIPL Art. 56; Measures Art. 9", filing: "Measures Art. 15",
			childAt: 14, childAge: bound[int]{14, 14, "PIPL Art. 31; Measures Art. 7"},
		}
	case EU:
		return rules{
			consent: ExplicitConsent, mode: OneToOne, trigger: RequestTrigger,
			validDays: bound[int]{1, 1095, limited}, idleDays: bound[int]{1, 180, limited},
			accessLogDays: bound[int]{1, 183, limited},
			liveness:      bound[float64]{0.1, 0.99, nist63B},
			delayAfter:    bound[int]{1, 5, nist63B}, disableAfter: bound[int]{1, 50, nist63B},
			delay:        bound[time.Duration]{30 * time.Second, time.Hour, nist63B},
			alternatives: "GDPR Art. 9(2)(a)", assessment: "GDPR Art. 35(3)(b)",
			notice: "GDPR Art. 13", sign: "GDPR Art. 13",
			// The law of the member state says from which age a person consents to this. The article is about online services, and
			// has 16 where that law has no lower age, which cannot be below 13.
			childAt: 16, childAge: bound[int]{13, 16, "GDPR Art. 8(1) and the law of the member state"},
			oneToMany: airports + "; GDPR Art. 5(1)(e), 5(1)(f), 25, 32",
			zone:      airports,
		}
	case USIL:
		return rules{
			consent: WrittenRelease, mode: OneToOne, trigger: RequestTrigger,
			validDays: bound[int]{1, 1095, bipa15a}, idleDays: bound[int]{1, 1095, bipa15a},
			accessLogDays: bound[int]{1, 1095, ""},
			liveness:      bound[float64]{0.1, 0.99, nist63B},
			delayAfter:    bound[int]{1, 5, nist63B}, disableAfter: bound[int]{1, 50, nist63B},
			delay:      bound[time.Duration]{30 * time.Second, time.Hour, nist63B},
			assessment: bipa15a, notice: bipa15b, sign: bipa15b, zone: bipa15b,
			// A release by the subject's legally authorized representative; a minor is who is under 18.
			childAt: 18, childAge: bound[int]{18, 18, "740 ILCS 14/10, 14/15(b)(3); 755 ILCS 5/11-1"},
		}
	}
	return rules{
		consent: SyntheticOnly, mode: OneToMany, trigger: ZoneTrigger,
		validDays: bound[int]{1, 1095, ""}, idleDays: bound[int]{1, 1095, ""}, accessLogDays: bound[int]{1, 1095, ""},
		liveness:   bound[float64]{0, 0.99, ""},
		delayAfter: bound[int]{1, 1000, ""}, disableAfter: bound[int]{1, 1000, ""},
		delay:   bound[time.Duration]{0, time.Hour, ""},
		childAt: 14, childAge: bound[int]{1, 18, ""},
	}
}
