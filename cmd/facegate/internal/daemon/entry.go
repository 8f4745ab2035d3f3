package daemon

import (
	"slices"
	"time"

	"facegate/cmd/facegate/internal/entry"
	"facegate/cmd/facegate/internal/record"
	"facegate/configs"
	"facegate/configs/law"
	"facegate/configs/passage"
	"facegate/pipeline/admit"
	"facegate/pipeline/attempt"
	"facegate/pipeline/decide"
	"facegate/pipeline/embed"
)

// openEntry makes the entry, which counts on where the last process has stopped, and the record that it hands facts to. What the
// record works with is opened after it, and asked when there are facts.
func (d *Daemon) openEntry() error {
	now := time.Now
	behind, err := d.store.Lockouts().Attend()
	if err != nil { // as on a full disk, which must not shut out everybody
		d.log.Error("failed attempts will not be remembered after a power cut", "error", err, "hint", "make room on the disk")
	}
	rules := rules(d.config)
	counts := record.Counts(d.store.Lockouts().All(), now(), d.config.Lockout.Delay)
	weighs, err := admit.New(rules, counts, behind)
	if err != nil {
		return err
	}
	d.record = record.New(record.Parts{
		Book: record.Ledger{Store: d.store, Now: now}, Tell: d.tell, Hand: d.tellHand, Alarm: d.store.Log().Alarm, Log: d.log,
		Renew: func(p decide.Person, sample embed.Vector) error { return d.register.Renew(p, sample) },
	})
	d.events.note = d.record.PutAlarm
	d.entry = entry.New(entry.Parts{Door: d.door, Admit: weighs, Record: d.record, MaxAge: d.config.Camera.MaxAge, Now: now})
	return nil
}

// tell has the broker told that the door was opened for somebody.
func (d *Daemon) tell(f attempt.Fact) error {
	return d.publisher.Tell(events(d.config, d.dated).Granted(f.Opened, f.Attempt.Means, f.Opened.Sub(f.Attempt.Asked)))
}

// tellHand has the broker told that the door was opened by hand.
func (d *Daemon) tellHand(at time.Time) error {
	return d.publisher.Tell(events(d.config, d.dated).Opened(at))
}

// rules are those of the door. There is one reader, the camera; in mode one-to-one it would need a pass beside the face. Where
// everybody is compared, what the notice names as another way in opens the door, so that whoever has a face that is alike has a
// way of their own, and needs no reader of this gate where there is another beside it.
func rules(c *configs.Config) admit.Rules {
	l := c.Lockout
	r := admit.Rules{Limits: map[attempt.Means]admit.Limits{}}
	for _, m := range attempt.All() {
		r.Limits[m] = admit.Limits{DelayAfter: uint32(l.DelayAfter), Delay: l.Delay, DisableAfter: uint32(l.DisableAfter)}
	}
	if l.Delay > 0 { // as attempts; without a delay nothing names when to forget a print
		face := r.Limits[attempt.Face]
		face.Flood, face.Forget = l.DisableAfter, l.Delay
		r.Limits[attempt.Face] = face
	}
	if p := c.Profile(); p.Mode == law.OneToMany {
		others := meansOf(c.Alternatives)
		r.Alone = append([]attempt.Means{attempt.Face}, others...)
		r.Alike = p.WhenAlike == law.SecondFactor && len(others) > 0
	}
	return r
}

// meansOf returns the means by which somebody can ask the gate for the door in these ways.
func meansOf(ways []passage.Way) (means []attempt.Means) {
	for _, way := range []struct {
		name passage.Way
		by   []attempt.Means
	}{
		{passage.QR, []attempt.Means{attempt.Pass, attempt.Visitor}},
		{passage.Card, []attempt.Means{attempt.Card, attempt.SecureCard}},
		{passage.PIN, []attempt.Means{attempt.PIN}},
	} {
		if slices.Contains(ways, way.name) {
			means = append(means, way.by...)
		}
	}
	return means
}
