package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"facegate/cmd/facegate/internal/control"
	"facegate/cmd/facegate/internal/opening"
	"facegate/cmd/facegate/internal/rulebook"
	"facegate/configs"
	"facegate/device/v4l2/nodes"
	"facegate/gpio/cdev"
	"facegate/pipeline/models"
	"facegate/pipeline/vision"
	"facegate/store"
)

// Check says, for the user who runs it, what New would refuse of c on this machine: all of it, joined, each with the key that
// it is about. It makes, changes and locks nothing, and the gate may be running. The notes are what it could not look at, or
// what need not be there yet.
//
// On a machine that has nothing of this gate yet, what is at the places of the reference is not looked for: the file may be
// checked where it is written. machine is the root of the file system in which that is found out. With credential the unit
// brings the device key along, and the key file is not read.
func Check(c *configs.Config, machine fs.FS, credential bool) (notes []string, err error) {
	k := &checker{config: c, usual: configs.Defaults(), machine: machine, credential: credential}
	if k.fresh = k.missing(c.KeyFile) && k.missing(c.StateDir) && k.missing(c.Vision.ModelsDir); k.fresh {
		k.note("there is nothing of this gate on this machine yet; what its key, networks and groups are like shows only there")
	}
	_, err = rulebook.Of(c)
	k.refuse(err)
	k.networks()
	k.records()
	k.wires(cdev.Chips())
	k.door()
	k.camera()
	k.readers()
	k.broker()
	k.socket()
	return k.notes, errors.Join(k.errs...)
}

// A checker collects what Check finds.
type checker struct {
	config     *configs.Config
	usual      *configs.Config // the reference
	machine    fs.FS           // its root
	credential bool
	fresh      bool // the machine has nothing of this gate
	notes      []string
	errs       []error
}

func (k *checker) note(format string, args ...any) {
	k.notes = append(k.notes, fmt.Sprintf(format, args...))
}

func (k *checker) refuse(err error) {
	if err != nil {
		k.errs = append(k.errs, err)
	}
}

// counts reports whether what is configured has to be there, of which the reference has usual.
func (k *checker) counts(configured, usual string) bool { return !k.fresh || configured != usual }

func (k *checker) missing(path string) bool {
	_, err := fs.Lstat(k.machine, strings.TrimPrefix(filepath.Clean(path), "/"))
	return errors.Is(err, fs.ErrNotExist)
}

func (k *checker) networks() {
	c := k.config
	bundle, err := chooseBundle(c.Vision)
	if err != nil {
		k.refuse(err)
		return
	}
	if k.counts(c.Vision.ModelsDir, k.usual.Vision.ModelsDir) {
		k.refuse(checkNetworks(c.Vision, bundle))
		k.strangers(bundle)
	}
	k.refuse(checkWeaker(c, bundle))
	if lacks, err := cost(bundle); err == nil && lacks != "" {
		k.note("vision.liveness: %s; facegate models import FROM --dir %s brings them", lacks, c.Vision.ModelsDir)
	}
	_, err = livenessThresholds(c, bundle)
	k.refuse(err)
	_, err = loadCalibration(c, bundle)
	k.refuse(err)
}

// strangers notes the networks that were not measured for this project.
func (k *checker) strangers(b models.Bundle) {
	if a := b.Embedder.Adopted; a != nil {
		k.note("vision.embedder: %s was adopted here on %s: %s", b.Embedder.Name, a.Day, a.Measured)
	}
	for _, r := range models.Dir(k.config.Vision.ModelsDir).Verify(b.Models(), vision.OpenCV()) {
		if r.Status == models.OK && r.File.OpenCV == "" {
			k.note("vision.models_dir: %s is a file of %s that was never tried; the gate starts only if it gives the same numbers",
				r.File.File, r.Model.Name)
		}
	}
}

// checkNetworks is readNetworks without keeping them in memory.
func checkNetworks(v configs.Vision, b models.Bundle) error {
	for _, r := range models.Dir(v.ModelsDir).Verify(b.Models(), vision.OpenCV()) {
		if r.Status != models.OK {
			_, err := readNetworks(v, b)
			return err
		}
	}
	return nil
}

