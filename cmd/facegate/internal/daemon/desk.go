package daemon

import (
	"slices"
	"time"

	"facegate/cmd/facegate/internal/claim"
	"facegate/cmd/facegate/internal/desk"
	"facegate/cmd/facegate/internal/guide"
	"facegate/configs/law"
	"facegate/device/reader"
	"facegate/pipeline"
	"facegate/pipeline/attempt"
	"facegate/pipeline/match"
)

// openDesk opens the readers, and what serves them. None has to be there.
func (d *Daemon) openDesk() (err error) {
	d.claim = claim.New(d.everybody)
	d.desk = desk.New(desk.Parts{
		Register: d.register, Ask: d.answer, Try: d.try, Visitor: d.register.Visitor, Said: d.scanned, Log: d.log,
		Claim: func(m *match.Claimed, until time.Time) { d.claim.Put(m, time.Until(until)) },
	})
	d.readers, err = d.sources()
	return err
}

// sources returns the readers at the door.
func (d *Daemon) sources() (all []reader.Source, err error) {
	if all = slices.Clone(d.outside.Readers); all == nil {
		all, err = openReaders(d.config)
	}
	if d.codes != nil {
		all = append(all, d.codes)
	}
	return all, err
}

// deskTasks are the tasks that serve the readers.
func (d *Daemon) deskTasks() (tasks []task) {
	for _, s := range d.readers {
		tasks = append(tasks, d.desk.Listen(s))
	}
	return tasks
}

// everybody returns what faces are compared with of whom nobody has been named: with everybody, or, where somebody has to ask for
// it first, with nobody.
func (d *Daemon) everybody() pipeline.Matcher {
	if d.config.Profile().EmbedTrigger != law.ZoneTrigger {
		return nil
	}
	return d.register.Matcher()
}

// answer asks for the door.
func (d *Daemon) answer(a attempt.Attempt) attempt.Outcome { return d.answered(a, d.entry.Ask(a)) }

// try asks for the door with what may be a guess.
func (d *Daemon) try(a attempt.Attempt, look attempt.Look) attempt.Outcome {
	return d.answered(a, d.entry.Try(a, look))
}

// answered has screen and sounds say what came of an attempt, and ends the claim of whoever was let in.
func (d *Daemon) answered(a attempt.Attempt, o attempt.Outcome) attempt.Outcome {
	d.guidance.tell(func(g *guide.Guide, now time.Time) { g.Answer(a.Means, o, now) })
	if !o.Opened.IsZero() {
		d.claim.Settle(a.Person)
	}
	return o
}

// askByFace asks for the door for a face. Where a PIN is to follow, it is that of the same person.
func (d *Daemon) askByFace(a attempt.Attempt) attempt.Outcome {
	o := d.answer(a)
	d.desk.Note(a, o)
	return o
}
