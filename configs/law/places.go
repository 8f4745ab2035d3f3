package law

import "time"

// The law, as it stands in messages and in the policy. "Measures" are the Measures for the Security Management of the
// Application of Face Recognition Technology (CAC and MPS, Order 19 of 2025), "SPC" is the interpretation Fa Shi [2021]
// 15 of the Supreme People's Court.
const (
	nist63B  = "NIST SP 800-63B-4"
	bipa15a  = "740 ILCS 14/15(a)"
	bipa15b  = "740 ILCS 14/15(b)"
	bipa15e  = "740 ILCS 14/15(e)"
	shortest = "PIPL Art. 19; Measures Art. 8"
	limited  = "GDPR Art. 5(1)(e)"
	airports = "EDPB Opinion 11/2024 (on airports)"
)

// Of returns the rules of a jurisdiction. One that is not known has those of Lab, which demand the least.
func Of(j Jurisdiction) Rules {
	switch j {
	case CN:
		return china()
	case EU:
		return europe()
	case USIL:
		return illinois()
	}
	return laboratory()
}

// nist returns what NIST asks of every gate that real people pass.
func nist() Attacks {
	return Attacks{
		// Where a face counts as live differs from network to network, so a gate that starts asks for what was measured of its own.
		Liveness:   Bound[float64]{0.01, 0.99, nist63B},
		DelayAfter: Bound[int]{1, 5, nist63B}, DisableAfter: Bound[int]{1, 50, nist63B}, PINDigits: Bound[int]{6, 12, nist63B},
		Delay: Bound[time.Duration]{30 * time.Second, time.Hour, nist63B},
	}
}

func china() Rules {
	return Rules{
		consent: SeparateConsent, mode: OneToMany, trigger: ZoneTrigger, filingAt: 100_000, copies: true,
		Attacks:   nist(),
		ValidDays: Bound[int]{1, 1095, shortest}, IdleDays: Bound[int]{1, 1095, shortest},
		AccessLogDays: Bound[int]{1, 1095, shortest},
		Alternatives:  "Measures Art. 10; SPC Art. 10", Assessment: "PIPL Art. 55, 56; Measures Art. 9",
		Notice: "PIPL Art. 17, 30; Measures Art. 5", Sign: "PIPL Art. 26; Measures Art. 13",
		Chinese: "PIPL Art. 17", Transfer: "Measures Art. 8", Orders: "PIPL Art. 51; Measures Art. 14",
		Records: "PIPL Art. 56; Measures Art. 9", Filing: "Measures Art. 15",
		childAt: 14, ChildAge: Bound[int]{14, 14, "PIPL Art. 31; Measures Art. 7"},
	}
}

func europe() Rules {
	return Rules{
		consent: ExplicitConsent, mode: OneToOne, trigger: RequestTrigger,
		Attacks:   nist(),
		ValidDays: Bound[int]{1, 1095, limited}, IdleDays: Bound[int]{1, 180, limited},
		AccessLogDays: Bound[int]{1, 183, limited},
		Alternatives:  "GDPR Art. 9(2)(a)", Assessment: "GDPR Art. 35(3)(b)",
		Notice: "GDPR Art. 13", Sign: "GDPR Art. 13",
		// The law of the member state says from which age a person consents to this. The article is about online services, and
		// has 16 where that law has no lower age, which cannot be below 13.
		childAt: 16, ChildAge: Bound[int]{13, 16, "GDPR Art. 8(1) and the law of the member state"},
		OneToMany: airports + "; GDPR Art. 5(1)(e), 5(1)(f), 25, 32",
		Accuracy:  "GDPR Art. 5(1)(d), 5(1)(f)",
		Zone:      airports,
		Sparing:   "GDPR Art. 5(1)(c), 25(2)",
		Orders:    "GDPR Art. 32",
	}
}

func illinois() Rules {
	return Rules{
		consent: WrittenRelease, mode: OneToOne, trigger: RequestTrigger, copies: true,
		Attacks:   nist(),
		ValidDays: Bound[int]{1, 1095, bipa15a}, IdleDays: Bound[int]{1, 1095, bipa15a},
		AccessLogDays: Bound[int]{1, 1095, ""},
		Assessment:    bipa15a, Notice: bipa15b, Sign: bipa15b, Zone: bipa15b, Accuracy: bipa15e, Orders: bipa15e,
		// A release by the subject's legally authorized representative; a minor is who is under 18.
		childAt: 18, ChildAge: Bound[int]{18, 18, "740 ILCS 14/10, 14/15(b)(3); 755 ILCS 5/11-1"},
	}
}

// laboratory returns the rules where nobody is enrolled who exists.
func laboratory() Rules {
	return Rules{
		consent: SyntheticOnly, mode: OneToMany, trigger: ZoneTrigger, copies: true,
		Attacks: Attacks{
			Liveness:   Bound[float64]{0, 0.99, ""},
			DelayAfter: Bound[int]{1, 1000, ""}, DisableAfter: Bound[int]{1, 1000, ""}, PINDigits: Bound[int]{6, 12, ""},
			Delay: Bound[time.Duration]{0, time.Hour, ""},
		},
		ValidDays: Bound[int]{1, 1095, ""}, IdleDays: Bound[int]{1, 1095, ""}, AccessLogDays: Bound[int]{1, 1095, ""},
		childAt: 14, ChildAge: Bound[int]{1, 18, ""},
	}
}
