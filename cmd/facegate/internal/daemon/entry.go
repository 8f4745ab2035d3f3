package daemon

import (
	"crypto/rand"
	"fmt"
	"io"
	"time"

	"facegate/cmd/facegate/internal/entry"
	"facegate/cmd/facegate/internal/record"
	"facegate/pipeline/admit"
	"facegate/pipeline/again"
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
	counts := record.Counts(d.store.Lockouts().All(), now(), d.config.Lockout.Delay)
	weighs, err := admit.New(d.rules, counts, behind)
	if err != nil {
		return err
	}
	let, err := d.openAgain()
	if err != nil {
		return err
	}
	d.record = record.New(record.Parts{
		Book: record.Ledger{Store: d.store, Now: now}, Tell: d.tell, Opened: d.tellOpened, Alarm: d.store.Log().Alarm, Log: d.log,
		Renew: func(p decide.Person, sample embed.Vector) error { return d.register.Renew(p, sample) },
	})
	d.events.note, d.events.opened = d.record.PutAlarm, d.record.PutOpening
	d.entry = entry.New(entry.Parts{
		Door: d.door, Admit: weighs, Record: d.record, MaxAge: d.config.Camera.MaxAge, Now: now,
		Dated: func() bool { return !d.plan.waits() }, Groups: d.store.Members().Groups, Again: let,
	})
	return nil
}

// tell has the broker told that the door was opened for somebody, and that somebody was forced to ask for it.
func (d *Daemon) tell(f attempt.Fact) error {
	return d.publisher.TellFact(events(d.config, d.dated), f)
}

// tellOpened has the broker told that the door was opened, by what is no attempt.
func (d *Daemon) tellOpened(at time.Time, by string) error {
	return d.publisher.Tell(events(d.config, d.dated).Opened(at, by))
}

// openAgain returns the memory of who was let in, nil where nobody is remembered.
func (d *Daemon) openAgain() (*again.Memory, error) {
	if d.config.AgainAfter == 0 && d.config.RefireAfter == 0 {
		return nil, nil
	}
	var key [32]byte
	if _, err := io.ReadFull(rand.Reader, key[:]); err != nil {
		return nil, fmt.Errorf("draw the key of who was let in: %w", err)
	}
	return again.New(key, d.config.AgainAfter, d.config.RefireAfter), nil
}
