package configs

import (
	"io"
)

// Policy writes the retention schedule and the rules of the gate as Markdown. Every number is the one that the
// configuration enforces.
func Policy(w io.Writer, c *Config) error {
	text, err := c.render("policy.md", policyPage{
		Config: c, Profile: c.Profile(), Law: lawOf(rulesOf(c.Jurisdiction)),
		Ways:       waysIn(English, c.Alternatives),
		RecordDays: RecordDays, FilingWorkingDays: FilingWorkingDays,
	})
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, text)
	return err
}

// A policyPage is what the policy is filled from.
type policyPage struct {
	Config  *Config
	Profile Profile
	Law     policyLaw

	Ways string

	RecordDays, FilingWorkingDays int
}

// policyLaw is the law behind the lines of the policy, "" where the rule is facegate's own.
type policyLaw struct {
	Template, Idle, AccessLog, Records            string
	Alternatives, Notice, Sign, Lockout           string
	Assessment, Filing, OneToMany, Zone, Liveness string
}

func lawOf(r rules) policyLaw {
	return policyLaw{
		Template: r.validDays.law, Idle: r.idleDays.law, AccessLog: r.accessLogDays.law, Records: r.records,
		Alternatives: r.alternatives, Notice: r.notice, Sign: r.sign, Lockout: r.delayAfter.law,
		Assessment: r.assessment, Filing: r.filing, OneToMany: r.oneToMany, Zone: r.zone, Liveness: r.liveness.law,
	}
}