// madeByUnit are the folders that systemd makes when it starts the service.
func madeByUnit() []string {
	return []string{"/var/lib/facegate", "/var/lib/facegate-keys", "/run/facegate"}
}

// toBeMade reports whether systemd makes the folder when it starts the service.
func (k *checker) toBeMade(key, dir string) bool {
	made := k.missing(dir) && slices.Contains(madeByUnit(), filepath.Clean(dir))
	if made {
		k.note("%s: %s is not there yet; systemd makes it when it starts the service", key, dir)
	}
	return made
}

func (k *checker) records() {
	c := k.config
	whole := true
	for _, folder := range []struct{ key, path, usual string }{
		{"state_dir", c.StateDir, k.usual.StateDir},
		{"keys_dir", c.KeysDir, k.usual.KeysDir},
	} {
		if k.counts(folder.path, folder.usual) && !k.toBeMade(folder.key, folder.path) {
			err := configs.About(folder.key, store.CheckFolder(folder.path))
			k.refuse(err)
			whole = whole && err == nil
		}
	}
	keys := opening.Keys(c)
	if k.credential && keys.Class() == "file" {
		k.note("key_file: the unit brings the device key along as a credential; this command cannot see it")
		return
	}
	if !k.counts(c.KeyFile, k.usual.KeyFile) {
		return
	}
	if _, err := keys.DeviceKey(); err != nil {
		k.refuse(configs.About("key_file", opening.ExplainKey(err, c, keys)))
	} else if whole {
		k.refuse(configs.About("state_dir", store.CheckKeyrings(c.StateDir, c.KeysDir, keys)))
	}
}

func (k *checker) camera() {
	c := k.config.Camera
	if c.Source == configs.Replay {
		if c.Path == "-" {
			return
		}
		_, err := openSource(c, nil, slog.New(slog.DiscardHandler))
		k.refuse(err)
		return
	}
	switch err := unix.Access(c.Device, unix.R_OK|unix.W_OK); {
	case errors.Is(err, unix.ENOENT):
		k.note("camera.device: %s is not there; the gate starts and waits for it", c.Device)
	case err != nil:
		k.note("camera.device: this user may not use %s (%v); make the service's user a member of the group video", c.Device, err)
	default:
		if note := nodes.This().Describe(c.Device).Note(); note != "" {
			k.note("camera.device: %s", note)
		}
	}
}

// readers says which readers on USB this user cannot read. The gate starts without them.
func (k *checker) readers() {
	for i, r := range k.config.Readers {
		if r.Device == "" {
			continue
		}
		key := fmt.Sprintf("readers[%d].device", i+1)
		switch err := unix.Access(r.Device, unix.R_OK); {
		case errors.Is(err, unix.ENOENT):
			k.note("%s: %s is not there; the gate starts and waits for it", key, r.Device)
		case err != nil:
			k.note("%s: this user may not use %s (%v); make the service's user a member of the group input", key, r.Device, err)
		}
	}
}

func (k *checker) broker() {
	cfg, err := publishing(k.config)
	k.refuse(errors.Join(err, checkPapers(cfg)))
	for _, b := range k.config.MQTT.Brokers {
		if !b.OnBoard() {
			k.note("mqtt.broker: %s is another machine; the service reaches it only where IPAddressAllow= of the unit names it", b.Host)
		}
	}
	if k.config.MQTT.HomeAssistant.Orders() {
		k.note("mqtt.home_assistant.unsigned_orders: %s", configs.UnsignedWords)
	}
}

func (k *checker) socket() {
	c := k.config.Control
	if dir := filepath.Dir(c.Socket); k.counts(c.Socket, k.usual.Control.Socket) && !k.toBeMade("control.socket", dir) {
		k.control(control.CheckSocket(c.Socket))
	}
	if c.Group != "" && k.counts(c.Group, k.usual.Control.Group) {
		k.control(control.CheckGroup(c.Group))
	}
	k.control(control.CheckGroups(groups(c)))
}

func (k *checker) control(err error) {
	if err != nil {
		k.refuse(aboutControl(err))
	}
}
