package daemon

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"facegate/cmd/facegate/internal/chosen"
	"facegate/cmd/facegate/internal/control"
	"facegate/cmd/facegate/internal/cosigning"
	"facegate/cmd/facegate/internal/people"
	"facegate/configs"
	"facegate/configs/file"
	"facegate/configs/hint"
	"facegate/configs/law"
	"facegate/device"
	"facegate/device/controls"
	"facegate/device/replay"
	"facegate/device/v4l2"
	"facegate/pipeline/calibrate"
	"facegate/pipeline/liveness"
	"facegate/pipeline/liveness/thresholds"
	"facegate/pipeline/models"
	"facegate/pipeline/publish"
	"facegate/pipeline/vision"
	"facegate/store"
)

// What a configuration names is read here, for New and for Check alike. Each error says which key it is about.

func chooseBundle(v configs.Vision) (models.Bundle, error) {
	manifest, err := models.Load()
	if err != nil {
		return models.Bundle{}, err
	}
	if manifest, err = manifest.With(models.Dir(v.ModelsDir)); err != nil {
		return models.Bundle{}, ofSight(configs.About("vision.models_dir", err))
	}
	bundle, embedder := string(v.Bundle), v.Embedder
	if _, err := manifest.Select(bundle, "", nil); err != nil {
		return models.Bundle{}, configs.About("vision.bundle", err)
	}
	if _, err := manifest.Select(bundle, embedder, nil); err != nil { // it may be one that was adopted, and is gone
		return models.Bundle{}, ofSight(configs.About("vision.embedder", err))
	}
	b, err := manifest.Choose(bundle, embedder, v.Liveness, models.Dir(v.ModelsDir))
	return b, configs.About("vision.liveness", err)
}

// checkWeaker refuses, with chosen.ErrWeaker, liveness networks that nobody has named where the gate had better ones.
func checkWeaker(c *configs.Config, b models.Bundle) error {
	if len(c.Vision.Liveness) > 0 {
		return nil
	}
	manifest, err := models.Load()
	if err != nil {
		return err
	}
	err = chosen.Check(c.StateDir, c.Vision.ModelsDir, models.Names(b.Liveness), models.Names(manifest.Preferred()))
	return ofSight(configs.About("vision.liveness", err))
}

// cost says what better liveness networks than those of b would refuse, "" for nothing more.
func cost(b models.Bundle) (string, error) {
	manifest, err := models.Load()
	if err != nil {
		return "", err
	}
	return thresholds.Cost(models.Names(b.Liveness), models.Names(manifest.Preferred())), nil
}

// ErrWeak means that a photo passes more easily than the networks of the gate have been measured for.
var ErrWeak = errors.New("the liveness threshold is below the one that was measured for these networks")

// livenessThresholds returns what liveness is judged by. Nobody weakens what was measured where real people pass; networks
// that nobody has measured need a number of the operator's own.
func livenessThresholds(c *configs.Config, b models.Bundle) (liveness.Thresholds, error) {
	own := c.Liveness.Threshold
	f, err := thresholds.Shipped(models.Names(b.Liveness))
	switch {
	case own.Auto && err != nil:
		return liveness.Thresholds{}, configs.About("liveness.threshold", err)
	case own.Auto:
		return f.Thresholds(), nil
	case err != nil:
		return liveness.Thresholds{Accept: own.Score, Refuse: own.Score}, nil
	case law.Of(c.Jurisdiction).Production() && own.Score < f.Accept:
		return liveness.Thresholds{}, configs.About("liveness.threshold",
			hint.Wrap(fmt.Errorf("%w: %v instead of %v", ErrWeak, own.Score, f.Accept), "set liveness.threshold to auto, or higher"))
	}
	return liveness.Thresholds{Accept: own.Score, Refuse: min(own.Score, f.Refuse)}, nil
}

func readNetworks(v configs.Vision, b models.Bundle) (vision.Networks, error) {
	networks, err := vision.Read(b, models.Dir(v.ModelsDir))
	if errors.Is(err, models.ErrMissing) {
		err = hint.Wrap(err, "run facegate models fetch --bundle %s --dir %s, or facegate models import FROM --dir %[2]s",
			b.Name, v.ModelsDir)
	}
	return networks, ofSight(configs.About("vision.models_dir", err))
}

// checkFolders refuses folders that the store could not use.
func checkFolders(c *configs.Config) error {
	return errors.Join(
		configs.About("state_dir", store.CheckFolder(c.StateDir)),
		configs.About("keys_dir", store.CheckFolder(c.KeysDir)),
		configs.About("anchor_dir", store.CheckFolder(c.AnchorDir)))
}

// aboutControl says which key an error of the control socket is about.
func aboutControl(err error) error {
	switch {
	case errors.Is(err, control.ErrOffice):
		return configs.About("control.office_group", err)
	case errors.Is(err, control.ErrTechnician):
		return configs.About("control.technician_group", err)
	case errors.Is(err, control.ErrGroup):
		return configs.About("control.group", err)
	}
	return configs.About("control.socket", err)
}

// maxCalibration bounds the file of a calibration, in bytes. Those that are shipped have some 20 KB.
const maxCalibration = 4 << 20

