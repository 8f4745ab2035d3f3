package daemon

import (
	"fmt"
	"time"

	"facegate/cmd/facegate/internal/people"
	"facegate/cmd/facegate/internal/status"
	"facegate/configs"
	"facegate/configs/law"
	"facegate/pipeline/models"
	"facegate/store"
)

// basisOf returns what an impact assessment has to cover.
func basisOf(c *configs.Config, b models.Bundle) law.Basis {
	basis := law.Basis{Mode: c.Profile().Mode, Purposes: []string{c.Notice.EN.Purpose, c.Notice.ZH.Purpose}}
	for _, f := range c.Particulars().Statement.More {
		basis.Purposes = append(basis.Purposes, f.Words.Purpose)
	}
	for _, m := range b.Models() {
		basis.Networks = append(basis.Networks, m.ID())
	}
	return basis
}

// assess holds what is in use against what the impact assessment covers, where the law asks for one (PIPL 55 and 56,
// Measures 9, GDPR 35).
func (d *Daemon) assess() error {
	if !d.config.Profile().AssessmentRequired || d.unseen != nil { // no network is in use
		return nil
	}
	basis, err := basisOf(d.config, d.bundle).Hash()
	if err != nil {
		return err
	}
	a := d.config.Assessment
	due, err := d.store.Compliance().Assess(store.Assessment{ID: a.ID, Date: a.Date, Version: a.Version}, basis)
	if err != nil {
		return err
	}
	if d.reassess.Store(due); due {
		d.log.Warn(uncovered, "assessment", a.ID, "date", a.Date, "hint", adviceReassess(a))
	}
	return nil
}

const uncovered = "the impact assessment does not cover what is in use"

func adviceReassess(a configs.Assessment) string {
	return fmt.Sprintf("the networks, match.mode or the purpose of the notice changed after the assessment of %s, or all "+
		"templates were destroyed: assess again, and set assessment.date and assessment.version", a.Date)
}

// duties writes to s what the law asks of the operator.
func (d *Daemon) duties(s *status.Status) {
	p, a := d.config.Profile(), d.config.Assessment
	if p.AssessmentRequired {
		s.Assessment = status.Assessment{ID: a.ID, Date: a.Date, Version: a.Version, Due: d.reassess.Load()}
	}
	if d.reassess.Load() {
		s.Assessment.Advice = adviceReassess(a)
	}
	if p.FilingAt > 0 {
		s.Filing = d.filing(p, s.Epoch)
	}
}

// filing returns the facts for a filing, with advice as soon as one is near.
func (d *Daemon) filing(p law.Profile, e people.Epoch) status.Filing {
	f := status.Filing{At: p.FilingAt, Codes: e.Renewed + e.Earlier + e.Foreign, Reached: d.store.Compliance().Filing()}
	f.People, f.Children = d.store.Compliance().Count()
	l := d.config.Lockout
	f.Measures = []string{
		"templates are 1024-bit keyed codes, sealed with XChaCha20-Poly1305; no picture and no vector is stored",
		"the device key is kept in a " + d.keys.Class(),
		fmt.Sprintf("templates are erased at the latest %d days after capture, or %d days after the last pass",
			d.config.Enrol.ValidDays, d.config.Retention.IdleDays),
		fmt.Sprintf("a person's face waits after %d failures in a row to be taken for them, and is switched off after %d", l.DelayAfter, l.DisableAfter),
		"consents, erasures and changes are in a signed, hash-chained audit log",
		"the terms of all this: facegate policy; what people are told: facegate notice",
	}
	switch {
	case !f.Reached.IsZero():
		f.Deadline = law.FilingDeadline(f.Reached)
		f.Advice = fmt.Sprintf("%d persons were reached on %s: file by %s, which knows Monday to Friday and no public holidays",
			p.FilingAt, f.Reached.Format(time.DateOnly), f.Deadline.Format(time.DateOnly))
	case f.People >= p.FilingWarnAt:
		f.Advice = fmt.Sprintf("%d persons oblige the operator to file within %d working days; count those of all gates",
			p.FilingAt, law.FilingWorkingDays)
	}
	return f
}
