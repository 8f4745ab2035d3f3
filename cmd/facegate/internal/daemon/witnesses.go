package daemon

import (
	"errors"
	"time"

	"golang.org/x/mod/sumdb/note"

	"facegate/cmd/facegate/internal/cosigning"
	"facegate/cmd/facegate/internal/health"
	"facegate/cmd/facegate/internal/people"
	"facegate/cmd/facegate/internal/status"
	"facegate/configs"
	"facegate/configs/hint"
	"facegate/store"
	"facegate/store/checkpoint"
)

// Witnesses returns the witnesses of a configuration, in the order of their keys. The error says which key is none.
func Witnesses(c *configs.Config) (all []note.Verifier, err error) {
	var errs []error
	for i, key := range c.Witness.Keys {
		v, err := checkpoint.Witness(key)
		if err != nil {
			err = hint.Wrap(err, "write what facegate witness key prints: name, plus, 8 digits, plus, key")
			errs = append(errs, configs.About(configs.WitnessKey(i), err))
			continue
		}
		all = append(all, v)
	}
	return all, errors.Join(errs...)
}

// A witnessedLog is the audit log, of which the register hears when a witness has seen more of it.
type witnessedLog struct {
	store.Log
	register *people.Register
}

// Witnessed implements cosigning.Log.
func (l witnessedLog) Witnessed(now time.Time, signed []byte, witness note.Verifier) error {
	return l.register.Witnessed(now, signed, witness)
}

// openCosigning makes what has witnesses cosign how far the audit log has come. It goes on at the times of the process before.
func (d *Daemon) openCosigning() error {
	witnesses, err := Witnesses(d.config)
	d.cosigning = cosigning.New(cosigning.Parts{
		Log: witnessedLog{d.store.Log(), d.register}, Witnesses: witnesses, Every: d.config.Witness.Every, Patience: d.config.Witness.Patience(), Tell: d.publisher, Left: d.outside.Left.Witness,
		Now: time.Now, Up: func() time.Duration { return d.clock().Up }, Logger: d.log,
	})
	return err
}

// witnessHealth says whether a witness has seen more of the audit log than there is, and whether any has seen how far it has come of late.
func witnessHealth(s *status.Status) (all []health.Condition) {
	silent := len(s.Witnesses) > 0
	for _, w := range s.Witnesses {
		silent = silent && w.Silent
		all = append(all, health.When(w.Ahead, health.WitnessAhead, health.Witness, health.Degraded, w.Err, w.Hint)...)
	}
	return append(all, health.When(silent, health.WitnessSilent, health.Witness, health.Degraded,
		"no witness has cosigned for long how far the audit log has come",
		"facegate status says when each last has, and facegate mqtt watch what they are asked and answer: see that they run and may write to "+
			"audit/cosignature/# of this gate; without a network carry it: facegate audit checkpoint --for KEY")...)
}