// loadCalibration returns the calibration of the embedder, which is for templates and decisions as the gate makes them, nil with an
// error. Without one no face can be compared.
func loadCalibration(c *configs.Config, b models.Bundle) (*calibrate.File, error) {
	f, err := readCalibration(c.Vision, b)
	if err == nil {
		err = f.Suits(c.Enrol.Frames, judged(c.Decide))
	}
	if err == nil {
		_, err = sameFace(f)
	}
	if err != nil {
		return nil, ofSight(configs.About("vision.calibration", err))
	}
	if err := people.Covers(f, judged(c.Decide), c.Match.FPIR); err != nil {
		return nil, ofSight(configs.About("match.fpir", err))
	}
	return f, nil
}

// sameFace returns the cosine from which two frames of one face are of one person.
func sameFace(f *calibrate.File) (float64, error) { return f.Threshold(1, 1, otherFMR) }

func readCalibration(v configs.Vision, b models.Bundle) (*calibrate.File, error) {
	id := b.Embedder.ID()
	if v.Calibration == "" && b.Embedder.Adopted != nil {
		return adoptedCalibration(v, b.Embedder)
	}
	if v.Calibration == "" {
		f, err := calibrate.Shipped(id)
		return f, hint.Wrap(err, "measure one with facegate eval recognition --write-calibration, and name it in vision.calibration")
	}
	data, err := file.ReadShared(v.Calibration, maxCalibration)
	if err != nil {
		return nil, hint.Wrap(err, "%s", cmp.Or(hint.Of(err), "put the file there, or correct vision.calibration"))
	}
	f, err := calibrate.Read(bytes.NewReader(data))
	if err == nil && f.ModelID != id {
		err = fmt.Errorf("%s is of another embedder than %s", v.Calibration, b.Embedder.Name)
	}
	return f, hint.Wrap(err, "%s", cmp.Or(hint.Of(err), "name the calibration of this embedder in vision.calibration, or leave it empty"))
}

// adoptedOn returns the day on which a network was adopted here, "" for one of facegate's own.
func adoptedOn(m models.Model) string {
	if m.Adopted == nil {
		return ""
	}
	return m.Adopted.Day
}

// adoptedCalibration returns the calibration that was written when the embedder was adopted.
func adoptedCalibration(v configs.Vision, m models.Model) (*calibrate.File, error) {
	data, err := models.Dir(v.ModelsDir).Calibration(m)
	if err != nil {
		return nil, ofSight(err)
	}
	f, err := calibrate.Read(bytes.NewReader(data))
	if err == nil && f.ModelID != m.ID() {
		err = fmt.Errorf("%s is of another embedder than %s", m.Adopted.Calibration, m.Name)
	}
	return f, ofSight(hint.Wrap(err, "adopt the network anew: facegate models adopt"))
}

func openSource(c configs.Camera, stdin io.Reader, log *slog.Logger) (device.Source, error) {
	if c.Source == configs.Replay {
		source, err := replay.Open(c.Path, stdin, replay.Options{FPS: float64(c.FPS), Loop: c.Loop, Log: log})
		return source, configs.About("camera.path", err)
	}
	return v4l2.New(v4l2.Config{
		Device: c.Device, Format: v4l2.Format(c.Format), Width: c.Width, Height: c.Height, FPS: c.FPS, FrozenAfter: c.FrozenAfter,
		Controls: controls.Wanted{
			Exposure: c.Exposure, Gain: level(c.Gain), PowerLine: controls.Mains(c.PowerLine), Backlight: level(c.Backlight),
		},
		Log: log,
	}), nil
}

// level returns what a control is to be set to, nil if it is left as it is.
func level(v int) *int {
	if v < 0 {
		return nil
	}
	return &v
}

// publishing returns how events are published. What is in the files shows when the broker is connected to: a gate opens its door
// without one.
func publishing(c *configs.Config) (publish.Config, error) {
	m := c.MQTT
	cfg := publish.Config{
		Brokers: m.Brokers, ClientID: m.ClientID, Username: m.Username, PasswordFile: m.PasswordFile,
		CAFile: m.CAFile, CertFile: m.CertFile, KeyFile: m.KeyFile, Plaintext: m.Plaintext, Site: c.Site, Gate: c.Gate, Prefix: m.HomeAssistant.Prefix,
		Discovery: m.HomeAssistant.Discovery,
	}
	witnesses, err := Witnesses(c)
	cfg.Witnesses = cosigning.IDs(witnesses)
	return cfg, errors.Join(err, configs.About("mqtt.broker", cfg.Check()), configs.About("door.name", events(c, nil).Check()))
}

// checkPapers says which files that a broker needs cannot be used.
func checkPapers(cfg publish.Config) error {
	return errors.Join(
		configs.About("mqtt.password_file", cfg.CheckPassword()),
		configs.About("mqtt.ca_file", cfg.CheckCA()),
		configs.About("mqtt.cert_file", cfg.CheckCertificate()))
}

// events returns what makes the events of the door.
func events(c *configs.Config, clock func() publish.Clock) publish.Source {
	return publish.Source{
		Door: c.Door.Name, Direction: c.Door.Direction, Clock: clock, Resolution: c.MQTT.Resolution, Withhold: c.WithholdsMeans(),
	}
}
