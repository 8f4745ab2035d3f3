package daemon

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	"facegate/cmd/facegate/internal/camera"
	"facegate/cmd/facegate/internal/chosen"
	"facegate/cmd/facegate/internal/health"
	"facegate/cmd/facegate/internal/people"
	"facegate/cmd/facegate/internal/status"
	"facegate/configs"
	"facegate/configs/hint"
	"facegate/pipeline/models"
	"facegate/pipeline/vision"
)

// An unsighted error is about what lies in the folder of networks, or about their calibration. It takes faces from a gate, and nothing else: cards, passes, PINs
// and the door need no network.
type unsighted struct{ error }

func (u unsighted) Unwrap() error { return u.error }

// ofSight makes err, which may be nil, an unsighted one.
func ofSight(err error) error {
	if err == nil {
		return nil
	}
	return unsighted{err}
}

// openEngine chooses the networks, and loads them unless they are left out. A gate whose networks or their calibration are missing or
// damaged is blind.
func (d *Daemon) openEngine() (camera.Engine, error) {
	d.looked = traceOf(d.config.Vision)
	err := d.chooseNetworks()
	if errors.Is(err, chosen.ErrWeaker) { // there may be none at all
		err = cmp.Or(checkNetworks(d.config.Vision, d.bundle), err)
	}
	if err == nil && d.lesser == nil {
		var engine camera.Engine
		if engine, err = loadNetworks(d.config.Vision, d.bundle); err == nil {
			return engine, nil
		}
	}
	switch u := (unsighted{}); {
	case errors.As(err, &u):
		d.goWithout(err)
	case err != nil:
		return nil, err
	}
	return blind{}, nil
}

// chooseNetworks chooses the networks, and finds what belongs to them. What it has found before an error stays.
func (d *Daemon) chooseNetworks() (err error) {
	c := d.config
	if d.bundle, err = chooseBundle(c.Vision); err != nil {
		return err
	}
	if d.calibration, err = loadCalibration(c, d.bundle); err != nil {
		return err
	}
	if err := checkWeaker(c, d.bundle); err != nil {
		return err
	}
	if d.weaker, err = cost(d.bundle); err != nil {
		return err
	}
	d.liveness, err = livenessThresholds(c, d.bundle)
	return err
}

// loadNetworks reads the networks of a bundle, and opens them.
func loadNetworks(v configs.Vision, b models.Bundle) (camera.Engine, error) {
	networks, err := readNetworks(v, b)
	if err != nil {
		return nil, err
	}
	engine, err := vision.Open(networks)
	if err != nil {
		return nil, ofSight(configs.About("vision.models_dir", err))
	}
	debug.FreeOSMemory() // of the files of the networks, which lie in memory until then: 11 MB
	return engine, nil
}

// goWithout has the gate go on without its networks because of err.
func (d *Daemon) goWithout(err error) {
	advice := cmp.Or(hint.Of(err), "facegate models list shows which networks are in order") +
		"; the gate looks at faces by itself within seconds of the files being in order, and the other ways in work meanwhile"
	d.unseen = hint.Wrap(fmt.Errorf("no face is looked at, because the networks cannot be used: %w", err), "%s", advice)
	d.log.Error(d.unseen.Error(), "hint", advice)
}

// whyBlind returns why no face is looked at, whatever was wanted; nil if faces are.
func (d *Daemon) whyBlind() error {
	switch {
	case d.lesser != nil:
		return hint.Wrap(fmt.Errorf("%w: %v", people.ErrFacesOff, d.lesser), "%s", d.lesser.advice())
	case d.unseen != nil:
		return hint.Wrap(fmt.Errorf("%w: %w", people.ErrFacesOff, d.unseen), "%s", hint.Of(d.unseen))
	}
	return nil
}

// sightHealth says that the networks cannot be used.
func (d *Daemon) sightHealth(*status.Status) []health.Condition {
	if d.unseen == nil {
		return nil
	}
	return health.When(true, health.NetworksUnusable, health.Faces, health.Down, d.unseen.Error(), hint.Of(d.unseen))
}

// networksMended returns what reports whether the networks can be used by now. They are read only when their folder or the file of their
// calibration has changed since they were read last.
func (d *Daemon) networksMended() func() bool {
	last := d.looked
	return func() bool {
		now := traceOf(d.config.Vision)
		if now == last {
			return false
		}
		last = now
		fresh := &Daemon{config: d.config}
		err := fresh.chooseNetworks()
		if err == nil {
			err = checkNetworks(d.config.Vision, fresh.bundle)
		}
		if err != nil {
			d.log.Warn("the networks or their calibration have changed, and cannot be used yet", "error", err, "hint", hint.Of(err))
		}
		return err == nil
	}
}

// traceOf says of which length and age the files of networks are and that of their calibration, or those that links lead to.
func traceOf(v configs.Vision) string {
	paths := []string{v.Calibration}
	entries, err := os.ReadDir(v.ModelsDir)
	for _, e := range entries {
		paths = append(paths, filepath.Join(v.ModelsDir, e.Name()))
	}
	var trace strings.Builder
	fmt.Fprintln(&trace, err)
	for _, path := range paths {
		if info, err := os.Stat(path); err == nil {
			fmt.Fprintln(&trace, path, info.Size(), info.ModTime().UnixNano(), info.Mode())
		}
	}
	return trace.String()
}
