package daemon

import (
	"encoding/hex"
	"errors"
	"time"

	"golang.org/x/sys/unix"

	"facegate/cmd/facegate/internal/chosen"
	"facegate/cmd/facegate/internal/opening"
	"facegate/cmd/facegate/internal/people"
	"facegate/cmd/facegate/internal/rulebook"
	"facegate/configs"
	"facegate/configs/hint"
	"facegate/pipeline/attempt"
	"facegate/pipeline/decide"
	"facegate/pipeline/models"
	"facegate/store"
)

// openRegister opens everybody who is enrolled: the store, the entry that counts against them, and the index of who can match.
func (d *Daemon) openRegister() error {
	terms, err := d.terms()
	if err != nil {
		return err
	}
	if err := d.openStore(); err != nil {
		return err
	}
	if err := d.openEntry(); err != nil {
		return err
	}
	terms.Door = d.entry
	terms.Barred = func(p decide.Person, now time.Time) bool { return d.entry.Closed(attempt.Face, p, now) }
	if d.register, err = people.Open(d.store, terms); err != nil {
		return err
	}
	if err := d.warnOfIdle(); err != nil {
		return err
	}
	if d.unseen != nil { // none is in use
		return nil
	}
	return d.noteNetworks()
}

// noteNetworks takes note of the networks in use.
func (d *Daemon) noteNetworks() error {
	if err := d.assess(); errors.Is(err, store.ErrDamaged) {
		return err
	} else if err != nil { // as on a full disk; the next start assesses
		d.log.Error("whether the impact assessment covers what is in use was not noted", "error", err, "hint", hint.Of(err))
	}
	if err := chosen.Keep(d.config.StateDir, models.Names(d.bundle.Liveness)); err != nil { // likewise
		d.log.Error("the liveness networks were not noted, so that weaker ones would not be noticed", "error", err, "hint", hint.Of(err))
	}
	return nil
}

// terms returns the terms on which people are enrolled and matched.
func (d *Daemon) terms() (people.Terms, error) {
	c := d.config
	notices, err := c.Particulars().Texts()
	if err != nil {
		return people.Terms{}, err
	}
	witnesses, err := Witnesses(c)
	if err != nil {
		return people.Terms{}, err
	}
	t := people.Terms{
		Witnesses:   witnesses,
		Calibration: d.calibration, Judged: judged(c.Decide), FPIR: c.Match.FPIR, Notices: notices, Profile: c.Profile(), Ways: c.Alternatives,
		Off: d.whyBlind(), Doors: people.Doors(c.Site, c.Gate, c.Passes.Groups), Groups: rulebook.Groups(c),
	}
	if d.calibration == nil { // no face is looked at
		return t, nil
	}
	if d.same, err = sameFace(d.calibration); err != nil {
		return people.Terms{}, configs.About("vision.calibration", err)
	}
	_, err = hex.Decode(t.ModelID[:], []byte(d.bundle.Embedder.ID()))
	return t, err
}

// judged returns of how many frames the mean score decides, 1 where each frame is judged by itself.
func judged(d configs.Decide) int {
	if d.Judge == configs.Every {
		return 1
	}
	return d.Agree
}

func (d *Daemon) openStore() (err error) {
	d.keys = opening.Keys(d.config)
	if d.keys.Class() == "file" {
		d.log.Warn("the device key is a plain file: whoever copies this disk has key and templates", "file", d.config.KeyFile)
	}
	if err := checkFolders(d.config); err != nil && !errors.Is(err, unix.EROFS) { // records that are there can be read
		return ofRecords(err)
	}
	d.store, err = opening.Store(d.config, d.clock, d.log)
	return ofRecords(aboutRecords(err))
}

// aboutRecords says which key an error of the records is about.
func aboutRecords(err error) error {
	switch {
	case errors.Is(err, store.ErrKey):
		return configs.About("key_file", err)
	case errors.Is(err, store.ErrDamaged):
		return configs.About("state_dir", err)
	}
	return err
}

// warnOfIdle tells the log of people who cannot match.
func (d *Daemon) warnOfIdle() error {
	idle, err := d.register.Idle()
	if err != nil {
		return err
	}
	again := d.store.Compliance().ConsentAgain()
	if again > 0 {
		d.log.Warn("people who consented under another profile do not match", "people", again, "hint", adviceConsent)
	}
	if idle > again {
		d.log.Warn("some people on the list cannot match", "people", idle-again, "hint", adviceIdle)
	}
	return nil
}
